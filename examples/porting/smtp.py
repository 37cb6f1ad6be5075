# python3 smtp.py [host] [port]
import socket
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 1025

s = socket.create_connection((HOST, PORT), timeout=10)
replies = s.makefile("r", encoding="utf-8")


def command(line, expected):
    if line is not None:
        s.sendall(f"{line}\r\n".encode())
    reply = replies.readline()
    while reply[3:4] == "-":  # One more line follows.
        reply = replies.readline()
    print(reply.rstrip())
    if not reply.startswith(expected):
        raise RuntimeError(f"Not answered by {expected}: {line}")


with s, replies:
    command(None, "220")
    command("EHLO localhost", "250")
    command("MAIL FROM:<ann@example.org>", "250")
    command("RCPT TO:<bob@example.org>", "250")
    command("DATA", "354")
    command("Subject: Hello\r\n\r\nHello, Bob!\r\n.", "250")
    command("QUIT", "221")
