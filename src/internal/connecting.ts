import type { Address } from "../address.ts";
import type { ErrnoCode } from "../errno.ts";
import { type HostPlace, isPath, type Place } from "./address.ts";
import { connect, type Referenced, type StreamConn } from "./deno_net.ts";
import type { Endpoint } from "./endpoint.ts";
import { connectFrom } from "./node_net.ts";
import { osError } from "./os_error.ts";
import { pick } from "./platform.ts";
import { Pump, type Source } from "./pump.ts";
import { localhostLiteral, noneOfFamily, resolveAll } from "./resolver.ts";
import type { Unconnected } from "./unconnected.ts";
import { connectUnix } from "./unix_net.ts";
import { type Limits, Look, type Pending } from "./wait.ts";

/** A stream socket on its way to a peer. */
export class Connecting implements Endpoint, Source {
  readonly kind = "connecting";
  readonly readable = false;
  readonly writable = false;
  readonly #pump: Pump = new Pump(this);
  readonly #controller = new AbortController();
  readonly #from: Unconnected;
  readonly #place: Place;
  readonly #settle: (outcome: StreamConn | Error) => void;
  #outcome: StreamConn | Error | undefined;
  #referenced = true;
  /** The socket on its way, if it can be unreferenced. */
  #handle: Referenced | undefined;

  /** `settle` replaces this endpoint; it is called once, in the end. */
  constructor(
    from: Unconnected,
    place: Place,
    settle: (outcome: StreamConn | Error) => void,
  ) {
    this.#from = from;
    this.#place = place;
    this.#settle = settle;
  }

  localAddress(): Address {
    return this.#from.localAddress();
  }

  peerAddress(): undefined {
    return undefined;
  }

  applyOption(): void {}

  takeError(): undefined {
    return undefined;
  }

  /** Connects; a caller that gives up calls it off, unless non-blocking. */
  connect(limits: Limits): Promise<true> {
    return this.#pump.join(
      new ConnectWait(limits, this.#find, () => this.#callOff()),
    );
  }

  /** Waits for the outcome, whatever it is; one that sends, also when closed. */
  whenSettled(limits: Limits, toSend = false): Promise<true> {
    const find = () => this.#outcome === undefined ? undefined : true;
    const Waiting = toSend ? LookThroughClose : Look;
    return this.#pump.run(new Waiting<true>(limits, find));
  }

  whenReadable(limits: Limits): Promise<true> {
    return this.whenSettled(limits);
  }

  whenWritable(limits: Limits): Promise<true> {
    return this.whenSettled(limits);
  }

  readonly #find = (): true | undefined => {
    if (this.#outcome instanceof Error) throw this.#outcome;
    return this.#outcome && true;
  };

  start(first: Pending): boolean {
    // A call that goes on when nobody waits must not hold the process, which
    // `Deno.connect` and a name lookup always do.
    const { timeoutMs, caller } = first.limits;
    openStream({
      place: this.#place,
      local: this.#from.release(),
      signal: this.#controller.signal,
      onSocket: timeoutMs === 0 || !caller.referenced
        ? this.#onSocket
        : undefined,
    }).then((conn) => this.#end(conn), (error) => this.#end(error));
    return true;
  }

  readonly #onSocket = (socket: Referenced): void => {
    this.#handle = socket;
    if (!this.#referenced) socket.unref();
  };

  ref(): void {
    this.#referenced = true;
    this.#handle?.ref();
  }

  unref(): void {
    this.#referenced = false;
    this.#handle?.unref();
  }

  #end(outcome: StreamConn | Error): void {
    if (this.#outcome !== undefined) {
      // Called off in the very turn in which it succeeded.
      if (!(outcome instanceof Error)) outcome.close();
      return;
    }
    this.#outcome = outcome;
    // SO_ERROR tells what no call to connect() can tell any more.
    const told = this.#pump.first instanceof ConnectWait;
    if (outcome instanceof Error && !told) this.#from.fail(outcome);
    this.#settle(outcome);
    this.#pump.settled();
  }

  #callOff(): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = osError("ECANCELED");
    this.#settle(this.#outcome);
    this.#controller.abort(this.#outcome);
    this.#pump.settled();
  }

  close(): Promise<void> {
    this.#callOff();
    return Promise.resolve();
  }
}

class LookThroughClose<T> extends Look<T> {
  override get survivesClose(): boolean {
    return true;
  }
}

class ConnectWait extends Look<true> {
  readonly #callOff: () => void;

  constructor(
    limits: Limits,
    find: () => true | undefined,
    callOff: () => void,
  ) {
    super(limits, find);
    this.#callOff = callOff;
  }

  override giveUp(reason: unknown): void {
    this.reject(reason);
    const goesOn = this.limits.timeoutMs === 0 || this.limits.caller.closed;
    if (!goesOn) this.#callOff();
  }
}

/** How a stream is opened. */
interface Opening {
  readonly place: Place;
  /** The address to connect from; undefined for any. */
  readonly local: HostPlace | undefined;
  readonly signal: AbortSignal;
  /** Called with the socket on its way, which it then has to be able to unref. */
  readonly onSocket: ((socket: Referenced) => void) | undefined;
}

/**
 * Connects, by name if it has to. `Deno.connect` may take an address of either
 * family for a name, and so reach the wrong server; given an address that the
 * name was resolved to, it would need a grant for that. So a name goes to it
 * only if all its addresses have the family, and to `node:net` otherwise.
 */
async function openStream(opening: Opening): Promise<StreamConn> {
  const { place, local, signal, onSocket } = opening;
  if (isPath(place)) return connectUnix(place, signal, onSocket === undefined);
  // No system sends to port 0; the runtime's text for it is about an argument.
  if (place.port === 0) throw osError(REFUSES_PORT_0);
  const target = place.named ? localhostLiteral(place) ?? place : place;
  const isSafe = !target.named || await hasOneFamily(target, signal);
  return isSafe && local === undefined && onSocket === undefined
    ? connect(target, signal)
    : connectFrom(local, target, signal, onSocket);
}

const REFUSES_PORT_0: ErrnoCode = pick(
  "ECONNREFUSED",
  "EADDRNOTAVAIL",
  "EADDRNOTAVAIL",
);

/** Whether all addresses of a name are of its socket's family. */
async function hasOneFamily(
  place: HostPlace,
  signal: AbortSignal,
): Promise<boolean> {
  const all = await resolveAll(place.host, place.port);
  signal.throwIfAborted();
  const own = all.filter(({ family }) => family === place.family);
  if (own.length === 0) throw noneOfFamily(place.host, all);
  return own.length === all.length;
}
