import { assert, assertEquals, assertRejects } from "@std/assert";
import type * as socket from "@pystd/socket";
import { tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (data: Uint8Array | null) => new TextDecoder().decode(data!);

/** Bytes whose methods call `meddle`, as a subclass may. */
function meddling(size: number, meddle: () => void): Uint8Array {
  class Meddling extends Uint8Array {
    override set(array: ArrayLike<number>, offset?: number): void {
      meddle();
      super.set(array, offset);
    }
    override subarray(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
      meddle();
      return super.subarray(begin, end) as Uint8Array<ArrayBuffer>;
    }
    override slice(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
      meddle();
      return super.slice(begin, end) as Uint8Array<ArrayBuffer>;
    }
    override get length(): number {
      meddle();
      return super.length;
    }
  }
  return new Meddling(size);
}

for (const buffering of [0, 4, 8192]) {
  for (const method of ["readinto", "readinto1"] as const) {
    if (buffering === 0 && method === "readinto1") continue;
    Deno.test(`${method}() with buffer ${buffering} writes each byte once to an array whose getter reads too`, async () => {
      await using pair = await tcpPair();
      const { client, peer } = pair;
      const file = client.makefile(
        "rb",
        buffering,
      ) as socket.BufferedReader;
      await peer.sendall(encode("0123456789abcdefghijklmnopqrstuvwxyz"));
      peer.close();
      const meddled: Promise<Uint8Array | null>[] = [];
      let inside = false;
      const target = meddling(8, () => {
        if (inside) return;
        inside = true;
        meddled.push(file.read(2));
        inside = false;
      });
      const parts: string[] = [];
      for (let i = 0; i < 3; i++) {
        const n = await within(file[method](target));
        parts.push(decode(new Uint8Array(target.buffer).subarray(0, n!)));
      }
      for (const each of meddled) parts.push(decode(await within(each)));
      parts.push(decode(await within(file.read())));
      assertEquals(
        parts.join("").split("").sort().join(""),
        "0123456789abcdefghijklmnopqrstuvwxyz",
      );
      await file.close();
    });
  }
}

Deno.test("write() sends the bytes of a subclass, whatever its methods return", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const file = client.makefile("wb", 16);
  class Lying extends Uint8Array {
    override get length(): number {
      return 1000;
    }
    override subarray(): Uint8Array<ArrayBuffer> {
      return new Uint8Array(3);
    }
    override slice(): Uint8Array<ArrayBuffer> {
      return new Uint8Array(3);
    }
  }
  const small = new Lying(encode("small ").buffer);
  const large = new Lying(encode("larger than the buffer").buffer);
  const calls: Promise<number | null>[] = [];
  const abort = new AbortController();
  for (const data of [small, large, small]) {
    calls.push(file.write(data, { signal: abort.signal }));
  }
  const counts = await within(Promise.all(calls));
  await file.writelines([large]);
  await file.close();
  client.close();
  assertEquals(counts, [6, 22, 6]);
  let text = "";
  for (let data; (data = await peer.recv(100)).length > 0;) {
    text += decode(data);
  }
  assertEquals(
    text,
    "small larger than the buffersmall larger than the buffer",
  );
});

Deno.test("writelines() of an iterable that writes, flushes and closes keeps the order", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const file = client.makefile("w");
  const inner: Promise<unknown>[] = [];
  function* lines() {
    yield "one ";
    inner.push(file.write("four "));
    inner.push(file.flush());
    yield "two ";
    inner.push(file.close());
    inner.push(assertRejects(() => file.write("five"), RangeError, "closed"));
    yield "three ";
  }
  await within(file.writelines(lines()));
  await within(Promise.all(inner));
  client.close();
  let text = "";
  for (let data; (data = await peer.recv(100)).length > 0;) {
    text += decode(data);
  }
  assertEquals(text, "one two three four ");
});

Deno.test("writelines() releases an iterable that throws", async () => {
  await using pair = await tcpPair();
  const file = pair.client.makefile("w");
  let isClosed = false;
  const failing: Iterable<string> = {
    *[Symbol.iterator]() {
      yield "one ";
      throw new Error("no more");
    },
  };
  const wrong: Iterable<string> = {
    *[Symbol.iterator]() {
      try {
        yield "two ";
        yield 3 as unknown as string;
      } finally {
        isClosed = true;
      }
    },
  };
  await assertRejects(() => file.writelines(failing), Error, "no more");
  await assertRejects(() => file.writelines(wrong), TypeError, "string");
  assert(isClosed);
  await within(file.write("three"));
  await file.close();
  assertEquals(decode(await pair.peer.recv(100)), "one two three");
});

Deno.test("options with getters are read before a call consumes anything", async () => {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const file = client.makefile("rb");
  await peer.sendall(encode("abcdef"));
  peer.close();
  const inner: Promise<Uint8Array | null>[] = [];
  const options = {
    get signal(): undefined {
      inner.push(file.read(2));
      return undefined;
    },
  };
  const outer = await within(file.read(2, options));
  const parts = [outer, ...await within(Promise.all(inner))].map(decode);
  parts.push(decode(await file.read()));
  assertEquals(parts.sort().join(""), "abcdef");
  await file.close();
});
