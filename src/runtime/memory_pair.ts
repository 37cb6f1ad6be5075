/**
 * Socket pairs in memory: two connections, or two datagram sockets, whose bytes
 * never leave the process. They need no permission, no port and no check of the
 * peer.
 *
 * Each direction is a `Pipe` with at most one pending read and one pending
 * write, since the endpoints above never start more. Limits and errors are
 * those of an AF_UNIX pair on Linux 6.18, compared with CPython's
 * `socket.socketpair()`.
 */

import type { ErrnoCode } from "../base/errno_table.ts";
import { osError } from "../base/os_error.ts";
import {
  afterTicks,
  afterYield,
  countCall,
  isYieldDue,
} from "../wait/event_loop.ts";
import {
  type DatagramConn,
  EventLoopHold,
  type StreamConn,
} from "./deno_net.ts";

/** The kernel's default SO_SNDBUF, net.core.wmem_default: 208 KiB. */
const CAPACITY = 212_992;

/** The longest datagram: SO_SNDBUF less 32 bytes, unix_dgram_sendmsg(). */
export const LONGEST_DATAGRAM: number = CAPACITY - 32;

/**
 * The least that the kernel counts for each datagram in addition to its bytes:
 * 278 empty datagrams fill a buffer. Without it a peer could queue any number
 * of empty datagrams.
 */
const DATAGRAM_OVERHEAD = 768;

// Pending operations keep the process alive, as those of the kernel's sockets
// do. One timer serves all of them, and is cleared when no operation has needed
// it for a turn of the event loop: setting and clearing one for each message
// would take longer than the message.

let holders = 0;
let hold: EventLoopHold | undefined;
let endingHold = false;

function keepAlive(): void {
  if (holders++ === 0) hold ??= new EventLoopHold();
}

function letGo(): void {
  if (--holders > 0 || endingHold) return;
  endingHold = true;
  afterTicks(1, () => {
    endingHold = false;
    if (holders > 0) return;
    hold?.end();
    hold = undefined;
  });
}

/** The storage of a pipe. */
interface Store {
  /** Whether a write is read whole or not at all. */
  readonly atomic: boolean;
  /** Whether there is nothing to read. */
  readonly empty: boolean;
  /** The part of the capacity that is in use. */
  readonly used: number;
  /**
   * Stores a copy of as many bytes as there is room for, and returns their
   * number.
   */
  put(data: Uint8Array): number;
  /** Moves data into a buffer, and returns the number of bytes. */
  take(buffer: Uint8Array): number;
  clear(): void;
}

const EMPTY = new Uint8Array(0);

/** The sizes to which a ring grows. An idle connection keeps the smallest. */
const RING_SIZES: readonly number[] = [1024, 16_384, CAPACITY];

/**
 * Rings of full size that are not in use. Allocating one costs five times as
 * much as filling it (2.0 s against 0.4 s for 100 MiB).
 */
const spareRings: Uint8Array[] = [];
const SPARE_RINGS = 2;

/** The bytes of a stream, in a ring buffer. */
class ByteStore implements Store {
  readonly atomic = false;
  #ring: Uint8Array = EMPTY;
  #start = 0;
  #used = 0;

  get empty(): boolean {
    return this.#used === 0;
  }

  get used(): number {
    return this.#used;
  }

