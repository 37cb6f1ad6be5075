# python3 echo.py [host] [port]
import socket
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000

with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((HOST, PORT))
    s.listen()
    print("Listening on %s:%d" % s.getsockname())
    while True:
        conn, (host, port) = s.accept()
        with conn:
            print(f"Connected by {host}:{port}")
            while True:
                data = conn.recv(1024)
                if not data:
                    break
                conn.sendall(data)
