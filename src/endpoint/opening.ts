import { type Address, SO_REUSEPORT, SOL_SOCKET } from "../base/constants.ts";
import {
  isLinkLocal,
  isPath,
  type Sockaddr,
  unspecified,
  withHost,
} from "../base/sockaddr.ts";
import { byOs, type ErrnoCode } from "../base/errno_table.ts";
import { fromDeno, osError } from "../base/os_error.ts";
import { type Endpoint, type Opening, stateError } from "./endpoint.ts";
import type { Options } from "./options.ts";
import {
  connect,
  type ConnectOperation,
  connectUnix,
  isTaken,
  listen,
  listenUnix,
  type StreamConn,
  type StreamListener,
  TAKEN_MS,
} from "../runtime/deno_net.ts";
import { scopeIdOf, toScopedAddress } from "../runtime/interface_table.ts";
import {
  connectWithNode,
  hasNodeNet,
  type LocalSockaddr,
} from "../runtime/node_net.ts";
import {
  checkBoundFamily,
  familyMismatchError,
  hostToBind,
  localhostLiteral,
  resolveAll,
} from "../runtime/resolver.ts";
import { OperationQueue } from "../wait/operation_queue.ts";
import {
  type AnyWaiter,
  type CallContext,
  ConditionWaiter,
  Waiter,
  withCancellation,
} from "../wait/waiter.ts";

/**
 * The backlog with which `bind` opens a listener, and the default of `listen`.
 * In Python it is the smaller of this and SOMAXCONN.
 */
export const DEFAULT_BACKLOG = 128;

/** A local address that a socket is bound to. */
interface Bound {
  /** The address as it was asked for, with the port that was assigned. */
  readonly sockaddr: Sockaddr;
  readonly address: Address;
  /** Whether the system chose the port. */
  readonly isEphemeral: boolean;
  /** `Deno.listen` binds and listens in one step. */
  listener: StreamListener | undefined;
}

/** A stream socket that is neither connected nor listening. */
export class Unconnected implements Endpoint {
  readonly state = "unconnected";
  // Linux polls a stream socket that was never connected as readable and
  // writable.
  readonly readable = true;
  readonly writable = true;
  readonly #family: number;
  readonly #options: Options;
  #bound: Bound | undefined;
  #error: Error | undefined;
  /** Whether a connect was cancelled, as {@linkcode LocalSockaddr} says. */
  hasCancelled = false;

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

  /** Keeps the error of a connect that no call was waiting for. */
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

