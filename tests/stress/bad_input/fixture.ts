import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair, type TcpSocket, udpSocket } from "../../support/pair.ts";
import { within } from "../../support/within.ts";

/** A file in memory that can be read and moved. */
export class MemoryFile {
  #position = 0;
  readonly #content = new Uint8Array(10);

  read(p: Uint8Array): Promise<number | null> {
    const part = this.#content.subarray(
      this.#position,
      this.#position + p.length,
    );
    p.set(part);
    this.#position += part.length;
    return Promise.resolve(part.length || null);
  }

  seek(offset: number): Promise<number> {
    return Promise.resolve(this.#position = offset);
  }
}

/**
 * What calls are made on: sockets that never wait, so that a call that works
 * has nothing to hang on.
 */
export class Fixture implements AsyncDisposable {
  /** Connected with each other. */
  readonly client: TcpSocket;
  readonly peer: TcpSocket;
  /** Datagram sockets, of which this one's peer is the other. */
  readonly udp: TcpSocket;
  readonly udpPeer: TcpSocket;
  /** Is sent datagrams that nobody reads. */
  readonly udpSink: TcpSocket;
  /** Accepts and closes whatever connects. */
  readonly server: TcpSocket;
  /** Listens, and nobody connects. */
  readonly idleListener: TcpSocket;
  /** What the call that was made last was made on, if on something new. */
  subject: unknown;
  readonly #own: { close(): unknown }[] = [];
  readonly #stack: AsyncDisposableStack;
  readonly #serving: Promise<void>;
  #marks = 0;

  private constructor(
    stack: AsyncDisposableStack,
    { client, peer }: { client: TcpSocket; peer: TcpSocket },
  ) {
    this.#stack = stack;
    this.client = client;
    this.peer = peer;
    this.udp = stack.use(udpSocket());
    this.udpPeer = stack.use(udpSocket());
    this.udpSink = stack.use(udpSocket());
    this.server = stack.use(socket.create_server(["127.0.0.1", 0]));
    this.idleListener = stack.use(socket.create_server(["127.0.0.1", 0]));
    this.#serving = this.#serve();
    this.reset();
  }

  static async make(): Promise<Fixture> {
    const stack = new AsyncDisposableStack();
    const fixture = new Fixture(stack, stack.use(await tcpPair()));
    await fixture.udp.connect(fixture.udpPeer.getsockname());
    return fixture;
  }

  async #serve(): Promise<void> {
    for await (const [conn] of this.server) conn.close();
  }

  /** The sockets as they were at first. */
  reset(): void {
    socket.setdefaulttimeout(null);
    for (const each of [this.client, this.udp, this.idleListener]) {
      each.settimeout(0);
      each.ref();
    }
  }

  /** A socket for one call. */
  fresh<A extends socket.Address>(
    family: socket.Family<A>,
    type: number = socket.SOCK_STREAM,
  ): socket.Socket<A> {
    const made = socket.socket(family, type);
    made.settimeout(0);
    this.subject = made;
    return this.own(made);
  }

  /** Keeps something to be closed after the call. */
  own<T extends { close(): unknown }>(made: T): T {
    this.#own.push(made);
    return made;
  }

  /** Closes what was made for the last call. */
  async clear(): Promise<void> {
    this.subject = undefined;
    for (const each of this.#own.splice(0).reverse()) {
      await Promise.resolve(each.close()).catch(() => {});
    }
  }

  /**
   * Sends something both ways, which has to arrive behind `sent` bytes: what
   * the calls before have sent, and nothing else. Undefined is any number.
   */
  async check(sent: number | undefined): Promise<void> {
    this.reset();
    const mark = new TextEncoder().encode(`mark ${this.#marks++};`);
    this.client.settimeout(60);
    await this.client.sendall(mark);
    if (sent === undefined) await this.#passTo(mark);
    else {
      const size = sent + mark.length;
      const got = await within(this.peer.recv(size, socket.MSG_WAITALL));
      assertEquals(got.subarray(sent), mark, `what follows ${sent} bytes`);
    }
    await this.peer.sendall(mark);
    assertEquals(await this.client.recv(1000), mark);
    this.reset();
  }

  async #passTo(mark: Uint8Array): Promise<void> {
    let end = "";
    do {
      const data = await within(this.peer.recv(65_536));
      end = (end + String.fromCharCode(...data)).slice(-mark.length);
    } while (end !== String.fromCharCode(...mark));
  }

  /** The same with datagrams, of which there may be `sent` and no more. */
  async checkDatagrams(sent: number): Promise<void> {
    const mark = new TextEncoder().encode(`mark ${this.#marks++};`);
    this.udp.settimeout(60);
    await this.udp.send(mark);
    for (let n = 0;; n++) {
      const got = await within(this.udpPeer.recv(1000));
      if (got.length === mark.length && got.every((b, i) => b === mark[i])) {
        assertEquals(n <= sent, true, `${n} datagrams of ${sent}`);
        break;
      }
    }
    this.reset();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clear();
    socket.setdefaulttimeout(null);
    await this.#stack.disposeAsync();
    await within(this.#serving);
  }
}
