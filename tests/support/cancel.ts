import * as socket from "@pystd/socket";
import { microtasks, withinTurns } from "./event_loop.ts";
import type { Outcome } from "./outcome.ts";
import { within } from "./within.ts";

/** What cancels a call before it has its result. */
export type Cancellation = "timeout" | "abort" | "EAGAIN" | "close";

/** All of them, for tables. */
export const cancellations: readonly Cancellation[] = [
  "timeout",
  "abort",
  "EAGAIN",
  "close",
];

/**
 * A connection on which a byte is sent together with a result, so that one tick
 * of the event loop brings both: a test that waits for the byte acts in the same
 * tick in which the result arrives.
 */
export class ArrivalProbe implements Disposable {
  readonly #from: Deno.Conn;
  readonly #to: Deno.Conn;
  readonly #buffer = new Uint8Array(1);

  private constructor(from: Deno.Conn, to: Deno.Conn) {
    this.#from = from;
    this.#to = to;
  }

  /** Opens one. */
  static async open(): Promise<ArrivalProbe> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const [from, to] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    return new ArrivalProbe(from, to);
  }

  /** Sends the byte; `arrived` settles when it has arrived. */
  async send(): Promise<{ arrived: Promise<unknown> }> {
    const arrived = this.#to.read(this.#buffer);
    await this.#from.write(this.#buffer);
    return { arrived };
  }

  [Symbol.dispose](): void {
    this.#from.close();
    this.#to.close();
  }
}

/** When a result arrives, relative to the cancellation of its call. */
export interface Timing {
  readonly name: string;
  /** How many microtasks run between the result and the cancellation. */
  readonly microtasks?: number;
  /** Whether the result arrives before the call is made. */
  readonly before?: boolean;
  /** Whether the call has the time to find the result before it is cancelled. */
  readonly found?: boolean;
  /** Whether the call has cancelled, if it can, before the result arrives. */
  readonly early?: boolean;
  /** Whether the cancellation comes before the call is made. */
  readonly first?: boolean;
  /** Lets the result arrive, and cancels the call. */
  readonly run: (
    arrive: () => Promise<void>,
    cancel: () => void,
    probe: ArrivalProbe,
    settled: Promise<unknown>,
  ) => Promise<void>;
}

function probeTimings(): Timing[] {
  const timings: Timing[] = [];
  for (let count = 0; count <= 10; count++) {
    timings.push({
      name: `${count} microtasks after a byte sent before it arrives`,
      microtasks: count,
      run: async (arrive, cancel, probe) => {
        const { arrived } = await probe.send();
        await arrive();
        await arrived;
        await microtasks(count);
        cancel();
      },
    }, {
      name: `${count} microtasks after a byte sent after it arrives`,
      microtasks: count,
      run: async (arrive, cancel, probe) => {
        await arrive();
        const { arrived } = await probe.send();
        await arrived;
        await microtasks(count);
        cancel();
      },
    });
  }
  return timings;
}

/** Far more than a call takes to settle once it is cancelled, or its time is over. */
const SETTLING_MS = 200;
const SETTLING_TURNS = 2000;

/** When a result arrives, relative to the cancellation of its call. */
export const timings: readonly Timing[] = [
  {
    name: "a tick before its result",
    early: true,
    run: async (arrive, cancel, _, settled) => {
      cancel();
      // A send goes on after its socket is closed, and settles with its result.
      // A busy machine may not let the process run in all that time.
      await within(settled, "the call", SETTLING_MS).catch(() => {});
      await withinTurns(settled, SETTLING_TURNS);
      await arrive();
    },
  },
  {
    name: "while the result is in transit",
    run: async (arrive, cancel) => {
      const arriving = arrive();
      cancel();
      await arriving;
    },
  },
  {
    name: "when the result has been sent",
    run: async (arrive, cancel) => {
      await arrive();
      cancel();
    },
  },
  ...probeTimings(),
  {
    name: "a tick after its result",
    run: async (arrive, cancel) => {
      await arrive();
      await new Promise((resolve) => setTimeout(resolve, 0));
      cancel();
    },
  },
  {
    name: "a tick after a call whose result had come before",
    before: true,
    run: async (_, cancel) => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      cancel();
    },
  },
  {
    name: "after a call has found a result that had come before",
    before: true,
    found: true,
    run: async (_arrive, cancel, _probe, settled) => {
      await withinTurns(settled, SETTLING_TURNS);
      cancel();
    },
  },
];

/**
 * Whether a call finds a result that was there before it was made, although it is
 * cancelled. It has looked before its time is over; one that is aborted or closed
 * may not have looked in the first tick.
 */
