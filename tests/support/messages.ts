import { assert, assertEquals, assertGreater } from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "./fake_conn.ts";

/** Begins each message, and is nowhere else: all other bytes are less. */
const MARK = 255;

/** A message begins with its mark and the three digits of its number. */
const HEAD_BYTES = 4;
const BASE = 200;

const body = numbered(8_000_000);

/** A message that is to be sent. */
export interface Message {
  readonly index: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * Messages that say which they are: what is received is checked as it comes,
 * so that any amount can be. A part of a message may be missing at its end.
 */
export class Messages {
  /** How much of each goes out; null if that is not known. */
  readonly #taken: (number | null)[] = [];
  /** How much of each came. */
  readonly #came: number[] = [];
  /** The message that is being received, and how much of it has been. */
  #index = -1;
  #offset = 0;
  #head = 0;

  /** Makes the next one. */
  make(size: number): Message {
    const index = this.#taken.push(null) - 1;
    const data = new Uint8Array(size);
    const start = index * 7 % 251;
    data.set(body.subarray(start, start + size - HEAD_BYTES), HEAD_BYTES);
    data.set([
      MARK,
      Math.floor(index / BASE / BASE),
      Math.floor(index / BASE) % BASE,
      index % BASE,
    ]);
    return { index, data };
  }

  /** Says how much of a message was taken; without that it is not known. */
  taken({ index }: Message, count: number | null): void {
    this.#taken[index] = count;
  }

  /** Sends until there is no room. */
  async fill(s: socket.Socket): Promise<void> {
    for (;;) {
      const message = this.make(65_536);
      this.taken(message, 0);
      try {
        const sent = await s.send(message.data, socket.MSG_DONTWAIT);
        this.taken(message, sent);
      } catch (error) {
        assert(error instanceof socket.BlockingIOError);
        return;
      }
    }
  }

  /** Receives what there is without waiting. */
  async receiveSome(s: socket.Socket, most: number = 2_000_000): Promise<void> {
    try {
      this.received(await s.recv(most, socket.MSG_DONTWAIT));
    } catch (error) {
      assert(error instanceof socket.BlockingIOError);
    }
  }

  /** Checks bytes that came. */
  received(data: Uint8Array): void {
    for (let at = 0; at < data.length;) {
      if (data[at] === MARK) this.#begin();
      else assertGreater(this.#offset, 0, "a message without its beginning");
      const next = data.indexOf(MARK, at + 1);
      const end = next < 0 ? data.length : next;
      this.#take(data.subarray(at, end));
      at = end;
    }
  }

  #begin(): void {
    assert(
      this.#offset === 0 || this.#offset >= HEAD_BYTES,
      "a message without its number",
    );
    this.#offset = this.#head = 0;
  }

  #take(part: Uint8Array): void {
    let at = 0;
    for (; at < part.length && this.#offset < HEAD_BYTES; at++) {
      if (this.#offset > 0) this.#head = this.#head * BASE + part[at]!;
      if (++this.#offset < HEAD_BYTES) continue;
      assertGreater(this.#head, this.#index, "the order of the messages");
      this.#index = this.#head;
    }
    if (this.#offset < HEAD_BYTES) return;
    const from = this.#index * 7 % 251 + this.#offset - HEAD_BYTES - at;
    for (let i = at; i < part.length; i++) {
      if (part[i] !== body[from + i]) {
        const byte = this.#offset + i - at;
        throw new Error(`Message ${this.#index} differs at byte ${byte}`);
      }
    }
    this.#offset += part.length - at;
    this.#came[this.#index] = this.#offset;
  }

  /** Checks that of each message came what was taken. */
  check(): void {
    for (const [index, taken] of this.#taken.entries()) {
      if (taken !== null) {
        assertEquals(this.#came[index] ?? 0, taken, `message ${index}`);
      }
    }
  }
}
