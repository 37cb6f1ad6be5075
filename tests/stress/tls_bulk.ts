/** Much data over one TLS connection, both ways at once. */

import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import type * as ssl from "@pystd/socket/ssl";
import { assertSameBytes, numbered } from "../support/bytes.ts";
import { tlsPair } from "../support/tls.ts";
import { within } from "../support/within.ts";

const PIECE_BYTES = 65_536;

const period = numbered(PIECE_BYTES + 251);

/** Numbered bytes from any offset on. */
function part(from: number, length: number): Uint8Array<ArrayBuffer> {
  return period.subarray(from % 251, from % 251 + length);
}

/**
 * Sends so many bytes each way, and checks that they arrive unchanged.
 *
 * @param size How many; a multiple of 64 KiB.
 */
export async function bulk(size: number): Promise<void> {
  await using pair = await tlsPair();
  const send = async (from: ssl.SSLSocket) => {
    for (let sent = 0; sent < size; sent += PIECE_BYTES) {
      await from.sendall(part(sent, PIECE_BYTES));
    }
    await from.shutdown(socket.SHUT_WR);
  };
  const receive = async (to: ssl.SSLSocket) => {
    let received = 0;
    for (;;) {
      const data = await within(to.recv(PIECE_BYTES));
      if (data.length === 0) break;
      assertSameBytes(data, part(received, data.length));
      received += data.length;
    }
    assertEquals(received, size);
  };
  const { client, server } = pair;
  await Promise.all([
    send(client),
    send(server),
    receive(client),
    receive(server),
  ]);
}
