import { assertEquals, assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  BaseRequestHandler,
  StreamRequestHandler,
  TCPServer,
  ThreadingMixIn,
  ThreadingTCPServer,
  ThreadingUDPServer,
  UDPServer,
} from "@pystd/socket/socketserver";
import { serve } from "../support/serving.ts";
import { within } from "../support/within.ts";

const HERE = ["127.0.0.1", 0] as const;

class Echo extends StreamRequestHandler {
  override async handle() {
    for await (const line of this.rfile) await this.wfile.write(line);
  }
}

/** Handlers that wait until they are released. */
class Gate {
  entered = 0;
  ended = 0;
  readonly released = Promise.withResolvers<void>();
  readonly #waiting: [number, () => void][] = [];

  readonly Handler: new (
    request: socket.Socket<socket.InetAddress | socket.Inet6Address>,
    address: socket.InetAddress | socket.Inet6Address,
    server: TCPServer,
  ) => BaseRequestHandler;

  constructor() {
    const enter = () => this.#enter();
    this.Handler = class extends BaseRequestHandler {
      override async handle() {
        await enter();
      }
    };
  }

  async #enter(): Promise<void> {
    this.entered++;
    for (const [count, resolve] of this.#waiting) {
      if (count <= this.entered) resolve();
    }
    await this.released.promise;
    this.ended++;
  }

  /** Resolves when so many handlers have begun. */
  async until(count: number): Promise<void> {
    if (this.entered >= count) return;
    await within(
      new Promise<void>((resolve) => this.#waiting.push([count, resolve])),
    );
  }
}

Deno.test("ThreadingMixIn() handles requests concurrently", async () => {
  class Server extends ThreadingMixIn(TCPServer) {}
  for (const Class of [Server, ThreadingTCPServer]) {
    const gate = new Gate();
    const server = new Class(HERE, gate.Handler);
    assertInstanceOf(server, TCPServer);
    assertEquals([server.daemon_threads, server.block_on_close], [false, true]);
    await using serving = serve(server);
    const clients = [await serving.connect(), await serving.connect()];
    await gate.until(2);
    gate.released.resolve();
    for (const client of clients) {
      assertEquals((await client.recv(1)).length, 0);
      client.close();
    }
  }
});

Deno.test("ThreadingMixIn() keeps the attributes and the hooks of its class", async () => {
  class Counting extends UDPServer {
    static override request_queue_size = 7;
    verified = 0;

    override verify_request() {
      this.verified++;
      return true;
    }
  }
  class Server extends ThreadingMixIn(Counting) {
    override max_packet_size = 3;
  }
  class Handler extends BaseRequestHandler<Server> {
    override async handle() {
      const [data, sock] = this.request;
      await sock.sendto(data, this.client_address);
    }
  }
  const server = new Server(HERE, Handler);
  assertEquals(server.request_queue_size, 7);
  assertEquals(ThreadingUDPServer.name, "ThreadingUDPServer");
  await using _serving = serve(server as unknown as TCPServer);
  using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const [host, port] = server.server_address;
  await client.connect([host, port]);
  client.settimeout(60);
  await client.send(new Uint8Array([1, 2, 3, 4]));
  assertEquals(await client.recv(10), new Uint8Array([1, 2, 3]));
  assertEquals(server.verified, 1);
});

Deno.test("ThreadingMixIn() closes a request whose shutdown_request() throws", async () => {
  const failed = Promise.withResolvers<socket.Socket>();
  class Failing extends ThreadingTCPServer {
    override shutdown_request(request: socket.Socket) {
      failed.resolve(request);
      throw new Error("not today");
    }
  }
  const { error } = console;
  const printed: unknown[] = [];
  console.error = (...values) => void printed.push(...values);
  try {
    const server = new Failing(HERE, Echo);
    await using serving = serve(server);
    await using client = await serving.connect();
    await client.shutdown(socket.SHUT_WR);
    const request = await within(failed.promise);
    assertEquals((await within(client.recv(1))).length, 0);
    assertEquals(request.fileno(), -1);
  } finally {
    console.error = error;
  }
  assertEquals(printed.map(String).includes("Error: not today"), true);
});

Deno.test("server_close() in a handler does not wait for that handler", async () => {
  class Handler extends BaseRequestHandler {
    override async handle() {
      await this.server.server_close();
      await this.request.sendall(new Uint8Array(1));
    }
  }
  const server = new ThreadingTCPServer(HERE, Handler);
  const serving = server.serve_forever();
  const [host, port] = server.server_address;
  await using client = await socket.create_connection([host, port]);
  assertEquals((await within(client.recv(10))).length, 1);
  await within(serving);
});

