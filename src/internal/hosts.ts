/** What the older functions do, `gethostbyname` and `gethostbyaddr`. */

import { AF_INET, AF_UNSPEC, SOCK_DGRAM } from "../constants.ts";
import { gaierror } from "../errors.ts";
import { wildcard } from "./address.ts";
import { findAddresses } from "./addrinfo.ts";
import type { HostCode } from "./gai_table.ts";
import { hostError, osError } from "./os_error.ts";
import { lookupName } from "./resolver.ts";

/** The addresses of a host, as CPython finds them for these functions. */
export async function findHosts(
  host: string,
  family: number,
): Promise<string[]> {
  if (host === "<broadcast>") return ["255.255.255.255"];
  if (host === "") {
    if (family !== AF_UNSPEC) return [wildcard(AF_INET)];
    throw osError("EINVAL", "wildcard resolved to multiple address");
  }
  const all = await findAddresses({
    host,
    service: null,
    family,
    type: SOCK_DGRAM,
    proto: 0,
    flags: 0,
  });
  return all.map(([, , , , [address]]) => address);
}

const HOST_CODES: Readonly<Record<string, HostCode>> = {
  EAI_NONAME: "HOST_NOT_FOUND",
  EAI_AGAIN: "TRY_AGAIN",
  EAI_NODATA: "NO_DATA",
};

/**
 * The name of an address.
 *
 * @throws {herror} HOST_NOT_FOUND if it has none.
 */
export async function findHostName(address: string): Promise<string> {
  try {
    return await lookupName(address, 0);
  } catch (error) {
    if (!(error instanceof gaierror)) throw error;
    const code = HOST_CODES[error.code] ?? "NO_RECOVERY";
    throw hostError(code, address, { cause: error.cause });
  }
}
