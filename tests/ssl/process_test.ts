import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { runDeno } from "../support/child.ts";
import {
  certificate,
  certificates,
  receiveAll,
  serverContext,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

const folder = decodeURIComponent(certificates.pathname);
const read = ["ca", "server", "server.key"].map(certificate).join(",");

const prelude = `
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
const [folder] = Deno.args;
const server = () => {
  const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
  context.load_cert_chain(folder + "server.pem", folder + "server.key.pem");
  return context;
};
const client = () => {
  const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
  context.load_verify_locations(folder + "ca.pem");
  return context;
};
async function pair() {
  const [near, far] = await socket.socketpair(socket.AF_INET);
  return await Promise.all([
    client().wrap_socket(near, { server_hostname: "localhost" }),
    server().wrap_socket(far, { server_side: true }),
  ]);
}
`;

async function run(code: string, permissions: string[]): Promise<string> {
  const result = await runDeno({
    code: prelude + code,
    permissions,
    args: [folder],
  });
  assertEquals(result.stderr, "");
  assertEquals(result.code, 0);
  return result.stdout.trim();
}

const net = "--allow-net=127.0.0.1";

Deno.test("load_*() without the grant is a PermissionError that names the flag, and a text needs none", async () => {
  const printed = await run(
    `const calls = [
      () => server(),
      () => client(),
      () => ssl.create_default_context().load_verify_locations({ capath: folder }),
    ];
    for (const call of calls) {
      try { call(); console.log("no error"); }
      catch (error) { console.log(error.name, error.code, error.message.includes("--allow-read")); }
    }
    // The default roots are no file either.
    const context = ssl.create_default_context();
    context.load_verify_locations({ cadata: ${
      JSON.stringify(await Deno.readTextFile(certificate("ca")))
    } });
    const [near, far] = await socket.socketpair(socket.AF_INET);
    far.close();
    const error = await context.wrap_socket(near, { server_hostname: "localhost" }).catch((e) => e);
    console.log(error instanceof ssl.SSLEOFError || error instanceof socket.ConnectionError);`,
    [net],
  );
  assertEquals(
    printed.split("\n"),
    [...new Array(3).fill("PermissionError EACCES true"), "true"],
  );
});

Deno.test("a program that may read its certificates ends with TLS connections open, and nothing pending", async () => {
  const printed = await run(
    `const [near, far] = await pair();
    await far.sendall(new Uint8Array(5));
    console.log((await near.recv(9)).length);
    near.settimeout(0.01);
    await near.recv(1).catch((e) => console.log(e.name));
    const listener = socket.create_server(["127.0.0.1", 0]);
    const tls = await server().wrap_socket(listener, { server_side: true });
    const silent = await socket.create_connection(tls.getsockname());
    tls.settimeout(0.05);
    await tls.accept().catch((e) => console.log(e.name));
    const quiet = await client().wrap_socket(
      await socket.create_connection(tls.getsockname()),
      { server_hostname: "localhost", do_handshake_on_connect: false },
    );
    quiet.settimeout(0.01);
    console.log(far.version());`,
    [net, `--allow-read=${read}`],
  );
  assertEquals(printed.split("\n"), [
    "5",
    "TimeoutError",
    "TimeoutError",
    "TLSv1.3",
  ]);
});

Deno.test("unref() lets a program end while a TLS call waits", async () => {
  const printed = await run(
    `const [near] = await pair();
    near.unref();
    near.recv(1).then(() => console.log("received"), console.log);
    console.log("done");`,
    [net, `--allow-read=${read}`],
  );
  assertEquals(printed, "done");
});

Deno.test("a pending TLS call keeps a program alive", async () => {
  const printed = await run(
    `const [near, far] = await pair();
    near.recv(10).then((data) => console.log("received", data.length));
    Deno.unrefTimer(setTimeout(() => {}, 1));
    far.sendall(new Uint8Array(10));`,
    [net, `--allow-read=${read}`],
  );
  assertEquals(printed, "received 10");
});

Deno.test("a program that ends after sendall() and close() has delivered", async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const [, port] = listener.getsockname();
  const running = run(
    `const sock = await socket.create_connection(["127.0.0.1", ${port}]);
    const tls = await client().wrap_socket(sock, { server_hostname: "localhost" });
    await tls.sendall(new Uint8Array(2_000_000));
    tls.close();
    console.log("sent");`,
    [net, `--allow-read=${read}`],
  );
  const [conn] = await within(listener.accept());
  await using server = await within(
    serverContext().wrap_socket(conn, { server_side: true }),
  );
  const received = await within(receiveAll(server));
  assertEquals(received.length, 2_000_000);
  assertEquals(await running, "sent");
});
