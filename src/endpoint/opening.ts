import type { Address } from "../base/address.ts";
import {
  type InetSockaddr,
  isPath,
  type Sockaddr,
  toPythonAddress,
  unspecified,
  withHost,
} from "../base/sockaddr.ts";
import { SO_REUSEPORT, SOL_SOCKET } from "../base/constants.ts";
import type { ErrnoCode } from "../base/errno.ts";
import { byOs } from "../base/errno_table.ts";
import { osError } from "../base/os_error.ts";
import { type Endpoint, stateError } from "./endpoint.ts";
import type { Options } from "./options.ts";
import {
  connect,
  connectUnix,
  listen,
  listenUnix,
  type Referenced,
  type StreamConn,
  type StreamListener,
} from "../runtime/deno_net.ts";
import { connectWithNode } from "../runtime/node_net.ts";
import {
  checkBoundFamily,
  familyMismatchError,
  hostToBind,
  localhostLiteral,
  resolveAll,
} from "../runtime/resolver.ts";
import {
  OperationQueue,
  type OperationSource,
} from "../wait/operation_queue.ts";
import {
  type AnyWaiter,
  type CallContext,
  ConditionWaiter,
} from "../wait/waiter.ts";

/**
 * The backlog that `bind` opens with and `listen` has by default, in Python the
 * smaller of this and SOMAXCONN.
 */
export const DEFAULT_BACKLOG = 128;

/** A local address that a socket is bound to. */
interface Bound {
  /** The place as it was asked for, with the port that it got. */
  readonly sockaddr: Sockaddr;
  readonly address: Address;
  /** `Deno.listen` binds and listens in one step. */
  listener: StreamListener | undefined;
}

