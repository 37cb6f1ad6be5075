"""What all programs send; data.ts has the same."""

CHUNK = 64 * 1024
LINES_PER_BLOCK = 1000
LINE_BLOCK = b"the quick brown fox jumps over the lazy dog\n" * LINES_PER_BLOCK
BODY = b"hello"
HTTP_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
REQUEST_END = b"\r\n\r\n"
FLOOD_END = 0xFF
WAKE = b"\x5a"


def filled(size):
    return b"\x07" * size


def check_amount(received, sent):
    if received != sent:
        raise ValueError(f"Received {received} of {sent}")
