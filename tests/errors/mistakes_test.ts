import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { listener, tcpPair, type TcpSocket } from "../support/pair.ts";
import { within } from "../support/within.ts";

/** An argument of a wrong type, as a port without type checks passes it. */
function wrong<T>(value: unknown): T {
  return value as T;
}

/** A method that takes whatever it is given. */
type Loose = (...args: unknown[]) => unknown;

const bytes = new Uint8Array([1, 2, 3]);
const oneArgument =
  'the address must be one argument, [host, port], received "127.0.0.1" and 9';
const noBytes = "must be a Uint8Array, received";
const aSignal =
  "options must be an object, received an AbortSignal; write { signal }";
const { signal } = new AbortController();
const { create_connection, create_server } = socket;

async function writing(s: TcpSocket, mode: string, data: unknown) {
  await using file = s.makefile(mode);
  await (file.write as Loose).call(file, data);
}

interface Row {
  mistake: string;
  call: (s: TcpSocket) => unknown;
  message: string;
}

/** Calls on a connected socket, and the whole message of each error. */
const rows: readonly Row[] = [
  {
    mistake: "send() of a string",
    call: (s) => s.send(wrong("hello")),
    message:
      `Cannot send: data ${noBytes} a string; encode it with new TextEncoder().encode(...)`,
  },
  {
    mistake: "sendall() of a Promise",
    call: (s) => s.sendall(wrong(Promise.resolve(bytes))),
    message: `Cannot send: data ${noBytes} a Promise; await it first`,
  },
  {
    mistake: "sendall() of an ArrayBuffer",
    call: (s) => s.sendall(wrong(bytes.buffer)),
    message:
      `Cannot send: data ${noBytes} an ArrayBuffer; make it new Uint8Array(buffer)`,
  },
  {
    mistake: "sendall() of a DataView",
    call: (s) => s.sendall(wrong(new DataView(bytes.buffer))),
    message:
      `Cannot send: data ${noBytes} another view; make it new Uint8Array(view.buffer, view.byteOffset, view.byteLength)`,
  },
  {
    mistake: "sendall() of a list of numbers",
    call: (s) => s.sendall(wrong([1, 2, 3])),
    message:
      `Cannot send: data ${noBytes} an array of numbers; make it Uint8Array.from(numbers)`,
  },
  {
    mistake: "sendto() of a string",
    call: (s) => s.sendto(wrong("hello"), ["127.0.0.1", 9]),
    message:
      `Cannot send: data ${noBytes} a string; encode it with new TextEncoder().encode(...)`,
  },
  {
    mistake: "sendmsg() of bytes that are not in a list",
    call: (s) => s.sendmsg(wrong(bytes)),
    message:
      "Cannot send: buffers must be an iterable of Uint8Array, received a Uint8Array; put it in an array",
  },
  {
    mistake: "recv_into() an ArrayBuffer",
    call: (s) => s.recv_into(wrong(new ArrayBuffer(8))),
    message:
      `Cannot receive: buffer ${noBytes} an ArrayBuffer; make it new Uint8Array(buffer)`,
  },
  {
    mistake: "recv() of a Promise",
    call: (s) => s.recv(wrong(Promise.resolve(8))),
    message:
      "Cannot receive: bufsize must be an integer, received a Promise; await it first",
  },
  {
    mistake: "recv() without a size",
    call: (s) => (s.recv as Loose).call(s),
    message: "Cannot receive: bufsize must be an integer, received undefined",
  },
  {
    mistake: "bind() with host and port as two arguments",
    call: (s) => (s.bind as Loose).call(s, "127.0.0.1", 9),
    message: "Cannot bind: the address is one argument, bind([host, port])",
  },
  {
    mistake: "connect() with host and port as two arguments",
    call: (s) => (s.connect as Loose).call(s, "127.0.0.1", 9),
    message: `Cannot connect: ${oneArgument}`,
  },
  {
    mistake: "connect_ex() with host and port as two arguments",
    call: (s) => (s.connect_ex as Loose).call(s, "127.0.0.1", 9),
    message: `Cannot connect: ${oneArgument}`,
  },
  {
    mistake: "sendto() with host and port as two arguments",
    call: (s) => (s.sendto as Loose).call(s, bytes, "127.0.0.1", 9),
    message: `Cannot send: ${oneArgument}`,
  },
  {
    mistake: "sendto() with flags, and host and port as two arguments",
    call: (s) => (s.sendto as Loose).call(s, bytes, 0, "127.0.0.1", 9),
    message: `Cannot send: ${oneArgument}`,
  },
  {
    mistake: "create_connection() with host and port as two arguments",
    call: () => (create_connection as Loose)("127.0.0.1", 9),
    message: `Cannot connect: ${oneArgument}`,
  },
  {
    mistake: "create_server() with host and port as two arguments",
    call: () => (create_server as Loose)("127.0.0.1", 9),
    message: `Cannot create a server: ${oneArgument}`,
  },
  {
    mistake: "connect() with host and port in one string",
    call: (s) => s.connect(wrong("127.0.0.1:9")),
    message:
      'Cannot connect: an AF_INET address must be [host, port], received "127.0.0.1:9"',
  },
  ...([
    ["connect()", "connect", (s, to) => (s.connect as Loose).call(s, to)],
    ["bind()", "bind", (s, to) => (s.bind as Loose).call(s, to)],
    ["sendto()", "send", (s, to) => (s.sendto as Loose).call(s, bytes, to)],
    ["create_server()", "bind", (_, to) => (create_server as Loose)(to)],
  ] as [string, string, (s: TcpSocket, to: unknown) => unknown][]).map(
    ([name, action, call]): Row => ({
      mistake: `${name} with a port that is a string`,
      call: (s) => call(s, ["127.0.0.1", "9"]),
      message:
        `Cannot ${action}: port must be an integer, received "9"; make it Number("9")`,
    }),
  ),
  {
    mistake: "sendto() with the address first",
    call: (s) => (s.sendto as Loose).call(s, ["127.0.0.1", 9], bytes),
    message:
      `Cannot send: data ${noBytes} an address; data comes first: sendto(data, address)`,
  },
  {
    mistake: "recv() with a signal that is not in an object",
    call: (s) => s.recv(10, 0, wrong(signal)),
    message: `Cannot receive: ${aSignal}`,
  },
  {
    mistake: "sendall() with a signal that is not in an object",
    call: (s) => s.sendall(bytes, wrong(signal)),
    message: `Cannot send: ${aSignal}`,
  },
  {
    mistake: "recv() with a timeout",
    call: (s) => s.recv(10, 0, wrong({ timeout: 1 })),
    message:
      'Cannot receive: no option "timeout"; a socket has settimeout(seconds), a call signal: AbortSignal.timeout(ms)',
  },
  {
    mistake: "create_server() with an option that it does not have",
    call: () =>
      (create_server as Loose)(["127.0.0.1", 0], { reuse_addr: true }),
    message:
      'Cannot create a server: no option "reuse_addr", only family, backlog, reuse_port, dualstack_ipv6',
  },
  {
    mistake: "sendfile() with an option that it does not have",
    call: (s) => s.sendfile(wrong({ read() {} }), wrong({ blocksize: 1 })),
    message:
      'Cannot send a file: no option "blocksize", only signal, offset, count, onProgress',
  },
  {
    mistake: "makefile() with a positional argument among the options",
    call: (s) => s.makefile("r", null, wrong({ buffering: 1 })),
    message:
      "Cannot open file: buffering was given twice, as an argument and in the options",
  },
  {
    mistake: "create_connection() with a timeout by position and by name",
    call: (s) => create_connection(s.getpeername(), 10, { timeout: 10 }),
    message:
      "Cannot connect: timeout was given twice, as an argument and in the options",
  },
  {
    mistake: "create_connection() with an option that there is not",
    call: (s) => create_connection(s.getpeername(), wrong({ retries: 3 })),
    message:
      'Cannot connect: no option "retries", only signal, timeout, source_address, all_errors',
  },
  {
    mistake: "create_connection() with a host in place of source_address",
    call: (s) => create_connection(s.getpeername(), null, wrong("127.0.0.1")),
    message:
      'Cannot connect: source_address must be [host, port] or null, received "127.0.0.1"',
  },
  {
    mistake: "setblocking() without a flag",
    call: (s) => (s.setblocking as Loose).call(s),
    message:
      "Cannot set blocking: flag must be true or false, received undefined",
  },
  {
    mistake: "setsockopt() without a level",
    call: (s) => (s.setsockopt as Loose).call(s, socket.SO_REUSEADDR, 1),
    message:
      "Cannot set a socket option: level, optname and value are needed, such as SOL_SOCKET, SO_REUSEADDR, 1",
  },
  {
    mistake: "write() of bytes to a text file",
    call: (s) => writing(s, "w", bytes),
    message:
      'Cannot write: data must be a string, received a Uint8Array; open the file with "wb", or decode it',
  },
  {
    mistake: "write() of a string to a binary file",
    call: (s) => writing(s, "wb", "hello"),
    message:
      `Cannot write: data ${noBytes} a string; open the file with "w", or encode it`,
  },
  {
    mistake: "select() of a socket that is not in a list",
    call: (s) => (select as Loose)(s, [], []),
    message:
      "Cannot select: rlist must be an iterable, received an object; put it in an array",
  },
  {
    mistake: "connect() with an address that was not awaited",
    call: (s) => s.connect(wrong(Promise.resolve(["127.0.0.1", 9]))),
    message:
      "Cannot connect: an AF_INET address must be [host, port], received a Promise; await it first",
  },
  {
    mistake: "connect() with the object that Deno.connect takes",
    call: (s) => s.connect(wrong({ hostname: "127.0.0.1", port: 9 })),
    message:
      "Cannot connect: an AF_INET address must be [host, port], received an object",
  },
  {
    mistake: "sendfile() of a path",
    call: (s) => s.sendfile(wrong("LICENSE")),
    message:
      "Cannot send a file: file must have a read method, received a string; open it first",
  },
  {
    mistake: "sendfile() of a file that was not awaited",
    call: (s) => s.sendfile(wrong(Promise.resolve({ read() {} }))),
    message:
      "Cannot send a file: file must have a read method, received a Promise; await it first",
  },
  {
    mistake: "Socket without new",
    call: () => (socket.Socket as unknown as Loose)(socket.AF_INET),
    // The engine's own.
    message: "Class constructor Socket cannot be invoked without 'new'",
  },
];

