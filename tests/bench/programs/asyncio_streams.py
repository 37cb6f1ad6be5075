"""asyncio's streams, and its datagram endpoints, on one event loop."""

import asyncio
import os
import sys

from control import answer, clocks, commands, describe, memory, since
from data import (
    CHUNK,
    FLOOD_END,
    HTTP_ANSWER,
    LINE_BLOCK,
    LINES_PER_BLOCK,
    REQUEST_END,
    WAKE,
    check_amount,
    filled,
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


async def listen(handle):
    """Serves each connection by handle(); returns the server and its port."""
    server = await asyncio.start_server(
        handle, HOST, 0, limit=LIMIT, backlog=1024
    )
    return server, server.sockets[0].getsockname()[1]


async def connect(port):
    return await asyncio.open_connection(HOST, port, limit=LIMIT)


async def round_trip(task, n):
    size, bufsize = task["size"], task["bufsize"]
    connections = task["connections"]
    message = filled(size)

    async def echo(reader, writer):
        read = timed(reader.read, task)
        drain = timed(writer.drain, task)
        while data := await read(bufsize):
            writer.write(data)
            await drain()
        writer.close()

    server, port = await listen(echo)

    async def ask():
        reader, writer = await connect(port)
        read = timed(reader.read, task)
        drain = timed(writer.drain, task)
        for _ in range(n // connections):
            writer.write(message)
            await drain()
            received = 0
            while received < size:
                received += len(await read(bufsize))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask() for _ in range(connections)))
    server.close()


async def connect_and_close(task, n):
    connections = task["connections"]

    async def reply(reader, writer):
        writer.write(await reader.read(1))
        writer.close()

    server, port = await listen(reply)

    async def ask():
        for _ in range(n // connections):
            reader, writer = await connect(port)
            writer.write(filled(1))
            check_amount(len(await reader.read(1)), 1)
            writer.close()

    await asyncio.gather(*(ask() for _ in range(connections)))
    server.close()


def sender(task, data, n):
    """Sends the same data n times to each connection, and closes."""

    async def send(_, writer):
        drain = timed(writer.drain, task)
        for _ in range(n):
            writer.write(data)
            await drain()
        writer.close()

    return send


async def stream(task, n):
    server, port = await listen(sender(task, filled(CHUNK), n))
    reader, writer = await connect(port)
    read, bufsize = timed(reader.read, task), task["bufsize"]
    received = 0
    while data := await read(bufsize):
        received += len(data)
    writer.close()
    server.close()
    check_amount(received, n * CHUNK)


async def records(task, n):
    size = task["size"]
    total = n * size
    server, port = await listen(sender(task, filled(CHUNK), total // CHUNK))
    reader, writer = await connect(port)
    received = 0
    while received < total:
        received += len(await reader.readexactly(size))
    writer.close()
    server.close()
    check_amount(received, total)


async def lines(task, n):
    server, port = await listen(sender(task, LINE_BLOCK, n // LINES_PER_BLOCK))
    reader, writer = await connect(port)
    received = 0
    if task["way"] == "iterate":
        async for line in reader:
            received += len(line.decode()) > 0
    else:
        while line := await reader.readline():
            received += len(line.decode()) > 0
    writer.close()
    server.close()
    check_amount(received, n)


class Datagrams(asyncio.DatagramProtocol):
    """Hands each datagram to take(data, address)."""

    def __init__(self):
        self.take = lambda data, address: None

    def datagram_received(self, data, address):
        self.take(data, address)


async def bind():
    loop = asyncio.get_running_loop()
    return await loop.create_datagram_endpoint(Datagrams, local_addr=(HOST, 0))


async def datagram(task, n):
    server, echo = await bind()
    client, answers = await bind()
    echo.take = server.sendto
    message = filled(task["size"])
    address = server.get_extra_info("sockname")
    left = n
    done = asyncio.get_running_loop().create_future()

    def take(data, _):
        nonlocal left
        left -= 1
        if len(data) != len(message):
            done.set_exception(ValueError("The echo is too short"))
        elif left > 0:
            client.sendto(message, address)
        else:
            done.set_result(None)

    answers.take = take
    client.sendto(message, address)
    await done
    server.close()
    client.close()


class Http:
    async def start(self, task):
        self._task = task
        self._requests = 0
        self._server, self.port = await listen(self._answer)
        return self

    async def _answer(self, reader, writer):
        bufsize = self._task["bufsize"]
        while data := await reader.read(bufsize):
            if not data.endswith(REQUEST_END):
                raise ValueError("The request is in pieces")
            self._requests += 1
            writer.write(HTTP_ANSWER)
        writer.close()

    async def stop(self):
        self._server.close()
        return self._requests


class Flood:
    async def start(self, task):
        self._received = 0
        self._ended = asyncio.Event()
        self._transport, protocol = await bind()
        protocol.take = self._take
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    def _take(self, data, _):
        if data[0] == FLOOD_END:
            self._ended.set()
        else:
            self._received += 1

    async def stop(self):
        await self._ended.wait()
        self._transport.close()
        return self._received


class Idle:
    def __init__(self, task):
        self._task = task
        self._writers = []
        self._pending = []

    async def hold(self, n):
        await asyncio.gather(*(self._open() for _ in range(n)))

    async def _open(self):
        burst, bufsize = self._task["burst"], self._task["bufsize"]
        reader, writer = await connect(self._task["port"])
        self._writers.append(writer)
        received = 0
        while received < burst:
            received += len(await reader.read(bufsize))
        read = timed(reader.read, self._task)
        self._pending.append(asyncio.ensure_future(read(bufsize)))

    async def finish(self):
        for data in await asyncio.gather(*self._pending):
            if data != WAKE:
                raise ValueError(f"Wrong byte {data}")


BATCHES = {
    "roundTrip": round_trip,
    "connect": connect_and_close,
    "stream": stream,
    "records": records,
    "lines": lines,
    "datagram": datagram,
}
SERVICES = {"http": Http, "flood": Flood}


class Control:
    async def obey(self, command):
        match command["do"]:
            case "batch":
                task = command["task"]
                started = clocks()
                await BATCHES[task["kind"]](task, command["n"])
                return since(started)
            case "serve":
                task = command["task"]
                self._service = await SERVICES[task["kind"]]().start(task)
                self._started = clocks()
                return {"port": self._service.port}
            case "stop":
                received = await self._service.stop()
                return {**since(self._started), "received": received}
            case "idle":
                self._idle = Idle(command["task"])
            case "hold":
                await self._idle.hold(command["n"])
            case "memory":
                return memory()
            case "finish":
                await self._idle.finish()
        return {}


async def main():
    # asyncio receives into 256 KiB. glibc maps and unmaps such a block for each
    # receive (300 us of a datagram's round trip, not 40), until a larger one
    # has been freed once, as happens in any program that does something else.
    bytes(1 << 20)
    loop = asyncio.get_running_loop()
    control = Control()
    lines_in = commands()
    while command := await loop.run_in_executor(None, next, lines_in, None):
        try:
            answer(await control.obey(command))
        except Exception:
            answer({"error": describe()})
    # Connections are open still, and asyncio.run() would complain of each.
    sys.stdout.flush()
    os._exit(0)


asyncio.run(main())
