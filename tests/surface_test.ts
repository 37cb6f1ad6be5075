import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { python, runPython } from "./_support/python.ts";
import { absent, absentMethods } from "./_support/absent.ts";

const skip = python === null;
const why = skip ? " (skipped: no python3)" : "";

async function dir(of: string): Promise<string[]> {
  const out = await runPython(
    `import socket\nprint("\\n".join(dir(${of})))`,
  );
  return out.trim().split("\n").filter((name) => !name.startsWith("_"));
}

Deno.test({
  name: `module has every name of Python's socket, or says why not${why}`,
  ignore: skip,
  async fn() {
    const names = await dir("socket");
    const here = new Set(Object.keys(socket));
    const missing = names.filter((name) =>
      !here.has(name) && !absent.some(({ matches }) => matches(name))
    );
    assertEquals(missing, []);
  },
});

Deno.test({
  name: `absent names are not there after all${why}`,
  ignore: skip,
  fn() {
    const present = Object.keys(socket).filter((name) =>
      absent.some(({ matches }) => matches(name))
    );
    assertEquals(present, []);
  },
});

Deno.test({
  name: `Socket has every name of Python's socket objects${why}`,
  ignore: skip,
  async fn() {
    using s = socket.socket();
    const missing = (await dir("socket.socket")).filter((name) =>
      !(name in s) && !absentMethods.includes(name)
    );
    assertEquals(missing, []);
  },
});
