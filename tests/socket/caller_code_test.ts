import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../support/bytes.ts";
import { tcpPair, type TcpSocket, udpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

// Code of the program that runs inside a step of the module, such as a method of
// a `Uint8Array` subclass, a getter or a callback, may call the socket again. No
// byte may then be given twice, lost or reordered.

/** Bytes whose methods call `meddle` once, as those of a subclass may. */
function meddling(content: Uint8Array, meddle: () => void): Uint8Array {
  let armed = false;
  const call = () => {
    if (!armed) return;
    armed = false;
    meddle();
  };
  class Meddling extends Uint8Array {
    override set(array: ArrayLike<number>, offset?: number): void {
      call();
      super.set(array, offset);
    }
    override subarray(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
      call();
      return new Uint8Array(this.buffer as ArrayBuffer).subarray(begin, end);
    }
    override slice(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
      call();
      return super.slice(begin, end) as Uint8Array<ArrayBuffer>;
    }
    override get length(): number {
      call();
      return super.length;
    }
    override get byteLength(): number {
      call();
      return super.byteLength;
    }
  }
  const bytes = new Meddling(content.length);
  bytes.set(content);
  armed = true;
  return bytes;
}

/** Calls that receive into a buffer; the number of bytes. */
const receives: Record<
  string,
  (s: TcpSocket, buffer: Uint8Array) => Promise<number>
> = {
  "recv_into()": (s, buffer) => s.recv_into(buffer),
  "recv_into() of a part": (s, buffer) => s.recv_into(buffer, 3),
  "recv_into() with a timeout": (s, buffer) => {
    s.settimeout(60);
    return s.recv_into(buffer);
  },
  "recvfrom_into()": async (s, buffer) => (await s.recvfrom_into(buffer))[0],
  "recvmsg_into()": async (s, buffer) => (await s.recvmsg_into([buffer]))[0],
  "recvmsg_into() of two buffers": async (s, buffer) => {
    const [n] = await s.recvmsg_into([new Uint8Array(0), buffer]);
    return n;
  },
  "read()": async (s, buffer) => await s.read(buffer) ?? 0,
};
const SENT = "0123456789abcdefghij";

for (const [name, receive] of Object.entries(receives)) {
  for (const queued of [true, false]) {
    Deno.test(
      `${name} writes each byte once to a buffer whose getter receives too, ${
        queued ? "from the queue" : "from a read"
      }`,
      async () => {
        await using pair = await tcpPair();
        const { client, peer } = pair;
        const meddled: Promise<Uint8Array>[] = [];
        const buffer = meddling(
          new Uint8Array(4),
          () => meddled.push(client.recv(4)),
        );
        const send = () => peer.sendall(encode(SENT));
        if (queued) {
          await send();
          await client.recv(20, socket.MSG_PEEK | socket.MSG_WAITALL);
        }
        const receiving = receive(client, buffer);
        if (!queued) await send();
        const n = await within(receiving);
        await peer.shutdown(socket.SHUT_WR);
        const parts = [decode(new Uint8Array(buffer.buffer, 0, n))];
        for (const each of meddled) parts.push(decode(await within(each)));
        for (;;) {
          const data = await within(client.recv(100));
          if (data.length === 0) break;
          parts.push(decode(data));
        }
        assertEquals([...parts.join("")].sort(), [...SENT].sort());
      },
    );
  }
}

Deno.test("recv_into() of a datagram socket writes each datagram once to a buffer whose getter receives too", async () => {
  await using receiver = udpSocket();
  await using sender = udpSocket();
  for (const each of ["one", "two"]) {
    await sender.sendto(encode(each), receiver.getsockname());
  }
  const meddled: Promise<Uint8Array>[] = [];
  const buffer = meddling(
    new Uint8Array(3),
    () => meddled.push(receiver.recv(3)),
  );
  await within(receiver.recv_into(buffer));
  const other = meddled[0] ?? receiver.recv(3);
  const texts = [
    decode(new Uint8Array(buffer.buffer)),
    decode(await within(other)),
  ];
  assertEquals(texts.sort(), ["one", "two"]);
});

/** Calls that send bytes. */
const sends: Record<
  string,
  (s: TcpSocket, data: Uint8Array) => Promise<unknown>
> = {
  "send()": (s, data) => s.send(data),
  "sendall()": (s, data) => s.sendall(data),
  "sendall() with a timeout": (s, data) => {
    s.settimeout(60);
    return s.sendall(data);
  },
  "sendall() with a signal": (s, data) =>
    s.sendall(data, { signal: new AbortController().signal }),
  "sendmsg()": (s, data) => s.sendmsg([data]),
  "sendmsg() of two buffers": (s, data) => s.sendmsg([NOTHING, data]),
  "write()": (s, data) => s.write(data),
};
const NOTHING = new Uint8Array(0);

for (const [name, send] of Object.entries(sends)) {
  Deno.test(`${name} sends each byte of a subclass once, even if its getter sends too`, async () => {
    await using pair = await tcpPair();
    const { client, peer } = pair;
    const meddled: Promise<void>[] = [];
    const data = meddling(
      encode("outer"),
      () => meddled.push(client.sendall(encode("inner"))),
    );
    await within(send(client, data));
    await within(Promise.all(meddled));
    client.close();
    let text = "";
    for (;;) {
      const received = await within(peer.recv(100));
      if (received.length === 0) break;
      text += decode(received);
    }
    assert(["outer", "innerouter", "outerinner"].includes(text), text);
  });
}

Deno.test("onProgress of sendfile() may send, and its bytes come after the file", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  let left = 3;
  const later: Promise<void>[] = [];
  const sent = await within(client.sendfile({
    read: (p) => {
      if (left-- === 0) return Promise.resolve(null);
      p.fill(102, 0, 4);
      return Promise.resolve(4);
    },
  }, {
    onProgress: (n) => {
      if (n !== 8) return;
      later.push(client.sendall(encode("after")));
    },
  }));
  assertEquals(sent, 12);
  await within(Promise.all(later));
  client.close();
  const all = await within(peer.recv(100, socket.MSG_WAITALL));
  assertEquals(decode(all), "f".repeat(12) + "after");
});

