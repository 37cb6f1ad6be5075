import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import {
  certificate,
  certificates,
  clientContext,
  handshake,
  plainPair,
  serverContext,
  settle,
  tlsPair,
} from "../support/tls.ts";

function server(): ssl.SSLContext {
  return new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
}

function client(): ssl.SSLContext {
  return new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
}

const pem = (name: string) => Deno.readTextFileSync(certificate(name));

/** PEM with any text in the place of base64. */
function pemOf(body: string): string {
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

/**
 * Calls with the path of a file that contains a text. The tests may write no
 * files, so one is read that does not exist.
 */
function withText(text: string, use: (path: string) => void): void {
  const { readTextFileSync } = Deno;
  const path = "text.pem";
  Deno.readTextFileSync = (each) =>
    each === path ? text : readTextFileSync(each);
  try {
    use(path);
  } finally {
    Deno.readTextFileSync = readTextFileSync;
  }
}

function loadText(context: ssl.SSLContext, text: string): void {
  withText(text, (path) => context.load_verify_locations(path));
}

Deno.test("SSLContext() has CPython's defaults", () => {
  const one = client();
  assertEquals(
    [one.protocol, one.check_hostname, one.verify_mode],
    [ssl.PROTOCOL_TLS_CLIENT, true, ssl.CERT_REQUIRED],
  );
  const other = server();
  assertEquals(
    [other.protocol, other.check_hostname, other.verify_mode],
    [ssl.PROTOCOL_TLS_SERVER, false, ssl.CERT_NONE],
  );
  assertEquals(other.minimum_version, ssl.TLSVersion.TLSv1_2);
  assertEquals(other.maximum_version, ssl.TLSVersion.MAXIMUM_SUPPORTED);
  assertEquals(other.sni_callback, null);
  assertEquals(other.hostname_checks_common_name, true);
  assertEquals(other.get_ca_certs(), []);
});

const values: [name: string, set: () => unknown, error: new () => Error][] = [
  ["protocol 99", () => new ssl.SSLContext(99), RangeError],
  ["PROTOCOL_TLS", () => new ssl.SSLContext(2), RangeError],
  ["verify_mode 3", () => client().verify_mode = 3, RangeError],
  [
    "CERT_NONE with check_hostname",
    () => client().verify_mode = ssl.CERT_NONE,
    RangeError,
  ],
  ["version 5", () => client().minimum_version = 5, RangeError],
  [
    "check_hostname as a string",
    () => client().check_hostname = "no" as unknown as boolean,
    TypeError,
  ],
  [
    "sni_callback as a string",
    () => server().sni_callback = "no" as unknown as null,
    TypeError,
  ],
  [
    "ALPN protocols as a string",
    () => client().set_alpn_protocols("h2"),
    TypeError,
  ],
  [
    "an ALPN protocol as a number",
    () => client().set_alpn_protocols([5 as unknown as string]),
    TypeError,
  ],
  ["no locations", () => client().load_verify_locations(), TypeError],
  [
    "empty certificate data",
    () => client().load_verify_locations(null, null, ""),
    RangeError,
  ],
  [
    "an unknown location",
    () => client().load_verify_locations({ ca: "x" } as object),
    TypeError,
  ],
  [
    "a purpose by name",
    () => ssl.create_default_context("server" as unknown as ssl.Purpose),
    TypeError,
  ],
  [
    "PEM without a certificate",
    () => ssl.PEM_cert_to_DER_cert("x"),
    RangeError,
  ],
  [
    "PEM whose base64 is cut off",
    () => ssl.PEM_cert_to_DER_cert(pemOf("A")),
    RangeError,
  ],
  ...[
    "now",
    "Jan 99 09:34:43 2018 GMT",
    "Jan  5 25:34:43 2018 GMT",
    "Jan  5 09:34:62 2018 GMT",
    "Jan  5 09:34:43 0000 GMT",
    "Jan05 09:34:43 2018 GMT",
    "Jan  5 09:34:43 2018 GMT ",
  ].map((time): [string, () => unknown, new () => Error] => [
    `the time "${time}"`,
    () => ssl.cert_time_to_seconds(time),
    RangeError,
  ]),
  [
    "a key by position and by name",
    () =>
      server().load_cert_chain(
        certificate("server"),
        { keyfile: certificate("server.key") },
        "password",
      ),
    TypeError,
  ],
  [
    "a location by position after those by name",
    () =>
      client().load_verify_locations({ cafile: certificate("ca") }, null, ""),
    TypeError,
  ],
  [
    "a password as a number for a key that needs none",
    () =>
      server().load_cert_chain(
        certificate("server"),
        certificate("server.key"),
        5 as unknown as string,
      ),
    TypeError,
  ],
  [
    "a password as a number",
    () =>
      server().load_cert_chain(
        certificate("server"),
        certificate("server_encrypted.key"),
        5 as unknown as string,
      ),
    TypeError,
  ],
  [
    "an encrypted key without a password",
    () =>
      server().load_cert_chain(
        certificate("server"),
        certificate("server_encrypted.key"),
      ),
    TypeError,
  ],
];

for (const [name, set, error] of values) {
  Deno.test(`SSLContext() refuses ${name}`, () => {
    assertThrows(set, error);
  });
}

Deno.test("verify_mode follows check_hostname, as in CPython", () => {
  const context = server();
  context.check_hostname = true;
  assertEquals(context.verify_mode, ssl.CERT_REQUIRED);
  context.check_hostname = false;
  context.verify_mode = ssl.CERT_NONE;
  assertEquals(context.verify_mode, ssl.CERT_NONE);
});

for (const length of [0, 256]) {
  Deno.test(`set_alpn_protocols() refuses a name of ${length} bytes`, () => {
    assertThrows(
      () => client().set_alpn_protocols(["x".repeat(length)]),
      ssl.SSLError,
      "1 to 255",
    );
  });
}

for (const name of ["SSLv3", "TLSv1", "TLSv1_1"] as const) {
  Deno.test(`minimum_version and maximum_version ${name} fail with EOPNOTSUPP`, () => {
    const { [name]: version } = ssl.TLSVersion;
    for (const context of [client(), server()]) {
      for (const set of ["minimum_version", "maximum_version"] as const) {
        const error = assertThrows(
          () => context[set] = version,
          socket.OSError,
          name,
        );
        assertEquals(error.code, "EOPNOTSUPP");
      }
    }
  });
}

const absent = [
  "cert_store_stats",
  "get_ciphers",
  "keylog_filename",
  "num_tickets",
  "options",
  "post_handshake_auth",
  "session_stats",
  "set_ciphers",
  "set_default_verify_paths",
  "set_ecdh_curve",
  "sslsocket_class",
  "verify_flags",
  "wrap_bio",
];

for (const name of absent) {
  Deno.test(`SSLContext.${name} fails with EOPNOTSUPP and the name`, () => {
    const context = client() as unknown as Record<string, unknown>;
    for (const use of [() => context[name], () => context[name] = 1]) {
      const error = assertThrows(use, socket.OSError, name);
      assertEquals(error.code, "EOPNOTSUPP");
    }
  });
}

const absentInSocket = [
  "session",
  "get_channel_binding",
  "get_verified_chain",
  "shared_ciphers",
];

for (const name of absentInSocket) {
  Deno.test(`SSLSocket.${name} fails with EOPNOTSUPP and the name`, async () => {
    await using pair = await tlsPair();
    const sock = pair.client as unknown as Record<string, unknown>;
    assertThrows(() => sock[name], socket.OSError, name);
  });
}

Deno.test("SSLContext rejects properties that it does not have", () => {
  const context = client() as unknown as Record<string, unknown>;
  assertThrows(() => context.check_host_name = false, TypeError);
});

Deno.test("load_cert_chain() takes keys of every kind and form", async () => {
  const forms: [certificate: string, key: string | null, password?: unknown][] =
    [
      ["server", "server.key"],
      ["server_both", null],
      ["rsa", "rsa.key"],
      ["rsa", "rsa_pkcs1.key"],
      ["server", "server_encrypted.key", "secret"],
      ["server", "server_encrypted.key", new TextEncoder().encode("secret")],
      ["server", "server_encrypted.key", () => "secret"],
      ["server", "server_sec1_encrypted.key", "secret"],
    ];
  for (const [name, key, password = null] of forms) {
    const context = server();
    context.load_cert_chain(
      certificate(name),
      key === null ? null : certificate(key),
      password as string | null,
    );
    await using pair = await tlsPair({ server: context });
    assert(pair.client.getpeercert());
  }
});

Deno.test("load_cert_chain() takes its optional arguments by name", async () => {
  const context = server();
  context.load_cert_chain(certificate("server"), {
    keyfile: certificate("server_encrypted.key"),
    password: "secret",
  });
  await using pair = await tlsPair({ server: context });
  assert(pair.client.getpeercert());
});

// The classes, texts and reasons are those of CPython 3.11.
const loads: [
  name: string,
  load: (context: ssl.SSLContext) => void,
  message: string,
  reason: string | null,
][] = [
  [
    "a certificate without its key",
    (each) => each.load_cert_chain(certificate("server")),
    "[SSL] PEM lib",
    null,
  ],
  [
    "another certificate's key",
    (each) =>
      each.load_cert_chain(certificate("server"), certificate("other.key")),
    "[X509: KEY_VALUES_MISMATCH] key values mismatch",
    "KEY_VALUES_MISMATCH",
  ],
  [
    "a wrong password",
    (each) =>
      each.load_cert_chain(
        certificate("server"),
        certificate("server_encrypted.key"),
        "wrong",
      ),
    "[SSL] PEM lib",
    null,
  ],
  [
    "a key for a certificate",
    (each) => each.load_cert_chain(certificate("server.key")),
    "[SSL] PEM lib",
    null,
  ],
  [
    "a file without certificates",
    (each) => each.load_verify_locations(certificate("server.key")),
    "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found",
    "NO_CERTIFICATE_OR_CRL_FOUND",
  ],
  [
    "a file whose base64 is no certificate",
    (each) => loadText(each, pem("ca") + pemOf("MAA=")),
    "[X509] PEM lib",
    null,
  ],
  [
    "a file with other characters than base64",
    (each) => loadText(each, pem("ca").replace("\nM", "\n*M")),
    "[X509] PEM lib",
    null,
  ],
  [
    "a file with a certificate that does not end",
    (each) => loadText(each, pem("ca") + pem("other_ca").slice(0, 400)),
    "[X509] PEM lib",
    null,
  ],
  [
    "a file whose delimiters are indented",
    (each) => loadText(each, pem("ca").replaceAll("-----B", " -----B")),
    "[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found",
    "NO_CERTIFICATE_OR_CRL_FOUND",
  ],
  [
    "a chain with a certificate that does not end",
    (each) =>
      withText(
        pem("server") + pem("ca").slice(0, 400),
        (path) => each.load_cert_chain(path, certificate("server.key")),
      ),
    "[SSL] PEM lib",
    null,
  ],
  [
    "a chain whose second certificate is none",
    (each) =>
      withText(
        pem("server") + pemOf("AAA*"),
        (path) => each.load_cert_chain(path, certificate("server.key")),
      ),
    "[SSL] PEM lib",
    null,
  ],
  [
    "text with the label of a file's certificates",
    (each) =>
      each.load_verify_locations({
        cadata: pem("ca").replaceAll(" CERT", " TRUSTED CERT"),
      }),
    "no start line: cadata does not contain a certificate",
    null,
  ],
  [
    "text without certificates",
    (each) => each.load_verify_locations(null, null, "junk"),
    "no start line: cadata does not contain a certificate",
    null,
  ],
  [
    "text whose base64 is no certificate",
    (each) => each.load_verify_locations({ cadata: pemOf("MAA=") }),
    "no start line: cadata does not contain a certificate",
    null,
  ],
  [
    "text that is no base64",
    (each) => each.load_verify_locations({ cadata: pemOf("A") }),
    "no start line: cadata does not contain a certificate",
    null,
  ],
  [
    "bytes that are no certificate",
    (each) => each.load_verify_locations(null, null, new Uint8Array(10)),
    "not enough data: cadata does not contain a certificate",
    null,
  ],
];

for (const [name, load, message, reason] of loads) {
  Deno.test(`SSLContext.load_*() of ${name} fails with SSLError`, () => {
    const context = server();
    const error = assertThrows(() => load(context), ssl.SSLError);
    assertEquals(error.message, message);
    assertEquals(error.reason, reason);
    assert(!Deno.inspect(error, { depth: 10 }).includes("PRIVATE"));
  });
}

Deno.test("SSLContext.load_*() of a missing file fails with FileNotFoundError", () => {
  const missing = certificate("missing");
  const calls = [
    () => server().load_cert_chain(missing),
    () => server().load_cert_chain(certificate("server"), missing),
    () => client().load_verify_locations(missing),
    () => client().load_verify_locations({ capath: missing }),
    () =>
      ssl.create_default_context(ssl.Purpose.SERVER_AUTH, { cafile: missing }),
  ];
  for (const call of calls) {
    const error = assertThrows(call, socket.FileNotFoundError);
    assertEquals(error.code, "ENOENT");
  }
});

Deno.test("load_verify_locations() takes files, folders, text and bytes", async () => {
  // Named by the hash of its subject, as OpenSSL looks it up.
  const folder = decodeURIComponent(new URL("hashed", certificates).pathname);
  const der = ssl.PEM_cert_to_DER_cert(pem("ca"));
  const both = new Uint8Array([
    ...der,
    ...ssl.PEM_cert_to_DER_cert(pem("other_ca")),
  ]);
  const loads: [(context: ssl.SSLContext) => void, number][] = [
    [(each) => each.load_verify_locations(certificate("ca")), 1],
    [(each) => each.load_verify_locations({ cafile: certificate("ca") }), 1],
    [(each) => each.load_verify_locations(null, folder), 1],
    [(each) => each.load_verify_locations({ cadata: pem("ca") }), 1],
    [
      (each) =>
        each.load_verify_locations({ cadata: pem("ca") + pem("other_ca") }),
      2,
    ],
    [(each) => each.load_verify_locations({ cadata: both }), 2],
  ];
  for (const [load, count] of loads) {
    const context = client();
    load(context);
    load(context);
    assertEquals(context.get_ca_certs().length, count);
    assertEquals(context.get_ca_certs(true)[0], der);
    await using pair = await tlsPair({ client: context });
    assert(pair.client.getpeercert());
  }
});

Deno.test("get_ca_certs() lists authorities only", () => {
  const context = client();
  context.load_verify_locations(certificate("self_signed"));
  assertEquals(context.get_ca_certs(), []);
});

Deno.test("a change of a context applies to later connections", async () => {
  const context = client();
  const [before] = await handshake({ client: context });
  assertInstanceOf(before, ssl.SSLCertVerificationError);
  context.load_verify_locations(certificate("ca"));
  await using pair = await tlsPair({ client: context });
  assert(pair.client.getpeercert());
  const one = serverContext();
  await using first = await tlsPair({ server: one });
  one.load_cert_chain(certificate("rsa"), certificate("rsa.key"));
  await using second = await tlsPair({ server: one });
  assert(
    first.client.getpeercert(true)!.length !==
      second.client.getpeercert(true)!.length,
  );
});

const wraps: [
  name: string,
  context: () => ssl.SSLContext,
  options: ssl.WrapOptions,
  error: new (...args: never[]) => Error,
  message: string,
][] = [
  ["no name to check", client, {}, RangeError, "requires server_hostname"],
  [
    "an empty name",
    client,
    { server_hostname: "" },
    RangeError,
    "requires server_hostname",
  ],
  [
    "a name with a leading dot",
    client,
    { server_hostname: ".x" },
    RangeError,
    "leading dot",
  ],
  [
    "a client's context for a server",
    client,
    { server_side: true },
    ssl.SSLError,
    "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context",
  ],
  [
    "a server's context for a client",
    server,
    {},
    ssl.SSLError,
    "Cannot create a client socket with a PROTOCOL_TLS_SERVER context",
  ],
  [
    "a server with a name",
    server,
    { server_side: true, server_hostname: "x" },
    RangeError,
    "only be specified in client mode",
  ],
  [
    "a session",
    client,
    { server_hostname: "x", session: null } as ssl.WrapOptions,
    TypeError,
    "session",
  ],
  [
    "an unknown option",
    client,
    { server_hostname: "x", serverside: true } as ssl.WrapOptions,
    TypeError,
    "serverside",
  ],
];

for (const [name, context, options, error, message] of wraps) {
  Deno.test(`wrap_socket() refuses ${name}, and leaves the socket alone`, async () => {
    using sock = socket.socket();
    await assertRejects(
      () => context().wrap_socket(sock, options),
      error as ErrorConstructor,
      message,
    );
    assert(sock.fileno() >= 0);
  });
}

Deno.test("wrap_socket() refuses a handshake on a non-blocking socket", async () => {
  const [near, far] = await plainPair();
  using one = near;
  using other = far;
  one.setblocking(false);
  await assertRejects(
    () => clientContext().wrap_socket(one, { server_hostname: "localhost" }),
    RangeError,
    "non-blocking",
  );
  assert(one.fileno() >= 0 && other.fileno() >= 0);
});

Deno.test("wrap_socket() rejects datagram sockets, and anything but a socket", async () => {
  using datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const options = { server_hostname: "localhost" };
  const error = await settle(clientContext().wrap_socket(datagrams, options));
  assertInstanceOf(error, socket.OSError);
  assertEquals(error.code, "EOPNOTSUPP");
  await assertRejects(
    () => clientContext().wrap_socket({} as socket.Socket, options),
    TypeError,
  );
});

Deno.test("wrap_socket() with a signal that has aborted does nothing", async () => {
  using sock = socket.socket();
  const signal = AbortSignal.abort(new Error("stop"));
  await assertRejects(
    () =>
      clientContext().wrap_socket(sock, {
        server_hostname: "localhost",
        signal,
      }),
    Error,
    "stop",
  );
  assert(sock.fileno() >= 0);
});

Deno.test("wrap_socket() encodes a name that is not ASCII", async () => {
  await using sock = await client().wrap_socket(socket.socket(), {
    server_hostname: "münchen.test",
  });
  assertEquals(sock.server_hostname, "xn--mnchen-3ya.test");
});

for (const user of ["é@localhost", "é:1@localhost", "é/../x", "é#x", "é?x"]) {
  Deno.test(`wrap_socket() takes no part of ${user} for the host`, async () => {
    using sock = socket.socket();
    await assertRejects(
      () => client().wrap_socket(sock, { server_hostname: user }),
      RangeError,
      "server_hostname must be a host name",
    );
    assert(sock.fileno() >= 0);
  });
}

Deno.test("SSLSocket() has no constructor for programs", () => {
  const Class = ssl.SSLSocket as unknown as new (...args: unknown[]) => object;
  for (const args of [[], [socket.AF_INET, socket.SOCK_STREAM, 0, 3]]) {
    assertThrows(
      () => new Class(...args),
      TypeError,
      "Instances are returned by SSLContext.wrap_socket()",
    );
  }
});

Deno.test("keys are never printed", async () => {
  await using pair = await tlsPair();
  const context = serverContext("server", (each) =>
    each.load_cert_chain(
      certificate("server"),
      certificate("server_encrypted.key"),
      "secret",
    ));
  const key = pem("server.key").split("\n")[1]!;
  for (const value of [context, pair.server, pair.server.context]) {
    const shown = Deno.inspect(value, { depth: 20, showHidden: true }) +
      JSON.stringify(value) + String(value);
    assert(!shown.includes(key) && !shown.includes("PRIVATE"), shown);
    assert(!shown.includes("secret"), shown);
  }
});

Deno.test("a key that is given as a path is in no error", () => {
  const key = pem("server.key");
  const context = server();
  const calls: (() => void)[] = [
    () => context.load_cert_chain(pem("server") + key),
    () => context.load_cert_chain(certificate("server"), key),
    () => context.load_verify_locations(key),
    () => context.load_verify_locations(null, key),
    () => ssl.create_default_context({ cafile: key }),
  ];
  for (const call of calls) {
    const error = assertThrows(
      call,
      socket.FileNotFoundError,
      "a path is needed",
    );
    const shown = Deno.inspect(error, { depth: 20, showHidden: true });
    assert(!shown.includes("PRIVATE KEY"), shown);
  }
});

Deno.test("create_default_context() for clients is a server's", async () => {
  const context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH);
  assertEquals(context.protocol, ssl.PROTOCOL_TLS_SERVER);
  context.load_cert_chain(certificate("server"), certificate("server.key"));
  await using pair = await tlsPair({ server: context });
  assertEquals(pair.server.server_side, true);
});

