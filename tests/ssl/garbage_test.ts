import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import {
  bytes,
  clientContext,
  handshake,
  plainPair,
  serverContext,
  settle,
  text,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

function binary(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (each) => each.charCodeAt(0));
}

// The reasons are those of CPython 3.11 with OpenSSL 3.0, of the server and of
// the client.
const EOF = "UNEXPECTED_EOF_WHILE_READING";
const junk: [data: string, server: string, client: string][] = [
  ["GET / HTTP/1.0\r\n\r\n", "HTTP_REQUEST", "HTTP_REQUEST"],
  ["POST /", "HTTP_REQUEST", "HTTP_REQUEST"],
  ["CONNECT x:1", "HTTPS_PROXY_REQUEST", "HTTPS_PROXY_REQUEST"],
  ["hello there", "WRONG_VERSION_NUMBER", "WRONG_VERSION_NUMBER"],
  ["220 mail.test ESMTP\r\n", "WRONG_VERSION_NUMBER", "WRONG_VERSION_NUMBER"],
  [
    "\x16\x03\x01\x00\x05hello",
    "UNEXPECTED_MESSAGE",
    // UNEXPECTED_MESSAGE in CPython; the runtime looks into the message first.
    "BAD_PACKET",
  ],
  [
    "\x15\x03\x03\x00\x02\x02\x28",
    "UNEXPECTED_MESSAGE",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
  ],
  [
    "\x17\x03\x03\x00\x02\x02\x28",
    "UNEXPECTED_MESSAGE",
    "UNEXPECTED_MESSAGE",
  ],
  [
    "\x16\x03\x01\xff\xff" + "x".repeat(100),
    "PACKET_LENGTH_TOO_LONG",
    "PACKET_LENGTH_TOO_LONG",
  ],
  ["", EOF, EOF],
  ["\x16", EOF, EOF],
  ["\x16\x03\x01\x00\x50\x01", EOF, EOF],
];

for (const [data, atServer, atClient] of junk) {
  const shown = JSON.stringify(data.slice(0, 12));

  Deno.test(`a server that gets ${shown} fails with ${atServer}`, async () => {
    const [near, far] = await plainPair();
    await using peer = near;
    if (data !== "") await peer.sendall(binary(data));
    await peer.shutdown(socket.SHUT_WR);
    const error = await within(settle(
      serverContext().wrap_socket(far, { server_side: true }),
    ));
    assertInstanceOf(error, ssl.SSLError);
    assertEquals(error.reason, atServer);
    assertEquals(error instanceof ssl.SSLEOFError, atServer === EOF);
    await within(settle(peer.recv(100)));
  });

  Deno.test(`a client that gets ${shown} fails with ${atClient}`, async () => {
    const [near, far] = await plainPair();
    await using peer = near;
    if (data !== "") await peer.sendall(binary(data));
    await peer.shutdown(socket.SHUT_WR);
    const error = await within(settle(
      clientContext().wrap_socket(far, { server_hostname: "localhost" }),
    ));
    assertInstanceOf(error, ssl.SSLError);
    assertEquals(error.reason, atClient);
    // A ClientHello came, and then the end.
    assertEquals((await within(peer.recv(5)))[0], 22);
    while ((await within(peer.recv(65536))).length > 0);
  });
}

Deno.test("every byte of a ClientHello may be wrong, and the server goes on", async () => {
  const [near, far] = await plainPair();
  const client = settle(
    clientContext().wrap_socket(near, { server_hostname: "localhost" }),
  );
  const hello = await within(far.recv(65536));
  await far[Symbol.asyncDispose]();
  assertInstanceOf(await client, Error);
  const context = serverContext();
  for (let at = 0; at < hello.length; at += 3) {
    const changed = hello.slice();
    changed[at]! ^= 0xff;
    const [a, b] = await plainPair();
    await using peer = a;
    await peer.sendall(changed);
    await peer.shutdown(socket.SHUT_WR);
    const outcome = await within(settle(
      context.wrap_socket(b, { server_side: true }),
    ));
    assertInstanceOf(outcome, socket.OSError, `byte ${at}`);
    await within(settle(peer.recv(65536)));
  }
});

Deno.test("a ClientHello of empty records ends the handshake, and fills no memory", async () => {
  const [near, far] = await plainPair();
  await using peer = near;
  const wrapping = settle(
    serverContext().wrap_socket(far, { server_side: true }),
  );
  await peer.sendall(binary("\x16\x03\x01\x00\x04\x01\x00\xff\xf0"));
  const empty = binary("\x16\x03\x03\x00\x00".repeat(10_000));
  const flooding = settle((async () => {
    for (;;) await peer.sendall(empty);
  })());
  const error = await within(wrapping);
  assertInstanceOf(error, ssl.SSLError);
  assertEquals(error.reason, "UNEXPECTED_MESSAGE");
  assertInstanceOf(await within(flooding), socket.OSError);
});

