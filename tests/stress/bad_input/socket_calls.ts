/** The methods of sockets. */

import * as socket from "@pystd/socket";
import { closedAddress } from "../../support/addresses.ts";
import { type Call, early, invoke, type Param, param } from "./call.ts";
import {
  address,
  anyInteger,
  anyText,
  anything,
  bytes,
  fileno,
  int32,
  itemsOf,
  iterableOf,
  keywords,
  type Kind,
  nullable,
  optional,
  options,
  optionValue,
  orKeywords,
  orOptions,
  positive,
  reader,
  size,
  text,
  timeout,
  uint16,
  uint32,
} from "./kinds.ts";
import { type Fixture, MemoryFile } from "./fixture.ts";

const { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM } = socket;

const some = () => new Uint8Array(3);
const flags = early(orOptions(int32), 0);
const last = param(options);

type More = Partial<Omit<Call, "name" | "params" | "run">>;

/** A method of the connected socket. */
function onClient(name: PropertyKey, params: Param[], more: More = {}): Call {
  return {
    ...more,
    name: `Socket.${String(name)}`,
    params,
    run: (fixture, args) => invoke(fixture.client, name, args),
  };
}

/** A method of the datagram socket that is connected. */
function onUdp(name: string, params: Param[], more: More = {}): Call {
  return {
    ...more,
    name: `Socket.${name}`,
    variant: "of a datagram socket",
    params,
    run: (fixture, args) => invoke(fixture.udp, name, args),
  };
}

/** A method of a socket that is made for the call. */
function onFresh(name: PropertyKey, params: Param[], more: More = {}): Call {
  return {
    ...more,
    name: `Socket.${String(name)}`,
    params,
    run: (fixture, args) => invoke(fixture.fresh(AF_INET), name, args),
    assertNoEffect: (fixture) => (fixture.subject as socket.Socket).fileno(),
  };
}

const waits = { waits: true } as const;

const taken = { waits: true, sent: (n: unknown) => n as number } as const;

const receiving: readonly Call[] = [
  onClient("recv", [param(size, 5), flags, last], waits),
  onClient("recvfrom", [param(size, 5), flags, last], waits),
  onClient("recv_into", [
    param(bytes, some),
    early(orOptions(size), 2),
    flags,
    last,
  ], waits),
  onClient("recvfrom_into", [
    param(bytes, some),
    early(orOptions(size), 2),
    flags,
    last,
  ], waits),
  onClient("recvmsg", [
    param(size, 5),
    early(orOptions(size), 0),
    flags,
    last,
  ], waits),
  onClient("recvmsg_into", [
    param(iterableOf(bytes), () => [some(), some()]),
    early(orOptions(size), 0),
    flags,
    last,
  ], waits),
  onClient("read", [param(bytes, some)], waits),
  onUdp("recv", [param(size, 5), flags, last], waits),
  onUdp("recvfrom", [param(size, 5), flags, last], waits),
  onUdp(
    "recv_into",
    [param(bytes, some), early(orOptions(size), 2), flags, last],
    waits,
  ),
  onUdp(
    "recvmsg_into",
    [param(iterableOf(bytes), () => [some()]), early(orOptions(size), 0)],
    waits,
  ),
];

/** Ancillary data, of which none can be sent. */
const ancillary: Kind = (value) =>
  typeof value === "string" ? "type" : itemsOf(anything, 0)(value);

const sending: readonly Call[] = [
  onClient("send", [param(bytes, some), flags, last], taken),
  onClient("sendall", [param(bytes, some), flags, last], {
    waits: true,
    sent: (_, [data]) => lengthOf(data as Uint8Array),
  }),
  onClient("write", [param(bytes, some)], taken),
  onClient("sendmsg", [
    param(iterableOf(bytes), () => [some(), some()]),
    early(orOptions(ancillary), () => []),
    flags,
    early(orOptions(nullable(address)), null),
    last,
  ], taken),
  {
    name: "Socket.sendfile",
    params: [
      param(reader, () => new MemoryFile()),
      early(orOptions(size), 2),
      early(orOptions(nullable(positive)), 5),
      last,
    ],
    ...taken,
    run(fixture, args) {
      fixture.client.settimeout(60);
      return invoke(fixture.client, "sendfile", args);
    },
  },
  onUdp("send", [param(bytes, some), flags, last], {
    waits: true,
    datagrams: true,
  }),
  onUdp("sendto", [
    param(bytes, some),
    param(int32, 0),
    param(address, (fixture: Fixture) => fixture.udpPeer.getsockname()),
    last,
  ], { waits: true, datagrams: true }),
];

/** How many bytes there are, also where a subclass has a `length` of its own. */
function lengthOf(data: Uint8Array): number {
  return inherited.get!.call(data);
}

const inherited = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  "length",
)!;

const udpPort = ({ udpSink }: Fixture) => udpSink.getsockname()[1];

