import * as socket from "@pystd/socket";
import { answerGranted } from "../support/granted.ts";
import { udpApis, useUdpApi } from "../support/udp_api.ts";

const { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM } = socket;
const one = new Uint8Array(1);

/** The sockets of the call that runs, which are closed after it. */
const open: socket.Socket[] = [];

function own<T extends socket.Socket>(made: T): T {
  open.push(made);
  // Only a call that would hang waits for it.
  made.settimeout(60);
  return made;
}

function tcp(family: number = AF_INET): socket.Socket {
  return own<socket.Socket>(socket.socket(family, SOCK_STREAM));
}

function udp(): socket.Socket {
  return own<socket.Socket>(socket.socket(AF_INET, SOCK_DGRAM));
}

function ignoring(code: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof socket.OSError && error.code === code)) throw error;
  };
}

async function connectTo(host: string, port: number): Promise<void> {
  await tcp().connect([host, port]);
}

async function connectFrom(
  local: string,
  host: string,
  port: number,
): Promise<void> {
  const s = tcp();
  s.bind([local, 0]);
  await s.connect([host, port]);
}

async function connectWithoutBlocking(
  host: string,
  port: number,
): Promise<void> {
  const s = tcp();
  s.setblocking(false);
  await s.connect([host, port]).catch(ignoring("EINPROGRESS"));
  s.settimeout(60);
  await s.sendall(one);
}

async function sendTo(host: string, port: number): Promise<void> {
  await udp().sendto(one, [host, port]);
}

async function createConnection(host: string, port: number): Promise<void> {
  own(await socket.create_connection([host, port], 60));
}

/** Calls by name, in IPv4 where nothing is said; `port` is a listener's. */
const calls: Readonly<Record<string, (port: number) => Promise<unknown>>> = {
  "socket()": async () => tcp(),
  "setsockopt()": async () =>
    tcp().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
  "bind() to 127.0.0.1": async () => tcp().bind(["127.0.0.1", 0]),
  "bind() to localhost": async () => tcp().bind(["localhost", 0]),
  "bind() to every interface": async () => tcp().bind(["", 0]),
  "listen() unbound": async () => tcp().listen(),
  "connect() to 127.0.0.1": (port) => connectTo("127.0.0.1", port),
  "connect() to localhost": (port) => connectTo("localhost", port),
  "connect() to LocalHost": (port) => connectTo("LocalHost", port),
  "connect() to 127.1": (port) => connectTo("127.1", port),
  "connect() to 0x7f000001": (port) => connectTo("0x7f000001", port),
  "connect() to 0.0.0.0": (port) => connectTo("0.0.0.0", port),
  "connect() to ::ffff:127.0.0.1": (port) =>
    tcp(AF_INET6).connect(["::ffff:127.0.0.1", port]),
  "connect() to ::1": (port) =>
    tcp(AF_INET6).connect(["::1", port]).catch(ignoring("ECONNREFUSED")),
  "connect() from an address": (port) =>
    connectFrom("127.0.0.1", "127.0.0.1", port),
  "connect() from an address to localhost": (port) =>
    connectFrom("127.0.0.1", "localhost", port),
  "connect() from localhost to localhost": (port) =>
    connectFrom("localhost", "localhost", port),
  "connect() without blocking": (port) =>
    connectWithoutBlocking("127.0.0.1", port),
  "connect() to localhost without blocking": (port) =>
    connectWithoutBlocking("localhost", port),
  "create_connection() to 127.0.0.1": (port) =>
    createConnection("127.0.0.1", port),
  "create_connection() to localhost": (port) =>
    createConnection("localhost", port),
  "send(), recv(), dup(), makefile()": async (port) => {
    const s = tcp();
    await s.connect(["127.0.0.1", port]);
    await s.sendall(one);
    s.settimeout(0);
    await s.recv(1).catch(() => {});
    s.dup().close();
    await s.makefile("rw").close();
    await s.shutdown(socket.SHUT_RDWR);
  },
  "accept()": async () => {
    const s = tcp();
    s.bind(["127.0.0.1", 0]);
    s.listen();
    s.settimeout(0);
    await s.accept().catch(ignoring("EAGAIN"));
  },
  "UDP bind() to 127.0.0.1": async () => udp().bind(["127.0.0.1", 0]),
  "UDP bind() to localhost": async () => udp().bind(["localhost", 0]),
  "UDP sendto() to 127.0.0.1": (port) => sendTo("127.0.0.1", port),
  "UDP sendto() to localhost": (port) => sendTo("localhost", port),
  "UDP sendto() to 127.1": (port) => sendTo("127.1", port),
  "UDP sendto() to 0.0.0.0": (port) => sendTo("0.0.0.0", port),
  "UDP connect() to 127.0.0.1": async (port) => {
    const s = udp();
    await s.connect(["127.0.0.1", port]);
    await s.send(one);
  },
  "UDP sendmsg() to 127.0.0.1": (port) =>
    udp().sendmsg([one], [], 0, ["127.0.0.1", port]),
  "UDP recvfrom()": async () => {
    const s = udp();
    s.bind(["127.0.0.1", 0]);
    s.settimeout(0);
    await s.recvfrom(1).catch(ignoring("EAGAIN"));
  },
};

/** Calls, and the port of a listener on 127.0.0.1. */
export interface Wanted {
  /** The calls' names. */
  readonly names: readonly string[];
  /** The port. */
  readonly port: number;
}

/** The names of the calls, of which those of UDP are also made by `node:dgram`. */
export function withBothApis(names: readonly string[]): string[] {
  return [
    ...names,
    ...names.filter((name) => name.startsWith("UDP "))
      .map((name) => `${name} by node:dgram`),
  ];
}

/**
 * Makes calls, with both APIs for UDP.
 *
 * @returns The error's text of each by the names of {@linkcode withBothApis},
 * nothing where there was none.
 */
export async function outcomesOf(
  { names, port }: Wanted,
): Promise<Record<string, string>> {
  const outcomes: Record<string, string> = {};
  for (const full of withBothApis(names)) {
    const name = full.replace(" by node:dgram", "");
    using _ = useUdpApi(name === full ? udpApis[0]! : udpApis[1]!);
    outcomes[full] = await calls[name]!(port).then(() => "", textOf);
    for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
  }
  return outcomes;
}

function textOf(error: unknown): string {
  if (error instanceof socket.ConnectionRefusedError) return "refused";
  const isDenied = error instanceof socket.PermissionError &&
    error.code === "EACCES" && error.cause instanceof Error;
  if (isDenied) return error.message;
  return error instanceof Error ? `${error.stack}` : String(error);
}

if (import.meta.main) await answerGranted(outcomesOf);
