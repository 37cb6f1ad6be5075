/**
 * Socket options and memberships in multicast groups: which exist, their
 * values, and how they are applied.
 */

import {
  AF_INET,
  AF_INET6,
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_JOIN_GROUP,
  IPV6_LEAVE_GROUP,
  IPV6_V6ONLY,
  TCP_NODELAY,
} from "../base/constants.ts";
import * as c from "../base/constants.ts";
import { ABSENT, type ErrnoCode } from "../base/errno_table.ts";
import { inet_ntop } from "../base/inet.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import type { Membership, Multicast } from "../runtime/deno_net.ts";
import { interfaceAddress } from "../runtime/interface_table.ts";

/**
 * Reads a `struct ip_mreq` of 8 bytes or `ip_mreqn` of 12, ip(7), or a
 * `struct ipv6_mreq` of 20, ipv6(7).
 *
 * @throws {OSError} EINVAL if `value` has too few bytes; ENODEV if there is no
 * such interface.
 */
export function toMembership(
  name: string,
  family: number,
  value: number | Uint8Array,
): Membership {
  const size = family === AF_INET6 ? 20 : 8;
  if (typeof value === "number" || value.length < size) {
    throw osError("EINVAL", `${name} takes ${size} bytes or more`);
  }
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (family === AF_INET6) {
    const group = inet_ntop(AF_INET6, value.slice(0, 16));
    return { group, address: "", index: view.getUint32(16, true) };
  }
  const group = inet_ntop(AF_INET, value.slice(0, 4));
  const index = value.length < 12 ? 0 : view.getInt32(8, true);
  // The kernel uses the address only if there is no index.
  const address = index === 0
    ? inet_ntop(AF_INET, value.slice(4, 8))
    : interfaceAddress(index);
  if (address === undefined) throw osError("ENODEV", `interface ${index}`);
  return { group, address, index: 0 };
}

/** Adds a membership. */
export function join(all: Membership[], one: Membership): void {
  const isGroup = one.address === ""
    ? one.group.startsWith("ff")
    : /^2(?:2[4-9]|3\d)\./.test(one.group);
  if (!isGroup) {
    throw osError("EINVAL", `${one.group} is not a multicast group`);
  }
  if (all.some((each) => isSame(each, one))) {
    throw osError("EADDRINUSE", one.group);
  }
  all.push(one);
}

/**
 * Removes a membership. For IPv6 without an index, it may be on any interface.
 */
export function leave(all: Membership[], one: Membership): void {
  const anywhere = one.address === "" && one.index === 0;
  const at = all.findIndex((each) =>
    isSame(each, anywhere ? { ...one, index: each.index } : one)
  );
  if (at < 0) throw osError("EADDRNOTAVAIL", one.group);
  all.splice(at, 1);
}

function isSame(a: Membership, b: Membership): boolean {
  return a.group === b.group && a.address === b.address && a.index === b.index;
}

// Socket options: a table of all options, and the values of one socket.

/** The kind of an option's value. */
type State = "flag" | "time" | "readonly" | "ttl" | "loop" | "join" | "leave";

interface Option {
  readonly name: string;
  readonly kind: State;
  /** Whether a socket of this family and type has it. */
  readonly has: (family: number, type: number) => boolean;
}

const any = (): boolean => true;
const inet = (family: number): boolean => family !== c.AF_UNIX;
const tcp = (family: number, type: number): boolean =>
  inet(family) && type === c.SOCK_STREAM;
const udp4 = (family: number, type: number): boolean =>
  family === c.AF_INET && type === c.SOCK_DGRAM;
const udp6 = (family: number, type: number): boolean =>
  family === c.AF_INET6 && type === c.SOCK_DGRAM;
const inet6 = (family: number): boolean => family === c.AF_INET6;

const key = (level: number, option: number): number => level * 2 ** 32 + option;

