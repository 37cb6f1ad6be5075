import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import {
  BaseRequestHandler,
  DatagramRequestHandler,
  StreamRequestHandler,
  TCPServer,
  UDPServer,
} from "@pystd/socket/socketserver";
import { serve } from "../support/serving.ts";
import { within } from "../support/within.ts";

const HERE = ["127.0.0.1", 0] as const;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function text(data: Uint8Array | null): string {
  return new TextDecoder().decode(data ?? undefined);
}

/** A server whose handler fails only where a test expects it. */
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

Deno.test("BaseRequestHandler() calls its methods once, when it is awaited", async () => {
  const calls: string[] = [];
  class Handler extends BaseRequestHandler {
    field = "set";

    override setup() {
      calls.push(`setup ${this.field}`);
    }
    override async handle() {
      await Promise.resolve();
      calls.push("handle");
    }
    override finish() {
      calls.push("finish");
    }
  }
  await using server = new TCPServer(HERE, Handler);
  using request = socket.socket();
  const handler = new Handler(request, ["127.0.0.1", 1], server);
  assertStrictEquals(handler.request, request);
  assertStrictEquals(handler.server, server);
  assertEquals(handler.client_address, ["127.0.0.1", 1]);
  assertEquals(calls, []);
  const [one, other] = await Promise.all([handler, handler]);
  assertEquals([one, other], [undefined, undefined]);
  assertEquals(calls, ["setup set", "handle", "finish"]);
  await handler;
  assertEquals(calls.length, 3);
});

Deno.test("BaseRequestHandler() fails with the error of its method; finish() comes after handle() only", async () => {
  for (const fails of ["setup", "handle", "finish", "handle finish"]) {
    const calls: string[] = [];
    const call = (name: string) => {
      calls.push(name);
      if (fails.includes(name)) throw new Error(name);
    };
    class Handler extends BaseRequestHandler {
      override setup = () => call("setup");
      override handle = () => call("handle");
      override finish = () => call("finish");
    }
    await using server = new TCPServer(HERE, Handler);
    using request = socket.socket();
    const handler = new Handler(request, ["127.0.0.1", 1], server);
    const last = fails.split(" ").at(-1)!;
    await assertRejects(async () => await handler, Error, last);
    const all = ["setup", "handle", "finish"];
    assertEquals(calls, fails === "setup" ? ["setup"] : all, fails);
  }
});

Deno.test("StreamRequestHandler() reads lines, and writes at once", async () => {
  class Echo extends StreamRequestHandler {
    override async handle() {
      for await (const line of this.rfile) {
        await this.wfile.write(bytes(`${text(line).trim()}!\n`));
      }
    }
  }
  await using serving = serve(new TCPServer(HERE, Echo));
  using client = await serving.connect();
  await using file = client.makefile("rw");
  for (const line of ["one", "two"]) {
    await file.write(`${line}\n`);
    await file.flush();
    assertEquals(await within(file.readline()), `${line}!\n`);
  }
});

Deno.test("StreamRequestHandler() without a buffer writes all bytes of each write", async () => {
  const size = 5_000_000;
  let written: number | null = 0;
  class Large extends StreamRequestHandler {
    override async handle() {
      written = await this.wfile.write(new Uint8Array(size).fill(1));
    }
  }
  await using serving = serve(new TCPServer(HERE, Large));
  using client = await serving.connect();
  let received = 0;
  for (let data; (data = await client.recv(65536)).length > 0;) {
    received += data.length;
  }
  assertEquals([written, received], [size, size]);
});

Deno.test("StreamRequestHandler() with a buffer sends when it finishes", async () => {
  const order: string[] = [];
  class Buffered extends StreamRequestHandler {
    override wbufsize = -1;

    override async handle() {
      await this.wfile.write(bytes("one "));
      await this.wfile.write(bytes("two"));
      order.push("handled");
    }

    override async finish() {
      await super.finish();
      order.push(`finished ${this.wfile.closed} ${this.rfile.closed}`);
    }
  }
  await using serving = serve(new TCPServer(HERE, Buffered));
  assertEquals(await within(serving.ask("")), "one two");
  assertEquals(order, ["handled", "finished true true"]);
});

