import {
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLessOrEqual,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { assertSameBytes } from "../support/bytes.ts";
import { receiveToEnd, tcpPair, udpSocket } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

/** A file in memory, with the methods of `Deno.FsFile` that are used. */
class MemoryFile {
  position = 0;
  readonly content: Uint8Array<ArrayBuffer>;
  constructor(size: number) {
    this.content = new Uint8Array(size);
    for (let i = 0; i < size; i++) this.content[i] = i * 7;
  }
  read(p: Uint8Array): Promise<number | null> {
    const part = this.content.subarray(this.position, this.position + p.length);
    p.set(part);
    this.position += part.length;
    return Promise.resolve(part.length || null);
  }
  seek(offset: number): Promise<number> {
    return Promise.resolve(this.position = offset);
  }
}

/** More than loopback's buffers hold. */
const LARGE = 12 << 20;

const cases: [size: number, offset: number, count: number | null][] = [
  [200_000, 0, null],
  [200_000, 150_000, null],
  [200_000, 10, 70_000],
  [200_000, 65_536, 65_536],
  [100, 50, 500],
  [100, 99, 1],
  [100, 100, null],
  [100, 500, null],
  [0, 0, null],
  [0, 0, 5],
];

/** What Python says of each case: the count, and the file's position. */
const theirs: [n: number, position: number][] = python === null
  ? []
  : JSON.parse(
    await runPython(
      `
import json, socket, sys, tempfile, threading
outcomes = []
for size, offset, count in json.loads(sys.argv[1]):
    a, b = socket.socketpair()
    threading.Thread(target=lambda: [None for _ in iter(lambda: b.recv(65536), b"")], daemon=True).start()
    file = tempfile.TemporaryFile()
    file.write(bytes(size))
    file.seek(33)
    outcomes.append([a.sendfile(file, offset, count), file.tell()])
    a.close()
print(json.dumps(outcomes))`,
      [JSON.stringify(cases)],
    ),
  );

for (const [i, [size, offset, count]] of cases.entries()) {
  Deno.test(`sendfile(file of ${size}, ${offset}, ${count}) sends what Python does, and leaves the position behind it`, async () => {
    await using pair = await tcpPair();
    const file = new MemoryFile(size);
    file.position = 33; // Wherever it was, sending starts at the offset.
    const received = receiveToEnd(pair.peer);
    const n = await pair.client.sendfile(file, offset, count);
    await pair.client.shutdown(socket.SHUT_WR);
    const end = Math.min(size, offset + (count ?? size));
    assertSameBytes(await received, file.content.slice(offset, end));
    assertEquals([n, file.position], [Math.max(0, end - offset), offset + n]);
    if (theirs[i] === undefined) return;
    assertEquals(n, theirs[i][0]);
    // Python leaves the position alone if nothing was sent.
    if (n > 0) assertEquals(file.position, theirs[i][1]);
  });
}

Deno.test("sendfile() sends a Deno.FsFile, whatever its position", async () => {
  await using pair = await tcpPair();
  using file = await Deno.open("LICENSE");
  await file.read(new Uint8Array(7));
  const expected = await Deno.readFile("LICENSE");
  assertEquals(await pair.client.sendfile(file, 0, 10), 10);
  assertEquals(await file.seek(0, Deno.SeekMode.Current), 10);
  assertEquals(await pair.client.sendfile(file, 10), expected.length - 10);
  pair.client.close();
  assertEquals(await receiveToEnd(pair.peer), expected);
});

Deno.test("sendfile() sends bytes at positions above 4 GiB", async () => {
  await using pair = await tcpPair();
  const offset = 2 ** 32 + 5;
  const seeks: number[] = [];
  const pieces = [3, null];
  const file = {
    read: (p: Uint8Array) => {
      p.fill(8);
      return Promise.resolve(pieces.shift()!);
    },
    seek: (to: number) => Promise.resolve(seeks.push(to)),
  };
  assertEquals(await pair.client.sendfile(file, offset, 2 ** 33), 3);
  assertEquals(seeks, [offset, offset + 3]);
  assertEquals(await within(pair.peer.recv(9)), new Uint8Array([8, 8, 8]));
});

Deno.test("sendfile() reads a file without seek from its position", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(50);
  file.position = 20;
  const reader = { read: (p: Uint8Array) => file.read(p) };
  assertEquals(await pair.client.sendfile(reader), 30);
  assertEquals(await within(pair.peer.recv(99)), file.content.slice(20));
  await assertRejects(
    () => pair.client.sendfile(reader, 1),
    TypeError,
    "offset must be 0 for a file without seek",
  );
});