const OPTIONS: ReadonlyMap<number, Option> = new Map<number, Option>(
  ([
    [c.SOL_SOCKET, c.SO_REUSEADDR, "SO_REUSEADDR", "flag", any],
    [c.SOL_SOCKET, c.SO_REUSEPORT, "SO_REUSEPORT", "flag", any],
    [c.SOL_SOCKET, c.SO_BROADCAST, "SO_BROADCAST", "flag", any],
    [c.SOL_SOCKET, c.SO_KEEPALIVE, "SO_KEEPALIVE", "flag", any],
    [c.SOL_SOCKET, c.SO_RCVTIMEO, "SO_RCVTIMEO", "time", any],
    [c.SOL_SOCKET, c.SO_SNDTIMEO, "SO_SNDTIMEO", "time", any],
    [c.SOL_SOCKET, c.SO_TYPE, "SO_TYPE", "readonly", any],
    [c.SOL_SOCKET, c.SO_DOMAIN, "SO_DOMAIN", "readonly", any],
    [c.SOL_SOCKET, c.SO_PROTOCOL, "SO_PROTOCOL", "readonly", any],
    [c.SOL_SOCKET, c.SO_ERROR, "SO_ERROR", "readonly", any],
    [c.SOL_SOCKET, c.SO_ACCEPTCONN, "SO_ACCEPTCONN", "readonly", any],
    [IPPROTO_TCP, TCP_NODELAY, "TCP_NODELAY", "flag", tcp],
    [IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY", "flag", inet6],
    [IPPROTO_IP, IP_MULTICAST_TTL, "IP_MULTICAST_TTL", "ttl", udp4],
    [IPPROTO_IP, IP_MULTICAST_LOOP, "IP_MULTICAST_LOOP", "loop", udp4],
    [IPPROTO_IP, IP_ADD_MEMBERSHIP, "IP_ADD_MEMBERSHIP", "join", udp4],
    [IPPROTO_IP, IP_DROP_MEMBERSHIP, "IP_DROP_MEMBERSHIP", "leave", udp4],
    [IPPROTO_IPV6, IPV6_JOIN_GROUP, "IPV6_JOIN_GROUP", "join", udp6],
    [IPPROTO_IPV6, IPV6_LEAVE_GROUP, "IPV6_LEAVE_GROUP", "leave", udp6],
  ] as const).map(([level, option, name, kind, has]) => [
    key(level, option),
    { name, kind, has },
  ]),
);

/** The prefixes of the option names of each level. */
const PREFIXES: ReadonlyMap<number, string> = new Map([
  [c.SOL_SOCKET, "SO_"],
  [IPPROTO_IP, "IP_"],
  [IPPROTO_IPV6, "IPV6_"],
  [IPPROTO_TCP, "TCP_"],
]);

/** Names an option that is not in the table, by the name of its constant. */
function nameOf(level: number, option: number): string {
  const prefix = PREFIXES.get(level);
  const found = prefix && option !== ABSENT && Object.entries(c).find(
    ([name, value]) =>
      value === option && name.startsWith(prefix) &&
      // These constants are values of options, not options.
      !/_DEFAULT_|_MAX_|_TYPE_/.test(name),
  );
  return found ? found[0] : `level ${level}, option ${option}`;
}

/**
 * Options without which a program behaves the same, though perhaps not at the
 * same speed.
 */
const TUNING =
  /^(?:SO_(?:RCVBUF|SNDBUF|RCVLOWAT|SNDLOWAT|LINGER|PRIORITY|INCOMING_CPU|BUSY_POLL|NO_CHECK|MARK)|TCP_(?:KEEP\w+|QUICKACK|CORK|DEFER_ACCEPT|USER_TIMEOUT|MAXSEG|WINDOW_CLAMP|SYNCNT|LINGER2|FASTOPEN|CONGESTION|NOTSENT_LOWAT)|IP_(?:TOS|TTL)|IPV6_(?:TCLASS|UNICAST_HOPS))$/;

/**
 * Whether SO_LINGER asks for a close that resets or waits, which is not mere
 * tuning.
 */
function isLinger(
  name: string,
  value: number | Uint8Array | undefined,
): boolean {
  return name === "SO_LINGER" &&
    (typeof value === "number" ? value !== 0 : value?.[0] !== 0);
}

function find(
  level: number,
  option: number,
  family: number,
  type: number,
  foreign: ErrnoCode,
  value?: number | Uint8Array,
): Option {
  const found = OPTIONS.get(key(level, option));
  if (found === undefined) {
    const name = nameOf(level, option);
    throw osError(
      "ENOPROTOOPT",
      TUNING.test(name) && !isLinger(name, value)
        ? `Deno cannot set ${name}, which only tunes; the program runs without this line`
        : name,
    );
  }
  if (!found.has(family, type)) throw osError(foreign, found.name);
  return found;
}

/** The option values of one socket, shared by its duplicates. */
export class Options {
  readonly #family: number;
  readonly #type: number;
  /** Created with the first value: most connections have none. */
  #values: Map<number, number> | undefined;

  constructor(family: number, type: number) {
    this.#family = family;
    this.#type = type;
  }

  #put(at: number, value: number): void {
    this.#values ??= new Map();
    this.#values.set(at, value);
  }

  /** Whether a flag is set. */
  isSet(level: number, option: number): boolean {
    return this.#values?.get(key(level, option)) === 1;
  }

  /** The time limit of a receive in milliseconds; null for no limit. */
  receiveTimeoutMs: number | null = null;
  /** The time limit of a send in milliseconds; null for no limit. */
  sendTimeoutMs: number | null = null;
  /**
   * The interface of the link-local address that the socket was bound to or
   * connected to, 0 for none. The kernel binds the socket to it, and accepted
   * sockets inherit it (`sk_bound_dev_if` in Linux).
   */
  boundInterface = 0;
  /** The multicast groups to join. A membership that fails is removed. */
  readonly memberships: Membership[] = [];
  /** The number of hops of multicast datagrams, IP_MULTICAST_TTL. */
  multicastTtl = 1;
  /**
   * Whether multicast datagrams come back to this machine, IP_MULTICAST_LOOP.
   */
  multicastLoop = true;

  /**
   * Stores a value after checking it.
   *
   * @throws {OSError} ENOPROTOOPT if there is no such option or it is
   * read-only; EINVAL if `value` has too few bytes.
   */
  set(level: number, option: number, value: number | Uint8Array): void {
    // As in Linux, where setting and getting an option of another family fail
    // differently.
    const foreign = this.#family === c.AF_UNIX ? "EOPNOTSUPP" : "ENOPROTOOPT";
    const { name, kind } = find(
      level,
      option,
      this.#family,
      this.#type,
      foreign,
      value,
    );
    if (kind === "readonly") {
      throw osError("ENOPROTOOPT", `${name} is read-only`);
    }
    if (kind === "flag") {
      this.#put(key(level, option), flagFrom(value, name));
      return;
    }
    if (kind === "join" || kind === "leave") {
      const membership = toMembership(name, this.#family, value);
      (kind === "join" ? join : leave)(this.memberships, membership);
      return;
    }
    if (kind === "ttl") {
      this.multicastTtl = ttlFrom(value, name);
      return;
    }
    if (kind === "loop") {
      this.multicastLoop = byteFrom(value, name) !== 0;
      return;
    }
    const timeMs = timeFrom(value, name);
    this.#put(key(level, option), Math.max(0, timeMs));
    // A negative time limit expires at once, and 0 means no limit, socket(7)
    // and sock_set_timeout.
    const limitMs = timeMs === 0 ? null : Math.max(0, timeMs);
    if (name === "SO_RCVTIMEO") this.receiveTimeoutMs = limitMs;
    else this.sendTimeoutMs = limitMs;
  }

  /**
   * Returns the bytes of a value as the system would: an int, or a
   * `struct timeval` for a time limit. `readonly` looks up an option that
   * describes the socket.
   */
  get(
    level: number,
    option: number,
    readonly: (option: number) => number,
  ): Uint8Array {
    const found = find(
      level,
      option,
      this.#family,
      this.#type,
      "EOPNOTSUPP",
    );
    if (found.kind === "readonly") return intBytes(readonly(option));
    if (found.kind === "ttl") return intBytes(this.multicastTtl);
    if (found.kind === "loop") return intBytes(Number(this.multicastLoop));
    if (found.kind === "join" || found.kind === "leave") {
      throw osError("ENOPROTOOPT", `${found.name} can only be set`);
    }
    const value = this.#values?.get(key(level, option)) ?? 0;
    return found.kind === "time" ? timeBytes(value) : intBytes(value);
  }

  /** Creates the options that an accepted socket inherits from its listener. */
  inherit(): Options {
    const child = new Options(this.#family, this.#type);
    if (this.#values !== undefined) child.#values = new Map(this.#values);
    child.receiveTimeoutMs = this.receiveTimeoutMs;
    child.sendTimeoutMs = this.sendTimeoutMs;
    child.boundInterface = this.boundInterface;
    return child;
  }
}

function intBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value, true);
  return bytes;
}

/** Reads an int from the first bytes of an option's value. */
export function intFrom(bytes: Uint8Array): number {
  const padded = new Uint8Array(4);
  padded.set(bytes.subarray(0, 4));
  return new DataView(padded.buffer).getInt32(0, true);
}

function flagFrom(value: number | Uint8Array, name: string): number {
  if (typeof value === "number") return value === 0 ? 0 : 1;
  if (value.length < 4) throw osError("EINVAL", `${name} takes 4 bytes`);
  return intFrom(value) === 0 ? 0 : 1;
}

/** Reads an int, or from a shorter value its first byte, ip(7). */
function byteFrom(value: number | Uint8Array, name: string): number {
  if (typeof value === "number") return value;
  if (value.length === 0) throw osError("EINVAL", `${name} takes a byte`);
  return value.length < 4 ? value[0]! : intFrom(value);
}

/** Reads a TTL, 0 to 255, or -1 for the default. */
function ttlFrom(value: number | Uint8Array, name: string): number {
  const ttl = byteFrom(value, name);
  if (ttl < -1 || ttl > 255) throw osError("EINVAL", `${name} is ${ttl}`);
  return ttl === -1 ? 1 : ttl;
}

const WINDOWS = Deno.build.os === "windows";

/** Reads a `struct timeval`, or on Windows a DWORD of milliseconds. */
function timeFrom(value: number | Uint8Array, name: string): number {
  if (WINDOWS) return typeof value === "number" ? value : intFrom(value);
  if (typeof value === "number" || value.length < 16) {
    throw osError("EINVAL", `${name} takes a struct timeval of 16 bytes`);
  }
  const view = new DataView(value.buffer, value.byteOffset, 16);
  const seconds = Number(view.getBigInt64(0, true));
  const micros = Number(view.getBigInt64(8, true));
  if (micros < 0 || micros > 999_999) throw osError("EDOM", name);
  return seconds * 1000 + micros / 1000;
}

function timeBytes(valueMs: number): Uint8Array {
  if (WINDOWS) return intBytes(valueMs);
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigInt64(0, BigInt(Math.floor(valueMs / 1000)), true);
  view.setBigInt64(8, BigInt(Math.round((valueMs % 1000) * 1000)), true);
  return bytes;
}

// Multicast on a bound datagram socket.

/**
 * Applies the multicast options to a bound socket, including those that were
 * set before the bind.
 *
 * A socket of `Deno.listenDatagram` joins a group asynchronously. Calls made in
 * the meantime wait for the result, and one of them reports a failure.
 */
export class MulticastState {
  readonly #options: Options;
  readonly #control: Multicast;
  readonly #onError: () => void;
  #error: Error | undefined;
  #applied: readonly Membership[] = [];
  #ttl = 1;
  #loop: boolean;
  /** The values that the socket is known to have. */
  #actualTtl = 1;
  #actualLoop: boolean;
  #pending: Promise<void> | undefined;

  /**
   * `onError` is called when a change fails after the call that made it has
   * returned.
   */
  constructor(
    options: Options,
    control: Multicast,
    onError: () => void,
  ) {
    this.#options = options;
    this.#control = control;
    this.#onError = onError;
    this.#loop = this.#actualLoop = control.loop;
  }

  /**
   * Whether all options have been applied, and no failure is still to be
   * reported.
   */
  get settled(): boolean {
    return this.#pending === undefined && this.#error === undefined;
  }

  /** Whether a failure is still to be reported. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /**
   * Waits for the pending changes. Rejects with a failure that no call has
   * reported.
   */
  async settle(): Promise<void> {
    await this.#pending;
    const error = this.takeError();
    if (error !== undefined) throw error;
  }

  /** Returns the failure, and clears it. */
  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /** Applies the options that have changed. */
  update(): void {
    const options = this.#options;
    const wanted = [...options.memberships];
    const before = this.#applied;
    this.#applied = wanted;
    for (const each of before) {
      if (!wanted.includes(each)) this.#run(() => this.#control.leave(each));
    }
    for (const each of wanted) {
      if (before.includes(each)) continue;
      this.#run(() => this.#control.join(each), () => this.#forget(each));
    }
    const { multicastTtl: ttl, multicastLoop: loop } = options;
    // When a change fails, a later one may have asked for another value.
    if (ttl !== this.#ttl) {
      this.#ttl = ttl;
      this.#run(() => this.#control.setTtl(ttl), () => {
        if (options.multicastTtl !== ttl) return;
        this.#ttl = options.multicastTtl = this.#actualTtl;
      }, () => this.#actualTtl = ttl);
    }
    if (loop === this.#loop) return;
    this.#loop = loop;
    this.#run(() => this.#control.setLoop(loop), () => {
      if (options.multicastLoop !== loop) return;
      this.#loop = options.multicastLoop = this.#actualLoop;
    }, () => this.#actualLoop = loop);
  }

  #forget(membership: Membership): void {
    const { memberships } = this.#options;
    const at = memberships.indexOf(membership);
    if (at >= 0) memberships.splice(at, 1);
    this.#applied = this.#applied.filter((each) => each !== membership);
  }

  #run(
    change: () => void | Promise<void>,
    undo: () => void = nothing,
    done: () => void = nothing,
  ): void {
    let changing: void | Promise<void>;
    try {
      changing = change();
    } catch (error) {
      undo();
      throw fromDeno(error);
    }
    if (!(changing instanceof Promise)) return done();
    const settled = changing.then(done, (error: unknown) => {
      undo();
      this.#error ??= fromDeno(error);
      this.#onError();
    });
    const pending = Promise.all([this.#pending, settled]).then(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    this.#pending = pending;
  }
}

function nothing(): void {}
