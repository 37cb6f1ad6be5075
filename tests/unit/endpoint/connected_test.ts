import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import {
  AF_INET,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SO_KEEPALIVE,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../../src/base/constants.ts";
import {
  BrokenPipeError,
  ConnectionResetError,
  OSError,
} from "../../../src/base/errors.ts";
import { Connected } from "../../../src/endpoint/connected.ts";
import type { StreamConn } from "../../../src/runtime/deno_net.ts";
import { Options } from "../../../src/endpoint/options.ts";
import { type CallContext, CallOwner } from "../../../src/wait/waiter.ts";
import { numbered } from "../../support/bytes.ts";
import { freshLoop, settle } from "../../support/event_loop.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { FakeConn } from "../../support/fake_conn.ts";

/** A connected endpoint on a connection that does what the test says. */
class Rig {
  readonly conn = new FakeConn();
  readonly owner = new CallOwner();
  readonly options = new Options(AF_INET, SOCK_STREAM);
  readonly endpoint: Connected;

  constructor(prepare: (rig: Rig) => void = () => {}) {
    prepare(this);
    this.endpoint = new Connected(
      this.conn,
      AF_INET,
      this.options,
      () => false,
    );
  }

  context(context: Partial<CallContext> = {}): CallContext {
    const { owner } = this;
    return { owner, timeoutMs: null, signal: undefined, ...context };
  }

  /** Sends bytes that are committed: the call is cancelled during the write. */
  async commit(data: Uint8Array): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    const call = this.endpoint.send(this.context({ signal }), data);
    await settle();
    controller.abort("cancelled");
    assertEquals(await call, data.length);
  }

  /** Closes, and keeps the outcome. */
  close(): { state: string } {
    const closing = { state: "pending" };
    this.endpoint.close().then(
      () => closing.state = "closed",
      (error) => closing.state = error.code,
    );
    return closing;
  }
}

Deno.test("Connected.close() closes at once when nothing is unsent", async () => {
  using clock = await FakeClock.install();
  const rig = new Rig();
  const closing = rig.close();
  assertEquals(rig.conn.events, ["close"]);
  await settle();
  assertEquals(closing.state, "closed");
  assertEquals(clock.pending, []);
});

Deno.test("Connected.close() sends started and committed bytes first", async () => {
  using clock = await FakeClock.install();
  const rig = new Rig();
  await rig.commit(numbered(10));
  const call = rig.endpoint.sendAll(rig.context(), numbered(10, 10));
  const closing = rig.close();
  for (const n of [7, 3, 6]) {
    await settle();
    rig.conn.take(n);
  }
  await settle();
  assertEquals(closing.state, "pending");
  assertFalse(rig.conn.closed);
  rig.conn.take(4);
  assertEquals(await call, undefined);
  await settle();
  assertEquals(closing.state, "closed");
  assertEquals(Uint8Array.from(rig.conn.written), numbered(20));
  assertEquals(rig.conn.events.at(-1), "close");
  assertEquals(clock.pending, []);
});

Deno.test("Connected.close() resets after 30 seconds in which the peer reads nothing", async () => {
  using clock = await FakeClock.install();
  const rig = new Rig();
  await rig.commit(numbered(10));
  const call = rig.endpoint.sendAll(rig.context(), numbered(10, 10));
  const outcome = call.catch((error) => error);
  const closing = rig.close();
  await clock.advance(29_900);
  assertEquals(rig.conn.events, []);
  await clock.advance(200);
  assertEquals(rig.conn.events, ["reset"]);
  assertEquals(closing.state, "ECONNRESET");
  assertInstanceOf(await outcome, ConnectionResetError);
  assertEquals(clock.pending, []);
});

Deno.test("Connected.close() goes on waiting while the peer reads, however slowly", async () => {
  using clock = await FakeClock.install();
  const rig = new Rig();
  const call = rig.endpoint.sendAll(rig.context(), numbered(10));
  const closing = rig.close();
  for (let i = 0; i < 9; i++) {
    await clock.advance(25_000);
    rig.conn.take(1);
    await settle();
  }
  assertEquals(closing.state, "pending");
  rig.conn.take(1);
  assertEquals(await call, undefined);
  await settle();
  assertEquals(closing.state, "closed");
  assertEquals(Uint8Array.from(rig.conn.written), numbered(10));
});

