# python3 key_value.py [host] [port]
import socketserver
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000

values = {}


class Handler(socketserver.StreamRequestHandler):
    def reply(self, text):
        self.wfile.write(f"{text}\n".encode())

    def handle(self):
        for line in self.rfile:
            command, *words = line.decode().split()
            if command == "set":
                values[words[0]] = words[1]
                self.reply("stored")
            elif command == "get":
                self.reply(values.get(words[0], "not found"))
            else:
                self.reply(f"unknown command {command}")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


with Server((HOST, PORT), Handler) as server:
    print("Listening on %s:%d" % server.server_address)
    server.serve_forever()
