import {
  assertEquals,
  assertGreater,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { assertEnded, assertWorks, fillQueue } from "../support/connecting.ts";
import { numbered } from "../support/fake_conn.ts";
import { endings, meet, moments, Sentinel } from "../support/moments.ts";
import { listener } from "../support/pair.ts";
import { within } from "../support/within.ts";

for (const ending of endings) {
  Deno.test(`connect() is made or called off when it meets ${ending}`, async () => {
    using sentinel = await Sentinel.open();
    await using server = listener();
    for (const [number, moment] of moments.entries()) {
      await using client = socket.socket();
      const outcome = await meet(
        { socket: client, close: () => client.close() },
        ending,
        moment,
        sentinel,
        (options) => client.connect(server.getsockname(), options),
        async () => {},
      );
      if (ending === "close") {
        if ("error" in outcome) assertEnded(ending, outcome.error);
        await assertRejects(
          () => client.send(numbered(1)),
          socket.OSError,
          "Bad file descriptor",
        );
        continue;
      }
      if ("error" in outcome) {
        assertEnded(ending, outcome.error);
        // A non-blocking one goes on by itself, any other is as before.
        if (ending !== "EAGAIN") {
          assertThrows(() => client.getpeername(), socket.OSError);
          assertEquals(client.getsockname(), ["0.0.0.0", 0]);
          await within(client.connect(server.getsockname()));
        }
      }
      await assertWorks(client, server, number);
    }
  });

  Deno.test({
    name: `connect() to a peer that does not answer is ended by ${ending}`,
    // Elsewhere a full queue refuses, or takes more than it was told.
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      using sentinel = await Sentinel.open();
      await using full = socket.socket();
      full.bind(["127.0.0.1", 0]);
      full.listen(1);
      await using server = listener();
      // The kernel drops what would be one more than a full queue.
      const queued = await fillQueue(full);
      let ended = 0;
      for (const [number, moment] of moments.slice(0, 6).entries()) {
        const client = socket.socket();
        const outcome = await meet(
          { socket: client, close: () => client.close() },
          ending,
          moment,
          sentinel,
          (options) => client.connect(full.getsockname(), options),
          async () => {},
        );
        if ("error" in outcome) {
          ended++;
          assertEnded(ending, outcome.error);
          if (ending === "timeout" || ending === "abort") {
            await within(client.connect(server.getsockname()));
            await assertWorks(client, server, number);
          }
        }
        await client[Symbol.asyncDispose]();
      }
      assertGreater(ended, 0);
      for (const each of queued) each.close();
    },
  });
}
