# python3 json_server.py [host] [port]
import json
import selectors
import socket
import struct
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
LIMIT = 1024 * 1024

selector = selectors.DefaultSelector()


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.received = b""
        self.to_send = b""

    def read(self):
        data = self.sock.recv(4096)
        if not data:
            raise EOFError("The client has closed")
        self.received += data
        while len(self.received) >= 4:
            (size,) = struct.unpack_from("!I", self.received)
            if size > LIMIT:
                raise ValueError(f"{size} bytes are too many")
            if len(self.received) < 4 + size:
                break
            request = json.loads(self.received[4:4 + size])
            self.received = self.received[4 + size:]
            answer = {"sum": sum(request["numbers"])}
            answer = json.dumps(answer).encode()
            self.to_send += struct.pack("!I", len(answer)) + answer

    def write(self):
        sent = self.sock.send(self.to_send)
        self.to_send = self.to_send[sent:]

    def handle(self, mask):
        if mask & selectors.EVENT_READ:
            self.read()
        if self.to_send:
            self.write()
        events = selectors.EVENT_READ
        if self.to_send:
            events |= selectors.EVENT_WRITE
        selector.modify(self.sock, events, self)


server = socket.create_server((HOST, PORT))
server.setblocking(False)
selector.register(server, selectors.EVENT_READ, None)
print("Listening on %s:%d" % server.getsockname())
while True:
    for key, mask in selector.select():
        if key.data is None:
            conn, _ = server.accept()
            conn.setblocking(False)
            data = Connection(conn)
            selector.register(conn, selectors.EVENT_READ, data)
            continue
        try:
            key.data.handle(mask)
        except BlockingIOError:
            pass
        except Exception as error:
            print("Closed:", error)
            selector.unregister(key.fileobj)
            key.fileobj.close()
