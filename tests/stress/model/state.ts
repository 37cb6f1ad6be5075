/**
 * What the generator believes of the sockets of its program: enough to make
 * calls that mostly make sense and seldom wait in vain. Nothing is compared with
 * it, so it may be wrong.
 */

import type { FamilyName } from "./calls.ts";

/** One direction of a connection. */
export class Wire {
  /** What was sent and not yet received. */
  data = "";
  /** Whether nothing comes after it. */
  ended = false;

  /** Takes at most `n` bytes. */
  take(n: number): string {
    const taken = this.data.slice(0, n);
    this.data = this.data.slice(n);
    return taken;
  }
}

/** What the duplicates of a socket share. */
export class Description {
  readonly family: FamilyName;
  readonly stream: boolean;
  state: "new" | "bound" | "listening" | "connected" | "closed" = "new";
  /** Sockets and files that keep it open. */
  holders = 1;
  /** What comes to a stream, and what goes out. */
  input: Wire = new Wire();
  output: Wire = new Wire();
  /** The clients that wait to be accepted. */
  readonly queue: Description[] = [];
  /** The datagrams that wait to be received, by their senders. */
  readonly datagrams: Description[] = [];
  /** Whether a file object reads from it, and whether one reads ahead. */
  read = false;
  ahead = false;
  /** The peer of a datagram socket. */
  target: Description | undefined;

  constructor(family: FamilyName, stream: boolean) {
    this.family = family;
    this.stream = stream;
  }

  /** The constant of its type. */
  get type(): string {
    return this.stream ? "SOCK_STREAM" : "SOCK_DGRAM";
  }

  /** Whether a receive ends at once. */
  get readable(): boolean {
    if (!this.stream) return this.datagrams.length > 0;
    return this.state === "listening"
      ? this.queue.length > 0
      : this.input.data !== "" || this.input.ended;
  }

  /** One holder less. */
  release(): void {
    if (--this.holders > 0) return;
    for (const client of this.queue) client.input.ended = true;
    this.output.ended = true;
    this.datagrams.length = 0;
    this.state = "closed";
  }
}

/** A socket by its name. */
export class Handle {
  readonly name: string;
  readonly description: Description;
  timeout: number | null;
  closed = false;
  /** Whether the name stands for a descriptor now. */
  detached = false;

  constructor(name: string, description: Description, timeout: number | null) {
    this.name = name;
    this.description = description;
    this.timeout = timeout;
  }

  /** What its address is asked for with. */
  get type(): "stream" | "datagram" {
    return this.description.stream ? "stream" : "datagram";
  }
}

/** A file object by its name. */
export class File {
  readonly name: string;
  readonly handle: Handle;
  readonly mode: string;
  /** Read ahead, and written but not flushed. */
  readonly input: Wire = new Wire();
  unsent = "";
  closed = false;

  constructor(name: string, handle: Handle, mode: string) {
    this.name = name;
    this.handle = handle;
    this.mode = mode;
    handle.description.holders++;
  }

  /** Its socket's description. */
  get description(): Description {
    return this.handle.description;
  }

  get binary(): boolean {
    return this.mode.includes("b");
  }

  get reading(): boolean {
    return this.mode.includes("r") || !this.mode.includes("w");
  }

  get writing(): boolean {
    return this.mode.includes("w");
  }

  /** All that is there to be read. */
  get available(): string {
    return this.input.data + this.handle.description.input.data;
  }

  /** Takes at most `n` bytes of it, and what came with them. */
  take(n: number): void {
    const { input } = this.handle.description;
    if (n > this.input.data.length) this.input.data += input.take(8192);
    this.input.take(n);
  }
}
