import { assertEquals } from "@std/assert";
import { checkTogether, processTest, runDeno } from "../support/child.ts";

// A test of a program may replace the timers of `globalThis` with fake ones that
// never fire. The module captures the real ones when it loads, and its time
// limits hold.

/** Calls of a connected pair, `a` and `b`; `prints` is how each ends. */
const calls: Record<string, { setup: string; call: string; prints: string }> = {
  "recv()": {
    setup: "a.settimeout(0.01);",
    call: "a.recv(1)",
    prints: "TimeoutError",
  },
  "recv() of a non-blocking socket": {
    setup: "a.setblocking(false);",
    call: "a.recv(1)",
    prints: "BlockingIOError",
  },
  "accept()": {
    setup:
      'const s = socket.create_server(["127.0.0.1", 0]); s.settimeout(0.01);',
    call: "s.accept()",
    prints: "TimeoutError",
  },
  "sendall()": {
    setup: "a.settimeout(0.01);",
    call: "a.sendall(new Uint8Array(3e7))",
    prints: "TimeoutError",
  },
  "recv() of datagrams": {
    setup:
      'const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(["127.0.0.1", 0]); s.settimeout(0.01);',
    call: "s.recv(1)",
    prints: "TimeoutError",
  },
  "recv() of an unbound datagram socket": {
    setup:
      "const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.01);",
    call: "s.recv(1)",
    prints: "TimeoutError",
  },
  "select()": {
    setup: "",
    call: "select.select([a], [], [], 0.01)",
    prints: "done",
  },
  "a transfer": {
    setup: "b.sendall(new Uint8Array(3));",
    call: "a.recv(3)",
    prints: "done",
  },
  "a loop of calls that are answered at once": {
    setup: "a.close(); await b.recv(1);",
    call: "(async () => { for (let i = 0; i < 1000; i++) await b.recv(1); })()",
    prints: "done",
  },
};

/** Makes some of the calls, one after the other, in one process. */
async function check(names: readonly string[]): Promise<void> {
  const programs = names.map((name) => calls[name]!);
  const result = await runDeno({
    code: `
    import * as socket from "@pystd/socket";
    import * as select from "@pystd/socket/select";
    const pairs = [];
    for (let i = 0; i < ${names.length}; i++) {
      pairs.push(await socket.socketpair(socket.AF_INET));
    }
    Object.assign(globalThis, {
      setTimeout: () => 1,
      setInterval: () => 1,
      setImmediate: () => ({}),
      clearTimeout() {},
      clearInterval() {},
    });
    performance.now = () => 0;
    Date.now = () => 0;
    ${
      programs.map(({ setup, call }) =>
        `{
      const [a, b] = pairs.shift();
      ${setup}
      console.log(await ${call}.then(() => "done", (error) => error.name));
    }`
      ).join("\n")
    }
    Deno.exit();`,
    permissions: ["--allow-net=127.0.0.1"],
    unstable: true,
  });
  const stdout = programs.map(({ prints }) => `${prints}\n`).join("");
  assertEquals(result, { code: 0, stdout, stderr: "" }, names.join());
}

processTest(
  "calls end, and time out, although the program's timers are fake ones",
  () => checkTogether(Object.keys(calls), check),
);
