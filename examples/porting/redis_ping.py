# python3 redis_ping.py [host] [port] [command...]
import socket
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 6379
COMMAND = sys.argv[3:] or ["PING"]

with socket.create_connection((HOST, PORT), timeout=5) as s:
    with s.makefile("rwb") as file:
        file.write(b"*%d\r\n" % len(COMMAND))
        for word in COMMAND:
            data = word.encode()
            file.write(b"$%d\r\n%b\r\n" % (len(data), data))
        file.flush()

        reply = file.readline().decode().rstrip()
        if reply.startswith("$") and reply != "$-1":
            data = file.read(int(reply[1:]))
            print(data.decode())
        else:
            print(reply)
