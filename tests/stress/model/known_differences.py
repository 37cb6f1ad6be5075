"""Where the module differs from CPython by intent.

The README's "Differences from Python" say so of the module; here CPython's
sockets are brought in line with it, or what they say is marked as unlike it.
"""

import errno
import fcntl
import os
import select
import socket
import struct
import termios
import time

SENDING = ("send", "sendall", "sendto", "sendmsg", "write", "flush", "close")

# What a receive gives that gives nothing.
NOTHING = {
    "recv": b"",
    "recvfrom": (b"", None),
    "recvmsg": (b"", [], 0, None),
    "recv_into": 0,
    "recvfrom_into": (0, None),
    "recvmsg_into": (0, [], 0, None),
}


class Closed:
    """A closed socket that a file object keeps open, for select."""

    def fileno(self):
        return -1


class Differences:
    """The sockets and files of one program, and what is known of them."""

    def __init__(self):
        self.things = {}  # by name; descriptors are numbers
        self.under = {}  # name of a file -> its socket
        self.addresses = {}  # name -> the last address
        self.inodes = {}  # name -> what its duplicates share
        self.connected = {}  # inode -> own address and peer's, once connected
        self.failed = set()  # inodes of streams whose connect failed
        self.aimed = set()  # inodes of datagram sockets that have connected
        self.shut = {}  # inode -> what it was shut for, 1 and 2 or-ed
        self.unread = {}  # inode shut for receiving -> bytes still to be had
        self.reuse = set()  # inodes whose SO_REUSEADDR reads 0
        self.spoilt = set()  # connections, that are unlike any of the module
        self.unnamed = {}  # name that nothing was made for -> why
        self.over = None  # why nothing says anything any more
        self.then_over = None  # the same, from the next call on

    # Bringing CPython in line

    def call(self, name, sock, method, args):
        """Calls a method as the module would understand it."""
        inode = self.inodes.get(name)
        if sock._closed and sock._io_refs > 0:
            # After close() a socket is EBADF, even while a file is open.
            if method not in ("close", "gettimeout", "getblocking"):
                sock = socket.socket(sock.family, sock.type)
                sock.close()
        if sock.fileno() < 0:
            return getattr(sock, method)(*args)
        if method in ("connect", "connect_ex"):
            if sock.type == socket.SOCK_DGRAM:
                return self.aim(inode, sock, method, args)
            return self.connect(name, sock, method, args)
        if method == "close":
            self.before_close(name)
        elif method == "bind" and sock.type == socket.SOCK_STREAM:
            self.share_port(sock, args[0])
        elif method in ("getsockopt", "setsockopt") and args[1] == socket.SO_REUSEADDR:
            return self.reuse_option(inode, sock, method, args)
        elif method == "recv" and args[1:] == [socket.MSG_WAITALL]:
            self.wait_for_all(inode, sock, args[0])
        elif method == "getsockname" and inode in self.failed:
            # A stream whose connect has failed has no address.
            return ("0.0.0.0", 0) if sock.family == socket.AF_INET else ("::", 0, 0, 0)
        elif method == "getpeername" and inode in self.connected:
            self.before_getpeername(name, sock)
        elif method == "shutdown" and args[0] in (0, 1, 2):
            self.before_shutdown(name, sock)
        elif method in ("send", "sendall") and sock.type == socket.SOCK_DGRAM:
            self.before_aimless_send(sock, args)
        elif method in NOTHING and sock.type == socket.SOCK_DGRAM:
            if self.shut.get(inode, 0) & 1:
                return self.receive_after_shutdown(sock, method, args)
        try:
            value = getattr(sock, method)(*args)
        except OSError as error:
            raise self.instead_of(error, inode, sock)
        if method == "bind":
            self.failed.discard(inode)
        elif method == "shutdown":
            self.after_shutdown(inode, sock, args[0])
        elif method == "listen" and self.shut.get(inode, 0) & 1:
            # It listens at its own port again; Linux takes another.
            self.then_over = "a listener that was shut down listens again"
        elif method == "accept":
            if inode in self.reuse:
                self.reuse.add(inode_of(value[0]))
        elif method == "getsockopt" and args[1] == socket.SO_ERROR:
            # A reset that no call has met yet is unknown to SO_ERROR.
            if value and inode in self.connected:
                self.spoil(name)
        return value

    def instead_of(self, error, inode, sock):
        """What the module says instead of an error."""
        # send on a stream that was never connected is ENOTCONN.
        if isinstance(error, BrokenPipeError) and inode not in self.connected:
            if sock.type == socket.SOCK_STREAM:
                return OSError(errno.ENOTCONN, "never connected")
        return error

    def connect(self, name, sock, method, args):
        self.look_for_bound(args[0])
        try:
            # After a connect that failed the next one tries again; Linux says
            # ECONNABORTED once if there was a timeout.
            try:
                value = getattr(sock, method)(*args)
            except ConnectionAbortedError:
                value = getattr(sock, method)(*args)
            if value == errno.ECONNABORTED:
                value = getattr(sock, method)(*args)
        except OSError:
            self.after_connect(name, sock, args)
            raise
        self.after_connect(name, sock, args)
        return value

    def after_connect(self, name, sock, args):
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return
        # A duplicate may have made it non-blocking too.
        blocking = os.get_blocking(sock.fileno())
        if not blocking:
            select.select([], [sock], [], 5)
        inode = inode_of(sock)
        try:
            sock.getpeername()
        except OSError:
            if inode not in self.connected and name not in self.addresses:
                self.failed.add(inode)
            return
        self.failed.discard(inode)
        # After a connect that has succeeded the next one fails with EISCONN; if
        # there is a timeout Linux says 0 once.
        if not blocking and sock.gettimeout() != 0:
            sock.connect_ex(*args)

    def aim(self, inode, sock, method, args):
        """Datagrams of others that came before connect, and were not yet
        received, are dropped; of those that the kernel turned away, some are not."""
        if inode in self.aimed or readable(sock):
            self.over = "datagrams before a connect"
        self.aimed.add(inode)
        return getattr(sock, method)(*args)

    def look_for_bound(self, address):
        """Between bind and listen a client's connect already succeeds."""
        for thing in self.streams():
            if inode_of(thing) in self.connected or thing.getsockname() != address:
                continue
            if not thing.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                self.over = "a connect to a socket that does not listen yet"

    def share_port(self, sock, address):
        """Deno sets SO_REUSEADDR for TCP in any case. Two sockets that are bound
        to one address are EADDRINUSE all the same, since it listens at once."""
        for other in self.streams():
            if other.getsockname() == address and inode_of(other) not in self.connected:
                if sock.getsockname()[1] != 0:
                    return
                raise OSError(errno.EADDRINUSE, "bound, and so listening")
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.reuse.add(inode_of(sock))

    def reuse_option(self, inode, sock, method, args):
        if method == "getsockopt":
            return 0 if inode in self.reuse else sock.getsockopt(*args)
        self.reuse.discard(inode)
        if args[2] == 0 and sock.type == socket.SOCK_STREAM:
            self.reuse.add(inode)
            args = [*args[:2], 1]
        return sock.setsockopt(*args)

    def wait_for_all(self, inode, sock, size):
        """MSG_WAITALL with a timeout waits for all bytes until the time is over,
        and leaves those that came."""
        if not sock.gettimeout() or inode not in self.connected:
            return
        end = time.monotonic() + sock.gettimeout()
        poll = select.poll()
        poll.register(sock, select.POLLRDHUP)
        while pending(sock) < size and not poll.poll(0):
            if time.monotonic() > end:
                raise TimeoutError("timed out")
            time.sleep(0.005)

    def before_getpeername(self, name, sock):
        """A connection has a peer until a call has met its end. If only one side
        gives the address, they number the ports differently from then on."""
        try:
            sock.getpeername()
            unlike = self.is_spoilt(name)
        except OSError:
            unlike = True
        if unlike:
            self.then_over = "the peer of a connection that has ended"

    def before_shutdown(self, name, sock):
        """Without a peer shutdown of an IP socket is ENOTCONN and nothing else."""
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self.spoil_queue(name)
        elif self.inodes[name] not in self.connected:
            sock.getpeername()

    def after_shutdown(self, inode, sock, how):
        self.shut[inode] = self.shut.get(inode, 0) | (how + 1)
        if how != socket.SHUT_WR:
            self.unread[inode] = pending(sock)
            if sock.type == socket.SOCK_DGRAM and readable(sock):
                # What the module has received already it still returns.
                self.over = "datagrams before a shutdown"

    def receive_after_shutdown(self, sock, method, args):
        """After shutdown(SHUT_RD) a receive gives 0 bytes at once."""
        try:
            getattr(sock, method)(*args)  # Its arguments may be wrong.
        except (BlockingIOError, TimeoutError):
            pass
        return NOTHING[method]

    def before_aimless_send(self, sock, args):
        """A datagram that has no address does not bind its socket."""
        if sock.getsockname()[1] == 0 and isinstance(args[0], bytes):
            long = len(args[0]) > 0xFFFF and sock.family == socket.AF_INET
            raise OSError(errno.EMSGSIZE if long else errno.EDESTADDRREQ, "no address")

    def clear_refusals(self):
        """A connected UDP socket never sees ECONNREFUSED."""
        for thing in self.things.values():
            if isinstance(thing, socket.socket) and thing.fileno() >= 0:
                if thing.type == socket.SOCK_DGRAM:
                    thing.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    @staticmethod
    def selectable(thing):
        """After close() a socket's fileno() is -1, even while a file is open."""
        if isinstance(thing, list):
            return [Differences.selectable(each) for each in thing]
        if isinstance(thing, socket.socket) and thing._closed:
            return Closed()
        return thing

    # Marking what is unlike

    def look_for_late(self, name, method):
        """After shutdown(SHUT_RD) nothing more is read from the peer. Linux still
        returns what comes, or resets the connection if it is shut both ways."""
        inode = self.inodes.get(name)
        if inode in self.unread and pending(self.socket(name)) > self.unread[inode]:
            self.spoil(name)
        pair = self.connected.get(inode)
        for other, ends in self.connected.items():
            if self.shut.get(other) == 3 and ends[::-1] == pair and method in SENDING:
                self.spoil(name)

    def before_close(self, name):
        """A close with bytes unread sends the end of the stream first, where the
        system would reset."""
        self.spoil_queue(name)
        inode = self.inodes.get(name)
        holders = [
            other
            for other, thing in self.things.items()
            if self.inodes.get(other) == inode and not closed(thing)
        ]
        if inode in self.connected and holders == [name] and pending(self.socket(name)):
            self.spoilt.add(self.connected[inode][::-1])

    def spoil_queue(self, name):
        """What nobody has accepted, the system resets when a listener ends."""
        ends = self.connected.values()
        for pair in ends:
            if pair[1] == self.addresses.get(name) and pair[::-1] not in ends:
                self.spoilt.add(pair)

    def spoil(self, name):
        """What is done with a connection says nothing any more."""
        pair = self.connected.get(self.inodes.get(name))
        if pair is None:
            self.over = "a file of a socket that was never connected"
        else:
            self.spoilt.update((pair, pair[::-1]))

    def why_unlike(self, names, addressed):
        """Why a call that mentions these says nothing, if it does not."""
        if any(self.is_spoilt(name) for name in addressed):
            # Whether the port is still taken, for one.
            self.over = "the address of a connection that is unlike the module's"
        if self.over is not None:
            return self.over
        if any(self.is_spoilt(name) for name in names):
            return "a connection that is unlike the module's"
        return None

    def is_spoilt(self, name):
        return self.connected.get(self.inodes.get(name)) in self.spoilt

    # What is known

    def streams(self):
        for thing in self.things.values():
            if isinstance(thing, socket.socket) and thing.fileno() >= 0:
                if thing.type == socket.SOCK_STREAM:
                    yield thing

    def socket(self, name):
        return self.under.get(name) or self.things[name]

    def look(self, name):
        """Notes what cannot be asked of a socket when it has closed."""
        sock = self.socket(name) if name in self.things else None
        if not isinstance(sock, socket.socket) or sock.fileno() < 0:
            return
        inode = self.inodes[name] = inode_of(sock)
        if inode in self.unread:
            self.unread[inode] = pending(sock)
        own = sock.getsockname()
        if own[1] != 0 and inode not in self.failed:
            self.addresses[name] = own
        if sock.type == socket.SOCK_STREAM and inode not in self.connected:
            try:
                self.connected[inode] = (own, sock.getpeername())
            except OSError:
                pass


def inode_of(sock):
    return os.fstat(sock.fileno()).st_ino


def readable(sock):
    return bool(select.select([sock], [], [], 0)[0])


def pending(sock):
    """How many bytes could be received at once."""
    try:
        answer = fcntl.ioctl(sock.fileno(), termios.FIONREAD, bytes(4))
    except (OSError, ValueError, AttributeError):
        return 0  # It listens, is closed, or is a descriptor.
    return struct.unpack("i", answer)[0]


def closed(thing):
    if isinstance(thing, socket.socket):
        return thing._closed
    return getattr(thing, "closed", False)
