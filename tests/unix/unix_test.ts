import { assertEquals, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { startDeno } from "../support/child.ts";
import { python, pythonOutcomes, startPython } from "../support/python.ts";
import { TemporaryDirectory } from "../support/temporary.ts";
import { flags, ignore, onLinux, prelude, run } from "../support/unix.ts";

/**
 * The directory of all tests here. It is made when this module is loaded, so
 * that it belongs to no test, and removed when the process ends.
 */
const directory = ignore ? null : await TemporaryDirectory.make();

/** Runs a test with a directory in it. */
async function withDirectory(
  test: (dir: string) => Promise<void>,
): Promise<void> {
  const name = crypto.randomUUID();
  await directory!.run(`Deno.mkdirSync("${name}");`);
  await test(fileURLToPath(new URL(`${name}/`, directory!.url)));
}

/** A Python program, and the same with this module. Both in a directory. */
const rows: readonly [theirs: string, ours: string][] = [
  ["S().bind(d + 'no/x')", "unix().bind(dir + 'no/x')"],
  ["D().bind(d + 'no/x')", "unix(SOCK_DGRAM).bind(dir + 'no/x')"],
  ["S().connect(d + 'no')", "unix().connect(dir + 'no')"],
  ["D().connect(d + 'no')", "unix(SOCK_DGRAM).connect(dir + 'no')"],
  [
    "D().sendto(b'', d + 'no')",
    "unix(SOCK_DGRAM).sendto(bytes(''), dir + 'no')",
  ],
  ["S().bind(f)", "unix().bind(dir + 'file')"],
  ["D().bind(f)", "unix(SOCK_DGRAM).bind(dir + 'file')"],
  ["S().connect(f)", "unix().connect(dir + 'file')"],
  ["D().connect(f)", "unix(SOCK_DGRAM).connect(dir + 'file')"],
  ["D().sendto(b'', f)", "unix(SOCK_DGRAM).sendto(bytes(''), dir + 'file')"],
  ["S().connect(stale)", "unix().connect(stale)"],
  ["D().sendto(b'', stale)", "unix(SOCK_DGRAM).sendto(bytes(''), stale)"],
  ["S().connect('')", "unix().connect('')"],
  ["D().connect('')", "unix(SOCK_DGRAM).connect('')"],
  ["D().sendto(b'', '')", "unix(SOCK_DGRAM).sendto(bytes(''), '')"],
  ["D().send(b'')", "unix(SOCK_DGRAM).send(bytes(''))"],
  ["S().send(b'')", "unix().send(bytes(''))"],
  [
    "s = S(); s.bind(new()); s.listen(); c = S(); c.connect(s.getsockname()); c.sendto(b'1', f)",
    `
    (async () => {
      using s = unix(SOCK_STREAM, fresh());
      s.listen();
      using c = unix();
      await c.connect(s.getsockname());
      await c.sendto(bytes("1"), dir + "file");
    })()`,
  ],
  ["S().listen()", "unix().listen()"],
  ["S().getpeername()", "unix().getpeername()"],
  ["S().getsockname()", "unix().getsockname()"],
  ["D().shutdown(SHUT_WR)", "unix(SOCK_DGRAM).shutdown(socket.SHUT_WR)"],
  [
    "s = D(); s.bind(new()); s.bind(new())",
    `(() => {
    const s = unix(SOCK_DGRAM, fresh());
    s.bind(fresh());
  })()`,
  ],
  [
    "s = S(); s.bind(d + 'b'); s2 = S(); s2.bind(d + 'b')",
    `(() => {
    using _ = unix(SOCK_STREAM, dir + "b2");
    unix().bind(dir + "b2");
  })()`,
  ],
  ["re.sub('fd=\\\\d+', '', repr(S()))", "bare(unix())"],
  [
    's = S(); s.bind(d + "r\'1"); shown(s)',
    `(() => {
    using s = unix(SOCK_STREAM, dir + "r'2");
    return bare(s).replace("r'2", "r'1");
  })()`,
  ],
  [
    "s = D(); s.bind(d + 'p1'); c = D(); c.connect(d + 'p1'); shown(c)",
    `
    (async () => {
      using _ = unix(SOCK_DGRAM, dir + "p2");
      using c = unix(SOCK_DGRAM);
      await c.connect(dir + "p2");
      return bare(c).replace("p2", "p1");
    })()`,
  ],
  ...onLinux
    ? [
      [
        "s = S(); s.bind('\\0é\"\\x07' + u); shown(s)",
        `(() => {
        using s = unix(SOCK_STREAM, '\\0é"\\x07' + crypto.randomUUID());
        return bare(s).replace(/[0-9a-f]{8}-[-0-9a-f]{27}/, "UUID");
      })()`,
      ] as const,
      ["S().connect('\\0' + u)", "unix().connect('\\0' + crypto.randomUUID())"],
      [
        "D().sendto(b'', '\\0' + u)",
        `
        unix(SOCK_DGRAM).sendto(bytes(""), "\\0" + crypto.randomUUID())`,
      ],
    ] as [string, string][]
    : [],
];

Deno.test({
  name: "AF_UNIX calls have the results of Python",
  ignore: ignore || python === null,
  fn: () =>
    withDirectory(async (dir) => {
      const theirs = await pythonOutcomes(
        rows.map(([program]) => program),
        `
import os, re, uuid
S = lambda: socket(AF_UNIX, SOCK_STREAM)
D = lambda: socket(AF_UNIX, SOCK_DGRAM)
d, f, u = ${JSON.stringify(dir)}, ${
          JSON.stringify(dir + "file")
        }, str(uuid.uuid4())
open(f, 'w').close()
new = lambda: d + uuid.uuid4().hex
stale = d + 'stale'
if not os.path.exists(stale):
    D().bind(stale)
shown = lambda s: re.sub('fd=\\\\d+', '', repr(s)).replace(u, 'UUID')
`,
      );
      const ours = await run(
        `
        const stale = dir + "stale";
        const fresh = () => dir + crypto.randomUUID().replaceAll("-", "");
        const bare = (s) => String(s).replace(/fd=\\d+/, "");
        ${rows.map(([, code]) => `await print(() => ${code});`).join("\n")}`,
        { dir },
      );
      const label = (outcomes: string[]) =>
        rows.map(([program], i) => `${program}: ${outcomes[i]}`);
      // The advice is the module's own.
      const bare = ours.map((each) =>
        each.replace(/: the socket is already bound$/, "")
      );
      assertEquals(label(bare), label(theirs));
    }),
});

Deno.test({
  name:
    "AF_UNIX paths are limited in length, name files, and may be written differently by a peer",
  ignore,
  fn: () =>
    withDirectory(async (dir) => {
      const [long, listening, closed, datagram, known] = await run(
        `
        await print(() => unix().bind("x".repeat(108)));
        const there = (path) => {
          try {
            return Deno.lstatSync(path).isSocket;
          } catch (error) {
            return error.name;
          }
        };
        const s = unix(SOCK_STREAM, dir + "s");
        await print(() => there(dir + "s"));
        s.close();
        await print(() => there(dir + "s"));
        unix(SOCK_DGRAM, dir + "d").close();
        await print(() => there(dir + "d"));
        Deno.chdir(dir);
        const [server, client] = [unix(SOCK_DGRAM, "e"), unix(SOCK_DGRAM, dir + "c")];
        await client.connect(dir + "e");
        await server.sendto(bytes("known"), "c");
        await print(async () => text(await client.recv(9)));`,
        { dir },
      );
      assertStringIncludes(long!, "Invalid argument: AF_UNIX path too long");
      assertEquals([listening, closed, datagram], [
        "true",
        '"NotFound"',
        "true",
      ]);
      assertEquals(known, '"known"');
    }),
});

Deno.test({
  name:
    "close() of an AF_UNIX listener leaves alone what has taken its path over",
  ignore,
  fn: () =>
    withDirectory(async (dir) => {
      const printed = await run(
        `
        const path = dir + "s";
        for (const listens of [false, true]) {
          const s = unix(SOCK_STREAM, path);
          if (listens) s.listen();
          Deno.removeSync(path);
          Deno.mkdirSync(path);
          await print(() => s.close());
          await print(() => s.close());
          await print(() => Deno.statSync(path).isDirectory);
          Deno.removeSync(path);
        }
        const first = unix(SOCK_STREAM, path);
        Deno.removeSync(path);
        const next = unix(SOCK_STREAM, path);
        next.listen();
        await print(() => first.close());
        const client = unix();
        await print(() => client.connect(path));
        client.close();
        next.close();
        await print(() => [...Deno.readDirSync(dir)].length);`,
        { dir },
      );
      const directory = ["null", "null", "true"];
      const successor = ["null", "null", "0"];
      assertEquals(printed, [...directory, ...directory, ...successor]);
    }),
});

Deno.test({
  name:
    "AF_UNIX datagrams need --unstable-net, and fail with a message that names it",
  ignore,
  fn: () =>
    withDirectory(async (dir) => {
      const printed = await run(
        `
        await print(() => unix(SOCK_DGRAM).bind(dir + "x"));
        await print(() => unix(SOCK_DGRAM).sendto(bytes(""), dir + "x"));
        const [client, peer] = await pair(dir + "s");
        await client.sendall(bytes("streams do not"));
        await print(async () => text(await peer.recv(99)));`,
        { dir, unstable: false },
      );
      const needs =
        'Unix datagrams need --unstable-net, or "unstable": ["net"] in deno.json';
      for (const each of printed.slice(0, 2)) assertStringIncludes(each, needs);
      assertStringIncludes(printed[0]!, "OSError: [Errno ");
      assertEquals(printed[2], '"streams do not"');
    }),
});

/** Calls on `dir + "s"`, which nobody is bound to. */
const calls: Readonly<Record<string, string>> = {
  "stream bind()": `unix().bind(dir + "s")`,
  "stream connect()": `unix().connect(dir + "s")`,
  "datagram bind()": `unix(SOCK_DGRAM).bind(dir + "s")`,
  "datagram connect()": `unix(SOCK_DGRAM).connect(dir + "s")`,
  "datagram sendto()": `unix(SOCK_DGRAM).sendto(bytes(""), dir + "s")`,
};

Deno.test({
  name: "AF_UNIX calls name all three grants, whichever is missing",
  ignore,
  fn: () =>
    withDirectory(async (dir) => {
      const path = `${dir}s`;
      const all = { read: path, write: path, net: `unix:${path}` };
      const { read, write, net } = all;
      const tryAll = Object.values(calls)
        .map((code) => `await print(() => ${code});`).join("\n");
      const assertNamed = (printed: readonly string[]) => {
        for (const each of printed) {
          assertStringIncludes(each, "PermissionError: [Errno 13]");
          assertStringIncludes(each, flags(all).join(" "));
        }
      };
      for (const grants of [{ read, net }, { write, net }]) {
        const printed = await run(tryAll, { dir, grants });
        assertEquals(printed.length, Object.keys(calls).length);
        assertNamed(printed);
      }
      const printed = await run(
        `
        for (const type of [SOCK_STREAM, SOCK_DGRAM]) {
          await print(() => unix(type).connect(dir + "s"));
          const s = unix(type, dir + "s");
          if (type === SOCK_STREAM) {
            s.listen();
            await print(() => unix(type).connect(dir + "s"));
          } else {
            await print(() => s.sendto(bytes("self"), dir + "s"));
            await print(async () => text(await s.recv(9)));
          }
          s.close();
        }
        await print(() => unix().bind(""));
        await print(() => unix().bind("\\0name"));
        // The grant for the network is missing, and then all three.
        await Deno.permissions.revoke({ name: "net" });
        ${tryAll}
        await Deno.permissions.revoke({ name: "read" });
        await Deno.permissions.revoke({ name: "write" });
        ${tryAll}`,
        { dir, grants: all },
      );
      assertNamed(printed.splice(-2 * Object.keys(calls).length));
      const missing = printed.splice(-2);
      assertEquals(printed, [
        "FileNotFoundError: [Errno 2] No such file or directory",
        "null",
        "FileNotFoundError: [Errno 2] No such file or directory",
        "4",
        '"self"',
      ]);
      if (!onLinux) return;
      for (const each of missing) {
        assertStringIncludes(each, "PermissionError: [Errno 13]");
        assertStringIncludes(each, "run again with --allow-net");
      }
    }),
});

Deno.test({
  name: "AF_UNIX with CPython as the peer, both ways, both types",
  ignore: !onLinux || python === null,
  fn: () =>
    withDirectory(async (dir) => {
      await using theirs = startPython(
        `
import sys
from socket import *
d = sys.argv[1]
server = socket(AF_UNIX)
server.bind(d + 'py')
server.listen()
receiver = socket(AF_UNIX, SOCK_DGRAM)
receiver.bind(d + 'pyd')
print('ready')
conn, addr = server.accept()
print(repr(addr), conn.recv(99))
conn.sendall(b'from python')
data, addr = receiver.recvfrom(300000)
print(len(data), set(data), repr(addr))
receiver.sendto(bytes([8]) * 150000, addr)
client = socket(AF_UNIX)
client.connect(d + 'js')
client.sendall(b'hello')
print(client.recv(99), repr(client.getpeername()[len(d):]))
unnamed = socket(AF_UNIX, SOCK_DGRAM)
unnamed.sendto(b'unnamed', d + 'jsd')
print(client.recv(99))
`,
        [dir],
      );
      assertEquals(await theirs.readLine(), "ready");
      await using ours = startDeno({
        code: prelude + `
          const server = unix(SOCK_STREAM, dir + "js");
          server.listen();
          const datagrams = unix(SOCK_DGRAM, dir + "jsd");
          const client = unix();
          await client.connect(dir + "py");
          await client.sendall(bytes("to python"));
          await print(async () => text(await client.recv(99)));
          const to = dir + "pyd";
          await datagrams.sendto(new Uint8Array(100_000).fill(7), to);
          const [data, address] = await datagrams.recvfrom(300_000);
          await print(() => [data.length, new Set(data).size, address === to]);
          const [conn, from] = await server.accept();
          await print(async () => [from, text(await conn.recv(99))]);
          await conn.sendall(bytes("hello, python"));
          await print(async () => {
            const [data, address] = await datagrams.recvfrom(99);
            return [text(data), address];
          });
          await conn.sendall(bytes("end"));`,
        permissions: flags({ net: "", read: dir, write: dir }),
        args: [dir],
        unstable: true,
      });
      const lines = (text: string) => text.trimEnd().split("\n");
      const [deno, cpython] = [await ours.result(), await theirs.result()];
      assertEquals(lines(deno.stdout), [
        '"from python"',
        "[150000,1,true]",
        '["","hello"]',
        '["unnamed",null]',
      ], deno.stderr);
      assertEquals(lines(cpython.stdout), [
        "'' b'to python'",
        `100000 {7} '${dir}jsd'`,
        "b'hello, python' 'js'",
        "b'end'",
      ], cpython.stderr);
    }),
});
