# python3 discover.py [host] [port]
import socket
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "255.255.255.255"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 9999

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.settimeout(1)
    s.sendto(b"Who is there?", (HOST, PORT))
    try:
        while True:
            data, (host, port) = s.recvfrom(1024)
            print(f"{host}:{port} is {data.decode()}")
    except socket.timeout:
        print("No more answers")
