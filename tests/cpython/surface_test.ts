import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { python, runPython } from "../support/python.ts";
import { absent } from "../support/absent.ts";

const skip = python === null;

function isAbsent(name: string): boolean {
  return absent.some(({ matches }) => matches(name));
}

const why = skip ? " (skipped: no python3)" : "";

async function dir(of: string): Promise<string[]> {
  const out = await runPython(
    `import socket\nprint("\\n".join(dir(${of})))`,
  );
  return out.trim().split("\n").filter((name) => !name.startsWith("_"));
}

Deno.test({
  name:
    `module has every name of Python's socket, or a reason for its absence${why}`,
  ignore: skip,
  async fn() {
    const names = await dir("socket");
    const here = new Set(Object.keys(socket));
    const missing = names.filter((name) => !here.has(name) && !isAbsent(name));
    assertEquals(missing, []);
  },
});

Deno.test("absent names are really absent", () => {
  using s = socket.socket();
  const names = new Set(Object.keys(socket));
  let of: object | null = s;
  while (of !== null && of !== Object.prototype) {
    for (const name of Object.getOwnPropertyNames(of)) names.add(name);
    of = Object.getPrototypeOf(of);
  }
  assertEquals([...names].filter(isAbsent), []);
});

Deno.test({
  name: `Socket has every name of Python's socket objects${why}`,
  ignore: skip,
  async fn() {
    using s = socket.socket();
    const missing = (await dir("socket.socket")).filter((name) =>
      !(name in s) && !isAbsent(name)
    );
    assertEquals(missing, []);
  },
});
