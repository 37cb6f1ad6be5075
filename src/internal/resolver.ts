/** Host names to addresses, by the system's resolver. */

import type { LookupAddress } from "node:dns";
import { AF_INET, AF_INET6 } from "../constants.ts";
import type { HostPlace } from "./address.ts";
import { at, isLocalhost, loopback, noHost } from "./address.ts";
import { isDenied, isGranted } from "./deno_net.ts";
import { fromDeno, gaiError, osError } from "./os_error.ts";

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
      throw osError(
        "EACCES",
        `Requires net access to "${missing}", run again with the --allow-net flag`,
        { cause: error },
      );
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

/**
 * The place with its name replaced by the name's first address of the family.
 *
 * @throws {gaierror} EAI_NONAME if the name is unknown, EAI_ADDRFAMILY if it has
 * addresses of another family only.
 */
export async function resolvePlace(place: HostPlace): Promise<HostPlace> {
  if (!place.named) return place;
  const literal = localhostLiteral(place);
  if (literal !== undefined) return literal;
  const all = await resolveAll(place.host, place.port);
  const own = all.find(({ family }) => family === place.family);
  if (own === undefined) throw noneOfFamily(place.host, all);
  return at(place, own.host);
}

/** The error of a name that has only addresses of another family. */
export function noneOfFamily(host: string, all: readonly Resolved[]): Error {
  const others = all.map((each) => each.host).join(", ");
  return gaiError(
    "EAI_ADDRFAMILY",
    others === "" ? host : `${host} is ${others}`,
  );
}
