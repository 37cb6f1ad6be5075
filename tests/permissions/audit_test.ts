import { assertEquals } from "@std/assert";
import { runDeno } from "../support/child.ts";
import { TemporaryDirectory } from "../support/temporary.ts";

interface Case {
  readonly code: string;
  /** Whether UDP is opened as it is without `--unstable-net`. */
  readonly stable?: boolean;
  /** What Deno is asked for, in any order, each thing once. */
  readonly asks: readonly string[];
}

const server = "net 127.0.0.1:0";
const nothing: readonly string[] = [];

/**
 * Calls, with all permissions granted. `port` is that of a listener, `udp` that
 * of a datagram socket, `dir` a directory.
 */
const cases: Record<string, Case> = {
  "importing every entry": {
    code: `
      await import("@pystd/socket");
      await import("@pystd/socket/errno");
      await import("@pystd/socket/select");
      await import("@pystd/socket/selectors");
      await import("@pystd/socket/socketserver");`,
    asks: nothing,
  },
  "making, setting and looking": {
    code: `
      for (const family of [socket.AF_INET, socket.AF_INET6, socket.AF_UNIX]) {
        for (const type of [socket.SOCK_STREAM, socket.SOCK_DGRAM]) {
          using s = socket.socket(family, type);
          s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
          s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
          s.settimeout(1);
          s.setblocking(false);
          s.getsockname();
          s.fileno();
          s.dup().close();
          s.ref();
          s.unref();
          String(s);
          await s.recv(1).catch(() => {});
          await s.send(new Uint8Array(1)).catch(() => {});
          await s.accept().catch(() => {});
          socket.close(s.detach());
        }
      }
      socket.setdefaulttimeout(1);
      socket.setdefaulttimeout(socket.getdefaulttimeout() && null);
      socket.has_dualstack_ipv6();`,
    asks: nothing,
  },
  "numbers and tables": {
    code: `
      socket.inet_ntoa(socket.inet_aton("127.1"));
      socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "::1"));
      socket.htonl(socket.ntohl(socket.htons(socket.ntohs(1))));
      socket.getservbyname("http");
      socket.getservbyport(443);
      socket.getprotobyname("tcp");
      await socket.getaddrinfo("127.0.0.1", "http");
      await socket.getaddrinfo("::1", 80);
      await socket.getaddrinfo(null, 80, 0, 0, 0, socket.AI_PASSIVE);
      await socket.gethostbyname("127.0.0.1");
      await socket.gethostbyname("");
      const numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV;
      await socket.getnameinfo(["127.0.0.1", 80], numeric);
      new socket.OSError(errno.EBADF);`,
    asks: nothing,
  },
  "bind() to an address": {
    code: `using s = socket.socket(); s.bind(["127.0.0.1", 0]);`,
    asks: [server],
  },
  "bind() to localhost": {
    code: `using s = socket.socket(); s.bind(["localhost", 0]);`,
    asks: [server],
  },
  "bind() to every interface": {
    code: `using s = socket.socket(); s.bind(["", 0]);`,
    asks: ["net 0.0.0.0:0"],
  },
  "listen() unbound": {
    code: `using s = socket.socket(); s.listen();`,
    asks: ["net 0.0.0.0:0"],
  },
  "listen() with another backlog": {
    code: `using s = socket.socket(); s.bind(["127.0.0.1", 0]); s.listen(5);
      asked(s.getsockname());`,
    asks: [server, "net 127.0.0.1:ASKED"],
  },
  "connect() to an address": {
    code: `using s = socket.socket(); await s.connect(["127.0.0.1", port]);`,
    asks: ["net 127.0.0.1:PORT"],
  },
  "connect() to localhost": {
    code: `using s = socket.socket(); await s.connect(["localhost", port]);`,
    asks: ["net 127.0.0.1:PORT"],
  },
  "connect() without blocking": {
    code: `
      using s = socket.socket();
      s.setblocking(false);
      await s.connect_ex(["127.0.0.1", port]);
      await select.select([], [s], []);`,
    asks: ["net 127.0.0.1:PORT"],
  },
  "all that a connection does": {
    code: `
      using s = socket.create_server(["127.0.0.1", 0]);
      const client = await socket.create_connection(s.getsockname(), 5);
      asked(s.getsockname());
      const [conn] = await s.accept();
      await conn.sendall(new Uint8Array(10));
      await client.recv_into(new Uint8Array(3));
      await conn.sendmsg([new Uint8Array(2)]);
      await client.recvmsg(2);
      await using file = client.makefile("rwb");
      await file.read(2);
      await file.write(new Uint8Array(1));
      await file.flush();
      await select.select([conn], [], []);
      const poller = select.poll();
      poller.register(conn);
      await poller.poll();
      using selector = new selectors.DefaultSelector();
      selector.register(conn, selectors.EVENT_READ);
      await selector.select();
      conn.settimeout(0.01);
      await conn.recv(1);
      await conn.recv(1).catch(() => {});
      await conn.sendfile({ read: async () => null });
      conn.readable;
      conn.writable;
      conn.getpeername();
      socket.fromfd(conn.fileno(), conn.family, conn.type).close();
      await conn.shutdown(socket.SHUT_RDWR);
      conn.close();
      client.close();`,
    asks: [server, "net 127.0.0.1:ASKED"],
  },
  "socketpair()": {
    code: `
      for (const type of [socket.SOCK_STREAM, socket.SOCK_DGRAM]) {
        const [a, b] = await socket.socketpair(socket.AF_UNIX, type);
        await a.send(new Uint8Array(1));
        await b.recv(1);
        a.close();
        b.close();
      }`,
    asks: [],
  },
  "socketpair() over loopback": {
    code: `
      const pair = await socket.socketpair(socket.AF_INET);
      asked(pair[0].getsockname());
      for (const s of pair) s.close();`,
    asks: [server, "net 127.0.0.1:ASKED"],
  },
  ...Object.fromEntries(
    [false, true].flatMap((stable): [string, Case][] => {
      const how = stable ? " without --unstable-net" : "";
      return [
        [`UDP bind()${how}`, {
          stable,
          code: `using u = datagram(); u.bind(["127.0.0.1", 0]);
            u.settimeout(0);
            await u.recvfrom(1).catch(() => {});`,
          asks: [server],
        }],
        [`UDP sendto(), bound${how}`, {
          stable,
          code: `using u = datagram(); u.bind(["127.0.0.1", 0]);
            await u.sendto(new Uint8Array(1), ["127.0.0.1", udp]);`,
          asks: [server, "net 127.0.0.1:UDP"],
        }],
        [`UDP sendto(), not bound${how}`, {
          stable,
          code: `using u = datagram();
            await u.sendto(new Uint8Array(1), ["127.0.0.1", udp]);`,
          asks: ["net 0.0.0.0:0", "net 127.0.0.1:UDP"],
        }],
        [`UDP connect() and send()${how}`, {
          stable,
          code: `using u = datagram(); await u.connect(["127.0.0.1", udp]);
            await u.send(new Uint8Array(1));`,
          asks: ["net 0.0.0.0:0", "net 127.0.0.1:UDP"],
        }],
        [`joining and leaving a group on loopback${how}`, {
          stable,
          code: `using u = datagram(); u.bind(["127.0.0.1", 0]);
            const group = new Uint8Array([239, 1, 2, 3, 127, 0, 0, 1]);
            u.setsockopt(0, socket.IP_ADD_MEMBERSHIP, group);
            u.setsockopt(0, socket.IP_MULTICAST_TTL, 1);
            u.setsockopt(0, socket.IP_DROP_MEMBERSHIP, group);`,
          asks: [server],
        }],
      ];
    }),
  ),
  "getaddrinfo() of localhost": {
    code: `await socket.getaddrinfo("localhost", 80);`,
    asks: ["net localhost:80"],
  },
  "gethostbyname() of localhost": {
    code: `await socket.gethostbyname("localhost");
      await socket.gethostbyname_ex("localhost");`,
    asks: ["net localhost"],
  },
  "the name of an address": {
    code: `await socket.getnameinfo(["127.0.0.1", 80], 0);`,
    asks: ["net 127.0.0.1:80"],
  },
  "gethostname()": {
    code: `socket.gethostname();`,
    asks: ["sys hostname"],
  },
  "getaddrinfo() with AI_ADDRCONFIG": {
    code: `
      await socket.getaddrinfo("127.0.0.1", 80, 0, 0, 0, socket.AI_ADDRCONFIG)
        .catch(() => {});`,
    asks: ["sys networkInterfaces"],
  },
  "a Unix stream": {
    code: `
      using s = socket.socket(socket.AF_UNIX);
      s.bind(dir + "s");
      s.listen();
      using client = socket.socket(socket.AF_UNIX);
      await client.connect(dir + "s");
      const [conn] = await s.accept();
      await conn.sendall(new Uint8Array(1));
      await client.recv(1);
      conn.close();`,
    asks: ["read DIRs", "write DIRs", "net unix:DIRs"],
  },
};

