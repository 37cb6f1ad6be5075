import {
  checkInt,
  checkSignal,
  checkTimeout,
  type KnownOptions,
  show,
  showObject,
} from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import { type Descriptor, findDescriptor } from "../endpoint/description.ts";
import {
  type FileDescriptorLike,
  type HasFileno,
  type Interest,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  PollSet,
  toNumber,
  toOpenDescriptor,
} from "./poll_set.ts";
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
} from "./poll_set.ts";

export type { FileDescriptorLike, HasFileno, SignalOption };

const SELECT_OPTIONS: KnownOptions = {
  signal: true,
  timeout: "it is the fourth argument",
};

const POLL_OPTIONS: KnownOptions = {
  signal: true,
  timeout: "it is the first argument",
};

/** An item of one of the three lists, and where to report it. */
interface Item extends Interest {
  readonly file: unknown;
  readonly ready: unknown[];
}

/**
 * Waits until some of the files are ready.
 *
 * A listening socket is readable when a connection can be accepted; a connecting
 * one is writable when the connect has succeeded or failed, which
 * `getsockopt(SOL_SOCKET, SO_ERROR)` tells; at its end or with an error a
 * connection is readable. As on Linux, a stream socket without a peer that is
 * not listening is always ready.
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
 * @example Not waiting
 * ```ts
 * import * as socket from "@pystd/socket";
 * import { select } from "@pystd/socket/select";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = socket.create_server(["127.0.0.1", 0]);
 * assertEquals(await select([server], [], [], 0), [[], [], []]);
 * ```
 *
 * @typeParam R What is in `rlist`.
 * @typeParam W What is in `wlist`.
 * @typeParam X What is in `xlist`.
 * @param rlist What to wait for until it is readable.
 * @param wlist What to wait for until it is writable.
 * @param xlist What to wait for until it has an exceptional condition, which for
 * a socket is urgent data on Linux. Deno cannot see that: none is ever reported.
 * @param timeout Seconds; 0 to only look, null to wait for ever.
 * @param options `signal` ends the wait.
 * @returns Of each list the items that are ready, as they were given; nothing if
 * time was over before.
 * @throws {OSError} EBADF if a descriptor is not open, or is closed meanwhile.
 * @throws {TypeError} If an argument or an item is of another type.
 * @throws {RangeError} If the timeout is negative, or a descriptor, as of a
 * closed socket, or if a file object is closed.
 * @see {@link https://docs.python.org/3/library/select.html#select.select | Python: select.select}
 */
export async function select<
  R extends FileDescriptorLike = never,
  W extends FileDescriptorLike = never,
  X extends FileDescriptorLike = never,
>(
  rlist: Iterable<R>,
  wlist: Iterable<W>,
  xlist: Iterable<X>,
  timeout: number | null = null,
  options?: SignalOption,
): Promise<[R[], W[], X[]]> {
  const signal = checkSignal("select", options, SELECT_OPTIONS);
  const timeoutMs = checkTimeout(
    "select",
    timeout,
    "options are the fifth argument",
  );
  const readable: R[] = [];
  const writable: W[] = [];
  const exceptional: X[] = [];
  const items = [
    // The sets of the kernel's own select(2).
    ...itemsOf("rlist", rlist, POLLIN | POLLHUP | POLLERR, readable),
    ...itemsOf("wlist", wlist, POLLOUT | POLLERR, writable),
    ...itemsOf("xlist", xlist, POLLPRI, exceptional),
  ];
  const set = new PollSet<Item>();
  for (const [index, item] of items.entries()) set.set(index, item);
  try {
    const found = await set.wait(timeoutMs, signal);
    for (const [{ file, ready }] of found) ready.push(file);
  } finally {
    set.end();
  }
  return [readable, writable, exceptional];
}

function itemsOf(
  name: string,
  list: Iterable<unknown>,
  events: number,
  ready: unknown[],
): Item[] {
  if (
    typeof list !== "object" || list === null || !(Symbol.iterator in list)
  ) {
    throw new TypeError(
      `Cannot select: ${name} must be an iterable, received ${
        showObject(list, "put it in an array")
      }`,
    );
  }
  return Array.from(list, (file) => {
    const descriptor = toOpenDescriptor("select", file);
    return { descriptor, events, file, ready };
  });
}

/** What is registered with a polling object. */
interface Registered extends Interest {
  readonly number: number;
  readonly descriptor: Descriptor | undefined;
}

/** Events that are reported whether they are asked for or not. */
const ALWAYS = POLLERR | POLLHUP | POLLNVAL;

/**
 * A polling object: descriptors, each with the events to wait for.
 *
 * A descriptor that is closed is reported with POLLNVAL, also while waiting and
 * also after its number has come to belong to another socket, until that one is
 * registered. Changes take effect on calls that are waiting.
 *
 * Made by {@linkcode poll}.
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
   * @param eventmask The events to wait for, or-ed; if left out POLLIN, POLLPRI
   * and POLLOUT.
   * @throws {TypeError} If an argument is of another type.
   * @throws {RangeError} If the descriptor is negative, as of a closed socket;
   * if `eventmask` is not 0 to 65535.
   */
  register(
    fd: FileDescriptorLike,
    eventmask: number = POLLIN | POLLPRI | POLLOUT,
  ): void {
    const number = toNumber("register", fd);
    const events = checkEvents("register", eventmask) | ALWAYS;
    const descriptor = findDescriptor(number);
    this.#registered.set(number, { number, descriptor, events });
  }

  /**
   * Changes the events of a registered descriptor.
   *
   * @param fd The descriptor, or something that has one.
   * @param eventmask The events to wait for, or-ed.
   * @throws {FileNotFoundError} ENOENT if it is not registered.
   * @throws {TypeError} If an argument is of another type.
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
      throw osError("ENOENT", `descriptor ${number} is not registered`);
    }
    this.#registered.set(number, { number, descriptor, events });
  }

  /**
   * Removes a descriptor.
   *
   * @param fd The descriptor, or something that has one.
   * @throws {RangeError} If it is not registered, Python's `KeyError`, or is
   * negative, as of a closed socket; its number can still be unregistered.
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
   * @param timeout Milliseconds; 0 to only look; negative, null or left out to
   * wait for ever.
   * @param options `signal` ends the wait.
   * @returns The numbers of those that are ready, each with its events, or-ed;
   * nothing if time was over before.
   * @throws {TypeError} If `timeout` is neither a number nor null.
   * @throws {RangeError} If `timeout` is NaN.
   */
  async poll(
    timeout: number | null = null,
    options?: SignalOption,
  ): Promise<[fd: number, event: number][]> {
    const signal = checkSignal("poll", options, POLL_OPTIONS);
    const timeoutMs = checkMilliseconds(timeout);
    const ready = await this.#registered.wait(timeoutMs, signal);
    return ready.map(([{ number }, events]) => [number, events]);
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
