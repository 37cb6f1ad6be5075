/**
 * Finds the records of TLS in ciphertext, RFC 8446, 5.1, and thereby the
 * positions where TLS may end.
 */

import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { messageLength } from "./client_hello.ts";
import { protocolError } from "./tls_errors.ts";

const HEADER = 5;
/** The longest record, RFC 8446, 5.2, with the larger overhead of TLS 1.2. */
const MAX_RECORD = HEADER + 16_384 + 2048;
/**
 * The longest ClientHello that is accepted, with the headers of its records.
 */
const MAX_HELLO = 65_536;
/**
 * The header of a handshake message: its type, and its length in three bytes.
 */
const HELLO_HEADER = 4;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const CLIENT_HELLO = 1;

/**
 * The length of an encrypted alert of TLS 1.3: two bytes, their type and a tag.
 */
const ENCRYPTED_ALERT = 2 + 1 + 16;

/**
 * The ciphertext that a connection has received and not decrypted yet.
 *
 * Decrypting record by record costs half as much again as decrypting many at
 * once. But decrypting has to stop between two records for two reasons:
 *
 * - On a fatal alert, the runtime drops the data that it has decrypted in the
 *   same step (Deno 2.9.6). So a record that may be an alert is decrypted
 *   alone.
 * - The bytes after close_notify are plain text, which must not be decrypted.
 *   In TLS 1.3, close_notify may be padded to any length, so it may look like
 *   data. No data follows it, so plain text can begin only where a record of
 *   data is followed by another type.
 */
export class RecordReader {
  #data: Bytes = EMPTY_BYTES;
  /** The number of missing bytes of the current record. */
  #left = 0;
  /** Whether the current record may be an alert, and whether it may be data. */
  #wasAlert = false;
  #wasData = false;
  /** Whether the first bytes have been checked. */
  #checked = false;
  /** The end of the parsed records, and the length of the message in them. */
  #helloEnd = 0;
  #helloLength = 0;
  /** The length that is needed to go on: the header's, then the message's. */
  #helloWanted = HELLO_HEADER;

  /** Adds received bytes. */
  add(data: Bytes): void {
    if (this.#data.length > 0) {
      const both = new Uint8Array(this.#data.length + data.length);
      both.set(this.#data);
      both.set(data, this.#data.length);
      data = both;
    }
    this.#data = data;
    if (data.length >= HEADER) this.#checkFirst();
  }

  /** Ends the stream, and checks its first bytes even if they are few. */
  end(): void {
    if (this.#data.length > 0) this.#checkFirst();
  }

  /** The bytes that have not been taken. */
  get rest(): Bytes {
    return this.#data;
  }

  /** Whether the bytes that were taken end with a complete record. */
  get isWhole(): boolean {
    return this.#left === 0;
  }

  /**
   * Takes the bytes that may be decrypted at once; none if the next header is
   * not complete.
   */
  take(): Bytes {
    const data = this.#data;
    let end = 0;
    for (;;) {
      const part = Math.min(this.#left, data.length - end);
      end += part;
      this.#left -= part;
      if (this.#left > 0 || data.length - end < HEADER) break;
      const type = data[end]!;
      const mayBePlain = this.#wasData && type !== APPLICATION_DATA;
      if (end > 0 && (this.#wasAlert || mayBePlain)) break;
      const length = lengthAt(data, end);
      const isAlert = type === ALERT ||
        type === APPLICATION_DATA && length === HEADER + ENCRYPTED_ALERT;
      if (end > 0 && (isAlert || length > MAX_RECORD)) break;
      checkLength(length);
      this.#left = length;
      this.#wasAlert = isAlert;
      this.#wasData = type === APPLICATION_DATA;
    }
    this.#data = end < data.length ? data.subarray(end) : EMPTY_BYTES;
    return data.subarray(0, end);
  }

  /**
   * Returns the ClientHello at the start of the records, once it is complete.
   * Each record is parsed once, however small the pieces are that arrive.
   */
  clientHello(): Uint8Array | undefined {
    const data = this.#data;
    while (data.length - this.#helloEnd >= HEADER) {
      const at = this.#helloEnd;
      const length = lengthAt(data, at);
      checkLength(length);
      const end = at + length;
      if (end > MAX_HELLO) throw protocolError("EXCESSIVE_MESSAGE_SIZE");
      if (end > data.length) break;
      // Empty records, which RFC 8446, 5.1, forbids, could go on for ever.
      const isHello = data[at] === HANDSHAKE && length > HEADER &&
        (at > 0 || data[HEADER] === CLIENT_HELLO);
      if (!isHello) throw protocolError("UNEXPECTED_MESSAGE");
      this.#helloEnd = end;
      this.#helloLength += length - HEADER;
      if (this.#helloLength < this.#helloWanted) continue;
      const message = this.#joinHello();
      this.#helloWanted = messageLength(message)!;
      if (this.#helloLength >= this.#helloWanted) {
        return message.subarray(0, this.#helloWanted);
      }
    }
    return undefined;
  }

  /** Joins the bodies of the first records. */
  #joinHello(): Uint8Array {
    const message = new Uint8Array(this.#helloLength);
    let filled = 0;
    for (let at = 0; at < this.#helloEnd;) {
      const end = at + lengthAt(this.#data, at);
      message.set(this.#data.subarray(at + HEADER, end), filled);
      filled += end - at - HEADER;
      at = end;
    }
    return message;
  }

  /** Refuses a peer that does not use TLS, with OpenSSL's reason. */
  #checkFirst(): void {
    if (this.#checked) return;
    this.#checked = true;
    const header = this.#data.subarray(0, HEADER);
    const text = String.fromCharCode(...header);
    const isTls = header[0]! >= 20 && header[0]! <= 24 &&
      (header.length < 2 || header[1] === 3);
    if (isTls) return;
    if (/^(GET |POST |HEAD |PUT )/.test(text)) {
      throw protocolError("HTTP_REQUEST");
    }
    if (text === "CONNE") throw protocolError("HTTPS_PROXY_REQUEST");
    throw protocolError("WRONG_VERSION_NUMBER");
  }
}

/** Returns the length of the record at an offset, its header included. */
function lengthAt(data: Uint8Array, at: number): number {
  return HEADER + data[at + 3]! * 256 + data[at + 4]!;
}

function checkLength(length: number): void {
  if (length > MAX_RECORD) throw protocolError("PACKET_LENGTH_TOO_LONG");
}
