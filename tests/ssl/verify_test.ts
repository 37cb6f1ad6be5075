import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as ssl from "@pystd/socket/ssl";
import { runDeno } from "../support/child.ts";
import {
  certificate,
  clientContext,
  handshake,
  only,
  tlsPair,
} from "../support/tls.ts";

// The codes, texts and alerts are those of CPython 3.11 with OpenSSL 3.0.
const good: [name: string, host: string][] = [
  ["server", "localhost"],
  ["server", "LOCALHOST"],
  ["server", "127.0.0.1"],
  ["server", "::1"],
  ["server", "a.wild.test"],
  ["chain", "localhost"],
  ["rsa", "localhost"],
  ["name_in_cn", "localhost"],
  ["fields", "fields.test"],
  ["fields", "192.0.2.1"],
  ["fields", "2001:db8:0::1"],
];

const NO_HOST = "Hostname mismatch, certificate is not valid for";
const NO_IP = "IP address mismatch, certificate is not valid for";
const UNKNOWN_CA = "TLSV1_ALERT_UNKNOWN_CA";
const BAD = "SSLV3_ALERT_BAD_CERTIFICATE";
const UNSUPPORTED = "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE";

const bad: [
  name: string,
  host: string,
  code: number,
  message: string,
  alert: string,
][] = [
  ["other", "localhost", 62, `${NO_HOST} 'localhost'.`, BAD],
  ["server", "a.b.wild.test", 62, `${NO_HOST} 'a.b.wild.test'.`, BAD],
  ["server", "wild.test", 62, `${NO_HOST} 'wild.test'.`, BAD],
  ["server", "localhost.", 62, `${NO_HOST} 'localhost.'.`, BAD],
  ["server", "::1%lo", 62, `${NO_HOST} '::1%lo'.`, BAD],
  ["server", "127.0.0.2", 64, `${NO_IP} '127.0.0.2'.`, BAD],
  // A common name is no address, RFC 6125.
  ["name_in_cn", "127.0.0.1", 64, `${NO_IP} '127.0.0.1'.`, BAD],
  [
    "expired",
    "localhost",
    10,
    "certificate has expired",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED",
  ],
  // The name is looked at before the dates.
  ["expired", "other.test", 62, `${NO_HOST} 'other.test'.`, BAD],
  ["not_yet", "localhost", 9, "certificate is not yet valid", BAD],
  ["self_signed", "localhost", 18, "self-signed certificate", UNKNOWN_CA],
  ["self_signed_ca", "localhost", 18, "self-signed certificate", UNKNOWN_CA],
  // The issuer is looked for before the dates are looked at.
  [
    "expired_self_signed",
    "localhost",
    18,
    "self-signed certificate",
    UNKNOWN_CA,
  ],
  [
    "from_other",
    "localhost",
    20,
    "unable to get local issuer certificate",
    UNKNOWN_CA,
  ],
  [
    "from_other_chain",
    "localhost",
    19,
    "self-signed certificate in certificate chain",
    UNKNOWN_CA,
  ],
  [
    "under_no_ca_chain",
    "localhost",
    79,
    "invalid CA certificate",
    UNKNOWN_CA,
  ],
  [
    "for_clients",
    "localhost",
    26,
    "unsuitable certificate purpose",
    UNSUPPORTED,
  ],
  // Here OpenSSL would not mind: the runtime does.
  ["ca_leaf", "localhost", 26, "unsuitable certificate purpose", UNSUPPORTED],
];

function serverOf(name: string): ssl.SSLContext {
  const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
  const key = name === "from_other" ? "from_other_chain" : name;
  context.load_cert_chain(certificate(name), certificate(`${key}.key`));
  return context;
}

const { TLSv1_2, TLSv1_3 } = ssl.TLSVersion;

