"""What is sent and how it is checked, as in data.ts."""

PERIOD = 251
ANSWER = 0xFF
WAKE = 0x5A

_CYCLE = bytes(range(PERIOD))


def stream_bytes(length):
    """Bytes of a stream, in which the byte at offset is offset % PERIOD."""
    return (_CYCLE * (length // PERIOD + 2))[: length + PERIOD]


_ALL = stream_bytes(1 << 20)


def check_piece(piece, offset, thorough):
    last = len(piece) - 1
    if (
        last < 0
        or piece[0] != offset % PERIOD
        or piece[last] != (offset + last) % PERIOD
    ):
        raise ValueError(f"Wrong bytes at {offset}: {last + 1} of them")
    if thorough:
        start = offset % PERIOD
        if piece != _ALL[start : start + len(piece)]:
            raise ValueError(f"Wrong bytes after {offset}")


def make_message(size):
    return bytearray(stream_bytes(size)[:size])


def mark_message(message, number):
    message[0] = number & 0xFF
    message[-1] = number >> 8 & 0xFF


def check_echo(echo, message, thorough):
    if (
        len(echo) != len(message)
        or echo[0] != message[0]
        or echo[-1] != message[-1]
        or thorough
        and echo != message
    ):
        raise ValueError(f"Wrong echo: {len(echo)} bytes of {len(message)}")


_TEXT = "the quick brown fox jumps over the lazy dog 0123456789 " * 3
_FOREIGN = "größer déjà vu 東京 "

LINES = [
    f"{i}: {_FOREIGN if i % 8 == 7 else ''}{_TEXT[i % 7 : i % 7 + i * 37 % 120]}"
    for i in range(97)
]
LINES_PER_BLOCK = len(LINES) * 10
LINE_BLOCK = ("".join(line + "\n" for line in LINES) * 10).encode()


def check_line(line, number, thorough):
    expected = LINES[number % len(LINES)]
    length = len(expected)
    if (
        len(line) != length + 1
        or line[0] != expected[0]
        or line[length - 1] != expected[length - 1]
        or thorough
        and line != expected + "\n"
    ):
        raise ValueError(f"Wrong line {number}: {line!r}")


_BEGIN = 0xFFFFFFFE
_END = 0xFFFFFFFF
_HEADER = 8


class DatagramWriter:
    """Makes datagrams, which begin with their number and that of the run."""

    def __init__(self, size):
        self._rest = stream_bytes(size)[_HEADER:size]

    def write(self, number, run):
        return number.to_bytes(4, "big") + run.to_bytes(4, "big") + self._rest


class DatagramReader:
    """Counts and checks the datagrams of one run."""

    def __init__(self, size, run, thorough):
        self._size = size
        self._run = run
        self._thorough = thorough
        self._rest = stream_bytes(size)[_HEADER:size]
        self._next = 0
        self.received = 0
        self.ended = False

    def read(self, data):
        """Takes a datagram; returns whether it is to be sent back as it is."""
        if len(data) != self._size or data[-1] != (self._size - 1) % PERIOD:
            raise ValueError(f"Wrong datagram of {len(data)} bytes")
        if int.from_bytes(data[4:8], "big") != self._run:
            return False
        if self._thorough and data[_HEADER:] != self._rest:
            raise ValueError("Wrong bytes in a datagram")
        number = int.from_bytes(data[:4], "big")
        if number >= _BEGIN:
            self.ended = number == _END
            return True
        if number < self._next:
            raise ValueError(f"Wrong datagram: {number} before {self._next}")
        self._next = number + 1
        self.received += 1
        return False

    def result(self, least):
        if self.received < least:
            raise ValueError(f"Received {self.received} datagrams of {least}")
        return {"received": self.received}
