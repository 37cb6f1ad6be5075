import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  BaseRequestHandler,
  DatagramRequestHandler,
  StreamRequestHandler,
  TCPServer,
  ThreadingTCPServer,
  ThreadingUDPServer,
  UDPServer,
} from "@pystd/socket/socketserver";
import { encode, numbered } from "../support/bytes.ts";
import { within } from "../support/within.ts";
import { Random } from "./random.ts";

const HERE = ["127.0.0.1", 0] as const;

/** How many clients come in the life of a server. */
const CLIENTS = 60;

/** How many datagrams do. */
const DATAGRAMS = 200;

/** How much a handler that answers much sends. */
const MUCH = 300_000;

/** What a handler does, as its client asks by its first byte. */
const manners = [
  "echo",
  "answer much",
  "leave a write behind",
  "throw",
  "hang",
  "close the request",
  "close the files",
] as const;

type Manner = typeof manners[number];

/** The error of handlers that fail. */
class Failure extends Error {}

/** What became of the requests of a server. */
class Tally {
  begun = 0;
  ended = 0;
  hanging = 0;
  thrown = 0;
  refused = 0;
  readonly errors: unknown[] = [];
  /** Ends the handlers that hang. */
  readonly release: PromiseWithResolvers<void> = Promise.withResolvers();
}

/** A class of handlers that behave as their clients ask them to. */
function handlerFor(tally: Tally) {
  return class extends StreamRequestHandler {
    override async handle(): Promise<void> {
      tally.begun++;
      try {
        // A client that is refused gets nothing.
        await this.wfile.write(encode("!"));
        const head = await this.rfile.read(1);
        // One whose connect was cancelled asks for nothing.
        if (head?.length === 1) await this.#behave(manners[head[0]!]!);
      } finally {
        tally.ended++;
      }
    }

    async #behave(manner: Manner): Promise<void> {
      switch (manner) {
        case "echo":
          for await (const line of this.rfile) await this.wfile.write(line);
          return;
        case "answer much":
          await this.wfile.write(numbered(MUCH));
          return;
        case "leave a write behind":
          this.request.sendall(numbered(MUCH)).catch(() => {});
          return;
        case "throw":
          tally.thrown++;
          throw new Failure();
        case "hang":
          tally.hanging++;
          await tally.release.promise;
          tally.hanging--;
          return;
        case "close the request":
          this.request.close();
          return;
        case "close the files":
          await this.rfile.close();
          await this.wfile.close();
      }
    }
  };
}

/** Whether a client is served; one that is refused sees an end, or a reset. */
async function isServed(client: socket.Socket): Promise<boolean> {
  try {
    return (await client.recv(1)).length > 0;
  } catch (error) {
    assertInstanceOf(error, socket.ConnectionError);
    return false;
  }
}

/** Asks a handler to behave in a way, and checks its answer. */
async function ask(
  client: socket.Socket,
  manner: Manner,
  random: Random,
): Promise<void> {
  switch (manner) {
    case "echo": {
      const lines = "a line\n".repeat(1 + random.below(500));
      const sending = client.sendall(encode(lines))
        .then(() => client.shutdown(socket.SHUT_WR));
      await using file = client.makefile("r");
      assertEquals(await file.read(), lines);
      return await sending;
    }
    case "answer much":
    case "leave a write behind": {
      // A client that leaves in the middle is an error of its handler alone.
      if (random.chance(30)) return;
      const data = await client.recv(MUCH, socket.MSG_WAITALL);
      assertEquals(data, numbered(MUCH));
    }
  }
  assertEquals((await client.recv(1)).length, 0);
}

/** One client from its connect to its end; whether it was served. */
async function visit(
  address: socket.InetAddress,
  manner: Manner,
  random: Random,
  signal: AbortSignal,
): Promise<boolean> {
  await pass(random.below(100));
  await using client = socket.socket();
  if (random.chance(10)) {
    const controller = new AbortController();
    const connecting = client.connect(address, controller);
    controller.abort("enough");
    await connecting.catch((error) => assertEquals(error, "enough"));
  }
  await client.connect(address, { signal }).catch((error) => {
    if (error.code !== "EISCONN") throw error;
  });
  if (random.chance(50)) client.settimeout(120);
  await client.sendall(Uint8Array.of(manners.indexOf(manner)));
  if (!await isServed(client)) return false;
  await ask(client, manner, random);
  return true;
}

