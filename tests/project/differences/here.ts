/**
 * Tries what examples/porting/DIFFERENCES.md lists, with this module.
 *
 * Prints JSON: by the name of a probe, what comes of it. `python.py` does the
 * same with Python. Unix sockets are made in the directory that is its argument.
 */

import * as socket from "@pystd/socket";
import * as selectors from "@pystd/socket/selectors";
import { errorcode } from "@pystd/socket/errno";
import { select } from "@pystd/socket/select";
import {
  againIfTaken,
  closedAddress,
  freePort,
  fullListener,
} from "../../support/addresses.ts";

const folder = Deno.args[0]!;

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** The result of a call, or the name of its error. */
async function outcome(call: () => unknown): Promise<unknown> {
  try {
    return await call() ?? null;
  } catch (error) {
    if (error instanceof socket.gaierror) return "gaierror";
    if (error instanceof socket.TimeoutError) return "timeout";
    if (error instanceof socket.OSError && error.code) return error.code;
    return (error as Error).name;
  }
}

/** Both ends of a TCP connection. */
async function pair(): Promise<[socket.Socket, socket.Socket]> {
  using server = socket.create_server(["127.0.0.1", 0]);
  const client = await socket.create_connection(server.getsockname());
  const [conn] = await server.accept();
  return [client, conn];
}

function udp(): socket.Socket<socket.InetAddress> {
  const u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  u.bind(["127.0.0.1", 0]);
  u.settimeout(0.2);
  return u;
}

