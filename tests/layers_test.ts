import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";

/** The files of `src/` in order: each imports only files above it. */
const layers: readonly string[] = [
  // Data and rules that know no system.
  "internal/platform.ts",
  "internal/errno_table.ts",
  "internal/strerror.ts",
  "internal/gai_table.ts",
  "internal/checks.ts",
  "internal/memory.ts",
  "internal/receive_buffer.ts",
  "address.ts",
  "protocol_constants.ts",
  "constants.ts",
  "errno.ts",
  // Values.
  "errors.ts",
  "internal/os_error.ts",
  "inet.ts",
  "internal/address.ts",
  "internal/interface_table.ts",
  "internal/membership.ts",
  "internal/options.ts",
  "timeouts.ts",
  "internal/wait.ts",
  "internal/pump.ts",
  // The platform.
  "internal/deno_net.ts",
  "internal/deno_multicast.ts",
  "internal/node_net.ts",
  "internal/node_dgram.ts",
  "internal/unix_net.ts",
  "internal/unix_datagram.ts",
  "internal/resolver.ts",
  // Endpoints.
  "internal/endpoint.ts",
  "internal/destination.ts",
  "internal/unconnected.ts",
  "internal/connecting.ts",
  "internal/listening.ts",
  "internal/receiver.ts",
  "internal/outgoing.ts",
  "internal/sender.ts",
  "internal/connected.ts",
  "internal/multicast.ts",
  "internal/datagram_port.ts",
  "internal/datagram_receiver.ts",
  "internal/datagram.ts",
  "internal/description.ts",
  "internal/descriptors.ts",
  // The socket and its file objects.
  "internal/byte_stream.ts",
  "internal/file_turns.ts",
  "internal/raw_stream.ts",
  "internal/read_buffer.ts",
  "internal/write_buffer.ts",
  "internal/file_core.ts",
  "io_base.ts",
  "raw_file.ts",
  "buffered_file.ts",
  "internal/encodings.ts",
  "internal/text_schemes.ts",
  "internal/text_decoding.ts",
  "internal/text_encoding.ts",
  "internal/text_io.ts",
  "text_file.ts",
  "internal/makefile.ts",
  "internal/web_streams.ts",
  "internal/represent.ts",
  "internal/arguments.ts",
  "internal/transfers.ts",
  "internal/sendfile.ts",
  "socket.ts",
  // Functions.
  "internal/name_arguments.ts",
  "internal/service_table.ts",
  "services.ts",
  "internal/addrinfo.ts",
  "internal/nameinfo.ts",
  "internal/hosts.ts",
  "netdb.ts",
  "interfaces.ts",
  "connection.ts",
  "fd.ts",
  "internal/poll_events.ts",
  "internal/interest.ts",
  "internal/polling.ts",
  "internal/poll_set.ts",
  "select.ts",
  "internal/selector_keys.ts",
  "selectors.ts",
];

/** The files that may call the system's network functions. */
const platform: readonly string[] = [
  "internal/deno_net.ts",
  "internal/node_net.ts",
  "internal/node_dgram.ts",
  "internal/unix_net.ts",
  "internal/unix_datagram.ts",
  "internal/resolver.ts",
  "internal/interface_table.ts",
];

const networkCall =
  /\bDeno\s*\.\s*(?:listen\w*|connect\w*|startTls|resolveDns|networkInterfaces)\b/;
const networkModule = /^node:(?:dgram|dns|http|http2|https|net|tls)(?:\/|$)/;

interface Import {
  specifier: string;
  kind: "static" | "type" | "dynamic";
}

/** Removes the comments, whose examples import too. */
function withoutComments(source: string): string {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}