/** The parts of an address, and the address as a whole. */
function addressed(
  name: "bind" | "connect" | "connect_ex" | "sendto",
  type: number,
  more: More,
): Call[] {
  const rest = name === "bind" ? [] : [last];
  const before = name === "sendto" ? [param(bytes, some)] : [];
  // Another program's socket may have any other port, and would be sent this.
  const port = name === "bind" ? 0 : udpPort;
  const call = (
    variant: string,
    family: socket.Family<socket.Address>,
    params: Param[],
    whole: (parts: readonly unknown[]) => unknown,
  ): Call => ({
    ...more,
    name: `Socket.${name}`,
    variant,
    params: [...before, ...params, ...rest],
    run(fixture, args) {
      const parts = args.slice(before.length, args.length - rest.length);
      return invoke(fixture.fresh(family, type), name, [
        ...args.slice(0, before.length),
        whole(parts),
        ...args.slice(args.length - rest.length),
      ]);
    },
  });
  const inet = AF_INET as socket.Family<socket.Address>;
  const inet6 = AF_INET6 as socket.Family<socket.Address>;
  const unix = AF_UNIX as socket.Family<socket.Address>;
  return [
    call(
      "whole address",
      inet,
      [param(address, (fixture: Fixture) => [
        "127.0.0.1",
        name === "bind" ? 0 : udpPort(fixture),
      ])],
      ([whole]) => whole,
    ),
    call(
      "parts",
      inet,
      [param(text, "127.0.0.1"), param(uint16, port)],
      (parts) => parts,
    ),
    call(
      "parts of IPv6",
      inet6,
      [
        param(text, "::1"),
        param(uint16, port),
        param(optional(twentyBits), 0),
        param(optional(uint32), 0),
      ],
      (parts) => parts,
    ),
    call("path", unix, [param(anyText, "/nowhere")], ([path]) => path),
  ];
}

const twentyBits: Kind = (value) => {
  const verdict = uint32(value);
  return verdict === "fits" && value as number > 0xfffff ? "value" : verdict;
};

/** Binds after all, unless another family's socket stands in the way. */
function bindsStill(fixture: Fixture): void {
  const s = fixture.subject as socket.Socket;
  if (s.family !== AF_INET) return;
  s.bind(["127.0.0.1", 0]);
}

async function connectsStill(fixture: Fixture): Promise<void> {
  const s = fixture.subject as socket.Socket;
  if (s.family !== AF_INET) return;
  s.settimeout(60);
  await s.connect(fixture.server.getsockname());
}

const opening: readonly Call[] = [
  ...addressed("bind", SOCK_STREAM, { assertNoEffect: bindsStill }),
  ...addressed("bind", SOCK_DGRAM, { assertNoEffect: bindsStill }),
  // A connect that does not wait goes on by itself: the names and ports here
  // are refused at once.
  ...addressed("connect", SOCK_DGRAM, {
    waits: true,
    assertNoEffect: connectsStill,
  }),
  ...addressed("connect_ex", SOCK_DGRAM, waits),
  ...addressed("sendto", SOCK_DGRAM, waits),
  ...["connect", "connect_ex"].flatMap((name): Call[] => [
    {
      name: `Socket.${name}`,
      variant: "of a stream",
      waits: true,
      params: [
        param(text, "127.0.0.1"),
        param(uint16, closedAddress()[1]),
        last,
      ],
      async run(fixture, [host, port, options]) {
        const s = fixture.fresh(AF_INET);
        s.settimeout(60);
        await invoke(s, name, [[host, port], options]);
      },
      assertNoEffect: connectsStill,
    },
  ]),
  onFresh("listen", [early(orKeywords(optional(int32)), 5)]),
  {
    name: "Socket.accept",
    waits: true,
    params: [last],
    run: (fixture, args) => invoke(fixture.idleListener, "accept", args),
  },
];

const none: readonly Param[] = [];

const others: readonly Call[] = [
  {
    name: "Socket.constructor",
    params: [
      early(orKeywords(optional(int32)), AF_INET),
      early(orKeywords(optional(int32)), SOCK_STREAM),
      early(orKeywords(optional(int32)), 0),
      early(orKeywords(optional(nullable(fileno))), null),
    ],
    run: (_rig, args) => Reflect.construct(socket.Socket, args),
    cleanUp: (made) => (made as socket.Socket).close(),
  },
  onClient("getsockopt", [
    param(int32, socket.SOL_SOCKET),
    param(int32, socket.SO_KEEPALIVE),
    early(orKeywords(optional(upTo1024)), 4),
  ]),
  onClient("setsockopt", [
    param(int32, socket.SOL_SOCKET),
    param(int32, socket.SO_KEEPALIVE),
    param(optionValue, 1),
  ]),
  onClient("settimeout", [param(timeout, 1)]),
  onClient("setblocking", [param(anything, true)]),
  onClient("set_inheritable", [param(anything, false)]),
  onClient("makefile", [
    early(orKeywords(optional(anyText)), "r"),
    early(orKeywords(optional(nullable(anyInteger))), 100),
    param(keywords),
  ], { cleanUp: closeFile }),
  ...["encoding", "errors", "newline"].map((keyword): Call => ({
    name: "Socket.makefile",
    variant: keyword,
    params: [param(optional(nullable(anyText)))],
    run: (fixture, [value]) =>
      invoke(fixture.client, "makefile", ["rw", null, { [keyword]: value }]),
    cleanUp: closeFile,
  })),
  onFresh("shutdown", [param(int32, socket.SHUT_RDWR), last], waits),
  onFresh("detach", [...none], {
    cleanUp: (number) => socket.close(number as number),
  }),
  ...[
    "close",
    "ref",
    "unref",
    Symbol.dispose,
    Symbol.asyncIterator,
    Symbol.for("Deno.customInspect"),
  ].map((name) => onFresh(name, [...none], {})),
  onFresh(Symbol.asyncDispose, [...none], waits),
  ...[
    "fileno",
    "get_inheritable",
    "getblocking",
    "getpeername",
    "getsockname",
    "gettimeout",
    "toString",
  ].map((name) => onClient(name, [...none])),
  onClient("dup", [...none], {
    cleanUp: (made) => (made as socket.Socket).close(),
  }),
];

function upTo1024(value: unknown): ReturnType<Kind> {
  const verdict = size(value);
  return verdict === "fits" && value as number > 1024 ? "value" : verdict;
}

function closeFile(file: unknown): Promise<void> {
  return (file as socket.SocketFile).close();
}

export const socketCalls: readonly Call[] = [
  ...receiving,
  ...sending,
  ...opening,
  ...others,
];
