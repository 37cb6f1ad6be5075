"""Tries what Python's socket and asyncio streams have, for the table of COMPARISON.md.

Prints JSON: by column and row of the table, whether it is there.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import tempfile
import threading

found = {"Python `socket`": {}, "`asyncio` streams": {}}


def row(name, stdlib, streams):
    found["Python `socket`"][name] = stdlib
    found["`asyncio` streams"][name] = streams


async def fails(error, call):
    try:
        await call
    except error:
        return True
    return False


async def opened():
    """A stream reader and writer, and the socket at the other end."""
    mine, peer = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=mine)
    return reader, writer, peer


def timeout():
    a, b = socket.socketpair()
    a.settimeout(0.05)
    try:
        a.recv(4)
        limited = False
    except socket.timeout:
        limited = True
    b.sendall(b"late")
    return limited, a.recv(4) == b"late"


def file_after_timeout():
    a, b = socket.socketpair()
    a.settimeout(0.05)
    file = a.makefile("rb")
    for _ in range(2):
        try:
            return file.readline() == b"late\n"
        except socket.timeout:
            b.sendall(b"late\n")
        except OSError:
            return False


def two_threads():
    a, b = socket.socketpair()
    a.settimeout(10)
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(a.recv(1))) for _ in "12"
    ]
    for thread in threads:
        thread.start()
    b.sendall(b"12")
    for thread in threads:
        thread.join(10)
    return sorted(got) == [b"1", b"2"]


def wait_all(seconds):
    a, b = socket.socketpair()
    a.settimeout(seconds)
    b.sendall(b"ab")
    rest = threading.Timer(0.1, b.sendall, [b"cd"])
    rest.start()
    data = a.recv(4, socket.MSG_WAITALL)
    rest.join()
    return data == b"abcd"


def peek():
    a, b = socket.socketpair()
    b.sendall(b"ab")
    return a.recv(4, socket.MSG_PEEK) == a.recv(4)


def non_blocking():
    a, _b = socket.socketpair()
    a.setblocking(False)
    try:
        a.recv(1)
    except BlockingIOError:
        return True
    return False


def half_close():
    a, b = socket.socketpair()
    a.shutdown(socket.SHUT_WR)
    b.sendall(b"x")
    return b.recv(1) == b"" and a.recv(1) == b"x"


def own_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            mine = s.getsockname()
            s.connect(server.getsockname())
            return server.accept()[1] == mine


def udp():
    a = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    a.bind(("127.0.0.1", 0))
    group = struct.pack("4s4s", socket.inet_aton("239.1.2.3"),
                        socket.inet_aton("127.0.0.1"))
    a.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
    b.sendto(b"x", a.getsockname())
    return a.recv(1) == b"x"


def ancillary():
    a, b = socket.socketpair()
    socket.send_fds(a, [b"x"], [0])
    data, fds, _, _ = socket.recv_fds(b, 1, 1)
    for fd in fds:
        os.close(fd)
    return data == b"x" and len(fds) == 1 and hasattr(socket, "SOCK_RAW")


async def unix_streams(path):
    async def echo(reader, writer):
        writer.write(await reader.read(1))
        writer.close()

    async with await asyncio.start_unix_server(echo, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"x")
        answer = await reader.read(1)
        writer.close()
        return answer == b"x"


def unix(path):
    with socket.socket(socket.AF_UNIX) as server, \
            socket.socket(socket.AF_UNIX) as s:
        server.bind(path)
        server.listen()
        s.connect(path)
        s.sendall(b"x")
        conn, _ = server.accept()
        with conn:
            return conn.recv(1) == b"x"


async def main():
    reader, writer, peer = await opened()

    async def soon(call):
        return await asyncio.wait_for(call, 0.05)

    limited = await fails(asyncio.TimeoutError, soon(reader.read(4)))
    peer.sendall(b"late")
    kept = await reader.read(4) == b"late"
    plain_limited, plain_kept = timeout()
    row("a time limit for one read", plain_limited, limited)
    row("bytes that come after it are kept", plain_kept, kept)

    first = asyncio.create_task(reader.read(1))
    await asyncio.sleep(0)
    refused = await fails(RuntimeError, reader.read(1))
    row("two reads at once", two_threads(), not refused)

    first.cancel()
    ended = await fails(asyncio.CancelledError, first)
    peer.sendall(b"x")
    alive = await reader.read(1) == b"x"
    # Nothing of the kind is among the methods of a socket.
    can_end = hasattr(socket.socket, "cancel")
    row("cancelling one call only", can_end, ended and alive)

    # More than the system holds for a peer that does not read.
    writer.write(bytes(1 << 24))
    waits = await fails(asyncio.TimeoutError, soon(writer.drain()))
    drained = threading.Thread(
        target=lambda: peer.recv(1 << 24, socket.MSG_WAITALL))
    drained.start()
    await writer.drain()
    while drained.is_alive():
        await asyncio.sleep(0.01)
    row("sending all, with back-pressure", hasattr(socket.socket, "sendall"),
        waits)

    peer.sendall(b"one\ntwo\n")
    plain, other = socket.socketpair()
    other.sendall(b"one\ntwo\n")
    row("lines", plain.makefile("rb").readline() == b"one\n",
        await reader.readline() == b"one\n")
    await reader.readline()

    exact = asyncio.create_task(reader.readexactly(4))
    peer.sendall(b"ab")
    await asyncio.sleep(0.05)
    peer.sendall(b"cd")
    row("exactly n bytes", wait_all(None), await exact == b"abcd")
    row("peeking", peek(), hasattr(reader, "peek"))

    transport_socket = writer.get_extra_info("socket")
    row("`setblocking`, `select`", non_blocking(),
        any(hasattr(reader, name) for name in ("setblocking", "fileno")))
    option = socket.SOL_SOCKET, socket.SO_RCVBUF
    row("socket options", plain.getsockopt(*option) > 0,
        transport_socket.getsockopt(*option) > 0)

    writer.write_eof()
    ended = peer.recv(1) == b""
    peer.sendall(b"x")
    row("half-close", half_close(), ended and await reader.read(1) == b"x")
    writer.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        _, writer = await asyncio.open_connection(
            *server.getsockname(), local_addr=("127.0.0.2", 0))
        came_from = server.accept()[1][0]
        row("local address of a client", own_address(),
            came_from == "127.0.0.2")
        writer.close()

    stream_names = [name for name in dir(asyncio.streams)
                    if "datagram" in name.lower()]
    row("UDP, multicast", udp(), bool(stream_names))
    with tempfile.TemporaryDirectory() as folder:
        row("Unix streams", unix(folder + "/a"),
            await unix_streams(folder + "/b"))
    row("raw sockets, ancillary data", ancillary(),
        any(hasattr(writer, name) for name in ("sendmsg", "send_fds")))
    row("TLS", hasattr(ssl.SSLContext, "wrap_socket"),
        hasattr(asyncio.StreamWriter, "start_tls"))

    print(json.dumps({
        "found": found,
        "notes": {
            "a file object after a timeout": file_after_timeout(),
            "MSG_WAITALL with a timeout": wait_all(5),
        },
    }))


asyncio.run(main())