Deno.test("StreamRequestHandler() sets the timeout and TCP_NODELAY", async () => {
  const found: unknown[] = [];
  class Handler extends StreamRequestHandler {
    override timeout = 0.001;
    override disable_nagle_algorithm = true;

    override async handle() {
      const { IPPROTO_TCP, TCP_NODELAY } = socket;
      found.push(this.connection.gettimeout());
      found.push(this.connection.getsockopt(IPPROTO_TCP, TCP_NODELAY));
      found.push(this.connection === this.request);
      await this.rfile.readline();
    }
  }
  const server = new Quiet(HERE, Handler);
  await using serving = serve(server);
  using client = await serving.connect();
  assertEquals((await client.recv(1)).length, 0);
  assertEquals(found, [0.001, 1, true]);
  assertInstanceOf(server.errors[0], socket.TimeoutError);
});

Deno.test("StreamRequestHandler() reads without a buffer if rbufsize is 0", async () => {
  class Raw extends StreamRequestHandler {
    override rbufsize = 0;

    override async handle() {
      const line = text(await this.rfile.readline());
      // Without a buffer, the rest is still with the socket.
      await this.wfile.write(bytes(line));
      await this.wfile.write(await this.connection.recv(10));
    }
  }
  await using serving = serve(new TCPServer(HERE, Raw));
  assertEquals(await within(serving.ask("a\nrest")), "a\nrest");
});

Deno.test("StreamRequestHandler() goes on when the client has closed before its answer", async () => {
  const closed = Promise.withResolvers<void>();
  class Late extends StreamRequestHandler {
    override wbufsize = -1;

    override async handle() {
      const line = await this.rfile.readline();
      if (text(line) !== "bye\n") {
        return void await this.wfile.write(bytes("here"));
      }
      await closed.promise;
      // Until the kernel knows that the client has gone.
      for (;;) await this.wfile.write(new Uint8Array(100_000));
    }
  }
  const server = new Quiet(HERE, Late);
  await using serving = serve(server);
  const client = await serving.connect();
  await client.sendall(bytes("bye\n"));
  client.close();
  closed.resolve();
  assertEquals(await within(serving.ask("hello\n")), "here");
  assertEquals(server.errors.length, 1);
  assertInstanceOf(server.errors[0], socket.ConnectionError);
});

Deno.test("StreamRequestHandler() closes its files, whatever the program overrides", async () => {
  for (const what of ["setup", "finish"]) {
    class Forgetful extends StreamRequestHandler {
      override setup() {
        super.setup();
        if (what === "setup") throw new Error("not today");
      }
      override finish() {}
    }
    const server = new Quiet(HERE, Forgetful);
    await using serving = serve(server);
    using client = await serving.connect();
    assertEquals((await client.recv(1)).length, 0);
    assertEquals(server.errors.length, what === "setup" ? 1 : 0);
  }
});

Deno.test("DatagramRequestHandler() reads a datagram, and answers with one", async () => {
  class Answer extends DatagramRequestHandler {
    override async handle() {
      const lines: string[] = [];
      for await (const line of this.rfile) lines.push(text(line).trim());
      assert(this.packet.length > 0);
      await this.wfile.write(bytes(`${lines.length} `));
      await this.wfile.write(bytes(lines.join("+")));
      assertEquals(text(this.wfile.getvalue()), `2 ${lines.join("+")}`);
      assertStrictEquals(this.socket, this.server.socket);
    }
  }
  class Silent extends DatagramRequestHandler {}
  for (const Handler of [Answer, Silent]) {
    await using server = new UDPServer(HERE, Handler);
    const [host, port] = server.server_address;
    using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
    await client.connect([host, port]);
    client.settimeout(60);
    await client.send(bytes("one\ntwo"));
    await within(server.handle_request());
    // As in Python, an answer of nothing is sent, too.
    const expected = Handler === Answer ? "2 one+two" : "";
    assertEquals(text(await client.recv(100)), expected);
  }
});
