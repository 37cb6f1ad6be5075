import { assertEquals, assertMatch } from "@std/assert";
import * as socket from "@pystd/socket";
import { closedAddress } from "../../support/addresses.ts";
import { decode, encode } from "../../support/bytes.ts";
import { listener } from "../../support/pair.ts";
import type { ChildProcess } from "../../support/process.ts";
import { certificates, serverContext } from "../../support/tls.ts";
import { within } from "../../support/within.ts";
import {
  addressOf,
  connect,
  ended,
  hear,
  ofBoth,
  type PortingTest,
  say,
  serve,
  start,
} from "./program.ts";

const interruptible = Deno.build.os !== "windows";

export const tests: readonly PortingTest[] = [
  ...ofBoth("chat_client", "sends typed lines and shows others", chatClient),
  ...ofBoth("chat_client", "ends when the server closes", chatClosed),
  ...ofBoth("key_value", "keeps values for all clients", keyValue),
  ...ofBoth("tls_client", "speaks TLS with a trusted server", tlsClient),
  ...ofBoth("tls_client", "fails on an answer that is not UTF-8", tlsNotText),
  ...ofBoth("tls_client", "refuses a certificate of another name", tlsRefused),
  ...ofBoth("service", "goes on when a client fails", service),
  ...ofBoth(
    "json_server",
    "answers framed JSON in pieces, and closes only a client that is wrong",
    jsonServer,
  ),
  ...ofBoth("proxy", "passes both directions and their ends on", proxy),
  ...ofBoth("proxy", "goes on when its target refuses", proxyRefused),
];

async function assertEnd(s: socket.Socket): Promise<void> {
  assertEquals((await within(s.recv(1))).length, 0);
}

async function chatClient(file: string): Promise<void> {
  using server = listener();
  await using client = await start(file, server.getsockname());
  const [conn] = await within(server.accept());
  using _ = conn;
  await client.write("Zoë\nhéllo\ntwo\n");
  await hear(conn, "Zoë: héllo\nZoë: two\n");
  await say(conn, "Bob: 你好\n");
  await client.readMatch(/Bob: 你好$/);
  await client.closeStdin();
  await assertEnd(conn);
  await conn.shutdown(socket.SHUT_WR);
  assertEquals(await ended(client), "Goodbye, Zoë\n");
}

async function chatClosed(file: string): Promise<void> {
  using server = listener();
  await using client = await start(file, server.getsockname());
  const [conn] = await within(server.accept());
  await client.write("Zoë\nhello\n");
  await hear(conn, "Zoë: hello\n");
  conn.close();
  // Standard input is still open.
  assertMatch(await ended(client), /Goodbye, Zoë\n$/);
}

async function keyValue(file: string): Promise<void> {
  const [server, address] = await serve(file);
  await using _ = server;
  using first = await connect(address);
  using second = await connect(address);
  await say(second, "get a\n");
  await hear(second, "not found\n");
  await say(first, "set a é\nstop\n");
  await hear(first, "stored\nunknown command stop\n");
  await say(second, "get a\n");
  await hear(second, "é\n");
  // A request that fails ends its own connection alone.
  await say(first, "set a\n");
  await assertEnd(first);
  await say(second, "get a\n");
  await hear(second, "é\n");
}

/** Answers a TLS client's line; the client. */
async function answerTls(
  file: string,
  answer: Uint8Array,
): Promise<ChildProcess> {
  using server = listener();
  const args = [...server.getsockname(), "localhost", "héllo"];
  const client = await start(file, args, certificates);
  const [conn] = await within(server.accept());
  const context = serverContext();
  await using tls = await within(
    context.wrap_socket(conn, { server_side: true }),
  );
  const lines = tls.makefile("r");
  assertEquals(await within(lines.readline()), "héllo\n");
  await lines.close();
  await within(tls.sendall(answer));
  return client;
}

async function tlsClient(file: string): Promise<void> {
  await using client = await answerTls(file, encode("answer\n"));
  assertEquals(
    await ended(client),
    "Connected with TLSv1.3\nReceived: answer\n",
  );
}

async function tlsNotText(file: string): Promise<void> {
  const answer = new Uint8Array([97, 0xff, 10]);
  await using client = await answerTls(file, answer);
  const { code, stdout, stderr } = await client.result();
  assertEquals([code, stdout.trim()], [1, "Connected with TLSv1.3"]);
  assertMatch(stderr, /^(?:UnicodeDecodeError|.*TypeError): /m);
}

