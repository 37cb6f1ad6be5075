# python3 threads.py [host] [port]
import socket
import sys
import threading

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000

total = 0
lock = threading.Lock()


def handle(conn):
    global total
    with conn, conn.makefile("r") as lines:
        for line in lines:
            with lock:
                total += int(line)
                answer = f"{total}\n"
            conn.sendall(answer.encode())


with socket.create_server((HOST, PORT)) as server:
    print("Listening on %s:%d" % server.getsockname())
    while True:
        conn, addr = server.accept()
        thread = threading.Thread(target=handle, args=(conn,))
        thread.start()
