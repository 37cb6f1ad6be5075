/** A random program while it is made. */

import { type Argument, type Call, TIMEOUT_S } from "./calls.ts";
import { type Description, type File, Handle } from "./state.ts";
import type { Random } from "../random.ts";

/** So little is in flight that no send ever has to wait. */
export const MOST_UNREAD = 20_000;

/** How many percent of the calls that would wait for ever are made all the same. */
const BLOCKING_PERCENT = 4;

/** Constants of the module as an argument. */
export const flags = (...names: string[]): Argument => ({ flags: names });

/** Bytes as an argument. */
export const bytes = (text: string): Argument => ({ bytes: text });

/** The calls so far, and what they are believed to have made. */
export class ProgramBuilder {
  readonly random: Random;
  readonly calls: Call[] = [];
  readonly handles: Handle[] = [];
  readonly files: File[] = [];
  #names = 0;
  #letters = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** The sockets that are open. */
  get open(): Handle[] {
    return this.handles.filter(isOpen);
  }

  /** Appends a call. */
  call(on: string, call: string, args: readonly Argument[], as?: string): void {
    const made = as === undefined ? {} : { as };
    this.calls.push({ on, call, args, ...made });
  }

  /** Appends a call that makes a socket. */
  made(
    on: string,
    call: string,
    args: readonly Argument[],
    description: Description,
    timeout: number | null = TIMEOUT_S,
  ): Handle {
    const handle = new Handle(this.newName(), description, timeout);
    this.call(on, call, args, handle.name);
    this.handles.push(handle);
    return handle;
  }

  /** A name for what a call makes: a to z, a1 ... */
  newName(): string {
    const letter = String.fromCharCode(97 + this.#names % 26);
    return letter + (Math.floor(this.#names++ / 26) || "");
  }

  /** A socket whose description is so; now and then one that is closed. */
  any(is: (description: Description) => boolean): Handle | undefined {
    const all = this.random.chance(3);
    const found = this.handles.filter((each) =>
      (all || isOpen(each)) && is(each.description)
    );
    return found.length > 0 ? this.random.pick(found) : undefined;
  }

  /** Whether a call that may have to wait should be made. */
  worth({ description, timeout }: Handle): boolean {
    return description.readable || timeout === 0 ||
      description.state === "closed" || this.random.chance(BLOCKING_PERCENT);
  }

  /** The address of a socket as an argument. */
  address(of: Handle | undefined): Argument {
    if (of === undefined) return this.nobody(this.handles[0]!);
    const { name, type, description: { family } } = of;
    return { address: name, family, type };
  }

  /** An address where nobody is, for a socket to connect to. */
  nobody({ type, description: { family } }: Handle): Argument {
    return { address: "nobody", family, type };
  }

  /** Something to send, unlike what was sent before. */
  text(): string {
    const { random } = this;
    const letter = String.fromCharCode(97 + this.#letters++ % 26);
    if (random.chance(5)) {
      return `${letter}${"-".repeat(random.pick([1500, 5000, 9000]))}${letter}`;
    }
    const end = random.pick(["", "", "\n", "\r\n", "\nrest"]);
    return letter.repeat(1 + random.below(12)) + end;
  }
}

function isOpen({ closed, detached }: Handle): boolean {
  return !closed && !detached;
}