Deno.test("create_default_context() takes its arguments by name", () => {
  const cafile = certificate("ca");
  const client = ssl.create_default_context({ cafile });
  assertEquals(client.protocol, ssl.PROTOCOL_TLS_CLIENT);
  assertEquals(client.get_ca_certs().length, 1);
  const purpose = ssl.Purpose.CLIENT_AUTH;
  const server = ssl.create_default_context({ purpose, cafile });
  assertEquals(server.protocol, ssl.PROTOCOL_TLS_SERVER);
  assertEquals(server.get_ca_certs().length, 1);
  for (
    const args of [
      [{ cafiles: cafile }],
      [purpose, { purpose }],
      [{ purpose }, { cafile }],
      [{ purpose: 129 }],
      [{ cafile: 1 }],
      [null],
    ]
  ) {
    // deno-lint-ignore no-explicit-any -- wrong on purpose.
    const wrong = args as any;
    assertThrows(() => ssl.create_default_context(...wrong as []), TypeError);
  }
});

Deno.test("DER_cert_to_PEM_cert() and PEM_cert_to_DER_cert() are inverse", () => {
  const der = ssl.PEM_cert_to_DER_cert(pem("ca"));
  assertEquals(ssl.DER_cert_to_PEM_cert(der).trim(), pem("ca").trim());
  assertThrows(
    () => ssl.DER_cert_to_PEM_cert("x" as unknown as Uint8Array),
    TypeError,
  );
});

