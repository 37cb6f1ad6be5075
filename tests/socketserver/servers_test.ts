import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import {
  BaseRequestHandler,
  TCPServer,
  UDPServer,
} from "@pystd/socket/socketserver";
import { againIfTaken } from "../support/addresses.ts";
import { runDeno } from "../support/child.ts";
import { python, runPython } from "../support/python.ts";
import { serve } from "../support/serving.ts";
import { within } from "../support/within.ts";

const HERE = ["127.0.0.1", 0] as const;

class Idle extends BaseRequestHandler {}

class Upper extends BaseRequestHandler {
  override async handle() {
    const data = await this.request.recv(1024);
    const text = new TextDecoder().decode(data).toUpperCase();
    await this.request.sendall(new TextEncoder().encode(text));
  }
}

/** A server that keeps the errors of its handlers. */
class Quiet extends TCPServer {
  errors: unknown[] = [];

  override handle_error(
    _request: socket.Socket,
    _address: unknown,
    error: unknown,
  ): void {
    this.errors.push(error);
  }
}

Deno.test("TCPServer() binds and listens, with Python's attributes", async () => {
  await using server = new TCPServer(HERE, Idle);
  assertEquals(server.server_address, server.socket.getsockname());
  assertEquals(server.server_address[0], "127.0.0.1");
  assert(server.server_address[1] > 0);
  assertEquals(server.fileno(), server.socket.fileno());
  assertStrictEquals(server.RequestHandlerClass, Idle as never);
  assertEquals(
    [
      server.address_family,
      server.socket_type,
      server.request_queue_size,
      server.allow_reuse_address,
      server.allow_reuse_port,
      server.timeout,
    ],
    [socket.AF_INET, socket.SOCK_STREAM, 5, false, false, null],
  );
  const { SOL_SOCKET, SO_ACCEPTCONN, SO_REUSEADDR } = socket;
  assertEquals(server.socket.getsockopt(SOL_SOCKET, SO_ACCEPTCONN), 1);
  assertEquals(server.socket.getsockopt(SOL_SOCKET, SO_REUSEADDR), 0);
});

Deno.test("TCPServer() uses the static attributes of a subclass", async () => {
  let backlog: number | undefined;
  class Server extends TCPServer {
    static override address_family = socket.AF_INET6;
    static override allow_reuse_address = true;
    static override request_queue_size = 3;

    override server_activate() {
      backlog = this.request_queue_size;
      super.server_activate();
    }
  }
  await using server = new Server(["::1", 0], Idle);
  assertEquals(server.server_address[0], "::1");
  assertEquals(server.socket.family, socket.AF_INET6);
  assertEquals(server.address_family, socket.AF_INET6);
  const { SOL_SOCKET, SO_REUSEADDR } = socket;
  assertEquals(server.socket.getsockopt(SOL_SOCKET, SO_REUSEADDR), 1);
  assertEquals(backlog, 3);
  await using plain = new TCPServer(HERE, Idle);
  assertEquals(plain.address_family, socket.AF_INET);
});

Deno.test("TCPServer() with bind_and_activate false takes attributes of the instance", async () => {
  for (const argument of [false, { bind_and_activate: false }]) {
    await using server = new TCPServer(HERE, Idle, argument);
    assertEquals(server.server_address[1], 0);
    server.allow_reuse_address = true;
    server.server_bind();
    server.server_activate();
    assert(server.server_address[1] > 0);
    const { SOL_SOCKET, SO_REUSEADDR } = socket;
    assertEquals(server.socket.getsockopt(SOL_SOCKET, SO_REUSEADDR), 1);
    assertEquals(TCPServer.allow_reuse_address, false);
  }
});

Deno.test("TCPServer() closes its socket again if it cannot bind", async () => {
  await using first = new TCPServer(HERE, Idle);
  const next = socket.socket();
  const free = next.fileno();
  next.close();
  for (const fails of ["bind", "activate", "close"]) {
    class Failing extends TCPServer {
      readonly field = new Map();

      override server_activate() {
        if (fails === "activate") throw new Error("not today");
        super.server_activate();
      }

      override server_close() {
        // The fields of a subclass do not exist when the constructor fails.
        if (fails === "close") this.field.clear();
        return super.server_close();
      }
    }
    const [host, port] = first.server_address;
    const address = fails === "activate" ? HERE : [host, port] as const;
    const error = assertThrows(() => new Failing(address, Idle), Error);
    if (fails === "activate") assertEquals(error.message, "not today");
    else assertEquals((error as socket.OSError).code, "EADDRINUSE");
  }
  using again = socket.socket();
  assertEquals(again.fileno(), free);
});

