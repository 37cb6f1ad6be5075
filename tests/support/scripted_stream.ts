import type { ByteStream } from "../../src/file/open_file.ts";
import { osError, timedOut } from "../../src/base/os_error.ts";
import type { SignalOption } from "../../src/wait/waiter.ts";

/** The peer has closed: 0 bytes from here on. */
export const EOF: unique symbol = Symbol("EOF");

/** Once: the socket is non-blocking, and nothing can be done now. */
export const AGAIN: unique symbol = Symbol("AGAIN");

/** Once: the timeout is over. */
export const LATE: unique symbol = Symbol("LATE");

/** Waits until the script goes on, by `play()` or `playSends()`. */
export const WAIT: unique symbol = Symbol("WAIT");

/** What a receive meets: bytes, as text too, or one of the above, or an error. */
export type ReceiveStep =
  | string
  | Uint8Array
  | typeof EOF
  | typeof AGAIN
  | typeof LATE
  | Error;

/** What a send meets: how many bytes are taken, or one of the above. */
export type SendStep =
  | number
  | typeof AGAIN
  | typeof LATE
  | typeof WAIT
  | Error;

/**
 * A socket that does what a script says. At the script's end a receive waits,
 * or would block if it is non-blocking, and a send takes everything.
 */
export class ScriptedStream implements ByteStream {
  /** How much each receive asked for. */
  readonly asked: number[] = [];
  /** The sizes of the sends that were begun. */
  readonly sends: number[] = [];
  /** How often it was released. */
  releases = 0;
  /** Whether a receive would block at the script's end. */
  nonBlocking = false;
  readonly #receiving: ReceiveStep[] = [];
  readonly #sending: SendStep[];
  readonly #sent: number[] = [];
  #reading = false;
  #ended = false;
  #writing = false;
  #wake = Promise.withResolvers<void>();

  constructor(
    receiving: readonly ReceiveStep[] = [],
    sending: readonly SendStep[] = [],
  ) {
    this.#receiving = [...receiving];
    this.#sending = [...sending];
  }

  /** Goes on with these receives. */
  play(...steps: ReceiveStep[]): void {
    this.#receiving.push(...steps);
    this.#wakeUp();
  }

  /** Goes on with these sends, which end a `WAIT`. */
  playSends(...steps: SendStep[]): void {
    if (this.#sending[0] === WAIT) this.#sending.shift();
    this.#sending.push(...steps);
    this.#wakeUp();
  }

  /** All that was sent. */
  get sent(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#sent);
  }

  /** All that was sent, as text. */
  get sentText(): string {
    return new TextDecoder().decode(this.sent);
  }

  async recv(
    size: number,
    options?: SignalOption,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const buffer = new Uint8Array(size);
    return buffer.slice(0, await this.recvInto(buffer, options));
  }

  async recvInto(buffer: Uint8Array, options?: SignalOption): Promise<number> {
    if (this.#reading) throw new Error("Two receives at a time");
    if (buffer.length === 0) throw new Error("A receive of nothing");
    this.asked.push(buffer.length);
    this.#reading = true;
    try {
      while (this.#receiving.length === 0) {
        if (this.#ended) throw osError("EBADF");
        if (this.nonBlocking) throw osError("EAGAIN");
        await this.#wait(options?.signal);
      }
      options?.signal?.throwIfAborted();
      await null;
      if (this.#ended) throw osError("EBADF");
      const step = this.#receiving[0]!;
      if (step === EOF) return 0;
      this.#receiving.shift();
      if (step === AGAIN) throw osError("EAGAIN");
      if (step === LATE) throw timedOut();
      if (step instanceof Error) throw step;
      const bytes = typeof step === "string"
        ? new TextEncoder().encode(step)
        : step;
      const part = bytes.subarray(0, buffer.length);
      buffer.set(part);
      if (part.length < bytes.length) {
        this.#receiving.unshift(bytes.subarray(part.length));
      }
      return part.length;
    } finally {
      this.#reading = false;
    }
  }

  async send(data: Uint8Array, options?: SignalOption): Promise<number> {
    if (this.#writing) throw new Error("Two sends at a time");
    this.sends.push(data.length);
    this.#writing = true;
    try {
      while (this.#sending[0] === WAIT) await this.#wait(options?.signal);
      options?.signal?.throwIfAborted();
      await null;
      const step = this.#sending.shift() ?? data.length;
      if (step === AGAIN) throw osError("EAGAIN");
      if (step === LATE) throw timedOut();
      if (step instanceof Error) throw step;
      const part = data.subarray(0, step as number);
      for (const byte of part) this.#sent.push(byte);
      return part.length;
    } finally {
      this.#writing = false;
    }
  }

  fileno(): number {
    return 3;
  }

  endReceive(): void {
    this.#ended = true;
    this.#wakeUp();
  }

  release(): void {
    this.releases++;
    this.endReceive();
  }

  #wakeUp(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal?.reason);
    signal?.addEventListener("abort", abort);
    try {
      await Promise.race([this.#wake.promise, aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }
}