for (const progressMs of [0, 1, 500, 999, 1000, 1001, 12_345, 29_999]) {
  Deno.test(`Connected.close() resets 30 seconds after progress at ${progressMs} ms, measured to a second`, async () => {
    await freshLoop();
    using clock = await FakeClock.install();
    const rig = new Rig();
    const call = rig.endpoint.sendAll(rig.context(), numbered(10));
    void call.catch(() => {});
    const closing = rig.close();
    await clock.advance(progressMs);
    rig.conn.take(1);
    await clock.advance(29_999);
    assertEquals(closing.state, "pending");
    await clock.advance(1002);
    assertEquals(closing.state, "ECONNRESET");
  });
}

Deno.test("Connected.close() rejects with the failure of committed bytes", async () => {
  for (const when of ["before", "after"]) {
    const rig = new Rig();
    await rig.commit(numbered(10));
    const fail = async () => {
      const error = new Deno.errors.BrokenPipe("Broken pipe");
      rig.conn.failWrite(Object.assign(error, { code: "EPIPE" }));
      await settle();
    };
    if (when === "before") await fail();
    const closing = rig.close();
    if (when === "after") await fail();
    await settle();
    assertEquals(closing.state, "EPIPE", when);
    assert(rig.conn.closed);
  }
});

Deno.test("Connected.close() rejects a waiting receive at once, and not the sends", async () => {
  const rig = new Rig();
  const receive = rig.endpoint.recv(rig.context(), 10);
  const received = receive.catch((error: OSError) => error.code);
  const send = rig.endpoint.sendAll(rig.context(), numbered(10));
  rig.close();
  assertEquals(await received, "EBADF");
  rig.conn.take(10);
  assertEquals(await send, undefined);
  await settle();
  assert(rig.conn.closed);
});

Deno.test("Connected.shutdown() half-closes after all that was sent before", async () => {
  const rig = new Rig();
  await rig.commit(numbered(10));
  const call = rig.endpoint.sendAll(rig.context(), numbered(10, 10));
  const shutdown = rig.endpoint.shutdown(rig.context(), SHUT_WR);
  rig.conn.instant = true;
  rig.conn.take(10);
  assertEquals(await call, undefined);
  await shutdown;
  assertEquals(rig.conn.events, ["write 10", "write 10", "closeWrite"]);
});

Deno.test("Connected.shutdown() refuses sends from the moment of the call", async () => {
  const rig = new Rig();
  const before = rig.endpoint.sendAll(rig.context(), numbered(10));
  const shutdown = rig.endpoint.shutdown(rig.context(), SHUT_RDWR);
  await assertRejects(
    () => rig.endpoint.sendAll(rig.context(), numbered(10)),
    BrokenPipeError,
  );
  assertEquals((await rig.endpoint.recv(rig.context(), 10)).length, 0);
  rig.conn.instant = true;
  rig.conn.take(10);
  assertEquals(await before, undefined);
  await shutdown;
  await rig.endpoint.shutdown(rig.context(), SHUT_RDWR);
  assertEquals(rig.conn.events, ["write 10", "closeWrite"]);
});

const cancelled: readonly [
  string,
  (rig: Rig) => [CallContext, () => unknown],
][] = [
  ["a timeout", (rig) => [rig.context({ timeoutMs: 50 }), () => {}]],
  [
    "a non-blocking socket",
    (rig) => [rig.context({ timeoutMs: 0 }), () => {}],
  ],
  ["a signal", (rig) => {
    const controller = new AbortController();
    const { signal } = controller;
    return [rig.context({ signal }), () => controller.abort("cancelled")];
  }],
  ["a signal that has aborted", (rig) => {
    const signal = AbortSignal.abort("cancelled");
    return [rig.context({ signal }), () => {}];
  }],
  ["close()", (rig) => [rig.context(), () => rig.close()]],
];
for (const [what, prepare] of cancelled) {
  Deno.test(`Connected.shutdown() still half-closes when its wait is cancelled by ${what}`, async () => {
    using clock = await FakeClock.install();
    const rig = new Rig();
    await rig.commit(numbered(10));
    const [context, end] = prepare(rig);
    const call = rig.endpoint.shutdown(context, SHUT_WR);
    const outcome = call.then(() => "done", (reason) => reason);
    end();
    await clock.advance(60);
    assertEquals(rig.conn.events, []);
    rig.conn.instant = true;
    rig.conn.take(10);
    await settle();
    const { events } = rig.conn;
    assertEquals(events.slice(0, 2), ["write 10", "closeWrite"]);
    assertEquals(await outcome, context.signal ? "cancelled" : "done");
  });
}

