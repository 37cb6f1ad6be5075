import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import * as ssl from "@pystd/socket/ssl";
import {
  bytes,
  certificate,
  certificates,
  clientContext,
  serverContext,
  settle,
  text,
} from "../support/tls.ts";
import { canLimitFiles, startWithFileLimit } from "../support/file_limit.ts";
import { within } from "../support/within.ts";

async function listening(
  options: ssl.WrapOptions = {},
  context = serverContext(),
): Promise<ssl.SSLSocket<socket.InetAddress>> {
  const server = socket.create_server(["127.0.0.1", 0]);
  return await context.wrap_socket(server, { server_side: true, ...options });
}

async function connected(
  server: socket.Socket<socket.InetAddress>,
  context = clientContext(),
): Promise<ssl.SSLSocket> {
  const sock = await socket.create_connection(server.getsockname());
  return await context.wrap_socket(sock, { server_hostname: "localhost" });
}

Deno.test("accept() returns connections after their handshake", async () => {
  await using server = await listening();
  const [[conn, address], client] = await within(
    Promise.all([server.accept(), connected(server)]),
  );
  await using near = client;
  await using far = conn;
  assertInstanceOf(far, ssl.SSLSocket);
  assertEquals(far.version(), "TLSv1.3");
  assertEquals(address, near.getsockname() as socket.InetAddress);
  assertEquals([far.server_side, far.context === server.context], [true, true]);
  await near.sendall(bytes("hello"));
  assertEquals(text(await far.recv(10)), "hello");
});

Deno.test("accept() is not delayed by a silent client", async () => {
  await using server = await listening();
  const silent: socket.Socket[] = [];
  for (let i = 0; i < 20; i++) {
    silent.push(await socket.create_connection(server.getsockname()));
  }
  for (let i = 0; i < 3; i++) {
    const [[conn], client] = await within(
      Promise.all([server.accept(), connected(server)]),
    );
    await conn[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  }
  for (const each of silent) each.close();
});

Deno.test("accept() fails with the error of a client, and works again", async () => {
  await using server = await listening();
  const junk = await socket.create_connection(server.getsockname());
  await junk.sendall(bytes("GET / HTTP/1.0\r\n\r\n"));
  const error = await within(settle(server.accept()));
  assertInstanceOf(error, ssl.SSLError);
  assertEquals(error.reason, "HTTP_REQUEST");
  await junk[Symbol.asyncDispose]();

  const [refusing, refused] = await within(Promise.all([
    settle(connected(server, new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))),
    settle(server.accept()),
  ]));
  assertInstanceOf(refusing, ssl.SSLCertVerificationError);
  assertInstanceOf(refused, ssl.SSLError);
  assertEquals(refused.reason, "TLSV1_ALERT_UNKNOWN_CA");

  const [[conn], client] = await within(
    Promise.all([server.accept(), connected(server)]),
  );
  await conn[Symbol.asyncDispose]();
  await client[Symbol.asyncDispose]();
});

Deno.test("for await skips clients that fail, and ends on close", async () => {
  await using server = await listening();
  const served: string[] = [];
  const serving = (async () => {
    for await (const [conn] of server) {
      await using peer = conn;
      served.push(text(await peer.recv(10)));
    }
  })();
  for (let i = 0; i < 3; i++) {
    const junk = await socket.create_connection(server.getsockname());
    await junk.sendall(bytes("neither TLS nor anything else"));
    assertEquals((await within(settle(junk.recv(10)))) instanceof Error, false);
    await junk[Symbol.asyncDispose]();
    await using client = await within(connected(server));
    await client.sendall(bytes(`client ${i}`));
    assertEquals((await within(client.recv(10))).length, 0);
  }
  server.close();
  await within(serving);
  assertEquals(served, ["client 0", "client 1", "client 2"]);
});

Deno.test("accept() returns a late client to the next call after a timeout", async () => {
  await using server = await listening();
  server.settimeout(0.03);
  const silent = await socket.create_connection(server.getsockname());
  await assertRejects(() => server.accept(), socket.TimeoutError);
  const controller = new AbortController();
  server.settimeout(null);
  const aborted = settle(server.accept({ signal: controller.signal }));
  controller.abort(new Error("stop"));
  assertEquals((await aborted as Error).message, "stop");
  const client = connected(server);
  const [conn] = await within(server.accept());
  await using near = await within(client);
  await using far = conn;
  assertEquals(near.version(), far.version());
  silent.close();
});

Deno.test("accept() of a non-blocking socket, with select()", async () => {
  await using server = await listening();
  server.setblocking(false);
  await assertRejects(() => server.accept(), socket.BlockingIOError);
  const silent = await socket.create_connection(server.getsockname());
  assertEquals((await select([server], [], [], 0.05))[0].length, 0);
  const client = connected(server);
  const [readable] = await within(select([server], [], []));
  assert(readable[0] === server);
  const [conn] = await server.accept();
  await using near = await within(client);
  await using far = conn;
  assertEquals(near.version(), far.version());
  silent.close();
});