Deno.test("sendfile() relays from another socket", async () => {
  await using from = await tcpPair();
  await using to = await tcpPair();
  const sent = new MemoryFile(300_000).content;
  const sending = from.client.sendall(sent).then(() =>
    from.client.shutdown(socket.SHUT_WR)
  );
  const received = receiveToEnd(to.peer);
  assertEquals(await within(to.client.sendfile(from.peer)), sent.length);
  to.client.close();
  assertSameBytes(await received, sent);
  await sending;
});

Deno.test("sendfile() checks its arguments as Python does, and sends nothing", async () => {
  await using pair = await tcpPair();
  using udp = udpSocket();
  const file = new MemoryFile(10);
  const text = Object.assign(new MemoryFile(1), { mode: "r" });
  const { client } = pair;
  const calls: [() => Promise<number>, typeof TypeError, string][] = [
    [() => udp.sendfile(file), RangeError, "only SOCK_STREAM type sockets"],
    [() => udp.sendfile(file, 0, 0), RangeError, "only SOCK_STREAM type"],
    [() => udp.sendfile(text), RangeError, "should be opened in binary mode"],
    [() => client.sendfile(text), RangeError, "opened in binary mode"],
    [() => client.sendfile(file, 0, 0), RangeError, "positive integer"],
    [() => client.sendfile(file, 0, -3), RangeError, "received -3"],
    [() => client.sendfile(file, 0, 1.5), TypeError, "positive integer"],
    [() => client.sendfile(file, 0, "1" as never), TypeError, 'received "1"'],
    [() => client.sendfile(file, -1), RangeError, "received -1"],
    [() => client.sendfile(file, 0.5), TypeError, "received 0.5"],
    [() => client.sendfile({} as never), TypeError, "read method"],
    [() => client.sendfile(null as never), TypeError, "received null"],
  ];
  for (const [call, type, message] of calls) {
    await assertRejects(call, type, message);
  }
  client.setblocking(false);
  await assertRejects(
    () => client.sendfile(file),
    RangeError,
    "non-blocking sockets are not supported",
  );
  client.setblocking(true);
  await client.sendall(new Uint8Array([1]));
  assertEquals(await within(pair.peer.recv(10)), new Uint8Array([1]));
  assertEquals(file.position, 0);
});

Deno.test("sendfile() fails with ENOTCONN before connect, EBADF after close, and waits for a connect", async () => {
  const file = new MemoryFile(4);
  using server = socket.create_server(["127.0.0.1", 0]);
  const client = socket.socket();
  const codes = [];
  for (const step of ["connect", "close"] as const) {
    const error = await assertRejects(
      () => client.sendfile(file),
      socket.OSError,
    );
    codes.push(error.code);
    if (step === "close") break;
    const connecting = client.connect(server.getsockname());
    assertEquals(await within(client.sendfile(file)), 4);
    await connecting;
    client.close();
  }
  assertEquals(codes, ["ENOTCONN", "EBADF"]);
});

Deno.test("sendfile() that times out leaves the position behind the committed bytes", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(LARGE);
  pair.client.settimeout(0.2);
  await assertRejects(() => pair.client.sendfile(file), socket.TimeoutError);
  const { position } = file;
  const received = receiveToEnd(pair.peer);
  pair.client.close();
  assertSameBytes(await received, file.content.subarray(0, position));
});

