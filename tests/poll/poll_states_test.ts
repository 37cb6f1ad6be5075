import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import * as net from "node:net";
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import { closedAddress, fullListener } from "../support/addresses.ts";
import { fill, listener, tcpPair, udpSocket } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

const one = new Uint8Array([1]);

const NAMES = ["IN", "PRI", "OUT", "ERR", "HUP", "NVAL", "RDHUP"] as const;

/** The names of the events in a mask. */
function namesOf(mask: number): string {
  return NAMES.filter((name) => mask & select[`POLL${name}`]).join(" ");
}

interface State {
  what: string;
  events: string;
  /** Brings a socket there; what it leaves on the stack is closed then. */
  make: (stack: AsyncDisposableStack) => Promise<socket.Socket>;
  /** Does the same to `s`; `c` is connected to it, if it is named. */
  python: string;
}

async function pairOn(stack: AsyncDisposableStack) {
  return stack.use(await tcpPair());
}

/** A connected state: what both ends do, from fresh. */
function connected(
  what: string,
  events: string,
  act: (s: socket.Socket, c: socket.Socket) => Promise<unknown>,
  python: string,
): State {
  return {
    what: `connected, ${what}`,
    events,
    make: async (stack) => {
      const { client, peer } = await pairOn(stack);
      await act(client, peer);
      return client;
    },
    python: `s, c = pair()\n${python}`,
  };
}

const { SHUT_RD, SHUT_RDWR, SHUT_WR, SOL_SOCKET, SO_ERROR } = socket;

