/** PEM, the text form of certificates and keys (RFC 7468). */

/** One block: what is between a line `BEGIN` and a line `END`. */
export interface PemBlock {
  /** The block with its delimiters. */
  readonly text: string;
  /** The lines between the delimiters. */
  readonly body: string;
}

/**
 * Returns the blocks of a text that have one of the labels. As in OpenSSL, a
 * delimiter is a line of its own, and lines may end with white space.
 *
 * @throws {RangeError} If a block does not end.
 */
export function pemBlocks(text: string, labels: readonly string[]): PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let lines: string[] = [];
  for (const each of text.split("\n")) {
    const line = each.trimEnd();
    if (label === undefined) {
      label = /^-----BEGIN ([^-]+)-----$/.exec(line)?.[1];
      lines = [];
    } else if (line === `-----END ${label}-----`) {
      const body = lines.join("\n");
      const whole = `-----BEGIN ${label}-----\n${body}\n${line}\n`;
      if (labels.includes(label)) blocks.push({ text: whole, body });
      label = undefined;
    } else if (line.startsWith("-----")) break;
    else lines.push(line);
  }
  if (label === undefined) return blocks;
  throw new RangeError(`Cannot read PEM: a ${label} does not end`);
}

/** The labels of certificates that may be given as text. */
const CERTIFICATES: readonly string[] = [
  "CERTIFICATE",
  "X509 CERTIFICATE",
];

/** The labels of certificates in files. */
export const CERTIFICATES_IN_FILES: readonly string[] = [
  ...CERTIFICATES,
  "TRUSTED CERTIFICATE",
];

/** Returns the certificates in a text, as DER. */
export function certificatesIn(
  text: string,
  labels: readonly string[] = CERTIFICATES,
): Uint8Array<ArrayBuffer>[] {
  return pemBlocks(text, labels).map(({ body }) =>
    base64Bytes(body.replaceAll(/\s/g, ""))
  );
}

const BEGIN = "-----BEGIN CERTIFICATE-----";
const END = "-----END CERTIFICATE-----";

/**
 * Returns the certificate that a text consists of, as DER. Unlike OpenSSL,
 * Python ignores the characters between the delimiters that are not base64.
 *
 * @throws {RangeError} If the text is anything else.
 */
export function toDer(pem: string): Uint8Array<ArrayBuffer> {
  const text = pem.trim();
  if (!pem.startsWith(BEGIN) || !text.endsWith(END)) {
    throw new RangeError(
      `Cannot convert a certificate: the text must start with ${BEGIN} and end with ${END}`,
    );
  }
  const body = text.slice(BEGIN.length, -END.length);
  return base64Bytes(body.replaceAll(/[^A-Za-z0-9+/=]/g, ""));
}

function base64Bytes(text: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    // `atob` does not require the padding.
    if (text.length % 4 !== 0) throw new RangeError("The padding is missing");
    binary = atob(text);
  } catch (cause) {
    throw new RangeError("Cannot decode base64: it is not valid", { cause });
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Encodes a certificate as text, in lines of 64 characters. */
export function toPem(der: Uint8Array): string {
  let binary = "";
  for (const byte of der) binary += String.fromCharCode(byte);
  const lines = btoa(binary).match(/.{1,64}/g) ?? [];
  return [BEGIN, ...lines, END, ""].join("\n");
}