Deno.test("sendfile() whose last bytes are committed when it times out has sent them", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  client.settimeout(0.1);
  const file = new MemoryFile(50_000);
  let sent = 0;
  // Until the system is full, the last one taken in part.
  for (;;) {
    const n = await within(client.sendfile(file, 0, 50_000)).catch((error) => {
      if (!(error instanceof socket.TimeoutError)) throw error;
      return null;
    });
    if (n === null) break;
    assertEquals([n, file.position], [50_000, 50_000]);
    sent += n;
  }
  client.close();
  assertEquals((await receiveToEnd(pair.peer)).length, sent);
});

Deno.test("sendfile() rejects with the signal's reason, wherever options are given", async () => {
  const reason = new Error("enough");
  const file = new MemoryFile(LARGE);
  const calls = [
    (s: socket.Socket, options: socket.SignalOption) =>
      s.sendfile(file, options),
    (s: socket.Socket, options: socket.SignalOption) =>
      s.sendfile(file, 5, options),
    (s: socket.Socket, options: socket.SignalOption) =>
      s.sendfile(file, 5, null, options),
  ];
  for (const call of calls) {
    await using pair = await tcpPair();
    const controller = new AbortController();
    const sending = call(pair.client, controller);
    setTimeout(() => controller.abort(reason), 5);
    assertStrictEquals(await assertRejects(() => within(sending)), reason);
    file.position = 77;
    assertStrictEquals(
      await assertRejects(() => call(pair.client, controller)),
      reason,
    );
    assertEquals(file.position, 77);
  }
});

Deno.test("sendfile() fails when the peer has closed, with the position behind the sent bytes", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(LARGE);
  const sending = pair.client.sendfile(file);
  pair.peer.close();
  assertInstanceOf(
    await assertRejects(() => within(sending)),
    socket.ConnectionError,
  );
  assertEquals(file.position < LARGE, true);
});

/** A reader that gives two bytes, and then waits for ever. */
function stuckReader(): socket.Readable {
  let first = true;
  return {
    read(p) {
      if (!first) return new Promise(() => {});
      first = false;
      p.set([1, 2]);
      return Promise.resolve(2);
    },
  };
}

Deno.test("sendfile() with a waiting reader is cancelled by a timeout, an abort or a close", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.settimeout(0.05);
  await assertRejects(
    () => within(client.sendfile(stuckReader())),
    socket.TimeoutError,
    "timed out",
  );
  client.settimeout(null);
  const signal = AbortSignal.timeout(20);
  const aborted = await assertRejects(
    () => within(client.sendfile(stuckReader(), { signal })),
  );
  assertStrictEquals(aborted, signal.reason);
  const sending = client.sendfile(stuckReader());
  const failed = assertRejects(() => within(sending), socket.OSError);
  const expected = new Uint8Array([1, 2, 1, 2, 1, 2]);
  const received = await within(peer.recv(6, socket.MSG_WAITALL));
  assertEquals(received, expected);
  client.close();
  assertEquals((await failed).code, "EBADF");
});

Deno.test("sendfile() cancelled before it has begun leaves the position of the file", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(100);
  const controller = new AbortController();
  const sending = pair.client.sendfile(file, 5, controller);
  controller.abort();
  await assertRejects(() => within(sending));
  assertEquals(file.position, 0);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(file.position, 0);
});