/** A stream socket that is neither connected nor listening. */
export class Unconnected implements Endpoint {
  readonly state = "unconnected";
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
  bind(sockaddr: Sockaddr): void {
    if (this.#bound !== undefined) throw stateError("bind", this.state);
    this.#bound = this.#open(sockaddr, DEFAULT_BACKLOG);
  }

  /** The listener to accept from; an unbound socket gets a port. */
  listen(backlog: number): StreamListener {
    const bound = this.#bound;
    let { listener } = bound ?? {};
    // Deno opens every Unix listener with one backlog, 1024.
    const isOther = backlog !== DEFAULT_BACKLOG &&
      !(bound !== undefined && isPath(bound.sockaddr));
    if (listener === undefined || isOther) {
      this.release();
      const sockaddr = bound?.sockaddr ?? this.#anywhere();
      this.#bound = this.#open(sockaddr, backlog);
      ({ listener } = this.#bound);
    }
    // From now on the listening endpoint owns it; the address stays.
    this.#bound!.listener = undefined;
    return listener!;
  }

  #anywhere(): Sockaddr {
    const [host, port] = unspecified(this.#family);
    if (host === undefined || port === undefined) throw osError("EINVAL");
    return {
      family: this.#family,
      host: String(host),
      port: Number(port),
      flowinfo: 0,
      scopeId: 0,
      isHostname: false,
    };
  }

  #open(sockaddr: Sockaddr, backlog: number): Bound {
    const listener = openListener(sockaddr, {
      backlog,
      reusePort: this.#options.isSet(SOL_SOCKET, SO_REUSEPORT),
    });
    const { addr } = listener;
    const address = toPythonAddress(this.#family, addr);
    const taken = isPath(sockaddr)
      ? { ...sockaddr, path: String(address) }
      : { ...sockaddr, port: (addr as Deno.NetAddr).port };
    return { sockaddr: taken, address, listener };
  }

  /** Refuses what a connect from here could not do. */
  checkConnect(): void {
    if (this.#bound === undefined || !isPath(this.#bound.sockaddr)) return;
    throw osError("EOPNOTSUPP", "Deno connects no Unix socket that is bound");
  }

  /** Lets go of the listener but not of the address, to connect from it. */
  release(): InetSockaddr | undefined {
    const bound = this.#bound;
    if (bound === undefined) return undefined;
    bound.listener?.close();
    bound.listener = undefined;
    const { sockaddr, address } = bound;
    // Bound by name, it connects from the address that the name has.
    return isPath(sockaddr)
      ? undefined
      : withHost(sockaddr, String(address[0]));
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
  sockaddr: Sockaddr,
  options: { backlog: number; reusePort: boolean },
): StreamListener {
  if (isPath(sockaddr)) return listenUnix(sockaddr);
  if (!sockaddr.isHostname) return listen(sockaddr, options);
  const where = hostToBind(sockaddr);
  const listener = listen(where, options);
  if (where.isHostname) checkBoundFamily(where, listener);
  return listener;
}

/** A stream socket on its way to a peer. */
export class Connecting implements Endpoint, OperationSource {
  readonly state = "connecting";
  readonly readable = false;
  readonly writable = false;
  readonly #operations: OperationQueue = new OperationQueue(this);
  readonly #controller = new AbortController();
  readonly #from: Unconnected;
  readonly #sockaddr: Sockaddr;
  readonly #settle: (outcome: StreamConn | Error) => void;
  #outcome: StreamConn | Error | undefined;
  #referenced = true;
  /** The socket on its way, if it can be unreferenced. */
  #handle: Referenced | undefined;

  /** `settle` replaces this endpoint; it is called once, in the end. */
  constructor(
    from: Unconnected,
    sockaddr: Sockaddr,
    settle: (outcome: StreamConn | Error) => void,
  ) {
    this.#from = from;
    this.#sockaddr = sockaddr;
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
  connect(context: CallContext): Promise<true> {
    return this.#operations.join(
      new ConnectWait(context, this.#find, () => this.#callOff()),
    );
  }

  /** Waits for the outcome, whatever it is; one that sends, also when closed. */
  whenSettled(context: CallContext, toSend = false): Promise<true> {
    const find = () => this.#outcome === undefined ? undefined : true;
    const Waiting = toSend ? LookThroughClose : ConditionWaiter;
    return this.#operations.run(new Waiting<true>(context, find));
  }

  whenReadable(context: CallContext): Promise<true> {
    return this.whenSettled(context);
  }

  whenWritable(context: CallContext): Promise<true> {
    return this.whenSettled(context);
  }

  readonly #find = (): true | undefined => {
    if (this.#outcome instanceof Error) throw this.#outcome;
    return this.#outcome && true;
  };

  start(first: AnyWaiter): boolean {
    // A call that goes on when nobody waits must not hold the process, which
    // `Deno.connect` and a name lookup always do.
    const { timeoutMs, owner } = first.context;
    openStream({
      sockaddr: this.#sockaddr,
      local: this.#from.release(),
      signal: this.#controller.signal,
      onSocket: timeoutMs === 0 || !owner.referenced
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
    const told = this.#operations.first instanceof ConnectWait;
    if (outcome instanceof Error && !told) this.#from.fail(outcome);
    this.#settle(outcome);
    this.#operations.operationDone();
  }

  #callOff(): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = osError("ECANCELED");
    this.#settle(this.#outcome);
    this.#controller.abort(this.#outcome);
    this.#operations.operationDone();
  }

  close(): Promise<void> {
    this.#callOff();
    return Promise.resolve();
  }
}

class LookThroughClose<T> extends ConditionWaiter<T> {
  override get survivesClose(): boolean {
    return true;
  }
}

class ConnectWait extends ConditionWaiter<true> {
  readonly #callOff: () => void;

  constructor(
    context: CallContext,
    find: () => true | undefined,
    callOff: () => void,
  ) {
    super(context, find);
    this.#callOff = callOff;
  }

  override cancel(reason: unknown): void {
    this.reject(reason);
    const goesOn = this.context.timeoutMs === 0 || this.context.owner.closed;
    if (!goesOn) this.#callOff();
  }
}

/** How a stream is opened. */
interface Opening {
  readonly sockaddr: Sockaddr;
  /** The address to connect from; undefined for any. */
  readonly local: InetSockaddr | undefined;
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
  const { sockaddr, local, signal, onSocket } = opening;
  if (isPath(sockaddr)) {
    return connectUnix(sockaddr, signal, onSocket === undefined);
  }
  // No system sends to port 0; the runtime's text for it is about an argument.
  if (sockaddr.port === 0) throw osError(REFUSES_PORT_0);
  const target = sockaddr.isHostname
    ? localhostLiteral(sockaddr) ?? sockaddr
    : sockaddr;
  const isSafe = !target.isHostname || await hasOneFamily(target, signal);
  return isSafe && local === undefined && onSocket === undefined
    ? connect(target, signal)
    : connectWithNode(local, target, signal, onSocket);
}

const REFUSES_PORT_0: ErrnoCode = byOs(
  "ECONNREFUSED",
  "EADDRNOTAVAIL",
  "EADDRNOTAVAIL",
);

/** Whether all addresses of a name are of its socket's family. */
async function hasOneFamily(
  sockaddr: InetSockaddr,
  signal: AbortSignal,
): Promise<boolean> {
  const all = await resolveAll(sockaddr.host, sockaddr.port);
  signal.throwIfAborted();
  const own = all.filter(({ family }) => family === sockaddr.family);
  if (own.length === 0) throw familyMismatchError(sockaddr.host, all);
  return own.length === all.length;
}