const states: readonly State[] = [
  {
    what: "new",
    events: "OUT HUP",
    make: (stack) => Promise.resolve(stack.use(socket.socket())),
    python: "s = socket()",
  },
  {
    what: "bound",
    events: "OUT HUP",
    make: (stack) => {
      const s = stack.use(socket.socket());
      s.bind(["127.0.0.1", 0]);
      return Promise.resolve(s);
    },
    python: "s = socket(); s.bind(('127.0.0.1', 0))",
  },
  {
    what: "listening",
    events: "",
    make: (stack) => Promise.resolve(stack.use(listener())),
    python: "s = listener()",
  },
  {
    what: "listening, with a connection",
    events: "IN",
    make: async (stack) => {
      const s = stack.use(listener());
      await stack.use(socket.socket()).connect(s.getsockname());
      return s;
    },
    python: "s = listener(); c = socket(); c.connect(s.getsockname())",
  },
  {
    what: "connecting",
    events: "",
    make: async (stack) => {
      const { address } = stack.use(await fullListener());
      const s = stack.use(socket.socket());
      s.setblocking(false);
      await s.connect_ex(address);
      return s;
    },
    python: `
l = socket(); l.bind(('127.0.0.1', 0)); l.listen(1)
c = [socket() for _ in range(2)]
for each in c: each.connect(l.getsockname())
s = socket(); s.setblocking(False); s.connect_ex(l.getsockname())`,
  },
  connected("idle", "OUT", async () => {}, ""),
  connected("with data", "IN OUT", (_, c) => c.sendall(one), "c.send(b'x')"),
  connected(
    "ended by the peer",
    "IN OUT RDHUP",
    (_, c) => c.shutdown(SHUT_WR),
    "c.shutdown(SHUT_WR)",
  ),
  connected(
    "ended by the peer, with the end received",
    "IN OUT RDHUP",
    async (s, c) => {
      c.close();
      await s.recv(1);
    },
    "c.close(); s.recv(1)",
  ),
  connected(
    "shut for sending",
    "OUT",
    (s) => s.shutdown(SHUT_WR),
    "s.shutdown(SHUT_WR)",
  ),
  connected(
    "shut for receiving",
    "IN OUT RDHUP",
    (s) => s.shutdown(SHUT_RD),
    "s.shutdown(SHUT_RD)",
  ),
  connected(
    "shut for both",
    "IN OUT HUP RDHUP",
    (s) => s.shutdown(SHUT_RDWR),
    "s.shutdown(SHUT_RDWR)",
  ),
  connected(
    "ended by both",
    "IN OUT HUP RDHUP",
    async (s, c) => {
      await s.shutdown(SHUT_WR);
      await c.shutdown(SHUT_WR);
    },
    "s.shutdown(SHUT_WR); c.shutdown(SHUT_WR)",
  ),
  connected("full", "", (s) => fill(s), "fill(s)"),
  connected(
    "full, then shut for sending",
    "OUT",
    async (s) => {
      await fill(s);
      // It waits until everything before it is sent.
      s.shutdown(SHUT_WR).catch(() => {});
    },
    "fill(s); s.shutdown(SHUT_WR)",
  ),
  {
    what: "reset",
    events: "IN OUT ERR HUP RDHUP",
    make: resetOn,
    python: "s, c = pair(); reset(c)",
  },
  {
    what: "reset, with the error received",
    events: "IN OUT HUP RDHUP",
    make: async (stack) => {
      const s = await resetOn(stack);
      await assertRejects(() => s.recv(1), socket.ConnectionResetError);
      return s;
    },
    python: `
s, c = pair(); reset(c)
try: s.recv(1)
except ConnectionResetError: pass`,
  },
  {
    what: "a datagram socket",
    events: "OUT",
    make: (stack) =>
      Promise.resolve(
        stack.use(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
      ),
    python: "s = socket(AF_INET, SOCK_DGRAM)",
  },
  {
    what: "a datagram socket with a datagram",
    events: "IN OUT",
    make: async (stack) => {
      const s = stack.use(udpSocket());
      await stack.use(udpSocket()).sendto(one, s.getsockname());
      return s;
    },
    python: `
s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0))
c = socket(AF_INET, SOCK_DGRAM); c.sendto(b'x', s.getsockname())`,
  },
  ...([[SHUT_RD, "SHUT_RD", " RDHUP"], [SHUT_RDWR, "SHUT_RDWR", " HUP RDHUP"]]
    .map(([how, name, more]) => ({
      what: `a datagram socket after shutdown(${name})`,
      events: `IN OUT${more}`,
      make: async (stack: AsyncDisposableStack) => {
        const s = stack.use(udpSocket());
        await s.connect(s.getsockname());
        await s.shutdown(how as number);
        return s;
      },
      python: `
s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0))
s.connect(s.getsockname()); s.shutdown(${name})`,
    }))),
];

async function resetOn(stack: AsyncDisposableStack): Promise<socket.Socket> {
  const server = stack.use(listener());
  const peer = net.connect(server.getsockname()[1], "127.0.0.1");
  await within(once(peer, "connect"));
  const s = stack.use((await within(server.accept()))[0]);
  peer.resetAndDestroy();
  await within(once(peer, "close"));
  // A child that is starting may have a copy of the peer for some milliseconds.
  await within(select.select([s], [], []));
  return s;
}

const MASK = select.POLLIN | select.POLLPRI | select.POLLOUT |
  select.POLLRDHUP;

for (const { what, events, make } of states) {
  Deno.test(`poll() of ${what} is [${events}]`, async () => {
    await using stack = new AsyncDisposableStack();
    const s = await make(stack);
    const poller = select.poll();
    poller.register(s, MASK);
    const found = await within(poller.poll(events === "" ? 0 : null));
    assertEquals(found.map(([fd]) => fd), events === "" ? [] : [s.fileno()]);
    assertEquals(found.map(([, mask]) => namesOf(mask)).join(), events);
  });
}

const elsewhere = python === null || Deno.build.os !== "linux";
Deno.test({
  name: `poll() of each state returns Python's events${
    elsewhere ? " (skipped: no python3 on Linux)" : ""
  }`,
  ignore: elsewhere,
  fn: async () => {
    const programs = JSON.stringify(JSON.stringify(
      states.map((state) => state.python),
    ));
    const printed = await runPython(`
import json, select, struct, time
from socket import *

def listener():
    l = socket(); l.bind(("127.0.0.1", 0)); l.listen(); return l

def pair():
    l = listener(); s = create_connection(l.getsockname()); c, _ = l.accept()
    return s, c

def reset(c):
    c.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0)); c.close()

def fill(s):
    s.setblocking(False)
    try:
        while True: s.send(bytes(65536))
    except BlockingIOError: pass

masks = []
for program in json.loads(${programs}):
    scope = dict(globals())
    exec(program, scope)
    time.sleep(0.02)
    p = select.poll()
    p.register(scope["s"], ${MASK})
    masks.append(sum(mask for _, mask in p.poll(0)))
print(json.dumps(masks))
`);
    const theirs: number[] = JSON.parse(printed);
    for (const [i, { what, events }] of states.entries()) {
      assertEquals(`${what}: ${namesOf(theirs[i]!)}`, `${what}: ${events}`);
    }
  },
});

Deno.test("poll() after a refused connect reports the error until a call has returned it", async () => {
  await using s = socket.socket();
  s.setblocking(false);
  const told = s.connect_ex(closedAddress());
  const poller = select.poll();
  poller.register(s, MASK);
  const [[, first]] = await within(poller.poll()) as [[number, number]];
  if (s.getsockopt(SOL_SOCKET, SO_ERROR) !== 0) {
    assertEquals(namesOf(first), "IN OUT ERR HUP RDHUP");
  }
  const [[, then]] = await within(poller.poll()) as [[number, number]];
  assertEquals(namesOf(then), "OUT HUP");
  await told;
});
