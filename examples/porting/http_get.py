# python3 http_get.py [host] [port] [path]
import socket
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "example.com"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 80
PATH = sys.argv[3] if len(sys.argv) > 3 else "/"

request = f"GET {PATH} HTTP/1.0\r\nHost: {HOST}\r\n\r\n"
response = b""
with socket.create_connection((HOST, PORT), timeout=10) as s:
    s.sendall(request.encode())
    while True:
        data = s.recv(4096)
        if not data:
            break
        response += data

head, _, body = response.decode().partition("\r\n\r\n")
print(head.splitlines()[0])
print(body)
