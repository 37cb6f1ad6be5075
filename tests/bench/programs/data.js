// @ts-check
// What is sent and how it is checked, the same in every program. The checks of
// the timed part (length, first and last byte) cost some nanoseconds.

/** A prime, so that no chunk begins where the one before it did. */
export const PERIOD = 251;

/**
 * A stream of bytes repeats 0 to 250: the byte at `offset` is `offset % PERIOD`.
 * What is to be sent from there is a view of this.
 *
 * @param {number} length The longest view.
 * @returns {Uint8Array<ArrayBuffer>} Its bytes from any offset below `PERIOD`.
 */
export function streamBytes(length) {
  const bytes = new Uint8Array(length + PERIOD);
  for (let i = 0; i < bytes.length; i++) bytes[i] = i % PERIOD;
  return bytes;
}

/**
 * @param {Uint8Array} piece What was received.
 * @param {number} offset Where in the stream it begins.
 * @param {boolean} thorough Whether to look at every byte.
 */
export function checkPiece(piece, offset, thorough) {
  const last = piece.length - 1;
  if (
    piece[0] !== offset % PERIOD || piece[last] !== (offset + last) % PERIOD
  ) {
    throw new Error(`Wrong bytes at ${offset}: ${last + 1} of them`);
  }
  if (thorough) checkStream(piece, offset);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} offset Where in the stream they begin.
 */
function checkStream(bytes, offset) {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== (offset + i) % PERIOD) {
      throw new Error(`Wrong byte at ${offset + i}`);
    }
  }
}

/**
 * @param {number} size
 * @returns {Uint8Array<ArrayBuffer>} A message, to be marked before it is sent.
 */
export function makeMessage(size) {
  return streamBytes(size).slice(0, size);
}

/**
 * Makes a message differ from the one before it.
 *
 * @param {Uint8Array} message
 * @param {number} number Which message it is.
 */
export function markMessage(message, number) {
  message[0] = number;
  message[message.length - 1] = number >> 8;
}

/**
 * @param {Uint8Array} echo What came back.
 * @param {Uint8Array} message What was sent.
 * @param {boolean} thorough Whether to look at every byte.
 */
export function checkEcho(echo, message, thorough) {
  const { length } = message;
  if (
    echo.length !== length || echo[0] !== message[0] ||
    echo[length - 1] !== message[length - 1]
  ) {
    throw new Error(`Wrong echo: ${echo.length} bytes of ${length}`);
  }
  if (thorough) checkSame(echo, message);
}

/**
 * @param {Uint8Array} bytes
 * @param {Uint8Array} expected
 */
function checkSame(bytes, expected) {
  for (let i = 0; i < expected.length; i++) {
    if (bytes[i] !== expected[i]) throw new Error(`Wrong byte at ${i}`);
  }
}

/** What the server of a connection answers to a byte. */
export const ANSWER = 0xff;

/** The byte that ends the wait on an idle connection. */
export const WAKE = 0x5a;

const LINE_COUNT = 97;
const TEXT = "the quick brown fox jumps over the lazy dog 0123456789 ".repeat(3);
const FOREIGN = "größer déjà vu 東京 ";

/** The lines of a block, without their ends: ASCII, but for every eighth. */
export const LINES = Array.from({ length: LINE_COUNT }, (_, i) => {
  const text = TEXT.slice(i % 7, i % 7 + i * 37 % 120);
  return `${i}: ${i % 8 === 7 ? FOREIGN : ""}${text}`;
});

/** How often all lines follow each other in a block. */
const REPEATS = 10;

/** How many lines a block has. */
export const LINES_PER_BLOCK = LINE_COUNT * REPEATS;

/** @returns {Uint8Array<ArrayBuffer>} A block of lines, about 64 KiB. */
export function lineBlock() {
  const text = LINES.map((line) => `${line}\n`).join("").repeat(REPEATS);
  return new TextEncoder().encode(text);
}

/**
 * @param {string} line What was received.
 * @param {number} number Which line it is.
 * @param {string} end What it must end with: a newline, or nothing.
 * @param {boolean} thorough Whether to compare every character.
 */
export function checkLine(line, number, end, thorough) {
  const expected = /** @type {string} */ (LINES[number % LINE_COUNT]);
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

const MARKER = 0xffffffff;
const HEADER = 8;

/**
 * A datagram begins with its number and that of the run, so that what was lost
 * is known and what comes late is not counted again.
 */
export class DatagramWriter {
  /** @param {number} size */
  constructor(size) {
    /** @type {Uint8Array<ArrayBuffer>} */
    this.bytes = makeMessage(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /**
   * @param {number} number Which datagram of the run it is.
   * @param {number} run
   * @returns {Uint8Array<ArrayBuffer>} Its bytes, until the next one is asked for.
   */
  write(number, run) {
    this.view.setUint32(0, number);
    this.view.setUint32(4, run);
    return this.bytes;
  }

  /**
   * @param {number} run
   * @returns {Uint8Array<ArrayBuffer>} The last datagram of a run.
   */
  end(run) {
    return this.write(MARKER, run);
  }
}

/** Counts and checks the datagrams of one run. */
export class DatagramReader {
  /**
   * @param {number} size
   * @param {number} run
   * @param {boolean} thorough Whether to look at every byte.
   */
  constructor(size, run, thorough) {
    this.size = size;
    this.run = run;
    this.thorough = thorough;
    this.received = 0;
    this.next = 0;
  }

  /**
   * @param {Uint8Array} bytes What was received.
   * @returns {boolean} Whether it was the last one.
   */
  read(bytes) {
    const last = bytes.length - 1;
    if (last + 1 !== this.size || bytes[last] !== last % PERIOD) {
      throw new Error(`Wrong datagram of ${last + 1} bytes`);
    }
    const number = uint32(bytes, 0);
    if (uint32(bytes, 4) !== this.run) return false;
    if (this.thorough) checkStream(bytes.subarray(HEADER), HEADER);
    if (number === MARKER) return true;
    if (number < this.next) {
      throw new Error(`Wrong datagram: ${number} when ${this.next} was next`);
    }
    this.next = number + 1;
    this.received++;
    return false;
  }

  /**
   * @param {number} least How many must have arrived.
   * @returns {{ received: number }}
   */
  result(least) {
    if (this.received < least) {
      throw new Error(`Received ${this.received} datagrams of ${least}`);
    }
    return { received: this.received };
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} offset
 * @returns {number}
 */
function uint32(bytes, offset) {
  return byte(bytes, offset) * 2 ** 24 + (byte(bytes, offset + 1) << 16) +
    (byte(bytes, offset + 2) << 8) + byte(bytes, offset + 3);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} index
 * @returns {number}
 */
function byte(bytes, index) {
  return bytes[index] ?? 0;
}
