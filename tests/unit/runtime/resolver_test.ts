import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { AF_INET, AF_INET6 } from "../../../src/base/constants.ts";
import { gaierror, PermissionError } from "../../../src/base/errors.ts";
import type { InetSockaddr } from "../../../src/base/sockaddr.ts";
import {
  abortable,
  familyMismatchError,
  localhostLiteral,
  resolveAll,
} from "../../../src/runtime/resolver.ts";
import { unknownHost } from "../../support/addresses.ts";
import { processTest, runDeno } from "../../support/child.ts";
import { within } from "../../support/within.ts";

function named(family: number, host: string, port = 9): InetSockaddr {
  return { family, host, port, flowinfo: 0, scopeId: 0, isHostname: true };
}

Deno.test("resolveAll() returns the addresses of localhost", async () => {
  const all = await within(resolveAll("localhost", 9));
  assert(all.length > 0);
  for (const { family, host } of all) {
    assertEquals(host, family === AF_INET ? "127.0.0.1" : "::1");
    assert(family === AF_INET || family === AF_INET6);
  }
});

for (
  const host of [
    "",
    " ",
    "a b",
    "a:b",
    "[::1]",
    "a/b",
    "a%b",
    "a\0b",
    "x".repeat(256),
  ]
) {
  Deno.test(`resolveAll() looks up nothing for ${JSON.stringify(host.slice(0, 9))}`, async () => {
    const error = await assertRejects(
      () => within(resolveAll(host, 9)),
      gaierror,
    );
    assertEquals(error.code, "EAI_NONAME");
  });
}

Deno.test("resolveAll() rejects for a name that is not granted", async () => {
  const error = await assertRejects(
    () => within(resolveAll(unknownHost, 9)),
    PermissionError,
    `Requires net access to "${unknownHost}:9", run again with the --allow-net flag`,
  );
  assertEquals(error.code, "EACCES");
  assert(error.cause instanceof Error);
});

processTest("resolveAll() rejects for an unknown name", async () => {
  const { stdout, stderr } = await runDeno({
    permissions: [`--allow-net=${unknownHost}`],
    code: `
      import { resolveAll } from "${
      import.meta.resolve("../../../src/runtime/resolver.ts")
    }";
      await resolveAll("${unknownHost}", 9).catch((error) =>
        console.log(error.name, error.code, error.cause instanceof Error)
      );`,
  });
  assertEquals([stdout, stderr], ["gaierror EAI_NONAME true\n", ""]);
});

Deno.test("localhostLiteral() returns the address of the family", () => {
  const v4 = localhostLiteral(named(AF_INET, "localhost"));
  assertEquals(v4, { ...named(AF_INET, "127.0.0.1"), isHostname: false });
  const v6 = localhostLiteral(named(AF_INET6, "LOCALHOST."));
  assertEquals(v6, { ...named(AF_INET6, "::1"), isHostname: false });
  assertEquals(localhostLiteral(named(AF_INET, "localhost.test")), undefined);
});

Deno.test({
  name: "localhostLiteral() returns nothing if the literal is not granted",
  permissions: { net: ["localhost"] },
  fn: () => {
    assertEquals(localhostLiteral(named(AF_INET, "localhost")), undefined);
  },
});

Deno.test("familyMismatchError() names the addresses of the other family", () => {
  const error = familyMismatchError("localhost", [
    { family: AF_INET6, host: "::1" },
    { family: AF_INET6, host: "::2" },
  ]);
  assert(error instanceof gaierror);
  assertEquals(error.code, "EAI_ADDRFAMILY");
  assertEquals(error.message.split(": ")[1], "localhost resolves to ::1, ::2");
});

const reason = new Error("enough");

Deno.test("abortable() returns the result of the lookup", async () => {
  const { signal } = new AbortController();
  assertEquals(await abortable(() => Promise.resolve(1), undefined), 1);
  assertEquals(await abortable(() => Promise.resolve(1), signal), 1);
  await assertRejects(
    () => abortable(() => Promise.reject(new Error("no")), signal),
    Error,
    "no",
  );
});

Deno.test("abortable() begins nothing if the signal is aborted", async () => {
  let begun = false;
  const result = abortable(() => {
    begun = true;
    return Promise.resolve();
  }, AbortSignal.abort(reason));
  assertStrictEquals(await result.catch((error) => error), reason);
  assertEquals(begun, false);
});

Deno.test("abortable() does not wait for a cancelled lookup", async () => {
  const aborter = new AbortController();
  const lookup = Promise.withResolvers<never>();
  const result = abortable(() => lookup.promise, aborter.signal);
  aborter.abort(reason);
  assertStrictEquals(await result.catch((error) => error), reason);
  // Nobody is left to hear of this; it must not be an unhandled rejection.
  lookup.reject(new Error("late"));
  await lookup.promise.catch(() => {});
});

Deno.test("abortable() leaves no listener behind", async () => {
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
  await abortable(() => {
    assertEquals(listeners, 1);
    return Promise.resolve();
  }, signal);
  assertEquals(listeners, 0);
});
