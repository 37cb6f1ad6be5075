# python3 dns.py [host] [port] [name]
import random
import socket
import struct
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "1.1.1.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 53
NAME = sys.argv[3] if len(sys.argv) > 3 else "example.com"

number = random.randrange(65536)
query = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0)
for label in NAME.encode().split(b"."):
    query += bytes([len(label)]) + label
query += struct.pack("!BHH", 0, 1, 1)  # The end; type A, class IN.

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    s.connect((HOST, PORT))  # Only its datagrams arrive.
    s.send(query)
    answer = s.recv(512)

echoed, flags, _, count = struct.unpack_from("!4H", answer)
if echoed != number or flags & 15:
    sys.exit(f"{NAME}: error {flags & 15}")
at = len(query)  # The answer repeats the question.
for _ in range(count):
    while 0 < answer[at] < 192:
        at += 1 + answer[at]
    at += 1 if answer[at] == 0 else 2  # 192 and more: a pointer.
    kind, _, _, size = struct.unpack_from("!HHIH", answer, at)
    at += 10
    if kind == 1:
        print(NAME, socket.inet_ntoa(answer[at:at + size]))
    at += size
