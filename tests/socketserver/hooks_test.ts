import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import * as socketserver from "@pystd/socket/socketserver";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const { AF_INET, SOCK_DGRAM } = socket;

/** What goes wrong while a request is handled; each is one request. */
const modes = [
  "nothing",
  "verify_request is false",
  "setup",
  "handle",
  "finish",
  "handle and finish",
  "finish_request",
  "get_request",
] as const;

type Mode = typeof modes[number];

let log: string[] = [];
let mode: Mode = "nothing";

function mayFail(hook: string): void {
  if (mode.split(" and ").includes(hook)) throw new Error(hook);
}

/** The hooks of a server, each of which logs its call. */
// deno-lint-ignore no-explicit-any
type Class = abstract new (...args: any[]) => socketserver.TCPServer<
  socket.InetAddress,
  unknown
>;

const HOOKS = [
  "server_bind",
  "server_activate",
  "get_request",
  "verify_request",
  "process_request",
  "process_request_thread",
  "finish_request",
  "shutdown_request",
  "close_request",
  "handle_timeout",
  "handle_error",
  "service_actions",
  "server_close",
] as const;

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** A subclass that logs, and calls the hook of the class. */
function logging<C extends Class>(Server: C): C {
  abstract class Logging extends Server {}
  const hooks = Logging.prototype as unknown as Record<string, Method>;
  for (const name of HOOKS) {
    const original = hooks[name];
    if (original === undefined) continue;
    hooks[name] = function (...args) {
      log.push(name);
      if (name === "get_request" && mode === "get_request") {
        // The request is taken, and then the hook fails.
        return Promise.resolve(original.apply(this, args)).then((got) => {
          const [request] = got as [unknown];
          if (request instanceof socket.Socket) request.close();
          throw new socket.OSError(socket.EBADF);
        });
      }
      if (name === "finish_request") mayFail(name);
      if (name === "handle_error") return;
      const result = original.apply(this, args);
      return name === "verify_request" ? !mode.startsWith(name) : result;
    };
  }
  return Logging;
}

function handlerOf<R>(Base: new (...args: never[]) => R): never {
  class Handler extends (Base as typeof socketserver.BaseRequestHandler) {
    override async setup() {
      log.push("setup");
      await super.setup();
      mayFail("setup");
    }
    override handle() {
      log.push("handle");
      mayFail("handle");
    }
    override async finish() {
      log.push("finish");
      await super.finish();
      mayFail("finish");
    }
  }
  return Handler as never;
}

const kinds = {
  "TCPServer, BaseRequestHandler": [
    socketserver.TCPServer,
    socketserver.BaseRequestHandler,
  ],
  "TCPServer, StreamRequestHandler": [
    socketserver.TCPServer,
    socketserver.StreamRequestHandler,
  ],
  "UDPServer, BaseRequestHandler": [
    socketserver.UDPServer,
    socketserver.BaseRequestHandler,
  ],
  "UDPServer, DatagramRequestHandler": [
    socketserver.UDPServer,
    socketserver.DatagramRequestHandler,
  ],
  "ThreadingTCPServer, StreamRequestHandler": [
    socketserver.ThreadingTCPServer,
    socketserver.StreamRequestHandler,
  ],
  "ThreadingUDPServer, DatagramRequestHandler": [
    socketserver.ThreadingUDPServer,
    socketserver.DatagramRequestHandler,
  ],
} as unknown as Record<string, [Class, never]>;

type Logs = Record<string, string[]>;

/** Runs one request of each mode, with `handle_request()`. */
async function ourLogs([Base, Handler]: [Class, never]): Promise<Logs> {
  const logs: Logs = {};
  const collect = (name: string) => {
    logs[name] = log;
    log = [];
  };
  const Server = logging(Base) as unknown as new (
    address: readonly [string, number],
    handler: never,
  ) => socketserver.TCPServer<socket.InetAddress, unknown>;
  log = [];
  const server = new Server(["127.0.0.1", 0], handlerOf(Handler));
  collect("constructor");
  const address = server.server_address;
  const isDatagram = server.socket_type === SOCK_DGRAM;
  for (mode of modes) {
    using client = socket.socket(AF_INET, server.socket_type);
    await client.connect(address);
    await client.send(new TextEncoder().encode("request"));
    await server.handle_request();
    const last = mode === "get_request" ? mode : "close_request";
    while (!log.includes(last)) await new Promise((done) => setTimeout(done));
    if (!isDatagram) await within(client.recv(1).catch(() => {}));
    collect(mode);
  }
  mode = "nothing";
  server.timeout = 0.01;
  await server.handle_request();
  collect("timeout");
  await server.server_close();
  collect("server_close");
  return logs;
}

