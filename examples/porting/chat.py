# python3 chat.py [host] [port]
import select
import socket
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000

server = socket.create_server((HOST, PORT))
print("Listening on %s:%d" % server.getsockname())
names = {}


def receive(s):
    try:
        return s.recv(4096)
    except ConnectionError:
        return b""


def show(message, sender):
    for s in names:
        if s is not sender:
            try:
                s.sendall(message)
            except ConnectionError:
                pass  # Its next receive reports that it has gone.


while True:
    ready, _, _ = select.select([server, *names], [], [])
    for s in ready:
        if s is server:
            conn, (host, port) = server.accept()
            names[conn] = f"{host}:{port}"
            print("Joined:", names[conn])
        elif data := receive(s):
            show(names[s].encode() + b": " + data, s)
        else:
            print("Left:", names.pop(s))
            s.close()
