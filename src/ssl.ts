/**
 * Python's `ssl` for Deno.
 * @module
 */

export * from "./ssl/constants.ts";
export type {
  CertificateInfo,
  DistinguishedName,
  RelativeName,
} from "./ssl/certificate.ts";
export * from "./ssl/errors.ts";
export * from "./ssl/functions.ts";
export {
  type KeyOptions,
  type ServerNameCallback,
  type ServerNameSocket,
  SSLContext,
  SSLSocket,
  type VerifyLocations,
  type WrapOptions,
} from "./ssl/ssl_socket.ts";