Deno.test("sendfile() is in order with the sends, a shutdown and a close that is not awaited", async () => {
  const tail = new Uint8Array([1, 2, 3]);
  for (const timeout of [null, 30]) {
    for (const end of ["shutdown", "close"] as const) {
      await using pair = await tcpPair();
      const { client, peer } = pair;
      client.settimeout(timeout);
      const head = client.sendall(tail);
      const file = new MemoryFile(3_000_000);
      const sending = client.sendfile(file, 5);
      const behind = client.sendall(tail);
      if (end === "close") client.close();
      else client.shutdown(socket.SHUT_WR);
      const received = await receiveToEnd(peer);
      assertEquals(await within(sending), 2_999_995);
      await within(Promise.all([head, behind]));
      assertSameBytes(received.subarray(0, 3), tail);
      assertSameBytes(received.subarray(3, -3), file.content.subarray(5));
      assertSameBytes(received.subarray(-3), tail);
    }
  }
});

Deno.test("sendfile() with a waiting reader delays no other call when it is cancelled", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const controller = new AbortController();
  const sending = client.sendfile(stuckReader(), controller);
  const behind = client.sendall(new Uint8Array([3]));
  const first = await within(
    peer.recv(3, socket.MSG_WAITALL, {
      signal: AbortSignal.timeout(50),
    }).catch(() => null),
  );
  assertEquals(first, null);
  controller.abort();
  await assertRejects(() => within(sending));
  await within(behind);
  const received = await within(peer.recv(3, socket.MSG_WAITALL));
  assertEquals(received, new Uint8Array([1, 2, 3]));
});

Deno.test("sendfile() translates errors of a Deno.FsFile, but not those of another reader", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  const closed = await Deno.open("LICENSE");
  closed.close();
  using directory = await Deno.open("tests");
  const opened: (readonly [socket.Readable, string])[] = [
    [closed, "EBADF"],
    ...Deno.build.os === "windows" ? [] : [[directory, "EISDIR"]] as const,
  ];
  for (const [file, code] of opened) {
    const error = await assertRejects(
      () => client.sendfile(file),
      socket.OSError,
    );
    assertEquals(error.code, code);
  }
  const reason = new Error("of the reader");
  const broken = {
    read: () => Promise.reject(reason),
    // That the file cannot be moved either does not hide the reason.
    seek: (to: number) => to === 0 ? Promise.resolve(0) : Promise.reject(),
  };
  assertStrictEquals(
    await assertRejects(() => client.sendfile(broken)),
    reason,
  );
  const file = new MemoryFile(2);
  let reads = 0;
  const second = {
    read: (p: Uint8Array) => reads++ ? Promise.reject(reason) : file.read(p),
    seek: (to: number) => to === 0 ? Promise.resolve(0) : Promise.reject(to),
  };
  assertStrictEquals(
    await assertRejects(() => client.sendfile(second)),
    reason,
  );
});

Deno.test("sendfile() reports the number of sent bytes to onProgress, up to the result", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(1_000_000);
  const calls = [
    (options: socket.SendfileOptions) => pair.client.sendfile(file, options),
    (options: socket.SendfileOptions) => pair.client.sendfile(file, 7, options),
    (options: socket.SendfileOptions) =>
      pair.client.sendfile(file, 7, 300_000, options),
  ];
  const received = receiveToEnd(pair.peer);
  let late = 0;
  for (const call of calls) {
    const told: number[] = [];
    let settled = false;
    const n = await within(call({
      onProgress(sent) {
        if (settled) late++;
        assertGreater(sent, told.at(-1) ?? 0);
        // What has been told of has been read, and no more than that is sent.
        assertLessOrEqual(sent, file.position);
        told.push(sent);
      },
    }));
    settled = true;
    assertEquals(told.at(-1), n);
    assertGreater(told.length, 1);
  }
  pair.client.close();
  await received;
  assertEquals(late, 0);
});

Deno.test("sendfile() that sends nothing does not call onProgress", async () => {
  await using pair = await tcpPair();
  const told: number[] = [];
  const onProgress = (sent: number) => told.push(sent);
  const empty = new MemoryFile(0);
  assertEquals(await pair.client.sendfile(empty, { onProgress }), 0);
  const signal = AbortSignal.abort();
  await assertRejects(() =>
    pair.client.sendfile(new MemoryFile(9), { signal, onProgress })
  );
  assertEquals(told, []);
});

