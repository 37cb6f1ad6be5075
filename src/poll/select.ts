import {
  checkInt,
  checkTimeout,
  namedArguments,
  optionalArguments,
  show,
  showObject,
} from "../base/checks.ts";
import { atCaller, osError } from "../base/os_error.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";
import {
  type FileDescriptorLike,
  type HasFileno,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  toNumber,
  toOpenDescriptor,
} from "./events.ts";
import { Interest, PollSet } from "./poll_set.ts";
import { answer } from "../wait/event_loop.ts";
import type { SignalOption } from "../wait/waiter.ts";

export { OSError, OSError as error } from "../base/errors.ts";
export {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLMSG,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from "./events.ts";

export type { FileDescriptorLike, HasFileno, SignalOption };

/** The optional arguments of {@linkcode select} and of a selector's, by name. */
export interface SelectOptions extends SignalOption {
  /** Seconds; 0 to poll without waiting, null to wait for ever. */
  timeout?: number | null | undefined;
}

/** The optional arguments of {@linkcode Poll.prototype.poll}, by name. */
export interface PollOptions extends SignalOption {
  /** Milliseconds; 0 to poll without waiting, null to wait for ever. */
  timeout?: number | null | undefined;
}

/** The optional argument of {@linkcode Poll.prototype.register}, by name. */
export interface RegisterOptions {
  /** The events to wait for, or-ed. */
  eventmask?: number | undefined;
}

/** An item of one of the three lists, and the list that it is reported in. */
class Item extends Interest {
  readonly file: unknown;
  readonly ready: unknown[];

  constructor(
    descriptor: Descriptor,
    events: number,
    file: unknown,
    ready: unknown[],
  ) {
    super(descriptor, events);
    this.file = file;
    this.ready = ready;
  }
}

/**
 * Waits until some of the files are ready.
 *
 * A listening socket is readable when a connection can be accepted. A connecting
 * one is writable when the connect has succeeded or failed;
 * `getsockopt(SOL_SOCKET, SO_ERROR)` returns which. At the end of its stream, or
 * with an error, a connection is readable. As on Linux, a stream socket without a
 * peer that is not listening is always ready.
 *
 * With three empty lists it sleeps.
 *
 * @example Several clients at once
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { select } from "@pystd/socket/select";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * using one = await socket.create_connection(server.getsockname());
 * using two = await socket.create_connection(server.getsockname());
 * await two.sendall(new TextEncoder().encode("hello"));
 *
 * const conns = [(await server.accept())[0], (await server.accept())[0]];
 * const [readable] = await select(conns, [], []);
 * assertEquals(readable.length, 1);
 * assertEquals(readable[0]?.getpeername(), two.getsockname());
 *
 * one.close();
 * for (const conn of conns) conn.close();
 * ```
 *
 * @example Polling without waiting
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { select } from "@pystd/socket/select";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * assertEquals(await select([server], [], [], { timeout: 0 }), [[], [], []]);
 * ```
 *
 * @typeParam R The type of the items of `rlist`.
 * @typeParam W The type of the items of `wlist`.
 * @typeParam X The type of the items of `xlist`.
 * @param rlist Sockets, file objects and descriptors to wait for until they are
 * readable. Standard input has no descriptor here: read it in a task of its own.
 * @param wlist Those to wait for until they are writable.
 * @param xlist Those to wait for until they have an exceptional condition, which
 * for a socket on Linux is urgent data. Deno cannot see that, so none is ever
 * reported.
 * @param timeout Seconds; 0 to poll without waiting, null to wait for ever. Or
 * the options, with `timeout` among them.
 * @param options `signal` cancels the call.
 * @returns Three lists of the items that are ready, as they were given; three
 * empty lists on timeout.
 * @throws {OSError} EBADF if a descriptor is not open, or is closed during the
 * call.
 * @throws {TypeError} If an argument or an item has another type; if an item
 * belongs to another copy of this package.
 * @throws {RangeError} If the timeout is negative; if a descriptor is negative,
 * such as that of a closed socket; if a file object is closed.
 * @see {@link https://docs.python.org/3/library/select.html#select.select | Python: select.select}
 */
export async function select<
  R extends FileDescriptorLike = never,
  W extends FileDescriptorLike = never,
  X extends FileDescriptorLike = never,
>(
  // With the array first, the compiler's error is about the one wrong item.
  rlist: readonly R[] | Iterable<R>,
  wlist: readonly W[] | Iterable<W>,
  xlist: readonly X[] | Iterable<X>,
  timeout?: number | null | SelectOptions,
  options?: SignalOption,
): Promise<[R[], W[], X[]]> {
  const given = [timeout, options];
  const [seconds = null, signal] = optionalArguments(
    "select",
    ["timeout"],
    given,
  ) as [unknown, AbortSignal | undefined];
  const timeoutMs = checkTimeout("select", seconds);
  const readable: R[] = [];
  const writable: W[] = [];
  const exceptional: X[] = [];
  const set = new PollSet<Item>();
  try {
    // The events are those of the kernel's own select(2).
    addItems(set, "rlist", rlist, POLLIN | POLLHUP | POLLERR, readable);
    addItems(set, "wlist", wlist, POLLOUT | POLLERR, writable);
    addItems(set, "xlist", xlist, POLLPRI, exceptional);
    const found = await set.wait(timeoutMs, signal);
    for (const [{ file, ready }] of found) ready.push(file);
  } catch (error) {
    // A loop of calls that fail at once must not keep the event loop from turning.
    await answer(undefined);
    throw atCaller(error, select, signal);
  } finally {
    set.end();
  }
  return [readable, writable, exceptional];
}

function addItems(
  set: PollSet<Item>,
  name: string,
  list: Iterable<unknown>,
  events: number,
  ready: unknown[],
): void {
  if (
    typeof list !== "object" || list === null || !(Symbol.iterator in list)
  ) {
    throw new TypeError(
      `Cannot select: ${name} must be an iterable, received ${
        showObject(list, "put it in an array")
      }`,
    );
  }
  for (const file of list) {
    const descriptor = toOpenDescriptor("select", file);
    set.set(set.size, new Item(descriptor, events, file, ready));
  }
}

/** A descriptor that is registered with a polling object. */
class Registered extends Interest {
  readonly number: number;

  constructor(
    number: number,
    descriptor: Descriptor | undefined,
    events: number,
  ) {
    super(descriptor, events);
    this.number = number;
  }
}

/** Events that are reported whether they are asked for or not. */
const ALWAYS = POLLERR | POLLHUP | POLLNVAL;

/**
 * A polling object: descriptors, each with the events to wait for.
 *
 * A closed descriptor is reported with POLLNVAL, also to a call that is pending,
 * and also when another socket has got its number, until that one is registered.
 * Changes take effect on pending calls.
 *
 * {@linkcode poll} makes it.
 *
 * @see {@link https://docs.python.org/3/library/select.html#polling-objects | Python: Polling objects}
 *
 * @example Usage
 * ```ts
 * import * as socket from "@pystd/socket";
 * import * as select from "@pystd/socket/select";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * const poller = select.poll();
 * poller.register(server, select.POLLIN);
 * assertEquals(await poller.poll(0), []);
 *
 * using client = await socket.create_connection(server.getsockname());
 * assertEquals(await poller.poll(), [[server.fileno(), select.POLLIN]]);
 *
 * poller.register(client);
 * poller.unregister(server);
 * assertEquals(await poller.poll(), [[client.fileno(), select.POLLOUT]]);
 * ```
 */
export class Poll {
  readonly #registered = new PollSet<Registered>();

  /**
   * Registers a descriptor, or changes the events of a registered one.
   *
   * @param fd The descriptor, or something that has one. As in Python, one that
   * is not open is reported with POLLNVAL.
   * @param eventmask The events to wait for, or-ed; by default POLLIN, POLLPRI
   * and POLLOUT. Or an object with `eventmask`.
   * @throws {TypeError} If an argument has another type.
   * @throws {RangeError} If the descriptor is negative, such as that of a closed
   * socket; if `eventmask` is not 0 to 65535.
   */
  register(
    fd: FileDescriptorLike,
    eventmask?: number | RegisterOptions,
  ): void {
    const number = toNumber("register", fd);
    const [mask = POLLIN | POLLPRI | POLLOUT] = namedArguments(
      "register",
      ["eventmask"],
      [eventmask],
    );
    const events = checkEvents("register", mask) | ALWAYS;
    const descriptor = findDescriptor(number);
    this.#registered.set(
      number,
      new Registered(number, descriptor, events),
    );
  }

  /**
   * Changes the events of a registered descriptor.
   *
   * @param fd The descriptor, or something that has one.
   * @param eventmask The events to wait for, or-ed.
   * @throws {FileNotFoundError} ENOENT if it is not registered.
   * @throws {TypeError} If an argument has another type.
   * @throws {RangeError} If the descriptor is negative; if `eventmask` is not 0
   * to 65535.
   */
  modify(fd: FileDescriptorLike, eventmask: number): void {
    const number = toNumber("modify", fd);
    const events = checkEvents("modify", eventmask) | ALWAYS;
    const registered = this.#registered.get(number);
    const { descriptor } = registered ?? {};
    const now = findDescriptor(number) ?? descriptor;
    if (registered === undefined || now !== descriptor) {
      throw atCaller(
        osError("ENOENT", `descriptor ${number} is not registered`),
        Poll.prototype.modify,
      );
    }
    this.#registered.set(
      number,
      new Registered(number, descriptor, events),
    );
  }

  /**
   * Removes a descriptor.
   *
   * @param fd The descriptor, or something that has one.
   * @throws {RangeError} If it is not registered, Python's `KeyError`, or is
   * negative, such as that of a closed socket; its number can still be
   * unregistered.
   * @throws {TypeError} If it is no descriptor.
   */
  unregister(fd: FileDescriptorLike): void {
    const number = toNumber("unregister", fd);
    if (!this.#registered.delete(number)) {
      throw new RangeError(
        `Cannot unregister: descriptor ${number} is not registered`,
      );
    }
  }

  /**
   * Waits until some of the descriptors are ready.
   *
   * @param timeout Milliseconds; 0 to poll without waiting; negative, null or
   * left out to wait for ever. Or the options, with `timeout` among them.
   * @param options `signal` cancels the call.
   * @returns The numbers of those that are ready, each with its events, or-ed;
   * an empty list on timeout.
   * @throws {TypeError} If `timeout` is neither a number nor null.
   * @throws {RangeError} If `timeout` is NaN.
   */
  async poll(
    timeout?: number | null | PollOptions,
    options?: SignalOption,
  ): Promise<[fd: number, event: number][]> {
    const given = [timeout, options];
    const [time = null, signal] = optionalArguments(
      "poll",
      ["timeout"],
      given,
    ) as [unknown, AbortSignal | undefined];
    const timeoutMs = checkMilliseconds(time);
    try {
      const ready = await this.#registered.wait(timeoutMs, signal);
      return ready.map(([{ number }, events]) => [number, events]);
    } catch (error) {
      throw atCaller(error, Poll.prototype.poll, signal);
    }
  }
}