Deno.test("cert_time_to_seconds() returns CPython's results", () => {
  const results: [time: string, seconds: number][] = [
    ["Jan  5 09:34:43 2018 GMT", 1515144883],
    ["Jan 5 09:34:43 2018 GMT", 1515144883],
    ["Jan\t05 9:34:43   2018 GMT", 1515144883],
    ["jan  5 9:4:3 2018 gmt", 1515143043],
    ["Feb 31 09:34:43 2018 GMT", 1520069683],
    ["Jan  5 09:34:61 2018 GMT", 1515144901],
    ["Jan  5 09:34:43 0050 GMT", -60588915917],
  ];
  for (const [time, seconds] of results) {
    assertEquals(ssl.cert_time_to_seconds(time), seconds, time);
  }
});

Deno.test("PEM_cert_to_DER_cert() ignores what is no base64, as CPython does", () => {
  assertEquals(ssl.PEM_cert_to_DER_cert(pemOf("%%%%")), new Uint8Array(0));
  assertEquals(
    ssl.PEM_cert_to_DER_cert(pemOf("!M.A A=")),
    Uint8Array.of(48, 0),
  );
});

Deno.test("PEM_cert_to_DER_cert() takes the same texts as CPython", () => {
  const text = pem("ca");
  const der = ssl.PEM_cert_to_DER_cert(text);
  for (
    const same of [
      text.replaceAll("\n", ""),
      text.replaceAll("\n", "\r"),
      text.replace("-----\n", "----- \n"),
      `${text}\n `,
    ]
  ) assertEquals(ssl.PEM_cert_to_DER_cert(same), der);
  for (
    const wrong of [
      ` ${text}`,
      `text\n${text}`,
      `${text}text`,
      `${pem("server.key")}${text}`,
      text.replaceAll("CERT", "X509 CERT"),
      pemOf("AAA"),
    ]
  ) assertThrows(() => ssl.PEM_cert_to_DER_cert(wrong), RangeError);
});

