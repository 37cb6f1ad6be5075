/**
 * The program that floods the sockets of `fairness.ts`, on plain Deno. Each line
 * of its standard input is a kind of flood and a port, or `stop`, which it
 * answers once all have ended.
 */

const hostname = "127.0.0.1";

/** Lines of many lengths, as a stream of bytes. */
const lines = new TextEncoder().encode(
  Array.from({ length: 2000 }, (_, i) => "x".repeat(i * 7 % 90) + "\n").join(
    "",
  ),
);

let stopped = false;
const floods: Promise<void>[] = [];
const conns = new Set<Deno.Conn>();

async function connect(port: number): Promise<Deno.Conn> {
  const conn = await Deno.connect({ hostname, port });
  conns.add(conn);
  return conn;
}

const kinds: Record<string, (port: number) => Promise<void>> = {
  async send(port) {
    const conn = await connect(port);
    while (!stopped) await conn.write(lines);
  },
  async receive(port) {
    const conn = await connect(port);
    const buffer = new Uint8Array(65_536);
    while (!stopped && await conn.read(buffer) !== null);
  },
  async datagrams(port) {
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    const to = { transport: "udp", hostname, port } as const;
    for (let n = 1; !stopped; n++) {
      await socket.send(lines.subarray(0, n * 31 % 1000), to);
      // The machine has other things to do, too.
      if (n % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    socket.close();
  },
  async connections(port) {
    const work = async () => {
      while (!stopped) (await Deno.connect({ hostname, port })).close();
    };
    await Promise.all(Array.from({ length: 4 }, work));
  },
};

async function stop(): Promise<void> {
  stopped = true;
  for (const conn of conns) conn.close();
  conns.clear();
  await Promise.all(floods.splice(0));
  stopped = false;
  console.log("stopped");
}

let text = "";
for await (
  const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())
) {
  const commands = (text += chunk).split("\n");
  text = commands.pop()!;
  for (const command of commands) {
    const [kind = "", port] = command.split(" ");
    if (kind === "stop") await stop();
    // Its peer, or `stop`, closes the connection under it.
    else floods.push(kinds[kind]!(Number(port)).catch(() => {}));
  }
}
