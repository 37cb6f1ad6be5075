import type { Refused } from "./refused.ts";

/** What must compile, without a cast or a type argument. */
export const accepted: Readonly<Record<string, string>> = {
  "the program of Python's documentation of selectors": `
    const sel = new selectors.DefaultSelector();
    async function accept(sock: socket.Socket, mask: number) {
      const [conn] = await sock.accept();
      sel.register(conn, selectors.EVENT_READ, read);
    }
    async function read(conn: socket.Socket, mask: number) {
      const data = await conn.recv(1000);
      if (!data.length) sel.unregister(conn);
    }
    sel.register(s, selectors.EVENT_READ, accept);
    while (true) {
      const events = await sel.select();
      for (const [key, mask] of events) {
        const callback = key.data;
        await callback(key.fileobj, mask);
      }
    }`,
  "data of several kinds": `
    const sel = new selectors.DefaultSelector();
    sel.register(s, selectors.EVENT_READ);
    sel.register(s, selectors.EVENT_READ, { addr: s.getsockname(), outb: new Uint8Array(0) });
    for (const [key, mask] of await sel.select({ timeout: null })) {
      if (key.data === null) await key.fileobj.accept();
      else if (mask & selectors.EVENT_READ) key.data.outb = await key.fileobj.recv(1024);
    }
    if (sel.get_map().size === 0) sel.close();`,
  "type arguments": `
    const sel = new selectors.DefaultSelector<socket.Socket, string>();
    const key = sel.register(s, selectors.EVENT_READ, "text");
    same<string, typeof key.data>(true);
    same<socket.Socket, typeof key.fileobj>(true);
    const other = new selectors.SelectSelector<number>();
    other.register(3, 1);`,
  "lists of several kinds": `
    const [r, w, x] = await select.select([s, file, 3], new Set([s]), []);
    same<socket.Socket<socket.InetAddress>[], typeof w>(true);
    same<never[], typeof x>(true);
    await select.select([s], [], [], 5, { signal });
    await select.select([s], [], [], { timeout: 5, signal });
    const readonly: readonly socket.Socket[] = [s];
    await select.select(readonly, [], []);
    await select.poll().poll({ timeout: 100 });
    select.poll().register(s, { eventmask: select.POLLIN });`,
  "options of name functions": `
    const found = await socket.getaddrinfo("h", 80, { type: socket.SOCK_STREAM, signal });
    const six = await socket.getaddrinfo("h", 80, { family: socket.AF_INET6 });
    same<socket.AddrInfo<socket.Inet6Address>[], typeof six>(true);
    await socket.getaddrinfo("h", 80, socket.AF_INET, { type: socket.SOCK_STREAM });
    await socket.getfqdn({ name: "h" });
    socket.getservbyname("domain", { protocolname: "udp" });`,
};

/** What must not compile: the program, and the one error that it is. */
export const refused: readonly Refused[] = [
  // The error is about the item and not about the list.
  [
    "await select.select([Deno.stdin, s], [], []);",
    /^TS2322: Type '\{ read\(.*\}' is not assignable to type 'FileDescriptorLike'\.\nawait select\.select\(\[Deno\.stdin, s\], \[\], \[\]\);\n +~~~~~~~~~~$/,
  ],
  [
    "await select.select([s], [], [], 1, { timeout: 1 });",
    /^TS2353: .*'timeout'/,
  ],
  [
    'await socket.getaddrinfo("h", 80, socket.AF_INET, { family: 2 });',
    /^TS2353: .*'family'/,
  ],
  [
    "new selectors.DefaultSelector<socket.Socket, string>().register(s, 1);",
    /^TS2554: Expected 3 arguments, but got 2/,
  ],
  [
    "new selectors.DefaultSelector<socket.Socket>().register(3, 1);",
    /^TS2345: Argument of type 'number'/,
  ],
];
