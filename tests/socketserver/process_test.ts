import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runDeno } from "../support/child.ts";
import { canLimitFiles, startWithFileLimit } from "../support/file_limit.ts";
import { withDirectory } from "../support/unix.ts";

const prelude = `
  import * as socket from "@pystd/socket";
  import * as socketserver from "@pystd/socket/socketserver";
  const HERE = ["127.0.0.1", 0];
  const text = (data) => new TextDecoder().decode(data);
  const bytes = (data) => new TextEncoder().encode(data);
`;

const permissions = ["--allow-net=127.0.0.1"];

const programs: Record<string, [code: string, stdout: string]> = {
  "ends after shutdown(), which waits for no interval": [
    `const server = new socketserver.ThreadingTCPServer(
       HERE,
       class extends socketserver.StreamRequestHandler {
         async handle() { await this.wfile.write(await this.rfile.readline()); }
       },
     );
     const serving = server.serve_forever(3600);
     using client = await socket.create_connection(server.server_address);
     await client.sendall(bytes("hello\\n"));
     console.log(text(await client.recv(99)).trim());
     await server.shutdown();
     await serving;
     console.log("down");`,
    "hello\ndown\n",
  ],
  "ends with a server that serves no longer, and is not closed": [
    `const server = new socketserver.TCPServer(
       HERE, class extends socketserver.BaseRequestHandler {},
     );
     const controller = new AbortController();
     const serving = server.serve_forever(0.5, controller);
     controller.abort(new Error("enough"));
     await serving.catch((error) => console.log(error.message));`,
    "enough\n",
  ],
  "goes on while it serves": [
    `const server = new socketserver.TCPServer(
       HERE,
       class extends socketserver.BaseRequestHandler {
         async handle() {
           console.log("handled");
           await this.server.shutdown();
         }
       },
     );
     server.serve_forever().then(() => console.log("served"));
     // Unreferenced: only the server keeps the process alive.
     Deno.unrefTimer(setTimeout(async () => {
       const client = await socket.create_connection(server.server_address);
       client.close();
     }, 20));`,
    "handled\nserved\n",
  ],
  "ends beside the handlers of daemon_threads": [
    `class Server extends socketserver.ThreadingTCPServer {
       daemon_threads = true;
     }
     const entered = Promise.withResolvers();
     const server = new Server(
       HERE,
       class extends socketserver.StreamRequestHandler {
         async handle() {
           entered.resolve();
           await this.rfile.readline();
           console.log("never");
         }
       },
     );
     const serving = server.serve_forever();
     const client = await socket.create_connection(server.server_address);
     await entered.promise;
     await server.shutdown();
     await serving;
     await server.server_close();
     console.log("closed");`,
    "closed\n",
  ],
};

for (const [name, [code, expected]] of Object.entries(programs)) {
  Deno.test(`serve_forever(): the process ${name}`, async () => {
    const { stdout, stderr } = await runDeno({
      code: prelude + code,
      permissions,
    });
    assertEquals([stdout, stderr], [expected, ""]);
  });
}

Deno.test("handle_error() prints the error and the client's address to standard error", async () => {
  const { stdout, stderr, code } = await runDeno({
    code: prelude + `
      for (const Server of ["TCPServer", "ThreadingTCPServer"]) {
        const server = new socketserver[Server](
          HERE,
          class extends socketserver.BaseRequestHandler {
            async handle() {
              await Promise.resolve();
              throw new TypeError("of a handler of " + Server);
            }
          },
        );
        const serving = server.serve_forever();
        for (let i = 0; i < 2; i++) {
          using client = await socket.create_connection(server.server_address);
          console.log(client.getsockname()[1], Server);
          await client.recv(1);
        }
        await server.shutdown();
        await serving;
        await server.server_close();
      }`,
    permissions,
  });
  assertEquals(code, 0, stderr);
  const line = "-".repeat(40);
  const reports = stderr.split(`${line}\n`).filter((part) => part !== "");
  assertEquals(reports.length, 4, stderr);
  const clients = stdout.trim().split("\n");
  for (const [i, report] of reports.entries()) {
    const [port, server] = clients[i]!.split(" ");
    const [first = "", second = ""] = report.split("\n");
    assertEquals(
      first,
      `Exception occurred during processing of request from [ "127.0.0.1", ${port} ]`,
    );
    assertEquals(second, `TypeError: of a handler of ${server}`);
    assertStringIncludes(report, "at async ");
  }
});

