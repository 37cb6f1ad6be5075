# python3 tls_client.py [host] [port] [name] [message]
import socket
import ssl
import sys

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8443
NAME = sys.argv[3] if len(sys.argv) > 3 else "localhost"
MESSAGE = sys.argv[4] if len(sys.argv) > 4 else "Hello"

context = ssl.create_default_context(cafile="ca.pem")
try:
    with socket.create_connection((HOST, PORT), timeout=10) as sock:
        with context.wrap_socket(sock, server_hostname=NAME) as tls:
            print("Connected with", tls.version())
            tls.sendall(f"{MESSAGE}\n".encode())
            with tls.makefile("rb") as file:
                print("Received:", file.readline().decode().rstrip())
except ssl.SSLCertVerificationError:
    print(f"The certificate is not one of {NAME}")