if (Deno.build.os === "linux") {
  cases["if_nameindex()"] = {
    code: `socket.if_nameindex();`,
    // Deno guards `/sys`: to read there it asks for both.
    asks: ["read INTERFACES", "write INTERFACES"],
  };
}

const program = `
  import * as socket from "@pystd/socket";
  import * as errno from "@pystd/socket/errno";
  import * as select from "@pystd/socket/select";
  import * as selectors from "@pystd/socket/selectors";
  const [dir] = Deno.args;
  const datagram = () => socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const sink = datagram();
  sink.bind(["127.0.0.1", 0]);
  const [, udp] = sink.getsockname();
  // Standard error has what Deno was asked for, line by line.
  const say = (line) => Deno.stderr.writeSync(
    new TextEncoder().encode(JSON.stringify(line) + "\\n"));
  const asked = ([, port]) => say({ asked: port });
  const { listenDatagram } = Deno;
  const cases = {${
  Object.entries(cases).map(([name, { code, stable = false }]) =>
    `${JSON.stringify(name)}: [${stable}, async () => {${code}}]`
  ).join(",\n")
}};
  for (const [name, [stable, call]] of Object.entries(cases)) {
    say({ begin: name, port, udp });
    // What --unstable-net adds.
    Reflect.set(Deno, "listenDatagram", stable ? undefined : listenDatagram);
    await call();
    say({ end: name });
  }
  listener.close();
  sink.close();`;

