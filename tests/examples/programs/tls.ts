import { assertEquals, assertMatch } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  ended,
  type ExampleTest,
  interrupt,
  output,
  serve,
  start,
} from "../../support/example.ts";
import { listener } from "../../support/pair.ts";
import { bytes, serverContext, text } from "../../support/tls.ts";
import { within } from "../../support/within.ts";

export const tests: readonly ExampleTest[] = [
  [
    "tls_echo_server tls_echo_client",
    "pass a message on over TLS, also after a client that speaks none",
    echo,
  ],
  ["https_get", "gets a page, and shows the certificate", page],
  ["https_server https_get", "serve and get a page", httpsServer],
  ["starttls_mail", "sends a mail after STARTTLS", mail],
];

async function echo(): Promise<void> {
  const [server, address] = await serve("tls_echo_server");
  await using _ = server;
  const junk = await socket.create_connection(address);
  await junk.sendall(bytes("GET / HTTP/1.0\r\n\r\n"));
  assertEquals((await within(junk.recv(100))).length, 0);
  junk.close();
  const message = "é, 你好".repeat(1000);
  const received = await output("tls_echo_client", ...address, message);
  assertEquals(received, `Received: ${message}\n`);
  assertMatch(await server.readLine() ?? "", /speaks TLSv1\.3$/);
  assertMatch(await server.readLine() ?? "", /has ended$/);
  assertEquals(await interrupt(server), "");
}

async function page(): Promise<void> {
  using server = listener();
  const [host, port] = server.getsockname();
  const client = await start("https_get", `https://${host}:${port}/a?b=1`);
  await using _ = client;
  const [conn] = await within(server.accept());
  const tls = await within(
    serverContext().wrap_socket(conn, { server_side: true }),
  );
  const request = text(await within(tls.recv(1000)));
  assertEquals(
    request,
    `GET /a?b=1 HTTP/1.0\r\nHost: ${host}:${port}\r\n\r\n`,
  );
  await tls.sendall(bytes("HTTP/1.0 200 OK\r\n\r\nHello\n"));
  await tls[Symbol.asyncDispose]();
  assertEquals(
    await ended(client),
    "TLSv1.3, TLS_AES_256_GCM_SHA384\n" +
      "countryName=DE, organizationName=Tests, commonName=localhost\n\n" +
      "HTTP/1.0 200 OK\r\n\r\nHello\n",
  );
}

async function mail(): Promise<void> {
  using server = listener();
  const [host, port] = server.getsockname();
  const client = await start("starttls_mail", host, String(port));
  await using _ = client;
  const [conn] = await within(server.accept());
  await conn.sendall(bytes("220 mail.test\r\n"));
  const lines: string[] = [];
  const answer = async (peer: socket.Socket, reply: string) => {
    lines.push(text(await within(peer.recv(1000))));
    await peer.sendall(bytes(`${reply}\r\n`));
  };
  await answer(conn, "250-mail.test\r\n250 STARTTLS");
  await answer(conn, "220 go on");
  await using tls = await within(
    serverContext().wrap_socket(conn, { server_side: true }),
  );
  for (const reply of ["250 mail.test", "250 ok", "250 ok", "354 go on"]) {
    await answer(tls, reply);
  }
  await answer(tls, "250 queued");
  await answer(tls, "221 bye");
  assertMatch(
    await ended(client),
    /^220 go on\n-- TLSv1\.3 --\n250 mail\.test/m,
  );
  assertEquals(lines.at(-2), "Subject: Hello\r\n\r\nHello over TLS.\r\n.\r\n");
}

async function httpsServer(): Promise<void> {
  const [server, [host, port]] = await serve("https_server");
  await using _ = server;
  const junk = await socket.create_connection([host!, Number(port)]);
  await junk.sendall(bytes("GET / HTTP/1.0\r\n\r\n"));
  await junk.shutdown(socket.SHUT_WR);
  assertMatch(
    await output("https_get", `https://${host}:${port}/a?b=1`),
    /\r\n\r\nYou asked for \/a\?b=1\n$/,
  );
  await junk[Symbol.asyncDispose]();
  assertEquals(await interrupt(server), "");
}
