import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { orAborted } from "../../src/internal/or_aborted.ts";

const reason = new Error("enough");

Deno.test("orAborted() gives what the lookup gives", async () => {
  const { signal } = new AbortController();
  assertEquals(await orAborted(() => Promise.resolve(1), undefined), 1);
  assertEquals(await orAborted(() => Promise.resolve(1), signal), 1);
  await assertRejects(
    () => orAborted(() => Promise.reject(new Error("no")), signal),
    Error,
    "no",
  );
});

Deno.test("orAborted() begins nothing if the signal is aborted", async () => {
  let begun = false;
  const result = orAborted(() => {
    begun = true;
    return Promise.resolve();
  }, AbortSignal.abort(reason));
  assertStrictEquals(await result.catch((error) => error), reason);
  assertEquals(begun, false);
});

Deno.test("orAborted() does not wait for a lookup that is given up", async () => {
  const aborter = new AbortController();
  const lookup = Promise.withResolvers<never>();
  const result = orAborted(() => lookup.promise, aborter.signal);
  aborter.abort(reason);
  assertStrictEquals(await result.catch((error) => error), reason);
  // Nobody is left to hear of this; it must not be an unhandled rejection.
  lookup.reject(new Error("late"));
  await lookup.promise.catch(() => {});
});

Deno.test("orAborted() leaves no listener behind", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners++;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (
    ...args: Parameters<typeof removeEventListener>
  ) => {
    listeners--;
    removeEventListener.apply(signal, args);
  };
  await orAborted(() => {
    assertEquals(listeners, 1);
    return Promise.resolve();
  }, signal);
  assertEquals(listeners, 0);
});
