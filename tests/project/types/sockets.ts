import type { Refused } from "./refused.ts";

/** What must compile, without a cast. */
export const accepted: Readonly<Record<string, string>> = {
  "the tutorial's server": `
    const HOST = "";
    const PORT = 8000;
    const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1);
    server.bind([HOST, PORT]);
    server.listen(5);
    while (true) {
      const [conn, addr] = await server.accept();
      console.log("Connected by", addr[0], addr[1] + 1);
      while (true) {
        const data = await conn.recv(1024);
        if (!data.length) break;
        await conn.sendall(data);
      }
      conn.close();
    }`,
  "the tutorial's client": `
    using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
    await s.connect(["localhost", 8000]);
    await s.sendall(bytes);
    const data = await s.recv(1024);
    console.log("Received", new TextDecoder().decode(data));
    new DataView(data.buffer).getUint32(0);`,
  "a datagram server": `
    udp.bind(["127.0.0.1", 5005]);
    while (true) {
      const [data, addr] = await udp.recvfrom(1024);
      await udp.sendto(data, addr);
      await udp.sendto(data, 0, addr);
      await udp.sendto(data, socket.MSG_DONTWAIT, addr, { signal });
    }`,
  "addresses in variables": `
    const address = ["127.0.0.1", 8000] as const;
    v4.bind(address);
    await v4.connect(address);
    const own: InetAddress = ["127.0.0.1", 8000];
    await v4.connect_ex(own);
    const frozen: readonly [string, number] = Object.freeze(own);
    await udp.sendto(bytes, frozen);
    await udp.connect(v4.getsockname());`,
  "the parts of an IPv6 address that have defaults": `
    v6.bind(["::1", 8000]);
    v6.bind(["::1", 8000, 0]);
    v6.bind(["::1", 8000, 0, 2]);
    await v6.sendto(bytes, ["::1", 8000] as const);
    const [host, port, flowinfo, scope_id] = v6.getsockname();
    same<[string, number, number, number], [typeof host, typeof port, typeof flowinfo, typeof scope_id]>(true);`,
  "a Unix path": `
    unix.bind("/tmp/a");
    await unix.connect("\\0abstract");
    const [data, path] = await unix.recvfrom(10);
    await unix.sendto(data, path);
    same<string, typeof path>(true);`,
  "the overloads of socket()": `
    same<Socket<InetAddress>, typeof v4>(true);
    same<Socket<Inet6Address>, typeof v6>(true);
    same<Socket<UnixAddress>, typeof unix>(true);
    const plain = socket.socket();
    same<Socket<InetAddress>, typeof plain>(true);
    const some: number = Math.random();
    const any = socket.socket(some, socket.SOCK_STREAM, 0);
    same<Socket<Address>, typeof any>(true);
    same<Socket, typeof any>(true);
    const family = Math.random() ? socket.AF_INET : socket.AF_INET6;
    const either: Socket = socket.socket(family);
    const again = socket.socket(v6.family, v6.type, v6.proto, v6.fileno());
    same<Socket<Inet6Address>, typeof again>(true);
    const named = socket.socket({ family: socket.AF_INET6 });
    same<Socket<Inet6Address>, typeof named>(true);
    const usual = socket.socket({ type: socket.SOCK_DGRAM });
    same<Socket<InetAddress>, typeof usual>(true);
    const mixed = socket.socket(socket.AF_UNIX, { type: socket.SOCK_DGRAM });
    same<Socket<UnixAddress>, typeof mixed>(true);
    const made = new socket.Socket(socket.AF_INET6);
    same<Socket<Inet6Address>, typeof made>(true);`,
  "what addresses and data come out as": `
    const [data, address] = await v6.recvfrom(1);
    same<Inet6Address, typeof address>(true);
    const length: number = data.length;
    const [n, from] = await v4.recvfrom_into(buffer);
    same<[number, InetAddress], [typeof n, typeof from]>(true);
    const [message, ancillary, flags, sender] = await v4.recvmsg(1);
    same<[number, InetAddress], [typeof flags, typeof sender]>(true);
    await v4.sendmsg([message, buffer], ancillary, 0, sender);
    same<InetAddress, ReturnType<typeof v4.getpeername>>(true);`,
  "accept() as a plain Socket": `
    const [conn, address] = await new Counting().accept();
    same<Socket<InetAddress>, typeof conn>(true);
    same<InetAddress, typeof address>(true);
    for await (const [each, from] of v4) {
      same<[typeof conn, InetAddress], [typeof each, typeof from]>(true);
    }`,
  "dup() as its own class": `
    const copy = new Counting().dup();
    same<Counting, typeof copy>(true);
    const plain = v6.dup();
    same<Socket<Inet6Address>, typeof plain>(true);`,
  "every socket as a plain Socket": `
    const all: Socket[] = [v4, v6, unix, udp, new Counting()];
    for (const each of all) {
      const [data, address] = await each.recvfrom(10);
      await each.sendto(data, address);
      await each.connect(each.getsockname());
      await each.connect(["127.0.0.1", 9]);
      await each.connect("/tmp/a");
    }
    const close = (s: Socket) => s.close();
    close(v4), close(v6), close(unix);`,
  "a function for sockets of any family": `
    async function echo<A extends Address>(s: Socket<A>) {
      const [data, address] = await s.recvfrom(1024);
      await s.sendto(data, address);
      await s.connect(s.getsockname());
    }
    await echo(v4), await echo(v6), await echo(unix);`,
  "a comparison of families": `
    if (v4.family === socket.AF_INET6) v4.close();
    switch (v6.family) {
      case socket.AF_INET:
      case socket.AF_INET6:
        v6.close();
    }
    const group: number = socket.AddressFamily.AF_INET;
    const number: number = v4.family | socket.SOCK_STREAM;`,
  "a subclass that overrides": `
    class Logging<A extends Address> extends socket.Socket<A> {
      override async recv(bufsize: number): Promise<Uint8Array<ArrayBuffer>> {
        const data = await super.recv(bufsize);
        console.log(this.fileno(), data.length);
        return data;
      }
      override close(): void {
        super.close();
      }
    }
    const s = new Logging(socket.AF_INET6);
    s.bind(["::1", 0, 0, 0]);
    const copy: Logging<Inet6Address> = s.dup();
    const plain: Socket = s;`,
  "signals and flags": `
    await v4.accept({ signal });
    await v4.recv(1, { signal });
    await v4.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT, { signal });
    await v4.recv_into(buffer, 5, 0, { signal });
    await v4.recv_into(buffer, { signal });
    await v4.send(bytes, 0, { signal });
    await v4.sendall(bytes, { signal });
    await v4.connect(["", 1], { signal });
    await v4.shutdown(socket.SHUT_WR, { signal });
    await v4.recv(1, { signal: undefined });`,
  "options and timeouts": `
    v4.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, true);
    v4.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, buffer);
    const n: number = v4.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE);
    const b: Uint8Array = v4.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE, 4);
    v4.settimeout(null);
    v4.settimeout(2.5);
    const t: number | null = v4.gettimeout() ?? v4.timeout;
    v4.setblocking(false);`,
  "errors by class and number": `
    try {
      await v4.recv(1);
    } catch (error) {
      if (error instanceof socket.timeout) console.log("timed out");
      else if (error instanceof socket.gaierror) console.log(error.strerror);
      else if (error instanceof socket.error) {
        const text: string = error.code + error.errno.toFixed();
      }
    }`,
  "files": `
    const line: string | null = await v4.makefile().readline();
    for await (const each of v4.makefile("r")) each.toUpperCase();
    const data: Uint8Array | null = await v4.makefile("rb").readline();
    await v4.makefile("w", null, { encoding: "latin1" }).write("text");
    await v4.makefile("wb").write(bytes);
    const raw = v4.makefile("rwb", 0);
    await raw.readinto(buffer);`,
  "the idioms of the platform": `
    await using s = socket.socket();
    using t = s.dup();
    await s.readable.pipeTo(t.writable);
    for await (const chunk of s.readable) await t.write(chunk);
    const n: number | null = await s.read(buffer);`,
  "functions that make sockets": `
    const conn = await socket.create_connection(["localhost", 80], 5);
    await conn.sendall(bytes);
    const server = socket.create_server(["", 0], { backlog: 5 });
    same<Socket<InetAddress>, typeof server>(true);
    const [a, b] = await socket.socketpair();
    same<typeof a, typeof b>(true);
    const copy = socket.fromfd(v6.fileno(), socket.AF_INET6, socket.SOCK_DGRAM);
    same<Socket<Inet6Address>, typeof copy>(true);
    for (const [family, type, proto, , address] of await socket.getaddrinfo("localhost", 80)) {
      using s = socket.socket(family, type, proto);
      await s.connect(address);
    }`,
};

