import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import { python, runPython, startPython } from "../support/python.ts";
import {
  bytes,
  certificate,
  certificates,
  clientContext,
  only,
  receiveAll,
  serverContext,
  settle,
  text,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

const MB = 1024 * 1024;
const { TLSv1_2, TLSv1_3 } = ssl.TLSVersion;

const ignore = python === null;
const folder = decodeURIComponent(certificates.pathname);

/** What Python programs begin with. */
const prelude = `
import hashlib, os, socket, ssl, sys, threading
D = sys.argv[1]
def server_context(name="server", version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(D + name + ".pem", D + name + ".key.pem")
    if version: c.minimum_version = c.maximum_version = version
    return c
def client_context(ca="ca", version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.load_verify_locations(D + ca + ".pem")
    if version: c.minimum_version = c.maximum_version = version
    return c
def listen():
    s = socket.create_server(("127.0.0.1", 0))
    s.settimeout(60)
    print(s.getsockname()[1])
    return s
def numbered(n):
    period = bytes(i * 7 % 251 for i in range(251))
    return (period * (n // 251 + 1))[:n]
def drain(s):
    h, n = hashlib.sha256(), 0
    while True:
        data = s.recv(65536)
        if not data: return n, h.hexdigest()
        h.update(data); n += len(data)
`;

async function digest(data: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", data as BufferSource);
  return Array.from(
    new Uint8Array(hash),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** Bytes that do not repeat in any block of a power of two. */
function numbered(size: number): Uint8Array<ArrayBuffer> {
  const data = new Uint8Array(size);
  for (let i = 0; i < size; i++) data[i] = i * 7 % 251;
  return data;
}

for (const version of [TLSv1_2, TLSv1_3]) {
  const name = version === TLSv1_2 ? "TLSv1.2" : "TLSv1.3";

  Deno.test(
    `wrap_socket() speaks ${name} with a server of CPython, 1 MB both ways`,
    {
      ignore,
    },
    async () => {
      await using peer = startPython(
        `${prelude}
conn, _ = listen().accept()
with server_context().wrap_socket(conn, server_side=True) as s:
    got = []
    t = threading.Thread(target=lambda: got.append(drain(s)))
    t.start()
    s.sendall(numbered(1_000_000))
    t.join()
    print(s.version(), *got[0])
    s.unwrap()
`,
        [folder],
      );
      const port = Number(await peer.readLine());
      const sock = await socket.create_connection(["127.0.0.1", port]);
      await using client = await within(
        clientContext(only(version)).wrap_socket(sock, {
          server_hostname: "localhost",
          suppress_ragged_eofs: false,
        }),
      );
      const data = crypto.getRandomValues(new Uint8Array(65536));
      const all = new Uint8Array(16 * 65536);
      for (let at = 0; at < all.length; at += data.length) all.set(data, at);
      const sending = client.sendall(all)
        .then(() => client.shutdown(socket.SHUT_WR));
      const received = await within(receiveAll(client));
      await sending;
      assertEquals(await digest(received), await digest(numbered(1_000_000)));
      assertEquals(
        await within(peer.readLine()),
        `${name} ${all.length} ${await digest(all)}`,
      );
    },
  );

  Deno.test(
    `wrap_socket() speaks ${name} with a client of CPython, 1 MB both ways`,
    {
      ignore,
    },
    async () => {
      using listener = socket.create_server(["127.0.0.1", 0]);
      await using peer = startPython(
        `${prelude}
sock = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 20)
with client_context(version=${version}).wrap_socket(sock, server_hostname="localhost") as s:
    got = []
    t = threading.Thread(target=lambda: got.append(drain(s)))
    t.start()
    s.sendall(numbered(1_000_000))
    t.join()
    print(s.version(), *got[0], s.getpeercert()["subject"][-1][0][1])
`,
        [folder, String(listener.getsockname()[1])],
      );
      const [conn] = await within(listener.accept());
      await using server = await within(
        serverContext().wrap_socket(conn, { server_side: true }),
      );
      const all = crypto.getRandomValues(new Uint8Array(65536));
      const sending = (async () => {
        for (let i = 0; i < 16; i++) await server.sendall(all);
        await server.shutdown(socket.SHUT_WR);
      })();
      let size = 0;
      const expected = numbered(1_000_000);
      while (size < expected.length) {
        const data = await within(server.recv(65536));
        assert(data.length > 0);
        assertEquals(data[0], expected[size]);
        size += data.length;
      }
      await sending;
      const [seen, count, , host] =
        (await within(peer.readLine()))?.split(" ") ?? [];
      assertEquals([seen, count, host], [
        name,
        String(16 * 65536),
        "localhost",
      ]);
    },
  );
}

Deno.test(
  "getpeercert() over a connection returns CPython's result",
  { ignore },
  async () => {
    using listener = socket.create_server(["127.0.0.1", 0]);
    await using server = await serverContext("fields").wrap_socket(listener, {
      server_side: true,
    });
    const serving = serveNames(server);
    const [, port] = server.getsockname() as socket.InetAddress;
    const printed = JSON.parse(
      await runPython(
        `${prelude}
import json
sock = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 20)
with client_context().wrap_socket(sock, server_hostname="fields.test") as s:
    print(json.dumps(s.getpeercert()))
`,
        [folder, String(port)],
      ),
    );
    const sock = await socket.create_connection(["127.0.0.1", port]);
    await using client = await within(
      clientContext().wrap_socket(sock, { server_hostname: "fields.test" }),
    );
    assertEquals(client.getpeercert() as unknown, printed);
    await client[Symbol.asyncDispose]();
    server.close();
    await serving;
  },
);

Deno.test("set_alpn_protocols() and sni_callback() agree with CPython", {
  ignore,
}, async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const peer = runPython(
    `${prelude}
c = client_context()
c.set_alpn_protocols(["h2", "http/1.1"])
sock = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 20)
with c.wrap_socket(sock, server_hostname="other.test") as s:
    print(s.selected_alpn_protocol(), s.getpeercert()["subject"][0][0][1], *s.cipher())
`,
    [folder, String(listener.getsockname()[1])],
  );
  const context = serverContext();
  const other = serverContext("other");
  other.set_alpn_protocols(["http/1.1"]);
  context.sni_callback = (sock, name) => {
    if (name === "other.test") sock.context = other;
  };
  const [conn] = await within(listener.accept());
  await using server = await within(
    context.wrap_socket(conn, { server_side: true }),
  );
  assertEquals(
    (await peer).trim(),
    `http/1.1 other.test ${server.cipher()?.join(" ")}`,
  );
});

Deno.test(
  "client certificates are sent to CPython and received from it",
  { ignore },
  async () => {
    await using peer = startPython(
      `${prelude}
c = server_context()
c.verify_mode = ssl.CERT_REQUIRED
c.load_verify_locations(D + "ca.pem")
sock = listen()
for i in range(2):
    conn, _ = sock.accept()
    try:
        with c.wrap_socket(conn, server_side=True) as s:
            print(s.getpeercert()["subject"][0][0][1])
            s.sendall(b"welcome")
    except ssl.SSLError as e: print(e.reason)
`,
      [folder],
    );
    const port = Number(await peer.readLine());
    const connect = async (name?: string) => {
      const context = clientContext((each) => {
        if (name !== undefined) {
          each.load_cert_chain(certificate(name), certificate(`${name}.key`));
        }
      });
      const sock = await socket.create_connection(["127.0.0.1", port]);
      return await context.wrap_socket(sock, { server_hostname: "localhost" });
    };
    {
      await using client = await within(connect("client"));
      assertEquals(text(await within(client.recv(100))), "welcome");
      assertEquals(await peer.readLine(), "alice");
    }
    {
      await using client = await within(connect());
      const error = await within(settle(client.recv(100)));
      assert(error instanceof ssl.SSLError || error instanceof socket.OSError);
      assertEquals(
        await peer.readLine(),
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
      );
    }
  },
);

Deno.test("unwrap() ends TLS with CPython, and plain text goes on", {
  ignore,
}, async () => {
  await using peer = startPython(
    `${prelude}
conn, _ = listen().accept()
s = server_context().wrap_socket(conn, server_side=True)
print(s.recv(100).decode())
plain = s.unwrap()
print(plain.recv(100).decode())
plain.sendall(b"plain from CPython")
`,
    [folder],
  );
  const port = Number(await peer.readLine());
  const sock = await socket.create_connection(["127.0.0.1", port]);
  const client = await within(
    clientContext().wrap_socket(sock, { server_hostname: "localhost" }),
  );
  await client.sendall(bytes("secret"));
  assertEquals(await within(peer.readLine()), "secret");
  await using plain = await within(client.unwrap());
  await plain.sendall(bytes("plain"));
  assertEquals(await within(peer.readLine()), "plain");
  assertEquals(text(await within(plain.recv(100))), "plain from CPython");
});

Deno.test("STARTTLS: smtplib of CPython talks to a server, in mid-connection", {
  ignore,
}, async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const peer = runPython(
    `${prelude}
import smtplib
with smtplib.SMTP("localhost", int(sys.argv[2]), "me.test", 20) as s:
    s.ehlo(); s.starttls(context=client_context()); s.ehlo()
    print(s.sendmail("a@me.test", ["b@you.test"], "Subject: hi\\r\\n\\r\\nhello\\r\\n"))
`,
    [folder, String(listener.getsockname()[1])],
  );
  const [conn] = await within(listener.accept());
  await using plain = conn;
  await plain.sendall(bytes("220 mail.test\r\n"));
  let line = text(await within(plain.recv(1000)));
  const lines: string[] = [];
  while (line !== "STARTTLS\r\n") {
    lines.push(line);
    await plain.sendall(bytes("250-mail.test\r\n250 STARTTLS\r\n"));
    line = text(await within(plain.recv(1000)));
  }
  await plain.sendall(bytes("220 go on\r\n"));
  await using secure = await within(
    serverContext().wrap_socket(plain, { server_side: true }),
  );
  const reader = secure.makefile("r", null, { newline: "" });
  let inData = false;
  for await (const received of reader) {
    lines.push(received);
    if (inData && received !== ".\r\n") continue;
    const command = received.slice(0, 4).toUpperCase();
    inData = command === "DATA";
    const answers: Record<string, string> = {
      DATA: "354 end with .",
      QUIT: "221 bye",
    };
    await secure.sendall(bytes(`${answers[command] ?? "250 ok"}\r\n`));
    if (command === "QUIT") break;
  }
  await reader.close();
  assertEquals((await peer).trim(), "{}");
  assert(lines.includes("hello\r\n"));
});

Deno.test("close() of CPython without close_notify is an end, or SSLEOFError", {
  ignore,
}, async () => {
  await using peer = startPython(
    `${prelude}
sock = listen()
for i in range(2):
    conn, _ = sock.accept()
    s = server_context().wrap_socket(conn, server_side=True)
    s.sendall(b"hello"); s.close()
`,
    [folder],
  );
  const port = Number(await peer.readLine());
  for (const suppress of [true, false]) {
    const sock = await socket.create_connection(["127.0.0.1", port]);
    await using client = await within(
      clientContext().wrap_socket(sock, {
        server_hostname: "localhost",
        suppress_ragged_eofs: suppress,
      }),
    );
    assertEquals(text(await within(client.recv(100))), "hello");
    const end = await within(settle(client.recv(100)));
    assertEquals(end instanceof ssl.SSLEOFError, !suppress);
  }
});

Deno.test("close() is an end for CPython without suppress_ragged_eofs", {
  ignore,
}, async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const peer = runPython(
    `${prelude}
sock = socket.create_connection(("127.0.0.1", int(sys.argv[2])), 20)
s = client_context().wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)
print(drain(s)[0])
`,
    [folder, String(listener.getsockname()[1])],
  );
  const [conn] = await within(listener.accept());
  await using server = await within(
    serverContext().wrap_socket(conn, { server_side: true }),
  );
  await server.sendall(new Uint8Array(MB));
  server.close();
  assertEquals((await peer).trim(), String(MB));
});

