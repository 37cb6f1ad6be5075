# python3 service.py [host] [port]
import socket
import sys
import threading

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
IDLE = 30  # In seconds.


def serve(conn):
    with conn, conn.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            numbers = [int(word) for word in line.split()]
            conn.sendall(f"{sum(numbers)}\n".encode())


def handle(conn, name):
    conn.settimeout(IDLE)
    try:
        serve(conn)
        print(f"{name} has ended")
    except socket.timeout:
        print(f"{name} was idle")
    except ConnectionError:
        print(f"{name} was lost")
    except ValueError:
        print(f"{name} sent no number")


with socket.create_server((HOST, PORT)) as server:
    print("Listening on %s:%d" % server.getsockname())
    count = 0
    try:
        while True:
            conn, _ = server.accept()
            count += 1
            args = (conn, f"Client {count}")
            thread = threading.Thread(target=handle, args=args)
            thread.daemon = True
            thread.start()
    except KeyboardInterrupt:
        pass
    finally:
        print(f"Served {count} clients")