Deno.test("TCPServer() that fails closes its socket although an asynchronous server_close() rejects", async () => {
  const next = socket.socket();
  const free = next.fileno();
  next.close();
  class Failing extends TCPServer {
    readonly field = new Map();

    override server_activate() {
      throw new Error("not today");
    }

    override async server_close() {
      this.field.clear();
      await super.server_close();
    }
  }
  assertThrows(() => new Failing(HERE, Idle), Error, "not today");
  // The close comes in the microtasks after the rejection.
  await new Promise((resolve) => setTimeout(resolve, 0));
  using again = socket.socket();
  assertEquals(again.fileno(), free);
});

Deno.test("TCPServer() rejects wrong arguments", () => {
  assertThrows(() => new TCPServer(HERE, null as never), TypeError, "a class");
  assertThrows(() => new TCPServer("x" as never, Idle), TypeError);
  assertThrows(() => new TCPServer(["127.0.0.1", 70000], Idle), RangeError);
  assertThrows(
    () => new TCPServer(HERE, Idle, { bind: false } as never),
    TypeError,
  );
});

Deno.test("serve_forever() handles one request after the other", async () => {
  const running = new Set<number>();
  let most = 0;
  let requests = 0;
  class Slow extends BaseRequestHandler {
    override async handle() {
      const number = requests++;
      running.add(number);
      most = Math.max(most, running.size);
      await this.request.sendall(await this.request.recv(1));
      running.delete(number);
    }
  }
  await using serving = serve(new TCPServer(HERE, Slow));
  const answers = ["a", "b", "c", "d"].map((text) => serving.ask(text));
  assertEquals(await within(Promise.all(answers)), ["a", "b", "c", "d"]);
  assertEquals([most, requests], [1, 4]);
});

Deno.test("shutdown() ends the wait of serve_forever() at once, however long it polls", async () => {
  class Server extends TCPServer {
    override service_actions() {}
  }
  for (const Class of [TCPServer, Server]) {
    await using server = new Class(HERE, Idle);
    const serving = server.serve_forever(1000);
    await within(server.shutdown());
    await within(serving);
    const again = server.serve_forever({ poll_interval: null });
    const client = socket.create_connection([...server.server_address] as [
      string,
      number,
    ]);
    (await within(client)).close();
    await within(server.shutdown());
    await within(again);
  }
});

Deno.test("shutdown() waits for the request that is being handled, and begins no other", async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  let handled = 0;
  class Gate extends BaseRequestHandler {
    override async handle() {
      handled++;
      entered.resolve();
      await release.promise;
    }
  }
  await using server = new TCPServer(HERE, Gate);
  const serving = server.serve_forever();
  const [host, port] = server.server_address;
  using _one = await socket.create_connection([host, port]);
  using _two = await socket.create_connection([host, port]);
  await within(entered.promise);
  let down = false;
  const shutting = server.shutdown().then(() => down = true);
  for (let i = 0; i < 10; i++) await new Promise((done) => setTimeout(done));
  assertEquals(down, false);
  release.resolve();
  await within(shutting);
  await within(serving);
  assertEquals(handled, 1);
});

Deno.test("shutdown() in a handler ends the loop after that request", async () => {
  const order: string[] = [];
  class Last extends BaseRequestHandler {
    override async handle() {
      await this.request.recv(1);
      await within(this.server.shutdown());
      order.push("shutdown returned");
      await this.request.sendall(new TextEncoder().encode("bye"));
      order.push("answered");
    }
  }
  await using server = new TCPServer(HERE, Last);
  const serving = server.serve_forever();
  const [host, port] = server.server_address;
  using client = await socket.create_connection([host, port], 60);
  await client.sendall(new Uint8Array(1));
  assertEquals((await client.recv(3, socket.MSG_WAITALL)).length, 3);
  await within(serving);
  assertEquals(order, ["shutdown returned", "answered"]);
});

