/** PEM, the text form of certificates and keys (RFC 7468). */

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** Returns the blocks of a text that have one of the labels. */
export function pemBlocks(
  text: string,
  labels: readonly string[],
): { label: string; text: string; body: string }[] {
  const blocks = [];
  for (const [whole, label = "", body = ""] of text.matchAll(BLOCK)) {
    if (labels.includes(label)) blocks.push({ label, text: whole, body });
  }
  return blocks;
}

const CERTIFICATES = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/** Returns the certificates in a text, as DER. */
export function certificatesIn(text: string): Uint8Array<ArrayBuffer>[] {
  return pemBlocks(text, CERTIFICATES).map(({ body }) => base64Bytes(body));
}

/** Decodes base64. As in Python, other characters than its own are ignored. */
function base64Bytes(text: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text.replaceAll(/[^A-Za-z0-9+/=]/g, ""));
  } catch (cause) {
    throw new RangeError("Cannot decode base64: its length is wrong", {
      cause,
    });
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
  return [
    "-----BEGIN CERTIFICATE-----",
    ...lines,
    "-----END CERTIFICATE-----",
    "",
  ].join("\n");
}
