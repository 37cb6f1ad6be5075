import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  ended,
  type ExampleTest,
  output,
  start,
} from "../../support/example.ts";
import { listener } from "../../support/pair.ts";
import type { ChildProcess } from "../../support/process.ts";
import { python, startPython } from "../../support/python.ts";
import { within } from "../../support/within.ts";

const skip = python === null;

export const tests: readonly ExampleTest[] = [
  ["http_client", "asks, and prints head and body", whole],
  ["http_client", "reads a body without a length to its end", untilEnd],
  ["http_client", "notices an answer that is cut off", cutOff],
  ["http_client", "gets a page from Deno.serve()", fromDeno],
  [
    "http_client",
    `gets a file from Python's http.server${skip ? " (no python3)" : ""}`,
    fromPython,
    skip,
  ],
];

/** Starts the client, and sends it `pieces` one by one. */
async function answered(
  path: string,
  ...pieces: string[]
): Promise<{ client: ChildProcess; request: string }> {
  using server = listener();
  const host = server.getsockname().join(":");
  const client = await start("http_client", `http://${host}${path}`);
  const [conn] = await within(server.accept());
  await using file = conn.makefile("rw", null, { newline: "" });
  conn.close();
  let request = "";
  for await (const line of file) {
    request += line.replace(host, "HOST");
    if (line === "\r\n") break;
  }
  for (const piece of pieces) {
    await file.write(piece);
    await file.flush();
  }
  return { client, request };
}

async function whole(): Promise<void> {
  const { client, request } = await answered(
    "/a%20path?q=1",
    "HTTP/1.0 200 OK\r\nContent-Ty",
    "pe: text/plain\r\nContent-Length: 11\r\n",
    "\r\nh",
    "éllo\r\n\r\n!and more that is no part of it",
  );
  await using _ = client;
  assertEquals(
    request,
    "GET /a%20path?q=1 HTTP/1.0\r\nHost: HOST\r\nConnection: close\r\n\r\n",
  );
  assertEquals(
    await ended(client),
    "HTTP/1.0 200 OK\nContent-Type: text/plain\nContent-Length: 11\n\n" +
      "héllo\r\n\r\n!",
  );
}

async function untilEnd(): Promise<void> {
  const head = "HTTP/1.1 404 Not Found\r\nServer: none: at all\r\n\r\n";
  const body = "x".repeat(200_000);
  const { client } = await answered("", head, body, "y");
  await using _ = client;
  const shown = await ended(client);
  assertEquals(shown.length, head.length - 3 + body.length + 1);
  assertMatch(shown, /^HTTP\/1.1 404 Not Found\nServer: none: at all\n\nx+y$/);
}

async function cutOff(): Promise<void> {
  const answers = [
    ["HTTP/1.0 200 OK\r\nServer: n", "within its head"],
    ["HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n1234", "within its body"],
  ] as const;
  for (const [answer, where] of answers) {
    const { client } = await answered("/", answer);
    await using _ = client;
    const { code, stderr } = await client.result();
    assertEquals(code, 1);
    assertStringIncludes(stderr, `The answer ended ${where}`);
  }
}

async function fromDeno(): Promise<void> {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, ({ url }) => new Response(`This is ${new URL(url).pathname}`));
  const url = `http://127.0.0.1:${server.addr.port}/page`;
  const shown = await output("http_client", url);
  assertMatch(shown, /^HTTP\/1\.\d 200 OK\n/);
  assertMatch(shown, /\n\nThis is \/page$/);
}

async function fromPython(): Promise<void> {
  await using server = startPython(`
import http.server as http
with http.HTTPServer(("127.0.0.1", 0), http.SimpleHTTPRequestHandler) as server:
    print(server.server_port)
    server.serve_forever()`);
  const url = `http://127.0.0.1:${await server.readLine()}/LICENSE`;
  const shown = await output("http_client", url);
  const body = shown.slice(shown.indexOf("\n\n") + 2);
  assertEquals(body, await Deno.readTextFile("LICENSE"));
}
