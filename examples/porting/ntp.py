# python3 ntp.py [host] [port]
import socket
import struct
import sys
from email.utils import formatdate

HOST = sys.argv[1] if len(sys.argv) > 1 else "pool.ntp.org"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 123

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(5)
    # Version 3, from a client.
    s.sendto(b"\x1b" + bytes(47), (HOST, PORT))
    data, addr = s.recvfrom(48)

seconds, _ = struct.unpack("!II", data[40:48])
seconds -= 2208988800  # It counts from 1900.
print(formatdate(seconds, usegmt=True))