Deno.test(
  "get_server_certificate() returns the result of CPython",
  { ignore },
  async () => {
    using listener = socket.create_server(["127.0.0.1", 0]);
    await using server = await serverContext().wrap_socket(listener, {
      server_side: true,
    });
    const serving = (async () => {
      for await (const [conn] of server) {
        await settle(conn.recv(1));
        await settle(conn[Symbol.asyncDispose]());
      }
    })();
    const [, port] = server.getsockname() as socket.InetAddress;
    const theirs = await runPython(
      `import ssl, sys
print(ssl.get_server_certificate(("127.0.0.1", int(sys.argv[1]))), end="")`,
      [String(port)],
    );
    const address: [string, number] = ["127.0.0.1", port];
    assertEquals(await within(ssl.get_server_certificate(address)), theirs);
    const checked = await within(
      ssl.get_server_certificate(address, { ca_certs: certificate("ca") }),
    );
    assertEquals(checked, theirs);
    const refused = await within(settle(
      ssl.get_server_certificate(address, {
        ca_certs: certificate("other_ca"),
      }),
    ));
    assert(refused instanceof ssl.SSLCertVerificationError);
    server.close();
    await serving;
  },
);

/** Serves one client after another with the name in its certificate. */
async function serveNames(server: ssl.SSLSocket): Promise<void> {
  for await (const [conn] of server) {
    await using peer = conn;
    const name = peer.getpeercert()?.subject?.at(-1)?.[0]?.[1] ?? "nobody";
    await settle(peer.sendall(bytes(name)));
    await settle(receiveAll(peer));
  }
}