for (const { mistake, call, message } of rows) {
  Deno.test(`${mistake} fails with a message that names the remedy`, async () => {
    await using pair = await tcpPair();
    const error = await assertRejects(
      // Some throw and some reject: a program sees both alike.
      async () => await within(Promise.resolve(call(pair.client))),
      TypeError,
    );
    assertEquals(error.message, message);
    pair.client.close();
    assertEquals((await within(pair.peer.recv(9))).length, 0);
  });
}

Deno.test("a file object waits for a connect that is not awaited, as recv() does", async () => {
  using server = listener();
  using client = socket.socket();
  const connecting = client.connect(server.getsockname());
  await using file = client.makefile("rw");
  const written = file.write("hello\n").then(() => file.flush());
  const line = file.readline();
  await within(Promise.all([connecting, written]));
  using conn = (await within(server.accept()))[0];
  assertEquals((await within(conn.recv(6, socket.MSG_WAITALL))).length, 6);
  await within(conn.sendall(new TextEncoder().encode("world\n")));
  assertEquals(await within(line), "world\n");
});

Deno.test("recv() takes an AbortController as its options", async () => {
  await using pair = await tcpPair();
  const controller = new AbortController();
  const received = pair.client.recv(1, controller);
  controller.abort(new Error("enough"));
  await assertRejects(() => within(received), Error, "enough");
});

Deno.test("send() takes a Buffer, which is a Uint8Array", async () => {
  await using pair = await tcpPair();
  await within(pair.client.sendall(Buffer.from("hello")));
  const data = await within(pair.peer.recv(5, socket.MSG_WAITALL));
  assertEquals(new TextDecoder().decode(data), "hello");
});

Deno.test("new socket.socket() creates a socket too", () => {
  const Factory = socket.socket as unknown as new () => socket.Socket;
  using s = new Factory();
  assertEquals(s instanceof socket.Socket, true);
});
