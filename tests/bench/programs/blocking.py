"""CPython's blocking sockets, each end in threads of its own."""

import queue
import socket
import sys
import threading
import time
from socket import AF_INET, IPPROTO_TCP, MSG_WAITALL, SOCK_DGRAM, TCP_NODELAY

from control import answer, commands, cpu, describe, ends_of, memory
from data import (
    ANSWER,
    LINE_BLOCK,
    LINES_PER_BLOCK,
    PERIOD,
    WAKE,
    DatagramReader,
    DatagramWriter,
    check_echo,
    check_line,
    check_piece,
    make_message,
    mark_message,
    stream_bytes,
)

HOST = "127.0.0.1"
threading.stack_size(128 * 1024)


def start(function, *args):
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def together(calls):
    """Runs calls in threads; returns their results or raises an error."""
    results = [None] * len(calls)
    errors = []

    def work(i):
        try:
            results[i] = calls[i]()
        except Exception as error:
            errors.append(error)

    for thread in [start(work, i) for i in range(len(calls))]:
        thread.join()
    if errors:
        raise errors[0]
    return results


def listen(task, handle):
    server = socket.socket()
    server.bind((HOST, 0))
    server.listen()

    def accept():
        while True:
            conn, _ = server.accept()
            conn.settimeout(task["timeout"])
            handle(conn)

    start(accept)
    return server.getsockname()[1]


def connect(task, port):
    conn = socket.socket()
    conn.settimeout(task["timeout"])
    conn.connect((HOST, port))
    return conn


def connect_many(n, task, port):
    return [connect(task, port) for _ in range(n)]


class PingpongServer:
    def __init__(self, task):
        self._bufsize = task["bufsize"]
        self.port = listen(task, lambda conn: start(self._echo, conn))

    def _echo(self, conn):
        conn.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        while data := conn.recv(self._bufsize):
            conn.sendall(data)
        conn.close()


class PingpongClient:
    def __init__(self, task, port):
        self._task = task
        self._conns = connect_many(task["connections"], task, port)
        for conn in self._conns:
            conn.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)

    def run(self, n, thorough):
        each = n // len(self._conns)
        if len(self._conns) == 1:
            return self._round_trips(self._conns[0], each, thorough)
        together(
            [
                lambda conn=conn: self._round_trips(conn, each, thorough)
                for conn in self._conns
            ]
        )

    def _round_trips(self, conn, n, thorough):
        size, bufsize = self._task["size"], self._task["bufsize"]
        message = make_message(size)
        for i in range(n):
            mark_message(message, i)
            conn.sendall(message)
            data = conn.recv(bufsize)
            while data and len(data) < size:
                data += conn.recv(bufsize)
            check_echo(data, message, thorough)


class StreamServer:
    def __init__(self, task):
        self._task = task
        self._conns = queue.Queue()
        self._conn = None
        self._bytes = memoryview(stream_bytes(task["chunk"]))
        self._offset = 0
        self.port = listen(task, self._conns.put)

    def run(self, n, thorough):
        self._conn = self._conn or self._conns.get()
        left = n * self._task["size"]
        offset = self._offset
        while left > 0:
            length = min(left, self._task["chunk"])
            self._conn.sendall(self._bytes[offset : offset + length])
            offset = (offset + length) % PERIOD
            left -= length
        self._offset = offset


class StreamClient:
    def __init__(self, task, port):
        self._task = task
        self._conn = connect(task, port)
        self._offset = 0
        self._receive = {
            "some": self._some,
            "exact": self._exactly,
            "into": self._into,
        }[task["read"]]

    def run(self, n, thorough):
        end = self._offset + n * self._task["size"]
        self._receive(self._offset, end, thorough)
        self._offset = end

    def _some(self, offset, end, thorough):
        conn, bufsize = self._conn, self._task["bufsize"]
        while offset < end:
            data = conn.recv(bufsize)
            check_piece(data, offset, thorough)
            offset += len(data)

    def _exactly(self, offset, end, thorough):
        conn, size = self._conn, self._task["size"]
        while offset < end:
            record = conn.recv(size, MSG_WAITALL)
            check_piece(record, offset, thorough)
            offset += size

    def _into(self, offset, end, thorough):
        conn, view = self._conn, memoryview(bytearray(self._task["bufsize"]))
        while offset < end:
            n = conn.recv_into(view)
            check_piece(view[:n], offset, thorough)
            offset += n


class LineServer:
    def __init__(self, task):
        self._conns = queue.Queue()
        self._conn = None
        self.port = listen(task, self._conns.put)

    def run(self, n, thorough):
        self._conn = self._conn or self._conns.get()
        for _ in range(n):
            self._conn.sendall(LINE_BLOCK)


class LineClient:
    def __init__(self, task, port):
        self._iterate = task["read"] == "iterate"
        self._file = connect(task, port).makefile("r", encoding="utf-8")

    def run(self, n, thorough):
        n *= LINES_PER_BLOCK
        if self._iterate:
            for i, line in enumerate(self._file):
                check_line(line, i, thorough)
                if i + 1 == n:
                    return
            raise EOFError("The lines ended")
        for i in range(n):
            check_line(self._file.readline(), i, thorough)


