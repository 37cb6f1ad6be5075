import { assertEquals } from "@std/assert";
import { checkTogether, processTest, runDeno } from "../support/child.ts";

interface Program {
  what: string;
  code: string;
  printed: string;
}

const prelude = `
  import * as socket from "@pystd/socket";
  import { poll, POLLIN, select } from "@pystd/socket/select";
  import { DefaultSelector, EVENT_READ } from "@pystd/socket/selectors";

  const listening = () => socket.create_server(["127.0.0.1", 0]);
  const print = (...values) => console.log(...values);
  const code = (error) => print(error.code);
  /** Does it only if something else keeps the process alive until then. */
  const later = (action) => Deno.unrefTimer(setTimeout(action, 50));
`;

const waiting: readonly Program[] = [
  {
    what: "select() on a listening socket",
    code: `
      later(() => server.close());
      await select([server], [], []).catch(code);`,
    printed: "EBADF\n",
  },
  {
    what: "select() for what is never writable",
    code: `
      later(() => server.close());
      await select([], [server], []).catch(code);`,
    printed: "EBADF\n",
  },
  {
    what: "select() on a datagram socket that is not bound",
    code: `
      const s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      later(() => s.close());
      await select([s], [], []).catch(code);`,
    printed: "EBADF\n",
  },
  {
    what: "select() that only sleeps",
    code: `await select([], [], [], 0.05).then(print);`,
    printed: "[ [], [], [] ]\n",
  },
  {
    what: "select() whose first socket is unreferenced",
    code: `
      const other = socket.create_server(["127.0.0.1", 0]);
      server.unref();
      later(() => server.close());
      await select([server, other], [], []).catch(code);`,
    printed: "EBADF\n",
  },
  {
    what: "select() on a socket that is referenced again",
    code: `
      server.unref();
      const waiting = select([server], [], []).catch(code);
      server.ref();
      later(() => server.close());
      await waiting;`,
    printed: "EBADF\n",
  },
  {
    what: "poll() with a timeout",
    code: `
      const poller = poll();
      poller.register(server, POLLIN);
      await poller.poll(50).then(print);`,
    printed: "[]\n",
  },
  {
    what: "select() of a selector whose first socket was unregistered",
    code: `
      const sel = new DefaultSelector();
      const other = socket.create_server(["127.0.0.1", 0]);
      sel.register(server, EVENT_READ);
      sel.register(other, EVENT_READ);
      const waiting = sel.select().catch(code);
      setTimeout(() => {
        sel.unregister(server);
        server.close();
        later(() => other.close());
      }, 5);
      await waiting;`,
    printed: "EBADF\n",
  },
];

const over: readonly Program[] = [
  {
    what: "select() that timed out",
    code: `print(await select([server], [server], [], 0.01));`,
    printed: "[ [], [], [] ]\n",
  },
  {
    what: "select() that was aborted",
    code: `
      const signal = AbortSignal.timeout(10);
      await select([server], [], [], 60, { signal })
        .catch((error) => print(error.name));`,
    printed: "TimeoutError\n",
  },
  {
    what: "select() on sockets that are unreferenced",
    code: `
      server.unref();
      select([server], [], []).catch(code);
      select([], [server], [], 60).catch(code);`,
    printed: "",
  },
  {
    what: "select() on a socket that is unreferenced while it waits",
    code: `
      select([server], [], []).catch(code);
      select([], [server], []).catch(code);
      setTimeout(() => server.unref(), 5);`,
    printed: "",
  },
  {
    what: "select() of a selector that has something",
    code: `
      const sel = new DefaultSelector();
      const client = await socket.create_connection(server.getsockname());
      sel.register(server, EVENT_READ);
      sel.register(client, EVENT_READ);
      print((await sel.select()).length);`,
    printed: "1\n",
  },
];

/** Runs some of the programs, one after the other, in one process. */
async function check(programs: readonly Program[]): Promise<void> {
  const result = await runDeno({
    // A module that awaits would keep the process alive itself.
    code: `${prelude} (async () => {${
      programs.map(({ code }) =>
        `{
      const server = listening();
      ${code}
    }`
      ).join("\n")
    }})();`,
    permissions: ["--allow-net=127.0.0.1"],
  });
  const stdout = programs.map(({ printed }) => printed).join("");
  const what = programs.map(({ what }) => what).join(", ");
  assertEquals(result, { code: 0, stdout, stderr: "" }, what);
}

// Each waits for its call. If that does not keep the process alive, the process
// ends there, and what the program and all later ones print is missing.
processTest(
  "select() that waits keeps the process alive",
  () => checkTogether(waiting, check),
);

// One that did would keep all of them.
processTest(
  "select() that has ended, or is unreferenced, does not keep the process alive",
  () => checkTogether(over, check),
);