Deno.test("SSLContext loads files with the lines that OpenSSL reads", () => {
  const text = pem("ca");
  for (
    const file of [
      `text\n${text}text`,
      `\ufeff${text}`,
      text.replaceAll("\n", " \r\n"),
      text.replace("-----\n", "-----\n\n"),
      text.replaceAll(" CERT", " X509 CERT"),
      text.replaceAll(" CERT", " TRUSTED CERT"),
      pem("server.key") + text,
    ]
  ) {
    const context = client();
    loadText(context, file);
    assertEquals(context.get_ca_certs(true).length, 1, file);
  }
  for (const label of ["X509 CERTIFICATE", "TRUSTED CERTIFICATE"]) {
    withText(pem("server").replaceAll("CERTIFICATE", label), (path) => {
      server().load_cert_chain(path, certificate("server.key"));
    });
  }
});

Deno.test("create_default_context() uses Deno's roots if there is no data", () => {
  const context = ssl.create_default_context({ cadata: new Uint8Array(0) });
  assertEquals(context.verify_mode, ssl.CERT_REQUIRED);
});

Deno.test("SSLError and its subclasses have the shape of OSError", () => {
  const error = new ssl.SSLError(ssl.SSL_ERROR_SSL, "wrong version number", {
    reason: "WRONG_VERSION_NUMBER",
  });
  assertInstanceOf(error, socket.OSError);
  assertEquals(error.errno, 1);
  assertEquals(error.name, "SSLError");
  assertEquals(error.library, "SSL");
  const verification = new ssl.SSLCertVerificationError(10, "has expired");
  assertInstanceOf(verification, ssl.SSLError);
  assert(!(error instanceof ssl.SSLCertVerificationError));
  assert(ssl.CertificateError === ssl.SSLCertVerificationError);
  for (const Class of [ssl.SSLWantReadError, ssl.SSLWantWriteError]) {
    const want = new Class();
    assertInstanceOf(want, ssl.SSLError);
    assertInstanceOf(want, socket.BlockingIOError);
    assert(!(want instanceof ssl.SSLEOFError));
  }
  assert(!(new socket.BlockingIOError(socket.EAGAIN) instanceof ssl.SSLError));
  assert(!((null as unknown) instanceof ssl.SSLError));
});