for (const version of [TLSv1_2, TLSv1_3]) {
  const title = version === TLSv1_2 ? "TLS 1.2" : "TLS 1.3";

  for (const [name, host] of good) {
    Deno.test(`wrap_socket() with ${title} accepts ${name} for ${host}`, async () => {
      const server = serverOf(name);
      only(version)(server);
      await using pair = await tlsPair({ server, host });
      assertEquals(pair.client.getpeercert()?.version, 3);
      assertEquals(pair.client.server_hostname, host);
    });
  }

  for (const [name, host, code, message, alert] of bad) {
    Deno.test(`wrap_socket() with ${title} refuses ${name} for ${host}`, async () => {
      const server = serverOf(name);
      only(version)(server);
      const [client, peer] = await handshake({ server, host });
      assertInstanceOf(client, ssl.SSLCertVerificationError);
      assertEquals(client.verify_code, code);
      assertEquals(client.verify_message, message);
      assertEquals(client.reason, "CERTIFICATE_VERIFY_FAILED");
      assertEquals(client.library, "SSL");
      assertEquals(client.errno, ssl.SSL_ERROR_SSL);
      assertEquals(
        client.message,
        `[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ${message}`,
      );
      // The server learns of it in its handshake, and why.
      assertInstanceOf(peer, ssl.SSLError);
      assertEquals(peer.reason, alert);
    });
  }
}

for (const name of ["self_signed", "self_signed_ca"]) {
  Deno.test(`load_verify_locations() lets a client trust ${name} itself`, async () => {
    const client = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
    client.load_verify_locations(certificate(name));
    await using pair = await tlsPair({ server: serverOf(name), client });
    assert(pair.client.getpeercert());
  });
}

Deno.test("SSLContext() trusts no certificate by default", async () => {
  const client = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
  assertEquals(client.verify_mode, ssl.CERT_REQUIRED);
  assertEquals(client.check_hostname, true);
  const [outcome] = await handshake({ client });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
  assertEquals(outcome.verify_code, 20);
});

Deno.test("create_default_context() does not trust the test authority", async () => {
  const [outcome] = await handshake({ client: ssl.create_default_context() });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
  assertEquals(outcome.verify_code, 20);
});

for (const name of ["self_signed", "expired_self_signed"]) {
  Deno.test(`create_default_context() refuses ${name} as self-signed`, async () => {
    const client = ssl.create_default_context();
    const [outcome] = await handshake({ client, server: serverOf(name) });
    assertInstanceOf(outcome, ssl.SSLCertVerificationError);
    assertEquals(outcome.verify_code, 18);
  });
}

Deno.test("load_verify_locations() does not make an expired certificate valid", async () => {
  const name = "expired_self_signed";
  const client = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
  client.load_verify_locations(certificate(name));
  const [outcome] = await handshake({ client, server: serverOf(name) });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
  assertEquals(outcome.verify_code, 10);
});

Deno.test("create_default_context() trusts the certificates of cafile alone", async () => {
  const client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
    cafile: certificate("other_ca"),
  });
  assertEquals(client.get_ca_certs().length, 1);
  await using pair = await tlsPair({
    client,
    server: serverOf("from_other"),
  });
  assert(pair.client.getpeercert());
  const [outcome] = await handshake({ client });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
});

const trusting = `
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const [folder, ...cases] = Deno.args;
for (const each of cases) {
  const [name, ca] = each.split(" ");
  const server = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
  server.load_cert_chain(folder + name + ".pem", folder + name + ".key.pem");
  const context = ssl.create_default_context();
  if (ca !== undefined) context.load_verify_locations(folder + ca + ".pem");
  const [near, far] = await socket.socketpair();
  const [client] = await Promise.allSettled([
    context.wrap_socket(near, { server_hostname: "localhost" }),
    server.wrap_socket(far, { server_side: true }),
  ]);
  console.log(each + ":", client.reason?.verify_code ?? client.status);
}
Deno.exit();
`;

const folder = decodeURIComponent(
  new URL("certificates/", import.meta.url).pathname,
);

/**
 * Whether a client with the default roots trusts servers with the certificates
 * that are named, each perhaps with an authority that is loaded as well.
 */
async function trustOf(flags: string[], cases: string[]): Promise<string[]> {
  const { stdout, stderr } = await runDeno({
    code: trusting,
    flags,
    permissions: [`--allow-read=${folder}`, "--allow-net=127.0.0.1"],
    args: [folder, ...cases],
  });
  assertEquals(stderr, "");
  return stdout.trim().split("\n");
}