const PYTHON = `
import json, sys, socket, time
from socketserver import *
log, mode = [], "nothing"
def may_fail(hook):
    if hook in mode.split(" and "): raise Exception(hook)
def logging(base):
    class Logging(base): pass
    def wrap(name):
        original = getattr(base, name)
        def hook(self, *args):
            log.append(name)
            if name == "get_request" and mode == "get_request":
                request, _ = original(self, *args)
                if isinstance(request, socket.socket): request.close()
                raise OSError(9, "")
            if name == "finish_request": may_fail(name)
            if name == "handle_error": return
            result = original(self, *args)
            return not mode.startswith(name) if name == "verify_request" else result
        setattr(Logging, name, hook)
    for name in ${JSON.stringify(HOOKS)}:
        if hasattr(base, name): wrap(name)
    return Logging
def handler_of(base):
    class Handler(base):
        def setup(self):
            log.append("setup")
            super().setup()
            may_fail("setup")
        def handle(self):
            log.append("handle")
            may_fail("handle")
        def finish(self):
            log.append("finish")
            super().finish()
            may_fail("finish")
    return Handler
def logs_of(base, handler):
    global log, mode
    logs = {}
    def collect(name):
        global log
        logs[name] = log
        log = []
    log = []
    server = logging(base)(("127.0.0.1", 0), handler_of(handler))
    collect("constructor")
    for mode in json.loads(sys.argv[1]):
        client = socket.socket(socket.AF_INET, server.socket_type)
        client.connect(server.server_address)
        client.send(b"request")
        server.handle_request()
        last = mode if mode == "get_request" else "close_request"
        while last not in log: time.sleep(0.001)
        if server.socket_type == socket.SOCK_STREAM:
            try: client.recv(1)
            except OSError: pass
        client.close()
        collect(mode)
    mode = "nothing"
    server.timeout = 0.01
    server.handle_request()
    collect("timeout")
    server.server_close()
    collect("server_close")
    return logs
print(json.dumps({
    kind: logs_of(*(globals()[name] for name in kind.split(", ")))
    for kind in json.loads(sys.argv[2])
}))
`;

Deno.test({
  name: "servers call their hooks in CPython's order, whatever fails",
  ignore: python === null,
  fn: async () => {
    const theirs: Record<string, Logs> = JSON.parse(
      await runPython(PYTHON, [
        JSON.stringify(modes),
        JSON.stringify(Object.keys(kinds)),
      ]),
    );
    const ours: Record<string, Logs> = {};
    for (const [kind, classes] of Object.entries(kinds)) {
      ours[kind] = await ourLogs(classes);
    }
    assertEquals(ours, theirs);
  },
});

/** Without the calls of `service_actions` that only time has led to. */
function afterRequests(hooks: readonly string[]): string[] {
  return hooks.filter((hook, i) =>
    hook !== "service_actions" || hooks[i - 1] === "close_request"
  );
}

Deno.test({
  name:
    "serve_forever() calls service_actions() after each request, as CPython",
  ignore: python === null,
  fn: async () => {
    const output = await runPython(
      `${PYTHON.split("def logs_of")[0]}
import threading
server = logging(TCPServer)(("127.0.0.1", 0), handler_of(BaseRequestHandler))
thread = threading.Thread(target=server.serve_forever, args=(0.01,))
thread.start()
for _ in range(2):
    client = socket.create_connection(server.server_address)
    client.recv(1)
    client.close()
before = len(log)
while log[before:].count("service_actions") < 2: time.sleep(0.001)
server.shutdown()
thread.join()
server.server_close()
print(json.dumps(log))`,
      ["[]", "[]"],
    );
    log = [];
    const Server = logging(
      socketserver.TCPServer as unknown as Class,
    ) as unknown as typeof socketserver.TCPServer;
    const server = new Server(
      ["127.0.0.1", 0],
      handlerOf(socketserver.BaseRequestHandler),
    );
    const serving = server.serve_forever(0.01);
    const [host, port] = server.server_address;
    for (let i = 0; i < 2; i++) {
      using client = await socket.create_connection([host, port]);
      await within(client.recv(1));
    }
    const count = () => log.filter((hook) => hook === "service_actions").length;
    // Also without a request: the loop calls it every 10 ms.
    const before = count();
    while (count() < before + 2) await new Promise((done) => setTimeout(done));
    await within(server.shutdown());
    await within(serving);
    await server.server_close();
    assertEquals(
      afterRequests(log),
      afterRequests(JSON.parse(output)),
    );
  },
});