  put(data: Uint8Array): number {
    const n = Math.min(data.length, CAPACITY - this.#used);
    if (this.#used + n > this.#ring.length) this.#grow(this.#used + n);
    const { length } = this.#ring;
    const end = (this.#start + this.#used) % length;
    const first = Math.min(n, length - end);
    this.#ring.set(data.subarray(0, first), end);
    if (first < n) this.#ring.set(data.subarray(first, n));
    this.#used += n;
    return n;
  }

  #grow(needed: number): void {
    const size = RING_SIZES.find((each) => each >= needed)!;
    const ring = size === CAPACITY ? spareRings.pop() : undefined;
    const next = ring ?? new Uint8Array(size);
    const used = this.take(next);
    this.#ring = next;
    this.#start = 0;
    this.#used = used;
  }

  take(buffer: Uint8Array): number {
    const start = this.#start;
    const n = Math.min(this.#used, buffer.length);
    if (n === 0) return 0;
    const first = Math.min(n, this.#ring.length - start);
    buffer.set(this.#ring.subarray(start, start + first));
    if (first < n) buffer.set(this.#ring.subarray(0, n - first), first);
    this.#used -= n;
    if (this.#used === 0) this.#shrink();
    else this.#start = (start + n) % this.#ring.length;
    return n;
  }

  /** Releases the memory that an idle connection does not need. */
  #shrink(): void {
    this.#start = 0;
    if (this.#ring.length === RING_SIZES[0]) return;
    const isFull = this.#ring.length === CAPACITY;
    if (isFull && spareRings.length < SPARE_RINGS) spareRings.push(this.#ring);
    this.#ring = EMPTY;
  }

  clear(): void {
    this.#used = 0;
    this.#shrink();
  }
}

/** Whole datagrams, in order. */
class DatagramStore implements Store {
  readonly atomic = true;
  readonly #datagrams: Uint8Array[] = [];
  #used = 0;

  get empty(): boolean {
    return this.#datagrams.length === 0;
  }

  get used(): number {
    return this.#used;
  }

  put(data: Uint8Array): number {
    this.#datagrams.push(data.slice());
    this.#used += data.length + DATAGRAM_OVERHEAD;
    return data.length;
  }

  take(buffer: Uint8Array): number {
    const datagram = this.#datagrams.shift()!;
    this.#used -= datagram.length + DATAGRAM_OVERHEAD;
    const n = Math.min(datagram.length, buffer.length);
    if (n > 0) buffer.set(datagram.subarray(0, n));
    return n;
  }

  clear(): void {
    this.#datagrams.length = 0;
    this.#used = 0;
  }
}

/** An operation that has not settled. */
interface Pending<T> {
  readonly memory: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;
  /** Whether there was no room when the operation began. */
  readonly blocked: boolean;
}

/** One direction of a pair. */
class Pipe {
  readonly #store: Store;
  #read: Pending<number | null> | undefined;
  #write: Pending<number> | undefined;
  #referenced = true;
  /** Whether the pipe is paused until the event loop has turned. */
  #paused = false;
  /** Whether nothing more will be written. */
  #ended = false;
  /** The error that a read reports once before the end. */
  #failure: ErrnoCode | undefined;
  /**
   * The error with which all writes fail, if the reader accepts nothing more.
   */
  #refusal: ErrnoCode | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether there is data that has not been read. */
  get unread(): boolean {
    return !this.#store.empty;
  }

  /** Whether writes fail. */
  get refuses(): boolean {
    return this.#refusal !== undefined;
  }

  /** Reads the data that is there; resolves to null at the end. */
  read(memory: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#read = { memory, resolve, reject, blocked: false };
      if (this.#referenced) keepAlive();
      this.advance();
    });
  }

  /** Writes as much as there is room for. */
  write(memory: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      const blocked = this.#store.used >= CAPACITY;
      this.#write = { memory, resolve, reject, blocked };
      keepAlive();
      this.advance();
    });
  }

  /** Whether a pending read keeps the process alive. A write always does. */
  set referenced(value: boolean) {
    if (value === this.#referenced) return;
    this.#referenced = value;
    if (this.#read === undefined) return;
    if (value) keepAlive();
    else letGo();
  }

  /** Settles the pending operations that can proceed. */
  advance(): void {
    if (this.#read === undefined && this.#write === undefined) return;
    // Operations in memory settle in microtasks, so they have to be counted
    // here.
    if (isYieldDue()) {
      if (this.#paused) return;
      this.#paused = true;
      afterYield(() => {
        this.#paused = false;
        this.advance();
      });
      return;
    }
    if (this.#refusal !== undefined) this.#failWrite(this.#refusal);
    this.#serveRead();
    if (this.#write === undefined) return;
    const { memory, resolve, blocked } = this.#write;
    // As in unix_writable(), a blocked write waits until three quarters of the
    // buffer are free, so that small reads do not wake it for each byte.
    if (blocked && this.#store.used * 4 > CAPACITY) return;
    this.#endWrite();
    const direct = this.#passToRead(memory);
    const rest = direct > 0 ? memory.subarray(direct) : memory;
    const n = direct > 0 && rest.length === 0
      ? direct
      : direct + this.#store.put(rest);
    resolve(n);
    this.#serveRead();
  }

  /**
   * Copies directly from a write to a waiting read, since storing large data in
   * between would copy it twice. Returns how many bytes of the write are done.
   */
  #passToRead(data: Uint8Array): number {
    const read = this.#read;
    if (read === undefined || data.length === 0) return 0;
    const n = Math.min(data.length, read.memory.length);
    // A buffer that has been detached accepts nothing, not even 0 bytes.
    if (n > 0) read.memory.set(data.subarray(0, n));
    this.#endRead();
    read.resolve(n);
    return this.#store.atomic ? data.length : n;
  }

  #serveRead(): void {
    if (this.#read === undefined) return;
    const { memory, resolve } = this.#read;
    if (!this.#store.empty) {
      this.#endRead();
      const n = this.#store.take(memory);
      resolve(n);
    } else if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      this.#failRead(failure);
    } else if (this.#ended) {
      this.#endRead();
      resolve(null);
    }
  }

  #endRead(): void {
    countCall();
    this.#read = undefined;
    if (this.#referenced) letGo();
  }

  #endWrite(): void {
    countCall();
    this.#write = undefined;
    letGo();
  }

  #failRead(code: ErrnoCode): void {
    const read = this.#read;
    if (read === undefined) return;
    this.#endRead();
    read.reject(osError(code));
  }

  #failWrite(code: ErrnoCode): void {
    const write = this.#write;
    if (write === undefined) return;
    this.#endWrite();
    write.reject(osError(code));
  }

  /** Accepts nothing more: from now on, writes fail with `code`. */
  refuse(code: ErrnoCode): void {
    this.#refusal = code;
    this.#failWrite(code);
  }

  /** Ends the stream, after reporting an error if there is one. */
  end(failure?: ErrnoCode): void {
    this.#ended = true;
    this.#failure = failure;
    this.advance();
  }

  /** Closes the reading side, and drops the unread data. */
  closeReader(code: ErrnoCode): void {
    this.#failRead("EBADF");
    this.#store.clear();
    this.refuse(code);
  }

  /** Closes the writing side, and rejects its pending write. */
  closeWriter(): void {
    this.#failWrite("EBADF");
  }
}

/** The address of an unnamed Unix socket. */
const STREAM_ADDR: Deno.UnixAddr = { transport: "unix", path: "" };
const DATAGRAM_ADDR: Deno.UnixAddr = { transport: "unixpacket", path: "" };

/** One end of a stream pair. */
class MemoryStreamConn implements StreamConn {
  readonly localAddr: Deno.Addr = STREAM_ADDR;
  readonly remoteAddr: Deno.Addr = STREAM_ADDR;
  readonly #in: Pipe;
  readonly #out: Pipe;
  #closed = false;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#in = incoming;
    this.#out = outgoing;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#in.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#out.write(data);
  }

  get peerRefuses(): boolean {
    return this.#out.refuses;
  }

  closeWrite(): Promise<void> {
    this.#out.end();
    return Promise.resolve();
  }

  closeRead(): void {
    this.#in.refuse("EPIPE");
    this.#in.end();
  }

  /**
   * As in unix_release_sock(), closing with unread bytes resets the connection.
   */
  close(unread: boolean = false): void {
    if (this.#closed) return;
    this.#closed = true;
    const reset = unread || this.#in.unread;
    this.#in.closeReader("EPIPE");
    this.#out.closeWriter();
    this.#out.end(reset ? "ECONNRESET" : undefined);
  }

  reset(): void {
    this.close(true);
  }

  ref(): void {
    this.#in.referenced = true;
  }

  unref(): void {
    this.#in.referenced = false;
  }
}

const PEER_ONLY = "a socket of socketpair() can only send to its peer";

/** One end of a datagram pair. */
class MemoryDatagramConn implements DatagramConn {
  readonly addr: Deno.Addr = DATAGRAM_ADDR;
  readonly #in: Pipe;
  readonly #out: Pipe;
  #refused = false;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#in = incoming;
    this.#out = outgoing;
  }

  async receive(buffer: Uint8Array): Promise<[Uint8Array, Deno.Addr]> {
    const n = await this.#in.read(buffer);
    return [buffer.subarray(0, n ?? 0), DATAGRAM_ADDR];
  }

  get refused(): boolean {
    return this.#refused;
  }

  /**
   * As in the kernel, a send to a closed peer fails with ECONNREFUSED once.
   * Afterwards the socket has no peer any more.
   */
  async send(data: Uint8Array, addr: Deno.Addr): Promise<number> {
    if ((addr as Deno.UnixAddr).path !== DATAGRAM_ADDR.path) {
      throw osError("EOPNOTSUPP", PEER_ONLY);
    }
    if (data.length > LONGEST_DATAGRAM) throw osError("EMSGSIZE");
    if (this.#refused) throw osError("ENOTCONN");
    try {
      return await this.#out.write(data);
    } catch (error) {
      const { code } = error as { code?: unknown };
      this.#refused = code === "ECONNREFUSED";
      throw error;
    }
  }

  closeRead(): void {
    this.#in.refuse("EPIPE");
  }

  close(): void {
    this.#in.closeReader("ECONNREFUSED");
    this.#out.closeWriter();
  }

  ref(): void {
    this.#in.referenced = true;
  }

  unref(): void {
    this.#in.referenced = false;
  }
}

/** Creates two stream connections that are each other's peer. */
export function streamPair(): [StreamConn, StreamConn] {
  const [one, other] = [new Pipe(new ByteStore()), new Pipe(new ByteStore())];
  return [new MemoryStreamConn(one, other), new MemoryStreamConn(other, one)];
}

/** Creates two datagram sockets that are each other's only peer. */
export function datagramPair(): [DatagramConn, DatagramConn] {
  const one = new Pipe(new DatagramStore());
  const other = new Pipe(new DatagramStore());
  return [
    new MemoryDatagramConn(one, other),
    new MemoryDatagramConn(other, one),
  ];
}
