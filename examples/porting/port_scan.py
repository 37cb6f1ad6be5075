# python3 port_scan.py [host] [port...]
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORTS = list(map(int, sys.argv[2:])) or [22, 25, 80, 443, 8000]


def is_open(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.settimeout(1)
        return s.connect_ex((HOST, port)) == 0


with ThreadPoolExecutor() as pool:
    results = list(pool.map(is_open, PORTS))
for port, result in zip(PORTS, results):
    print(port, "open" if result else "closed")
