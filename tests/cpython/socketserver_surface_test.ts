import { assertEquals } from "@std/assert";
import * as socketserver from "@pystd/socket/socketserver";
import { python, runPython } from "../support/python.ts";

/** Names of Python's that are not here, and the reason. */
const absent: readonly [names: RegExp, reason: string][] = [
  [/^Forking/, "Deno has no fork"],
  [
    /^(?:BufferedIOBase|os|selectors|socket|sys|threading|time)$/,
    "what Python's file happens to import",
  ],
];

/** An object of each class, in Python and here. */
class Handler extends socketserver.BaseRequestHandler {}
const here: readonly [theirs: string, ours: () => AsyncDisposable][] = [
  "TCPServer",
  "UDPServer",
  "ThreadingTCPServer",
  "ThreadingUDPServer",
].map((name) => [
  `${name}(("127.0.0.1", 0), BaseRequestHandler)`,
  () => {
    const classes = socketserver as unknown as Record<
      string,
      typeof socketserver.TCPServer
    >;
    return new classes[name]!(["127.0.0.1", 0], Handler);
  },
]);

async function namesIn(expression: string): Promise<string[]> {
  const output = await runPython(
    `import socketserver
from socketserver import *
print(*(n for n in dir(${expression}) if n[0] != "_"))`,
  );
  return output.trim().split(" ");
}

Deno.test({
  name: "socketserver has every name of Python's, or a reason for its absence",
  ignore: python === null,
  fn: async () => {
    const missing = (await namesIn("socketserver")).filter((name) =>
      !(name in socketserver) && !absent.some(([names]) => names.test(name))
    );
    assertEquals(missing, []);
  },
});

Deno.test({
  name: "socketserver has no value that Python's has not",
  ignore: python === null,
  fn: async () => {
    const names = await namesIn("socketserver");
    assertEquals(
      Object.keys(socketserver).filter((name) => !names.includes(name)),
      [],
    );
  },
});

for (const [theirs, ours] of here) {
  Deno.test({
    name: `${theirs} has every name of Python's`,
    ignore: python === null,
    fn: async () => {
      await using server = ours();
      const names = await namesIn(theirs);
      assertEquals(names.filter((name) => !(name in server)), []);
    },
  });
}

Deno.test({
  name: "handlers have every name of Python's",
  ignore: python === null,
  fn: async () => {
    for (
      const name of [
        "BaseRequestHandler",
        "StreamRequestHandler",
        "DatagramRequestHandler",
      ] as const
    ) {
      const server = new socketserver.TCPServer(
        ["127.0.0.1", 0],
        Handler,
        false,
      );
      const handler = new (socketserver[name] as typeof Handler)(
        server.socket,
        ["127.0.0.1", 0],
        server,
      );
      const names = await namesIn(name);
      assertEquals(names.filter((each) => !(each in handler)), [], name);
      await server.server_close();
    }
  },
});
