/** The options of `wrap_socket`, and the checks before it. */

import { checkText, type KnownOptions, show } from "../base/checks.ts";
import { SOCK_STREAM } from "../base/constants.ts";
import { osError } from "../base/os_error.ts";
import { toAscii } from "../base/sockaddr.ts";
import { Connected } from "../endpoint/connected.ts";
import { type Description, findDescriptor } from "../endpoint/description.ts";
import { Socket } from "../socket/socket.ts";
import type { SignalOption } from "../wait/waiter.ts";
import { PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER } from "./constants.ts";
import { SSL_ERROR_SSL, SSLError } from "./errors.ts";
import type { WrapSettings } from "./negotiation.ts";
import type { Settings } from "./settings.ts";

/** The keyword arguments of {@linkcode SSLContext.prototype.wrap_socket}. */
export interface WrapOptions extends SignalOption {
  /** Whether the socket is a server's; false by default. */
  server_side?: boolean | undefined;
  /**
   * Whether `wrap_socket`, `connect` or `accept` does the handshake; true by
   * default.
   */
  do_handshake_on_connect?: boolean | undefined;
  /**
   * Whether an end without close_notify is a normal end of the stream, and no
   * error; true by default.
   */
  suppress_ragged_eofs?: boolean | undefined;
  /**
   * The host name to request (SNI), which the server's certificate must be
   * valid for.
   */
  server_hostname?: string | null | undefined;
}

export const WRAP_OPTIONS: KnownOptions = {
  signal: true,
  server_side: true,
  do_handshake_on_connect: true,
  suppress_ragged_eofs: true,
  server_hostname: true,
  session: "Deno cannot resume a given TLS session",
};

/** The checked options of `wrap_socket`. */
export interface HowWrapped extends WrapSettings {
  readonly do_handshake_on_connect: boolean;
}

/** Checks the arguments of `wrap_socket`. */
export function checkWrap(
  { protocol, checkHostname }: Settings,
  sock: Socket,
  options: WrapOptions,
): HowWrapped {
  if (!(sock instanceof Socket)) {
    throw new TypeError(
      `Cannot wrap a socket: it must be a Socket, received ${show(sock)}`,
    );
  }
  if (sock.type !== SOCK_STREAM) {
    throw osError("EOPNOTSUPP", "only stream sockets are supported");
  }
  const {
    server_side = false,
    do_handshake_on_connect = true,
    suppress_ragged_eofs = true,
    server_hostname = null,
  } = options;
  if (server_side) {
    if (server_hostname !== null) {
      throw new RangeError(
        `Cannot wrap a socket: server_hostname can only be specified in client mode`,
      );
    }
    if (protocol === PROTOCOL_TLS_CLIENT) {
      throw new SSLError(
        SSL_ERROR_SSL,
        "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context",
      );
    }
  } else if (protocol === PROTOCOL_TLS_SERVER) {
    throw new SSLError(
      SSL_ERROR_SSL,
      "Cannot create a client socket with a PROTOCOL_TLS_SERVER context",
    );
  }
  if (checkHostname && !server_side && !server_hostname) {
    throw new RangeError(
      `Cannot wrap a socket: check_hostname requires server_hostname`,
    );
  }
  return {
    server_side,
    do_handshake_on_connect,
    suppress_ragged_eofs,
    server_hostname: server_hostname === null
      ? null
      : asciiHost(server_hostname),
  };
}

/** Checks the state of the socket, and returns its description. */
export function checkDescription(
  sock: Socket,
  { do_handshake_on_connect }: HowWrapped,
): Description {
  const descriptor = findDescriptor(sock.fileno());
  if (descriptor === undefined) throw osError("EBADF");
  const { description } = descriptor;
  const isConnected = description.endpoint instanceof Connected;
  if (isConnected && do_handshake_on_connect && sock.gettimeout() === 0) {
    throw new RangeError(
      `Cannot wrap a socket: do_handshake_on_connect should not be specified for non-blocking sockets`,
    );
  }
  return description;
}

/** Converts a host name to ASCII, the form that certificates and SNI use. */
function asciiHost(host: string): string {
  checkText("wrap a socket", "server_hostname", host);
  if (host === "" || host.startsWith(".")) {
    throw new RangeError(
      `Cannot wrap a socket: server_hostname cannot be an empty string or start with a leading dot`,
    );
  }
  try {
    return toAscii(host);
  } catch {
    throw new RangeError(
      `Cannot wrap a socket: server_hostname must be a host name, received ${
        show(host)
      }`,
    );
  }
}
