import { assert } from "@std/assert";
import type * as socket from "@pystd/socket";
import { tcpPair } from "../support/pair.ts";

const encode = (text: string) => new TextEncoder().encode(text);

interface Ends {
  client: socket.Socket;
  peer: socket.Socket;
}

/** A file object, and a call that is answered at once. */
type Prepared = [{ close(): Promise<void> }, () => Promise<unknown>];

/** Calls that are answered at once, however often they are made. */
const calls: [string, (ends: Ends) => Promise<Prepared>][] = [
  ["readline() of buffered lines", async ({ client, peer }) => {
    await peer.sendall(encode("\n".repeat(8000)));
    const file = client.makefile("r", 8192);
    return [file, () => file.readline()];
  }],
  ["for await over buffered lines", async ({ client, peer }) => {
    await peer.sendall(encode("\n".repeat(8000)));
    const file = client.makefile("rb", 8192);
    const lines = file[Symbol.asyncIterator]();
    return [file, () => lines.next()];
  }],
  ["read(1) of buffered bytes", async ({ client, peer }) => {
    await peer.sendall(new Uint8Array(8000));
    const file = client.makefile("rb", 8192);
    return [file, () => file.read(1)];
  }],
  ["readinto() of buffered bytes", async ({ client, peer }) => {
    await peer.sendall(new Uint8Array(8000));
    const file = client.makefile("rb", 8192);
    const target = new Uint8Array(1);
    return [file, () => file.readinto(target)];
  }],
  ["peek()", async ({ client, peer }) => {
    await peer.sendall(new Uint8Array(10));
    const file = client.makefile("rb");
    return [file, () => file.peek()];
  }],
  ["read(0)", async ({ client }) => {
    const file = client.makefile("rb");
    await file.read(0);
    return [file, () => file.read(0)];
  }],
  ["read1() at the end of the stream", async ({ client, peer }) => {
    peer.close();
    const file = client.makefile("rb");
    await file.read();
    return [file, () => file.read1()];
  }],
  ["readline() at the end of the stream", async ({ client, peer }) => {
    peer.close();
    const file = client.makefile("r");
    await file.read();
    return [file, () => file.readline()];
  }],
  ["readline() without a buffer at the end", async ({ client, peer }) => {
    peer.close();
    const file = client.makefile("rb", 0);
    await file.read();
    return [file, () => file.readline()];
  }],
  ["write() of nothing", async ({ client }) => {
    const file = client.makefile("wb");
    await file.flush();
    return [file, () => file.write(new Uint8Array(0))];
  }],
  ["flush() of nothing", async ({ client }) => {
    const file = client.makefile("w");
    await file.flush();
    return [file, () => file.flush()];
  }],
  ["read() that would block", async ({ client }) => {
    client.setblocking(false);
    const file = client.makefile("rb");
    await file.read(1);
    return [file, () => file.read(1)];
  }],
  ["read() of a closed file", async ({ client }) => {
    const file = client.makefile("rb");
    await file.close();
    return [file, () => file.read(1).catch(() => {})];
  }],
  ["write() of the wrong type", async ({ client }) => {
    const file = client.makefile("wb");
    await file.flush();
    const wrong = "text" as unknown as Uint8Array;
    return [file, () => file.write(wrong).catch(() => {})];
  }],
  ["read() of a file for writing", async ({ client }) => {
    const file = client.makefile("wb");
    await file.flush();
    return [file, () => file.read(1).catch(() => {})];
  }],
];

/** Lets the event loop turn at least so often: the contract of the module. */
const CALLS = 256;

for (const [name, prepare] of calls) {
  Deno.test(`${name} lets the event loop turn`, async () => {
    await using pair = await tcpPair();
    const [file, call] = await prepare(pair);
    await call();
    let turns = 0;
    let immediate = setImmediate(function count() {
      turns++;
      immediate = setImmediate(count);
    });
    // Each turn of the event loop allows so many calls.
    for (let i = 0; i < 10 * CALLS; i++) await call();
    clearImmediate(immediate);
    await file.close();
    assert(turns >= 9, `${turns} turns`);
  });
}

Deno.test("concurrent calls settle in call order when the event loop has to turn", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await peer.sendall(encode("\n".repeat(5000)));
  const file = client.makefile("r", 8192);
  await file.readline();
  const order: number[] = [];
  const all: Promise<void>[] = [];
  for (let i = 0; i < 2000; i++) {
    const options = i % 7 === 0 ? {} : undefined;
    all.push(
      file.readline(undefined, options).then(() => {
        order.push(i);
      }),
    );
  }
  await Promise.all(all);
  assert(order.every((each, i) => each === i));
  await file.close();
});
