import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";
import { within } from "./within.ts";

/** The folder with the certificates; `make.sh` there makes them. */
export const certificates: URL = new URL(
  "../ssl/certificates/",
  import.meta.url,
);

/**
 * The path of a certificate or key.
 *
 * @param name The name of the file without `.pem`.
 * @returns The path.
 */
export function certificate(name: string): string {
  return decodeURIComponent(new URL(`${name}.pem`, certificates).pathname);
}

/** What changes a context before it is used. */
export type Adjust = (context: ssl.SSLContext) => void;

/**
 * Makes the context of a server.
 *
 * @param name The certificate that it shows; the key is beside it.
 * @param adjust What to change.
 * @returns The context.
 */
export function serverContext(
  name = "server",
  adjust?: Adjust,
): ssl.SSLContext {
  const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER);
  context.load_cert_chain(certificate(name), certificate(`${name}.key`));
  adjust?.(context);
  return context;
}

/**
 * Makes the context of a client that trusts the test authority.
 *
 * @param adjust What to change.
 * @returns The context.
 */
export function clientContext(adjust?: Adjust): ssl.SSLContext {
  const context = new ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);
  context.load_verify_locations(certificate("ca"));
  adjust?.(context);
  return context;
}

/**
 * Allows one version of TLS only.
 *
 * @param version The version.
 * @returns What adjusts a context so.
 */
export function only(version: number): Adjust {
  return (context) => {
    context.minimum_version = version;
    context.maximum_version = version;
  };
}

/** How two ends are made. */
export interface PairOptions {
  server?: ssl.SSLContext;
  client?: ssl.SSLContext;
  host?: string | null;
  clientOptions?: ssl.WrapOptions;
  serverOptions?: ssl.WrapOptions;
  /** The family of the connection under TLS; IPv4 over loopback by default. */
  family?: number;
}

/** Two ends of one TLS connection, for `await using`. */
export interface TlsPair extends AsyncDisposable {
  readonly client: ssl.SSLSocket;
  readonly server: ssl.SSLSocket;
}

/**
 * Wraps both ends of a new connection, and does the handshake.
 *
 * @param options The contexts and options, where they are not the usual.
 * @returns The two ends.
 */
export async function tlsPair(options: PairOptions = {}): Promise<TlsPair> {
  const [outcome, peer] = await handshake(options);
  if (outcome instanceof Error) throw outcome;
  if (peer instanceof Error) throw peer;
  const [client, server] = [outcome, peer];
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([
        client[Symbol.asyncDispose](),
        server[Symbol.asyncDispose](),
      ]);
    },
  };
}

/**
 * Wraps both ends of a new connection.
 *
 * @param options The contexts and options, where they are not the usual.
 * @returns What came of it on the client and on the server.
 */
export async function handshake(
  options: PairOptions = {},
): Promise<[ssl.SSLSocket | Error, ssl.SSLSocket | Error]> {
  const { client = clientContext(), server = serverContext() } = options;
  const [near, far] = await plainPair(options.family);
  return await within(Promise.all([
    settle(client.wrap_socket(near, {
      server_hostname: options.host === undefined ? "localhost" : options.host,
      ...options.clientOptions,
    })),
    settle(server.wrap_socket(far, {
      server_side: true,
      ...options.serverOptions,
    })),
  ]));
}

/**
 * Connects two sockets that do not speak TLS.
 *
 * @param family The family; IPv4 over loopback by default.
 * @returns The two ends.
 */
export async function plainPair(
  family: number = socket.AF_INET,
): Promise<[socket.Socket, socket.Socket]> {
  return await socket.socketpair(family as socket.Family<socket.Address>);
}

/**
 * Waits for a promise.
 *
 * @param promise What to wait for.
 * @returns What it resolves to, or the error that it rejects with.
 */
export async function settle<T>(promise: Promise<T>): Promise<T | Error> {
  try {
    return await promise;
  } catch (error) {
    return error as Error;
  }
}

/**
 * Receives until the end of the stream.
 *
 * @param source The socket.
 * @returns All that came.
 */
export async function receiveAll(source: {
  recv(n: number): Promise<Uint8Array>;
}): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const data = await source.recv(65536);
    if (data.length === 0) break;
    parts.push(data);
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/**
 * Encodes a text.
 *
 * @param text The text.
 * @returns Its bytes.
 */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/**
 * Decodes a text.
 *
 * @param data Its bytes.
 * @returns The text.
 */
export function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

/** A TLS connection with somebody in the middle, for `await using`. */
export interface RelayedPair extends TlsPair {
  /** The middle's connection to the client; what it gets is ciphertext. */
  readonly toClient: socket.Socket;
  /** The middle's connection to the server. */
  readonly toServer: socket.Socket;
  /** Changes what the server sends before the client gets it. */
  alter(change: (data: Uint8Array<ArrayBuffer>) => Uint8Array): void;
}

/**
 * Connects both ends through a relay, which can cut off, change and read what
 * they send.
 *
 * @param options The contexts and options, where they are not the usual.
 * @returns The ends and the middle.
 */
export async function relayedPair(
  options: PairOptions = {},
): Promise<RelayedPair> {
  const { client = clientContext(), server = serverContext() } = options;
  const [near, toClient] = await plainPair();
  const [far, toServer] = await plainPair();
  let change = (data: Uint8Array<ArrayBuffer>): Uint8Array => data;
  const relays = [
    relay(toClient, toServer, (data) => data),
    relay(toServer, toClient, (data) => change(data)),
  ];
  const [atClient, atServer] = await within(Promise.all([
    client.wrap_socket(near, {
      server_hostname: "localhost",
      ...options.clientOptions,
    }),
    server.wrap_socket(far, { server_side: true, ...options.serverOptions }),
  ]));
  return {
    client: atClient,
    server: atServer,
    toClient,
    toServer,
    alter(to) {
      change = to;
    },
    async [Symbol.asyncDispose]() {
      const all = [atClient, atServer, toClient, toServer];
      await Promise.allSettled(all.map((each) => each[Symbol.asyncDispose]()));
      await Promise.allSettled(relays);
    },
  };
}

/** Copies until the end or an error of either side, and passes the end on. */
async function relay(
  from: socket.Socket,
  to: socket.Socket,
  change: (data: Uint8Array<ArrayBuffer>) => Uint8Array,
): Promise<void> {
  try {
    for (;;) {
      const data = await from.recv(65536);
      if (data.length === 0) return await to.shutdown(socket.SHUT_WR);
      await to.sendall(change(data));
    }
  } catch (error) {
    if (!(error instanceof socket.OSError)) throw error;
  }
}
