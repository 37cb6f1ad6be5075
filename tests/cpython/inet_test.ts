import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  htonl,
  htons,
  inet_aton,
  inet_ntop,
  inet_pton,
  ntohl,
  ntohs,
  OSError,
} from "@pystd/socket";
import { python, runPython } from "../support/python.ts";

/** What `call` returns, or the class of what it throws. */
function outcome(call: () => unknown): string {
  try {
    return String(call());
  } catch (error) {
    assertInstanceOf(error, Error);
    return error instanceof OSError ? "OSError" : error.name;
  }
}

/** Texts like addresses, the same ones in every run. */
function* texts(): Generator<string> {
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 0x80000000;
    return Math.floor(seed / 0x80000000 * below);
  };
  const pieces = [
    ..."0123456789abcdefgxX.:: ",
    "::",
    "0x",
    "00",
    "255",
    "256",
    "127.0.0.1",
    "ffff",
    "1.2.3.4",
    ":0:0:",
    "65536",
    "\t",
  ];
  for (let i = 0; i < 4000; i++) {
    let text = "";
    for (let n = next(9); n >= 0; n--) text += pieces[next(pieces.length)];
    yield text;
  }
}

const glibc = python !== null && Deno.build.os === "linux";
const unless = glibc ? "" : " (skipped: no python3 on Linux)";

Deno.test({
  name: `inet_aton() and inet_pton() return the results of python3${unless}`,
  ignore: !glibc,
  fn: async () => {
    const all = [...texts()];
    const theirs: string[][] = JSON.parse(
      await runPython(
        `
import json, socket, sys
def outcome(call, *args):
  try: return call(*args).hex()
  except Exception as e: return type(e).__name__
texts = [bytes.fromhex(t).decode() for t in sys.argv[1].split(",")]
print(json.dumps([[outcome(socket.inet_aton, t),
                   outcome(socket.inet_pton, socket.AF_INET, t),
                   outcome(socket.inet_pton, socket.AF_INET6, t)]
                  for t in texts]))`,
        [all.map((text) => new TextEncoder().encode(text).toHex()).join(",")],
      ),
    );
    let accepted = 0;
    for (const [index, text] of all.entries()) {
      const ours = [
        outcome(() => inet_aton(text).toHex()),
        outcome(() => inet_pton(AF_INET, text).toHex()),
        outcome(() => inet_pton(AF_INET6, text).toHex()),
      ];
      assertEquals(ours, theirs[index]!, JSON.stringify(text));
      accepted += ours.filter((result) => result !== "OSError").length;
    }
    assert(accepted > 200, `${accepted} accepted`);
  },
});

Deno.test({
  name: `inet_ntop() returns the results of python3${unless}`,
  ignore: !glibc,
  fn: async () => {
    // Every way in which the eight groups can be zero or not, with and without
    // the ffff of a mapped address.
    const all: string[] = [];
    for (let mask = 0; mask < 256; mask++) {
      for (const fifth of ["0000", "ffff", "0a0b"]) {
        const groups: string[] = Array.from(
          { length: 8 },
          (_, i) => mask >> i & 1 ? "0102" : "0000",
        );
        groups[5] = fifth;
        all.push(groups.join(""));
      }
    }
    const theirs: string[] = JSON.parse(
      await runPython(
        `
import json, socket, sys
print(json.dumps([socket.inet_ntop(socket.AF_INET6, bytes.fromhex(t))
                  for t in sys.argv[1].split(",")]))`,
        [all.join(",")],
      ),
    );
    for (const [index, hex] of all.entries()) {
      const packed = Uint8Array.fromHex(hex);
      assertEquals(inet_ntop(AF_INET6, packed), theirs[index]!, hex);
    }
  },
});

Deno.test({
  name: `htons() and its variants return the results of python3${unless}`,
  ignore: !glibc,
  fn: async () => {
    const values = [0, 1, 255, 256, 8000, 65535, 65536, 0x12345678, 0xffffffff];
    const theirs = JSON.parse(
      await runPython(
        `
import json, socket, sys
def outcome(call, x):
  try: return str(call(x))
  except OverflowError: return "RangeError"
print(json.dumps([[outcome(call, int(x)) for x in sys.argv[1:]] for call in
  (socket.htons, socket.ntohs, socket.htonl, socket.ntohl)]))`,
        values.map(String),
      ),
    );
    const ours = [htons, ntohs, htonl, ntohl].map((convert) =>
      values.map((value) => outcome(() => convert(value)))
    );
    assertEquals(ours, theirs);
  },
});
