import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import { tcpPair } from "../support/pair.ts";
import {
  bytes,
  clientContext,
  handshake,
  only,
  plainPair,
  serverContext,
  settle,
  text,
  tlsPair,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

const { TLSv1_2, TLSv1_3 } = ssl.TLSVersion;

Deno.test("version() and cipher() return the negotiated values", async () => {
  await using newest = await tlsPair();
  for (const end of [newest.client, newest.server]) {
    assertEquals(end.version(), "TLSv1.3");
    assertEquals(end.cipher(), ["TLS_AES_256_GCM_SHA384", "TLSv1.3", 256]);
    assertEquals(end.compression(), null);
  }
  const server = serverContext("rsa", only(TLSv1_2));
  await using older = await tlsPair({ server });
  for (const end of [older.client, older.server]) {
    assertEquals(end.version(), "TLSv1.2");
    assertEquals(end.cipher(), [
      "ECDHE-RSA-AES256-GCM-SHA384",
      "TLSv1.2",
      256,
    ]);
  }
});

for (
  const [theirs, ours] of [[TLSv1_2, TLSv1_3], [TLSv1_3, TLSv1_2]] as const
) {
  Deno.test(`wrap_socket() fails on both ends with no version in common, ${theirs} and ${ours}`, async () => {
    const [client, server] = await handshake({
      server: serverContext("server", only(theirs)),
      client: clientContext(only(ours)),
    });
    assertInstanceOf(client, ssl.SSLError);
    assertEquals(client.reason, "TLSV1_ALERT_PROTOCOL_VERSION");
    assertInstanceOf(server, ssl.SSLError);
    assertEquals(server.reason, "UNSUPPORTED_PROTOCOL");
    assertEquals(
      server.message,
      "[SSL: UNSUPPORTED_PROTOCOL] unsupported protocol",
    );
  });
}

Deno.test("minimum_version above maximum_version leaves none", async () => {
  const client = clientContext((context) => {
    context.minimum_version = TLSv1_3;
    context.maximum_version = TLSv1_2;
  });
  const [outcome] = await handshake({ client });
  assertInstanceOf(outcome, ssl.SSLError);
  assertEquals(outcome.reason, "NO_PROTOCOLS_AVAILABLE");
});

Deno.test("minimum_version takes the bounds by name, too", async () => {
  const { MINIMUM_SUPPORTED, MAXIMUM_SUPPORTED } = ssl.TLSVersion;
  const lowest = clientContext((context) => {
    context.minimum_version = MINIMUM_SUPPORTED;
    context.maximum_version = MINIMUM_SUPPORTED;
  });
  await using low = await tlsPair({ client: lowest });
  assertEquals(low.client.version(), "TLSv1.2");
  const highest = clientContext((context) => {
    context.minimum_version = MAXIMUM_SUPPORTED;
  });
  await using high = await tlsPair({ client: highest });
  assertEquals(high.client.version(), "TLSv1.3");
});

// In CPython, too, the server's order decides, and none in common is none.
const alpn: [server: string[], client: string[], chosen: string | null][] = [
  [["a", "b"], ["b", "a"], "a"],
  [["b"], ["a", "b"], "b"],
  [["a"], ["b"], null],
  [[], ["b"], null],
  [["a"], [], null],
  [["http/1.1"], ["h2", "http/1.1"], "http/1.1"],
];

for (const [theirs, ours, chosen] of alpn) {
  Deno.test(`set_alpn_protocols() of [${theirs}] and [${ours}] agree on ${chosen}`, async () => {
    const server = serverContext();
    server.set_alpn_protocols(theirs);
    const client = clientContext();
    client.set_alpn_protocols(ours);
    await using pair = await tlsPair({ server, client });
    assertEquals(pair.client.selected_alpn_protocol(), chosen);
    assertEquals(pair.server.selected_alpn_protocol(), chosen);
  });
}

Deno.test("sni_callback() gets the name that the client asks for", async () => {
  const asked: [string | null, boolean][] = [];
  const server = serverContext();
  server.sni_callback = (sock, name, context) => {
    asked.push([name, context === server && sock.context === server]);
  };
  {
    await using pair = await tlsPair({ server });
    assert(pair.server.context === server);
  }
  {
    // An address is no name, RFC 6066.
    await using pair = await tlsPair({ server, host: "127.0.0.1" });
    assert(pair);
  }
  assertEquals(asked, [["localhost", true], [null, true]]);
});

Deno.test("sni_callback() changes the context, so the certificate", async () => {
  const other = serverContext("other");
  const server = serverContext();
  server.sni_callback = (sock, name) => {
    if (name === "other.test") sock.context = other;
  };
  await using first = await tlsPair({ server });
  assertEquals(first.client.getpeercert()?.subject?.at(-1), [
    ["commonName", "localhost"],
  ]);
  await using second = await tlsPair({ server, host: "other.test" });
  assertEquals(second.client.getpeercert()?.subject?.at(-1), [
    ["commonName", "other.test"],
  ]);
  assert(second.server.context === other);
});

Deno.test("sni_callback() that returns an alert ends the handshake with it", async () => {
  const server = serverContext();
  server.sni_callback = () => 112;
  const [client, peer] = await handshake({ server });
  assertInstanceOf(client, ssl.SSLError);
  assertEquals(client.reason, "TLSV1_UNRECOGNIZED_NAME");
  assertInstanceOf(peer, ssl.SSLError);
  assertEquals(peer.reason, "CALLBACK_FAILED");
});

Deno.test("sni_callback() that throws ends the handshake, and is the cause", async () => {
  const server = serverContext();
  const cause = new Error("of the program");
  server.sni_callback = () => {
    throw cause;
  };
  const [client, peer] = await handshake({ server });
  assertInstanceOf(client, ssl.SSLError);
  assertEquals(client.reason, "SSLV3_ALERT_HANDSHAKE_FAILURE");
  assertInstanceOf(peer, ssl.SSLError);
  assert(peer.cause === cause);
});

Deno.test("sni_callback() may ask for more than its context, never for less", async () => {
  const strict = serverContext("server", (context) => {
    context.verify_mode = ssl.CERT_REQUIRED;
  });
  const lax = serverContext();
  for (const [first, second] of [[strict, lax], [lax, strict]] as const) {
    first.sni_callback = (sock) => {
      sock.context = second;
    };
    const [client, server] = await handshake({ server: first });
    assertInstanceOf(server, ssl.SSLError);
    if (client instanceof ssl.SSLSocket) await client[Symbol.asyncDispose]();
    first.sni_callback = null;
  }
});

Deno.test("wrap_socket() of a server without a certificate fails on both ends", async () => {
  const server = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
  const [client, peer] = await handshake({ server });
  assertInstanceOf(client, ssl.SSLError);
  assertEquals(client.reason, "SSLV3_ALERT_HANDSHAKE_FAILURE");
  assertInstanceOf(peer, ssl.SSLError);
  assertEquals(peer.reason, "NO_SHARED_CIPHER");
});

/** Both ends of a connection, not wrapped yet, and what closes them. */
async function bareEnds(): Promise<{
  near: socket.Socket;
  far: socket.Socket;
}> {
  const [near, far] = await plainPair();
  return { near, far };
}

const later = { do_handshake_on_connect: false };

Deno.test("do_handshake() called a second time does nothing", async () => {
  const { near, far } = await bareEnds();
  await using client = await clientContext().wrap_socket(near, {
    server_hostname: "localhost",
    ...later,
  });
  await using server = await serverContext().wrap_socket(far, {
    server_side: true,
    ...later,
  });
  assertEquals([client.version(), client.cipher()], [null, null]);
  assertEquals([client.pending(), client.selected_alpn_protocol()], [0, null]);
  await assertRejects(() => client.unwrap(), ssl.SSLError, "while in init");
  await within(Promise.all([
    client.do_handshake(),
    client.do_handshake(),
    server.do_handshake(),
  ]));
  assertEquals(client.version(), "TLSv1.3");
  await client.do_handshake();
});

Deno.test("recv() and send() do the handshake if it is not done yet", async () => {
  const { near, far } = await bareEnds();
  await using client = await clientContext().wrap_socket(near, {
    server_hostname: "localhost",
    ...later,
  });
  await using server = await serverContext().wrap_socket(far, {
    server_side: true,
    ...later,
  });
  const [data] = await within(Promise.all([
    server.recv(10),
    client.sendall(bytes("hello")),
  ]));
  assertEquals(text(data), "hello");
});

Deno.test("every call after a failed handshake fails", async () => {
  const { near, far } = await bareEnds();
  await using client = await clientContext().wrap_socket(near, {
    server_hostname: "other.test",
    ...later,
  });
  await using server = await serverContext().wrap_socket(far, {
    server_side: true,
    ...later,
  });
  const calls = [
    () => client.do_handshake(),
    () => client.recv(1),
    () => client.sendall(bytes("secret")),
    () => client.do_handshake(),
    () => client.recv(1),
  ];
  const outcome = settle(server.recv(10));
  for (const call of calls) {
    await assertRejects(call, ssl.SSLCertVerificationError, "Hostname");
  }
  assertInstanceOf(await outcome, ssl.SSLError);
});

Deno.test("wrap_socket() passes the descriptor and the settings on", async () => {
  await using pair = await tcpPair();
  pair.client.settimeout(3);
  const fileno = pair.client.fileno();
  const name = pair.client.getsockname();
  const peername = pair.client.getpeername();
  const [client, server] = await within(Promise.all([
    clientContext().wrap_socket(pair.client, { server_hostname: "localhost" }),
    serverContext().wrap_socket(pair.peer, { server_side: true }),
  ]));
  await using sock = client;
  await using other = server;
  assertEquals(pair.client.fileno(), -1);
  assertEquals(sock.fileno(), fileno);
  assertEquals(sock.gettimeout(), 3);
  assertEquals(sock.getsockname(), name);
  assertEquals(sock.getpeername(), peername);
  assertEquals(other.getsockname(), peername);
  assertInstanceOf(sock, socket.Socket);
  assert(
    Deno.inspect(sock).startsWith(`<ssl.SSLSocket fd=${fileno}, family=2`),
  );
  assertEquals(sock.toString(), Deno.inspect(sock));
});

Deno.test("connect() of a wrapped socket does the handshake", async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const accepted = listener.accept().then(([conn]) =>
    serverContext().wrap_socket(conn, { server_side: true })
  );
  await using client = await clientContext().wrap_socket(socket.socket(), {
    server_hostname: "localhost",
  });
  assertEquals(client.version(), null);
  await within(client.connect(listener.getsockname()));
  await using server = await within(accepted);
  assertEquals(client.version(), "TLSv1.3");
  await client.sendall(bytes("hello"));
  assertEquals(text(await server.recv(10)), "hello");
});

