/** What selectors keep of each file object, and how they find it. */

import { type Descriptor, findDescriptor } from "./descriptors.ts";
import {
  type FileDescriptorLike,
  type Interest,
  toNumber,
} from "./interest.ts";
import type { PollSet } from "./poll_set.ts";

/**
 * What was registered.
 *
 * @typeParam F The type of the file object.
 * @typeParam D The type of the data.
 */
export class SelectorKey<
  F extends FileDescriptorLike = FileDescriptorLike,
  D = unknown,
> {
  /** The file object, as it was given. */
  readonly fileobj: F;
  /** The number of its descriptor. */
  readonly fd: number;
  /** The events to wait for: EVENT_READ, EVENT_WRITE or both. */
  readonly events: number;
  /** What was registered with it. */
  readonly data: D;

  /**
   * Makes a key, as a selector does.
   *
   * @param fileobj The file object.
   * @param fd The number of its descriptor.
   * @param events The events to wait for.
   * @param data What to keep with it.
   */
  constructor(fileobj: F, fd: number, events: number, data: D) {
    this.fileobj = fileobj;
    this.fd = fd;
    this.events = events;
    this.data = data;
  }
}

/** What is registered under a number. */
export interface Registered<F extends FileDescriptorLike, D> extends Interest {
  readonly descriptor: Descriptor;
  readonly key: SelectorKey<F, D>;
}

/**
 * Finds what is registered: by the descriptor that a file object has now, or,
 * since a closed one has none, by the object.
 */
export function findRegistered<F extends FileDescriptorLike, D>(
  registered: PollSet<Registered<F, D>>,
  action: string,
  fileobj: FileDescriptorLike,
): Registered<F, D> | undefined {
  let number = -1;
  try {
    number = toNumber(action, fileobj);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const found = registered.get(number);
  if (found !== undefined && found.descriptor === findDescriptor(number)) {
    return found;
  }
  for (const each of registered.values()) {
    if (each.key.fileobj === fileobj) return each;
  }
  return undefined;
}

/**
 * The keys of a selector by the numbers of their descriptors: a view, which
 * shows what is registered now.
 *
 * @typeParam F The type of the file objects.
 * @typeParam D The type of the data.
 */
export class SelectorMapping<F extends FileDescriptorLike, D> {
  readonly #registered: PollSet<Registered<F, D>>;

  /**
   * A view of what a selector has.
   *
   * @ignore
   */
  constructor(registered: PollSet<Registered<F, D>>) {
    this.#registered = registered;
  }

  /** How many there are. */
  get size(): number {
    return this.#registered.size;
  }

  /**
   * The key of a file object.
   *
   * @param fileobj The file object, or the number of its descriptor.
   * @returns The key, undefined if it is not registered.
   */
  get(fileobj: FileDescriptorLike): SelectorKey<F, D> | undefined {
    return findRegistered(this.#registered, "get a key", fileobj)?.key;
  }

  /**
   * Whether a file object is registered.
   *
   * @param fileobj The file object, or the number of its descriptor.
   * @returns Whether it is.
   */
  has(fileobj: FileDescriptorLike): boolean {
    return this.get(fileobj) !== undefined;
  }

  /** The numbers. */
  *keys(): Generator<number> {
    for (const { key } of this.#registered.values()) yield key.fd;
  }

  /** The keys. */
  *values(): Generator<SelectorKey<F, D>> {
    for (const { key } of this.#registered.values()) yield key;
  }

  /** The numbers and the keys. */
  *entries(): Generator<[fd: number, key: SelectorKey<F, D>]> {
    for (const { key } of this.#registered.values()) yield [key.fd, key];
  }

  /** The numbers and the keys. */
  [Symbol.iterator](): Generator<[fd: number, key: SelectorKey<F, D>]> {
    return this.entries();
  }
}
