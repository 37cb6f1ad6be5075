import type { Address } from "../address.ts";
import { SO_REUSEPORT, SOL_SOCKET } from "../constants.ts";
import {
  at,
  fromPlatform,
  type HostPlace,
  isPath,
  type Place,
  unspecified,
} from "./address.ts";
import { listen, type StreamListener } from "./deno_net.ts";
import { type Endpoint, wrongKind } from "./endpoint.ts";
import type { Options } from "./options.ts";
import { osError } from "./os_error.ts";
import { checkBoundFamily, hostToBind } from "./resolver.ts";
import { listenUnix } from "./unix_net.ts";

/**
 * The backlog that `bind` opens with and `listen` has by default, in Python the
 * smaller of this and SOMAXCONN.
 */
export const DEFAULT_BACKLOG = 128;

/** A local address that a socket is bound to. */
interface Bound {
  /** The place as it was asked for, with the port that it got. */
  readonly place: Place;
  readonly address: Address;
  /** `Deno.listen` binds and listens in one step. */
  listener: StreamListener | undefined;
}

/** A stream socket that is neither connected nor listening. */
export class Unconnected implements Endpoint {
  readonly kind = "unconnected";
  // As Linux polls a stream socket that was never connected.
  readonly readable = true;
  readonly writable = true;
  readonly #family: number;
  readonly #options: Options;
  #bound: Bound | undefined;
  #error: Error | undefined;

  constructor(family: number, options: Options, bound?: Bound) {
    this.#family = family;
    this.#options = options;
    this.#bound = bound;
  }

  localAddress(): Address {
    return this.#bound?.address ?? unspecified(this.#family);
  }

  peerAddress(): undefined {
    return undefined;
  }

  applyOption(): void {}

  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Keeps what a connect that nobody waited for has failed with. */
  fail(error: Error): void {
    this.#error = error;
  }

  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  whenReadable(): Promise<true> {
    return Promise.resolve(true);
  }

  whenWritable(): Promise<true> {
    return Promise.resolve(true);
  }

  /** Takes the address, at once. */
  bind(place: Place): void {
    if (this.#bound !== undefined) throw wrongKind("bind", this.kind);
    this.#bound = this.#open(place, DEFAULT_BACKLOG);
  }

  /** The listener to accept from; an unbound socket gets a port. */
  listen(backlog: number): StreamListener {
    const bound = this.#bound;
    let { listener } = bound ?? {};
    // Deno opens every Unix listener with one backlog, 1024.
    const isOther = backlog !== DEFAULT_BACKLOG &&
      !(bound !== undefined && isPath(bound.place));
    if (listener === undefined || isOther) {
      this.release();
      const place = bound?.place ?? this.#anywhere();
      this.#bound = this.#open(place, backlog);
      ({ listener } = this.#bound);
    }
    // From now on the listening endpoint owns it; the address stays.
    this.#bound!.listener = undefined;
    return listener!;
  }

  #anywhere(): Place {
    const [host, port] = unspecified(this.#family);
    if (host === undefined || port === undefined) throw osError("EINVAL");
    return {
      family: this.#family,
      host: String(host),
      port: Number(port),
      flowinfo: 0,
      scopeId: 0,
      named: false,
    };
  }

  #open(place: Place, backlog: number): Bound {
    const listener = openListener(place, {
      backlog,
      reusePort: this.#options.isSet(SOL_SOCKET, SO_REUSEPORT),
    });
    const { addr } = listener;
    const address = fromPlatform(this.#family, addr);
    const taken = isPath(place)
      ? { ...place, path: String(address) }
      : { ...place, port: (addr as Deno.NetAddr).port };
    return { place: taken, address, listener };
  }

  /** Refuses what a connect from here could not do. */
  checkConnect(): void {
    if (this.#bound === undefined || !isPath(this.#bound.place)) return;
    throw osError("EOPNOTSUPP", "Deno connects no Unix socket that is bound");
  }

  /** Lets go of the listener but not of the address, to connect from it. */
  release(): HostPlace | undefined {
    const bound = this.#bound;
    if (bound === undefined) return undefined;
    bound.listener?.close();
    bound.listener = undefined;
    const { place, address } = bound;
    // Bound by name, it connects from the address that the name has.
    return isPath(place) ? undefined : at(place, String(address[0]));
  }

  close(): Promise<void> {
    this.release();
    return Promise.resolve();
  }
}

/**
 * Opens a listener by name or number. Deno has no synchronous resolver, but
 * `Deno.listen` takes a name; it may choose an address of the other family.
 */
function openListener(
  place: Place,
  options: { backlog: number; reusePort: boolean },
): StreamListener {
  if (isPath(place)) return listenUnix(place);
  if (!place.named) return listen(place, options);
  const where = hostToBind(place);
  const listener = listen(where, options);
  if (where.named) checkBoundFamily(where, listener);
  return listener;
}
