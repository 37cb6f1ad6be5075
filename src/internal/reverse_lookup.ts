/** Names: of an address, by the system's resolver, and of this machine. */

import { fromDeno } from "./os_error.ts";

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
