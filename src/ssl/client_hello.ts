/**
 * The first message of a TLS client, read before the handshake begins: the name
 * it asks for and the protocols it offers decide how a server answers.
 */

/** The offer of a client, RFC 8446, 4.1.2. */
export interface ClientHello {
  /** The host name of the server name indication; null without one. */
  readonly serverName: string | null;
  /** The protocols of ALPN, in the client's order. */
  readonly protocols: readonly string[];
}

const SERVER_NAME = 0;
const ALPN = 16;

/** Reads numbers and vectors with a length in front of them. */
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
 * The length of the handshake message that begins with `bytes`, its header
 * included; undefined if too little of it is there to say so.
 */
export function messageLength(bytes: Uint8Array): number | undefined {
  return bytes.length < 4 ? undefined : 4 + new Reader(bytes.subarray(1, 4))
    .number(3);
}

/** Reads a whole message, and leaves out the parts that it cannot read. */
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
    // The handshake itself refuses a message that is not well formed.
  }
  return { serverName, protocols };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
