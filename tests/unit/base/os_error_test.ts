import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { gaierror, OSError } from "../../../src/base/errors.ts";
import {
  errnoOf,
  gaiErrnoOf,
  gaiStrerror,
} from "../../../src/base/errno_table.ts";
import {
  fromDeno,
  gaiError,
  hostError,
  osError,
  requireDeno,
  timedOut,
} from "../../../src/base/os_error.ts";

Deno.test("osError() has the system's number and text", () => {
  const error = osError("EBADF");
  assertEquals(error.code, "EBADF");
  assertEquals(error.errno, errnoOf("EBADF"));
  assertEquals(error.message, `[Errno ${error.errno}] Bad file descriptor`);
});

Deno.test("osError() puts the hint after the text, and in the stack", () => {
  const cause = new Error("below");
  const error = osError("ENOPROTOOPT", "SO_LINGER", { cause });
  assertEquals(
    error.message,
    `[Errno ${error.errno}] ${error.strerror}: SO_LINGER`,
  );
  assertStringIncludes(error.stack ?? "", ": SO_LINGER\n");
  assertStrictEquals(error.cause, cause);
});

Deno.test("requireDeno() refuses a Deno that is too old, and names both", () => {
  const [, minor] = Deno.version.deno.split(".").map(Number);
  requireDeno(minor! - 1, "This");
  requireDeno(minor!, "This");
  const error = assertThrows(() => requireDeno(minor! + 1, "This"), OSError);
  assertEquals(error.code, "EOPNOTSUPP");
  assertStringIncludes(
    error.message,
    `: This needs Deno 2.${minor! + 1} or newer, this is ${Deno.version.deno}`,
  );
});

Deno.test("timedOut() has the message of Python", () => {
  const error = timedOut();
  assertEquals(error.name, "TimeoutError");
  assertEquals(error.message, "timed out");
  assertEquals(error.strerror, "timed out");
  assertEquals(error.code, "ETIMEDOUT");
  assertEquals(error.errno, errnoOf("ETIMEDOUT"));
});

Deno.test("gaiError() has the number and text of getaddrinfo", () => {
  const error = gaiError("EAI_NONAME", "nowhere");
  assertInstanceOf(error, gaierror);
  assertEquals(error.code, "EAI_NONAME");
  assertEquals(
    error.message,
    `[Errno ${error.errno}] ${gaiStrerror(error.errno)}: nowhere`,
  );
});

Deno.test("hostError() has the number and text of gethostbyaddr", () => {
  const error = hostError("HOST_NOT_FOUND");
  assertEquals(error.name, "herror");
  assertEquals(error.code, "HOST_NOT_FOUND");
  assertEquals(error.message, `[Errno ${error.errno}] ${error.strerror}`);
});

function named<E extends Error>(error: E, fields: object): E {
  return Object.assign(error, fields);
}

/** What this machine cannot be made to do, as Deno and Node word it. */
const worded: readonly [what: string, cause: unknown, code: string][] = [
  ["text that is thrown", "odd", "EIO"],
  ["an unknown error", new Error("odd"), "EIO"],
  [
    "an unknown code",
    named(new Error("send UNKNOWN"), { code: "UNKNOWN" }),
    "EIO",
  ],
  [
    "a class without code",
    new Deno.errors.ConnectionAborted("x"),
    "ECONNABORTED",
  ],
  ["a write that would block", new Deno.errors.WouldBlock("x"), "EAGAIN"],
  [
    "a denial by the system",
    named(new Deno.errors.PermissionDenied("Permission denied (os error 13)"), {
      code: "EACCES",
    }),
    "EACCES",
  ],
  [
    "a signal during the call",
    named(new Deno.errors.Interrupted("Interrupted (os error 4)"), {
      code: "EINTR",
    }),
    "EINTR",
  ],
  [
    "a number without a code",
    new Error(`Something (os error ${errnoOf("ENOBUFS")})`),
    "ENOBUFS",
  ],
  [
    "a name server that does not answer",
    named(new Error("getaddrinfo EAI_AGAIN x"), {
      code: "EAI_AGAIN",
      syscall: "getaddrinfo",
    }),
    "EAI_AGAIN",
  ],
  [
    "a name server that fails",
    named(new Error("queryA ESERVFAIL x"), {
      code: "ESERVFAIL",
      syscall: "queryA",
    }),
    "EAI_FAIL",
  ],
  [
    "a name without address",
    new Error("No resolved address found"),
    "EAI_NONAME",
  ],
  [
    "a multicast group that is no address",
    new Error("invalid IPv4 address syntax"),
    "EINVAL",
  ],
  [
    "a stream that has ended, node:net",
    named(new Error("write after end"), { code: "ERR_STREAM_WRITE_AFTER_END" }),
    "EPIPE",
  ],
  [
    "every address of a name refusing, node:net",
    named(new AggregateError([new Error("a")]), { code: "ECONNREFUSED" }),
    "ECONNREFUSED",
  ],
];
for (const [what, cause, code] of worded) {
  Deno.test(`fromDeno() makes ${code} of ${what}`, () => {
    const error = fromDeno(cause);
    assertInstanceOf(error, OSError);
    assertEquals(error.code, code);
    assertStrictEquals(error.cause, cause);
  });
}

Deno.test({
  name: "fromDeno() distinguishes the failures of a lookup by their text",
  ignore: Deno.build.os === "windows",
  fn: () => {
    const text = gaiStrerror(gaiErrnoOf("EAI_AGAIN"));
    const error = fromDeno(
      new Error(`failed to lookup address information: ${text}`),
    );
    assertInstanceOf(error, gaierror);
    assertEquals(error.code, "EAI_AGAIN");
    assertEquals(error.message, `[Errno ${error.errno}] ${text}`);
  },
});

Deno.test("fromDeno() keeps the text of an unknown error", () => {
  const error = fromDeno(new Error("odd"));
  assertEquals(error.message, `${osError("EIO").message}: odd`);
});

Deno.test("fromDeno() leaves out the system's text in Deno's words", () => {
  const error = fromDeno(
    named(new Deno.errors.AddrInUse("Address already in use (os error 98)"), {
      code: "EADDRINUSE",
    }),
  );
  assertEquals(error.message, osError("EADDRINUSE").message);
});

const kept: readonly [string, unknown][] = [
  ["an OSError", osError("EPIPE")],
  ["a TypeError", new TypeError("Cannot send: data must be a Uint8Array")],
  ["a RangeError", new RangeError("Cannot bind: port must be 0 to 65535")],
  ["a signal's reason", new DOMException("over", "TimeoutError")],
  ["an abort", AbortSignal.abort().reason],
  ["an abort of Node", named(new Error("aborted"), { name: "AbortError" })],
  [
    "an argument that Node refuses",
    named(new RangeError("Port"), { code: "ERR_SOCKET_BAD_PORT" }),
  ],
];
for (const [what, error] of kept) {
  Deno.test(`fromDeno() returns ${what} as it is`, () => {
    assertStrictEquals<unknown>(fromDeno(error), error);
  });
}
