import { assertEquals } from "@std/assert";
import type * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { DefaultSelector, EVENT_READ } from "@pystd/socket/selectors";
import { findDescriptor } from "../../../src/endpoint/description.ts";
import type { Endpoint } from "../../../src/endpoint/endpoint.ts";
import { tcpPair } from "../../support/pair.ts";
import { within } from "../../support/within.ts";

/** Counts how often the readiness of a socket is awaited at its endpoint. */
function countWaits(s: socket.Socket): () => number {
  const { endpoint } = findDescriptor(s.fileno())!.description;
  const whenReadable = endpoint.whenReadable.bind(endpoint);
  let waits = 0;
  (endpoint as { whenReadable: Endpoint["whenReadable"] }).whenReadable = (
    context,
  ) => {
    waits++;
    return whenReadable(context);
  };
  return () => waits;
}

Deno.test("select() in a loop leaves its waiter in the queue", async () => {
  await using pair = await tcpPair();
  const waits = countWaits(pair.peer);
  for (let n = 0; n < 10; n++) {
    assertEquals(await within(select([pair.peer], [], [], 0)), [[], [], []]);
  }
  assertEquals(waits(), 1);
  // Calls and selectors that run side by side share it.
  using sel = new DefaultSelector();
  sel.register(pair.peer, EVENT_READ);
  const pending = [select([pair.peer], [], []), select([pair.peer], [], [])];
  const selecting = sel.select();
  const [, writable] = await within(select([pair.peer], [pair.peer], []));
  assertEquals(writable.length, 1);
  assertEquals(waits(), 1);
  await pair.client.sendall(new Uint8Array(1));
  await within(Promise.all([...pending, selecting]));
  assertEquals(waits(), 1);

  // When it has settled, the next call needs another.
  await pair.peer.recv(1);
  assertEquals(await within(select([pair.peer], [], [], 0)), [[], [], []]);
  assertEquals(waits(), 2);
});

Deno.test("a receive behind the waiter of an earlier select() returns the bytes", async () => {
  await using pair = await tcpPair();
  await within(select([pair.peer], [], [], 0));
  const received = pair.peer.recv(10);
  await pair.client.sendall(new Uint8Array([1, 2]));
  assertEquals(await within(received), new Uint8Array([1, 2]));
  await pair.client.sendall(new Uint8Array([3]));
  assertEquals(await within(pair.peer.recv(10)), new Uint8Array([3]));
});

Deno.test("a duplicate is still polled when its original is closed", async () => {
  await using pair = await tcpPair();
  using copy = pair.peer.dup();
  await within(select([pair.peer, copy], [], [], 0));
  pair.peer.close();
  const waiting = select([copy], [], []);
  await pair.client.sendall(new Uint8Array(1));
  assertEquals((await within(waiting))[0].length, 1);
  await copy.recv(1);
});
