import { assert, assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { listener } from "../support/pair.ts";
import { within } from "../support/within.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (data: Uint8Array | null) => new TextDecoder().decode(data!);

/** Passes everything on, with one bit of each byte turned, and counts. */
class Turning extends socket.Socket<socket.InetAddress> {
  received = 0;
  sent = 0;
  closes = 0;
  override async recv_into(
    buffer: Uint8Array,
    nbytes = 0,
    flags = 0,
    options?: socket.SignalOption,
  ): Promise<number> {
    const n = await super.recv_into(buffer, nbytes, flags, options);
    for (let i = 0; i < n; i++) buffer[i]! ^= 1;
    this.received += n;
    return n;
  }
  override async send(
    data: Uint8Array,
    flags = 0,
    options?: socket.SignalOption,
  ): Promise<number> {
    const n = await super.send(data.map((byte) => byte ^ 1), flags, options);
    this.sent += n;
    return n;
  }
  override close(): void {
    this.closes++;
    super.close();
  }
}

/** A socket of a class, and its peer. */
async function connect<S extends socket.Socket<socket.InetAddress>>(
  Class: new () => S,
): Promise<[S, socket.Socket<socket.InetAddress>]> {
  using server = listener();
  const s = new Class();
  await s.connect(server.getsockname());
  const [peer] = await server.accept();
  return [s, peer];
}

const turned = (text: string) => encode(text).map((byte) => byte ^ 1);

for (const mode of ["rwb", "rw"] as const) {
  for (const buffering of mode === "rwb" ? [0, 16, null] : [16, null]) {
    Deno.test(`makefile() with mode ${mode} and buffer ${buffering} calls recv_into() and send() of a subclass`, async () => {
      const [s, peer] = await connect(Turning);
      const file = s.makefile(mode as "rwb", buffering);
      const line = "a line of some bytes\n";
      const data = (mode === "rw" ? line : encode(line)) as Uint8Array;
      await file.writelines([data, data]);
      await file.flush();
      peer.settimeout(60);
      assertEquals(
        await peer.recv(42, socket.MSG_WAITALL),
        turned(line + line),
      );
      assertEquals(s.sent, 42);
      await peer.sendall(turned(line + "rest"));
      peer.close();
      const first: Uint8Array | string | null = await file.readline();
      assertEquals(first, data);
      const rest: Uint8Array | string | null = await file.read();
      assertEquals(typeof rest === "string" ? rest : decode(rest), "rest");
      assertEquals(s.received, 25);
      await file.close();
      s.close();
    });
  }
}

Deno.test("a file of a subclass goes on when its socket is closed", async () => {
  const [s, peer] = await connect(Turning);
  const file = s.makefile("rwb");
  const pending = file.readline();
  s.close();
  await peer.sendall(turned("pending\nlater\n"));
  assertEquals(decode(await within(pending)), "pending\n");
  assertEquals(decode(await within(file.readline())), "later\n");
  await file.write(encode("sent"));
  await within(file.flush());
  assertEquals(await within(peer.recv(10)), turned("sent"));
  assertEquals(s.closes, 1);
  await assertRejects(() => s.recv(1), socket.OSError, "Bad file descriptor");
  await within(file.close());
  // As in CPython: the file closes the closed socket, and that for real.
  assertEquals(s.closes, 2);
  assertEquals(await within(peer.recv(1)), new Uint8Array(0));
  peer.close();
});

Deno.test("a file of a subclass keeps the timeout of a closed socket", async () => {
  const [s, peer] = await connect(Turning);
  const file = s.makefile("rb");
  s.settimeout(0.001);
  s.close();
  await assertRejects(() => within(file.readline()), socket.TimeoutError);
  await peer.sendall(turned("late\n"));
  peer.close();
  for (let line = ""; line === "";) {
    line = await within(file.readline()).then(decode, (error) => {
      assert(error instanceof socket.TimeoutError);
      return "";
    });
    if (line !== "") assertEquals(line, "late\n");
  }
  await file.close();
});

Deno.test("close() of a file leaves the bytes of a subclass's receive to the socket", async () => {
  const [s, peer] = await connect(Turning);
  const file = s.makefile("rb");
  const read = file.readline();
  const rejected = assertRejects(() => within(read), RangeError, "closed file");
  await within(file.close());
  await rejected;
  await peer.sendall(turned("kept"));
  const buffer = new Uint8Array(10);
  const n = await within(s.recv_into(buffer));
  assertEquals(decode(buffer.subarray(0, n)), "kept");
  s.close();
  peer.close();
});

Deno.test("close() of a file ends the read of a subclass that ignores the signal", async () => {
  class Deaf extends socket.Socket<socket.InetAddress> {
    override recv_into(): Promise<number> {
      return new Promise(() => {});
    }
  }
  const [s, peer] = await connect(Deaf);
  const file = s.makefile("rb");
  const read = assertRejects(() => file.read(1), RangeError, "closed file");
  await within(file.close());
  await within(read);
  s.close();
  peer.close();
});

Deno.test("a read of a subclass that is aborted loses nothing", async () => {
  const [s, peer] = await connect(Turning);
  const file = s.makefile("rb");
  const abort = new AbortController();
  const reason = new Error("enough");
  const read = file.read(8, { signal: abort.signal });
  const rejected = assertRejects(() => within(read), Error, "enough");
  await peer.sendall(turned("abc"));
  abort.abort(reason);
  await rejected;
  await peer.sendall(turned("defgh"));
  assertEquals(decode(await within(file.read(8))), "abcdefgh");
  await file.close();
  s.close();
  peer.close();
});

Deno.test("a file rejects a number of bytes that a subclass cannot have transferred", async () => {
  class Wrong extends socket.Socket<socket.InetAddress> {
    result: unknown = undefined;
    override recv_into(): Promise<number> {
      return this.result as Promise<number>;
    }
    override send(): Promise<number> {
      return this.result as Promise<number>;
    }
  }
  const [s, peer] = await connect(Wrong);
  const file = s.makefile("rwb", 16);
  for (const result of [undefined, null, "3", 1.5, -1, 1e9, NaN]) {
    s.result = result;
    await assertRejects(
      () => file.readline(),
      RangeError,
      "recv_into() of the socket must return 0 to 16",
    );
    await assertRejects(
      () => file.write(new Uint8Array(100)),
      RangeError,
      "send() of the socket must return 0 to 100",
    );
  }
  await file.close();
  s.close();
  peer.close();
});

Deno.test("an error of a subclass's own class reaches the caller of the file", async () => {
  const mine = new Error("my own");
  class Failing extends socket.Socket<socket.InetAddress> {
    override recv_into(): Promise<number> {
      throw mine;
    }
    override send(): Promise<number> {
      return Promise.reject(mine);
    }
  }
  const [s, peer] = await connect(Failing);
  const file = s.makefile("rwb", 16);
  await assertRejects(() => file.readline(), Error, "my own");
  await assertRejects(() => file.write(new Uint8Array(100)), Error, "my own");
  await file.close();
  s.close();
  peer.close();
});
