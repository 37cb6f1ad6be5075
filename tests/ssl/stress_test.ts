import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { settle, tlsPair } from "../support/tls.ts";
import { within } from "../support/within.ts";

const MB = 1024 * 1024;

/** A running sum of bytes, which depends on their order. */
class Sum {
  size = 0;
  #sum = 0;

  add(data: Uint8Array): void {
    for (const byte of data) this.#sum = (this.#sum * 31 + byte) >>> 0;
    this.size += data.length;
  }

  toString(): string {
    return `${this.size} bytes, ${this.#sum}`;
  }
}

Deno.test("calls cancelled at every moment lose nothing and send nothing twice", async () => {
  await using pair = await tlsPair();
  pair.client.settimeout(0.0005);
  pair.server.settimeout(0.0005);
  const sent = new Sum();
  const received = new Sum();
  let counter = 0;
  const sending = (async () => {
    while (sent.size < 4 * MB) {
      const size = 1 + counter * 7919 % 40_000;
      const data = new Uint8Array(size).map((_, i) => i + counter);
      counter++;
      const signal = counter % 3 === 0 ? AbortSignal.timeout(1) : undefined;
      const n = await settle(pair.client.send(data, 0, { signal }));
      if (typeof n === "number") sent.add(data.subarray(0, n));
      if (counter % 50 === 0) await new Promise((done) => setTimeout(done, 2));
    }
    pair.client.settimeout(null);
    await pair.client.shutdown(socket.SHUT_WR);
  })();
  for (let i = 0;; i++) {
    const signal = i % 3 === 0 ? AbortSignal.timeout(1) : undefined;
    const data = await settle(
      pair.server.recv(1 + i * 104_729 % 20_000, 0, { signal }),
    );
    if (data instanceof Error) continue;
    if (data.length === 0) break;
    received.add(data);
  }
  await within(sending);
  assertEquals(String(received), String(sent));
});