function importsOf(source: string): Import[] {
  const code = withoutComments(source);
  const imports: Import[] = [];
  const statement =
    /^\s*(?:import|export)\s+(type\s+)?(?:[\w$*\s,{}]*?\bfrom\s*)?["']([^"']+)["']/gm;
  for (const [, type, specifier = ""] of code.matchAll(statement)) {
    imports.push({ specifier, kind: type ? "type" : "static" });
  }
  const call =
    /\b(?:import|getBuiltinModule|require)\s*\(\s*["'`]([^"'`]+)["'`]/g;
  for (const [, specifier = ""] of code.matchAll(call)) {
    imports.push({ specifier, kind: "dynamic" });
  }
  return imports;
}

/** What breaks the rules in one file of `src/`, by name, or in `mod.ts`. */
function violations(name: string, source: string): string[] {
  const found: string[] = [];
  const base = new URL(name, "file:///src/");
  for (const { specifier, kind } of importsOf(source)) {
    const said = `${name} imports ${specifier}`;
    if (specifier.startsWith("node:")) {
      if (kind === "static") found.push(`${said} when it loads`);
      if (networkModule.test(specifier) && !platform.includes(name)) {
        found.push(`${said}, which is for the platform files`);
      }
      continue;
    }
    if (!/^\.\.?\//.test(specifier)) {
      found.push(`${said}, which is no relative path`);
      continue;
    }
    const path = new URL(specifier, base).pathname;
    const target = layers.indexOf(path.replace(/^\/src\//, ""));
    if (!path.startsWith("/src/") || target < 0) {
      found.push(`${said}, which is not in the list of layers`);
    } else if (layers.includes(name) && target >= layers.indexOf(name)) {
      found.push(`${said}, which is not above it`);
    }
  }
  const call = networkCall.exec(withoutComments(source));
  if (call !== null && !platform.includes(name)) {
    found.push(`${name} uses ${call[0]}, which is for the platform files`);
  }
  return found;
}

async function filesOf(folder: URL, prefix = ""): Promise<string[]> {
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const name = prefix + entry.name;
    if (entry.isDirectory) {
      files.push(
        ...await filesOf(new URL(`${entry.name}/`, folder), `${name}/`),
      );
    } else if (entry.name.endsWith(".ts")) {
      files.push(name);
    }
  }
  return files.sort();
}

const src = new URL("../src/", import.meta.url);

Deno.test("layers name every file of src once", async () => {
  const unnamed = (await filesOf(src)).filter((name) => !layers.includes(name));
  assertEquals(unnamed, [], "add these to the list of layers");
  assertEquals(new Set(layers).size, layers.length);
});

Deno.test("layers import downwards, no packages, node: only when used", async () => {
  const files = await filesOf(src);
  const found: string[] = [];
  let count = 0;
  for (const name of files) {
    const source = await Deno.readTextFile(new URL(name, src));
    count += importsOf(source).length;
    found.push(...violations(name, source));
  }
  found.push(
    ...violations(
      "../mod.ts",
      await Deno.readTextFile(new URL("../mod.ts", src)),
    ),
  );
  assertEquals(found, []);
  assertGreater(count, 0);
});

const broken: [string, string, string][] = [
  ["errno.ts", `import { a } from "./errors.ts";`, "is not above it"],
  ["errno.ts", `export * from "./errno.ts";`, "is not above it"],
  ["errno.ts", `import type {\n  A,\n  B,\n} from "./socket.ts";`, "not above"],
  ["errno.ts", `type A = import("./socket.ts").A;`, "is not above it"],
  ["errno.ts", `const a = await import("./socket.ts");`, "is not above it"],
  ["errno.ts", `import "./other.ts";`, "not in the list"],
  ["errno.ts", `import "../../mod.ts";`, "not in the list"],
  ["errno.ts", `import { a } from "@std/assert";`, "no relative path"],
  ["errno.ts", `export { a } from "jsr:@std/assert";`, "no relative path"],
  ["../mod.ts", `export * from "npm:a";`, "no relative path"],
  ["../mod.ts", `export * from "./src/other.ts";`, "not in the list"],
  ["internal/deno_net.ts", `import net from "node:net";`, "when it loads"],
  ["internal/deno_net.ts", `import "node:net";`, "when it loads"],
  ["socket.ts", `const net = import("node:net");`, "for the platform files"],
  [
    "socket.ts",
    `const dns = process.getBuiltinModule("node:dns");`,
    "for the platform files",
  ],
  ["socket.ts", `import type { A } from "node:dgram";`, "for the platform"],
  ["socket.ts", `Deno.listenDatagram({});`, "uses Deno.listenDatagram"],
  ["socket.ts", `await Deno\n  .connect({});`, "uses Deno"],
];

for (const [name, source, expected] of broken) {
  Deno.test(`layers of ${name} refuse ${source.replaceAll(/\s+/g, " ")}`, () => {
    const found = violations(name, source);
    assertEquals(found.length, 1, found.join("\n"));
    assertStringIncludes(found[0] ?? "", expected);
  });
}

const allowed: [string, string][] = [
  ["errors.ts", `import { a } from "./errno.ts";`],
  ["internal/os_error.ts", `export { a } from "../errors.ts";`],
  ["../mod.ts", `export * from "./src/errno.ts";`],
  ["internal/deno_net.ts", `const net = await import("node:net"), a = 1;`],
  ["internal/deno_net.ts", `import type { Socket } from "node:net";`],
  ["internal/deno_net.ts", `const listener = Deno.listen({ port: 0 });`],
  ["errno.ts", `const os = process.getBuiltinModule("node:os");`],
  [
    "errno.ts",
    `/**\n * import * as s from "@pystd/socket";\n */\n// Deno.listen`,
  ],
  ["errno.ts", `const text = "a from b";\nexport const b = "c";`],
];

for (const [name, source] of allowed) {
  Deno.test(`layers of ${name} allow ${source.replaceAll(/\s+/g, " ")}`, () => {
    assertEquals(violations(name, source), []);
  });
}
