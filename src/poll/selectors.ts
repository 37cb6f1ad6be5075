import { optionalArguments, show } from "../base/checks.ts";
import { atCaller } from "../base/os_error.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";
import {
  type FileDescriptorLike,
  type HasFileno,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  toNumber,
  toOpenDescriptor,
} from "./events.ts";
import { Interest, PollSet } from "./poll_set.ts";
import type { SelectOptions } from "./select.ts";
import type { SignalOption } from "../wait/waiter.ts";

/**
 * The type of file objects and of data in a selector that says nothing else: as
 * in Python, a program may use them as whatever it has registered. Every other
 * type would need a cast in the programs of Python's documentation.
 */
// deno-lint-ignore no-explicit-any
export type Registrable = any;

/**
 * A registered file object, with its events and its data.
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
  /** The data that it was registered with. */
  readonly data: D;

  /**
   * Makes a key, as a selector does.
   *
   * @param fileobj The file object.
   * @param fd The number of its descriptor.
   * @param events The events to wait for.
   * @param data The data to keep with it.
   */
  constructor(fileobj: F, fd: number, events: number, data: D) {
    this.fileobj = fileobj;
    this.fd = fd;
    this.events = events;
    this.data = data;
  }
}

/** A key, and the descriptor that it was registered with. */
class Registered<F extends FileDescriptorLike, D> extends Interest {
  declare readonly descriptor: Descriptor;
  readonly key: SelectorKey<F, D>;

  constructor(
    descriptor: Descriptor,
    events: number,
    key: SelectorKey<F, D>,
  ) {
    super(descriptor, events);
    this.key = key;
  }
}

/**
 * Finds a registered file object: by the descriptor that it has now, or, since a
 * closed one has none, by the object itself.
 */
