/** Addresses to host names, by the system's resolver. */

import { fromDeno } from "./os_error.ts";

/**
 * The name of an address. `node:dns` asks `getnameinfo`; it needs a grant for
 * the address, with this port if it is not 0.
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