Deno.test("a handshake that never ends is cancelled by the timeout", async () => {
  for (const isServer of [true, false]) {
    const [near, far] = await plainPair();
    await using silent = near;
    far.settimeout(0.05);
    const context = isServer ? serverContext() : clientContext();
    const error = await within(settle(context.wrap_socket(far, {
      server_side: isServer,
      server_hostname: isServer ? null : "localhost",
    })));
    assertInstanceOf(error, socket.TimeoutError);
    assertEquals(error.message, "timed out");
    assert(silent.fileno() >= 0);
  }
});

Deno.test("a handshake that arrives in small pieces is cancelled by the timeout", async () => {
  const [near, far] = await plainPair();
  await using slow = near;
  far.settimeout(0.1);
  let wrapping = true;
  const trickle = (async () => {
    for (const byte of [22, 3, 1, 0, 200, ...new Array(200).fill(1)]) {
      if (!wrapping) return;
      await settle(slow.send(Uint8Array.of(byte)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  const error = await within(settle(
    serverContext().wrap_socket(far, { server_side: true }),
  ));
  wrapping = false;
  assertInstanceOf(error, socket.OSError);
  await trickle;
});

Deno.test("a handshake is cancelled by an abort, and by a close", async () => {
  const [near, far] = await plainPair();
  await using silent = near;
  const controller = new AbortController();
  const wrapping = settle(
    clientContext().wrap_socket(far, {
      server_hostname: "localhost",
      signal: controller.signal,
    }),
  );
  assertEquals((await within(silent.recv(1)))[0], 22);
  controller.abort(new Error("stop"));
  assertEquals((await within(wrapping) as Error).message, "stop");

  const [other, end] = await plainPair();
  await using quiet = other;
  const sock = await serverContext().wrap_socket(end, {
    server_side: true,
    do_handshake_on_connect: false,
  });
  const shaking = settle(sock.do_handshake());
  const receiving = settle(sock.recv(1));
  const sending = settle(sock.sendall(bytes("secret")));
  sock.close();
  for (const call of [shaking, receiving]) {
    const error = await within<unknown>(call);
    assertInstanceOf(error, socket.OSError);
    assertEquals(error.code, "EBADF");
  }
  assertInstanceOf(await within(sending), socket.OSError);
  const rest = await within(settle(quiet.recv(100)));
  if (!(rest instanceof Error)) assertEquals(text(rest), "");
});

Deno.test("plain text before TLS is rejected, and not returned as decrypted", async () => {
  // As by someone in the middle, behind the answer to STARTTLS.
  const [near, far] = await plainPair();
  await using peer = near;
  await peer.sendall(bytes("220 go on\r\n250 injected\r\n"));
  assertEquals(text(await far.recv(11)), "220 go on\r\n");
  const error = await within(settle(
    clientContext().wrap_socket(far, { server_hostname: "localhost" }),
  ));
  assertInstanceOf(error, ssl.SSLError);
  assertEquals(error.reason, "WRONG_VERSION_NUMBER");
});

Deno.test("bytes of TLS that a socket has read ahead are not lost", async () => {
  const [near, far] = await plainPair();
  const client = clientContext().wrap_socket(near, {
    server_hostname: "localhost",
  });
  // One byte is asked for, to be looked at; all that came is queued.
  assertEquals((await within(far.recv(1, socket.MSG_PEEK)))[0], 22);
  await using server = await within(
    serverContext().wrap_socket(far, { server_side: true }),
  );
  await using sock = await within(client);
  assertEquals(sock.version(), server.version());
});

Deno.test("a closed socket cannot be wrapped, nor one that has not connected shake hands", async () => {
  const closed = socket.socket();
  closed.close();
  const error = await settle(
    clientContext().wrap_socket(closed, { server_hostname: "localhost" }),
  );
  assertInstanceOf(error, socket.OSError);
  assertEquals(error.code, "EBADF");

  await using sock = await clientContext().wrap_socket(socket.socket(), {
    server_hostname: "localhost",
  });
  for (
    const call of [
      () => sock.do_handshake(),
      () => sock.recv(1),
      () => sock.sendall(bytes("x")),
    ]
  ) {
    const error = await settle<unknown>(call());
    assertInstanceOf(error, socket.OSError);
    assertEquals(error.code, "ENOTCONN");
  }
});

Deno.test("the error of a failed handshake contains no key", async () => {
  const server = serverContext();
  const outcomes = await handshake({ server, host: "other.test" });
  for (const outcome of outcomes) {
    assertInstanceOf(outcome, Error);
    assert(!Deno.inspect(outcome, { depth: 10 }).includes("PRIVATE KEY"));
  }
});
