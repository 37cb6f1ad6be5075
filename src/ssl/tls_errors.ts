/** Creates the errors of TLS, and translates those of `node:tls`. */

import { OSError } from "../base/errors.ts";
import { osError } from "../base/os_error.ts";
import {
  SSL_ERROR_EOF,
  SSL_ERROR_SSL,
  SSLEOFError,
  SSLError,
} from "./errors.ts";

/** OpenSSL's names of the alerts, by the names in rustls. */
const ALERTS: Readonly<Record<string, string>> = {
  AccessDenied: "TLSV1_ALERT_ACCESS_DENIED",
  BadCertificate: "SSLV3_ALERT_BAD_CERTIFICATE",
  BadCertificateHashValue: "TLSV1_BAD_CERTIFICATE_HASH_VALUE",
  BadCertificateStatusResponse: "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
  BadRecordMac: "SSLV3_ALERT_BAD_RECORD_MAC",
  CertificateExpired: "SSLV3_ALERT_CERTIFICATE_EXPIRED",
  CertificateRequired: "TLSV13_ALERT_CERTIFICATE_REQUIRED",
  CertificateRevoked: "SSLV3_ALERT_CERTIFICATE_REVOKED",
  CertificateUnknown: "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
  CertificateUnobtainable: "TLSV1_CERTIFICATE_UNOBTAINABLE",
  DecodeError: "TLSV1_ALERT_DECODE_ERROR",
  DecompressionFailure: "SSLV3_ALERT_DECOMPRESSION_FAILURE",
  DecryptError: "TLSV1_ALERT_DECRYPT_ERROR",
  DecryptionFailed: "TLSV1_ALERT_DECRYPTION_FAILED",
  ExportRestriction: "TLSV1_ALERT_EXPORT_RESTRICTION",
  HandshakeFailure: "SSLV3_ALERT_HANDSHAKE_FAILURE",
  IllegalParameter: "SSLV3_ALERT_ILLEGAL_PARAMETER",
  InappropriateFallback: "TLSV1_ALERT_INAPPROPRIATE_FALLBACK",
  InsufficientSecurity: "TLSV1_ALERT_INSUFFICIENT_SECURITY",
  InternalError: "TLSV1_ALERT_INTERNAL_ERROR",
  MissingExtension: "TLSV13_ALERT_MISSING_EXTENSION",
  NoApplicationProtocol: "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
  NoCertificate: "SSLV3_ALERT_NO_CERTIFICATE",
  NoRenegotiation: "TLSV1_ALERT_NO_RENEGOTIATION",
  ProtocolVersion: "TLSV1_ALERT_PROTOCOL_VERSION",
  RecordOverflow: "TLSV1_ALERT_RECORD_OVERFLOW",
  UnexpectedMessage: "SSLV3_ALERT_UNEXPECTED_MESSAGE",
  UnknownCA: "TLSV1_ALERT_UNKNOWN_CA",
  UnknownPSKIdentity: "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY",
  UnrecognisedName: "TLSV1_UNRECOGNIZED_NAME",
  UnsupportedCertificate: "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
  UnsupportedExtension: "TLSV1_UNSUPPORTED_EXTENSION",
  UserCanceled: "TLSV1_ALERT_USER_CANCELLED",
};

/** OpenSSL's reasons for the errors of rustls itself, by their texts. */
const FAILURES: readonly (readonly [RegExp, string])[] = [
  [
    /Tls1[23]NotOffered|Tls1[23]NotSupported|DoesNotSupportTls/,
    "UNSUPPORTED_PROTOCOL",
  ],
  [/SelectedTls12|TlsVersion|unsupported protocol/i, "UNSUPPORTED_PROTOCOL"],
  [/NoCipherSuitesInCommon/, "NO_SHARED_CIPHER"],
  [/NoKxGroupsInCommon/, "NO_SUITABLE_KEY_SHARE"],
  [/NoSignatureSchemesInCommon/, "NO_SUITABLE_SIGNATURE_ALGORITHM"],
  [
    /application protocol|supports? any known protocol/i,
    "NO_APPLICATION_PROTOCOL",
  ],
  [
    /sent no certificates|NoCertificatesPresented/,
    "PEER_DID_NOT_RETURN_A_CERTIFICATE",
  ],
  [/cannot decrypt|DecryptError/, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"],
  [/oversized|PeerSentOversizedRecord/i, "DATA_LENGTH_TOO_LONG"],
  [/corrupt message|InvalidMessage/, "BAD_PACKET"],
  [/unexpected message|InappropriateMessage/i, "UNEXPECTED_MESSAGE"],
  [/BadSignature|signature/i, "BAD_SIGNATURE"],
];

/** Creates an error for one of OpenSSL's reasons, with OpenSSL's text. */
export function protocolError(
  reason: string,
  options?: ErrorOptions,
): SSLError {
  const text = reason.replaceAll("_", " ").toLowerCase();
  return new SSLError(SSL_ERROR_SSL, text, { ...options, reason });
}

/** Creates the error of a stream that ends without close_notify. */
export function endedEarly(): SSLEOFError {
  return new SSLEOFError(
    SSL_ERROR_EOF,
    "EOF occurred in violation of protocol",
    { reason: "UNEXPECTED_EOF_WHILE_READING" },
  );
}

/** Translates an error of `node:tls`. */
export function translateTls(error: unknown): OSError {
  if (error instanceof OSError) return error;
  const { message, code } = error as { message?: string; code?: string };
  const options = { cause: error };
  const [, alert] = /received fatal alert: (\w+)/.exec(message ?? "") ?? [];
  if (alert !== undefined) {
    return protocolError(
      ALERTS[alert] ?? "SSLV3_ALERT_HANDSHAKE_FAILURE",
      options,
    );
  }
  if (
    code === "ERR_STREAM_DESTROYED" || code === "ERR_STREAM_WRITE_AFTER_END"
  ) {
    return osError("EPIPE", undefined, options);
  }
  const found = FAILURES.find(([pattern]) => pattern.test(message ?? ""));
  if (found !== undefined) return protocolError(found[1], options);
  return new SSLError(
    SSL_ERROR_SSL,
    `[SSL] ${message ?? code ?? error}`,
    options,
  );
}
