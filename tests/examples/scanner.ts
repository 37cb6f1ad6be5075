import { assert, assertEquals } from "@std/assert";
import { closedAddress, fullListener } from "../_support/addresses.ts";
import { type ExampleTest, output } from "../_support/example.ts";
import { listener } from "../_support/pair.ts";

export const tests: readonly ExampleTest[] = [
  ["port_scanner", "tells open, closed and silent ports apart", scan],
  ["port_scanner", "scans ranges, many ports at once", scanRanges],
];

async function scan(): Promise<void> {
  using open = listener();
  await using full = await fullListener();
  const [, port] = open.getsockname();
  const [, closed] = closedAddress();
  const [, silent] = full.address;
  assertEquals(
    await output("port_scanner", "127.0.0.1", silent, port, closed),
    `${port}: open, unknown service\n${silent}: no answer\n` +
      "Scanned 3 ports of 127.0.0.1\n",
  );
}

/** Of a range that is in use nobody knows what else is open. */
async function scanRanges(): Promise<void> {
  using first = listener();
  using second = listener();
  const ports = [first, second].map((each) => each.getsockname()[1]);
  const started = performance.now();
  const lines = (await output(
    "port_scanner",
    "127.0.0.1",
    "1-300",
    ...ports.map((port) => `${port}-${port}`),
  )).split("\n");
  assert(performance.now() - started < 10_000);
  for (const port of ports) {
    assert(lines.some((line) => line.startsWith(`${port}: open, `)));
  }
  assertEquals(lines.at(-2), "Scanned 302 ports of 127.0.0.1");
}