/** Lets the event loop turn so many times. */
async function pass(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A TCP server from its start to its end, which is shut down in between. */
async function serveTcp(random: Random, signal: AbortSignal): Promise<void> {
  const tally = new Tally();
  const threads = random.chance(70);
  const refuses = random.chance(30);
  let asked = 0;
  const Base: typeof TCPServer = threads ? ThreadingTCPServer : TCPServer;
  class Server extends Base {
    static override request_queue_size = 128;

    override handle_error(_: unknown, __: unknown, error: unknown): void {
      tally.errors.push(error);
    }

    override async verify_request(): Promise<boolean> {
      if (!refuses || ++asked % 7 !== 0) return true;
      await pass(1);
      tally.refused++;
      return false;
    }
  }
  const server = new Server(HERE, handlerFor(tally));
  // With actions of its own the loop wakes after each interval.
  if (random.chance(30)) server.service_actions = () => {};
  const address = server.server_address as socket.InetAddress;
  // One handler that hangs would stop a server that has no others beside it.
  const mine = threads ? manners : manners.filter((each) => each !== "hang");
  let refused = 0;
  const clients = Promise.all(Array.from({ length: CLIENTS }, async () => {
    const own = new Random(random.below(1 << 30));
    const manner = own.pick(mine);
    if (!await visit(address, manner, own, signal)) refused++;
  }));
  // What fails is thrown below.
  clients.catch(() => {});

  let serving = server.serve_forever({ signal });
  for (let times = random.below(4); times > 0; times--) {
    await pass(random.below(300));
    await within(server.shutdown(), "a shutdown");
    await within(serving, "the end of serve_forever()");
    const { begun } = tally;
    await pass(100);
    assertEquals(tally.begun, begun, "handlers that began after shutdown()");
    serving = server.serve_forever(random.pick([0.01, 0.5]), { signal });
  }
  await pass(random.below(2000));
  tally.release.resolve();
  await within(clients, "the clients", 300_000);
  await within(server.shutdown(), "the last shutdown");
  await within(serving, "the last end of serve_forever()");
  await within(Promise.resolve(server.server_close()), "the close");

  assertEquals(tally.ended, tally.begun, "handlers that have ended");
  assertEquals(tally.hanging, 0);
  const failures = tally.errors.filter((each) => each instanceof Failure);
  assertEquals(failures.length, tally.thrown);
  for (const error of tally.errors) {
    const isKnown = error instanceof Failure || error instanceof socket.OSError;
    if (!isKnown) throw error;
  }
  // Of those refused some were connects that had been cancelled.
  assert(refused <= tally.refused, `${refused} of ${tally.refused} refused`);
  // The address is free again.
  await using again = socket.create_server(address);
  assertEquals(again.getsockname(), address);
}

/** A UDP server from its start to its end, some of whose handlers fail. */
async function serveUdp(random: Random): Promise<void> {
  const tally = new Tally();
  const check = (data: Uint8Array) => {
    if (data[0] !== 255) return;
    tally.thrown++;
    throw new Failure();
  };
  class Files extends DatagramRequestHandler {
    override async handle(): Promise<void> {
      const data = await this.rfile.read();
      check(data!);
      await this.wfile.write(data!);
    }
  }
  class Plain extends BaseRequestHandler<UDPServer> {
    override async handle(): Promise<void> {
      const [data, sock] = this.request;
      check(data);
      await sock.sendto(data, this.client_address);
    }
  }
  const Base: typeof UDPServer = random.chance(50)
    ? ThreadingUDPServer
    : UDPServer;
  class Server extends Base {
    override handle_error(_: unknown, __: unknown, error: unknown): void {
      tally.errors.push(error);
    }
  }
  const server = new Server(HERE, random.chance(50) ? Files : Plain);
  let serving = server.serve_forever();
  await using client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  await client.connect(server.server_address as socket.InetAddress);
  let failing = 0;
  for (let n = 1; n <= DATAGRAMS; n++) {
    if (random.chance(5)) {
      await within(server.shutdown(), "a shutdown");
      await within(serving, "the end of serve_forever()");
      serving = server.serve_forever();
    }
    const data = numbered(1 + random.below(2000), random.below(200));
    const fails = n < DATAGRAMS && random.chance(20);
    if (fails) data[0] = 255;
    await client.send(data);
    if (fails) {
      failing++;
      continue;
    }
    // A handler with files that fails sends an answer all the same, an empty one.
    let answer;
    do answer = await within(client.recv(4000), "an answer"); while (
      answer.length === 0
    );
    assertEquals(answer, data);
  }
  await within(server.shutdown(), "the last shutdown");
  await within(serving, "the last end of serve_forever()");
  await within(Promise.resolve(server.server_close()), "the close");
  for (const error of tally.errors) {
    if (!(error instanceof Failure)) throw error;
  }
  assertEquals([tally.thrown, tally.errors.length], [failing, failing]);
}

/**
 * Starts, uses and closes so many servers.
 *
 * @param seed What all that is random in it follows from.
 * @param count How many servers.
 * @param signal One that is given to many calls.
 */
export async function serveAll(
  seed: number,
  count: number,
  signal: AbortSignal,
): Promise<void> {
  for (let own = seed; own < seed + count; own++) {
    const random = new Random(own);
    try {
      if (random.chance(80)) await serveTcp(random, signal);
      else await serveUdp(random);
    } catch (error) {
      throw new Error(`It fails with --seed ${own} --sequences 1`, {
        cause: error,
      });
    }
  }
}

/**
 * Serves in a process that may open few files, until its standard input ends.
 *
 * @param started Reports the port.
 * @param until Resolves when the server has to end.
 * @returns How often it has tried to accept a connection.
 */
export async function serveWithFewFiles(
  started: (port: number) => void,
  until: () => Promise<unknown>,
): Promise<number> {
  let attempts = 0;
  const tally = new Tally();
  class Server extends ThreadingTCPServer {
    static override request_queue_size = 1024;

    override get_request() {
      attempts++;
      return super.get_request();
    }

    override handle_error(_: unknown, __: unknown, error: unknown): void {
      tally.errors.push(error);
    }
  }
  const server = new Server(HERE, handlerFor(tally));
  const serving = server.serve_forever();
  started(server.server_address[1]);
  await until();
  await server.shutdown();
  await serving;
  await server.server_close();
  // Those of clients that have left.
  for (const error of tally.errors) {
    assertInstanceOf(error, socket.ConnectionError);
  }
  return attempts;
}

/**
 * Asks a server that cannot hold so many clients at once.
 *
 * @param port Its port.
 * @param count How many clients there are.
 * @param seed What all that is random in it follows from.
 */
export async function askAll(
  port: number,
  count: number,
  seed: number,
): Promise<void> {
  const { signal } = new AbortController();
  const polite = manners.filter((each) => each !== "hang" && each !== "throw");
  await Promise.all(Array.from({ length: count }, async (_, n) => {
    const random = new Random(seed + n);
    const manner = random.pick(polite);
    assert(await visit(["127.0.0.1", port], manner, random, signal));
  }));
}
