// Deno's own sockets with the buffering that a good programmer writes where
// data come in small units: large reads, cut by hand.

import {
  checkAmount,
  CHUNK,
  filled,
  lineBlock,
  LINES_PER_BLOCK,
} from "./data.ts";
import { pair, send } from "./raw.ts";
import type { Program, Task } from "./types.ts";

/** Deno's sockets with a buffer of the program's own. */
export const byHand: Program = { batches: { records, lines }, services: {} };

/** A connection's bytes, cut into records. */
class Records {
  readonly #conn: Deno.Conn;
  readonly #buffer = new Uint8Array(CHUNK);
  #start = 0;
  #end = 0;

  constructor(conn: Deno.Conn) {
    this.#conn = conn;
  }

  /** An array of its own. */
  async next(size: number): Promise<Uint8Array> {
    while (this.#end - this.#start < size) await this.#fill();
    const start = this.#start;
    this.#start += size;
    return this.#buffer.slice(start, this.#start);
  }

  /** Into the caller's array. */
  async nextInto(record: Uint8Array): Promise<number> {
    while (this.#end - this.#start < record.length) await this.#fill();
    const start = this.#start;
    this.#start += record.length;
    record.set(this.#buffer.subarray(start, this.#start));
    return record.length;
  }

  async #fill(): Promise<void> {
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
    const n = await this.#conn.read(this.#buffer.subarray(this.#end));
    if (n === null) throw new Error("The stream has ended");
    this.#end += n;
  }
}

async function records({ size, way }: Task, n: number): Promise<void> {
  const [from, to] = await pair();
  const total = n * size;
  const sent = send(from, filled(CHUNK), total / CHUNK);
  const source = new Records(to);
  let received = 0;
  if (way === "recv" || way === "read") {
    while (received < total) received += (await source.next(size)).length;
  } else {
    const record = new Uint8Array(size);
    while (received < total) received += await source.nextInto(record);
  }
  await sent;
  to.close();
  checkAmount(received, total);
}

/** One `await` for each line, as every loop over lines of a socket has. */
async function lines(_: Task, n: number): Promise<void> {
  const [from, to] = await pair();
  const sent = send(from, lineBlock, n / LINES_PER_BLOCK);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(CHUNK);
  let rest = "";
  let received = 0;
  while (true) {
    const length = await to.read(buffer);
    if (length === null) break;
    rest += decoder.decode(buffer.subarray(0, length), { stream: true });
    let start = 0;
    for (let end; (end = rest.indexOf("\n", start)) >= 0; start = end + 1) {
      if (rest.slice(start, end + 1).length > 0) received++;
      await null;
    }
    rest = rest.slice(start);
  }
  await sent;
  to.close();
  checkAmount(received, n);
}
