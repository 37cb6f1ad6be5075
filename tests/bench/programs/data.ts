// What is sent and how it is checked, the same in every program. The checks of
// the timed part (length, first and last byte) cost some nanoseconds.

/** A prime, so that no chunk begins where the one before it did. */
export const PERIOD = 251;

/**
 * Bytes of a stream, in which the byte at `offset` is `offset % PERIOD`. A view
 * of `length` from any offset below `PERIOD` is what comes there.
 */
export function streamBytes(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length + PERIOD);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % PERIOD;
  return bytes;
}

/** Checks what was received at `offset` of the stream. */
export function checkPiece(
  piece: Uint8Array,
  offset: number,
  thorough: boolean,
): void {
  const last = piece.length - 1;
  if (
    piece[0] !== offset % PERIOD || piece[last] !== (offset + last) % PERIOD
  ) {
    throw new Error(`Wrong bytes at ${offset}: ${last + 1} of them`);
  }
  if (thorough) checkAll(piece, offset);
}

function checkAll(piece: Uint8Array, offset: number): void {
  for (let i = 0; i < piece.length; i++) {
    if (piece[i] !== (offset + i) % PERIOD) {
      throw new Error(`Wrong byte at ${offset + i}`);
    }
  }
}

/** A message, to be marked before it is sent. */
export function makeMessage(size: number): Uint8Array<ArrayBuffer> {
  return streamBytes(size).slice(0, size);
}

/** Makes a message differ from the one before it. */
export function markMessage(message: Uint8Array, number: number): void {
  message[0] = number;
  message[message.length - 1] = number >> 8;
}

/** Checks what came back for `message`. */
export function checkEcho(
  echo: Uint8Array,
  message: Uint8Array,
  thorough: boolean,
): void {
  const { length } = message;
  if (
    echo.length !== length || echo[0] !== message[0] ||
    echo[length - 1] !== message[length - 1]
  ) {
    throw new Error(`Wrong echo: ${echo.length} bytes of ${length}`);
  }
  if (thorough) checkSame(echo, message);
}

function checkSame(bytes: Uint8Array, expected: Uint8Array): void {
  for (let i = 0; i < expected.length; i++) {
    if (bytes[i] !== expected[i]) throw new Error(`Wrong byte at ${i}`);
  }
}

/** A server of connections answers to a byte what is missing to this. */
export const ANSWER = 0xff;

/** The byte that ends the wait on an idle connection. */
export const WAKE = 0x5a;

const TEXT = "the quick brown fox jumps over the lazy dog 0123456789 ".repeat(
  3,
);
const FOREIGN = "größer déjà vu 東京 ";

/** Different lines, without their ends; every eighth is not all ASCII. */
const LINES: readonly string[] = Array.from({ length: 97 }, (_, i) => {
  const text = TEXT.slice(i % 7, i % 7 + i * 37 % 120);
  return `${i}: ${i % 8 === 7 ? FOREIGN : ""}${text}`;
});

const REPEATS = 10;

/** How many lines a block has. */
export const LINES_PER_BLOCK: number = LINES.length * REPEATS;

/** All lines, ten times: about 64 KiB. */
export function lineBlock(): Uint8Array<ArrayBuffer> {
  const text = LINES.map((line) => `${line}\n`).join("").repeat(REPEATS);
  return new TextEncoder().encode(text);
}

/** Checks line `number`, which must end with `end`: a newline, or nothing. */
export function checkLine(
  line: string,
  number: number,
  end: "\n" | "",
  thorough: boolean,
): void {
  const expected = LINES[number % LINES.length]!;
  const { length } = expected;
  if (
    line.length !== length + end.length ||
    line.charCodeAt(0) !== expected.charCodeAt(0) ||
    line.charCodeAt(length - 1) !== expected.charCodeAt(length - 1) ||
    thorough && line !== expected + end
  ) {
    throw new Error(`Wrong line ${number}: ${JSON.stringify(line)}`);
  }
}

const BEGIN = 0xfffffffe;
const END = 0xffffffff;
const HEADER = 8;

/**
 * Makes datagrams. Each begins with its number and that of the run, so that what
 * was lost is known, and what comes late is not counted in the next run.
 */
export class DatagramWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  constructor(size: number) {
    this.#bytes = makeMessage(size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Datagram `number` of a run; its bytes are overwritten by the next one. */
  write(number: number, run: number): Uint8Array<ArrayBuffer> {
    this.#view.setUint32(0, number);
    this.#view.setUint32(4, run);
    return this.#bytes;
  }

  /** The datagram before the first one of a run. */
  begin(run: number): Uint8Array<ArrayBuffer> {
    return this.write(BEGIN, run);
  }

  /** The datagram after the last one of a run. */
  end(run: number): Uint8Array<ArrayBuffer> {
    return this.write(END, run);
  }
}

/** Counts and checks the datagrams of one run. */
export class DatagramReader {
  readonly #size: number;
  readonly #run: number;
  readonly #thorough: boolean;
  /** How many have arrived. */
  received = 0;
  /** The number after that of the last one. */
  next = 0;
  /** Whether the end has come. */
  ended = false;

  constructor(size: number, run: number, thorough: boolean) {
    this.#size = size;
    this.#run = run;
    this.#thorough = thorough;
  }

  /** Takes a datagram; returns whether it is to be sent back as it is. */
  read(bytes: Uint8Array): boolean {
    const last = bytes.length - 1;
    if (last + 1 !== this.#size || bytes[last] !== last % PERIOD) {
      throw new Error(`Wrong datagram of ${last + 1} bytes`);
    }
    if (uint32(bytes, 4) !== this.#run) return false;
    if (this.#thorough) checkAll(bytes.subarray(HEADER), HEADER);
    const number = uint32(bytes, 0);
    if (number >= BEGIN) {
      this.ended = number === END;
      return true;
    }
    if (number < this.next) {
      throw new Error(`Wrong datagram: ${number} when ${this.next} was next`);
    }
    this.next = number + 1;
    this.received++;
    return false;
  }

  /** What the run has come to, if at least so many have arrived. */
  result(least: number): { received: number } {
    const { received } = this;
    if (received >= least) return { received };
    throw new Error(`Received ${received} datagrams of ${least}`);
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 |
    bytes[at + 3]!) >>> 0;
}