async function tlsRefused(file: string): Promise<void> {
  using server = listener();
  const args = [...server.getsockname(), "example.invalid"];
  await using client = await start(file, args, certificates);
  const [conn] = await within(server.accept());
  const context = serverContext();
  const handshake = context.wrap_socket(conn, { server_side: true })
    .then((tls) => tls.close(), () => {}); // The client refuses it.
  assertEquals(
    await ended(client),
    "The certificate is not one of example.invalid\n",
  );
  await within(handshake);
  conn.close();
}

async function service(file: string): Promise<void> {
  const [server, address] = await serve(file);
  await using _ = server;
  using steady = await connect(address);
  await say(steady, "1 2\n");
  await hear(steady, "3\n");
  using wrong = await connect(address);
  await say(wrong, "one\n");
  await assertEnd(wrong);
  assertEquals(await server.readLine(), "Client 2 sent no number");
  using ending = await connect(address);
  await say(ending, "\n-5 99999999999999999999\n");
  await hear(ending, "0\n99999999999999999994\n");
  await ending.shutdown(socket.SHUT_WR);
  assertEquals(await server.readLine(), "Client 3 has ended");
  await say(steady, "3 4\n");
  await hear(steady, "7\n");
  if (!interruptible) return;
  server.kill("SIGINT");
  assertEquals(await ended(server), "Served 3 clients\n");
}

function framed(text: string): Uint8Array {
  const data = encode(text);
  const frame = new Uint8Array(4 + data.length);
  new DataView(frame.buffer).setUint32(0, data.length);
  frame.set(data, 4);
  return frame;
}

async function hearSum(s: socket.Socket, sum: number): Promise<void> {
  const header = await within(s.recv(4, socket.MSG_WAITALL));
  const size = new DataView(header.buffer).getUint32(0);
  const data = await within(s.recv(size, socket.MSG_WAITALL));
  assertEquals(JSON.parse(decode(data)), { sum });
}

async function jsonServer(file: string): Promise<void> {
  const [server, address] = await serve(file);
  await using _ = server;
  using first = await connect(address);
  using second = await connect(address);
  const request = framed('{"numbers": [1, 2, 3]}');
  await first.sendall(request.subarray(0, 3));
  await second.sendall(framed('{"numbers": []}'));
  await hearSum(second, 0);
  await first.sendall(request.subarray(3, 9));
  await second.sendall(framed('{"numbers": [4]}'));
  await hearSum(second, 4);
  await first.sendall(request.subarray(9));
  await first.sendall(request);
  await hearSum(first, 6);
  await hearSum(first, 6);

  for (const data of [encode("GET / HTTP/1.0\r\n"), framed("no JSON")]) {
    using wrong = await connect(address);
    await wrong.sendall(data);
    // It may end with a reset, as not everything has been read.
    await wrong.recv(1).catch(() => {});
    assertMatch(await server.readLine() ?? "", /^Closed: /);
    await first.sendall(framed('{"numbers": [1]}'));
    await hearSum(first, 1);
  }
}

async function proxy(file: string): Promise<void> {
  using target = listener();
  const args = ["127.0.0.1", 0, ...target.getsockname()];
  await using server = await start(file, args);
  using client = await connect(await addressOf(server));
  const [conn] = await within(target.accept());
  using _ = conn;
  const large = "x".repeat(300_000);
  await Promise.all([say(client, large), hear(conn, large)]);
  await client.shutdown(socket.SHUT_WR);
  await assertEnd(conn);
  await say(conn, "answer after the end"); // The other direction goes on.
  await conn.shutdown(socket.SHUT_WR);
  await hear(client, "answer after the end");
  await assertEnd(client);
  assertEquals(await server.readLine(), "Closed");
}

async function proxyRefused(file: string): Promise<void> {
  const args = ["127.0.0.1", 0, ...await closedAddress()];
  await using server = await start(file, args);
  const address = await addressOf(server);
  for (let i = 0; i < 2; i++) {
    using client = await connect(address);
    await assertEnd(client);
    assertMatch(await server.readLine() ?? "", /^No connection: .*refused/i);
  }
}