  /** Binds to a local address, synchronously. */
  bind(sockaddr: Sockaddr): void {
    if (this.#bound !== undefined) throw stateError("bind", this.state);
    this.#bound = this.#open(sockaddr, DEFAULT_BACKLOG);
  }

  /**
   * Returns the listener to accept from. An unbound socket is bound to a free
   * port.
   */
  listen(backlog: number): StreamListener {
    const bound = this.#bound;
    let { listener } = bound ?? {};
    // Deno opens every Unix listener with one backlog, 1024.
    const isOther = backlog !== DEFAULT_BACKLOG &&
      !(bound !== undefined && isPath(bound.sockaddr));
    if (listener === undefined || isOther) {
      listener?.close();
      // Opening again fails if another socket has taken the port, and a closed
      // listener throws BadResource when it is closed again.
      if (bound !== undefined) bound.listener = undefined;
      const sockaddr = bound?.sockaddr ?? this.#anywhere();
      this.#bound = bound === undefined || isPath(sockaddr)
        ? this.#open(sockaddr, backlog)
        : this.#openAgain(sockaddr, backlog);
      ({ listener } = this.#bound);
    }
    // From now on the listening endpoint owns the listener. The address is
    // kept.
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
    this.#options.boundInterface ||= scopeIdOf(sockaddr);
    const { boundInterface } = this.#options;
    const address = toScopedAddress(this.#family, addr, boundInterface);
    const taken = isPath(sockaddr)
      ? { ...sockaddr, path: String(address) }
      : { ...sockaddr, port: (addr as Deno.NetAddr).port };
    const isEphemeral = !isPath(sockaddr) && sockaddr.port === 0;
    return { sockaddr: taken, address, isEphemeral, listener };
  }

  /** Opens the address of a closed listener. The thread sleeps while it is taken. */
  #openAgain(sockaddr: Sockaddr, backlog: number): Bound {
    for (const delayMs of TAKEN_MS) {
      try {
        return this.#open(sockaddr, backlog);
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
    }
    return this.#open(sockaddr, backlog);
  }

  /**
   * Closes the listener, but keeps its address to connect from. The file and
   * the name of a Unix socket remain until the socket is closed.
   */
  release(): LocalSockaddr | undefined {
    const bound = this.#bound;
    if (bound === undefined || isPath(bound.sockaddr)) return undefined;
    bound.listener?.close();
    bound.listener = undefined;
    const { sockaddr, address, isEphemeral } = bound;
    // A socket that was bound by name connects from the address of the name.
    const { hasCancelled } = this;
    const host = String(address[0]);
    return { ...withHost(sockaddr, host), isEphemeral, hasCancelled };
  }

  close(): Promise<void> {
    this.#bound?.listener?.close();
    return Promise.resolve();
  }
}

/**
 * Opens a listener on a host name or a numeric address. Deno has no synchronous
 * resolver, but `Deno.listen` takes a name; it may choose an address of the
 * other family.
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

/** A stream socket that is connecting to a peer. */
export class Connecting extends OperationQueue implements Opening {
  readonly state = "connecting";
  readonly readable = false;
  readonly writable = false;
  readonly #from: Unconnected;
  readonly #sockaddr: Sockaddr;
  readonly #settle: (outcome: StreamConn | Error) => void;
  #operation: ConnectOperation | undefined;
  #outcome: StreamConn | Error | undefined;
  #referenced = true;
  #waits = true;

  /**
   * `settle` replaces this endpoint. It is called once, when the outcome is
   * known.
   */
  constructor(
    from: Unconnected,
    sockaddr: Sockaddr,
    settle: (outcome: StreamConn | Error) => void,
  ) {
    super();
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

  /**
   * Connects. If the call is cancelled, the connect is cancelled too. `waits`
   * says whether to wait for room in the backlog of a Unix listener.
   */
  connect(context: CallContext, waits: boolean): Promise<true> {
    this.#waits = waits;
    return this.join(new ConnectWaiter(context, this));
  }

  /**
   * Connects without waiting for the outcome, which a later call reports. A
   * name is looked up first, and the call waits for that, as it blocks in
   * Python.
   */
  async connectInBackground(context: CallContext): Promise<void> {
    this.markInFlight();
    const resolving = this.#target();
    const target = resolving instanceof Promise
      ? await withCancellation({ ...context, timeoutMs: null }, resolving)
        .catch((error) => {
          this.cancel();
          throw error;
        })
      : resolving;
    this.#open(target, true);
    this.startNext();
  }

  /**
   * Waits for the outcome. A call that sends waits even after the socket has
   * been closed.
   */
  whenSettled(context: CallContext, toSend = false): Promise<true> {
    const find = () => this.#outcome === undefined ? undefined : true as const;
    return this.run(new ConditionWaiter<true>(context, find, toSend));
  }

  whenReadable(context: CallContext): Promise<true> {
    return this.whenSettled(context);
  }

  whenWritable(context: CallContext): Promise<true> {
    return this.whenSettled(context);
  }

  /**
   * Returns true if the connect has succeeded, undefined if it is in progress,
   * and throws its error.
   */
  succeeded(): true | undefined {
    if (this.#outcome instanceof Error) throw this.#outcome;
    return this.#outcome === undefined ? undefined : true;
  }

  start(first: AnyWaiter): boolean {
    // A connect that goes on while no referenced call waits must not keep the
    // process alive, as `Deno.connect` and a name lookup always do.
    const detached = !first.context.owner.referenced;
    const target = this.#target();
    if (target instanceof Promise) {
      target.then((target) => this.#open(target, detached), this.#onError);
    } else this.#open(target, detached);
    return true;
  }

  /**
   * Returns the address to connect to, and whether `Deno.connect` may be used.
   * Given a name, `Deno.connect` may choose an address of either family, and so
   * reach the wrong server; given an address that the name was resolved to, it
   * would need a grant for the address. So it is used for a name only if all
   * addresses of the name have the family, and `node:net` is used otherwise; in
   * an older Deno the address, and its grant.
   */
  #target(): Target | Promise<Target> {
    const sockaddr = this.#sockaddr;
    if (isPath(sockaddr)) return { sockaddr, isSafe: true };
    const target = sockaddr.isHostname
      ? localhostLiteral(sockaddr) ?? sockaddr
      : sockaddr;
    return target.isHostname
      ? resolveAll(target.host, target.port).then((all) => {
        const own = all.filter(({ family }) => family === target.family);
        const [first] = own;
        if (first === undefined) throw familyMismatchError(target.host, all);
        if (own.length === all.length) {
          return { sockaddr: target, isSafe: true };
        }
        return hasNodeNet()
          ? { sockaddr: target, isSafe: false }
          : { sockaddr: withHost(target, first.host), isSafe: true };
      })
      : { sockaddr: target, isSafe: true };
  }

  #open({ sockaddr, isSafe }: Target, detached: boolean): void {
    if (this.#outcome !== undefined) return;
    if (isPath(sockaddr)) this.#operation = connectUnix(sockaddr, this.#waits);
    else if (sockaddr.port === 0) {
      // No system connects to port 0; Deno reports it as a bad argument.
      return this.#end(osError(REFUSES_PORT_0));
    } else {
      const local = this.#from.release();
      // `node:net` drops the scope of an address, so `Deno.connect` has to be
      // used for a link-local address. It takes no local address, and always
      // keeps the process alive.
      const onLink = !sockaddr.isHostname && isLinkLocal(sockaddr.host);
      if (onLink && local !== undefined) {
        return this.#end(osError(
          "EOPNOTSUPP",
          "Deno cannot connect a bound socket to a link-local address",
        ));
      }
      const needsNode = local !== undefined || !isSafe ||
        (detached && hasNodeNet());
      this.#operation = onLink || !needsNode
        ? connect(sockaddr)
        : connectWithNode(local, sockaddr);
    }
    if (!this.#referenced) this.#operation.unref?.();
    this.#operation.conn.then(this.#onConn, this.#onError);
  }

  ref(): void {
    this.#referenced = true;
    this.#operation?.ref?.();
  }

  unref(): void {
    this.#referenced = false;
    this.#operation?.unref?.();
  }

  readonly #onConn = (conn: StreamConn): void => {
    // The connect was cancelled in the same turn in which it succeeded.
    if (this.#outcome !== undefined) conn.close();
    else this.#end(conn);
  };

  readonly #onError = (error: unknown): void => {
    if (this.#outcome === undefined) this.#end(fromDeno(error));
  };

  #end(outcome: StreamConn | Error): void {
    this.#outcome = outcome;
    // If the connecting call has been cancelled, SO_ERROR or the next call
    // reports the failure.
    const isReported = this.first instanceof ConnectWaiter;
    if (outcome instanceof Error && !isReported) this.#from.fail(outcome);
    this.#settle(outcome);
    this.operationDone();
  }

  /** Cancels the connect. The socket is then unconnected, as before. */
  cancel(): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = osError("ECANCELED");
    this.#settle(this.#outcome);
    this.#from.hasCancelled = true;
    this.#operation?.cancel();
    this.operationDone();
  }

  close(): Promise<void> {
    this.cancel();
    return this.#from.close();
  }
}

/** The target of a connect. */
interface Target {
  readonly sockaddr: Sockaddr;
  /** Whether `Deno.connect` is certain to reach an address of the family. */
  readonly isSafe: boolean;
}

class ConnectWaiter extends Waiter<true> {
  readonly #connecting: Connecting;

  constructor(context: CallContext, connecting: Connecting) {
    super(context);
    this.#connecting = connecting;
  }

  attempt(): true | undefined {
    return this.#connecting.succeeded();
  }

  override cancel(reason: unknown): void {
    this.reject(reason);
    // If one of several descriptors is closed, the connect goes on for the
    // others.
    if (!this.context.owner.closed) this.#connecting.cancel();
  }
}

const REFUSES_PORT_0: ErrnoCode = byOs(
  "ECONNREFUSED",
  "EADDRNOTAVAIL",
  "EADDRNOTAVAIL",
);