Deno.test("shutdown() before serve_forever() ends the next one at once, as in Python", async () => {
  if (python !== null) {
    const output = await runPython(`
import threading, time
from socketserver import *
server = TCPServer(("127.0.0.1", 0), BaseRequestHandler)
thread = threading.Thread(target=server.shutdown)
thread.start()
while not server._BaseServer__shutdown_request: time.sleep(0.001)
server.serve_forever()
thread.join()
print("ended")
server.server_close()`);
    assertEquals(output, "ended\n");
  }
  await using server = new TCPServer(HERE, Idle);
  await within(server.shutdown());
  await within(server.serve_forever());
  const serving = server.serve_forever();
  await within(server.shutdown());
  await within(serving);
});

Deno.test("shutdown() ends every loop of the server", async () => {
  await using server = new TCPServer(HERE, Upper);
  const loops = [server.serve_forever(), server.serve_forever()];
  const [host, port] = server.server_address;
  using client = await socket.create_connection([host, port], 60);
  await client.sendall(new TextEncoder().encode("x"));
  assertEquals(await client.recv(9), new TextEncoder().encode("X"));
  await within(server.shutdown());
  await within(Promise.all(loops));
});

Deno.test("serve_forever() rejects with the reason of its signal, after the request", async () => {
  const entered = Promise.withResolvers<void>();
  let finished = false;
  class Slow extends BaseRequestHandler {
    override async handle() {
      entered.resolve();
      await this.request.recv(1);
      finished = true;
    }
  }
  await using server = new TCPServer(HERE, Slow);
  const reason = new Error("enough");
  const aborted = AbortSignal.abort(reason);
  const early = server.serve_forever(0.5, { signal: aborted });
  assertStrictEquals(await assertRejects(() => within(early)), reason);

  const idle = new AbortController();
  const waiting = server.serve_forever({ signal: idle.signal });
  idle.abort(reason);
  assertStrictEquals(await assertRejects(() => within(waiting)), reason);

  const busy = new AbortController();
  const serving = server.serve_forever(0.5, { signal: busy.signal });
  const [host, port] = server.server_address;
  using client = await socket.create_connection([host, port]);
  await within(entered.promise);
  busy.abort(reason);
  await client.sendall(new Uint8Array(1));
  assertStrictEquals(await assertRejects(() => within(serving)), reason);
  assertEquals(finished, true);
});

Deno.test("serve_forever() rejects wrong arguments", async () => {
  await using server = new TCPServer(HERE, Idle);
  const serve = (...args: unknown[]) =>
    server.serve_forever(...args as [number]);
  await assertRejects(() => serve("1"), TypeError);
  await assertRejects(() => serve(-1), RangeError);
  await assertRejects(() => serve(1, { interval: 1 }), TypeError);
  await assertRejects(
    () => serve({ poll_interval: "1" }),
    TypeError,
    "poll_interval must be a number",
  );
  await assertRejects(() => serve(1, { poll_interval: 2 }), TypeError);
});

Deno.test("serve_forever() ends when the server is closed, and fails on a closed one", async () => {
  const server = new TCPServer(HERE, Upper);
  const serving = server.serve_forever();
  const [host, port] = server.server_address;
  using client = await socket.create_connection([host, port], 60);
  await client.sendall(new TextEncoder().encode("x"));
  assertEquals(await client.recv(9), new TextEncoder().encode("X"));
  await server.server_close();
  await within(serving);
  assertEquals(server.fileno(), -1);
  await assertRejects(() => within(server.serve_forever()), RangeError);
  await assertRejects(() => within(server.handle_request()), RangeError);

  class Closing extends BaseRequestHandler {
    override handle() {
      this.server.server_close();
    }
  }
  const other = new TCPServer(HERE, Closing);
  const ending = other.serve_forever();
  const [, otherPort] = other.server_address;
  using last = await socket.create_connection([host, otherPort], 60);
  assertEquals((await last.recv(1)).length, 0);
  await within(ending);
});

