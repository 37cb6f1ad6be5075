import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { outcomeOf } from "../support/outcome.ts";
import { python, pythonOutcomes } from "../support/python.ts";

const { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IPV6 } = socket;

/** A `struct timeval`. */
function timeval(seconds: number, micros: number): Uint8Array {
  return new Uint8Array(
    new BigInt64Array([BigInt(seconds), BigInt(micros)]).buffer,
  );
}

const programs: [theirs: string, ours: () => unknown][] = [];

/** One program in both languages; `s`, `u` and `s6` are fresh sockets. */
function compare(
  theirs: string,
  ours: (
    s: socket.Socket,
    u: socket.Socket,
    s6: socket.Socket,
  ) => unknown,
): void {
  const { AF_INET, AF_INET6, SOCK_DGRAM } = socket;
  programs.push([theirs, async () => {
    using s = socket.socket();
    using u = socket.socket(AF_INET, SOCK_DGRAM);
    using s6 = socket.socket(AF_INET6);
    const value = await ours(s, u, s6);
    return value instanceof Uint8Array ? [...value] : value;
  }]);
}

for (
  const [name, level, option] of [
    ["SOL_SOCKET, SO_REUSEADDR", SOL_SOCKET, socket.SO_REUSEADDR],
    ["SOL_SOCKET, SO_REUSEPORT", SOL_SOCKET, socket.SO_REUSEPORT],
    ["SOL_SOCKET, SO_BROADCAST", SOL_SOCKET, socket.SO_BROADCAST],
    ["SOL_SOCKET, SO_KEEPALIVE", SOL_SOCKET, socket.SO_KEEPALIVE],
    ["IPPROTO_TCP, TCP_NODELAY", IPPROTO_TCP, socket.TCP_NODELAY],
  ] as const
) {
  compare(`s.getsockopt(${name})`, (s) => s.getsockopt(level, option));
  compare(
    `s.setsockopt(${name}, 7); s.getsockopt(${name}, 3)`,
    (s) => {
      s.setsockopt(level, option, 7);
      return s.getsockopt(level, option, 3);
    },
  );
  compare(
    `s.setsockopt(${name}, b'\\1')`,
    (s) => s.setsockopt(level, option, new Uint8Array([1])),
  );
}
compare(
  "s.getsockopt(SOL_SOCKET, SO_RCVTIMEO)",
  (s) => s.getsockopt(SOL_SOCKET, socket.SO_RCVTIMEO),
);
compare(
  "s.getsockopt(SOL_SOCKET, SO_RCVTIMEO, 100)",
  (s) => s.getsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, 100),
);
compare(
  "s.setsockopt(SOL_SOCKET, SO_SNDTIMEO, struct.pack('ll', 3, 500000))\n" +
    "s.getsockopt(SOL_SOCKET, SO_SNDTIMEO)",
  (s) => {
    s.setsockopt(SOL_SOCKET, socket.SO_SNDTIMEO, timeval(3, 500_000));
    return s.getsockopt(SOL_SOCKET, socket.SO_SNDTIMEO);
  },
);
compare(
  "s.setsockopt(SOL_SOCKET, SO_RCVTIMEO, struct.pack('ll', -5, 0))\n" +
    "s.getsockopt(SOL_SOCKET, SO_RCVTIMEO, 16)",
  (s) => {
    s.setsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, timeval(-5, 0));
    return s.getsockopt(SOL_SOCKET, socket.SO_RCVTIMEO, 16);
  },
);
compare(
  "u.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)\n" +
    "u.getsockopt(SOL_SOCKET, SO_KEEPALIVE)",
  (_, u) => {
    u.setsockopt(SOL_SOCKET, socket.SO_KEEPALIVE, 1);
    return u.getsockopt(SOL_SOCKET, socket.SO_KEEPALIVE);
  },
);
compare(
  "u.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)",
  (_, u) => u.setsockopt(IPPROTO_TCP, socket.TCP_NODELAY, 1),
);
compare(
  "u.getsockopt(IPPROTO_TCP, TCP_NODELAY)",
  (_, u) => u.getsockopt(IPPROTO_TCP, socket.TCP_NODELAY),
);
compare(
  "s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)",
  (s) => s.setsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY, 1),
);
compare(
  "s.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY)",
  (s) => s.getsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY),
);
compare(
  "s6.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)\n" +
    "s6.getsockopt(IPPROTO_IPV6, IPV6_V6ONLY)",
  (_, _u, s6) => {
    s6.setsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
    return s6.getsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY);
  },
);
compare(
  "s6.bind(('::1', 0)); s6.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)",
  (_, _u, s6) => {
    s6.bind(["::1", 0]);
    s6.setsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
  },
);
compare(
  "s.bind(('127.0.0.1', 0)); s.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)",
  (s) => {
    s.bind(["127.0.0.1", 0]);
    s.setsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
  },
);
compare(
  "u = socket(AF_UNIX); u.bind('\\0v6only'); u.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)",
  () => {
    using u = socket.socket(socket.AF_UNIX);
    u.setsockopt(IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
  },
);
compare(
  "s.getsockopt(SOL_SOCKET, 9999)",
  (s) => s.getsockopt(SOL_SOCKET, 9999),
);
compare(
  "s.setsockopt(SOL_SOCKET, 9999, 1)",
  (s) => s.setsockopt(SOL_SOCKET, 9999, 1),
);

const skipped = python === null || Deno.build.os !== "linux";
Deno.test({
  name: `options have the values and errors of python3${
    skipped ? " (skipped: no python3, or not Linux)" : ""
  }`,
  ignore: skipped,
  fn: async () => {
    const theirs = await pythonOutcomes(
      programs.map(([each]) => each),
      "s = socket(); u = socket(AF_INET, SOCK_DGRAM); s6 = socket(AF_INET6)",
    );
    for (const [i, [program, ours]] of programs.entries()) {
      const outcome = await outcomeOf(ours);
      const [same = outcome] = /^\w+Error: [^:]+/.exec(outcome) ?? [];
      assertEquals(same, theirs[i], program);
    }
  },
});