/** What Deno was asked for between the beginning and the end of each case. */
function asksIn(log: string, dir: string): Record<string, string[]> {
  const found: Record<string, Set<string>> = {};
  let current: Set<string> | undefined;
  let names: [RegExp, string][] = [];
  let raw: string[] = [];
  for (const text of log.trim().split("\n")) {
    const line = JSON.parse(text);
    if ("begin" in line) {
      current = found[line.begin] = new Set();
      raw = [];
      names = [
        [new RegExp(`:${line.port}$`), ":PORT"],
        [new RegExp(`:${line.udp}$`), ":UDP"],
      ];
    } else if ("asked" in line) {
      names.push([new RegExp(`:${line.asked}$`), ":ASKED"]);
    } else if ("end" in line) {
      for (const each of raw) {
        current?.add(
          names.reduce((sum, [from, to]) => sum.replace(from, to), each)
            .replace(dir, "DIR")
            .replace(/\/sys\/class\/net(\/[^/]+\/ifindex)?$/, "INTERFACES"),
        );
      }
      current = undefined;
    } else if (current !== undefined) {
      raw.push(`${line.permission} ${line.value}`);
    }
  }
  return Object.fromEntries(
    Object.entries(found).map(([name, all]) => [name, [...all].sort()]),
  );
}

// Deno writes what it is asked for to a file; where there is none for standard
// error, it would have to be granted.
const ignore = Deno.build.os === "windows";
const why = ignore ? " (skipped: no /dev/stderr)" : "";

Deno.test({
  name: `calls ask Deno for what they need and nothing more${why}`,
  ignore,
  fn: async () => {
    await using directory = await TemporaryDirectory.make();
    const dir = decodeURIComponent(directory.url.pathname);
    const { code, stderr } = await runDeno({
      code: program,
      permissions: ["--allow-all"],
      args: [dir],
      unstable: true,
      env: { DENO_AUDIT_PERMISSIONS: "/dev/stderr" },
    });
    assertEquals(code, 0, stderr);
    const expected = Object.fromEntries(
      Object.entries(cases).map(([name, { asks }]) => [name, [...asks].sort()]),
    );
    assertEquals(asksIn(stderr, dir), expected);
  },
});
