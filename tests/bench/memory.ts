import { Agent } from "./agent.ts";
import { type ContenderId, type Host, load } from "./contenders.ts";
import { takingPart } from "./measure.ts";
import type { IdleRow } from "./rows.ts";

/** Connections that are opened, and receive their burst, side by side. */
const AT_ONCE = 10;
/**
 * Part of the connections that are open before the memory is taken first: V8's
 * young generation grows to its full size with them, 16 MiB and more that no
 * connection holds.
 */
const FIRST = 1 / 5;

/** What idle connections cost. */
export interface MemoryFigures {
  row: IdleRow;
  connections: number;
  /** Bytes of one connection, by contender. */
  bytes: Partial<Record<ContenderId, number>>;
  failed: string[];
}

/**
 * Measures how the resident memory grows with connections that wait for data.
 *
 * @param row The row.
 * @param hosts The programs that there are; they must collect garbage when asked.
 * @param connections How many connections wait.
 * @returns The figures.
 */
export async function measureMemory(
  row: IdleRow,
  hosts: readonly Host[],
  connections: number,
): Promise<MemoryFigures> {
  const bytes: MemoryFigures["bytes"] = {};
  const failed: string[] = [];
  for (const { host, ids } of takingPart(row.contenders, hosts)) {
    for (const id of ids) {
      try {
        bytes[id] = await bytesOf(row, host, id, connections);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failed.push(`${id}: ${reason}`);
      }
    }
  }
  return { row, connections, bytes, failed };
}

async function bytesOf(
  { task }: IdleRow,
  host: Host,
  contender: ContenderId,
  connections: number,
): Promise<number> {
  await using peer = new Agent(load);
  await using own = new Agent(host);
  const serve = { do: "serve", contender: "load", task } as const;
  const { port } = await peer.ask(serve);
  await own.ask({ do: "idle", contender, task: { ...task, port: port! } });
  const hold = async (connections: number) => {
    for (let opened = 0; opened < connections; opened += AT_ONCE) {
      const n = Math.min(AT_ONCE, connections - opened);
      await own.ask({ do: "hold", n });
    }
  };
  const first = Math.ceil(connections * FIRST);
  await hold(first);
  const { bytes: before } = await own.ask({ do: "memory" });
  await hold(connections - first);
  const { bytes: after } = await own.ask({ do: "memory" });
  // A connection that does not wait does not receive what comes now.
  await peer.ask({ do: "stop" });
  await own.ask({ do: "finish" });
  return (after! - before!) / (connections - first);
}