Deno.test("close() rejects accept(), ends the pending handshakes, and frees the port", async () => {
  const server = await listening();
  const address = server.getsockname();
  const accepting = settle(server.accept());
  const silent = await socket.create_connection(address);
  // A handshake has begun when the server has accepted.
  const begun = await socket.create_connection(address);
  await begun.sendall(new Uint8Array([22, 3, 1]));
  await server[Symbol.asyncDispose]();
  const error = await within(accepting);
  assertInstanceOf(error, socket.OSError);
  assertEquals(error.code, "EBADF");
  for (const each of [silent, begun]) {
    const end = await within(settle(each.recv(1)));
    if (!(end instanceof Error)) assertEquals(end.length, 0);
    await each[Symbol.asyncDispose]();
  }
  using again = socket.create_server(address);
  assertEquals(again.getsockname(), address);
});

Deno.test("do_handshake_on_connect false leaves the handshake to the program", async () => {
  await using server = await listening({ do_handshake_on_connect: false });
  const client = connected(server);
  const [conn] = await within(server.accept());
  await using far = conn;
  assertEquals(far.version(), null);
  await within(far.do_handshake());
  await using near = await within(client);
  assertEquals(near.version(), far.version());
});

Deno.test("wrap_socket() before bind() and listen() wraps what is accepted", async () => {
  const server = await serverContext().wrap_socket(socket.socket(), {
    server_side: true,
  });
  await using listener = server;
  listener.bind(["127.0.0.1", 0]);
  listener.listen();
  const [[conn], client] = await within(
    Promise.all([listener.accept(), connected(listener)]),
  );
  await using near = client;
  await using far = conn;
  assertEquals(near.version(), far.version());
});

Deno.test("accept() returns a socket with the context that sni_callback has chosen", async () => {
  const other = serverContext("other");
  const context = serverContext();
  context.sni_callback = (sock) => {
    sock.context = other;
  };
  await using server = await listening({}, context);
  const client = clientContext((each) => each.check_hostname = false);
  const [[conn], near] = await within(
    Promise.all([server.accept(), connected(server, client)]),
  );
  assert(conn.context === other);
  await conn[Symbol.asyncDispose]();
  await near[Symbol.asyncDispose]();
});

Deno.test("connect() of a server's socket fails", async () => {
  await using server = await serverContext().wrap_socket(socket.socket(), {
    server_side: true,
  });
  await assertRejects(
    () => server.connect(["127.0.0.1", 9]),
    RangeError,
    "server-side mode",
  );
  await assertRejects(
    () => server.accept(),
    socket.OSError,
    "Invalid argument",
  );
});

Deno.test("accept() serves 100 clients at once", async () => {
  // All of them may come before the first is accepted.
  const listener = socket.create_server(["127.0.0.1", 0], { backlog: 512 });
  await using server = await serverContext("server", (context) => {
    context.verify_mode = ssl.CERT_REQUIRED;
    context.load_verify_locations(certificate("ca"));
  }).wrap_socket(listener, { server_side: true });
  const context = clientContext((each) =>
    each.load_cert_chain(certificate("client"), certificate("client.key"))
  );
  let served = 0;
  const handlers: Promise<void>[] = [];
  const serve = async (conn: ssl.SSLSocket) => {
    await using peer = conn;
    await peer.sendall(await peer.recv(100));
    served++;
  };
  const serving = (async () => {
    for (let i = 0; i < 100; i++) {
      const [conn] = await server.accept();
      handlers.push(serve(conn));
    }
  })();
  const clients = Array.from({ length: 100 }, async (_, i) => {
    await using client = await connected(server, context);
    await client.sendall(bytes(`client ${i}`));
    assertEquals(text(await client.recv(100)), `client ${i}`);
    assertEquals((await client.recv(100)).length, 0);
  });
  await within(Promise.all(clients));
  await serving;
  await Promise.all(handlers);
  assertEquals(served, 100);
});

Deno.test({
  name: "accept() serves a client when silent ones have taken all descriptors",
  ignore: !canLimitFiles,
  fn: async () => {
    await using server = startWithFileLimit(
      100,
      `
      import * as socket from "@pystd/socket";
      import * as ssl from "@pystd/socket/ssl";
      const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
      context.load_cert_chain(${JSON.stringify(certificate("server"))},
        ${JSON.stringify(certificate("server.key"))});
      const listener = socket.create_server(["127.0.0.1", 0]);
      const server = await context.wrap_socket(listener, { server_side: true });
      console.log(server.getsockname()[1]);
      server.settimeout(60);
      const [conn] = await server.accept();
      await conn.sendall(new TextEncoder().encode("hello"));
      conn.close();
      server.close();`,
      [
        "--allow-net=127.0.0.1",
        `--allow-read=${decodeURIComponent(certificates.pathname)}`,
      ],
    );
    const address = ["127.0.0.1", Number(await server.readLine())] as const;
    const silent: socket.Socket[] = [];
    for (let n = 0; n < 120; n++) {
      silent.push(await within(socket.create_connection(address)));
    }
    const sock = await within(socket.create_connection(address));
    await using client = await within(
      clientContext().wrap_socket(sock, { server_hostname: "localhost" }),
    );
    assertEquals(text(await within(client.recv(10))), "hello");
    await client[Symbol.asyncDispose]();
    const { code, stderr } = await server.result();
    assertEquals([code, stderr], [0, ""]);
    await Promise.all(silent.map((each) => each[Symbol.asyncDispose]()));
  },
});