for (const version of [TLSv1_2, TLSv1_3]) {
  const name = version === TLSv1_2 ? "TLSv1.2" : "TLSv1.3";

  Deno.test(
    `a client of CPython resumes a session of ${name} with its certificate, where that is trusted`,
    {
      ignore,
    },
    async () => {
      const listen = async (ca: string) => {
        const context = serverContext("server", only(version));
        context.verify_mode = ssl.CERT_REQUIRED;
        context.load_verify_locations(certificate(ca));
        return await context.wrap_socket(
          socket.create_server(["127.0.0.1", 0]),
          { server_side: true },
        );
      };
      await using trusting = await listen("ca");
      await using other = await listen("other_ca");
      const serving = [trusting, other].map(serveNames);
      const ports = [trusting, other].map((each) =>
        String((each.getsockname() as socket.InetAddress)[1])
      );
      const printed = await runPython(
        `${prelude}
context = client_context(version=${version})
context.load_cert_chain(D + "client.pem", D + "client.key.pem")
session = None
for port in (sys.argv[2], sys.argv[2], sys.argv[3], sys.argv[2]):
    sock = socket.create_connection(("127.0.0.1", int(port)), 20)
    try:
        with context.wrap_socket(sock, server_hostname="localhost", session=session) as s:
            data = s.recv(100)
            print(s.session_reused, data.decode())
            session = s.session
            s.unwrap()
    except OSError: print("refused")
`,
        [folder, ...ports],
      );
      assertEquals(printed.trim().split(/\s*\n/), [
        "False alice",
        "True alice",
        "refused",
        "True alice",
      ]);
      trusting.close();
      other.close();
      await Promise.all(serving);
    },
  );
}

