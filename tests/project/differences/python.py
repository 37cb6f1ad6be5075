"""Tries what examples/porting/DIFFERENCES.md lists, with Python.

Prints JSON, as here.ts does with this module. Unix sockets are made in the
directory that is its argument.
"""

import errno
import json
import os
import select
import selectors
import socket
import struct
import sys
import threading

folder = sys.argv[1]


def outcome(call):
    try:
        return call()
    except socket.gaierror:
        return "gaierror"
    except TimeoutError:
        return "timeout"
    except OSError as error:
        if error.errno:
            return errno.errorcode[error.errno]
        return type(error).__name__
    except Exception as error:
        return type(error).__name__


def pair():
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        return client, server.accept()[0]


def udp():
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    u.settimeout(0.2)
    return u


def listener_of_six():
    six = socket.socket(socket.AF_INET6)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    six.bind(("::", 0))
    six.listen()
    return six


probes = {}


def probe(name):
    def add(function):
        probes[name] = function

    return add


@probe("connect between bind and listen")
def _():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    return socket.socket().connect_ex(server.getsockname()) == 0


@probe("ECONNREFUSED of UDP")
def _():
    u = udp()
    peer = udp()
    address = peer.getsockname()
    peer.close()
    u.connect(address)
    u.send(b"x")
    return outcome(lambda: u.recv(1))


@probe("0.0.0.0 beside ::")
def _():
    def both():
        with listener_of_six() as six, socket.socket() as four:
            return outcome(lambda: four.bind(("0.0.0.0", six.getsockname()[1])))

    # A connection over IPv4 that has ended keeps some of the ports, not all.
    results = [both() for _ in range(100)]
    return None if None in results else results[0]


@probe("file of a Unix listener")
def _():
    path = f"{folder}/py-removed"
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    server.close()
    return os.path.exists(path)


@probe("name of a bound Unix client")
def _():
    server = socket.socket(socket.AF_UNIX)
    server.bind(f"{folder}/py-server")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.bind(f"{folder}/py-client")
    client.connect(f"{folder}/py-server")
    _, address = server.accept()
    return [client.getsockname() != "", bool(address)]


@probe("name of an unbound Unix datagram socket")
def _():
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(f"{folder}/py-receiver")
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.sendto(b"x", f"{folder}/py-receiver")
    return bool(receiver.recvfrom(1)[1])


@probe("abstract name")
def _():
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"\0{folder}/py")
    return type(s.getsockname()).__name__


@probe("close with bytes unread")
def _():
    a, b = pair()
    a.sendall(b"x")
    select.select([b], [], [])
    b.close()
    return outcome(lambda: a.recv(1).decode())


@probe("fileno() beside a file object")
def _():
    a, b = pair()
    file = a.makefile("rb")
    a.close()
    return a.fileno() >= 0 and not file.closed


@probe("file object after a timeout")
def _():
    a, b = pair()
    file = a.makefile("rb")
    a.settimeout(0.05)
    outcome(file.readline)
    a.settimeout(30)
    b.sendall(b"late\n")
    return outcome(lambda: file.readline().decode())


@probe("MSG_WAITALL with a timeout")
def _():
    a, b = pair()
    b.sendall(b"ab")
    a.settimeout(0.1)
    return outcome(lambda: a.recv(4, socket.MSG_WAITALL).decode())


@probe("send() that was never connected")
def _():
    return outcome(lambda: socket.socket().send(b"x"))


@probe("SO_SNDTIMEO and connect()")
def _():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    others = [socket.create_connection(server.getsockname()) for _ in range(2)]
    s = socket.socket()
    limit = struct.pack("qq", 0, 100_000)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
    return outcome(lambda: s.connect(server.getsockname()))


@probe("recv() of a listener with a timeout")
def _():
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(0.1)
    return outcome(lambda: server.recv(1))


@probe("bytes after SHUT_RD")
def _():
    a, b = pair()
    a.shutdown(socket.SHUT_RD)
    before = a.recv(9).decode()
    b.sendall(b"x")
    a.settimeout(1)
    return [before, outcome(lambda: a.recv(9).decode())]


@probe("options set after the handshake")
def _():
    server = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(server.getsockname())
    server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    conn, _ = server.accept()
    return conn.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@probe("sending to a Unix datagram socket that has another peer")
def _():
    sockets = []
    for name in ["one", "two", "three"]:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(f"{folder}/py-{name}")
        sockets.append(s)
    one, _, three = sockets
    one.connect(f"{folder}/py-two")
    return outcome(lambda: three.sendto(b"x", f"{folder}/py-one"))


@probe("select() of standard input")
def _():
    return outcome(lambda: len(select.select([sys.stdin], [], [], 0)))


@probe("unknown key of a selector")
def _():
    return outcome(lambda: selectors.DefaultSelector().get_key(socket.socket()))


@probe("class of DefaultSelector")
def _():
    return isinstance(selectors.DefaultSelector(), selectors.PollSelector)


@probe("data of a selector by name")
def _():
    selector = selectors.DefaultSelector()
    return selector.register(socket.socket(), selectors.EVENT_READ, data="d").data


