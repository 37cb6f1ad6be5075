/**
 * Reads the ClientHello, the first message of a client, before the handshake
 * begins: its server name and its protocols decide how a server answers.
 */

/** The parts of a ClientHello that are used, RFC 8446, 4.1.2. */
export interface ClientHello {
  /** The host name of the server name indication (SNI), or null. */
  readonly serverName: string | null;
  /** The ALPN protocols, in the client's order. */
  readonly protocols: readonly string[];
}

const SERVER_NAME = 0;
const ALPN = 16;

/** Reads numbers, and vectors that begin with their length. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  number(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("truncated");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  vector(lengthSize: number): Uint8Array {
    return this.take(this.number(lengthSize));
  }
}

/**
 * Returns the length of the handshake message that begins with `bytes`, its
 * header included, or undefined if the header is not complete.
 */
export function messageLength(bytes: Uint8Array): number | undefined {
  return bytes.length < 4 ? undefined : 4 + new Reader(bytes.subarray(1, 4))
    .number(3);
}

/** Parses a complete message, and leaves out the parts that are malformed. */
export function parseClientHello(message: Uint8Array): ClientHello {
  let serverName: string | null = null;
  const protocols: string[] = [];
  try {
    // Type and length, version, random.
    const hello = new Reader(message.subarray(4 + 2 + 32));
    hello.vector(1); // session
    hello.vector(2); // cipher suites
    hello.vector(1); // compression methods
    const extensions = new Reader(
      hello.more ? hello.vector(2) : message.subarray(0, 0),
    );
    while (extensions.more) {
      const type = extensions.number(2);
      const extension = new Reader(extensions.vector(2));
      if (type === SERVER_NAME) {
        const names = new Reader(extension.vector(2));
        if (names.number(1) === 0) serverName = textOf(names.vector(2));
      } else if (type === ALPN) {
        const list = new Reader(extension.vector(2));
        while (list.more) protocols.push(textOf(list.vector(1)));
      }
    }
  } catch {
    // The runtime refuses a malformed message in the handshake.
  }
  return { serverName, protocols };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