Deno.test("an abort listener may make the next call, which returns the bytes", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const controller = new AbortController();
  let next: Promise<Uint8Array> | undefined;
  controller.signal.addEventListener("abort", () => {
    next = client.recv(10);
  });
  const first = client.recv(10, { signal: controller.signal });
  const second = client.recv(2);
  controller.abort();
  await assertRejects(() => within(first));
  await peer.sendall(encode("abcd"));
  assertEquals(decode(await within(second)), "ab");
  assertEquals(decode(await within(next!)), "cd");
});

Deno.test("an iterator of buffers may receive before the call that iterates it", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  await peer.sendall(encode("abcd"));
  await client.recv(4, socket.MSG_PEEK | socket.MSG_WAITALL);
  let inner: Promise<Uint8Array> | undefined;
  const buffers = [new Uint8Array(1), new Uint8Array(1)];
  const iterable: Iterable<Uint8Array> = {
    *[Symbol.iterator]() {
      inner = client.recv(2);
      yield* buffers;
    },
  };
  const [n] = await within(client.recvmsg_into(iterable));
  assertEquals(decode(await within(inner!)), "ab");
  assertEquals([n, ...buffers.map(decode)], [2, "c", "d"]);
});

Deno.test("a getter of the options may close the socket, and the call fails with EBADF", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  const options = {
    get signal(): AbortSignal | undefined {
      client.close();
      return undefined;
    },
  };
  const error = await assertRejects(
    () => within(client.recv(1, 0, options)),
    socket.OSError,
  );
  assertEquals(error.code, "EBADF");
});
