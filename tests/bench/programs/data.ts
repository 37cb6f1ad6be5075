// The data that all programs send, and the check in the timed part, which costs
// some nanoseconds: that the right amount has come. That the bytes are the right
// ones is for the module's tests to check.

/** Bytes handed to one send where a stream is sent. */
export const CHUNK: number = 64 * 1024;

/** A message, a record or a piece of a stream. */
export function filled(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).fill(7);
}

/** Checks that all has come that was sent, and nothing else. */
export function checkAmount(received: number, sent: number): void {
  if (received !== sent) throw new Error(`Received ${received} of ${sent}`);
}

/** How many lines a block has. */
export const LINES_PER_BLOCK: number = 1000;

const LINE = "the quick brown fox jumps over the lazy dog";

/** A block of lines, which is handed to one send. */
export const lineBlock: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  `${LINE}\n`.repeat(LINES_PER_BLOCK),
);

/** The characters of a line without its end. */
export const LINE_LENGTH: number = LINE.length;

const BODY = "hello";

/** The answer of the HTTP servers. */
export const httpAnswer: Uint8Array<ArrayBuffer> = new TextEncoder().encode(
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" +
    `Content-Length: ${BODY.length}\r\n\r\n${BODY}`,
);

/** Whether a request ends here; a request without a body ends with "\r\n\r\n". */
export function endsRequest(bytes: Uint8Array): boolean {
  const { length } = bytes;
  return bytes[length - 1] === 10 && bytes[length - 2] === 13 &&
    bytes[length - 3] === 10;
}

/** The first byte of the datagram that ends a flood. */
export const FLOOD_END = 0xff;

/** The byte that ends the wait on an idle connection. */
export const WAKE = 0x5a;
