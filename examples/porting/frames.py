# python3 frames.py [host] [port] [message...]
import socket
import struct
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
MESSAGES = sys.argv[3:] or ["Hello", "world"]


def recv_exactly(s, size):
    data = b""
    while len(data) < size:
        part = s.recv(size - len(data))
        if not part:
            raise EOFError("The connection ended within a frame")
        data += part
    return data


def send_frame(s, message):
    s.sendall(struct.pack("!I", len(message)) + message)


def recv_frame(s):
    (size,) = struct.unpack("!I", recv_exactly(s, 4))
    return recv_exactly(s, size)


with socket.create_connection((HOST, PORT)) as s:
    for message in MESSAGES:
        send_frame(s, message.encode())
        print(recv_frame(s).decode())
