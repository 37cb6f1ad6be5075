import v8 from "node:v8";
import vm from "node:vm";

let collect: (() => void) | undefined;

/**
 * Collects garbage, so that a test which measures memory does not count its own
 * or that of the tests before it.
 *
 * @returns How many bytes of memory beside JavaScript's objects are in use, such
 * as that of array buffers.
 */
export async function externalMemory(): Promise<number> {
  if (collect === undefined) {
    // `deno test` runs without the flag; a new context has `gc` from here on.
    v8.setFlagsFromString("--expose-gc");
    collect = vm.runInNewContext("gc") as () => void;
  }
  // The first leaves array buffers to a sweeper that the second waits for.
  collect();
  await new Promise((resolve) => setTimeout(resolve));
  collect();
  return Deno.memoryUsage().external;
}
