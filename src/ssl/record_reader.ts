/**
 * Finds the records of TLS in ciphertext, RFC 8446, 5.1, and thereby the place
 * where TLS may end.
 */

import { type Bytes, EMPTY_BYTES } from "../base/checks.ts";
import { messageLength } from "./client_hello.ts";
import { protocolError } from "./tls_errors.ts";

const HEADER = 5;
/** The longest record, RFC 8446, 5.2, with the slack of TLS 1.2. */
const MAX_RECORD = HEADER + 16_384 + 2048;
/** No client begins with more, the headers of its records included. */
const MAX_HELLO = 65_536;
/** The type of a message of the handshake, and its length in three bytes. */
const HELLO_HEADER = 4;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const CLIENT_HELLO = 1;

/** An alert as TLS 1.3 encrypts it: two bytes, their type and a tag. */
const ENCRYPTED_ALERT = 2 + 1 + 16;

/**
 * The ciphertext that a connection has received and not decrypted yet.
 *
 * Decrypting record by record costs half as much again as decrypting many at
 * once. But two things ask for a stop between two records:
 *
 * - With a fatal alert the runtime drops the data that it has decrypted in the
 *   same step (Deno 2.9.6). So what may be an alert is decrypted by itself.
 * - What follows the end of TLS is plain text, which must not be decrypted. The
 *   end is an alert, which TLS 1.3 may pad to any length. No record of data
 *   follows it, so plain text can only begin where another kind follows data.
 */
export class RecordReader {
  #data: Bytes = EMPTY_BYTES;
  /** How much of the record that was begun is still to come. */
  #left = 0;
  /** Whether that record may be an alert, and whether it may hold data. */
  #wasAlert = false;
  #wasData = false;
  /** Whether the first bytes have been looked at. */
  #checked = false;
  /** How far the first records were looked at, and how much of a message they hold. */
  #helloEnd = 0;
  #helloLength = 0;
  /** How much of it has to be there: its header, then all. */
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

  /** The stream has ended; what came is checked even if it is short. */
  end(): void {
    if (this.#data.length > 0) this.#checkFirst();
  }

  /** The bytes that were not taken. */
  get rest(): Bytes {
    return this.#data;
  }

  /** Whether what was taken ends with a whole record. */
  get isWhole(): boolean {
    return this.#left === 0;
  }

  /**
   * Takes as much as may be decrypted at once; nothing if the next header is not
   * there yet.
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
   * The ClientHello that the records begin with, once it is there. Each record is
   * looked at once, however small the pieces are in which a client sends them.
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
      // With empty records, which RFC 8446, 5.1, forbids, it would never end.
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

  /** The bodies of the first records, without their headers. */
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

  /** Reports in OpenSSL's words which other protocol a peer speaks. */
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

/** The length of the record at an offset, its header included. */
function lengthAt(data: Uint8Array, at: number): number {
  return HEADER + data[at + 3]! * 256 + data[at + 4]!;
}

function checkLength(length: number): void {
  if (length > MAX_RECORD) throw protocolError("PACKET_LENGTH_TOO_LONG");
}