Deno.test("ThreadingMixIn() prints an error of handle_error() itself, and goes on", async () => {
  const { stdout, stderr, code } = await runDeno({
    code: prelude + `
      class Server extends socketserver.ThreadingTCPServer {
        handle_error() { throw new Error("of handle_error"); }
      }
      const server = new Server(
        HERE,
        class extends socketserver.BaseRequestHandler {
          handle() { throw new Error("of the handler"); }
        },
      );
      const serving = server.serve_forever();
      for (let i = 0; i < 2; i++) {
        using client = await socket.create_connection(server.server_address);
        console.log((await client.recv(1)).length);
      }
      await server.shutdown();
      await serving;
      await server.server_close();`,
    permissions,
  });
  assertEquals([code, stdout], [0, "0\n0\n"], stderr);
  assertEquals(stderr.match(/Error: of handle_error/g)?.length, 2, stderr);
});

Deno.test({
  name:
    "serve_forever() waits without spinning while no descriptor is left, and goes on",
  ignore: !canLimitFiles,
  fn: async () => {
    await using child = startWithFileLimit(
      60,
      prelude + `
      let attempts = 0;
      class Server extends socketserver.ThreadingTCPServer {
        get_request() {
          attempts++;
          return super.get_request();
        }
      }
      const server = new Server(
        HERE,
        class extends socketserver.StreamRequestHandler {
          async handle() { await this.wfile.write(await this.rfile.readline()); }
        },
      );
      const serving = server.serve_forever();
      const clients = [];
      // Each connection takes two descriptors: the last ones are not accepted.
      for (;;) {
        try {
          clients.push(await socket.create_connection(server.server_address));
        } catch (error) {
          console.log(error.code);
          break;
        }
      }
      const before = attempts;
      const started = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 500));
      // Ten a second at most: fewer if the machine is busy.
      const most = 2 + (performance.now() - started) / 100;
      console.log(attempts - before <= most, clients.length > 5);
      const last = clients.pop();
      for (const client of clients) client.close();
      await last.sendall(bytes("still here\\n"));
      console.log(text(await last.recv(99)).trim());
      last.close();
      await server.shutdown();
      await serving;
      await server.server_close();
      console.log("down");`,
      permissions,
    );
    const { code, stdout, stderr } = await child.result();
    assertEquals(code, 0, stderr);
    assertEquals(stdout, "EMFILE\ntrue true\nstill here\ndown\n");
  },
});

Deno.test({
  name: "UnixStreamServer and UnixDatagramServer serve at their paths",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withDirectory(async (directory) => {
      const { stdout, stderr } = await runDeno({
        code: prelude + `
          const dir = Deno.args[0];
          for (const name of ["", "Threading"]) {
            {
              const path = dir + name + "s";
              await using server = new socketserver[name + "UnixStreamServer"](
                path,
                class extends socketserver.StreamRequestHandler {
                  async handle() {
                    await this.wfile.write(await this.rfile.readline());
                  }
                },
              );
              console.log(server.server_address === path, server.address_family === socket.AF_UNIX);
              const serving = server.serve_forever();
              using client = socket.socket(socket.AF_UNIX);
              await client.connect(path);
              await client.sendall(bytes("stream\\n"));
              console.log(text(await client.recv(99)).trim());
              await server.shutdown();
              await serving;
            }
            const path = dir + name + "d";
            await using server = new socketserver[name + "UnixDatagramServer"](
              path,
              class extends socketserver.DatagramRequestHandler {
                async handle() { await this.wfile.write(await this.rfile.read()); }
              },
            );
            const serving = server.serve_forever();
            using client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
            client.bind(dir + name + "c");
            await client.sendto(bytes("datagram"), path);
            console.log(text(await client.recv(99)));
            await server.shutdown();
            await serving;
          }
          console.log(Array.from(Deno.readDirSync(dir), ({ name }) => name).join());`,
        permissions: [
          "--allow-net",
          `--allow-read=${directory}`,
          `--allow-write=${directory}`,
        ],
        args: [directory],
        unstable: true,
      });
      const each = "true true\nstream\ndatagram\n";
      assertEquals(stderr, "");
      assert(stdout.startsWith(each + each), stdout);
      // The servers have removed their files.
      assertEquals(stdout.includes("s,") || stdout.endsWith("s\n"), false);
    });
  },
});
