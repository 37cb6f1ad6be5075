import { Buffer } from "node:buffer";
import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { runDeno } from "./_support/child.ts";
import { listener, tcpPair, type TcpSocket } from "./_support/pair.ts";
import { within } from "./_support/within.ts";

/** What a program that was ported in a hurry passes, types aside. */
function slip<T>(value: unknown): T {
  return value as T;
}

/** A method that takes whatever it is given. */
type Loose = (...args: unknown[]) => unknown;

const bytes = new Uint8Array([1, 2, 3]);
const oneArgument =
  'the address must be one argument, [host, port], received "127.0.0.1" and 9';
const noBytes = "must be a Uint8Array, received";

interface Row {
  slip: string;
  call: (s: TcpSocket) => unknown;
  message: string;
}

/** Each is made on a connected socket, and what it says is the whole message. */
const rows: readonly Row[] = [
  {
    slip: "send() of a string",
    call: (s) => s.send(slip("hello")),
    message:
      `Cannot send: data ${noBytes} a string; encode it with new TextEncoder().encode(...)`,
  },
  {
    slip: "sendall() of a Promise",
    call: (s) => s.sendall(slip(Promise.resolve(bytes))),
    message: `Cannot send: data ${noBytes} a Promise; await it first`,
  },
  {
    slip: "sendall() of an ArrayBuffer",
    call: (s) => s.sendall(slip(bytes.buffer)),
    message:
      `Cannot send: data ${noBytes} an ArrayBuffer; make it new Uint8Array(buffer)`,
  },
  {
    slip: "sendall() of a DataView",
    call: (s) => s.sendall(slip(new DataView(bytes.buffer))),
    message:
      `Cannot send: data ${noBytes} another view; make it new Uint8Array(view.buffer, view.byteOffset, view.byteLength)`,
  },
  {
    slip: "sendall() of a list of numbers",
    call: (s) => s.sendall(slip([1, 2, 3])),
    message:
      `Cannot send: data ${noBytes} an array of numbers; make it Uint8Array.from(numbers)`,
  },
  {
    slip: "sendto() of a string",
    call: (s) => s.sendto(slip("hello"), ["127.0.0.1", 9]),
    message:
      `Cannot send: data ${noBytes} a string; encode it with new TextEncoder().encode(...)`,
  },
  {
    slip: "sendmsg() of bytes that are not in a list",
    call: (s) => s.sendmsg(slip(bytes)),
    message:
      "Cannot send: buffers must be an iterable of Uint8Array, received a Uint8Array; put it in an array",
  },
  {
    slip: "recv_into() an ArrayBuffer",
    call: (s) => s.recv_into(slip(new ArrayBuffer(8))),
    message:
      `Cannot receive: buffer ${noBytes} an ArrayBuffer; make it new Uint8Array(buffer)`,
  },
  {
    slip: "recv() of a Promise",
    call: (s) => s.recv(slip(Promise.resolve(8))),
    message:
      "Cannot receive: bufsize must be an integer, received a Promise; await it first",
  },
  {
    slip: "recv() without a size",
    call: (s) => (s.recv as Loose).call(s),
    message: "Cannot receive: bufsize must be an integer, received undefined",
  },
  {
    slip: "bind() with host and port as two arguments",
    call: (s) => (s.bind as Loose).call(s, "127.0.0.1", 9),
    message: "Cannot bind: the address is one argument, bind([host, port])",
  },
  {
    slip: "connect() with host and port as two arguments",
    call: (s) => (s.connect as Loose).call(s, "127.0.0.1", 9),
    message: `Cannot connect: ${oneArgument}`,
  },
  {
    slip: "connect_ex() with host and port as two arguments",
    call: (s) => (s.connect_ex as Loose).call(s, "127.0.0.1", 9),
    message: `Cannot connect: ${oneArgument}`,
  },
  {
    slip: "sendto() with host and port as two arguments",
    call: (s) => (s.sendto as Loose).call(s, bytes, "127.0.0.1", 9),
    message: `Cannot send: ${oneArgument}`,
  },
  {
    slip: "sendto() with flags, and host and port as two arguments",
    call: (s) => (s.sendto as Loose).call(s, bytes, 0, "127.0.0.1", 9),
    message: `Cannot send: ${oneArgument}`,
  },
  {
    slip: "create_connection() with host and port as two arguments",
    call: () => (socket.create_connection as Loose)("127.0.0.1", 9),
    message: `Cannot connect: ${oneArgument}`,
  },
  {
    slip: "create_server() with host and port as two arguments",
    call: () => (socket.create_server as Loose)("127.0.0.1", 9),
    message: `Cannot create a server: ${oneArgument}`,
  },
  {
    slip: "connect() with host and port in one string",
    call: (s) => s.connect(slip("127.0.0.1:9")),
    message:
      'Cannot connect: an AF_INET address must be [host, port], received "127.0.0.1:9"',
  },
  {
    slip: "connect() with a port that is a string",
    call: (s) => s.connect(["127.0.0.1", slip("9")]),
    message: 'Cannot connect: port must be an integer, received "9"',
  },
  {
    slip: "connect() with an address that was not awaited",
    call: (s) => s.connect(slip(Promise.resolve(["127.0.0.1", 9]))),
    message:
      "Cannot connect: an AF_INET address must be [host, port], received a Promise; await it first",
  },
  {
    slip: "connect() with the object that Deno.connect takes",
    call: (s) => s.connect(slip({ hostname: "127.0.0.1", port: 9 })),
    message:
      "Cannot connect: an AF_INET address must be [host, port], received an object",
  },
  {
    slip: "sendfile() of a path",
    call: (s) => s.sendfile(slip("LICENSE")),
    message:
      "Cannot send a file: file must have a read method, received a string; open it first",
  },
  {
    slip: "sendfile() of a file that was not awaited",
    call: (s) => s.sendfile(slip(Promise.resolve({ read() {} }))),
    message:
      "Cannot send a file: file must have a read method, received a Promise; await it first",
  },
  {
    slip: "Socket without new",
    call: () => (socket.Socket as unknown as Loose)(socket.AF_INET),
    // The engine's own.
    message: "Class constructor Socket cannot be invoked without 'new'",
  },
];

