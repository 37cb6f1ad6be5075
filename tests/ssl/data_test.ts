import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import * as ssl from "@pystd/socket/ssl";
import {
  bytes,
  clientContext,
  only,
  plainPair,
  receiveAll,
  type RelayedPair,
  relayedPair,
  serverContext,
  settle,
  text,
  tlsPair,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

const MB = 1024 * 1024;
const { TLSv1_2, TLSv1_3 } = ssl.TLSVersion;
const forty = new Uint8Array(40);

/** Bytes of which no two pieces are alike. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) {
    crypto.getRandomValues(data.subarray(at, Math.min(size, at + 65536)));
  }
  return data;
}

async function digest(data: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", data as BufferSource);
  return new Uint8Array(hash).toString();
}

for (const version of [TLSv1_2, TLSv1_3]) {
  Deno.test(`sendall() and recv() carry 8 MB both ways at once, version ${version}`, async () => {
    await using pair = await tlsPair({
      server: serverContext("server", only(version)),
    });
    const [there, back] = [noise(8 * MB), noise(8 * MB)];
    const send = async (from: ssl.SSLSocket, data: Uint8Array) => {
      await from.sendall(data);
      await from.shutdown(socket.SHUT_WR);
    };
    const [atServer, atClient] = await within(
      Promise.all([
        receiveAll(pair.server),
        receiveAll(pair.client),
        send(pair.client, there),
        send(pair.server, back),
      ]),
    );
    assertEquals(await digest(atServer), await digest(there));
    assertEquals(await digest(atClient), await digest(back));
  });
}

Deno.test("recv() returns up to bufsize bytes, recv_into() fills a part", async () => {
  await using pair = await tlsPair();
  await pair.client.sendall(bytes("hello, world"));
  assertEquals(text(await pair.server.recv(5)), "hello");
  const buffer = new Uint8Array(4);
  assertEquals(await pair.server.recv_into(buffer, 2), 2);
  assertEquals(text(buffer.subarray(0, 2)), ", ");
  assertEquals(pair.server.pending(), 5);
  assertEquals(text(await pair.server.recv(100)), "world");
  assertEquals(pair.server.pending(), 0);
});

Deno.test("read() and write() work as in Python, and as those of Socket", async () => {
  await using pair = await tlsPair();
  assertEquals(await pair.client.write(bytes("0123456789")), 10);
  assertEquals(text(await pair.server.read(3)), "012");
  const buffer = new Uint8Array(10);
  assertEquals(await pair.server.read(2, buffer), 2);
  assertEquals(text(buffer.subarray(0, 2)), "34");
  assertEquals(await pair.server.read(buffer.subarray(0, 1)), 1);
  assertEquals(text(await pair.server.read()), "6789");
  await pair.client.shutdown(socket.SHUT_WR);
  assertEquals((await pair.server.read()).length, 0);
  assertEquals(await pair.server.read(2, buffer), 0);
  assertEquals(await pair.server.read(buffer), null);
  await assertRejects(() => pair.server.read(-1), RangeError);
});

Deno.test("shutdown(SHUT_WR) ends one direction, in order, and leaves the other", async () => {
  await using pair = await tlsPair();
  const sent = pair.client.sendall(new Uint8Array(MB));
  const shut = pair.client.shutdown(socket.SHUT_WR);
  assertEquals((await within(receiveAll(pair.server))).length, MB);
  await within(Promise.all([sent, shut]));
  await assertRejects(
    () => pair.client.sendall(bytes("more")),
    socket.BrokenPipeError,
  );
  await pair.server.sendall(bytes("answer"));
  await pair.server.shutdown(socket.SHUT_WR);
  assertEquals(text(await within(receiveAll(pair.client))), "answer");
});

Deno.test("makefile() reads and writes lines", async () => {
  await using pair = await tlsPair();
  const writer = pair.client.makefile("w", null, { encoding: "utf-8" });
  await writer.write("first\nsecond\n");
  await writer.close();
  await pair.client.shutdown(socket.SHUT_WR);
  const reader = pair.server.makefile("r");
  const lines: string[] = [];
  for await (const line of reader) lines.push(line);
  await reader.close();
  assertEquals(lines, ["first\n", "second\n"]);
});

Deno.test("readable and writable carry streams", async () => {
  await using pair = await tlsPair();
  const data = noise(MB);
  const sent = new Blob([data]).stream().pipeTo(pair.client.writable);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of pair.server.readable) parts.push(part);
  await within(sent);
  const received = await new Blob(parts).arrayBuffer();
  assertEquals(await digest(new Uint8Array(received)), await digest(data));
});

Deno.test("sendfile() sends a file", async () => {
  await using pair = await tlsPair();
  const data = noise(300_000);
  let at = 0;
  const file = {
    read(target: Uint8Array): Promise<number | null> {
      const part = data.subarray(at, at + target.length);
      target.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    },
  };
  const sent = pair.client.sendfile(file)
    .then(() => pair.client.shutdown(socket.SHUT_WR));
  const received = await within(receiveAll(pair.server));
  await sent;
  assertEquals(await digest(received), await digest(data));
});

Deno.test("recv() returns late data to the next call after a timeout", async () => {
  await using pair = await tlsPair();
  pair.server.settimeout(0.02);
  await assertRejects(() => pair.server.recv(10), socket.TimeoutError);
  await pair.client.sendall(bytes("late"));
  pair.server.settimeout(60);
  assertEquals(text(await pair.server.recv(10)), "late");
});

Deno.test("recv() returns late data to the next call after an abort", async () => {
  await using pair = await tlsPair();
  const controller = new AbortController();
  const aborted = settle(pair.server.recv(10, { signal: controller.signal }));
  const next = pair.server.recv(10);
  controller.abort(new Error("stop"));
  assertEquals((await aborted as Error).message, "stop");
  await pair.client.sendall(bytes("late"));
  assertEquals(text(await within(next)), "late");
});

Deno.test("recv() loses nothing to timeouts at every moment", async () => {
  await using pair = await tlsPair();
  const data = noise(200_000);
  const sending = (async () => {
    for (let at = 0; at < data.length; at += 1000) {
      await pair.client.sendall(data.subarray(at, at + 1000));
      await new Promise((resolve) => setTimeout(resolve, at % 3000 / 1000));
    }
    await pair.client.shutdown(socket.SHUT_WR);
  })();
  pair.server.settimeout(0.001);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const part = await settle(pair.server.recv(777));
    if (part instanceof Error) {
      assertInstanceOf(part, socket.TimeoutError);
      continue;
    }
    if (part.length === 0) break;
    parts.push(part);
  }
  await sending;
  const received = new Uint8Array(await new Blob(parts).arrayBuffer());
  assertEquals(await digest(received), await digest(data));
});

Deno.test("send() commits the bytes that a timeout leaves pending", async () => {
  await using pair = await tlsPair();
  const data = noise(40 * MB);
  pair.client.settimeout(0.05);
  let taken = 0;
  for (;;) {
    const n = await settle(pair.client.send(data.subarray(taken, taken + MB)));
    if (n instanceof Error) {
      assertInstanceOf(n, socket.TimeoutError);
      break;
    }
    taken += n;
  }
  // The buffers of the kernel are full, and nothing else holds any of it.
  assertLess(taken, 30 * MB);
  const received = receiveAll(pair.server);
  pair.client.settimeout(null);
  await within(pair.client.sendall(data.subarray(taken, taken + MB)));
  await pair.client.shutdown(socket.SHUT_WR);
  assertEquals(
    await digest(await within(received)),
    await digest(data.subarray(0, taken + MB)),
  );
});

Deno.test("a non-blocking socket reports whether it wants to read or to write", async () => {
  await using pair = await tlsPair();
  pair.server.setblocking(false);
  const error = await settle(pair.server.recv(10));
  assertInstanceOf(error, ssl.SSLWantReadError);
  assertInstanceOf(error, ssl.SSLError);
  assertInstanceOf(error, socket.BlockingIOError);
  assertInstanceOf(error, socket.OSError);
  assertEquals(error.errno, ssl.SSL_ERROR_WANT_READ);
  assertEquals(error.code, "SSL_ERROR_WANT_READ");
  assertEquals(error.message, "The operation did not complete (read)");
  await pair.client.sendall(bytes("hello"));
  await within(select([pair.server], [], []));
  assertEquals(text(await pair.server.recv(10)), "hello");

  pair.client.setblocking(false);
  let outcome: number | Error = 0;
  while (!(outcome instanceof Error)) {
    outcome = await settle(pair.client.send(new Uint8Array(MB)));
  }
  assertInstanceOf(outcome, ssl.SSLWantWriteError);
  assertInstanceOf(outcome, socket.BlockingIOError);
  assertEquals(outcome.message, "The operation did not complete (write)");
  assertEquals((await select([], [pair.client], [], 0))[1].length, 0);
});

Deno.test("do_handshake() of a non-blocking socket goes on with select()", async () => {
  const [near, far] = await plainPair();
  near.setblocking(false);
  far.setblocking(false);
  const later = { do_handshake_on_connect: false };
  await using client = await clientContext().wrap_socket(near, {
    server_hostname: "localhost",
    ...later,
  });
  await using server = await serverContext().wrap_socket(far, {
    server_side: true,
    ...later,
  });
  // As Python's documentation does it.
  const shake = async (sock: ssl.SSLSocket) => {
    let waits = 0;
    for (;;) {
      try {
        await sock.do_handshake();
        return waits;
      } catch (error) {
        waits++;
        if (error instanceof ssl.SSLWantReadError) await select([sock], [], []);
        else if (error instanceof ssl.SSLWantWriteError) {
          await select([], [sock], []);
        } else throw error;
      }
    }
  };
  const [waits] = await within(Promise.all([shake(client), shake(server)]));
  assert(waits > 0);
  assertEquals(client.version(), "TLSv1.3");
});

Deno.test("select() notices bytes that are already decrypted", async () => {
  await using pair = await tlsPair();
  await pair.client.sendall(bytes("hello"));
  assertEquals(text(await pair.server.recv(1)), "h");
  assertEquals(pair.server.pending(), 4);
  const [readable] = await select([pair.server], [], [], 0);
  assert(readable[0] === pair.server);
  assertEquals(text(await pair.server.recv(10)), "ello");
  assertEquals((await select([pair.server], [], [], 0))[0], []);
});

Deno.test("select() does not report a session ticket as readable", async () => {
  await using pair = await tlsPair();
  // The server's tickets have come with TLS 1.3, and no data.
  assertEquals((await select([pair.client], [], [], 0.1))[0], []);
});

const refused: [name: string, call: (s: ssl.SSLSocket) => Promise<unknown>][] =
  [
    ["recv() with MSG_PEEK", (s) => s.recv(1, socket.MSG_PEEK)],
    [
      "recv_into() with MSG_WAITALL",
      (s) => s.recv_into(new Uint8Array(1), 1, socket.MSG_WAITALL),
    ],
    ["send() with flags", (s) => s.send(bytes("x"), socket.MSG_DONTWAIT)],
    ["sendall() with flags", (s) => s.sendall(bytes("x"), 1)],
    ["recvfrom()", (s) => (s as socket.Socket).recvfrom(1)],
    [
      "recvfrom_into()",
      (s) => (s as socket.Socket).recvfrom_into(new Uint8Array(1)),
    ],
    [
      "sendto()",
      (s) => (s as socket.Socket).sendto(bytes("x"), ["127.0.0.1", 1]),
    ],
  ];

for (const [name, call] of refused) {
  Deno.test(`${name} fails with a RangeError`, async () => {
    await using pair = await tlsPair();
    await assertRejects(() => call(pair.client), RangeError, "SSLSocket");
  });
}

Deno.test("a duplicate and a file made before wrap_socket() send no plain text", async () => {
  const [near, far] = await plainPair();
  using duplicate = near.dup();
  const file = near.makefile("wb");
  const [client, server] = await within(Promise.all([
    clientContext().wrap_socket(near, { server_hostname: "localhost" }),
    serverContext().wrap_socket(far, { server_side: true }),
  ]));
  await duplicate.sendall(bytes("one"));
  assertEquals(text(await within(server.recv(10))), "one");
  await file.write(bytes("two"));
  await file.flush();
  assertEquals(text(await within(server.recv(10))), "two");
  await file.close();
  await client[Symbol.asyncDispose]();
  await duplicate[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

Deno.test("dup(), sendmsg() and recvmsg() fail with EOPNOTSUPP", async () => {
  await using pair = await tlsPair();
  const plain: socket.Socket = pair.client;
  const calls: (() => Promise<unknown>)[] = [
    () => plain.sendmsg([bytes("x")]),
    () => plain.recvmsg(1),
    () => plain.recvmsg_into([new Uint8Array(1)]),
  ];
  for (const call of calls) {
    const error = await settle(call());
    assertInstanceOf(error, socket.OSError);
    assertEquals(error.code, "EOPNOTSUPP");
  }
  assertThrows(() => pair.client.dup(), socket.OSError, "dup()");
});

for (const suppress of [true, false]) {
  const outcome = suppress ? "an end like any other" : "SSLEOFError";

  Deno.test(`a ragged end is ${outcome} with suppress_ragged_eofs ${suppress}`, async () => {
    await using pair = await relayedPair({
      clientOptions: { suppress_ragged_eofs: suppress },
    });
    await pair.server.sendall(bytes("hello"));
    assertEquals(text(await within(pair.client.recv(10))), "hello");
    await pair.toClient.shutdown(socket.SHUT_WR);
    const received = await within(settle(pair.client.recv(10)));
    if (suppress) {
      assertEquals((received as Uint8Array).length, 0);
      return;
    }
    assertInstanceOf(received, ssl.SSLEOFError);
    assertEquals(received.errno, ssl.SSL_ERROR_EOF);
    assertEquals(received.code, "SSL_ERROR_EOF");
    assertEquals(received.reason, "UNEXPECTED_EOF_WHILE_READING");
  });

  Deno.test(`close_notify is an end with suppress_ragged_eofs ${suppress}`, async () => {
    await using pair = await relayedPair({
      clientOptions: { suppress_ragged_eofs: suppress },
    });
    await pair.server.shutdown(socket.SHUT_WR);
    assertEquals((await within(pair.client.recv(10))).length, 0);
  });

  Deno.test(`close() sends close_notify, seen with suppress_ragged_eofs ${suppress}`, async () => {
    await using pair = await tlsPair({
      clientOptions: { suppress_ragged_eofs: suppress },
    });
    await pair.server.sendall(new Uint8Array(100_000));
    pair.server.close();
    assertEquals((await within(receiveAll(pair.client))).length, 100_000);
  });
}

Deno.test("recv() fails with a record that was cut in two", async () => {
  await using pair = await relayedPair({
    clientOptions: { suppress_ragged_eofs: false },
  });
  pair.alter((data) => data.subarray(0, data.length - 5));
  await pair.server.sendall(new Uint8Array(1000));
  await pair.server.shutdown(socket.SHUT_WR);
  const error = await within(settle(receiveAll(pair.client)));
  assertInstanceOf(error, ssl.SSLError);
});

Deno.test("recv() fails with a record that was changed, and so does the peer", async () => {
  await using pair = await relayedPair();
  pair.alter((data) => {
    data[data.length - 1]! ^= 1;
    return data;
  });
  await pair.server.sendall(bytes("hello"));
  const error = await within(settle(pair.client.recv(10)));
  assertInstanceOf(error, ssl.SSLError);
  assertEquals(error.reason, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC");
  // Only TLS has failed, so a log can still name the peer.
  assertEquals(pair.client.getpeername().length, 2);
  const atPeer = await within(settle(pair.server.recv(10)));
  assertInstanceOf(atPeer, ssl.SSLError);
  assertEquals(atPeer.reason, "SSLV3_ALERT_BAD_RECORD_MAC");
});

Deno.test("recv() returns the bytes before a changed record", async () => {
  await using pair = await relayedPair();
  await pair.server.sendall(bytes("good"));
  assertEquals(text(await within(pair.client.recv(2))), "go");
  pair.alter((data) => {
    data[10]! ^= 1;
    return data;
  });
  await pair.server.sendall(bytes("bad"));
  assertEquals(text(await within(pair.client.recv(10))), "od");
  await within(assertRejects(() => pair.client.recv(10), ssl.SSLError));
});

Deno.test("recv() fails with junk in place of a record", async () => {
  for (
    const junk of [
      "HTTP/1.1 200 OK\r\n",
      "\x17\x03\x03\xff\xff" + "x".repeat(99),
    ]
  ) {
    await using pair = await relayedPair();
    pair.alter(() => Uint8Array.from(junk, (each) => each.charCodeAt(0)));
    await pair.server.sendall(bytes("hello"));
    const error = await within(settle(pair.client.recv(10)));
    assertInstanceOf(error, ssl.SSLError);
  }
});

Deno.test("calls fail as on any socket when the connection is reset", async () => {
  await using pair = await relayedPair();
  const received = settle(pair.client.recv(10));
  // Closed with bytes unread, the kernel resets.
  pair.toClient.close();
  const error = await within(received);
  if (error instanceof Error) assertInstanceOf(error, socket.OSError);
  let sent: unknown = null;
  while (!(sent instanceof Error)) {
    sent = await within(settle(pair.client.send(new Uint8Array(65536))));
  }
  assertInstanceOf(sent, socket.ConnectionError);
});

Deno.test("close() rejects pending calls with EBADF, and sends committed bytes", async () => {
  await using pair = await tlsPair();
  const received = settle(pair.client.recv(10));
  const sent = pair.client.sendall(new Uint8Array(MB));
  pair.client.close();
  const error = await within(received);
  assertInstanceOf(error, socket.OSError);
  assertEquals(error.code, "EBADF");
  assertEquals(pair.client.fileno(), -1);
  assertEquals((await within(receiveAll(pair.server))).length, MB);
  await within(sent);
  await assertRejects(() => pair.client.recv(1), socket.OSError, "Bad file");
  assertThrows(() => pair.client.getpeercert(), socket.OSError, "Bad file");
});

Deno.test("close() of a client that has only sent loses nothing", async () => {
  // Its server's tickets are unread then: a plain close would be a reset.
  const data = noise(8 * MB);
  await using pair = await tlsPair();
  const received = receiveAll(pair.server);
  await within(pair.client.sendall(data));
  await pair.client[Symbol.asyncDispose]();
  assertEquals(
    await digest(await within(received)),
    await digest(data),
  );
});

Deno.test("a peer that is not read from fills no memory", async () => {
  await using pair = await tlsPair();
  const data = new Uint8Array(MB);
  let sent = 0;
  pair.server.settimeout(0.2);
  while (sent < 100) {
    const outcome = await settle(pair.server.sendall(data));
    if (outcome instanceof Error) break;
    sent++;
  }
  // Nothing is read before somebody asks, so the sender has to wait.
  assertLess(sent, 30);
  assertEquals(pair.client.pending(), 0);
  assertEquals((await pair.client.recv(1)).length, 1);
  assertLess(pair.client.pending(), 300_000);
});

for (const version of [TLSv1_2, TLSv1_3]) {
  Deno.test(`unwrap() ends TLS both ways, and plain text goes on, version ${version}`, async () => {
    await using pair = await tlsPair({
      server: serverContext("server", only(version)),
    });
    pair.client.settimeout(7);
    const fileno = pair.client.fileno();
    await pair.client.sendall(bytes("secret"));
    assertEquals(text(await pair.server.recv(10)), "secret");
    const ending = (async () => {
      // The peer's half comes first; the plain text follows in one piece.
      assertEquals((await pair.server.recv(10)).length, 0);
      const plain = await pair.server.unwrap();
      await plain.sendall(bytes("plain"));
      return plain;
    })();
    await using client = await within(pair.client.unwrap());
    await using server = await within(ending);
    assert(!(client instanceof ssl.SSLSocket));
    assertEquals(client.fileno(), fileno);
    assertEquals(client.gettimeout(), 7);
    assertEquals(pair.client.fileno(), -1);
    assertEquals(text(await within(client.recv(10))), "plain");
    await client.sendall(bytes("answer"));
    assertEquals(text(await within(server.recv(10))), "answer");
  });
}

/**
 * Keeps what the server sends in the middle, until `isAll` says that it is all
 * there; then the client gets it in one piece.
 */
function passAtOnce(
  { alter, toClient }: RelayedPair,
  isAll: (held: Uint8Array) => boolean,
): Promise<void> {
  const all = Promise.withResolvers<Uint8Array>();
  const pieces: number[] = [];
  alter((data) => {
    pieces.push(...data);
    const held = Uint8Array.from(pieces);
    if (isAll(held)) all.resolve(held);
    return new Uint8Array(0);
  });
  return within(all.promise.then((held) => toClient.sendall(held)));
}

Deno.test("close() of a client waits for the tickets of a server that is busy", async () => {
  const [near, toClient] = await plainPair();
  const [far, toServer] = await plainPair();
  const release = Promise.withResolvers<void>();
  const upwards = (async () => {
    // The ClientHello passes; the server gets the rest when it has time.
    await toServer.sendall(await toClient.recv(65536));
    await release.promise;
    for (let data; (data = await toClient.recv(65536)).length > 0;) {
      await toServer.sendall(data);
    }
    await toServer.shutdown(socket.SHUT_WR);
  })();
  const downwards = (async () => {
    for (let data; (data = await toServer.recv(65536)).length > 0;) {
      await toClient.sendall(data);
    }
  })();
  const wrapping = serverContext().wrap_socket(far, { server_side: true });
  const client = await within(
    clientContext().wrap_socket(near, { server_hostname: "localhost" }),
  );
  assertEquals(client.version(), "TLSv1.3");
  await client.sendall(bytes("data"));
  let isClosed = false;
  const closing = client[Symbol.asyncDispose]().then(() => isClosed = true);
  // Longer than it once waited; a client that has closed would never know.
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assertEquals(isClosed, false);
  release.resolve();
  await using server = await within(wrapping);
  assertEquals(text(await within(receiveAll(server))), "data");
  await within(Promise.all([closing, upwards]));
  await server[Symbol.asyncDispose]();
  await within(downwards);
  await toClient[Symbol.asyncDispose]();
  await toServer[Symbol.asyncDispose]();
});

for (const version of [TLSv1_2, TLSv1_3]) {
  const server = serverContext("server", only(version));

  Deno.test(`unwrap() leaves plain text that arrived with the end of TLS, version ${version}`, async () => {
    await using pair = await relayedPair({ server });
    await pair.server.sendall(bytes("first"));
    assertEquals(text(await within(pair.client.recv(10))), "first");
    const passing = passAtOnce(pair, (held) => text(held).endsWith("plain"));
    const unwrapping = pair.client.unwrap();
    await using plain = await within(pair.server.unwrap());
    await plain.sendall(bytes("plain"));
    await passing;
    await using rest = await within(unwrapping);
    assertEquals(text(await within(rest.recv(10))), "plain");
  });

  Deno.test(`recv() returns the data that arrived with an alert, version ${version}`, async () => {
    await using pair = await relayedPair({ server });
    await pair.server.sendall(bytes("first"));
    assertEquals(text(await within(pair.client.recv(10))), "first");
    let sent = 0;
    const passing = passAtOnce(pair, (held) => sent++ > 0 && held.length > 50);
    await pair.server.sendall(bytes("data before the alert"));
    // To a changed record the server answers with an alert.
    await pair.toServer.sendall(Uint8Array.from([23, 3, 3, 0, 40, ...forty]));
    assertInstanceOf(await within(settle(pair.server.recv(10))), ssl.SSLError);
    await passing;
    assertEquals(
      text(await within(pair.client.recv(50))),
      "data before the alert",
    );
    const error = await within(settle(pair.client.recv(50)));
    assertInstanceOf(error, ssl.SSLError);
    assertEquals(error.reason, "SSLV3_ALERT_BAD_RECORD_MAC");
  });
}

Deno.test("unwrap() works on both ends at once", async () => {
  await using pair = await tlsPair();
  const [client, server] = await within(
    Promise.all([pair.client.unwrap(), pair.server.unwrap()]),
  );
  await using near = client;
  await using far = server;
  await near.sendall(bytes("plain"));
  assertEquals(text(await within(far.recv(10))), "plain");
});

Deno.test("unwrap() waits for the peer within the timeout, and again", async () => {
  await using pair = await tlsPair();
  pair.client.settimeout(0.05);
  await assertRejects(() => pair.client.unwrap(), socket.TimeoutError);
  await using server = await within(pair.server.unwrap());
  pair.client.settimeout(60);
  await using client = await within(pair.client.unwrap());
  await client.sendall(bytes("plain"));
  assertEquals(text(await within(server.recv(10))), "plain");
});

for (const name of ["SHUT_WR", "SHUT_RDWR"] as const) {
  Deno.test(`shutdown(${name}) after an unwrap() that timed out half-closes the connection`, async () => {
    await using pair = await tlsPair();
    pair.client.settimeout(0.05);
    await assertRejects(() => pair.client.unwrap(), socket.TimeoutError);
    await within(pair.client.shutdown(socket[name]));
    await using server = await within(pair.server.unwrap());
    assertEquals(text(await within(server.recv(10))), "");
  });
}

Deno.test("unwrap() with a signal that has aborted does nothing", async () => {
  await using pair = await tlsPair();
  const signal = AbortSignal.abort(new Error("stop"));
  await assertRejects(() => pair.client.unwrap({ signal }), Error, "stop");
  await pair.client.sendall(bytes("on"));
  assertEquals(text(await within(pair.server.recv(9))), "on");
});

Deno.test("unwrap() fails if the peer sends data, or has closed", async () => {
  {
    await using pair = await tlsPair();
    await pair.server.sendall(bytes("data"));
    const error = await within(settle(pair.client.unwrap()));
    assertInstanceOf(error, ssl.SSLError);
    assertEquals(error.reason, "APPLICATION_DATA_AFTER_CLOSE_NOTIFY");
  }
  {
    await using pair = await relayedPair();
    const ending = settle(pair.client.unwrap());
    await pair.toClient.shutdown(socket.SHUT_WR);
    assertInstanceOf(await within(ending), ssl.SSLEOFError);
    // It is still the socket's own, to be closed.
    assert(pair.client.fileno() >= 0);
  }
});

Deno.test("wrap_socket() after unwrap() speaks TLS again", async () => {
  await using pair = await tlsPair();
  const [client, server] = await within(
    Promise.all([pair.client.unwrap(), pair.server.unwrap()]),
  );
  const [near, far] = await within(Promise.all([
    clientContext().wrap_socket(client, { server_hostname: "localhost" }),
    serverContext("rsa").wrap_socket(server, { server_side: true }),
  ]));
  await using again = near;
  await using other = far;
  await again.sendall(bytes("again"));
  assertEquals(text(await other.recv(10)), "again");
});

Deno.test("options of the socket apply to the connection under TLS", async () => {
  await using pair = await tlsPair();
  const { IPPROTO_TCP, SOL_SOCKET, TCP_NODELAY, SO_KEEPALIVE } = socket;
  pair.client.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
  pair.client.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
  assertEquals(pair.client.getsockopt(IPPROTO_TCP, TCP_NODELAY), 1);
  assertEquals(pair.client.getsockopt(SOL_SOCKET, socket.SO_ERROR), 0);
});
