import { assertEquals } from "@std/assert";
import { processTest, runDeno } from "../support/child.ts";
import { listener } from "../support/pair.ts";

/** Calls by name, in IPv4 where nothing is said. */
const calls: Readonly<Record<string, string>> = {
  "connect() to 127.0.0.1": `await tcp().connect(["127.0.0.1", port])`,
  "connect() to localhost": `await tcp().connect(["localhost", port])`,
  "connect() to LocalHost": `await tcp().connect(["LocalHost", port])`,
  "connect() to 127.1": `await tcp().connect(["127.1", port])`,
  "connect() to 0x7f000001": `await tcp().connect(["0x7f000001", port])`,
  "connect() to 0.0.0.0": `await tcp().connect(["0.0.0.0", port])`,
  "connect() to ::ffff:127.0.0.1":
    `await tcp(AF_INET6).connect(["::ffff:127.0.0.1", port])`,
  "connect() from an address": `
    const s = tcp();
    s.bind(["127.0.0.1", 0]);
    await s.connect(["127.0.0.1", port])`,
  "connect() from an address to localhost": `
    const s = tcp();
    s.bind(["127.0.0.1", 0]);
    await s.connect(["localhost", port])`,
  "connect() without blocking": `
    const s = tcp();
    s.setblocking(false);
    await s.connect(["127.0.0.1", port]).catch((error) => {
      if (error.code !== "EINPROGRESS") throw error;
    });
    s.settimeout(60);
    await s.send(one)`,
  "connect() to localhost without blocking": `
    const s = tcp();
    s.setblocking(false);
    await s.connect(["localhost", port]).catch((error) => {
      if (error.code !== "EINPROGRESS") throw error;
    });
    s.settimeout(60);
    await s.send(one)`,
  "create_connection() to 127.0.0.1":
    `own(await socket.create_connection(["127.0.0.1", port], 60))`,
  "create_connection() to localhost":
    `own(await socket.create_connection(["localhost", port], 60))`,
  "UDP sendto() to 127.0.0.1": `await udp().sendto(one, ["127.0.0.1", port])`,
  "UDP sendto() to localhost": `await udp().sendto(one, ["localhost", port])`,
  "UDP sendto() to 127.1": `await udp().sendto(one, ["127.1", port])`,
  "UDP sendto() to 0.0.0.0": `await udp().sendto(one, ["0.0.0.0", port])`,
  "UDP connect() to 127.0.0.1": `
    const s = udp();
    await s.connect(["127.0.0.1", port]);
    await s.send(one)`,
  "UDP sendmsg() to 127.0.0.1":
    `await udp().sendmsg([one], [], 0, ["127.0.0.1", port])`,
};

const program = `
  import * as socket from "@pystd/socket";
  const { AF_INET, AF_INET6, SOCK_DGRAM } = socket;
  const port = Number(Deno.args[0]);
  const one = new Uint8Array(1);
  const all = [];
  const own = (s) => {
    all.push(s);
    s.settimeout(60);
    return s;
  };
  const tcp = (family = AF_INET) => own(socket.socket(family));
  const udp = () => own(socket.socket(AF_INET, SOCK_DGRAM));
  const calls = {${
  Object.entries(calls).map(([name, code]) =>
    `${JSON.stringify(name)}: async () => {${code};}`
  ).join(",")
}};
  const outcomeOf = async (call) => {
    const outcome = await call().then(
      () => "works",
      (error) =>
        error instanceof socket.PermissionError && error.code === "EACCES"
          ? "denied"
          : error instanceof socket.ConnectionRefusedError
          ? "refused"
          : String(error),
    );
    for (const s of all.splice(0)) s.close();
    return outcome;
  };
  for (const api of ["Deno.listenDatagram", "node:dgram"]) {
    // What --unstable-net adds.
    if (api === "node:dgram") Reflect.set(Deno, "listenDatagram", undefined);
    const outcomes = {};
    for (const [name, call] of Object.entries(calls)) {
      outcomes[name] = await outcomeOf(call);
    }
    console.log(JSON.stringify([api, outcomes]));
  }`;

const everything = Object.keys(calls);

/** The calls by name. */
const byName = everything.filter((name) => /localhost/i.test(name));

const byAddress = everything.filter((name) => !/to localhost/i.test(name));
const fromAddress = "connect() from an address to localhost";

/** Flags, what they deny, and what gets as far as to find nobody. */
const rows: readonly [
  flags: string,
  denied: readonly string[],
  refused?: readonly string[],
][] = [
  ["--allow-net", []],
  ["--allow-net --deny-net", everything],
  ["--allow-net --deny-net=127.0.0.1", everything],
  ["--allow-net --deny-net=127.0.0.1:PORT", everything],
  ["--allow-net --deny-net=127.0.0.0/8", everything],
  ["--allow-net=127.0.0.0/8 --deny-net=127.0.0.1", everything],
  ["--allow-net=127.0.0.1,localhost --deny-net=127.0.0.1", everything],
  ["--allow-net=localhost --deny-net=127.0.0.1", everything],
  ["--allow-all --deny-net=127.0.0.1", everything],
  // Who may connect to the address gets there; but not by the name.
  ["--allow-net --deny-net=localhost", byName],
  ["--allow-net --deny-net=localhost:PORT", byName],
  ["--allow-net=127.0.0.1,0.0.0.0", []],
  ["--allow-net=0.0.0.0", everything],
  // `localhost` is also the address of IPv6 loopback, where nobody listens.
  [
    "--allow-net=[::1]",
    everything.filter((name) => name !== "create_connection() to localhost"),
    ["create_connection() to localhost"],
  ],
  ["--allow-net=localhost", [...byAddress, fromAddress]],
  ["--allow-net=localhost:PORT,localhost:0", [...byAddress, fromAddress]],
  ["--allow-net=*.localhost", [...byAddress, fromAddress]],
  ["--allow-net=*.invalid", everything],
];

for (const [flags, denied, refused = []] of rows) {
  processTest(
    `${flags} denies its targets, with both APIs for UDP`,
    async () => {
      await using server = listener();
      const port = String(server.getsockname()[1]);
      const { stdout, stderr } = await runDeno({
        code: program,
        permissions: flags.replaceAll("PORT", port).split(" "),
        args: [port],
        unstable: true,
      });
      assertEquals(stderr, "");
      const expected = Object.fromEntries(
        everything.map((name) => [
          name,
          denied.includes(name)
            ? "denied"
            : refused.includes(name)
            ? "refused"
            : "works",
        ]),
      );
      assertEquals(
        stdout.trimEnd().split("\n").map((line) => JSON.parse(line)),
        [["Deno.listenDatagram", expected], ["node:dgram", expected]],
      );
    },
  );
}