Deno.test("server_close() waits for the running handlers, unless block_on_close is false", async () => {
  for (const block of [true, false]) {
    const gate = new Gate();
    const server = new ThreadingTCPServer(HERE, gate.Handler);
    server.block_on_close = block;
    const serving = server.serve_forever();
    const [host, port] = server.server_address;
    using client = await socket.create_connection([host, port], 60);
    await gate.until(1);
    await within(server.shutdown());
    await within(serving);
    let closed = false;
    const closing = Promise.resolve(server.server_close())
      .then(() => closed = true);
    assertEquals(server.fileno(), -1);
    // Closing the socket itself takes a turn of the event loop, or two.
    for (let i = 0; i < 10; i++) await new Promise((done) => setTimeout(done));
    assertEquals(closed, !block);
    gate.released.resolve();
    await within(closing);
    assertEquals((await client.recv(1)).length, 0);
    assertEquals(gate.ended, 1);
  }
});

Deno.test("ThreadingMixIn() goes on after a handler that fails, and one that never settles", async () => {
  const errors: unknown[] = [];
  const never = Promise.withResolvers<void>();
  class Server extends ThreadingTCPServer {
    override handle_error(
      _request: unknown,
      _address: unknown,
      error: unknown,
    ) {
      errors.push(error);
    }
  }
  class Handler extends Echo {
    override async handle() {
      const first = await this.connection.recv(1, socket.MSG_PEEK);
      if (first[0] === "!".charCodeAt(0)) throw new Error("failure");
      if (first[0] === "?".charCodeAt(0)) await never.promise;
      await super.handle();
    }
  }
  await using serving = serve(new Server(HERE, Handler));
  using forever = await serving.connect();
  await forever.sendall(new TextEncoder().encode("?"));
  using failing = await serving.connect();
  await failing.sendall(new TextEncoder().encode("!"));
  await failing.recv(1).catch((error) =>
    assertInstanceOf(error, socket.OSError)
  );
  assertEquals(errors.map(String), ["Error: failure"]);
  assertEquals(await within(serving.ask("next\n")), "next\n");
  // So that it leaves nothing open behind the test.
  forever.close();
  never.resolve();
});

Deno.test("ThreadingMixIn() serves 200 clients at once", async () => {
  await using serving = serve(
    new class extends ThreadingTCPServer {
      static override request_queue_size = 200;
    }(HERE, Echo),
  );
  const clients = await within(
    Promise.all(Array.from({ length: 200 }, () => serving.connect())),
  );
  for (const client of clients) client.settimeout(60);
  const answers = clients.map(async (client, i) => {
    const line = new TextEncoder().encode(`${i}\n`);
    await client.sendall(line);
    const answer = await client.recv(line.length, socket.MSG_WAITALL);
    assertEquals(answer, line);
  });
  await within(Promise.all(answers));
  for (const client of clients) client.close();
});

Deno.test("ThreadingMixIn() accepts a flood of connections beside slow handlers", async () => {
  const gate = new Gate();
  let requests = 0;
  class Mixed extends ThreadingTCPServer {
    static override request_queue_size = 100;

    override finish_request(
      ...[request, address]: Parameters<ThreadingTCPServer["finish_request"]>
    ) {
      return requests++ < 50
        ? new gate.Handler(request, address, this)
        : new Echo(request, address, this);
    }
  }
  await using serving = serve(new Mixed(HERE, Echo));
  const slow = await Promise.all(
    Array.from({ length: 50 }, () => serving.connect()),
  );
  await gate.until(50);
  for (let round = 0; round < 10; round++) {
    const answers = await within(
      Promise.all(
        Array.from({ length: 50 }, (_, i) => serving.ask(`${round} ${i}\n`)),
      ),
    );
    assertEquals(answers, answers.map((_, i) => `${round} ${i}\n`));
  }
  assertEquals([requests, gate.entered, gate.ended], [550, 50, 0]);
  gate.released.resolve();
  for (const client of slow) {
    client.settimeout(60);
    assertEquals((await client.recv(1)).length, 0);
    client.close();
  }
  assertEquals(gate.ended, 50);
});

Deno.test("shutdown() of a server with threads may be called in a handler", async () => {
  class Last extends BaseRequestHandler {
    override async handle() {
      await this.request.recv(1);
      await within(this.server.shutdown());
      await this.request.sendall(new Uint8Array([7]));
    }
  }
  await using server = new ThreadingTCPServer(HERE, Last);
  const serving = server.serve_forever();
  const [host, port] = server.server_address;
  using client = await socket.create_connection([host, port], 60);
  await client.sendall(new Uint8Array(1));
  await within(serving);
  assertEquals(await client.recv(1), new Uint8Array([7]));
});