class ConnectServer:
    def __init__(self, task):
        one_by_one = task["connections"] == 1
        self.port = listen(
            task,
            self._answer
            if one_by_one
            else lambda conn: start(self._answer, conn),
        )

    def _answer(self, conn):
        with conn:
            data = conn.recv(1)
            conn.sendall(bytes([ANSWER - data[0]]))


class ConnectClient:
    def __init__(self, task, port):
        self._task = task
        self._port = port

    def run(self, n, thorough):
        connections = self._task["connections"]
        each = n // connections
        together([lambda: self._ask(each)] * connections)

    def _ask(self, n):
        for i in range(n):
            with connect(self._task, self._port) as conn:
                number = i & 0xFF
                conn.sendall(bytes([number]))
                if conn.recv(1) != bytes([ANSWER - number]):
                    raise ValueError("Wrong answer")


class IdleClient:
    def __init__(self, task, port):
        self._task = task
        self._port = port
        self._threads = []
        self._errors = []

    def run(self, n, thorough):
        for conn in connect_many(n, self._task, self._port):
            self._threads.append(start(self._receive, conn))

    def _receive(self, conn):
        data = conn.recv(self._task["bufsize"])
        if data != bytes([WAKE]):
            self._errors.append(ValueError(f"Wrong byte {data}"))

    def finish(self):
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]


def bind(task):
    sock = socket.socket(AF_INET, SOCK_DGRAM)
    sock.settimeout(task["timeout"])
    sock.bind((HOST, 0))
    return sock


class UdpPingpongServer:
    def __init__(self, task):
        self._bufsize = task["bufsize"]
        self._sock = bind(task)
        self.port = self._sock.getsockname()[1]
        start(self._echo)

    def _echo(self):
        while True:
            data, address = self._sock.recvfrom(self._bufsize)
            self._sock.sendto(data, address)


class UdpPingpongClient:
    def __init__(self, task, port):
        self._task = task
        self._address = (HOST, port)
        self._sock = bind(task)

    def run(self, n, thorough):
        message = make_message(self._task["size"])
        for i in range(n):
            mark_message(message, i)
            self._sock.sendto(message, self._address)
            data, _ = self._sock.recvfrom(self._task["bufsize"])
            check_echo(data, message, thorough)


class UdpSendClient:
    def __init__(self, task, port):
        self._size = task["size"]
        self._address = (HOST, port)
        self._sock = bind(task)
        self._runs = 0

    def run(self, n, thorough):
        writer = DatagramWriter(self._size)
        self._runs += 1
        for i in range(n):
            sent = self._sock.sendto(writer.write(i, self._runs), self._address)
            if sent != self._size:
                raise ValueError(f"Sent {sent} bytes")


class UdpReceiveServer:
    def __init__(self, task):
        self._task = task
        self._sock = bind(task)
        self._runs = 0
        self.port = self._sock.getsockname()[1]

    def run(self, n, thorough):
        self._runs += 1
        reader = DatagramReader(self._task["size"], self._runs, thorough)
        while not reader.ended:
            data, address = self._sock.recvfrom(self._task["bufsize"])
            if reader.read(data):
                self._sock.sendto(data, address)
        return reader.result(n if thorough else 1)


PARTS = {
    "pingpong": (PingpongServer, PingpongClient),
    "stream": (StreamServer, StreamClient),
    "lines": (LineServer, LineClient),
    "connect": (ConnectServer, ConnectClient),
    "idle": (None, IdleClient),
    "udpPingpong": (UdpPingpongServer, UdpPingpongClient),
    "udpSend": (None, UdpSendClient),
    "udpReceive": (UdpReceiveServer, None),
}


def open_ends(task):
    make_server, make_client = PARTS[task["kind"]]
    is_server, is_client = ends_of(task)
    server = make_server(task) if is_server else None
    port = server.port if server else task["port"]
    return server, make_client(task, port) if is_client else None


def run(ends, n, thorough):
    started = time.perf_counter()
    calls = [
        lambda end=end: end.run(n, thorough)
        for end in ends
        if hasattr(end, "run")
    ]
    results = together(calls) if len(calls) > 1 else [call() for call in calls]
    reply = {"ms": (time.perf_counter() - started) * 1000}
    for result in results:
        reply.update(result or {})
    return reply


def main():
    ends = (None, None)
    for command in commands():
        try:
            match command["do"]:
                case "open":
                    ends = open_ends(command["task"])
                    answer({"port": ends[0].port} if ends[0] else {})
                case "run":
                    answer(run(ends, command["n"], command["thorough"]))
                case "cpu":
                    answer(cpu())
                case "memory":
                    answer(memory())
                case "finish":
                    if ends[1]:
                        ends[1].finish()
                    answer({})
        except Exception as error:
            answer({"error": describe(error)})
    sys.stdout.flush()


main()
