import { assertEquals, assertFalse, assertGreater } from "@std/assert";
import { assertSameBytes, join, numbered } from "../support/bytes.ts";
import {
  ArrivalProbe,
  cancelAt,
  type Cancellation,
  cancellations,
  findsBefore,
  isCancelled,
  timingsOf,
} from "../support/cancel.ts";
import {
  assertInOrder,
  type ReceiveFixture,
  receiveRows,
} from "./fixtures/receive.ts";
import { within } from "../support/within.ts";

for (const [name, openFixture] of Object.entries(receiveRows)) {
  for (const cancellation of cancellations) {
    Deno.test(`${name} delivers every byte once and in order when cancelled by ${cancellation}`, async () => {
      using probe = await ArrivalProbe.open();
      await using fixture = await openFixture();
      await cancelEverywhere(fixture, cancellation, probe);
    });
  }
}

/**
 * Cancels the call at every timing. Every byte that arrives is received in the
 * end, once and in order.
 */
async function cancelEverywhere(
  fixture: ReceiveFixture,
  cancellation: Cancellation,
  probe: ArrivalProbe,
): Promise<void> {
  const got: Uint8Array[] = [];
  let arrived = 0;
  let count = 0;
  let cancelled = 0;
  const take = (data: Uint8Array) => {
    got.push(data);
    count += data.length;
  };
  let target = fixture.open();
  for (const timing of timingsOf(cancellation)) {
    const nothing = count === arrived;
    const outcome = await cancelAt(
      target,
      cancellation,
      timing,
      probe,
      (options) => target.call(options),
      async () => {
        arrived += await fixture.arrive(arrived);
      },
    );
    if ("value" in outcome && outcome.value !== null) {
      take(outcome.value);
      assertFalse(timing.early && nothing, "a result before it arrived");
    } else {
      cancelled++;
      if ("value" in outcome) assertEquals(cancellation, "EAGAIN");
      else if (!isCancelled(cancellation, outcome.error)) throw outcome.error;
      // Only a call for more than one byte could still have to wait.
      const finds = findsBefore(timing, cancellation);
      assertFalse(finds && !fixture.partial, timing.name);
    }
    if (cancellation === "close") {
      target.close();
      target = fixture.open();
    }
  }
  await fixture.finish();
  while (count < arrived) {
    const data = await within(target.call({}), "the rest");
    if (data!.length === 0) break;
    take(data!);
  }
  target.close();
  assertGreater(cancelled, 0);
  if (fixture.readsAhead && cancellation === "close") {
    assertInOrder(got, arrived);
  } else assertSameBytes(join(got), numbered(arrived));
}
