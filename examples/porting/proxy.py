# python3 proxy.py [host] [port] [target_host] [target_port]
import socket
import sys
import threading

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
TARGET = (
    sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1",
    int(sys.argv[4]) if len(sys.argv) > 4 else 9000,
)


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for s in (source, target):  # One is lost: end the other one.
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def handle(client):
    with client:
        try:
            server = socket.create_connection(TARGET, timeout=10)
        except OSError as error:
            print("No connection:", error.strerror)
            return
        with server:
            server.settimeout(None)
            args = (server, client)
            back = threading.Thread(target=copy, args=args)
            back.start()
            copy(client, server)
            back.join()
    print("Closed")


with socket.create_server((HOST, PORT)) as listener:
    print("Listening on %s:%d" % listener.getsockname())
    while True:
        conn, _ = listener.accept()
        args = (conn,)
        threading.Thread(target=handle, args=args, daemon=True).start()