for (const { slip, call, message } of rows) {
  Deno.test(`${slip} says what to do`, async () => {
    await using pair = await tcpPair();
    const error = await assertRejects(
      // Some throw and some reject: both are what the program sees.
      async () => await within(Promise.resolve(call(pair.client))),
      TypeError,
    );
    assertEquals(error.message, message);
    pair.client.close();
    assertEquals((await within(pair.peer.recv(9))).length, 0);
  });
}

/** Errors of the system, with what to do after their text. */
const advised: readonly [string, () => Promise<unknown>, string, string][] = [
  [
    "recv() on a listening socket",
    () => listening((s) => s.recv(1)),
    "ENOTCONN",
    "it listens; accept() gives the connected one",
  ],
  [
    "sendall() on a listening socket",
    () => listening((s) => s.sendall(bytes)),
    "ENOTCONN",
    "it listens; accept() gives the connected one",
  ],
  [
    "accept() on a socket that does not listen",
    () => unconnected((s) => s.accept()),
    "EINVAL",
    "listen() comes first",
  ],
  [
    "connect() to a host with a port in it",
    () => unconnected((s) => s.connect(["127.0.0.1:80", 80])),
    "EAI_NONAME",
    '"127.0.0.1:80" has a port, which is the second part of the address',
  ],
  [
    "bind() to a name with a port in it",
    () => unconnected((s) => s.bind(["localhost:80", 80])),
    "EAI_NONAME",
    '"localhost:80" has a port, which is the second part of the address',
  ],
  [
    "connect() to a URL",
    () => unconnected((s) => s.connect(["http://localhost", 80])),
    "EAI_NONAME",
    '"http://localhost" is a URL, not a host',
  ],
  [
    "create_connection() to a host with a port in it",
    () => socket.create_connection(["localhost:80", 80]),
    "EAI_NONAME",
    '"localhost:80" has a port, which is the second part of the address',
  ],
  [
    "getaddrinfo() of a URL",
    () => socket.getaddrinfo("http://localhost", 80),
    "EAI_NONAME",
    '"http://localhost" is a URL, not a host',
  ],
  [
    "create_connection() to an address in brackets",
    () => socket.create_connection(["[::1]", 80]),
    "EAI_NONAME",
    '"[::1]" has brackets, which belong to URLs',
  ],
];

async function listening(call: (s: TcpSocket) => unknown): Promise<void> {
  using s = listener();
  await call(s);
}

async function unconnected(call: (s: TcpSocket) => unknown): Promise<void> {
  using s = socket.socket();
  await call(s);
}

for (const [slip, call, code, advice] of advised) {
  Deno.test(`${slip} is ${code}, and says what to do`, async () => {
    const error = await assertRejects(() => within(call()), socket.OSError);
    assertEquals(error.code, code);
    assertEquals(error.message.split(": ").slice(1).join(": "), advice);
  });
}

Deno.test("send() takes a Buffer, which is a Uint8Array", async () => {
  await using pair = await tcpPair();
  await within(pair.client.sendall(Buffer.from("hello")));
  const data = await within(pair.peer.recv(5, socket.MSG_WAITALL));
  assertEquals(new TextDecoder().decode(data), "hello");
});

Deno.test("new socket.socket() makes a socket too", () => {
  const Factory = socket.socket as unknown as new () => socket.Socket;
  using s = new Factory();
  assertEquals(s instanceof socket.Socket, true);
});

Deno.test("calls without a permission name the flag", async () => {
  const { stdout, stderr } = await runDeno({
    code: `
      import * as socket from "@pystd/socket";
      const udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
      const address = ["127.0.0.1", 9];
      for (const call of [
        async () => socket.socket().bind(address),
        () => socket.socket().connect(address),
        () => udp.sendto(new Uint8Array(1), address),
        () => socket.create_connection(address),
        async () => socket.create_server(address),
        async () => socket.gethostname(),
      ]) await call().catch((error) => console.log(error.name, error.message));`,
  });
  assertEquals(stderr, "");
  const hint =
    /^PermissionError \[Errno \d+\] Permission denied: Requires (.*)$/gm;
  assertEquals(
    stdout.replaceAll(hint, "$1"),
    [
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      // Where it would send from is the first that is asked for.
      'net access to "127.0.0.1:0", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'net access to "127.0.0.1:9", run again with the --allow-net flag',
      'sys access to "hostname", run again with the --allow-sys flag',
      "",
    ].join("\n"),
  );
});
