import { closedError, type RawStream } from "./raw_stream.ts";
import type { WriteBuffer } from "./buffers.ts";

/** Lets the calls of one file object run one at a time, in call order. */
export class Mutex {
  #first: LockRequest | undefined;
  #last: LockRequest | undefined;
  /** Whether a call is running, so that another has to wait. */
  busy = false;

  /**
   * Waits until the calls before have ended; returns undefined if there are
   * none. The caller has to `release()` unless this rejects.
   *
   * @param signal Cancels the request, which then leaves the queue.
   * @param onAbort Runs in place of a call that the signal has cancelled, in
   * its position of the queue.
   */
  acquire(
    signal: AbortSignal | undefined,
    onAbort?: () => void,
  ): Promise<void> | undefined {
    signal?.throwIfAborted();
    if (!this.busy) {
      this.busy = true;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#append(new LockRequest(this, resolve, reject, signal, onAbort));
    });
  }

  /** Ends a call, and lets the next one run. */
  release(): void {
    for (let next = this.#first; next !== undefined; next = this.#first) {
      this.remove(next);
      if (next.run()) return;
    }
    this.busy = false;
  }

  /** Rejects every call that waits. */
  rejectWaiting(reason: unknown): void {
    while (this.#first !== undefined) {
      const request = this.#first;
      this.remove(request);
      request.fail(reason);
    }
  }

  #append(request: LockRequest): void {
    request.previous = this.#last;
    if (this.#last === undefined) this.#first = request;
    else this.#last.next = request;
    this.#last = request;
  }

  remove({ previous, next }: LockRequest): void {
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
  }
}

/** A call that waits for a mutex. */
class LockRequest implements EventListenerObject {
  next: LockRequest | undefined = undefined;
  previous: LockRequest | undefined = undefined;
  readonly #mutex: Mutex;
  readonly #resolve: () => void;
  readonly #reject: (reason: unknown) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #isAborted = false;

  constructor(
    mutex: Mutex,
    resolve: () => void,
    reject: (reason: unknown) => void,
    signal: AbortSignal | undefined,
    onAbort: (() => void) | undefined,
  ) {
    this.#mutex = mutex;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#signal = signal;
    this.#onAbort = onAbort;
    signal?.addEventListener("abort", this);
  }

  /** Lets the call run; returns false if it was cancelled, and has ended. */
  run(): boolean {
    this.#signal?.removeEventListener("abort", this);
    if (this.#isAborted) this.#onAbort!();
    else this.#resolve();
    return !this.#isAborted;
  }

  fail(reason: unknown): void {
    this.#signal?.removeEventListener("abort", this);
    this.#reject(reason);
  }

  /** Called by the signal. */
  handleEvent(): void {
    this.fail(this.#signal!.reason);
    if (this.#onAbort === undefined) this.#mutex.remove(this);
    else this.#isAborted = true;
  }
}

/** The part of an open file that outlives its file object. */
class Output {
  readonly raw: RawStream;
  readonly writer: WriteBuffer | undefined;
  readonly lock: Mutex = new Mutex();

  constructor(raw: RawStream, writer: WriteBuffer | undefined) {
    this.raw = raw;
    this.writer = writer;
  }

  /** Whether a write is running or unsent. */
  get pending(): boolean {
    return this.lock.busy || this.writer?.pending === true;
  }

  /** Sends everything behind the writes that were made before. */
  async flush(signal?: AbortSignal): Promise<void> {
    await this.lock.acquire(signal);
    try {
      await this.writer?.flush(signal);
    } finally {
      this.lock.release();
    }
  }

  /** Flushes, and releases the socket even if that fails. */
  async close(signal?: AbortSignal): Promise<void> {
    try {
      await this.flush(signal);
    } finally {
      this.raw.release();
    }
  }
}

/**
 * What the layers of one file object share: who may read and write, and whether
 * it is closed.
 *
 * A file that the program has dropped is flushed and closed by the garbage
 * collector, some time later; CPython does so at once. While a call waits, its
 * promise holds the file object.
 */
export class OpenFile {
  /** How the file was opened. */
  readonly mode: "rb" | "wb" | "rwb";
  /** Reads run one at a time. */
  readonly readLock: Mutex = new Mutex();
  readonly #output: Output;
  /** Whether `close()` was called. */
  closed = false;
  #closing = DONE;

  constructor(
    raw: RawStream,
    mode: "rb" | "wb" | "rwb",
    writer: WriteBuffer | undefined,
  ) {
    this.mode = mode;
    this.#output = new Output(raw, writer);
    droppedFiles.register(this, this.#output, this.#output);
    if (writer !== undefined) flushAtExit(this.#output);
  }

  /** Writes run one at a time; reads and writes do not wait for each other. */
  get writeLock(): Mutex {
    return this.#output.lock;
  }

  fileno(): number {
    this.checkOpen();
    return this.#output.raw.fileno();
  }

  checkOpen(): void {
    if (this.closed) throw closedError();
  }

  /**
   * Rejects every later call and the pending reads, lets the pending writes
   * end, flushes, and releases the socket even if the flush fails.
   */
  close(signal?: AbortSignal): Promise<void> {
    if (this.closed) return this.#closing;
    this.closed = true;
    const output = this.#output;
    droppedFiles.unregister(output);
    openOutputs.delete(output);
    // Before the flush, since the peer may never send anything.
    output.raw.endReceive();
    this.readLock.rejectWaiting(closedError());
    if (!output.pending) {
      output.raw.release();
      return this.#closing;
    }
    const closed = output.close(signal);
    this.#closing = closed.catch(() => {});
    return closed;
  }
}

const DONE = Promise.resolve();

/** Closes files of which no layer can be used any more. */
const droppedFiles = new FinalizationRegistry<Output>((output) => {
  openOutputs.delete(output);
  output.close().catch(() => {});
});

/** The open files for writing. */
const openOutputs = new Set<Output>();
let isListening = false;

/** Has unsent bytes sent when the program ends normally, like CPython. */
function flushAtExit(output: Output): void {
  openOutputs.add(output);
  if (isListening) return;
  isListening = true;
  // Deno dispatches it when the event loop has nothing left to do, and goes on
  // if it is prevented; not after Deno.exit() or an uncaught error.
  globalThis.addEventListener("beforeunload", (event) => {
    for (const each of openOutputs) {
      if (!each.pending) continue;
      event.preventDefault();
      // Not tried again, or the program would never end.
      each.flush().catch(() => openOutputs.delete(each));
    }
  });
}
