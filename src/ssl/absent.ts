/** The members of Python's classes that Deno's TLS cannot provide. */

import { isOptions } from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import type { FlagsOption } from "../socket/socket.ts";
import { failure } from "../wait/waiter.ts";

/** The members that an `SSLContext` does not have, with the reasons. */
export const ABSENT_IN_CONTEXT: Readonly<Record<string, string>> = {
  cert_store_stats:
    "Deno does not list its root certificates; see get_ca_certs",
  get_ciphers: "Deno's list of ciphers is fixed",
  keylog_filename: "Deno does not export the keys of a session",
  load_dh_params:
    "Deno has no Diffie-Hellman key exchange with custom parameters",
  num_tickets: "Deno decides on the number of tickets itself",
  options: "Deno has none of OpenSSL's options; its oldest version is TLS 1.2",
  post_handshake_auth: "Deno requests certificates only in the handshake",
  security_level: "Deno's level is fixed: OpenSSL's level 2",
  session_stats: "Deno counts no sessions",
  set_ciphers: "Deno's list of ciphers is fixed",
  set_default_verify_paths:
    "Deno has its own root certificates; see load_default_certs",
  set_ecdh_curve: "Deno's list of curves is fixed",
  set_npn_protocols: "NPN is obsolete; see set_alpn_protocols",
  set_psk_client_callback: "Deno has no pre-shared keys",
  set_psk_server_callback: "Deno has no pre-shared keys",
  sslobject_class: "this module supports TLS on sockets only",
  sslsocket_class: "wrap_socket creates an SSLSocket, never a subclass",
  verify_flags: "Deno checks no certificate revocation lists",
  wrap_bio: "this module supports TLS on sockets only; use a socketpair()",
};

/** The members that an `SSLSocket` does not have, with the reasons. */
export const ABSENT_IN_SOCKET: Readonly<Record<string, string>> = {
  get_channel_binding: "Deno does not provide it",
  get_unverified_chain: "the socket keeps only the peer's own certificate",
  get_verified_chain: "Deno does not report it",
  selected_npn_protocol: "NPN is obsolete; see selected_alpn_protocol",
  session: "Deno cannot resume a given TLS session",
  session_reused: "Deno cannot resume a given TLS session",
  shared_ciphers: "Deno does not report them",
  verify_client_post_handshake:
    "Deno requests certificates only in the handshake",
};

/** Makes absent members fail with the reason, instead of being undefined. */
export function refuseAbsent(
  prototype: object,
  name: string,
  absent: Readonly<Record<string, string>>,
): void {
  for (const [key, reason] of Object.entries(absent)) {
    const refuse = () => {
      throw osError("EOPNOTSUPP", `${name}.${key}: ${reason}`);
    };
    Object.defineProperty(prototype, key, { get: refuse, set: refuse });
  }
}

/** The error of a method with addresses, which have no meaning over TLS. */
export function notOnTls(name: string): Error {
  return new RangeError(`Cannot ${name}: not allowed on an SSLSocket`);
}

export function unsupported(name: string): Error {
  return osError("EOPNOTSUPP", `${name}() on an SSLSocket`);
}

/** Refuses flags: those of the kernel have no meaning for decrypted bytes. */
export function refuseFlags(
  name: string,
  first: unknown,
  second?: unknown,
): Promise<never> | undefined {
  const isInto = name === "recv_into";
  const given = isInto && !isOptions(first) ? second : first;
  const flags = isOptions(given) ? (given as FlagsOption).flags : given;
  if (typeof flags !== "number" || flags === 0) return undefined;
  return failure(
    new RangeError(
      `Cannot ${name}: non-zero flags not allowed on an SSLSocket, received ${flags}`,
    ),
  );
}
