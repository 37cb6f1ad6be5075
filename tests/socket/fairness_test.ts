import {
  assertEquals,
  assertGreaterOrEqual,
  AssertionError,
  assertLessOrEqual,
} from "@std/assert";
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import { DefaultSelector, EVENT_READ } from "@pystd/socket/selectors";
import { TurnCounter } from "../support/event_loop.ts";
import {
  listener,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { within } from "../support/within.ts";

// A program that makes one call after the other, each of which is answered at
// once, must not keep the event loop from turning: its timers, signal handlers
// and other connections would wait for ever. The rule counts calls and bytes, so
// these tests count them too, and depend on no clock.

const MAX_CALLS = 256;
const MAX_BYTES = 1_048_576;

/** Sockets for a loop of calls. */
interface Rig {
  /** An end whose peer has sent bytes that are queued in the kernel. */
  readonly full: TcpSocket;
  /** An end whose peer has closed. */
  readonly ended: TcpSocket;
  /** An end that has nothing to receive, and room to send. */
  readonly idle: TcpSocket;
  /** A datagram socket that has received some datagrams. */
  readonly udp: TcpSocket;
  readonly closed: TcpSocket;
  /** Releases what a loop has opened. */
  readonly stack: AsyncDisposableStack;
}

const NONE = new Uint8Array(0);
const ONE = new Uint8Array(1);
const ignore = () => {};

/** One call of a loop, which may fail. */
type Call = () => Promise<unknown>;

/** Calls that can be answered at once, each with the loop that it is for. */
const loops: Record<string, (rig: Rig) => Call | Promise<Call>> = {
  "recv() at the end of the stream": ({ ended }) => () => ended.recv(10),
  "recv_into() at the end of the stream": ({ ended }) => () =>
    ended.recv_into(ONE),
  "recvfrom() at the end of the stream": ({ ended }) => () =>
    ended.recvfrom(10),
  "recvmsg() at the end of the stream": ({ ended }) => () => ended.recvmsg(10),
  "recvmsg_into() at the end of the stream": ({ ended }) => () =>
    ended.recvmsg_into([ONE]),
  "recv() with a timeout at the end of the stream": ({ ended }) => {
    ended.settimeout(60);
    return () => ended.recv(10);
  },
  "recv() with a signal at the end of the stream": ({ ended }) => {
    const { signal } = new AbortController();
    return () => ended.recv(10, { signal });
  },
  "recv() with MSG_PEEK": ({ full }) => () => full.recv(5, socket.MSG_PEEK),
  "recv_into() with MSG_PEEK": ({ full }) => () =>
    full.recv_into(ONE, 0, socket.MSG_PEEK),
  "recv() of 1 byte": ({ full }) => () => full.recv(1),
  "recv_into() of 1 byte": ({ full }) => () => full.recv_into(ONE),
  "recv() with MSG_WAITALL": ({ full }) => () =>
    full.recv(2, socket.MSG_WAITALL),
  "recv(0)": ({ idle }) => () => idle.recv(0),
  "recv_into() of an empty buffer": ({ idle }) => () => idle.recv_into(NONE),
  "recvfrom(0) on a datagram socket at its end": async ({ udp }) => {
    await udp.connect(udp.getsockname());
    await udp.shutdown(socket.SHUT_RD);
    return () => udp.recvfrom(1);
  },
  "recv(0) on a datagram socket": ({ udp }) => () => udp.recv(0),
  "recvfrom() with MSG_PEEK on a datagram socket": ({ udp }) => () =>
    udp.recvfrom(1, socket.MSG_PEEK),
  "recv() of a non-blocking socket": ({ idle }) => {
    idle.setblocking(false);
    return () => idle.recv(1);
  },
  "send() of nothing": ({ idle }) => () => idle.send(NONE),
  "sendall() of nothing": ({ idle }) => () => idle.sendall(NONE),
  "sendmsg() of nothing": ({ idle }) => () => idle.sendmsg([]),
  "sendto() of nothing": ({ idle }) => () => idle.sendto(NONE, ["", 1]),
  "send() of 1 byte": ({ idle }) => () => idle.send(ONE),
  "sendall() of 1 byte": ({ idle }) => () => idle.sendall(ONE),
  "sendall() of 1 byte with a timeout": ({ idle }) => {
    idle.settimeout(60);
    return () => idle.sendall(ONE);
  },
  "sendmsg() of 1 byte": ({ idle }) => () => idle.sendmsg([ONE]),
  "sendto() of a datagram": ({ udp }) => {
    const to = udp.getsockname();
    return () => udp.sendto(ONE, to);
  },
  "send() after shutdown(SHUT_WR)": async ({ idle }) => {
    await idle.shutdown(socket.SHUT_WR);
    return () => idle.send(ONE);
  },
  "sendall() after shutdown(SHUT_WR)": async ({ idle }) => {
    await idle.shutdown(socket.SHUT_WR);
    return () => idle.sendall(ONE);
  },
  "recv() of a closed socket": ({ closed }) => () => closed.recv(1),
  "recv_into() of a closed socket": ({ closed }) => () => closed.recv_into(ONE),
  "recvmsg() of a closed socket": ({ closed }) => () => closed.recvmsg(1),
  "send() of a closed socket": ({ closed }) => () => closed.send(ONE),
  "sendmsg() of a closed socket": ({ closed }) => () => closed.sendmsg([ONE]),
  "sendto() of a closed socket": ({ closed }) => () =>
    closed.sendto(ONE, ["127.0.0.1", 1]),
  "accept() of a closed socket": ({ closed }) => () => closed.accept(),
  "shutdown() of a closed socket": ({ closed }) => () =>
    closed.shutdown(socket.SHUT_WR),
  "connect_ex() of a closed socket": ({ closed }) => () =>
    closed.connect_ex(["127.0.0.1", 1]),
  "connect() of a connected socket": ({ idle }) => () =>
    idle.connect(["127.0.0.1", 1]),
  "connect_ex() of a connected socket": ({ idle }) => () =>
    idle.connect_ex(["127.0.0.1", 1]),
  "connect() of a datagram socket": ({ udp }) => {
    const to = udp.getsockname();
    return () => udp.connect(to);
  },
  "shutdown() of a connected socket": ({ idle }) => () =>
    idle.shutdown(socket.SHUT_WR),
  "accept() of a connected socket": ({ idle }) => () => idle.accept(),
  "recv() with an aborted signal": ({ full }) => () =>
    full.recv(1, { signal: AbortSignal.abort() }),
  "send() with an aborted signal": ({ idle }) => () =>
    idle.send(ONE, { signal: AbortSignal.abort() }),
  "recv() with a wrong argument": ({ idle }) => () => idle.recv(-1),
  "read() of a file object at its end": ({ ended, stack }) => {
    const file = stack.use(ended.makefile("rb"));
    return () => file.read(1);
  },
  "readline() of a text file object at its end": ({ ended, stack }) => {
    const file = stack.use(ended.makefile("r"));
    return () => file.readline();
  },
  "read() of a file object": ({ full, stack }) => {
    const file = stack.use(full.makefile("rb"));
    return () => file.read(1);
  },
  "readline() of a file object": ({ full, stack }) => {
    const file = stack.use(full.makefile("rb"));
    return () => file.readline();
  },
  "readline() of a text file object": ({ full, stack }) => {
    const file = stack.use(full.makefile("r"));
    return () => file.readline();
  },
  "readinto() of a file object": ({ full, stack }) => {
    const file = stack.use(full.makefile("rb"));
    return () => file.readinto(ONE);
  },
  "peek() of a file object": ({ full, stack }) => {
    const file = stack.use(full.makefile("rb"));
    return () => file.peek(1);
  },
  "iteration of a file object": ({ full, stack }) => {
    const lines = stack.use(full.makefile("r"))[Symbol.asyncIterator]();
    return () => lines.next();
  },
  "read() of an unbuffered file object": ({ full, stack }) => {
    const file = stack.use(full.makefile("rb", 0));
    return () => file.read(1);
  },
  "write() of a file object": ({ idle, stack }) => {
    const file = stack.use(idle.makefile("wb"));
    return () => file.write(ONE);
  },
  "flush() of a file object": ({ idle, stack }) => {
    const file = stack.use(idle.makefile("wb"));
    return () => file.flush();
  },
  "a write of writable": ({ idle }) => {
    const writer = idle.writable.getWriter();
    return () => writer.write(ONE);
  },
  "read(p) of a socket at the end of the stream": ({ ended }) => () =>
    ended.read(ONE),
  "write(p) of a socket": ({ idle }) => () => idle.write(ONE),
  "select() of a socket that is ready": ({ full }) => () =>
    select.select([full], [], []),
  "select() of nothing with a timeout of 0": ({ idle }) => () =>
    select.select([idle], [], [], 0),
  "select() of a writable socket": ({ idle }) => () =>
    select.select([], [idle], []),
  "poll() of a socket that is ready": ({ full }) => {
    const poll = select.poll();
    poll.register(full, select.POLLIN);
    return () => poll.poll();
  },
  "a selector's select() of a socket that is ready": ({ full }) => {
    const selector = new DefaultSelector();
    selector.register(full, EVENT_READ);
    return () => selector.select();
  },
  "getaddrinfo() of an address": () => () =>
    socket.getaddrinfo("127.0.0.1", 80),
  "gethostbyname() of an address": () => () =>
    socket.gethostbyname("127.0.0.1"),
  "getnameinfo() of numbers": () => () =>
    socket.getnameinfo(
      ["127.0.0.1", 80],
      socket.NI_NUMERICHOST | socket.NI_NUMERICSERV,
    ),
};

async function withRig<T>(run: (rig: Rig) => Promise<T>): Promise<T> {
  await using full = await tcpPair();
  await using ended = await tcpPair();
  await using idle = await tcpPair();
  await using udp = udpSocket();
  await using stack = new AsyncDisposableStack();
  const closed = socket.socket();
  closed.close();
  await full.client.sendall(new TextEncoder().encode("x\n".repeat(20_000)));
  await full.peer.recv(1, socket.MSG_PEEK);
  await ended.client[Symbol.asyncDispose]();
  await ended.peer.recv(1);
  await udp.sendto(ONE, udp.getsockname());
  await udp.recv(1, socket.MSG_PEEK);
  // All that is sent is read, or the sends would wait for room.
  const reading = (async () => {
    while ((await idle.client.recv(65_536)).length > 0);
  })().catch(ignore);
  stack.defer(async () => {
    idle.peer.close();
    await within(reading);
  });
  return await run({
    full: full.peer,
    ended: ended.peer,
    idle: idle.peer,
    udp,
    closed,
    stack,
  });
}

for (const [name, make] of Object.entries(loops)) {
  Deno.test(`a loop of ${name} lets the event loop turn every ${MAX_CALLS} calls`, async () => {
    await withRig(async (rig) => {
      const call = await make(rig);
      using counter = new TurnCounter();
      for (let i = 0; i < 3 * MAX_CALLS; i++) {
        await call().catch(ignore);
        counter.add(1);
      }
      // The call that settles at the turn is counted after it, and a call may
      // settle with an operation of the runtime, which turns by its own rule.
      assertLessOrEqual(counter.most, MAX_CALLS + 2);
    });
  });
}

/** Ways to receive a flood; each call returns the number of bytes. */
const floods: Record<string, (s: TcpSocket) => () => Promise<number>> = {
  "recv() of 64 KiB": (s) => async () => (await s.recv(65_536)).length,
  "recv() of 1 MB": (s) => async () => (await s.recv(1_000_000)).length,
  "recv() with MSG_WAITALL": (s) => async () =>
    (await s.recv(65_536, socket.MSG_WAITALL)).length,
  "recv() with a timeout": (s) => {
    s.settimeout(60);
    return async () => (await s.recv(65_536)).length;
  },
  "recv_into()": (s) => {
    const buffer = new Uint8Array(262_144);
    return () => s.recv_into(buffer);
  },
  "recvmsg()": (s) => async () => (await s.recvmsg(65_536))[0].length,
  "readable": (s) => {
    const reader = s.readable.getReader();
    return async () => (await reader.read()).value?.length ?? 0;
  },
};

for (const [name, make] of Object.entries(floods)) {
  Deno.test(`a flood that is received by ${name} lets the event loop turn every ${MAX_BYTES} bytes`, async () => {
    await using pair = await tcpPair();
    const receive = make(pair.peer);
    const total = 6 * MAX_BYTES;
    const sending = pair.client.sendall(new Uint8Array(total));
    using counter = new TurnCounter();
    let largest = 0;
    for (let n = 0; n < total;) {
      const length = await receive();
      n += length;
      largest = Math.max(largest, length);
      counter.add(length);
    }
    await within(sending);
    assertLessOrEqual(counter.most, MAX_BYTES + 2 * largest);
  });
}

Deno.test(`a loop of peeks lets the event loop turn every ${MAX_BYTES} bytes`, async () => {
  await using pair = await tcpPair();
  const length = 262_144;
  const sending = pair.client.sendall(new Uint8Array(length));
  const { MSG_PEEK, MSG_WAITALL } = socket;
  await pair.peer.recv(length, MSG_PEEK | MSG_WAITALL);
  await within(sending);
  const target = new Uint8Array(length);
  const calls = [
    async () => (await pair.peer.recv(length, MSG_PEEK)).length,
    () => pair.peer.recv_into(target, 0, MSG_PEEK),
  ];
  for (const call of calls) {
    using counter = new TurnCounter();
    for (let n = 0; n < 4 * MAX_BYTES; n += length) counter.add(await call());
    assertLessOrEqual(counter.most, MAX_BYTES + 2 * length);
  }
});

Deno.test("a flood of sends lets the event loop turn", async () => {
  await using pair = await tcpPair();
  const chunk = new Uint8Array(65_536);
  const total = 6 * MAX_BYTES;
  const receiving = (async () => {
    for (let n = 0; n < total;) n += (await pair.peer.recv(1 << 20)).length;
  })();
  using counter = new TurnCounter();
  for (let n = 0; n < total; n += chunk.length) {
    await pair.client.sendall(chunk);
    counter.add(chunk.length);
  }
  await within(receiving);
  assertLessOrEqual(counter.most, MAX_BYTES + 2 * chunk.length);
});

// That the event loop turns is shown above for every call; here is what a program
// sees of it, for calls that return, fail or report readiness.

/** A number of calls that no loop makes before something else has happened. */
const MANY = 10_000_000;

for (
  const name of [
    "recv() at the end of the stream",
    "recv() of a closed socket",
    "select() of a socket that is ready",
  ]
) {
  Deno.test(`a timer fires beside a loop of ${name}`, async () => {
    await withRig(async (rig) => {
      const call = await loops[name]!(rig);
      let fired = false;
      setTimeout(() => fired = true, 1);
      for (let i = 0; !fired; i++) {
        if (i === MANY) throw new AssertionError("The timer did not fire");
        await call().catch(ignore);
      }
    });
  });

  Deno.test(`another client is served beside a loop of ${name}`, async () => {
    await using server = listener();
    await withRig(async (rig) => {
      const call = await loops[name]!(rig);
      let answered = false;
      const serving = (async () => {
        const [conn] = await server.accept();
        await conn.sendall(await conn.recv(10));
        await conn[Symbol.asyncDispose]();
      })();
      const asking = (async () => {
        await using client = await socket.create_connection(
          server.getsockname(),
        );
        await client.sendall(ONE);
        assertEquals(await client.recv(10), ONE);
        answered = true;
      })();
      for (let i = 0; !answered; i++) {
        if (i === MANY) throw new AssertionError("The client has no answer");
        await call().catch(ignore);
      }
      await within(Promise.all([serving, asking]));
    });
  });
}

Deno.test("a send goes on beside more loops than are answered in a turn", async () => {
  await withRig(async ({ ended, full, idle }) => {
    const { MSG_PEEK } = socket;
    // Each of them uses up what is answered until the next turn.
    const loops = [
      { count: 2 * MAX_CALLS, call: () => ended.recv(1) },
      { count: 1, call: () => full.recv(MAX_BYTES, MSG_PEEK) },
    ];
    for (const { count, call } of loops) {
      let done = false;
      const looping = Array.from({ length: count }, async () => {
        for (let i = 0; !done; i++) {
          if (i === MANY) throw new AssertionError("The send did not go on");
          await call();
        }
      });
      const sending = (async () => {
        for (let n = 0; n < 10; n++) await idle.sendall(ONE);
        done = true;
      })();
      await within(Promise.all([sending, ...looping]));
    }
  });
});

Deno.test("a receive keeps its position in the queue when the event loop has to turn first", async () => {
  await using pair = await tcpPair();
  const count = 2 * MAX_CALLS;
  const data = Uint8Array.from({ length: count }, (_, i) => i % 251);
  await pair.client.sendall(data);
  await pair.peer.recv(count, socket.MSG_PEEK | socket.MSG_WAITALL);
  const received = await Promise.all(
    Array.from({ length: count }, () => pair.peer.recv(1)),
  );
  assertEquals(received.map(([byte]) => byte), [...data]);
});

Deno.test("a receive that is cancelled while the event loop has to turn loses nothing", async () => {
  await using pair = await tcpPair();
  const count = 4 * MAX_CALLS;
  const data = Uint8Array.from({ length: count }, (_, i) => i % 251);
  await pair.client.sendall(data);
  await pair.peer.recv(count, socket.MSG_PEEK | socket.MSG_WAITALL);
  const received: number[] = [];
  let cancelled = 0;
  while (received.length < count) {
    const controller = new AbortController();
    const call = pair.peer.recv(1, { signal: controller.signal });
    controller.abort();
    try {
      received.push(...await call);
    } catch {
      cancelled++;
    }
  }
  assertEquals(received, [...data]);
  // Calls that are answered at once are not cancelled; those that pause are.
  assertGreaterOrEqual(cancelled, 3);
});