Deno.test("server_close() frees the address once it is awaited, and `await using` awaits it", async () => {
  await againIfTaken(async () => {
    let address: [string, number];
    {
      await using server = new TCPServer(HERE, Idle);
      const [host, port] = server.server_address;
      address = [host, port];
      const serving = server.serve_forever();
      // A client that has closed first leaves nothing in TIME_WAIT here.
      using client = await socket.create_connection(address, 60);
      client.close();
      await server.shutdown();
      await serving;
    }
    await using again = new TCPServer(address, Idle);
    assertEquals(again.server_address[1], address[1]);
  });
});

Deno.test("handle_request() waits no longer than the smaller one of two timeouts", async () => {
  await using server = new TCPServer(HERE, Idle);
  let timeouts = 0;
  server.handle_timeout = () => void timeouts++;
  server.timeout = 0.001;
  await within(server.handle_request());
  server.timeout = 1000;
  server.socket.settimeout(0.001);
  await within(server.handle_request());
  server.timeout = null;
  await within(server.handle_request());
  server.socket.setblocking(false);
  await within(server.handle_request());
  assertEquals(timeouts, 4);
});

Deno.test("handle_request() leaves a request to the next call when it is aborted", async () => {
  await using server = new TCPServer(HERE, Upper);
  const controller = new AbortController();
  const waiting = server.handle_request({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => within(waiting), Error, "enough");
  const [host, port] = server.server_address;
  using client = await socket.create_connection([host, port], 60);
  await client.sendall(new TextEncoder().encode("late"));
  await within(server.handle_request());
  assertEquals(await client.recv(9), new TextEncoder().encode("LATE"));
});

const failures: Record<string, (request: socket.Socket) => unknown> = {
  "throws": () => {
    throw new Error("failure");
  },
  "rejects": () => Promise.reject(new Error("failure")),
  "rejects with what is no Error": () => {
    return Promise.reject("failure");
  },
  "fails in a call of its socket": async (request) => {
    request.settimeout(0.001);
    await request.recv(1);
  },
  "fails on a socket that it has closed": async (request) => {
    request.close();
    await request.recv(1);
  },
};

for (const [how, fail] of Object.entries(failures)) {
  Deno.test(`serve_forever() goes on after a handler that ${how}`, async () => {
    class Failing extends Upper {
      override async handle() {
        const first = await this.request.recv(1, socket.MSG_PEEK);
        if (first[0] === "!".charCodeAt(0)) await fail(this.request);
        await super.handle();
      }
    }
    const server = new Quiet(HERE, Failing);
    await using serving = serve(server);
    using client = await serving.connect();
    await client.sendall(new TextEncoder().encode("!"));
    await client.recv(9).catch((error) =>
      assertInstanceOf(error, socket.OSError)
    );
    assertEquals(server.errors.length, 1);
    assertEquals(await within(serving.ask("next")), "NEXT");
  });
}

Deno.test("serve_forever() goes on when a client resets its connection in the middle", async () => {
  class Asking extends Upper {
    override async handle() {
      await this.request.sendall(new TextEncoder().encode("?"));
      await super.handle();
    }
  }
  const server = new Quiet(HERE, Asking);
  await using serving = serve(server);
  const { stdout } = await runDeno({
    code: `const { connect } = await import("node:net");
      const client = connect(${server.server_address[1]}, "127.0.0.1");
      await new Promise((done) => client.once("data", done));
      client.resetAndDestroy();
      await new Promise((done) => client.once("close", done));
      console.log("reset");`,
    permissions: ["--allow-net=127.0.0.1"],
  });
  assertEquals(stdout, "reset\n");
  assertEquals(await within(serving.ask("next")), "?NEXT");
  assertEquals(
    server.errors.map((error) => (error as socket.OSError).code),
    ["ECONNRESET"],
  );
});

Deno.test("serve_forever() ends with an error of the program's own hooks, and leaves no connection open", async () => {
  const hooks = [
    "get_request",
    "verify_request",
    "service_actions",
    "handle_error",
  ];
  for (const hook of hooks) {
    class Failing extends BaseRequestHandler {
      override handle() {
        if (hook === "handle_error") throw new Error("of the handler");
      }
    }
    const server = new TCPServer(HERE, Failing);
    Object.assign(server, {
      [hook]: async () => {
        if (hook === "get_request") {
          const [conn] = await server.socket.accept();
          conn.close();
        }
        throw new Error(hook);
      },
    });
    const serving = server.serve_forever();
    const [host, port] = server.server_address;
    using client = await socket.create_connection([host, port], 60);
    await assertRejects(() => within(serving), Error, hook);
    if (hook !== "handle_error") {
      assertEquals((await client.recv(1)).length, 0, hook);
    }
    await server.server_close();
  }
});

Deno.test("verify_request() may be asynchronous, and a rejected request is closed", async () => {
  class Server extends TCPServer {
    refused = 0;

    override async verify_request(request: socket.Socket) {
      const data = await request.recv(1, socket.MSG_PEEK);
      if (data[0] === 33) this.refused++;
      return data[0] !== 33;
    }
  }
  const server = new Server(HERE, Upper);
  await using serving = serve(server);
  using refused = await serving.connect();
  await refused.sendall(new TextEncoder().encode("!"));
  await refused.recv(1).catch((error) =>
    assertInstanceOf(error, socket.OSError)
  );
  assertEquals(await within(serving.ask("x")), "X");
  assertEquals(server.refused, 1);
});

Deno.test("finish_request() may return a handler, await one, or handle the request itself", async () => {
  type Arguments = Parameters<TCPServer["finish_request"]>;
  class Returning extends TCPServer {
    override finish_request(...[request, address]: Arguments) {
      return new Upper(request, address, this);
    }
  }
  class ReturningLater extends TCPServer {
    override async finish_request(...args: Arguments) {
      await Promise.resolve();
      return super.finish_request(...args);
    }
  }
  class Awaiting extends TCPServer {
    override async finish_request(...args: Arguments) {
      await super.finish_request(...args);
    }
  }
  class Itself extends TCPServer {
    override async finish_request(...[request]: Arguments) {
      await request.recv(1);
      await request.sendall(new TextEncoder().encode("X"));
    }
  }
  for (const Server of [Returning, ReturningLater, Awaiting, Itself]) {
    await using serving = serve(new Server(HERE, Upper));
    assertEquals(await within(serving.ask("x")), "X", Server.name);
  }
});

Deno.test("a server does not wait for a client that does not read", async () => {
  class Careless extends BaseRequestHandler {
    override handle() {
      // Not awaited, as a mistake.
      this.request.sendall(new Uint8Array(20_000_000)).catch(() => {});
    }
  }
  const server = new TCPServer(HERE, Careless);
  await using serving = serve(server);
  using _deaf = await serving.connect();
  using next = await serving.connect();
  let received = 0;
  while (received < 20_000_000) {
    const data = await next.recv(1 << 20);
    if (data.length === 0) break;
    received += data.length;
  }
  assertEquals(received, 20_000_000);
});

Deno.test("UDPServer() handles datagrams, cut to max_packet_size", async () => {
  const got: [number, string][] = [];
  class Collect extends BaseRequestHandler<UDPServer> {
    override async handle() {
      const [data, sock] = this.request;
      got.push([data.length, this.client_address[0]]);
      await sock.sendto(data.subarray(0, 3), this.client_address);
    }
  }
  class Small extends UDPServer {
    override max_packet_size = 10;
  }
  const server = new Small(HERE, Collect);
  await using serving = serve(server as unknown as TCPServer);
  using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const [host, port] = server.server_address;
  await client.connect([host, port]);
  client.settimeout(60);
  for (const size of [0, 5, 100]) {
    await client.send(new Uint8Array(size).fill(size));
    const answer = await client.recv(100);
    assertEquals(answer, new Uint8Array(Math.min(size, 3)).fill(size));
  }
  assertEquals(got, [[0, "127.0.0.1"], [5, "127.0.0.1"], [10, "127.0.0.1"]]);
  assertEquals(server.socket_type, socket.SOCK_DGRAM);
  await server.shutdown();
  await within(serving.ended);
});

Deno.test({
  name: "TCPServer() serves CPython's clients",
  ignore: python === null,
  fn: async () => {
    const server = new TCPServer(HERE, Upper);
    await using _serving = serve(server);
    const [host, port] = server.server_address;
    const output = await runPython(
      `
import socket, sys
for text in ("hello", "world"):
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as s:
        s.sendall(text.encode())
        print(s.recv(1024).decode(), s.recv(1024))`,
      [host, String(port)],
    );
    assertEquals(output, "HELLO b''\nWORLD b''\n");
  },
});
