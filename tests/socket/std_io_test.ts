import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { copy, readAll, writeAll } from "@std/io";
import { decode, encode } from "../support/bytes.ts";
import { tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

Deno.test("read() and write() are a Reader and a Writer of @std/io", async () => {
  await using pair = await tcpPair();
  const echoed = copy(pair.peer, pair.peer).then(() =>
    pair.peer.shutdown(socket.SHUT_WR)
  );
  const sent = new Uint8Array(300_000).fill(5);
  const back = readAll(pair.client);
  await writeAll(pair.client, sent);
  await pair.client.shutdown(socket.SHUT_WR);
  assertEquals(await within(back), sent);
  await within(echoed);
  assertEquals(await pair.client.read(new Uint8Array(1)), null);
});

Deno.test("read() into no room returns 0, and null at the end; write() returns the number of bytes", async () => {
  await using pair = await tcpPair();
  assertEquals(await within(pair.peer.read(new Uint8Array(0))), 0);
  assertEquals(await pair.client.write(encode("abc")), 3);
  const two = new Uint8Array(2);
  assertEquals(await within(pair.peer.read(two)), 2);
  assertEquals(decode(two), "ab");
  pair.client.close();
  assertEquals(await within(pair.peer.read(two)), 1);
  assertEquals(await within(pair.peer.read(two)), null);
  assertEquals(await within(pair.peer.read(two)), null);
});

Deno.test("read() that times out or is closed rejects, as recv() does", async () => {
  await using pair = await tcpPair();
  pair.peer.settimeout(0.01);
  await assertRejects(
    () => pair.peer.read(new Uint8Array(1)),
    socket.TimeoutError,
  );
  pair.peer.close();
  const error = await assertRejects(
    () => pair.peer.read(new Uint8Array(1)),
    socket.OSError,
  );
  assertEquals(error.code, "EBADF");
});
