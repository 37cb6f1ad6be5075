import { assertEquals, assertFalse, assertGreater } from "@std/assert";
import { numbered } from "../support/fake_conn.ts";
import {
  type Ending,
  endings,
  isEnd,
  meet,
  moments,
  Sentinel,
} from "../support/moments.ts";
import { assertSameBytes, join } from "../support/pair.ts";
import {
  assertInOrder,
  receivingRows,
  type Stage,
} from "../support/receiving.ts";
import { within } from "../support/within.ts";

for (const [name, openStage] of Object.entries(receivingRows)) {
  for (const ending of endings) {
    Deno.test(`${name} loses, doubles and disorders nothing when it meets ${ending}`, async () => {
      using sentinel = await Sentinel.open();
      await using stage = await openStage();
      await meetEverywhere(stage, ending, sentinel);
    });
  }
}

/** Makes the call meet its end at every moment; all that
 * arrives is received in the end, once and in order. */
async function meetEverywhere(
  stage: Stage,
  ending: Ending,
  sentinel: Sentinel,
): Promise<void> {
  const got: Uint8Array[] = [];
  let arrived = 0;
  let count = 0;
  let ended = 0;
  const take = (data: Uint8Array) => {
    got.push(data);
    count += data.length;
  };
  let handle = stage.open();
  for (const moment of [...moments, ...moments]) {
    const nothing = count === arrived;
    const outcome = await meet(
      handle,
      ending,
      moment,
      sentinel,
      (options) => handle.call(options),
      async () => {
        arrived += await stage.arrive(arrived);
      },
    );
    if ("value" in outcome && outcome.value !== null) {
      take(outcome.value);
      assertFalse(moment.early && nothing, `a result before it arrived`);
    } else {
      ended++;
      if ("value" in outcome) assertEquals(ending, "EAGAIN");
      else if (!isEnd(ending, outcome.error)) throw outcome.error;
      // Only a call for more than one byte could still have to wait.
      assertFalse(moment.before && !stage.partial, moment.name);
    }
    if (ending === "close") {
      handle.close();
      handle = stage.open();
    }
  }
  await stage.finish();
  while (count < arrived) {
    const data = await within(handle.call({}), "the rest");
    if (data!.length === 0) break;
    take(data!);
  }
  handle.close();
  assertGreater(ended, 0);
  if (stage.readsAhead && ending === "close") assertInOrder(got, arrived);
  else assertSameBytes(join(got), numbered(arrived));
}