Deno.test("Connected.shutdown() still half-closes when its wait for the kernel is cancelled", async () => {
  using clock = await FakeClock.install();
  const rig = new Rig();
  const call = rig.endpoint.shutdown(rig.context({ timeoutMs: 50 }), SHUT_WR);
  await clock.advance(60);
  await call;
  assert(rig.conn.closingWrite);
  rig.conn.endWrite();
  await settle();
  assertEquals(rig.conn.events, ["closeWrite"]);
});

Deno.test("Connected.shutdown() of the receiving half leaves sending alone", async () => {
  const rig = new Rig();
  const pending = rig.endpoint.recv(rig.context(), 10);
  await rig.endpoint.shutdown(rig.context(), SHUT_RD);
  assertEquals(await pending, new Uint8Array(0));
  const call = rig.endpoint.sendAll(rig.context(), numbered(10));
  rig.conn.take(10);
  assertEquals(await call, undefined);
});

Deno.test("Connected.takeError() takes the failure of committed bytes", async () => {
  const rig = new Rig();
  assertEquals(rig.endpoint.takeError(), undefined);
  await rig.commit(numbered(10));
  const error = new Deno.errors.ConnectionReset("Connection reset");
  rig.conn.failWrite(Object.assign(error, { code: "ECONNRESET" }));
  await settle();
  assert(rig.endpoint.writable);
  assertInstanceOf(rig.endpoint.takeError(), ConnectionResetError);
  assertEquals(rig.endpoint.takeError(), undefined);
});

Deno.test("Connected.send() of nothing settles at once", async () => {
  const rig = new Rig();
  await rig.commit(numbered(10));
  assertEquals(await rig.endpoint.send(rig.context(), numbered(0)), 0);
  assertEquals(rig.conn.writeSizes, [10]);
});

Deno.test("Connected.reset() rejects every call, and closes once", async () => {
  const rig = new Rig();
  const calls = [
    rig.endpoint.sendAll(rig.context(), numbered(10)),
    rig.endpoint.recv(rig.context(), 10),
  ];
  const outcomes = Promise.allSettled(calls);
  rig.endpoint.reset();
  rig.endpoint.reset();
  for (const outcome of await outcomes) {
    assertEquals((outcome as PromiseRejectedResult).reason.code, "ECONNRESET");
  }
  rig.close();
  await settle();
  assertEquals(rig.conn.events, ["reset"]);
});

Deno.test("Connected applies options that were set before the connect", () => {
  const set: string[] = [];
  const rig = new Rig((rig) => {
    const conn: StreamConn = rig.conn;
    conn.setKeepAlive = (on) => set.push(`keepalive ${on}`);
    rig.options.set(SOL_SOCKET, SO_KEEPALIVE, 1);
  });
  rig.options.set(SOL_SOCKET, SO_KEEPALIVE, 0);
  rig.endpoint.applyOption(SOL_SOCKET, SO_KEEPALIVE);
  assertEquals(set, ["keepalive true", "keepalive false"]);
});

/** The error of macOS for a connection that is over. */
const einval = () => {
  throw new TypeError("Invalid argument (os error 22)");
};

Deno.test("Connected can be created although the system rejects the options of an ended connection", async () => {
  const rig = new Rig(({ conn, options }) => {
    Object.assign(conn, { setNoDelay: einval, setKeepAlive: einval });
    options.set(SOL_SOCKET, SO_KEEPALIVE, 1);
  });
  assertEquals(
    assertThrows(
      () => rig.endpoint.applyOption(SOL_SOCKET, SO_KEEPALIVE),
      OSError,
    ).code,
    "EINVAL",
  );
  rig.endpoint.reset();
  rig.endpoint.applyOption(SOL_SOCKET, SO_KEEPALIVE);
  rig.close();
  await settle();
  assertEquals(rig.conn.events, ["reset"]);
});