@probe("non-blocking text read")
def _():
    a, b = pair()
    a.setblocking(False)
    return outcome(lambda: a.makefile("r").read(1))


@probe("bytes that cannot be decoded")
def _():
    a, b = pair()
    file = a.makefile("r")
    b.sendall(b"a\xffb\n")
    b.close()
    return [outcome(file.readline) for _ in range(3)]


@probe("attributes of a text file")
def _():
    a, b = pair()
    file = a.makefile("r")
    names = ["newlines", "reconfigure", "write_through", "isatty"]
    return [name for name in names if hasattr(file, name)]


@probe("fileno() of a file for reading and writing")
def _():
    a, b = pair()
    file = a.makefile("rwb")
    return outcome(lambda: file.fileno() >= 0)


@probe("port outside 0 to 65535")
def _():
    return outcome(lambda: len(socket.getaddrinfo("127.0.0.1", 80000)))


@probe("port while a connect is under way")
def _():
    s = socket.socket()
    s.setblocking(False)
    server = socket.create_server(("127.0.0.1", 0))
    s.connect_ex(server.getsockname())
    return [
        s.getsockname()[1] != 0,
        outcome(lambda: s.connect(server.getsockname())),
        outcome(lambda: s.shutdown(socket.SHUT_RDWR)),
    ]


@probe("SO_REUSEPORT over UDP")
def _():
    one, two = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    two.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("127.0.0.1", 0))
    return outcome(lambda: two.bind(one.getsockname()))


@probe("datagrams of others before connect()")
def _():
    u, other, peer = udp(), udp(), udp()
    other.sendto(b"x", u.getsockname())
    u.connect(peer.getsockname())
    return outcome(lambda: u.recv(1).decode())


@probe("SHUT_RD of a connected UDP socket")
def _():
    u, peer = udp(), udp()
    u.connect(peer.getsockname())
    u.shutdown(socket.SHUT_RD)
    peer.sendto(b"x", u.getsockname())
    return outcome(lambda: u.recv(1).decode())


@probe("IPV6_V6ONLY and an IPv4 client")
def _():
    while True:
        server = listener_of_six()
        port = server.getsockname()[1]
        # Bound only: it keeps the port from others, and refuses connections.
        keeper = socket.socket()
        if outcome(lambda: keeper.bind(("127.0.0.1", port))) is None:
            return outcome(lambda: socket.create_connection(("127.0.0.1", port)))


@probe("line buffering of text")
def _():
    a, b = pair()
    b.settimeout(0.2)
    file = a.makefile("w", 1)
    file.write("one\ntwo")
    return outcome(lambda: b.recv(3).decode())


@probe("small buffer of a text file")
def _():
    a, b = pair()
    b.settimeout(0.2)
    file = a.makefile("w", 10)
    file.write("x" * 50)
    return outcome(lambda: b.recv(1).decode())


@probe("lone carriage return")
def _():
    a, b = pair()
    b.sendall(b"one\r")
    a.settimeout(0.2)
    return outcome(a.makefile("r").readline)


@probe("value that is wrong")
def _():
    s = socket.socket()
    return [
        outcome(lambda: s.settimeout(-1)),
        outcome(lambda: s.bind(("127.0.0.1", 80_000))),
    ]


@probe("option that only tunes")
def _():
    s = socket.socket()
    return outcome(lambda: s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536))


@probe("flag of urgent data")
def _():
    a, b = pair()
    return outcome(lambda: a.send(b"x", socket.MSG_OOB))


@probe("MSG_DONTWAIT with a timeout")
def _():
    a, b = pair()
    a.settimeout(0.1)
    return outcome(lambda: a.recv(1, socket.MSG_DONTWAIT))


def closed_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()


@probe("recv() after a refused connect in the background")
def _():
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex(closed_address())
    select.select([], [s], [])
    error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return [errno.errorcode[error], outcome(lambda: s.recv(1).decode())]


@probe("port after a failed connect")
def _():
    s = socket.socket()
    outcome(lambda: s.connect(closed_address()))
    return s.getsockname()[1] != 0


@probe("reset that no call has met")
def _():
    a, b = pair()
    b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    b.close()
    error = a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return [
        errno.errorcode.get(error),
        outcome(lambda: bool(a.getpeername())),
        outcome(lambda: a.shutdown(socket.SHUT_RD)),
    ]


@probe("close() of a socket that select() waits for")
def _():
    a, b = pair()
    threading.Timer(0.05, a.close).start()
    return outcome(lambda: len(select.select([a], [], [], 0.2)[0]))


@probe("port of a listener that was shut down")
def _():
    address = closed_address()
    server = socket.create_server(address)
    server.shutdown(socket.SHUT_RD)
    return outcome(lambda: socket.socket().bind(address))


@probe("raw file beside its buffer")
def _():
    a, b = pair()
    b.sendall(b"one\ntwo\n")
    a.recv(8, socket.MSG_PEEK | socket.MSG_WAITALL)
    file = a.makefile("rb")
    file.readline()
    a.settimeout(0.2)
    return outcome(lambda: file.raw.read(4).decode())


print(json.dumps({name: outcome(p) for name, p in probes.items()}, indent=1))