Deno.test("connect_ex() of a wrapped socket does the handshake", async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const accepted = listener.accept().then(([conn]) =>
    serverContext().wrap_socket(conn, { server_side: true })
  );
  await using client = await clientContext().wrap_socket(socket.socket(), {
    server_hostname: "localhost",
  });
  assertEquals(await within(client.connect_ex(listener.getsockname())), 0);
  await using server = await within(accepted);
  assertEquals(client.version(), server.version());
});

Deno.test("send() during a non-blocking connect sends no plain text", async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  await using client = await clientContext().wrap_socket(socket.socket(), {
    server_hostname: "localhost",
  });
  client.setblocking(false);
  await assertRejects(
    () => client.connect(listener.getsockname()),
    socket.BlockingIOError,
  );
  client.setblocking(true);
  const sent = settle(client.sendall(bytes("secret")));
  const [conn] = await within(listener.accept());
  await using peer = conn;
  // A ClientHello, and nothing before it.
  assertEquals((await within(peer.recv(5)))[0], 22);
  peer.close();
  assertInstanceOf(await within(sent), Error);
});

Deno.test("wrap_socket() over TLS is TLS in TLS", async () => {
  await using outer = await tlsPair();
  const [client, server] = await within(Promise.all([
    clientContext().wrap_socket(outer.client, {
      server_hostname: "localhost",
    }),
    serverContext("rsa").wrap_socket(outer.server, { server_side: true }),
  ]));
  await using inner = client;
  await using far = server;
  await inner.sendall(bytes("within"));
  assertEquals(text(await far.recv(10)), "within");
  assertEquals(inner.version(), "TLSv1.3");
});

Deno.test("version() and getpeercert() keep their values when TLS has ended", async () => {
  await using pair = await tlsPair();
  const certificate = pair.client.getpeercert(true);
  await pair.client.shutdown(socket.SHUT_WR);
  assertEquals((await within(pair.server.recv(1))).length, 0);
  await pair.server.shutdown(socket.SHUT_WR);
  assertEquals((await within(pair.client.recv(1))).length, 0);
  assertEquals(pair.client.version(), "TLSv1.3");
  assertEquals(pair.client.cipher()?.[2], 256);
  assertEquals(pair.client.getpeercert(true), certificate);
  assert(certificate !== null);
});
