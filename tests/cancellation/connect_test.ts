import {
  assertEquals,
  assertGreater,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { assertCancelled, assertWorks, fillQueue } from "./fixtures/connect.ts";
import { numbered } from "../support/bytes.ts";
import {
  ArrivalProbe,
  cancelAt,
  cancellations,
  timingsOf,
} from "../support/cancel.ts";
import { listener } from "../support/pair.ts";
import { within } from "../support/within.ts";

for (const cancellation of cancellations) {
  Deno.test(`connect() either connects or is cancelled by ${cancellation}`, async () => {
    using probe = await ArrivalProbe.open();
    await using server = listener();
    for (const [number, timing] of timingsOf(cancellation).entries()) {
      await using client = socket.socket();
      const outcome = await cancelAt(
        { socket: client, close: () => client.close() },
        cancellation,
        timing,
        probe,
        (options) => client.connect(server.getsockname(), options),
        async () => {},
      );
      if (cancellation === "close") {
        if ("error" in outcome) assertCancelled(cancellation, outcome.error);
        await assertRejects(
          () => client.send(numbered(1)),
          socket.OSError,
          "Bad file descriptor",
        );
        continue;
      }
      if ("error" in outcome) {
        assertCancelled(cancellation, outcome.error);
        // A non-blocking connect goes on; after any other the socket is unconnected.
        if (cancellation !== "EAGAIN") {
          assertThrows(() => client.getpeername(), socket.OSError);
          assertEquals(client.getsockname(), ["0.0.0.0", 0]);
          await within(client.connect(server.getsockname()));
        }
      }
      await assertWorks(client, server, number);
    }
  });

  Deno.test({
    name:
      `connect() to a peer that does not answer is cancelled by ${cancellation}`,
    // Elsewhere a full queue refuses, or takes more than it was told.
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      using probe = await ArrivalProbe.open();
      await using full = listener(1);
      await using server = listener();
      // The kernel drops what would be one more than a full queue.
      const queued = await fillQueue(full);
      let cancelled = 0;
      const few = timingsOf(cancellation).slice(0, 6);
      for (const [number, timing] of few.entries()) {
        const client = socket.socket();
        const outcome = await cancelAt(
          { socket: client, close: () => client.close() },
          cancellation,
          timing,
          probe,
          (options) => client.connect(full.getsockname(), options),
          async () => {},
        );
        if ("error" in outcome) {
          cancelled++;
          assertCancelled(cancellation, outcome.error);
          if (cancellation === "timeout" || cancellation === "abort") {
            await within(client.connect(server.getsockname()));
            await assertWorks(client, server, number);
          }
        }
        await client[Symbol.asyncDispose]();
      }
      assertGreater(cancelled, 0);
      for (const each of queued) each.close();
    },
  });
}
