import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as errno from "@pystd/socket/errno";
import { python, runPython } from "../support/python.ts";

const { OSError, ConnectionError } = socket;

const classes: readonly [keyof typeof errno, typeof OSError][] = [
  ["EAGAIN", socket.BlockingIOError],
  ["EWOULDBLOCK", socket.BlockingIOError],
  ["EALREADY", socket.BlockingIOError],
  ["EINPROGRESS", socket.BlockingIOError],
  ["EPIPE", socket.BrokenPipeError],
  ["ESHUTDOWN", socket.BrokenPipeError],
  ["ECONNABORTED", socket.ConnectionAbortedError],
  ["ECONNREFUSED", socket.ConnectionRefusedError],
  ["ECONNRESET", socket.ConnectionResetError],
  ["EEXIST", socket.FileExistsError],
  ["ENOENT", socket.FileNotFoundError],
  ["EINTR", socket.InterruptedError],
  ["EACCES", socket.PermissionError],
  ["EPERM", socket.PermissionError],
  ["ETIMEDOUT", socket.TimeoutError],
  ["EBADF", OSError],
  ["EINVAL", OSError],
  ["EADDRINUSE", OSError],
];
for (const [code, Class] of classes) {
  Deno.test(`OSError of ${code} is of class ${Class.name}`, () => {
    const error = new OSError(errno[code] as number);
    assertStrictEquals(Object.getPrototypeOf(error), Class.prototype);
    assertStrictEquals(error.constructor, Class);
    assertEquals(error.name, Class.name);
    assertInstanceOf(error, OSError);
    assertInstanceOf(error, Error);
  });
}

Deno.test("OSError has Python's fields and message", () => {
  const cause = new Error("below");
  const error = new OSError(errno.ECONNREFUSED, "Connection refused", {
    cause,
  });
  assertEquals(error.errno, errno.ECONNREFUSED);
  assertEquals(error.strerror, "Connection refused");
  assertEquals(error.code, "ECONNREFUSED");
  assertStrictEquals(error.cause, cause);
  assertEquals(
    error.message,
    `[Errno ${errno.ECONNREFUSED}] Connection refused`,
  );
});

Deno.test("OSError has no cause unless one is given", () => {
  assertEquals("cause" in new OSError(errno.EBADF), false);
});

Deno.test("OSError takes the system's text by default", () => {
  const error = new OSError(errno.EBADF);
  assertEquals(error.strerror, "Bad file descriptor");
  assertEquals(error.message, `[Errno ${errno.EBADF}] Bad file descriptor`);
});

Deno.test("OSError shows its class and message in the stack", () => {
  const error = new OSError(errno.EPIPE, "Broken pipe");
  assertEquals(
    error.stack?.split("\n")[0],
    `BrokenPipeError: [Errno ${errno.EPIPE}] Broken pipe`,
  );
});

const names: readonly (keyof typeof errno)[] = [
  "EAGAIN",
  "EOPNOTSUPP",
  "EDEADLK",
  "ENOTCONN",
];
for (const code of names) {
  Deno.test(`OSError of ${code} has that code`, () => {
    assertEquals(new OSError(errno[code] as number).code, code);
  });
}

Deno.test("OSError of an unknown number has the code UNKNOWN", () => {
  const error = new OSError(98765);
  assertEquals(error.code, "UNKNOWN");
  assertEquals(error.name, "OSError");
});

Deno.test("a subclass of OSError keeps its class whatever the errno", () => {
  const error = new ConnectionError(errno.ECONNREFUSED);
  assertStrictEquals(error.constructor, ConnectionError);
  assertEquals(error.name, "ConnectionError");
  class Own extends OSError {}
  assertStrictEquals(new Own(errno.EPIPE).constructor, Own);
});

Deno.test("ConnectionError covers its four causes", () => {
  for (
    const code of [
      "EPIPE",
      "ECONNABORTED",
      "ECONNREFUSED",
      "ECONNRESET",
    ] as const
  ) {
    assertInstanceOf(new OSError(errno[code]), ConnectionError);
  }
  assertEquals(new OSError(errno.ETIMEDOUT) instanceof ConnectionError, false);
});

Deno.test("error and timeout are OSError and TimeoutError", () => {
  assertStrictEquals(socket.error, OSError);
  assertStrictEquals(socket.timeout, socket.TimeoutError);
});

Deno.test("gaierror has the numbers and names of getaddrinfo", () => {
  const error = new socket.gaierror(socket.EAI_NONAME);
  assertEquals(error.errno, socket.EAI_NONAME);
  assertEquals(error.code, "EAI_NONAME");
  assertEquals(error.name, "gaierror");
  assertEquals(error.message, `[Errno ${error.errno}] ${error.strerror}`);
  assertInstanceOf(error, OSError);
  assertEquals(new socket.gaierror(98765).code, "UNKNOWN");
});

Deno.test({
  name: "gaierror has the texts of Linux",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    assertEquals(
      new socket.gaierror(socket.EAI_NONAME).message,
      "[Errno -2] Name or service not known",
    );
  },
});

Deno.test("herror has the numbers and names of h_errno", () => {
  const error = new socket.herror(Deno.build.os === "windows" ? 11001 : 1);
  assertEquals(error.code, "HOST_NOT_FOUND");
  assertEquals(error.name, "herror");
  assertEquals(error.message, `[Errno ${error.errno}] ${error.strerror}`);
  assertInstanceOf(error, OSError);
});

Deno.test("UnsupportedOperation shows its message alone", () => {
  const cause = new Error("below");
  const error = new socket.UnsupportedOperation("not writable", { cause });
  assertEquals(error.message, "not writable");
  assertEquals(error.strerror, "not writable");
  assertEquals(error.code, "EOPNOTSUPP");
  assertEquals(error.errno, errno.EOPNOTSUPP);
  assertStrictEquals(error.cause, cause);
  assertEquals(
    error.stack?.split("\n")[0],
    "UnsupportedOperation: not writable",
  );
  assertInstanceOf(error, OSError);
});

Deno.test({
  name: python === null
    ? "OSError chooses the class that python3 chooses (skipped: no python3)"
    : "OSError chooses the class that python3 chooses",
  ignore: python === null,
  fn: async () => {
    const theirs: Record<string, string> = JSON.parse(
      await runPython(
        "import errno, json; print(json.dumps({number: " +
          "type(OSError(number, '')).__name__ for number in errno.errorcode}))",
      ),
    );
    // Classes that no operation on a socket has a use for.
    const left = [
      "ChildProcessError",
      "IsADirectoryError",
      "NotADirectoryError",
      "ProcessLookupError",
    ];
    for (const [number, name] of Object.entries(theirs)) {
      const expected = left.includes(name) ? "OSError" : name;
      assertEquals(new OSError(Number(number)).name, expected, number);
    }
  },
});

Deno.test("OSError has the number and the text as its args, a copy each time", () => {
  const error = new OSError(errno.EPIPE, "Broken pipe");
  const [number, text] = error.args;
  assertEquals([number, text], [errno.EPIPE, "Broken pipe"]);
  error.args[0] = 0;
  assertEquals(error.args, [errno.EPIPE, "Broken pipe"]);
});
