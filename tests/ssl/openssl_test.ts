import { assert, assertEquals, assertMatch } from "@std/assert";
import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import { ChildProcess } from "../support/process.ts";
import {
  bytes,
  certificate,
  clientContext,
  receiveAll,
  serverContext,
  settle,
  text,
} from "../support/tls.ts";
import { within } from "../support/within.ts";

/** Whether a command is there; without it the test is shown as ignored. */
async function has(command: string, ...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, {
      args,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const noOpenssl = !await has("openssl", "version");
const noCurl = !await has("curl", "--version");

for (const version of ["tls1_2", "tls1_3"]) {
  Deno.test(`openssl s_client speaks ${version} to a server`, {
    ignore: noOpenssl,
  }, async () => {
    using listener = socket.create_server(["127.0.0.1", 0]);
    await using server = await serverContext().wrap_socket(listener, {
      server_side: true,
    });
    const [, port] = server.getsockname() as socket.InetAddress;
    await using child = new ChildProcess("openssl", "openssl", [
      "s_client",
      `-${version}`,
      "-connect",
      `127.0.0.1:${port}`,
      "-servername",
      "localhost",
      "-verify_hostname",
      "localhost",
      "-verify_return_error",
      "-CAfile",
      certificate("ca"),
      "-quiet",
    ]);
    const [conn] = await within(server.accept());
    await using peer = conn;
    await child.write("hello from openssl\n");
    assertEquals(text(await within(peer.recv(100))), "hello from openssl\n");
    await peer.sendall(bytes("hello from here\n"));
    assertEquals(await child.readLine(), "hello from here");
  });

  Deno.test(`openssl s_server speaks ${version} to a client`, {
    ignore: noOpenssl,
  }, async () => {
    await using child = new ChildProcess("openssl", "openssl", [
      "s_server",
      `-${version}`,
      "-accept",
      "127.0.0.1:0",
      "-cert",
      certificate("server"),
      "-key",
      certificate("server.key"),
      "-naccept",
      "1",
      "-rev",
    ]);
    const [, port] = await child.readMatch(/^ACCEPT 127\.0\.0\.1:(\d+)/);
    const sock = await socket.create_connection(["127.0.0.1", Number(port)]);
    await using client = await within(
      clientContext().wrap_socket(sock, { server_hostname: "localhost" }),
    );
    await client.sendall(bytes("hello\n"));
    assertEquals(text(await within(client.recv(100))), "olleh\n");
  });
}

Deno.test("openssl s_client resumes a session or begins anew, and is served", {
  ignore: noOpenssl,
}, async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  await using server = await serverContext().wrap_socket(listener, {
    server_side: true,
  });
  const serving = (async () => {
    for await (const [conn] of server) {
      await using peer = conn;
      await settle(peer.sendall(bytes("hi\n")));
      await settle(receiveAll(peer));
    }
  })();
  const [, port] = server.getsockname() as socket.InetAddress;
  await using child = new ChildProcess("openssl", "openssl", [
    "s_client",
    "-connect",
    `127.0.0.1:${port}`,
    "-reconnect",
    "-CAfile",
    certificate("ca"),
  ], { stdin: "" });
  const { stdout } = await child.result();
  assertMatch(stdout, /Verify return code: 0 \(ok\)/);
  server.close();
  await serving;
});

Deno.test("curl gets a page, by HTTP/1.0 that ends with the connection", {
  ignore: noCurl,
}, async () => {
  using listener = socket.create_server(["127.0.0.1", 0]);
  const context = serverContext();
  context.set_alpn_protocols(["http/1.1"]);
  await using server = await context.wrap_socket(listener, {
    server_side: true,
  });
  const [, port] = server.getsockname() as socket.InetAddress;
  const page = "x".repeat(300_000);
  const serving = (async () => {
    const [conn] = await server.accept();
    await using peer = conn;
    const request = text(await peer.recv(65536));
    await peer.sendall(bytes(`HTTP/1.0 200 OK\r\n\r\n${page}`));
    return [request, peer.selected_alpn_protocol()];
  })();
  await using child = new ChildProcess("curl", "curl", [
    "--silent",
    "--show-error",
    "--noproxy",
    "*",
    "--cacert",
    certificate("ca"),
    `https://localhost:${port}/`,
    "--resolve",
    `localhost:${port}:127.0.0.1`,
  ]);
  const [result, [request, protocol]] = await within(
    Promise.all([child.result(), serving]),
  );
  // An end without close_notify would be an error to curl here.
  assertEquals([result.code, result.stderr], [0, ""]);
  assertEquals(result.stdout.length, page.length);
  assertMatch(request ?? "", /^GET \/ HTTP\/1\.1\r\n/);
  assertEquals(protocol, "http/1.1");
});

Deno.test(
  "curl rejects a server that it does not trust, and the server gets the alert",
  {
    ignore: noCurl,
  },
  async () => {
    using listener = socket.create_server(["127.0.0.1", 0]);
    await using server = await serverContext().wrap_socket(listener, {
      server_side: true,
    });
    const [, port] = server.getsockname() as socket.InetAddress;
    await using child = new ChildProcess("curl", "curl", [
      "--silent",
      "--noproxy",
      "*",
      "--cacert",
      certificate("other_ca"),
      `https://127.0.0.1:${port}/`,
    ]);
    const [result, error] = await within(
      Promise.all([child.result(), settle(server.accept())]),
    );
    assertEquals(result.code, 60);
    assert(error instanceof ssl.SSLError);
    assertEquals(error.reason, "TLSV1_ALERT_UNKNOWN_CA");
  },
);
