# python3 chat_client.py [host] [port]
import os
import socket
import sys
import threading

HOST = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8000


class ChatClient:
    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port))
        self.name = "nobody"

    def type(self):
        self.name = input("Name: ")
        for line in sys.stdin:
            self.sock.sendall(f"{self.name}: {line}".encode())
        self.sock.shutdown(socket.SHUT_WR)

    def receive(self):
        with self.sock.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                print(line.rstrip("\n"), flush=True)

    def run(self):
        threading.Thread(target=self.type, daemon=True).start()
        self.receive()
        print(f"Goodbye, {self.name}", flush=True)
        self.sock.close()


ChatClient(HOST, PORT).run()
os._exit(0)  # Even if the thread still waits for the keyboard.
