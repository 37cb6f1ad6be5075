"""CPython's blocking sockets: a thread for each end of a connection."""

import faulthandler
import socket
import threading
from socket import AF_INET, MSG_WAITALL, SOCK_DGRAM

from control import answer, clocks, commands, describe, since
from data import (
    CHUNK,
    FLOOD_END,
    HTTP_ANSWER,
    LINE_BLOCK,
    LINES_PER_BLOCK,
    REQUEST_END,
    check_amount,
    filled,
)

HOST = "127.0.0.1"
threading.stack_size(128 * 1024)
# Who waits 60 s for an answer then finds in the errors where it hangs.
faulthandler.dump_traceback_later(50, repeat=True)


class Threads:
    """Threads that are joined at the end of a block, and their errors."""

    def __init__(self):
        self._threads = []
        self._errors = []

    def start(self, function, *args):
        def work():
            try:
                function(*args)
            except Exception as error:
                self._errors.append(error)

        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


def listen():
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen(1024)
    return server


def connect(address, timeout):
    conn = socket.socket()
    conn.settimeout(timeout)
    conn.connect(address)
    return conn


def pair(timeout):
    """Two ends of one connection: the first sends, the second receives."""
    with listen() as server:
        to = connect(server.getsockname(), timeout)
        conn, _ = server.accept()
    conn.settimeout(timeout)
    return conn, to


def round_trip(task, n):
    size, bufsize = task["size"], task["bufsize"]
    connections, timeout = task["connections"], task["timeout"]
    message = filled(size)

    def echo(conn):
        with conn:
            while data := conn.recv(bufsize):
                conn.sendall(data)

    def ask(address):
        with connect(address, timeout) as conn:
            for _ in range(n // connections):
                conn.sendall(message)
                received = 0
                while received < size:
                    received += len(conn.recv(bufsize))

    with listen() as server, Threads() as threads:
        for _ in range(connections):
            threads.start(ask, server.getsockname())
        for _ in range(connections):
            conn, _ = server.accept()
            conn.settimeout(timeout)
            threads.start(echo, conn)


def connect_and_close(task, n):
    connections, timeout = task["connections"], task["timeout"]

    def serve(server):
        for _ in range(n):
            conn, _ = server.accept()
            with conn:
                conn.settimeout(timeout)
                conn.sendall(conn.recv(1))

    def ask(address):
        for _ in range(n // connections):
            with connect(address, timeout) as conn:
                conn.sendall(filled(1))
                check_amount(len(conn.recv(1)), 1)

    with listen() as server, Threads() as threads:
        threads.start(serve, server)
        for _ in range(connections):
            threads.start(ask, server.getsockname())


def send(conn, data, n):
    with conn:
        for _ in range(n):
            conn.sendall(data)


def stream(task, n):
    conn, to = pair(task["timeout"])
    bufsize = task["bufsize"]
    received = 0
    with to, Threads() as threads:
        threads.start(send, conn, filled(CHUNK), n)
        if task["way"] == "into":
            buffer = bytearray(bufsize)
            while length := to.recv_into(buffer):
                received += length
        else:
            while data := to.recv(bufsize):
                received += len(data)
    check_amount(received, n * CHUNK)


def records(task, n):
    conn, to = pair(task["timeout"])
    size, way = task["size"], task["way"]
    total = n * size
    received = 0
    with to, to.makefile("rb") as file, Threads() as threads:
        threads.start(send, conn, filled(CHUNK), total // CHUNK)
        record = bytearray(size)
        while received < total:
            if way == "recv":
                received += len(to.recv(size, MSG_WAITALL))
            elif way == "into":
                received += to.recv_into(record)
            elif way == "intoAll":
                received += to.recv_into(record, 0, MSG_WAITALL)
            elif way == "read":
                received += len(file.read(size))
            else:
                received += file.readinto(record)
    check_amount(received, total)


def lines(task, n):
    conn, to = pair(task["timeout"])
    received = 0
    with to, to.makefile("r", encoding="utf-8") as file, Threads() as threads:
        threads.start(send, conn, LINE_BLOCK, n // LINES_PER_BLOCK)
        if task["way"] == "iterate":
            for _ in file:
                received += 1
        else:
            while file.readline():
                received += 1
    check_amount(received, n)


def bind(timeout):
    bound = socket.socket(AF_INET, SOCK_DGRAM)
    bound.settimeout(timeout)
    bound.bind((HOST, 0))
    return bound


def datagram(task, n):
    size, bufsize, timeout = task["size"], task["bufsize"], task["timeout"]
    message = filled(size)

    def echo(server):
        for _ in range(n):
            data, address = server.recvfrom(bufsize)
            server.sendto(data, address)

    with bind(timeout) as server, bind(timeout) as client, Threads() as threads:
        threads.start(echo, server)
        for _ in range(n):
            client.sendto(message, server.getsockname())
            check_amount(len(client.recvfrom(bufsize)[0]), size)


class Http:
    def __init__(self, task):
        self._bufsize = task["bufsize"]
        self._requests = 0
        self._server = listen()
        self._threads = Threads()
        self._lock = threading.Lock()
        self._stopped = False
        self.port = self._server.getsockname()[1]
        self._threads.start(self._serve)

    def _serve(self):
        while True:
            conn, _ = self._server.accept()
            if self._stopped:
                return conn.close()
            self._threads.start(self._answer, conn)

    def _answer(self, conn):
        requests = 0
        with conn:
            while data := conn.recv(self._bufsize):
                if not data.endswith(REQUEST_END):
                    raise ValueError("The request is in pieces")
                requests += 1
                conn.sendall(HTTP_ANSWER)
        with self._lock:
            self._requests += requests

    def stop(self):
        # close() does not end the accept() of another thread.
        self._stopped = True
        connect(self._server.getsockname(), None).close()
        with self._server, self._threads:
            pass
        return self._requests


class Flood:
    def __init__(self, task):
        self._bufsize = task["bufsize"]
        self._received = 0
        self._server = bind(None)
        self._threads = Threads()
        self.port = self._server.getsockname()[1]
        self._threads.start(self._receive)

    def _receive(self):
        while True:
            data, _ = self._server.recvfrom(self._bufsize)
            if data[0] == FLOOD_END:
                return
            self._received += 1

    def stop(self):
        with self._server, self._threads:
            pass
        return self._received


BATCHES = {
    "roundTrip": round_trip,
    "connect": connect_and_close,
    "stream": stream,
    "records": records,
    "lines": lines,
    "datagram": datagram,
}
SERVICES = {"http": Http, "flood": Flood}


def main():
    service = started = None
    for command in commands():
        try:
            match command["do"]:
                case "batch":
                    task = command["task"]
                    started = clocks()
                    BATCHES[task["kind"]](task, command["n"])
                    answer(since(started))
                case "serve":
                    task = command["task"]
                    service = SERVICES[task["kind"]](task)
                    started = clocks()
                    answer({"port": service.port})
                case "stop":
                    received = service.stop()
                    answer({**since(started), "received": received})
        except Exception:
            answer({"error": describe()})


main()
