import { AF_INET, SOCK_DGRAM } from "../../src/base/constants.ts";
import { Datagram } from "../../src/endpoint/datagram.ts";
import type { DatagramConn } from "../../src/runtime/deno_net.ts";
import { Options } from "../../src/endpoint/options.ts";
import type { InetSockaddr } from "../../src/base/sockaddr.ts";
import { type CallContext, CallOwner } from "../../src/wait/waiter.ts";

/** A datagram port whose operations settle when a test says so. */
export class FakeDatagramPort implements DatagramConn {
  readonly addr: Deno.NetAddr = addr(1);
  /** What was sent: the port, and the bytes as they were when it settled. */
  readonly sent: [port: number, data: number[]][] = [];
  /** Whether a pending receive keeps the process alive. */
  referenced = true;
  closed = false;
  /** How many receives were begun. */
  receives = 0;
  #receive: Operation<[Uint8Array, Deno.Addr]> | undefined;
  #send: (Operation<number> & { readonly port: number }) | undefined;

  /** Whether a receive is pending. */
  get receiving(): boolean {
    return this.#receive !== undefined;
  }

  /** Whether a send is pending. */
  get sending(): boolean {
    return this.#send !== undefined;
  }

  receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    if (this.#receive) throw new Error("Two receives in flight");
    this.receives++;
    return new Promise((resolve, reject) => {
      this.#receive = { bytes: buffer, resolve, reject };
    });
  }

  send(data: Uint8Array, to: Deno.Addr): Promise<number> {
    if (this.#send) throw new Error("Two sends in flight");
    const { port } = to as Deno.NetAddr;
    return new Promise((resolve, reject) => {
      this.#send = { bytes: data, resolve, reject, port };
    });
  }

  /** A datagram comes for the pending receive. */
  deliver(data: Uint8Array, port = 2): void {
    const receive = this.#receive!;
    this.#receive = undefined;
    receive.bytes.set(data);
    receive.resolve([receive.bytes.subarray(0, data.length), addr(port)]);
  }

  /** The pending receive fails. */
  failReceive(error: Error): void {
    const receive = this.#receive!;
    this.#receive = undefined;
    receive.reject(error);
  }

  /** The kernel takes the pending datagram. */
  take(): void {
    const send = this.#send!;
    this.#send = undefined;
    this.sent.push([send.port, [...send.bytes]]);
    send.resolve(send.bytes.length);
  }

  /** The pending send fails. */
  failSend(error: Error): void {
    const send = this.#send!;
    this.#send = undefined;
    send.reject(error);
  }

  close(): void {
    if (this.sending) throw new Error("Closed with a send in flight");
    this.closed = true;
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }
}

interface Operation<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function addr(port: number): Deno.NetAddr {
  return { transport: "udp", hostname: "127.0.0.1", port };
}

/** A datagram endpoint on a fake port, for `using`. */
export class DatagramRig implements Disposable {
  readonly options: Options = new Options(AF_INET, SOCK_DGRAM);
  readonly endpoint: Datagram = new Datagram(AF_INET, this.options);
  readonly port: FakeDatagramPort = new FakeDatagramPort();
  readonly owner: CallOwner = new CallOwner();
  /** What the port was opened with. */
  readonly opened: unknown[] = [];
  readonly #own = Object.getOwnPropertyDescriptor(Deno, "listenDatagram");

  constructor() {
    Object.defineProperty(Deno, "listenDatagram", {
      configurable: true,
      value: (options: unknown) => {
        this.opened.push(options);
        return this.port;
      },
    });
  }

  /** Binds it to the fake port. */
  bind(): this {
    this.endpoint.bind(place(0));
    return this;
  }

  /** Limits of this owner; none by default. */
  context(context: Partial<CallContext> = {}): CallContext {
    const { owner } = this;
    return { owner, timeoutMs: null, signal: undefined, ...context };
  }

  /** The bytes of the next datagram. */
  async recv(context: Partial<CallContext> = {}): Promise<number[]> {
    const data = await this.endpoint.recv(this.context(context), 100);
    return [...data];
  }

  /** Sends to a port, or to the peer. */
  send(
    data: Uint8Array,
    port?: number,
    context: Partial<CallContext> = {},
  ): Promise<number> {
    const to = port === undefined ? undefined : place(port);
    return this.endpoint.send(this.context(context), data, to);
  }

  [Symbol.dispose](): void {
    if (this.#own) Object.defineProperty(Deno, "listenDatagram", this.#own);
    else Reflect.deleteProperty(Deno, "listenDatagram");
  }
}

/** A port of loopback. */
export function place(port: number, host = "127.0.0.1"): InetSockaddr {
  return {
    family: AF_INET,
    host,
    port,
    flowinfo: 0,
    scopeId: 0,
    isHostname: false,
  };
}
