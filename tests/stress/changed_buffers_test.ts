import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { assertSameBytes, join } from "../support/bytes.ts";
import {
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

interface Change {
  readonly name: string;
  readonly resizable: boolean;
  apply(buffer: ArrayBuffer): void;
}

/** What becomes of the memory, as it may while a call waits. */
const changes: readonly Change[] = [
  {
    name: "shrunk",
    resizable: true,
    apply: (buffer) => buffer.resize(Math.ceil(buffer.byteLength / 4)),
  },
  { name: "emptied", resizable: true, apply: (buffer) => buffer.resize(0) },
  {
    name: "grown",
    resizable: true,
    apply: (buffer) => buffer.resize(buffer.maxByteLength),
  },
  {
    name: "shrunk and grown",
    resizable: true,
    apply(buffer) {
      const { byteLength } = buffer;
      buffer.resize(0);
      buffer.resize(byteLength);
    },
  },
  {
    name: "transferred",
    resizable: false,
    apply: (buffer) => void buffer.transfer(),
  },
  {
    name: "transferred from a resizable buffer",
    resizable: true,
    apply: (buffer) => void buffer.transferToFixedLength(),
  },
  {
    name: "transferred to nothing",
    resizable: false,
    apply: (buffer) => void buffer.transfer(0),
  },
  {
    name: "cloned away",
    resizable: false,
    apply: (buffer) => void structuredClone(buffer, { transfer: [buffer] }),
  },
];

/** A view that follows its buffer, and one that has its own length. */
function viewsOf(size: number, { resizable }: Change): Uint8Array[] {
  const make = () =>
    resizable
      ? new ArrayBuffer(size, { maxByteLength: 2 * size })
      : new ArrayBuffer(size);
  const views = [new Uint8Array(make(), 0, size)];
  if (resizable) views.push(new Uint8Array(make()));
  return views;
}

/** How a call is bounded, if at all: that decides who owns the memory. */
const bounds = ["no bound", "a timeout", "a signal"] as const;

function bound(
  s: socket.Socket,
  how: typeof bounds[number],
): socket.SignalOption {
  s.settimeout(how === "a timeout" ? 5 : null);
  if (how !== "a signal") return {};
  return { signal: new AbortController().signal };
}

type Into = (
  s: TcpSocket,
  view: Uint8Array,
  options: socket.SignalOption,
) => Promise<number | null>;

const receives: Readonly<Record<string, Into>> = {
  "recv_into()": (s, view, options) => s.recv_into(view, options),
  "recvfrom_into()": async (s, view, options) =>
    (await s.recvfrom_into(view, options))[0],
  "recvmsg_into()": async (s, view, options) =>
    (await s.recvmsg_into([view], options))[0],
  "read()": (s, view) => s.read(view),
};

const fileReceives: Readonly<Record<string, Into>> = {
  "SocketIO.readinto()": async (s, view, options) => {
    using file = s.makefile("rb", 0);
    return await file.readinto(view, options);
  },
  "BufferedReader.readinto1()": async (s, view, options) => {
    using file = s.makefile("rb", 4);
    const n = await file.readinto1(view, options);
    return n;
  },
};

/** The error of a call whose memory is not there any more. */
function assertOurs(error: unknown): void {
  assert(
    error instanceof TypeError || error instanceof RangeError ||
      error instanceof socket.OSError,
    String(error),
  );
}

const MESSAGE = new TextEncoder().encode("abcdefgh");

/** What a view holds, nothing if its memory is gone. */
function contentOf(view: Uint8Array): Uint8Array {
  return view.length === 0 ? new Uint8Array(0) : view.slice();
}

for (
  const [name, receive] of Object.entries({ ...receives, ...fileReceives })
) {
  Deno.test(`${name} loses no byte without an error when its buffer changes while it waits`, async () => {
    for (const change of changes) {
      for (const how of bounds) {
        for (const view of viewsOf(MESSAGE.length, change)) {
          const what = `${change.name}, with ${how}`;
          await using pair = await tcpPair();
          const { client, peer } = pair;
          const pending = receive(client, view, bound(client, how));
          const result = pending.catch((error) => error);
          change.apply(view.buffer as ArrayBuffer);
          await peer.sendall(MESSAGE);
          peer.close();
          const n: unknown = await within(result, what);
          let got = new Uint8Array(0);
          if (typeof n === "number") {
            assert(n > 0, `${what}: an end of the stream that is none`);
            got = contentOf(view).slice(0, n) as Uint8Array<ArrayBuffer>;
            assertEquals(got.length, n, what);
          } else assertOurs(n);
          // Without a timeout a receive may go straight to the memory, wherever that
          // is by now; the call must say so.
          const gone = !change.resizable && how !== "a timeout";
          if (gone && n instanceof TypeError) continue;
          client.settimeout(60);
          const all = join([got, await receiveToEnd(client)]);
          assertEquals(new TextDecoder().decode(all), "abcdefgh", what);
        }
      }
    }
  });
}

for (const [name, receive] of Object.entries(receives)) {
  Deno.test(`${name} of a datagram socket loses nothing when its buffer changes while it waits`, async () => {
    for (const change of changes) {
      for (const how of bounds) {
        for (const view of viewsOf(MESSAGE.length, change)) {
          const what = `${change.name}, with ${how}`;
          await using server = udpSocket();
          await using client = udpSocket();
          const pending = receive(server, view, bound(server, how));
          const result = pending.catch((error) => error);
          change.apply(view.buffer as ArrayBuffer);
          await client.sendto(MESSAGE, server.getsockname());
          const n: unknown = await within(result, what);
          if (typeof n === "number") {
            assertEquals(
              contentOf(view).slice(0, n),
              MESSAGE.slice(0, n),
              what,
            );
            // A datagram is cut to what its buffer holds.
            assertEquals(n, Math.min(view.length, MESSAGE.length), what);
          } else {
            assertOurs(n);
            server.settimeout(60);
            assertEquals(await server.recv(100), MESSAGE, what);
          }
        }
      }
    }
  });
}

/** How much is sent where the kernel is full. */
const LARGE = 1 << 20;

const sample = Uint8Array.from({ length: LARGE / 16 }, (_, i) => i % 251 + 1);

/** Sends until the kernel takes no more; how much that was. */
async function fill(s: TcpSocket): Promise<number> {
  s.settimeout(0);
  for (let sent = 0;;) {
    try {
      sent += await s.send(sample.subarray(sent % sample.length));
    } catch (error) {
      if (error instanceof socket.BlockingIOError) return sent;
      throw error;
    }
  }
}

type Send = (
  s: TcpSocket,
  data: Uint8Array,
  options: socket.SignalOption,
) => Promise<number | void>;

const sends: Readonly<Record<string, Send>> = {
  "send()": (s, data, options) => s.send(data, options),
  "sendall()": (s, data, options) => s.sendall(data, options),
  "sendmsg()": (s, data, options) => s.sendmsg([data], options),
};

// What is cut off and comes again is zeros, as if they had been written.
const lasting = changes.filter(({ name }) => name !== "shrunk and grown");

for (const [name, send] of Object.entries(sends)) {
  Deno.test(`${name} sends nothing else when its buffer changes while it waits`, async () => {
    for (const change of lasting) {
      for (const how of bounds) {
        const what = `${change.name}, with ${how}`;
        await using pair = await tcpPair();
        const { client, peer } = pair;
        const filled = await fill(client);
        const [view] = viewsOf(LARGE, change);
        const data = view!;
        const begin = filled % sample.length;
        for (let at = -begin; at < LARGE; at += sample.length) {
          const room = data.subarray(Math.max(at, 0), at + sample.length);
          const from = Math.max(-at, 0);
          room.set(sample.subarray(from, from + room.length));
        }
        const result = send(client, data, bound(client, how)).then(
          (n) => n ?? LARGE,
          (error) => error,
        );
        change.apply(data.buffer as ArrayBuffer);
        const receiving = receiveToEnd(peer);
        const n: unknown = await within(result, what);
        client.close();
        const got = await receiving;
        if (typeof n === "number") assertEquals(got.length, filled + n, what);
        else assertOurs(n);
        for (let at = 0; at < got.length; at += sample.length) {
          const part = got.subarray(at, at + sample.length);
          assertSameBytes(part, sample.subarray(0, part.length));
        }
      }
    }
  });
}

Deno.test("sendto() by name sends a datagram whole or not at all when its buffer changes while it waits", async () => {
  for (const change of changes) {
    for (const how of bounds) {
      const [view] = viewsOf(MESSAGE.length, change);
      const data = view!;
      data.set(MESSAGE);
      await using server = udpSocket();
      await using client = udpSocket();
      const options = bound(client, how);
      const [, port] = server.getsockname();
      const result = client.sendto(data, ["localhost", port], options)
        .catch((error) => error);
      change.apply(data.buffer as ArrayBuffer);
      const n: unknown = await within(result, change.name);
      if (typeof n !== "number") assertOurs(n);
      await client.sendto(new Uint8Array(0), ["127.0.0.1", port]);
      const got = await within(server.recv(100));
      if (typeof n !== "number") assertEquals(got.length, 0, change.name);
      else assertEquals(got.length, n, change.name);
    }
  }
});

Deno.test("recv_into() in the queue whose buffer has been transferred fails alone", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const first = client.recv(5);
  const target = new Uint8Array(100);
  const second = client.recv_into(target).catch((error) => error);
  target.buffer.transfer();
  const third = client.recv(5);
  await peer.sendall(MESSAGE);
  assertSameBytes(await within(first), MESSAGE.subarray(0, 5));
  await peer.sendall(MESSAGE);
  assertOurs(await within(second));
  assertSameBytes(await within(third), MESSAGE.subarray(5));
});

Deno.test("bytes for a closed recv_into() whose buffer was transferred fail with EFAULT for the next holder", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  // A small buffer is not what the read fills.
  const target = new Uint8Array(65_536);
  const ended = client.recv_into(target).catch((error) => error.code);
  await using file = client.makefile("rb");
  client.close();
  assertEquals(await within(ended), "EBADF");
  target.buffer.transfer();
  await peer.sendall(MESSAGE);
  const error: unknown = await within(file.read().catch((error) => error));
  assert(error instanceof socket.OSError);
  assertEquals(error.code, "EFAULT");
});
