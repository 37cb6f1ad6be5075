/**
 * An hour of connections that come and go, in every way that they can: what was
 * opened is closed again, memory stays flat, and no timer or listener is left.
 */

import { canLimitFiles, socketsOf } from "../support/file_limit.ts";
import { end, go, startLoad } from "./load.ts";
import type { Part } from "./part.ts";

export const churn: Part = {
  name: "churn",
  async run(seed, log, size = 100_000) {
    if (!canLimitFiles) {
      log("skipped: no limit on files");
      return;
    }
    await using child = startLoad(1000, "churn", seed, size);
    await child.readMatch(/^started$/);
    const before = await socketsOf(child.pid);
    await go(child);
    const startMs = performance.now();
    await end(child, before, log);
    const ms = performance.now() - startMs;
    const each = (ms * 1000 / size).toFixed(0);
    log(`${size} connections in ${(ms / 1000).toFixed(1)} s, ${each} µs each`);
  },
};
