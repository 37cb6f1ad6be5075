import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import * as c from "../../../src/base/constants.ts";
import { OSError } from "../../../src/base/errors.ts";
import {
  intFrom,
  MulticastState,
  Options,
} from "../../../src/endpoint/options.ts";
import {
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  TCP_NODELAY,
} from "../../../src/base/constants.ts";

const { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } = c;

function none(): number {
  throw new Error("No option that describes the socket was asked for");
}

function codeOf(call: () => unknown): string {
  return assertThrows(call, OSError).code;
}

function timeval(seconds: number, micros: number): Uint8Array {
  return new Uint8Array(
    new BigInt64Array([BigInt(seconds), BigInt(micros)]).buffer,
  );
}

Deno.test("Options has flags that are off at first", () => {
  const options = new Options(AF_INET, SOCK_STREAM);
  assertEquals(options.isSet(SOL_SOCKET, c.SO_KEEPALIVE), false);
  options.set(SOL_SOCKET, c.SO_KEEPALIVE, 5);
  assertEquals(options.isSet(SOL_SOCKET, c.SO_KEEPALIVE), true);
  assertEquals(intFrom(options.get(SOL_SOCKET, c.SO_KEEPALIVE, none)), 1);
  options.set(SOL_SOCKET, c.SO_KEEPALIVE, 0);
  assertEquals(options.isSet(SOL_SOCKET, c.SO_KEEPALIVE), false);
});

Deno.test("Options keeps options of the same number and another level apart", () => {
  const options = new Options(AF_INET6, SOCK_STREAM);
  options.set(IPPROTO_TCP, TCP_NODELAY, 1);
  assertEquals(options.isSet(SOL_SOCKET, TCP_NODELAY), false);
  assertEquals(options.isSet(IPPROTO_IPV6, IPV6_V6ONLY), false);
});

Deno.test("Options reads the options that describe the socket", () => {
  const options = new Options(AF_INET, SOCK_STREAM);
  const value = options.get(SOL_SOCKET, c.SO_TYPE, (option) => {
    assertStrictEquals(option, c.SO_TYPE);
    return 77;
  });
  assertEquals(intFrom(value), 77);
});

Deno.test("Options rejects options that cannot be set, and keeps their values", () => {
  const options = new Options(AF_INET, SOCK_STREAM);
  options.set(SOL_SOCKET, c.SO_KEEPALIVE, 1);
  assertEquals(
    codeOf(() => options.set(SOL_SOCKET, c.SO_ERROR, 1)),
    "ENOPROTOOPT",
  );
  assertEquals(codeOf(() => options.set(SOL_SOCKET, 9999, 1)), "ENOPROTOOPT");
  assertEquals(codeOf(() => options.get(77, 1, none)), "ENOPROTOOPT");
  assertEquals(
    codeOf(() => options.set(SOL_SOCKET, c.SO_KEEPALIVE, new Uint8Array(3))),
    "EINVAL",
  );
  assertEquals(options.isSet(SOL_SOCKET, c.SO_KEEPALIVE), true);
});

const foreign: readonly [
  what: string,
  family: number,
  type: number,
  level: number,
  option: number,
  setting: string,
][] = [
  [
    "TCP_NODELAY of a datagram socket",
    AF_INET,
    SOCK_DGRAM,
    IPPROTO_TCP,
    TCP_NODELAY,
    "ENOPROTOOPT",
  ],
  [
    "TCP_NODELAY of a Unix socket",
    AF_UNIX,
    SOCK_STREAM,
    IPPROTO_TCP,
    TCP_NODELAY,
    "EOPNOTSUPP",
  ],
  [
    "IPV6_V6ONLY of an IPv4 socket",
    AF_INET,
    SOCK_STREAM,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    "ENOPROTOOPT",
  ],
  [
    "IPV6_V6ONLY of a Unix socket",
    AF_UNIX,
    SOCK_STREAM,
    IPPROTO_IPV6,
    IPV6_V6ONLY,
    "EOPNOTSUPP",
  ],
];
for (const [what, family, type, level, option, setting] of foreign) {
  Deno.test(`Options rejects ${what}`, () => {
    const options = new Options(family, type);
    assertEquals(codeOf(() => options.set(level, option, 1)), setting);
    assertEquals(codeOf(() => options.get(level, option, none)), "EOPNOTSUPP");
  });
}

