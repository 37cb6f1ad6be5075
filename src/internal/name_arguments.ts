/** The arguments of the functions about names, checked before anything else. */

import { checkPort, checkText, checkUnsigned, show } from "./checks.ts";

/** A port as `getaddrinfo` takes it: a number, a text or null. */
export function checkService(action: string, port: unknown): string | null {
  if (port === null) return null;
  if (typeof port === "string") return checkText(action, "port", port);
  if (typeof port === "number") return String(checkPort(action, port));
  throw new TypeError(
    `Cannot ${action}: port must be a number, a string or null, received ${
      show(port)
    }`,
  );
}

/** An address as `getnameinfo` takes it, whose host is not parsed yet. */
export interface Sockaddr {
  readonly host: string;
  readonly port: number;
  readonly scopeId: number;
  /** How many parts it has. */
  readonly length: number;
}

/** An address of either family, which its host alone tells. */
export function checkSockaddr(action: string, value: unknown): Sockaddr {
  if (!Array.isArray(value) || value.length < 2 || value.length > 4) {
    throw new TypeError(
      `Cannot ${action}: sockaddr must be [host, port] or [host, port, flowinfo, scope_id], received ${
        Array.isArray(value) ? `${value.length} parts` : show(value)
      }`,
    );
  }
  const [host, port, flowinfo = 0, scopeId = 0]: readonly unknown[] = value;
  checkUnsigned(action, "flowinfo", flowinfo, 0xfffff);
  return {
    host: checkText(action, "host", host),
    port: checkPort(action, port),
    scopeId: checkUnsigned(action, "scope_id", scopeId, 0xffffffff),
    length: value.length,
  };
}