Deno.test("sendfile() rejects with the error of onProgress, with the position behind the sent bytes", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(LARGE);
  const reason = new Error("enough");
  let sent = 0;
  let calls = 0;
  const received = receiveToEnd(pair.peer);
  const rejected = await assertRejects(() =>
    within(pair.client.sendfile(file, 5, null, {
      onProgress(soFar) {
        sent = soFar;
        if (++calls === 3) throw reason;
      },
    }))
  );
  assertStrictEquals(rejected, reason);
  assertEquals([calls, file.position], [3, 5 + sent]);
  // The file and the socket can go on from there.
  const rest = await within(pair.client.sendfile(file, file.position, 10));
  assertEquals(rest, 10);
  pair.client.close();
  assertSameBytes(await received, file.content.slice(5, 5 + sent + 10));
});

Deno.test("sendfile() cancelled in onProgress, by an abort or a close, does not call it again", async () => {
  const reason = new Error("enough");
  for (const ending of ["abort", "close"] as const) {
    await using pair = await tcpPair();
    const file = new MemoryFile(LARGE);
    // A close lets what has an end go on.
    if (ending === "close") Object.assign(file, { seek: undefined });
    const controller = new AbortController();
    const told: number[] = [];
    const received = receiveToEnd(pair.peer);
    const error = await assertRejects(() =>
      within(pair.client.sendfile(file, {
        signal: controller.signal,
        onProgress(sent) {
          told.push(sent);
          if (ending === "abort") controller.abort(reason);
          else pair.client.close();
        },
      }))
    );
    if (ending === "abort") assertStrictEquals(error, reason);
    else assertEquals((error as socket.OSError).code, "EBADF");
    pair.client.close();
    assertSameBytes(await received, file.content.subarray(0, file.position));
    assertEquals(told, [file.position]);
  }
});

Deno.test("sendfile() rejects an onProgress that is no function, and sends nothing", async () => {
  await using pair = await tcpPair();
  const file = new MemoryFile(10);
  for (const onProgress of [1, null, "log", {}]) {
    await assertRejects(
      () => pair.client.sendfile(file, { onProgress: onProgress as never }),
      TypeError,
      "Cannot send a file: onProgress must be a function, received ",
    );
  }
  assertEquals(file.position, 0);
  pair.client.close();
  assertEquals((await receiveToEnd(pair.peer)).length, 0);
});

for (
  const [what, result] of [
    ["nothing", undefined],
    ["a negative number", -1],
    ["more than it got", 1000],
  ] as const
) {
  Deno.test(`sendfile() rejects the send() of a subclass that returns ${what}`, async () => {
    class Odd extends socket.Socket<socket.InetAddress> {
      override send() {
        return Promise.resolve(result as number);
      }
    }
    using server = socket.create_server(["127.0.0.1", 0]);
    using s = new Odd();
    await s.connect(server.getsockname());
    const file = new MemoryFile(100);
    const sending = within(s.sendfile(file, 10));
    const Kind = result === undefined ? TypeError : RangeError;
    await assertRejects(() => sending, Kind, "the result of send must be");
    assertEquals(file.position, 10);
  });
}

Deno.test("sendfile() rejects with the error of a subclass's send(), not with that of setting the position afterwards", async () => {
  class Failing extends socket.Socket<socket.InetAddress> {
    override send(): never {
      throw new Error("send");
    }
  }
  using server = socket.create_server(["127.0.0.1", 0]);
  using s = new Failing();
  await s.connect(server.getsockname());
  let seeks = 0;
  const file = {
    read: (p: Uint8Array) => Promise.resolve(p.length),
    seek: (offset: number) => {
      if (seeks++ > 0) throw new Error("seek");
      return Promise.resolve(offset);
    },
  };
  await assertRejects(() => within(s.sendfile(file)), Error, "send");
  assertEquals(seeks, 2);
});
