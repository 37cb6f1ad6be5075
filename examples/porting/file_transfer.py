# python3 file_transfer.py receive 127.0.0.1 8000 b.bin
# python3 file_transfer.py send 127.0.0.1 8000 a.bin
import os
import socket
import struct
import sys

ROLE, HOST, PORT, PATH = sys.argv[1:]


def send():
    with socket.create_connection((HOST, int(PORT))) as s:
        with open(PATH, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            s.sendall(struct.pack("!Q", size))
            s.sendfile(file)
    print(f"Sent {size} bytes")


def receive():
    with socket.create_server((HOST, int(PORT))) as server:
        print("Listening on %s:%d" % server.getsockname())
        conn, _ = server.accept()
    with conn, open(PATH, "wb") as file:
        header = conn.recv(8, socket.MSG_WAITALL)
        (size,) = struct.unpack("!Q", header)
        left = size
        while left > 0:
            data = conn.recv(min(left, 65536))
            if not data:
                raise EOFError(f"{left} bytes are missing")
            file.write(data)
            left -= len(data)
    print(f"Received {size} bytes")


if ROLE == "send":
    send()
else:
    receive()