export function findsBefore(
  { before, found }: Timing,
  cancellation: Cancellation,
): boolean {
  const looks = cancellation === "timeout" || cancellation === "EAGAIN";
  return before === true && (looks || found === true);
}

/** Those with three numbers of microtasks; `deno task soak` takes them all. */
export const fewTimings: readonly Timing[] = timings.filter((
  { microtasks = 0 },
) => microtasks % 5 === 0);

/**
 * The timings for one cancellation. An abort and a close act between any two
 * microtasks; a timer fires when there are no more, where only the clock is a
 * matter of how many have run, and EAGAIN comes from the call itself.
 */
export function timingsOf(cancellation: Cancellation): readonly Timing[] {
  return cancellation === "abort" || cancellation === "close"
    ? timings
    : fewTimings;
}

/** The timeout of a call in these tests, in seconds. */
export const TIMEOUT_S = 0.004;

const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** Keeps the event loop from going on until then. */
function blockUntil(endMs: number): void {
  for (let ms; (ms = endMs - performance.now()) > 0;) {
    Atomics.wait(neverNotified, 0, 0, ms);
  }
}

/** The object on which a call is made. */
export interface CallTarget {
  readonly socket: socket.Socket;
  /** Closes the object. */
  close(): void;
}

/**
 * Makes a call, and cancels it at one of the timings.
 *
 * @param target The object on which it is made; its timeout is set for the cancellation.
 * @param cancellation What cancels it.
 * @param timing When, relative to its result.
 * @param probe Used by the timing.
 * @param call The call.
 * @param arrive Lets its result arrive.
 * @param timeoutS Its timeout in seconds.
 * @returns Its outcome.
 */
export async function cancelAt<T>(
  target: CallTarget,
  cancellation: Cancellation,
  timing: Timing,
  probe: ArrivalProbe,
  call: (options: socket.SignalOption) => Promise<T>,
  arrive: () => Promise<void>,
  timeoutS: number = TIMEOUT_S,
): Promise<Outcome<T>> {
  const controller = new AbortController();
  const { signal } = controller;
  if (timing.before) await arrive();
  if (cancellation === "timeout") {
    // The shortest time that is not none.
    target.socket.settimeout(timing.first ? 1e-6 : timeoutS);
  }
  if (cancellation === "EAGAIN") target.socket.setblocking(false);
  const endsMs = performance.now() + timeoutS * 1000;
  const cancel = () => {
    if (cancellation === "abort") controller.abort(new Error("cancelled"));
    else if (cancellation === "close") target.close();
    else if (cancellation === "timeout") blockUntil(endsMs);
  };
  if (timing.first) cancel();
  const outcome = call(cancellation === "abort" ? { signal } : {}).then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  await timing.run(
    arrive,
    cancel,
    probe,
    outcome,
  );
  const settled = await within(outcome, "a call that was cancelled");
  if (cancellation === "timeout" || cancellation === "EAGAIN") {
    target.socket.settimeout(null);
  }
  return settled;
}

/** Whether an error is the one of a call that is cancelled so. */
export function isCancelled(
  cancellation: Cancellation,
  error: unknown,
): boolean {
  switch (cancellation) {
    case "timeout":
      return error instanceof socket.TimeoutError &&
        error.message === "timed out";
    case "abort":
      return error instanceof Error && error.message === "cancelled";
    case "EAGAIN":
      return error instanceof socket.BlockingIOError;
    case "close":
      return (error instanceof socket.OSError && error.code === "EBADF") ||
        (error instanceof RangeError &&
          error.message === "I/O operation on closed file");
  }
}

/**
 * Makes a call that is cancelled in the given way, unless it succeeds before.
 *
 * @param s The socket; its timeout is set for the cancellation.
 * @param cancellation What cancels it.
 * @param call The call.
 * @returns Its value; undefined if it was cancelled.
 * @throws Any other error.
 */
export async function attempt<T>(
  s: socket.Socket,
  cancellation: Exclude<Cancellation, "close">,
  call: (options: socket.SignalOption) => Promise<T>,
): Promise<T | undefined> {
  s.settimeout(
    cancellation === "EAGAIN" ? 0 : cancellation === "timeout" ? 0.005 : null,
  );
  const controller = new AbortController();
  const { signal } = controller;
  try {
    const result = call(cancellation === "abort" ? { signal } : {});
    if (cancellation === "abort") {
      setTimeout(() => controller.abort(new Error("cancelled")), 1);
    }
    return await within(result);
  } catch (error) {
    if (!isCancelled(cancellation, error)) throw error;
    return undefined;
  } finally {
    s.settimeout(null);
  }
}
