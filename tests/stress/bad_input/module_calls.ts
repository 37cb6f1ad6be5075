/** The functions of the module, and its errors' constructors. */

import * as socket from "@pystd/socket";
import { type Call, early, invoke, type Param, param } from "./call.ts";
import {
  address,
  anything,
  bytes,
  connection,
  fileno,
  int32,
  keywords,
  type Kind,
  nullable,
  optional,
  options,
  orKeywords,
  orOptions,
  service,
  source,
  text,
  timeout,
  uint16,
  uint32,
} from "./kinds.ts";
import type { Fixture } from "./fixture.ts";

const { AF_INET, NI_NUMERICHOST, NI_NUMERICSERV, SOCK_STREAM } = socket;
const NUMERIC = NI_NUMERICHOST | NI_NUMERICSERV;

type More = Partial<Omit<Call, "name" | "params" | "run">>;

function call(name: string, params: readonly Param[], more: More = {}): Call {
  return {
    ...more,
    name,
    params,
    run: (_rig, args) => invoke(socket, name, args),
  };
}

const last = param(options);
const waits = { waits: true } as const;

function closing(made: unknown): void {
  for (const each of [made].flat()) (each as socket.Socket).close();
}

const made: More = { cleanUp: closing };

/** An integer that fits a C `int`, for a family that may be left out. */
const family = early(orKeywords(optional(int32)), AF_INET);

/** Type and protocol, likewise. */
const kind: readonly Param[] = [
  early(orKeywords(optional(int32)), SOCK_STREAM),
  early(orKeywords(optional(int32)), 0),
];

/** A new one for each call: it may be given once. */
function connectionOfDeno(): Partial<Deno.Conn> {
  const localAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const stream = { locked: false };
  return {
    localAddr,
    remoteAddr: localAddr,
    readable: stream,
    writable: stream,
    closeWrite: () => Promise.resolve(),
    close: () => {},
  } as unknown as Deno.Conn;
}

const theServer = (fixture: Fixture) => fixture.server.getsockname();

/** A host and its port apart, as one address. */
function parted(
  name: string,
  good: Param["good"],
  more: More,
  rest: readonly unknown[] = [],
  kinds: readonly [Kind, Kind] = [text, uint16],
): Call {
  return {
    ...more,
    name,
    variant: "parts",
    params: [param(kinds[0], "127.0.0.1"), param(kinds[1], good)],
    run: (_rig, parts) => invoke(socket, name, [parts, ...rest]),
  };
}

/** A keyword argument. */
function keyword(name: string, of: string, kind: Kind, good: unknown): Call {
  return {
    ...made,
    name: of,
    variant: name,
    params: [param(kind, good)],
    run: (_rig, [value]) =>
      invoke(socket, of, [["127.0.0.1", 0], { [name]: value }]),
  };
}

const sockets: readonly Call[] = [
  call("socket", [
    family,
    ...kind,
    early(orKeywords(optional(nullable(fileno))), null),
  ], made),
  call("create_connection", [
    param(address, theServer),
    param(optional(timeout), 5),
    param(orOptions(source), null),
    last,
  ], { ...made, ...waits }),
  parted(
    "create_connection",
    (fixture) => fixture.server.getsockname()[1],
    { ...made, ...waits },
    [5],
    [nullable(text), service],
  ),
  {
    ...made,
    ...waits,
    name: "create_connection",
    variant: "source address",
    params: [param(text, "127.0.0.1"), param(uint16, 0)],
    run: (fixture, source) =>
      invoke(socket, "create_connection", [theServer(fixture), 5, source]),
  },
  call("create_server", [
    param(address, () => ["127.0.0.1", 0]),
    param(keywords),
  ], made),
  parted("create_server", () => 0, made),
  keyword("family", "create_server", optional(int32), AF_INET),
  keyword("backlog", "create_server", optional(nullable(int32)), 5),
  keyword("reuse_port", "create_server", anything, false),
  keyword("dualstack_ipv6", "create_server", anything, false),
  call("socketpair", [family, ...kind], { ...made, ...waits }),
  call("has_dualstack_ipv6", []),
  call("fromconn", [param(connection, connectionOfDeno)], made),
  call("fromfd", [
    param(fileno, (fixture: Fixture) => fixture.client.fileno()),
    param(optional(int32), AF_INET),
    param(optional(int32), SOCK_STREAM),
    early(orKeywords(optional(int32)), 0),
  ], made),
  call("dup", [param(fileno, (fixture: Fixture) => fixture.client.fileno())], {
    cleanUp: (number) => socket.close(number as number),
  }),
  call("close", [
    param(fileno, (fixture: Fixture) => socket.dup(fixture.client.fileno())),
  ]),
  call("getdefaulttimeout", []),
  call("setdefaulttimeout", [param(timeout, 1)]),
];

const numbers = early(orOptions(int32));

const names: readonly Call[] = [
  call("getaddrinfo", [
    param(nullable(text), "127.0.0.1"),
    param(service, 80),
    numbers,
    numbers,
    numbers,
    numbers,
    last,
  ], waits),
  call("getnameinfo", [
    param(address, () => ["127.0.0.1", 80]),
    param(int32, NUMERIC),
    last,
  ], waits),
  parted("getnameinfo", () => 80, waits, [NUMERIC]),
  ...["gethostbyname", "gethostbyname_ex", "gethostbyaddr"].map((name) =>
    call(name, [param(text, "127.0.0.1"), last], waits)
  ),
  call("getfqdn", [early(orOptions(text), "127.0.0.1"), last], waits),
  call("gethostname", []),
  call("getservbyname", [param(text, "http"), early(orOptions(text), "tcp")]),
  call("getservbyport", [param(uint16, 80), early(orOptions(text), "tcp")]),
  call("getprotobyname", [param(text, "tcp")]),
  call("if_nameindex", []),
  call("if_nametoindex", [param(text, "lo")]),
  call("if_indextoname", [param(uint32, 1)]),
  call("inet_aton", [param(text, "127.0.0.1")]),
  call("inet_ntoa", [param(bytes, () => new Uint8Array(4))]),
  call("inet_pton", [param(int32, AF_INET), param(text, "127.0.0.1")]),
  call("inet_ntop", [
    param(int32, AF_INET),
    param(bytes, () => new Uint8Array(4)),
  ]),
  call("htons", [param(uint16, 80)]),
  call("ntohs", [param(uint16, 80)]),
  call("htonl", [param(uint32, 80)]),
  call("ntohl", [param(uint32, 80)]),
];

/** Errors of Python's take any arguments, and so do these. */
const errors: readonly Call[] = Object.values(socket)
  .filter((each) =>
    typeof each === "function" &&
    (each === socket.OSError || each.prototype instanceof socket.OSError)
  )
  .map((Class): Call => ({
    name: `${(Class as { name: string }).name}.constructor`,
    params: [param(anything, 1), param(anything), param(anything)],
    run: (_rig, args) =>
      Reflect.construct(Class as unknown as new () => Error, args),
  }));

export const moduleCalls: readonly Call[] = [...sockets, ...names, ...errors];
