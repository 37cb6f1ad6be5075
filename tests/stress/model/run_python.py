"""Runs the programs of the model-based test on CPython's socket.

One program a line comes in, its outcomes go out, several at a time.
"""

import errno
import io
import json
import os
import select
import socket
import struct
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

from known_differences import Differences

LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
WILDCARD = {"0.0.0.0": "127.0.0.1", "::": "::1"}
TIMEOUT = float(sys.argv[1])


class Program(Differences):
    """One program."""

    def __init__(self):
        super().__init__()
        self.ports = {}  # what ports are called in outcomes

    def run(self, calls):
        try:
            return [self.outcome(call) for call in calls]
        finally:
            for thing in reversed(list(self.things.values())):
                try:
                    os.close(thing) if isinstance(thing, int) else thing.close()
                except (OSError, ValueError):
                    pass

    def outcome(self, call):
        name, made = call["on"], call.get("as")
        if name not in ("socket", "select") and name not in self.things:
            return {"absent": True, **unlike(self.unnamed.get(name))}
        self.clear_refusals()
        self.look_for_late(name, call["call"])
        names = [name, *mentioned(call["args"], "made")]
        addressed = list(mentioned(call["args"], "address"))
        reason = self.why_unlike(names, addressed)
        try:
            result = {"value": self.plain(self.invoke(name, call), call)}
        except Exception as error:
            result = failure(error)
        reason = reason or self.why_unlike(names, [])
        if made is not None and made not in self.things:
            self.unnamed[made] = reason
        self.look(name)
        self.look(made)
        self.over = self.over or self.then_over
        return {**result, **unlike(reason)}

    # Calls

    def invoke(self, name, call):
        method, args = call["call"], [self.argument(each) for each in call["args"]]
        if name == "socket":
            return getattr(socket, method)(*args)
        if name == "select":
            return select.select(*map(self.selectable, args))
        thing = self.things[name]
        if method == "adopt":
            del self.things[name]
            sock = socket.socket(*args, thing)
            # Whether it blocks is the socket's affair, not the descriptor's.
            sock.setblocking(True)
            return sock
        if isinstance(thing, int):
            raise ValueError("a descriptor has no methods")
        if method == "makefile":
            *args, options = args
            return thing.makefile(*args, **options)
        is_socket = isinstance(thing, socket.socket)
        run = self.call if is_socket else self.call_file
        value = run(name, thing, method, args)
        return [value, args[0]] if method.endswith("into") else value

    def call_file(self, name, file, method, args):
        if method == "close" and not file.closed:
            self.before_close(name)
        try:
            return getattr(file, method)(*args)
        except BrokenPipeError:
            # send on a stream that was never connected is ENOTCONN.
            if self.inodes[name] not in self.connected:
                raise OSError(errno.ENOTCONN, "never connected")
            raise
        except OSError as error:
            # A file object can go on after a timeout; Python's cannot.
            if "timed out" in str(error):
                self.spoil(name)
            raise

    def argument(self, value):
        if isinstance(value, list):
            return [self.argument(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "bytes" in value:
            return value["bytes"].encode("latin-1") * value.get("times", 1)
        if "flags" in value:
            number = 0
            for name in value["flags"]:
                number |= getattr(socket, name)
            return number
        if "buffer" in value:
            return bytearray(value["buffer"])
        if "made" in value:
            return self.things.get(value["made"])
        if "options" in value:
            return value["options"]
        if "tuple" in value:
            return tuple(value["tuple"])
        return self.address(value)

    def address(self, value):
        found = self.addresses.get(value["address"])
        if found is None:
            family = getattr(socket, value["family"])
            return (LOOPBACK[family], NOBODY[value["type"]][value["family"]])
        host, *rest = found
        return (WILDCARD.get(host, host), *rest)

    # What is compared

    def plain(self, value, call):
        made = call.get("as")
        if made is not None:
            return self.keep(made, value, call)
        if call["call"] == "fileno":
            return value if value < 0 else "open"
        if call["on"] == "select":
            # Descriptors have other numbers in the module.
            return [[self.named(each) for each in ready] for ready in value]
        return self.shown(value)

    def keep(self, made, value, call):
        """Names what a call has made."""
        rest = None
        if isinstance(value, tuple):
            value, rest = value
        self.things[made] = value
        if call["call"] == "makefile":
            self.under[made] = self.things[call["on"]]
        if not isinstance(value, socket.socket):
            return "made"
        kind = [int(value.family), int(value.type), value.proto]
        shown = [kind, value.gettimeout(), self.shown(rest)]
        if call["call"] in ("socket", "accept"):
            bound(value)
        return shown

    def named(self, value):
        return next(name for name, thing in self.things.items() if thing is value)

    def shown(self, value):
        if isinstance(value, (bytes, bytearray)):
            text = bytes(value).decode("latin-1")
            if len(text) <= 64:
                return {"bytes": text}
            return {"length": len(text), "sum": checksum(text), "start": text[:16]}
        if isinstance(value, tuple) and len(value) in (2, 4) and isinstance(value[0], str):
            host, port, *rest = value
            if port == 0:
                return [host, port, *rest]
            name = self.ports.setdefault(port, "port %d" % len(self.ports))
            # A UDP socket that sends before it is bound gets 0.0.0.0 if that is
            # granted, otherwise the loopback address.
            return [WILDCARD.get(host, host), name, *rest]
        if isinstance(value, (list, tuple)):
            return [self.shown(each) for each in value]
        return value


def bound(sock):
    """Lets no call wait for long, whatever the timeout."""
    sock.settimeout(TIMEOUT)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        value = struct.pack("qq", 0, int(TIMEOUT * 1e6))
        sock.setsockopt(socket.SOL_SOCKET, option, value)
    if sock.type == socket.SOCK_STREAM:
        # Otherwise the system keeps small pieces back for a while.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def failure(error):
    if isinstance(error, io.UnsupportedOperation):
        return {"error": "UnsupportedOperation"}
    if isinstance(error, TimeoutError) and error.errno is None:
        return {"error": "TimeoutError"}
    if isinstance(error, OSError):
        return {"error": type(error).__name__, "errno": error.errno}
    # Wrong values are RangeError.
    if isinstance(error, (ValueError, OverflowError)):
        return {"error": "RangeError"}
    if isinstance(error, TypeError):
        return {"error": "TypeError"}
    raise error


def unlike(reason):
    return {} if reason is None else {"unlike": reason}


def mentioned(args, key):
    for each in args:
        if isinstance(each, list):
            yield from mentioned(each, key)
        elif isinstance(each, dict) and key in each:
            yield each[key]


def checksum(text):
    total = 0
    for letter in text:
        total = (total * 31 + ord(letter)) % 1000003
    return total


def nobody(kind):
    """Ports that are taken, but where nobody listens or reads."""
    ports = {}
    for family, host in LOOPBACK.items():
        holder = socket.socket(family, kind)
        holder.bind((host, 0))
        ports[family.name] = holder.getsockname()[1]
        HELD.append(holder)
    return ports


def answer(line):
    given = json.loads(line)
    try:
        result = {"outcomes": Program().run(given["calls"])}
    except BaseException:
        result = {"failed": traceback.format_exc()}
    with LOCK:
        print(json.dumps({"id": given["id"], **result}), flush=True)


LOCK = threading.Lock()
HELD = []
NOBODY = {
    "stream": nobody(socket.SOCK_STREAM),
    "datagram": nobody(socket.SOCK_DGRAM),
}
print(json.dumps(NOBODY), flush=True)
with ThreadPoolExecutor(16) as pool:
    for line in sys.stdin:
        pool.submit(answer, line)
