/** Names of hosts to addresses, and back. */

import type { LookupAddress } from "node:dns";
import { AF_INET, AF_INET6 } from "../constants.ts";
import type { HostPlace } from "./address.ts";
import { at, isLocalhost, loopback, noHost } from "./address.ts";
import { isDenied, isGranted } from "./deno_net.ts";
import { fromDeno, gaiError, netDenied } from "./os_error.ts";

/** An address that a name has. */
export interface Resolved {
  readonly family: number;
  readonly host: string;
}

/**
 * Every address of a name, IPv4 and IPv6. `node:dns` asks `getaddrinfo`; it
 * needs a grant for the name, which the hint names with its port.
 */
export async function resolveAll(
  host: string,
  port: number,
): Promise<Resolved[]> {
  if (!/^[^\s\0:[\]%/\\]{1,255}$/.test(host)) {
    throw noHost(host);
  }
  const { lookup } = await import("node:dns");
  // In Deno 2.9 only this form takes the port, without which a grant for one
  // port of the name is none; "verbatim" leaves the system's order as it is.
  const options = { all: true, order: "verbatim", port } as const;
  try {
    const found = await new Promise<LookupAddress[]>((resolve, reject) => {
      lookup(
        host,
        options,
        (error, all) => error ? reject(error) : resolve(all),
      );
    });
    return found.map(({ address, family }) => ({
      family: family === 6 ? AF_INET6 : AF_INET,
      host: address,
    }));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "EPERM") {
      const missing = port === 0 ? host : `${host}:${port}`;
      throw netDenied(missing, error);
    }
    throw fromDeno(error);
  }
}

/**
 * `localhost` as its literal, if that is granted: no resolver is asked then. A
 * name that is denied stays one, for the runtime to refuse.
 */
export function localhostLiteral(place: HostPlace): HostPlace | undefined {
  const { host, port } = place;
  if (!isLocalhost(host) || isDenied(host, port)) return undefined;
  const literal = loopback(place.family);
  return isGranted(literal, port) ? at(place, literal) : undefined;
}

/** The error of a name that has only addresses of another family. */
export function noneOfFamily(host: string, all: readonly Resolved[]): Error {
  const others = all.map((each) => each.host).join(", ");
  return gaiError(
    "EAI_ADDRFAMILY",
    others === "" ? host : `${host} is ${others}`,
  );
}

/**
 * The name of an address. `node:dns` asks `getnameinfo`; it needs a grant for
 * the address with this port.
 *
 * @throws {gaierror} EAI_NONAME if the address has no name.
 */
export async function lookupName(host: string, port: number): Promise<string> {
  const { promises } = await import("node:dns");
  try {
    const { hostname } = await promises.lookupService(host, port);
    return hostname;
  } catch (error) {
    throw fromDeno(error);
  }
}

/**
 * The name of this machine.
 *
 * @throws {PermissionError} EACCES without `--allow-sys=hostname`.
 */
export function ownName(): string {
  try {
    return Deno.hostname();
  } catch (error) {
    throw fromDeno(error);
  }
}

/**
 * Begins a lookup and waits for it or for the signal. The system's resolver
 * cannot be called off: a lookup given up goes on, but nobody hears of it.
 */
export async function orAborted<T>(
  begin: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await begin();
  if (signal.aborted) throw signal.reason;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([begin(), promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** `localhost` is bound by its literal, unless the name is denied. */
export function hostToBind(place: HostPlace): HostPlace {
  if (!place.named) return place;
  if (/[\s:[\]%/\\]/.test(place.host)) {
    throw gaiError("EAI_NONAME", JSON.stringify(place.host.slice(0, 80)));
  }
  const { host, port } = place;
  // A denied one is left to the runtime to refuse.
  if (!isLocalhost(host) || isDenied(host, port)) return place;
  return loopbackToBind(place);
}

/** Loopback by its literal, unless only its name is granted. */
export function loopbackToBind(place: HostPlace): HostPlace {
  const { host, port } = place;
  const literal = loopback(place.family);
  const byName = isGranted(host, port) && !isGranted(literal, port);
  return byName ? place : at(place, literal);
}

/**
 * The runtime may take an address of the other family for a name.
 *
 * @throws {gaierror} EAI_ADDRFAMILY if it has, after closing what it has bound.
 */
export function checkBoundFamily(
  place: HostPlace,
  bound: { readonly addr: Deno.Addr; close(): unknown },
): void {
  const { hostname } = bound.addr as Deno.NetAddr;
  if (hostname.includes(":") === (place.family === AF_INET6)) return;
  bound.close();
  throw gaiError(
    "EAI_ADDRFAMILY",
    `${place.host} is ${hostname}; bind to an address`,
  );
}
