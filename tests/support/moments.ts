import * as socket from "@pystd/socket";
import { microtasks } from "./fake_conn.ts";
import { within } from "./within.ts";

/** What ends a call before its result. */
export type Ending = "timeout" | "abort" | "EAGAIN" | "close";

/** All of them, for tables. */
export const endings: readonly Ending[] = [
  "timeout",
  "abort",
  "EAGAIN",
  "close",
];

/**
 * A connection on which a byte is sent when a result is, so that one turn of
 * the event loop brings both: who waits for it acts in the very turn in which
 * the result arrives.
 */
export class Sentinel implements Disposable {
  readonly #from: Deno.Conn;
  readonly #to: Deno.Conn;
  readonly #buffer = new Uint8Array(1);

  private constructor(from: Deno.Conn, to: Deno.Conn) {
    this.#from = from;
    this.#to = to;
  }

  /** Opens one. */
  static async open(): Promise<Sentinel> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const [from, to] = await Promise.all([
      Deno.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    return new Sentinel(from, to);
  }

  /** Sends the byte; what is returned says that it has arrived. */
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

/** How the end of a call and its result meet. */
export interface Moment {
  readonly name: string;
  /** Whether the result is there before the call is made. */
  readonly before?: boolean;
  /** Whether the call has ended, if it can, before the result arrives. */
  readonly early?: boolean;
  /** Whether what ends the call has happened before it is made. */
  readonly first?: boolean;
  /** Lets the result arrive, and ends the call. */
  readonly run: (
    arrive: () => Promise<void>,
    end: () => void,
    sentinel: Sentinel,
    settled: Promise<unknown>,
  ) => Promise<void>;
}

function sentinelMoments(): Moment[] {
  const moments: Moment[] = [];
  for (let count = 0; count <= 10; count++) {
    moments.push({
      name: `${count} microtasks after a byte sent before it arrives`,
      run: async (arrive, end, sentinel) => {
        const { arrived } = await sentinel.send();
        await arrive();
        await arrived;
        await microtasks(count);
        end();
      },
    }, {
      name: `${count} microtasks after a byte sent after it arrives`,
      run: async (arrive, end, sentinel) => {
        await arrive();
        const { arrived } = await sentinel.send();
        await arrived;
        await microtasks(count);
        end();
      },
    });
  }
  return moments;
}

/** The moments at which a result may meet the end of its call. */
export const moments: readonly Moment[] = [
  {
    name: "in a turn before it",
    early: true,
    run: async (arrive, end, _, settled) => {
      end();
      // A send that is closed under goes on: it settles with its result.
      await within(settled, "it", 200).catch(() => {});
      await arrive();
    },
  },
  {
    name: "while it is on its way",
    run: async (arrive, end) => {
      const arriving = arrive();
      end();
      await arriving;
    },
  },
  {
    name: "when it has been sent",
    run: async (arrive, end) => {
      await arrive();
      end();
    },
  },
  ...sentinelMoments(),
  {
    name: "in the turn after it",
    run: async (arrive, end) => {
      await arrive();
      await new Promise((resolve) => setTimeout(resolve, 0));
      end();
    },
  },
  {
    name: "with it there before the call",
    before: true,
    run: async (_, end) => {
      await new Promise((resolve) => setTimeout(resolve, 0));
      end();
    },
  },
];

/** How long a call's timeout is in these tests. */
export const TIMEOUT_S = 0.004;

/** What a call came to: its value, or the error that it was ended with. */
export type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** What a call is made on. */
export interface Handle {
  readonly socket: socket.Socket;
  /** Closes what the call is made on. */
  close(): void;
}

/**
 * Makes a call and ends it at a moment.
 *
 * @param handle What it is made on; its timeout is set as it has to be.
 * @param ending What ends it.
 * @param moment When.
 * @param sentinel For the moment.
 * @param call The call.
 * @param arrive Lets its result arrive.
 * @param timeoutS How long its timeout is.
 * @returns What it came to.
 */
export async function meet<T>(
  handle: Handle,
  ending: Ending,
  moment: Moment,
  sentinel: Sentinel,
  call: (options: socket.SignalOption) => Promise<T>,
  arrive: () => Promise<void>,
  timeoutS: number = TIMEOUT_S,
): Promise<Outcome<T>> {
  const controller = new AbortController();
  const { signal } = controller;
  if (moment.before) await arrive();
  if (ending === "timeout") {
    // The shortest time that is not none.
    handle.socket.settimeout(moment.first ? 1e-6 : timeoutS);
  }
  if (ending === "EAGAIN") handle.socket.setblocking(false);
  const endsMs = performance.now() + timeoutS * 1000;
  const end = () => {
    if (ending === "abort") controller.abort(new Error("given up"));
    else if (ending === "close") handle.close();
    else if (ending === "timeout") { while (performance.now() < endsMs); }
  };
  if (moment.first) end();
  const outcome = call(ending === "abort" ? { signal } : {}).then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  await moment.run(
    arrive,
    end,
    sentinel,
    outcome,
  );
  const settled = await within(outcome, "a call that was ended");
  if (ending === "timeout" || ending === "EAGAIN") {
    handle.socket.settimeout(null);
  }
  return settled;
}

/** Whether an error is the one that such an ending gives. */
export function isEnd(ending: Ending, error: unknown): boolean {
  switch (ending) {
    case "timeout":
      return error instanceof socket.TimeoutError &&
        error.message === "timed out";
    case "abort":
      return error instanceof Error && error.message === "given up";
    case "EAGAIN":
      return error instanceof socket.BlockingIOError;
    case "close":
      return (error instanceof socket.OSError && error.code === "EBADF") ||
        (error instanceof RangeError &&
          error.message === "I/O operation on closed file");
  }
}
