import { assertEquals, assertInstanceOf } from "@std/assert";
import * as ssl from "@pystd/socket/ssl";
import {
  bytes,
  certificate,
  clientContext,
  handshake,
  only,
  receiveAll,
  serverContext,
  settle,
  text,
  tlsPair,
} from "../support/tls.ts";

const { TLSv1_2, TLSv1_3 } = ssl.TLSVersion;

function asking(mode: number, version: number): ssl.SSLContext {
  return serverContext("server", (context) => {
    context.verify_mode = mode;
    context.load_verify_locations(certificate("ca"));
    only(version)(context);
  });
}

function showing(name: string): ssl.SSLContext {
  return clientContext((context) =>
    context.load_cert_chain(certificate(name), certificate(`${name}.key`))
  );
}

// The codes and texts are those of CPython 3.11 with OpenSSL 3.0.
const bad: [name: string, code: number, message: string, alert: string][] = [
  [
    "other_client",
    20,
    "unable to get local issuer certificate",
    "TLSV1_ALERT_UNKNOWN_CA",
  ],
  [
    "client_for_servers",
    26,
    "unsuitable certificate purpose",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
  ],
  ["self_signed", 18, "self-signed certificate", "TLSV1_ALERT_UNKNOWN_CA"],
];

for (const version of [TLSv1_2, TLSv1_3]) {
  const title = version === TLSv1_2 ? "TLS 1.2" : "TLS 1.3";

  for (const mode of [ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED]) {
    const kind = mode === ssl.CERT_OPTIONAL ? "CERT_OPTIONAL" : "CERT_REQUIRED";

    Deno.test(`${kind} with ${title} accepts a good client certificate`, async () => {
      await using pair = await tlsPair({
        server: asking(mode, version),
        client: showing("client"),
      });
      assertEquals(pair.server.getpeercert()?.subject, [
        [["commonName", "alice"]],
      ]);
      await pair.client.sendall(bytes("hello"));
      assertEquals(text(await pair.server.recv(10)), "hello");
      await pair.server.sendall(bytes("there"));
      assertEquals(text(await pair.client.recv(10)), "there");
    });

    for (const [name, code, message, alert] of bad) {
      Deno.test(`${kind} with ${title} refuses ${name}`, async () => {
        const [client, server] = await handshake({
          server: asking(mode, version),
          client: showing(name),
        });
        assertInstanceOf(server, ssl.SSLCertVerificationError);
        assertEquals(server.verify_code, code);
        assertEquals(server.verify_message, message);
        if (version === TLSv1_2) {
          assertInstanceOf(client, ssl.SSLError);
          assertEquals(client.reason, alert);
          return;
        }
        // With TLS 1.3 the client is done first. It gets no byte of the server.
        assertInstanceOf(client, ssl.SSLSocket);
        await using socket = client;
        const received = await settle(receiveAll(socket));
        const size = received instanceof Error ? 0 : received.length;
        assertEquals(size, 0);
      });
    }
  }

  Deno.test(`CERT_OPTIONAL with ${title} accepts a client without one`, async () => {
    const server = asking(ssl.CERT_OPTIONAL, version);
    await using pair = await tlsPair({ server });
    assertEquals(pair.server.getpeercert(), null);
    await pair.client.sendall(bytes("hello"));
    assertEquals(text(await pair.server.recv(10)), "hello");
  });

  Deno.test(`CERT_REQUIRED with ${title} refuses a client without one`, async () => {
    const [client, server] = await handshake({
      server: asking(ssl.CERT_REQUIRED, version),
    });
    assertInstanceOf(server, ssl.SSLError);
    assertEquals(server.reason, "PEER_DID_NOT_RETURN_A_CERTIFICATE");
    if (version === TLSv1_2) {
      assertInstanceOf(client, ssl.SSLError);
      return;
    }
    assertInstanceOf(client, ssl.SSLSocket);
    await using socket = client;
    const error = await settle(socket.recv(1));
    assertInstanceOf(error, ssl.SSLError);
    assertEquals(error.reason, "TLSV13_ALERT_CERTIFICATE_REQUIRED");
  });
}

Deno.test("CERT_REQUIRED of a server without authorities rejects every client", async () => {
  const server = serverContext("server", (context) => {
    context.verify_mode = ssl.CERT_REQUIRED;
  });
  const [client, outcome] = await handshake({
    server,
    client: showing("client"),
  });
  if (client instanceof ssl.SSLSocket) await client[Symbol.asyncDispose]();
  assertInstanceOf(outcome, ssl.SSLError);
  assertEquals(
    outcome instanceof ssl.SSLCertVerificationError && outcome.verify_code,
    20,
  );
});

Deno.test("CERT_NONE of a server does not ask for a certificate", async () => {
  await using pair = await tlsPair({ client: showing("client") });
  assertEquals(pair.server.getpeercert(), null);
});

Deno.test("load_cert_chain() of a client shows no certificate to a server that does not ask", async () => {
  const server = serverContext("server", (context) => {
    context.load_verify_locations(certificate("ca"));
  });
  await using pair = await tlsPair({ server, client: showing("client") });
  assertEquals(pair.server.getpeercert(true), null);
});
