import { assertEquals, assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import {
  bytes,
  handshake,
  only,
  plainPair,
  receiveAll,
  serverContext,
  settle,
  text,
  tlsPair,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

const family = socket.AF_UNIX;
const { TLSv1_2, TLSv1_3 } = ssl.TLSVersion;

for (const version of [TLSv1_2, TLSv1_3]) {
  Deno.test(`wrap_socket() over a pair in memory, version ${version}`, async () => {
    const server = serverContext("server", only(version));
    await using pair = await tlsPair({ server, family });
    assertEquals(pair.client.family, family);
    const data = crypto.getRandomValues(new Uint8Array(65536));
    const sending = (async () => {
      for (let i = 0; i < 50; i++) await pair.client.sendall(data);
      await pair.client.shutdown(socket.SHUT_WR);
    })();
    const received = await within(receiveAll(pair.server));
    await sending;
    assertEquals(received.length, 50 * data.length);
    assertEquals(received.subarray(-data.length), data);
    await pair.server.sendall(bytes("answer"));
    assertEquals(text(await within(pair.client.recv(10))), "answer");
  });
}

Deno.test("wrap_socket() over a pair in memory fails as it does over TCP", async () => {
  const [client, server] = await handshake({ family, host: "other.test" });
  assertInstanceOf(client, ssl.SSLCertVerificationError);
  assertInstanceOf(server, ssl.SSLError);
  assertEquals(server.reason, "SSLV3_ALERT_BAD_CERTIFICATE");
});

Deno.test("close() of a client in memory that has only sent loses nothing", async () => {
  await using pair = await tlsPair({ family });
  const received = receiveAll(pair.server);
  await within(pair.client.sendall(new Uint8Array(1_000_000)));
  await pair.client[Symbol.asyncDispose]();
  assertEquals((await within(received)).length, 1_000_000);
});

Deno.test("unwrap() in memory gives the plain pair back", async () => {
  await using pair = await tlsPair({ family });
  const [client, server] = await within(
    Promise.all([pair.client.unwrap(), pair.server.unwrap()]),
  );
  await using near = client;
  await using far = server;
  await near.sendall(bytes("plain"));
  assertEquals(text(await within(far.recv(10))), "plain");
});

Deno.test("a peer in memory that is not read from blocks the sender", async () => {
  await using pair = await tlsPair({ family });
  pair.client.settimeout(0.1);
  const outcome = await settle(pair.client.sendall(new Uint8Array(4_000_000)));
  assertInstanceOf(outcome, socket.TimeoutError);
});

Deno.test("a handshake in memory with a closed peer fails", async () => {
  const [near, far] = await plainPair(family);
  far.close();
  const error = await within(settle(
    serverContext().wrap_socket(near, { server_side: true }),
  ));
  assertInstanceOf(error, socket.OSError);
});
