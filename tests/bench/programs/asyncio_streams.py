"""asyncio's streams, and its datagram endpoints, on one event loop."""

import asyncio
import os
import sys
import time

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
# The most that one read gives; the default is 64 KiB.
LIMIT = 256 * 1024


def timed(call, task):
    """The call, limited to the task's timeout if there is one."""
    timeout = task["timeout"]
    if timeout is None:
        return call

    async def limited(*args):
        async with asyncio.timeout(timeout):
            return await call(*args)

    return limited


async def connect(port):
    return await asyncio.open_connection(HOST, port, limit=LIMIT)


class Server:
    """Serves each connection by handle(), which a subclass has."""

    async def open(self, task):
        self._task = task
        self._accepted = asyncio.get_running_loop().create_future()
        self._server = await asyncio.start_server(
            self.handle, HOST, 0, limit=LIMIT
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def handle(self, reader, writer):
        """Keeps the first connection, for run()."""
        self._accepted.set_result(writer)
        await asyncio.Event().wait()


class PingpongServer(Server):
    async def handle(self, reader, writer):
        bufsize = self._task["bufsize"]
        read = timed(reader.read, self._task)
        drain = timed(writer.drain, self._task)
        while data := await read(bufsize):
            writer.write(data)
            await drain()
        writer.close()


class PingpongClient:
    async def open(self, task, port):
        self._task = task
        self._streams = [await connect(port) for _ in range(task["connections"])]
        return self

    async def run(self, n, thorough):
        each = n // len(self._streams)
        await asyncio.gather(
            *(
                self._round_trips(reader, writer, each, thorough)
                for reader, writer in self._streams
            )
        )

    async def _round_trips(self, reader, writer, n, thorough):
        size, bufsize = self._task["size"], self._task["bufsize"]
        read = timed(reader.read, self._task)
        drain = timed(writer.drain, self._task)
        message = make_message(size)
        for i in range(n):
            mark_message(message, i)
            writer.write(message)
            await drain()
            data = await read(bufsize)
            while data and len(data) < size:
                data += await read(bufsize)
            check_echo(data, message, thorough)


class StreamServer(Server):
    _offset = 0
    _bytes = None

    async def run(self, n, thorough):
        writer = await self._accepted
        drain = timed(writer.drain, self._task)
        chunk = self._task["chunk"]
        if self._bytes is None:
            self._bytes = memoryview(stream_bytes(chunk))
        left = n * self._task["size"]
        offset = self._offset
        while left > 0:
            length = min(left, chunk)
            writer.write(self._bytes[offset : offset + length])
            await drain()
            offset = (offset + length) % PERIOD
            left -= length
        self._offset = offset


class StreamClient:
    async def open(self, task, port):
        self._task = task
        self._reader, self._writer = await connect(port)
        self._offset = 0
        exact = task["read"] == "exact"
        reader = self._reader
        call = reader.readexactly if exact else reader.read
        self._read = timed(call, task)
        self._bufsize = task["size"] if exact else task["bufsize"]
        return self

    async def run(self, n, thorough):
        read, bufsize = self._read, self._bufsize
        offset = self._offset
        end = offset + n * self._task["size"]
        while offset < end:
            data = await read(bufsize)
            check_piece(data, offset, thorough)
            offset += len(data)
        self._offset = offset


class LineServer(Server):
    async def run(self, n, thorough):
        writer = await self._accepted
        for _ in range(n):
            writer.write(LINE_BLOCK)
            await writer.drain()


class LineClient:
    async def open(self, task, port):
        self._iterate = task["read"] == "iterate"
        self._reader, self._writer = await connect(port)
        return self

    async def run(self, n, thorough):
        n *= LINES_PER_BLOCK
        reader = self._reader
        i = 0
        if self._iterate:
            async for line in reader:
                check_line(line.decode(), i, thorough)
                i += 1
                if i == n:
                    return
            raise EOFError("The lines ended")
        for i in range(n):
            line = await reader.readline()
            check_line(line.decode(), i, thorough)


class ConnectServer(Server):
    async def handle(self, reader, writer):
        data = await reader.read(1)
        writer.write(bytes([ANSWER - data[0]]))
        writer.close()


class ConnectClient:
    async def open(self, task, port):
        self._connections = task["connections"]
        self._port = port
        return self

    async def run(self, n, thorough):
        each = n // self._connections
        await asyncio.gather(
            *(self._ask(each) for _ in range(self._connections))
        )

    async def _ask(self, n):
        for i in range(n):
            reader, writer = await connect(self._port)
            number = i & 0xFF
            writer.write(bytes([number]))
            if await reader.read(1) != bytes([ANSWER - number]):
                raise ValueError("Wrong answer")
            writer.close()


class IdleClient:
    async def open(self, task, port):
        self._task = task
        self._port = port
        self._streams = []
        self._pending = []
        return self

    async def run(self, n, thorough):
        for _ in range(n):
            reader, writer = await connect(self._port)
            self._streams.append(writer)
            read = timed(reader.read, self._task)
            self._pending.append(
                asyncio.ensure_future(read(self._task["bufsize"]))
            )

    async def finish(self):
        for data in await asyncio.gather(*self._pending):
            if data != bytes([WAKE]):
                raise ValueError(f"Wrong byte {data}")


class Datagrams(asyncio.DatagramProtocol):
    """Hands datagrams to take(), and what it raises to a future."""

    def __init__(self):
        self.take = lambda data, address: None
        self.settled = None

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        try:
            self.take(data, address)
        except Exception as error:
            self.settled.set_exception(error)

    def begin(self):
        self.settled = asyncio.get_running_loop().create_future()


class DatagramEnd:
    async def open(self, task, port=None):
        self._task = task
        self._address = (HOST, port)
        self._runs = 0
        loop = asyncio.get_running_loop()
        self._transport, self._protocol = await loop.create_datagram_endpoint(
            Datagrams, local_addr=(HOST, 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]
        return self


class UdpPingpongServer(DatagramEnd):
    async def open(self, task, port=None):
        await super().open(task)
        self._protocol.take = self._transport.sendto
        return self


class UdpPingpongClient(DatagramEnd):
    async def run(self, n, thorough):
        message = make_message(self._task["size"])
        protocol, transport = self._protocol, self._transport
        i = 0

        def ask():
            mark_message(message, i)
            transport.sendto(message, self._address)

        def take(data, _):
            nonlocal i
            check_echo(data, message, thorough)
            i += 1
            if i < n:
                ask()
            else:
                protocol.settled.set_result(None)

        protocol.take = take
        protocol.begin()
        ask()
        await protocol.settled


class UdpSendClient(DatagramEnd):
    async def run(self, n, thorough):
        self._runs += 1
        writer = DatagramWriter(self._task["size"])
        for i in range(n):
            self._transport.sendto(writer.write(i, self._runs), self._address)
        while self._transport.get_write_buffer_size() > 0:
            await asyncio.sleep(0)


class UdpReceiveServer(DatagramEnd):
    async def run(self, n, thorough):
        self._runs += 1
        reader = DatagramReader(self._task["size"], self._runs, thorough)
        protocol = self._protocol

        def take(data, address):
            if reader.read(data):
                self._transport.sendto(data, address)
            if reader.ended and not protocol.settled.done():
                protocol.settled.set_result(None)

        protocol.take = take
        protocol.begin()
        await protocol.settled
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


async def open_ends(task):
    make_server, make_client = PARTS[task["kind"]]
    is_server, is_client = ends_of(task)
    server = await make_server().open(task) if is_server else None
    port = server.port if server else task["port"]
    client = await make_client().open(task, port) if is_client else None
    return server, client


async def run(ends, n, thorough):
    started = time.perf_counter()
    results = await asyncio.gather(
        *(end.run(n, thorough) for end in ends if hasattr(end, "run"))
    )
    reply = {"ms": (time.perf_counter() - started) * 1000}
    for result in results:
        reply.update(result or {})
    return reply


async def main():
    loop = asyncio.get_running_loop()
    ends = (None, None)
    lines = commands()
    while command := await loop.run_in_executor(None, next, lines, None):
        try:
            match command["do"]:
                case "open":
                    ends = await open_ends(command["task"])
                    answer({"port": ends[0].port} if ends[0] else {})
                case "run":
                    answer(await run(ends, command["n"], command["thorough"]))
                case "cpu":
                    answer(cpu())
                case "memory":
                    answer(memory())
                case "finish":
                    if ends[1]:
                        await ends[1].finish()
                    answer({})
        except Exception as error:
            answer({"error": describe(error)})
    # Connections are open still, and asyncio.run() would complain of each.
    sys.stdout.flush()
    os._exit(0)


asyncio.run(main())
