import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { openFile } from "../../../src/file/makefile.ts";
import { Mutex } from "../../../src/file/open_file.ts";
import { ScriptedStream, WAIT } from "../../support/scripted_stream.ts";
import { within } from "../../support/within.ts";

const MANY = 30_000;

Deno.test("Mutex runs calls one at a time, in call order", async () => {
  const mutex = new Mutex();
  const events: string[] = [];
  const call = async (name: string) => {
    await mutex.acquire(undefined);
    events.push(`${name} runs`);
    await null;
    events.push(`${name} ends`);
    mutex.release();
  };
  await within(Promise.all([call("a"), call("b"), call("c")]));
  assertEquals(events, [
    "a runs",
    "a ends",
    "b runs",
    "b ends",
    "c runs",
    "c ends",
  ]);
  assertEquals(mutex.busy, false);
});

Deno.test("Mutex lets an aborted call leave the middle of the queue", async () => {
  const mutex = new Mutex();
  assertEquals(mutex.acquire(undefined), undefined);
  const order: number[] = [];
  const aborts = [1, 2, 3].map(() => new AbortController());
  const calls = aborts.map(({ signal }, i) =>
    mutex.acquire(signal)!.then(() => order.push(i), (reason) => reason)
  );
  const reason = new Error("enough");
  aborts[1]!.abort(reason);
  assertStrictEquals(await within(calls[1]!), reason);
  mutex.release();
  await within(calls[0]!);
  mutex.release();
  await within(calls[2]!);
  mutex.release();
  assertEquals([order, mutex.busy], [[0, 2], false]);
});

Deno.test("Mutex rejects the calls that wait when it is closed, and serves none after it", async () => {
  const mutex = new Mutex();
  await mutex.acquire(undefined);
  const waiting = mutex.acquire(undefined)!;
  const reason = new Error("closed");
  mutex.close(reason);
  assertStrictEquals(await within(waiting.catch((error) => error)), reason);
  mutex.release();
  assertEquals(mutex.busy, true);
});

Deno.test("Mutex lets 30,000 calls run, those with an aborted signal too", async () => {
  for (const aborted of [false, true]) {
    const mutex = new Mutex();
    await mutex.acquire(undefined);
    const abort = new AbortController();
    let ran = 0;
    let replaced = 0;
    const calls: Promise<void>[] = [];
    for (let i = 0; i < MANY; i++) {
      // One of a thousand has the signal: each listener of one signal costs.
      const signal = aborted && i % 1000 === 0 ? abort.signal : undefined;
      const call = mutex.acquire(signal, signal && (() => replaced++))!;
      calls.push(call.then(() => {
        ran++;
        mutex.release();
      }, () => {}));
    }
    abort.abort();
    mutex.release();
    await within(Promise.all(calls));
    assertEquals(ran + replaced, MANY);
    assertEquals(replaced, aborted ? MANY / 1000 : 0);
    assertEquals(mutex.busy, false);
  }
});

Deno.test("release() skips any number of aborted calls at once", async () => {
  const mutex = new Mutex();
  await mutex.acquire(undefined);
  let replaced = 0;
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 20_000; i++) {
    const abort = new AbortController();
    const call = mutex.acquire(abort.signal, () => replaced++)!;
    calls.push(call.catch(() => {}));
    abort.abort();
  }
  mutex.release();
  await Promise.all(calls);
  assertEquals([replaced, mutex.busy], [20_000, false]);
});

Deno.test("ten thousand calls on one file are served in call order", async () => {
  const stream = new ScriptedStream([], [WAIT]);
  const file = openFile(stream, "rwb", 100);
  const count = 10_000;
  const numbered = (i: number) =>
    new TextEncoder().encode(i.toString().padStart(5, "0"));
  const writes = Array.from(
    { length: count },
    (_, i) => file.write(numbered(i)),
  );
  const reads = Array.from({ length: count }, () => file.read(5));
  const closed = Promise.all(writes).then(() => file.flush());
  stream.playSends();
  await within(closed);
  for (let i = 0; i < count; i++) stream.play(numbered(i));
  const read = await within(Promise.all(reads));
  const texts = read.map((each) => new TextDecoder().decode(each!));
  const expected = Array.from(
    { length: count },
    (_, i) => i.toString().padStart(5, "0"),
  );
  assertEquals(texts.join() === expected.join(), true);
  assertEquals(stream.sentText === expected.join(""), true);
  await file.close();
});

Deno.test("close() rejects every read in the queue", async () => {
  const file = openFile(new ScriptedStream(), "rb");
  const reads = Array.from({ length: 1000 }, () => file.read(1));
  const results = Promise.allSettled(reads);
  await file.close();
  for (const result of await within(results)) {
    assertEquals(result.status, "rejected");
  }
  await assertRejects(() => file.read(1), RangeError, "closed file");
});