Deno.test("load_default_certs() trusts the roots of Deno's --cert, and leaves each bad certificate its own verify_code", async () => {
  const expected = [
    "server: fulfilled",
    "expired: 10",
    "not_yet: 9",
    "for_clients: 26",
    "other: 62",
    "self_signed: 18",
    // An authority that is loaded does not take the place of the roots.
    "server other_ca: fulfilled",
  ];
  const cases = expected.map((line) => line.split(":")[0]!);
  assertEquals(await trustOf([`--cert=${certificate("ca")}`], cases), expected);
});

Deno.test("load_verify_locations() adds to the default roots", async () => {
  assertEquals(await trustOf([], ["server", "server ca"]), [
    "server: 20",
    "server ca: fulfilled",
  ]);
});

Deno.test("verify_mode CERT_NONE accepts any certificate, and shows none", async () => {
  const client = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
  client.check_hostname = false;
  client.verify_mode = ssl.CERT_NONE;
  for (const name of ["self_signed", "expired", "other"]) {
    await using pair = await tlsPair({ client, server: serverOf(name) });
    assertEquals(pair.client.getpeercert(), {});
    assertEquals(pair.client.getpeercert(true)?.[0], 0x30);
  }
});

Deno.test("verify_mode CERT_OPTIONAL of a client is CERT_REQUIRED", async () => {
  const client = clientContext((context) => {
    context.verify_mode = ssl.CERT_OPTIONAL;
  });
  const [outcome] = await handshake({ client, server: serverOf("expired") });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
});

Deno.test("check_hostname off still checks the certificate", async () => {
  const client = clientContext((context) => context.check_hostname = false);
  await using pair = await tlsPair({ client, server: serverOf("other") });
  assertEquals(pair.client.getpeercert()?.subjectAltName, [
    ["DNS", "other.test"],
  ]);
  const [outcome] = await handshake({ client, server: serverOf("expired") });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
});

Deno.test("wrap_socket() needs no server_hostname where none is checked", async () => {
  const client = clientContext((context) => context.check_hostname = false);
  await using pair = await tlsPair({ client, host: null });
  assertEquals(pair.client.server_hostname, null);
  assert(pair.client.getpeercert());
});

Deno.test("hostname_checks_common_name off needs an alternative name", async () => {
  const client = clientContext((context) => {
    context.hostname_checks_common_name = false;
  });
  const [outcome] = await handshake({ client, server: serverOf("name_in_cn") });
  assertInstanceOf(outcome, ssl.SSLCertVerificationError);
  assertEquals(outcome.verify_code, 62);
  await using pair = await tlsPair({ client });
  assert(pair.client.getpeercert());
});

// A ticket that a client got without looking at the certificate must not let
// another one in. The runtime keeps tickets for the whole process.
Deno.test("wrap_socket() checks the certificate of a server that it knows", async () => {
  const careless = clientContext((context) => {
    context.check_hostname = false;
    context.verify_mode = ssl.CERT_NONE;
  });
  const server = serverOf("self_signed");
  for (const version of [TLSv1_2, TLSv1_3]) {
    only(version)(server);
    {
      await using pair = await tlsPair({ client: careless, server });
      await pair.server.sendall(new Uint8Array(10));
      assertEquals((await pair.client.recv(10)).length, 10);
    }
    const [outcome] = await handshake({ client: clientContext(), server });
    assertInstanceOf(outcome, ssl.SSLCertVerificationError);
    assertEquals(outcome.verify_code, 18);
  }
});

Deno.test("getpeercert() returns the certificate on both ends", async () => {
  await using pair = await tlsPair();
  const info = pair.client.getpeercert();
  assertEquals(info?.subject, [
    [["countryName", "DE"]],
    [["organizationName", "Tests"]],
    [["commonName", "localhost"]],
  ]);
  assertEquals(info?.issuer, [[["commonName", "Test Root"]]]);
  assertEquals(info?.notAfter, "Jan  1 00:00:00 2120 GMT");
  assertEquals(info?.subjectAltName, [
    ["DNS", "localhost"],
    ["DNS", "*.wild.test"],
    ["IP Address", "127.0.0.1"],
    ["IP Address", "0:0:0:0:0:0:0:1"],
  ]);
  // The client has shown none.
  assertEquals(pair.server.getpeercert(), null);
  assertEquals(pair.server.getpeercert(true), null);
  const pem = await Deno.readTextFile(certificate("server"));
  assertEquals(
    pair.client.getpeercert(true),
    ssl.PEM_cert_to_DER_cert(pem),
  );
});