function checkEvents(action: string, events: unknown): number {
  const mask = checkInt(action, "eventmask", events);
  if (mask < 0 || mask > 0xffff) {
    throw new RangeError(
      `Cannot ${action}: eventmask must be 0 to 65535, received ${mask}`,
    );
  }
  return mask;
}

function checkMilliseconds(timeout: unknown): number | null {
  if (timeout === null) return null;
  if (typeof timeout !== "number") {
    throw new TypeError(
      `Cannot poll: timeout must be a number of milliseconds or null, received ${
        show(timeout)
      }`,
    );
  }
  if (Number.isNaN(timeout)) {
    throw new RangeError("Cannot poll: timeout must not be NaN");
  }
  return timeout < 0 ? null : timeout;
}

/**
 * Makes a polling object, on which descriptors are registered.
 *
 * @example A connection's end
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { poll, POLLIN, POLLRDHUP } from "@pystd/socket/select";
 * import { assertEquals } from "@std/assert";
 *
 * const [one, two] = await socket.socketpair();
 * const poller = poll();
 * poller.register(one, POLLIN | POLLRDHUP);
 * two.close();
 *
 * const [[fd, event]] = await poller.poll(1000) as [[number, number]];
 * assertEquals(fd, one.fileno());
 * assertEquals((event & POLLRDHUP) !== 0, true);
 * one.close();
 * ```
 *
 * @returns The object.
 * @see {@link https://docs.python.org/3/library/select.html#select.poll | Python: select.poll}
 */
export function poll(): Poll {
  return new Poll();
}