function findRegistered<F extends FileDescriptorLike, D>(
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
 * The keys of a selector by the numbers of their descriptors. It is a view, which
 * shows the keys that are registered at the time.
 *
 * @typeParam F The type of the file objects.
 * @typeParam D The type of the data.
 */
export class SelectorMapping<F extends FileDescriptorLike, D> {
  readonly #registered: PollSet<Registered<F, D>>;

  /**
   * Makes a view, as a selector does.
   *
   * @ignore
   */
  constructor(registered: PollSet<Registered<F, D>>) {
    this.#registered = registered;
  }

  /** How many file objects are registered. */
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

export type { FileDescriptorLike, HasFileno, SelectOptions, SignalOption };

/** Bytes, a connection or the end of the stream can be received. */
export const EVENT_READ: number = 1;
/** A send would not wait. */
export const EVENT_WRITE: number = 2;

/** The last argument of `register`, which may be left out if its type has null. */
export type DataArgument<D> = null extends D ? [data?: D] : [data: D];

/**
 * The members of all selectors, which differ here only in name.
 *
 * A key belongs to the descriptor that was registered, not to its number: while a
 * closed one is registered, {@linkcode BaseSelector.prototype.select} fails, even
 * if another socket has its number now. A closed one can be unregistered by the
 * object that it was registered with.
 *
 * Registering and unregistering take effect on pending calls.
 *
 * @typeParam F The type of the file objects, by default any.
 * @typeParam D The type of the data, by default any.
 * @see {@link https://docs.python.org/3/library/selectors.html#selectors.BaseSelector | Python: BaseSelector}
 */
export abstract class BaseSelector<
  F extends FileDescriptorLike = Registrable,
  D = Registrable,
> implements Disposable {
  readonly #registered = new PollSet<Registered<F, D>>();
  readonly #map = new SelectorMapping(this.#registered);
  #closed = false;

  /**
   * Registers a file object.
   *
   * @example Usage
   * ```ts
   * import * as selectors from "@pystd/socket/selectors";
   * import * as socket from "@pystd/socket";
   * import { assertEquals } from "@std/assert";
   *
   * using sel = new selectors.DefaultSelector();
   * using s = socket.socket();
   * const key = sel.register(s, selectors.EVENT_READ, "some data");
   * assertEquals([key.fd, key.events], [s.fileno(), selectors.EVENT_READ]);
   * ```
   *
   * @param fileobj A socket, a file object, anything with `fileno()`, or a
   * descriptor's number.
   * @param events EVENT_READ, EVENT_WRITE or both, or-ed.
   * @param data The data to keep with it, null by default.
   * @returns The key.
   * @throws {OSError} EBADF if the descriptor is not open.
   * @throws {TypeError} If `fileobj` is not a file object, or belongs to another
   * copy of this package.
   * @throws {RangeError} If it is registered already, Python's `KeyError`; if it
   * is closed, `events` are others, or the selector is closed.
   */
  register(
    fileobj: F,
    events: number,
    ...[data]: DataArgument<D>
  ): SelectorKey<F, D> {
    this.#checkOpen();
    const action = "register";
    checkEvents(action, events);
    const descriptor = this.#open(action, fileobj);
    const { number } = descriptor;
    const other = this.#registered.get(number);
    if (other !== undefined) {
      throw new RangeError(
        `Cannot ${action}: descriptor ${number} is already registered${
          other.descriptor === descriptor ? "" : ", for a socket closed since"
        }`,
      );
    }
    const kept = (data ?? null) as D;
    return this.#set(
      descriptor,
      new SelectorKey(fileobj, number, events, kept),
    );
  }

  #open(action: string, fileobj: F): Descriptor {
    try {
      return toOpenDescriptor(action, fileobj);
    } catch (error) {
      throw atCaller(error, BaseSelector.prototype.register);
    }
  }

  #set(descriptor: Descriptor, key: SelectorKey<F, D>): SelectorKey<F, D> {
    const { events, fd } = key;
    const awaited = (events & EVENT_READ ? POLLIN : 0) |
      (events & EVENT_WRITE ? POLLOUT : 0) | POLLERR | POLLHUP;
    this.#registered.set(fd, new Registered(descriptor, awaited, key));
    return key;
  }

  /**
   * Removes a file object, which may have been closed.
   *
   * @param fileobj The file object, or the number of its descriptor.
   * @returns Its key.
   * @throws {TypeError} If `fileobj` is no file object.
   * @throws {RangeError} If it is not registered, Python's `KeyError`; if the
   * selector is closed.
   */
  unregister(fileobj: FileDescriptorLike): SelectorKey<F, D> {
    const { key } = this.#lookUp("unregister", fileobj);
    this.#registered.delete(key.fd);
    return key;
  }

  /**
   * Changes the events and the data of a registered file object.
   *
   * @param fileobj The file object, or the number of its descriptor.
   * @param events EVENT_READ, EVENT_WRITE or both, or-ed.
   * @param data The data to keep with it, null by default.
   * @returns The new key; the old one if nothing has changed.
   * @throws {TypeError} If `fileobj` is no file object.
   * @throws {RangeError} If it is not registered, Python's `KeyError`; if
   * `events` are others or the selector is closed.
   */
  modify(
    fileobj: FileDescriptorLike,
    events: number,
    ...[data]: DataArgument<D>
  ): SelectorKey<F, D> {
    const { descriptor, key } = this.#lookUp("modify", fileobj);
    checkEvents("modify", events);
    const kept = (data ?? null) as D;
    if (events === key.events && kept === key.data) return key;
    return this.#set(
      descriptor,
      new SelectorKey(key.fileobj, key.fd, events, kept),
    );
  }

  /**
   * Waits until some of the file objects are ready.
   *
   * @example The echo server of Python's documentation, for one client
   * ```ts
   * import * as selectors from "@pystd/socket/selectors";
   * import * as socket from "@pystd/socket";
   * import { assertEquals } from "@std/assert";
   *
   * using sel = new selectors.DefaultSelector();
   *
   * async function accept(sock: socket.Socket) {
   *   const [conn] = await sock.accept(); // Should be ready
   *   conn.setblocking(false);
   *   sel.register(conn, selectors.EVENT_READ, read);
   * }
   * async function read(conn: socket.Socket) {
   *   const data = await conn.recv(1000); // Should be ready
   *   if (data.length) {
   *     await conn.send(data); // Hope it won't block
   *   } else {
   *     sel.unregister(conn);
   *     conn.close();
   *   }
   * }
   *
   * await using server = socket.create_server(["127.0.0.1", 0]);
   * server.setblocking(false);
   * sel.register(server, selectors.EVENT_READ, accept);
   *
   * using client = await socket.create_connection(server.getsockname());
   * await client.sendall(new TextEncoder().encode("hello"));
   * await client.shutdown(socket.SHUT_WR);
   * do {
   *   for (const [key, mask] of await sel.select()) {
   *     await key.data(key.fileobj, mask);
   *   }
   * } while (sel.get_map().size > 1);
   * assertEquals(await client.recv(100), new TextEncoder().encode("hello"));
   * ```
   *
   * @param timeout Seconds; 0 or negative to poll without waiting, null to wait
   * for ever. Or the options, with `timeout` among them.
   * @param options `signal` cancels the call.
   * @returns The key of each that is ready, with the events that it is ready
   * for; an empty list on timeout.
   * @throws {OSError} EBADF if something registered is closed, before or during
   * the call.
   * @throws {TypeError} If `timeout` is neither a number nor null.
   * @throws {RangeError} If `timeout` is NaN, or the selector is or gets closed.
   * @see {@link https://docs.python.org/3/library/selectors.html#selectors.BaseSelector.select | Python: select}
   */
  async select(
    timeout?: number | null | SelectOptions,
    options?: SignalOption,
  ): Promise<[key: SelectorKey<F, D>, events: number][]> {
    this.#checkOpen();
    const given = [timeout, options];
    const [seconds = null, signal] = optionalArguments(
      "select",
      ["timeout"],
      given,
    ) as [unknown, AbortSignal | undefined];
    const timeoutMs = checkSeconds(seconds);
    try {
      const ready = await this.#registered.wait(timeoutMs, signal);
      return ready.map(([{ key }, events]) => {
        const mask = (events & ~POLLOUT ? EVENT_READ : 0) |
          (events & ~POLLIN ? EVENT_WRITE : 0);
        return [key, mask & key.events];
      });
    } catch (error) {
      throw atCaller(error, BaseSelector.prototype.select, signal);
    }
  }

  /**
   * The key of a registered file object.
   *
   * @param fileobj The file object, or the number of its descriptor.
   * @returns The key.
   * @throws {TypeError} If `fileobj` is no file object.
   * @throws {RangeError} If it is not registered, Python's `KeyError`; if the
   * selector is closed.
   */
  get_key(fileobj: FileDescriptorLike): SelectorKey<F, D> {
    return this.#lookUp("get a key", fileobj).key;
  }

  /**
   * The keys that are registered.
   *
   * @returns The keys by number, a view. A closed selector gives null, which the
   * type leaves out: programs ask an open one.
   */
  get_map(): SelectorMapping<F, D> {
    const map: SelectorMapping<F, D> | null = this.#closed ? null : this.#map;
    return map as SelectorMapping<F, D>;
  }

  /**
   * Closes the selector and forgets the keys; the file objects stay open. Pending
   * calls reject. Closing twice does nothing.
   */
  close(): void {
    this.#closed = true;
    this.#registered.end(closedError());
  }

  /** Closes the selector, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }

  #lookUp(action: string, fileobj: FileDescriptorLike): Registered<F, D> {
    this.#checkOpen();
    const found = findRegistered(this.#registered, action, fileobj);
    if (found !== undefined) return found;
    throw new RangeError(
      `Cannot ${action}: ${name(fileobj)} is not registered`,
    );
  }
}

function closedError(): RangeError {
  return new RangeError("Selector is closed");
}

function name(fileobj: FileDescriptorLike): string {
  return typeof fileobj === "number" ? `descriptor ${fileobj}` : show(fileobj);
}

function checkEvents(action: string, events: unknown): void {
  if (events === EVENT_READ || events === EVENT_WRITE) return;
  if (events === (EVENT_READ | EVENT_WRITE)) return;
  throw new RangeError(
    `Cannot ${action}: events must be EVENT_READ, EVENT_WRITE or both, received ${
      show(events)
    }`,
  );
}

/** A timeout in milliseconds; unlike for sockets, a negative one is 0. */
function checkSeconds(timeout: unknown): number | null {
  if (timeout === null) return null;
  if (typeof timeout !== "number") {
    throw new TypeError(
      `Cannot select: timeout must be a number of seconds or null, received ${
        show(timeout)
      }`,
    );
  }
  if (Number.isNaN(timeout)) {
    throw new RangeError("Cannot select: timeout must not be NaN");
  }
  return Math.max(0, timeout * 1000);
}

/**
 * Named after `select.select`, on which Python's is based, with the members of
 * {@linkcode BaseSelector}.
 *
 * @typeParam F The type of the file objects, by default any.
 * @typeParam D The type of the data, by default any.
 * @see {@link https://docs.python.org/3/library/selectors.html#selectors.SelectSelector | Python: SelectSelector}
 */
export class SelectSelector<
  F extends FileDescriptorLike = Registrable,
  D = Registrable,
> extends BaseSelector<F, D> {}

/**
 * Named after `select.poll`, on which Python's is based, with the members of
 * {@linkcode BaseSelector}. It is `DefaultSelector` too.
 *
 * @typeParam F The type of the file objects, by default any.
 * @typeParam D The type of the data, by default any.
 * @see {@link https://docs.python.org/3/library/selectors.html#selectors.PollSelector | Python: PollSelector}
 */
export class PollSelector<
  F extends FileDescriptorLike = Registrable,
  D = Registrable,
> extends BaseSelector<F, D> {}

export { PollSelector as DefaultSelector };
