import { assertEquals, assertMatch } from "@std/assert";
import {
  ended,
  type ExampleTest,
  output,
  start,
} from "../../support/example.ts";

/** Elsewhere loopback may have no multicast. */
const ignore = Deno.build.os !== "linux";

export const tests: readonly ExampleTest[] = [
  [
    "multicast_discover multicast_announce",
    "find each other",
    discover,
    ignore,
  ],
];

async function discover(): Promise<void> {
  await using finder = await start("multicast_discover", "127.0.0.1", "0");
  const [, port = ""] = await finder.readMatch(
    /^Listening on 239\.255\.77\.1:(\d+)$/,
  );
  const announced = await output("multicast_announce", "127.0.0.1", port);
  assertEquals(announced, `Announced to 239.255.77.1:${port}\n`.repeat(3));
  assertMatch(
    await ended(finder),
    /^Found at 127\.0\.0\.1: an example service, 1\n$/,
  );
}