/** What must not compile: the program, and the one error that it is. */
export const refused: readonly Refused[] = [
  [`v4.bind("127.0.0.1", 8000);`, /^TS2554: Expected 1 arguments, but got 2/],
  [`v4.bind("127.0.0.1");`, /^TS2345: Argument of type 'string'/],
  [`v4.bind(["127.0.0.1"]);`, /^TS2345: .*'\[string\]'/],
  [`v4.bind(["127.0.0.1", "80"]);`, /^TS2322: Type 'string'.*'number'/],
  [`v4.bind([80, 80]);`, /^TS2322: Type 'number'.*'string'/],
  [`v4.bind(["::1", 80, 0, 0]);`, /^TS2345: .*number, number, number\]'/],
  [`v4.bind({ hostname: "a", port: 80 });`, /^TS2(345|353): /],
  [`v6.bind(["::1"]);`, /^TS2345: .*'\[string\]'/],
  [`v6.bind(["::1", 80, 0, 0, 0]);`, /^TS2345: .*number, number, number\]'/],
  [`unix.bind(["/tmp/a", 0]);`, /^TS2345: .*UnixAddress|^TS2345: .*'string'/],
  [`await v4.connect("/tmp/a");`, /^TS2345: Argument of type 'string'/],
  [
    `const address = ["127.0.0.1", 8000]; await v4.connect(address);`,
    /^TS2345: .*'\(string \| number\)\[\]'/,
  ],
  [`await udp.sendto(bytes);`, /^TS2554: Expected 2-4 arguments, but got 1/],
  [`await udp.sendto(bytes, 0);`, /^TS2345: |^TS2769: /],
  [`await udp.sendto(bytes, v6.getsockname());`, /^TS2345: |^TS2769: /],
  [`await v4.send("text");`, /^TS2345: Argument of type 'string'/],
  [`await v4.sendall([1, 2, 3]);`, /^TS2345: Argument of type 'number\[\]'/],
  [`await v4.recv();`, /^TS2554: Expected 1-3 arguments, but got 0/],
  [`await v4.recv("1024");`, /^TS2345: Argument of type 'string'/],
  [`await v4.recv(1, { signal: 5 });`, /^TS2322: Type 'number'.*'AbortSignal/],
  [`const data: string = await v4.recv(1);`, /^TS2322: .*'string'/],
  [`const data: Uint8Array = v4.recv(1);`, /^TS27(39|40): Type 'Promise</],
  [`const [conn, addr] = v4.accept();`, /^TS2488: Type 'Promise<\[Socket/],
  [`const [h, p, f] = v4.getsockname();`, /^TS2493: .*length '2'/],
  [`v4.family = socket.AF_INET6;`, /^TS2540: .*'family'.*read-only/],
  [`v4.settimeout();`, /^TS2554: Expected 1 arguments, but got 0/],
  [`v4.settimeout("5");`, /^TS2345: Argument of type 'string'/],
  [`await v4.shutdown();`, /^TS2554: Expected 1-2 arguments, but got 0/],
  [
    `const s: Socket<InetAddress> = v6;`,
    /^TS2322: Type 'Socket<Inet6Address>'/,
  ],
  [
    `const s: Socket<InetAddress> = socket.socket(Math.random());`,
    /^TS2322: Type 'Socket<Address>'/,
  ],
  [
    `const c: Counting = (await new Counting().accept())[0];`,
    /^TS2741: Property 'count' is missing/,
  ],
  [
    `const s: socket.Family<InetAddress> = socket.AF_INET6;`,
    /^TS2(322|375): .*Family<Inet6Address>/,
  ],
  [
    `const line: string = await v4.makefile("rb").readline();`,
    /^TS2322: .*'string'/,
  ],
];