Deno.test({
  name: "Options turns a struct timeval into milliseconds",
  ignore: Deno.build.os === "windows",
  fn: () => {
    const options = new Options(AF_INET, SOCK_STREAM);
    assertEquals(options.receiveTimeoutMs, null);
    for (
      const [seconds, micros, ms] of [
        [1, 500_000, 1500],
        [0, 1, 0.001],
        [-1, 0, 0],
        [0, 0, null],
        [10_000_000_000, 0, 10_000_000_000_000],
      ] as const
    ) {
      options.set(SOL_SOCKET, c.SO_RCVTIMEO, timeval(seconds, micros));
      assertEquals(options.receiveTimeoutMs, ms);
      assertEquals(options.sendTimeoutMs, null);
      assertEquals(
        options.get(SOL_SOCKET, c.SO_RCVTIMEO, none),
        timeval(Math.max(0, seconds), micros),
      );
    }
    options.set(SOL_SOCKET, c.SO_SNDTIMEO, timeval(2, 0));
    assertEquals([options.receiveTimeoutMs, options.sendTimeoutMs], [
      10_000_000_000_000,
      2000,
    ]);
  },
});

Deno.test({
  name: "Options takes a struct timeval from the middle of a buffer",
  ignore: Deno.build.os === "windows",
  fn: () => {
    const buffer = new Uint8Array(40).fill(0xff);
    buffer.set(timeval(3, 250_000), 5);
    const options = new Options(AF_INET, SOCK_STREAM);
    options.set(SOL_SOCKET, c.SO_RCVTIMEO, buffer.subarray(5, 30));
    assertEquals(options.receiveTimeoutMs, 3250);
  },
});

Deno.test("Options inherits a copy of every value", () => {
  const parent = new Options(AF_INET, SOCK_STREAM);
  parent.set(SOL_SOCKET, c.SO_KEEPALIVE, 1);
  parent.receiveTimeoutMs = 5;
  const child = parent.inherit();
  assertEquals(child.isSet(SOL_SOCKET, c.SO_KEEPALIVE), true);
  assertEquals([child.receiveTimeoutMs, child.sendTimeoutMs], [5, null]);
  child.set(SOL_SOCKET, c.SO_KEEPALIVE, 0);
  assertEquals(parent.isSet(SOL_SOCKET, c.SO_KEEPALIVE), true);
});

Deno.test("MulticastState takes an option back that could not be applied", async () => {
  const options = new Options(AF_INET, SOCK_DGRAM);
  let works = false;
  const apply = async (): Promise<void> => {
    if (!works) throw new Error("No such device (os error 19)");
  };
  const control = {
    loop: true,
    join: apply,
    leave: apply,
    setTtl: apply,
    setLoop: apply,
  };
  const state = new MulticastState(options, control, () => {});
  const { IPPROTO_IP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL } = c;
  const set = async (loop: number, ttl: number): Promise<number[]> => {
    options.set(IPPROTO_IP, IP_MULTICAST_LOOP, loop);
    options.set(IPPROTO_IP, IP_MULTICAST_TTL, ttl);
    state.update();
    // It rejects with the first failure; the values say which changes failed.
    await state.settle().catch(() => {});
    return [IP_MULTICAST_LOOP, IP_MULTICAST_TTL].map((option) =>
      intFrom(options.get(IPPROTO_IP, option, none))
    );
  };
  assertEquals(await set(0, 4), [1, 1]);
  works = true;
  assertEquals(await set(0, 4), [0, 4]);
  works = false;
  assertEquals(await set(1, 2), [0, 4]);
  // Another change is asked for while the first has not failed yet.
  options.set(IPPROTO_IP, IP_MULTICAST_TTL, 5);
  options.set(IPPROTO_IP, IP_MULTICAST_LOOP, 1);
  state.update();
  assertEquals(await set(0, 6), [0, 4]);
  options.set(IPPROTO_IP, IP_MULTICAST_TTL, 7);
  state.update();
  works = true;
  assertEquals(await set(1, 8), [1, 8]);
});

Deno.test("intFrom() takes the first four bytes, or fewer", () => {
  assertEquals(intFrom(new Uint8Array([1, 0, 0, 0])), 1);
  assertEquals(intFrom(new Uint8Array([255, 255, 255, 255])), -1);
  assertEquals(intFrom(new Uint8Array([2])), 2);
  assertEquals(intFrom(new Uint8Array([3, 0, 0, 0, 9, 9])), 3);
});
