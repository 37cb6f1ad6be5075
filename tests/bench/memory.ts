import type { Contender } from "./contenders.ts";
import { Ends, startAgents } from "./ends.ts";
import { takingPart } from "./measure.ts";
import type { Row } from "./rows.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** Connections that are open before the first look at the memory. */
const FIRST = 100;

/** What idle connections cost. */
export interface MemoryFigures {
  row: Row;
  connections: number;
  /** Bytes per connection, by contender. */
  perConnection: { id: string; title: string; bytes: Spread }[];
  failed: string[];
}

/**
 * Measures how the resident memory grows with connections that wait for data.
 *
 * @param row The workload.
 * @param contenders All that there are; they must collect garbage when asked.
 * @param connections How many.
 * @param rounds How often, each time in new processes.
 * @returns The figures.
 */
export async function measureMemory(
  row: Row,
  contenders: readonly Contender[],
  connections: number,
  rounds: number,
): Promise<MemoryFigures> {
  const raw = contenders.find(({ id }) => id === "raw")!;
  const perConnection: MemoryFigures["perConnection"] = [];
  const failed: string[] = [];
  for (const contender of takingPart(row, contenders)) {
    const { id, title } = contender;
    try {
      const bytes: number[] = [];
      for (let i = 0; i < rounds; i++) {
        bytes.push(await bytesOf(row, contender, raw, connections));
      }
      perConnection.push({ id, title, bytes: spreadOf(bytes) });
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { row, connections, perConnection, failed };
}

async function bytesOf(
  row: Row,
  contender: Contender,
  raw: Contender,
  connections: number,
): Promise<number> {
  await using agents = new AsyncDisposableStack();
  const { own, helper } = startAgents(row, contender, raw);
  for (const agent of [...own, helper]) if (agent) agents.use(agent);
  const ends = await Ends.open(row, contender, own, helper);
  const before = await ends.hold(FIRST);
  const after = await ends.hold(connections);
  // Nothing was saved by not waiting at all.
  await ends.wake(FIRST + connections);
  return (after - before) / connections;
}