const probes: Record<string, () => unknown> = {
  async "connect between bind and listen"() {
    using server = socket.socket();
    server.bind(["127.0.0.1", 0]);
    using client = socket.socket();
    return await client.connect_ex(server.getsockname()) === 0;
  },
  async "ECONNREFUSED of UDP"() {
    using peer = udp();
    const address = peer.getsockname();
    peer.close();
    using u = udp();
    await u.connect(address);
    await u.send(bytes("x"));
    return await outcome(() => u.recv(1));
  },
  async "0.0.0.0 beside ::"() {
    using six = socket.socket(socket.AF_INET6);
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
    six.bind(["::", 0]);
    using four = socket.socket();
    return await outcome(() => four.bind(["0.0.0.0", six.getsockname()[1]]));
  },
  async "file of a Unix listener"() {
    const path = `${folder}/removed`;
    const server = socket.socket(socket.AF_UNIX);
    server.bind(path);
    server.listen();
    server.close();
    return await outcome(() => Deno.statSync(path).isFile) !== "NotFound";
  },
  async "name of a bound Unix client"() {
    using server = socket.socket(socket.AF_UNIX);
    server.bind(`${folder}/server`);
    server.listen();
    using client = socket.socket(socket.AF_UNIX);
    client.bind(`${folder}/client`);
    await client.connect(`${folder}/server`);
    const [conn, address] = await server.accept();
    conn.close();
    return [client.getsockname() !== "", address !== ""];
  },
  async "name of an unbound Unix datagram socket"() {
    using receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
    receiver.bind(`${folder}/receiver`);
    using sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
    await sender.sendto(bytes("x"), `${folder}/receiver`);
    const [, address] = await receiver.recvfrom(1);
    return Boolean(address);
  },
  async "abstract name"() {
    using s = socket.socket(socket.AF_UNIX);
    s.bind(`\0${folder}`);
    return await typeof s.getsockname();
  },
  async "close with bytes unread"() {
    const [a, b] = await pair();
    await a.sendall(bytes("x"));
    await select([b], [], []);
    b.close();
    using _ = a;
    return await outcome(async () => text(await a.recv(1)));
  },
  async "fileno() beside a file object"() {
    const [a, b] = await pair();
    using _ = b;
    await using file = a.makefile("rb");
    a.close();
    return a.fileno() >= 0 && !file.closed;
  },
  async "file object after a timeout"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await using file = a.makefile("rb");
    a.settimeout(0.05);
    await outcome(() => file.readline());
    a.settimeout(30);
    await b.sendall(bytes("late\n"));
    return await outcome(async () => text((await file.readline())!));
  },
  async "MSG_WAITALL with a timeout"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await b.sendall(bytes("ab"));
    a.settimeout(0.1);
    return await outcome(async () => text(await a.recv(4, socket.MSG_WAITALL)));
  },
  async "send() that was never connected"() {
    using s = socket.socket();
    return await outcome(() => s.send(bytes("x")));
  },
  async "SO_SNDTIMEO and connect()"() {
    await using full = await fullListener();
    using s = socket.socket();
    s.setsockopt(
      socket.SOL_SOCKET,
      socket.SO_SNDTIMEO,
      new Uint8Array(new BigInt64Array([0n, 100_000n]).buffer),
    );
    return await outcome(() => s.connect(full.address));
  },
  async "recv() of a listener with a timeout"() {
    using server = socket.create_server(["127.0.0.1", 0]);
    server.settimeout(0.1);
    return await outcome(() => server.recv(1));
  },
  async "bytes after SHUT_RD"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await a.shutdown(socket.SHUT_RD);
    const before = text(await a.recv(9));
    await b.sendall(bytes("x"));
    a.settimeout(1);
    return [before, await outcome(async () => text(await a.recv(9)))];
  },
  async "options set after the handshake"() {
    using server = socket.create_server(["127.0.0.1", 0]);
    using _ = await socket.create_connection(server.getsockname());
    server.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1);
    const [conn] = await server.accept();
    using _conn = conn;
    return conn.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE);
  },
  async "sending to a Unix datagram socket that has another peer"() {
    const sockets = ["one", "two", "three"].map((name) => {
      const s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
      s.bind(`${folder}/${name}`);
      return s;
    });
    const [one, , three] = sockets;
    await one!.connect(`${folder}/two`);
    const sent = await outcome(() =>
      three!.sendto(bytes("x"), `${folder}/one`)
    );
    for (const s of sockets) s.close();
    return sent;
  },
  async "select() of standard input"() {
    return await outcome(async () =>
      (await select([Deno.stdin as unknown as number], [], [], 0)).length
    );
  },
  async "unknown key of a selector"() {
    using s = socket.socket();
    using selector = new selectors.DefaultSelector<socket.Socket>();
    return await outcome(() => selector.get_key(s));
  },
  "class of DefaultSelector"() {
    using selector = new selectors.DefaultSelector();
    return selector instanceof selectors.PollSelector;
  },
  "data of a selector by name"() {
    using s = socket.socket();
    using selector = new selectors.DefaultSelector();
    return selector.register(s, selectors.EVENT_READ, { data: "d" }).data;
  },
  async "non-blocking text read"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    a.setblocking(false);
    await using file = a.makefile("r");
    return await outcome(() => file.read(1));
  },
  async "bytes that cannot be decoded"() {
    const [a, b] = await pair();
    using _a = a;
    await using file = a.makefile("r");
    await b.sendall(new Uint8Array([0x61, 0xff, 0x62, 0x0a]));
    b.close();
    const found: unknown[] = [];
    for (let i = 0; i < 3; i++) {
      found.push(await outcome(() => file.readline()));
    }
    return found;
  },
  async "attributes of a text file"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await using file = a.makefile("r");
    return ["newlines", "reconfigure", "write_through", "isatty"]
      .filter((name) => name in file);
  },
  async "fileno() of a file for reading and writing"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await using file = a.makefile("rwb");
    return await outcome(() => file.fileno() >= 0);
  },
  async "port outside 0 to 65535"() {
    return await outcome(async () =>
      (await socket.getaddrinfo("127.0.0.1", 80000)).length
    );
  },
  async "port while a connect is under way"() {
    using s = socket.socket();
    s.setblocking(false);
    using server = socket.create_server(["127.0.0.1", 0]);
    await s.connect_ex(server.getsockname());
    return [
      s.getsockname()[1] !== 0,
      await outcome(() => s.connect(server.getsockname())),
      await outcome(() => s.shutdown(socket.SHUT_RDWR)),
    ];
  },
  async "SO_REUSEPORT over UDP"() {
    const [one, two] = [0, 1].map(() =>
      socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    );
    one!.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
    two!.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1);
    one!.bind(["127.0.0.1", 0]);
    const code = await outcome(() => two!.bind(one!.getsockname()));
    one!.close();
    two!.close();
    return code;
  },
  async "datagrams of others before connect()"() {
    using u = udp();
    using other = udp();
    using peer = udp();
    await other.sendto(bytes("x"), u.getsockname());
    await u.connect(peer.getsockname());
    return await outcome(async () => text(await u.recv(1)));
  },
  async "SHUT_RD of a connected UDP socket"() {
    using u = udp();
    using peer = udp();
    await u.connect(peer.getsockname());
    await u.shutdown(socket.SHUT_RD);
    await peer.sendto(bytes("x"), u.getsockname());
    return await outcome(async () => text(await u.recv(1)));
  },
  async "IPV6_V6ONLY and an IPv4 client"() {
    using server = socket.socket(socket.AF_INET6);
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1);
    server.bind(["::", 0]);
    server.listen();
    using client = socket.socket();
    const connected = await outcome(() =>
      client.connect(["127.0.0.1", server.getsockname()[1]])
    );
    server.settimeout(0.1);
    const accepted = await outcome(() => server.accept());
    return [connected, accepted, text(await client.recv(1))];
  },
  async "line buffering of text"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    b.settimeout(0.2);
    const file = a.makefile("w", 1);
    await file.write("one\ntwo");
    return await outcome(async () => text(await b.recv(3)));
  },
  async "small buffer of a text file"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    b.settimeout(0.2);
    const file = a.makefile("w", 10);
    await file.write("x".repeat(50));
    return await outcome(async () => text(await b.recv(1)));
  },
  async "lone carriage return"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await b.sendall(bytes("one\r"));
    a.settimeout(0.2);
    return await outcome(() => a.makefile("r").readline());
  },
  async "value that is wrong"() {
    using s = socket.socket();
    return [
      await outcome(() => s.settimeout(-1)),
      await outcome(() => s.bind(["127.0.0.1", 80_000])),
    ];
  },
  async "option that only tunes"() {
    using s = socket.socket();
    return await outcome(() =>
      s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    );
  },
  async "flag of urgent data"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    return await outcome(() => a.send(bytes("x"), socket.MSG_OOB));
  },
  async "MSG_DONTWAIT with a timeout"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    a.settimeout(0.1);
    return await outcome(() => a.recv(1, socket.MSG_DONTWAIT));
  },
  async "recv() after a refused connect in the background"() {
    using s = socket.socket();
    s.setblocking(false);
    await s.connect_ex(closedAddress());
    await select([], [s], []);
    const error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
    return [
      errorcode[error],
      await outcome(async () => text(await s.recv(1))),
    ];
  },
  async "port after a failed connect"() {
    using s = socket.socket();
    await outcome(() => s.connect(closedAddress()));
    return s.getsockname()[1] !== 0;
  },
  async "reset that no call has met"() {
    using server = socket.create_server(["127.0.0.1", 0]);
    using b = socket.socket();
    b.bind(["127.0.0.1", 0]); // Only such a socket can reset its connection.
    await b.connect(server.getsockname());
    const [a] = await server.accept();
    using _ = a;
    await b.writable.abort();
    const error = a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR);
    return [
      errorcode[error] ?? null,
      await outcome(() => a.getpeername().length > 0),
      await outcome(() => a.shutdown(socket.SHUT_RD)),
    ];
  },
  async "close() of a socket that select() waits for"() {
    const [a, b] = await pair();
    using _ = b;
    const waiting = outcome(async () =>
      (await select([a], [], [], 0.2))[0].length
    );
    a.close();
    return await waiting;
  },
  async "port of a listener that was shut down"() {
    return await againIfTaken(async () => {
      const address = ["127.0.0.1", freePort()] as const;
      using server = socket.create_server(address);
      await server.shutdown(socket.SHUT_RD);
      using other = socket.socket();
      other.bind(address);
      return null;
    });
  },
  async "raw file beside its buffer"() {
    const [a, b] = await pair();
    using _a = a, _b = b;
    await b.sendall(bytes("one\ntwo\n"));
    await a.recv(8, socket.MSG_PEEK | socket.MSG_WAITALL);
    const file = a.makefile("rb");
    await file.readline();
    a.settimeout(0.2);
    return await outcome(async () => text((await file.raw.read(4))!));
  },
};

const found: Record<string, unknown> = {};
for (const [name, probe] of Object.entries(probes)) {
  found[name] = await outcome(probe);
}
console.log(JSON.stringify(found, null, 1));
Deno.exit();
