import type { Description } from "./description.ts";
import type { Caller } from "./wait.ts";

/** Somebody who waits for a descriptor, whoever holds it. */
export interface Watcher {
  /** Called when it is closed, referenced or unreferenced. */
  descriptorChanged(descriptor: Descriptor): void;
}

/**
 * A descriptor: a number for a description. Sockets and file objects hold this
 * object, never the number, which may belong to another socket later.
 */
export class Descriptor {
  readonly number: number;
  readonly description: Description;
  #holders = 1;
  #closed = false;
  #referenced = true;
  /** The first to watch, most often the only one. */
  #watcher: Watcher | undefined;
  #watchers: Set<Watcher> | undefined;

  constructor(number: number, description: Description) {
    this.number = number;
    this.description = description;
    description.hold();
  }

  /** Whether the descriptor is closed, by its last holder or under it. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether waiting for it keeps the process alive, as its socket says. */
  get referenced(): boolean {
    return this.#referenced;
  }

  set referenced(value: boolean) {
    if (value === this.#referenced) return;
    this.#referenced = value;
    this.#tellWatchers();
  }

  watch(watcher: Watcher): void {
    if (this.#watcher === undefined) this.#watcher = watcher;
    else (this.#watchers ??= new Set()).add(watcher);
  }

  unwatch(watcher: Watcher): void {
    if (this.#watcher === watcher) this.#watcher = undefined;
    else this.#watchers?.delete(watcher);
  }

  #tellWatchers(): void {
    const others = [...this.#watchers ?? []];
    this.#watcher?.descriptorChanged(this);
    for (const watcher of others) watcher.descriptorChanged(this);
  }

  /** One more socket or file object holds it. */
  hold(): void {
    this.#holders++;
  }

  /**
   * One less; the last one closes it. Resolves when it is released, and what was
   * sent is with the system.
   */
  release(of?: Caller): Promise<void> {
    return --this.#holders > 0 ? this.description.drained(of) : this.close(of);
  }

  /** Closes it, whoever holds it. */
  close(of?: Caller): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    table.delete(this.number);
    if (this.number < lowest) lowest = this.number;
    this.#tellWatchers();
    return this.description.release(of);
  }
}

/** 0 to 2 are the standard streams. */
const FIRST = 3;

const table = new Map<number, Descriptor>();
/** No number below this is free. */
let lowest = FIRST;

/** A new descriptor for a description, with the smallest free number. */
export function openDescriptor(description: Description): Descriptor {
  while (table.has(lowest)) lowest++;
  const descriptor = new Descriptor(lowest, description);
  table.set(lowest++, descriptor);
  return descriptor;
}

/** The descriptor that a number belongs to now. */
export function findDescriptor(number: number): Descriptor | undefined {
  return table.get(number);
}