Deno.test("wrap_socket() refuses a certificate that cannot be read", {
  ignore,
}, async () => {
  const versions = [TLSv1_2, TLSv1_3];
  await using peer = startPython(
    `${prelude}
import re, tempfile
sock = listen()
der = ssl.PEM_cert_to_DER_cert(open(D + "server.pem").read())
# OpenSSL takes a time that is none until it checks it.
der = re.sub(rb"(\\x17\\x0d)..", rb"\\1XX", der, count=1)
with tempfile.NamedTemporaryFile("w", suffix=".pem") as f:
    f.write(ssl.DER_cert_to_PEM_cert(der))
    f.flush()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f.name, D + "server.key.pem")
for version in (${versions}):
    context.minimum_version = context.maximum_version = version
    conn, _ = sock.accept()
    try:
        context.wrap_socket(conn, server_side=True)
        print("accepted")
    except ssl.SSLError as e: print(e.reason)
`,
    [folder],
  );
  const port = Number(await peer.readLine());
  for (const version of versions) {
    const context = clientContext(only(version));
    await using sock = await socket.create_connection(["127.0.0.1", port]);
    const error = await within(settle(
      context.wrap_socket(sock, { server_hostname: "localhost" }),
    ));
    assertInstanceOf(error, ssl.SSLCertVerificationError);
    assertEquals(error.verify_code, 1);
    assertEquals(await within(peer.readLine()), "SSLV3_ALERT_BAD_CERTIFICATE");
  }
});
