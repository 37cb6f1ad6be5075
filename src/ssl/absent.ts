/** The members of Python's classes for which TLS or the runtime has nothing. */

import { isOptions } from "../base/checks.ts";
import { osError } from "../base/os_error.ts";
import type { FlagsOption } from "../socket/socket.ts";
import { failure } from "../wait/waiter.ts";

/** The members for which the runtime's TLS has no means, with the reasons. */
export const ABSENT_IN_CONTEXT: Readonly<Record<string, string>> = {
  cert_store_stats: "Deno does not list its roots; see get_ca_certs",
  get_ciphers: "Deno has one fixed list of ciphers",
  keylog_filename: "Deno writes no keys of a session anywhere",
  load_dh_params: "Deno has no Diffie-Hellman with parameters of one's own",
  num_tickets: "Deno decides on tickets itself",
  options: "Deno has none of OpenSSL's options; TLS 1.2 is the oldest anyway",
  post_handshake_auth: "Deno asks for certificates in the handshake only",
  security_level: "Deno has OpenSSL's level 2 and no other",
  session_stats: "Deno counts no sessions",
  set_ciphers: "Deno has one fixed list of ciphers",
  set_default_verify_paths: "Deno has roots of its own; see load_default_certs",
  set_ecdh_curve: "Deno has one fixed list of curves",
  set_npn_protocols: "NPN is obsolete; see set_alpn_protocols",
  set_psk_client_callback: "Deno has no pre-shared keys",
  set_psk_server_callback: "Deno has no pre-shared keys",
  sslobject_class: "TLS needs a socket here",
  sslsocket_class: "wrap_socket makes an SSLSocket and no subclass",
  verify_flags: "Deno checks no lists of revoked certificates",
  wrap_bio: "TLS needs a socket here; a socketpair() is one in memory",
};

export const ABSENT_IN_SOCKET: Readonly<Record<string, string>> = {
  get_channel_binding: "Deno reveals none",
  get_unverified_chain: "only the peer's own certificate is kept",
  get_verified_chain: "Deno does not report it",
  selected_npn_protocol: "NPN is obsolete; see selected_alpn_protocol",
  session: "Deno resumes no sessions of TLS on request",
  session_reused: "Deno resumes no sessions of TLS on request",
  shared_ciphers: "Deno does not report them",
  verify_client_post_handshake:
    "Deno asks for certificates in the handshake only",
};

/** Makes absent members fail with a reason, where they would be undefined. */
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

/** A call whose address or ancillary data has no meaning over TLS. */
export function notOnTls(name: string): Error {
  return new RangeError(`Cannot ${name}: not allowed on an SSLSocket`);
}

export function unsupported(name: string): Error {
  return osError("EOPNOTSUPP", `${name}() on an SSLSocket`);
}

/** The flags of the kernel have no meaning for decrypted bytes. */
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
