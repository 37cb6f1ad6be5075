import { Agent } from "./agent.ts";
import { type ContenderId, type Host, load } from "./contenders.ts";
import type { Row } from "./rows.ts";
import { type Plan, type Rounds, takeTurns, type Turn } from "./turns.ts";

/** A row's figures. */
export interface Measured extends Rounds {
  row: Row;
}

/**
 * Measures a row in processes of its own, so that what another row has left
 * behind, compiled code and memory, changes nothing.
 *
 * @param row The row.
 * @param hosts The programs that there are.
 * @param plan How long.
 * @returns What each turn took.
 */
export async function measure(
  row: Row,
  hosts: readonly Host[],
  plan: Plan,
): Promise<Measured> {
  await using processes = new AsyncDisposableStack();
  const { kind } = row.task;
  const peer = kind === "http" || kind === "flood"
    ? processes.use(new Agent(load))
    : null;
  const all = takingPart(row.contenders, hosts).map(({ host, ids }) => {
    const agent = processes.use(new Agent(host));
    return { agent, ids };
  });
  const entrants = all.flatMap(({ agent, ids }) =>
    ids.map((id) => ({
      id,
      group: agent,
      run: (n: number) =>
        peer === null
          ? runBatch(agent, id, row, n)
          : runService(agent, peer, id, row, n),
    }))
  );
  const rounds = await takeTurns(entrants, row.length, plan);
  // The process of this module is the first; at its end it may write a profile.
  if (rounds.failed.length === 0) await all[0]?.agent.end();
  return { row, ...rounds };
}

/**
 * Chooses the programs that have contenders of a row.
 *
 * @param contenders The row's contenders.
 * @param hosts The programs that there are.
 * @returns Each program with those of its contenders that take part.
 */
export function takingPart(
  contenders: readonly ContenderId[],
  hosts: readonly Host[],
): { host: Host; ids: ContenderId[] }[] {
  return hosts
    .map((host) => ({
      host,
      ids: host.contenders.filter((id) => contenders.includes(id)),
    }))
    .filter(({ ids }) => ids.length > 0);
}

async function runBatch(
  agent: Agent,
  contender: ContenderId,
  { task }: Row,
  n: number,
): Promise<Turn> {
  const { ms, cpuMs } = await agent.ask({ do: "batch", contender, task, n });
  return { n, ms: ms!, cpuMs: cpuMs! };
}

async function runService(
  agent: Agent,
  peer: Agent,
  contender: ContenderId,
  { task }: Row,
  n: number,
): Promise<Turn> {
  const { port } = await agent.ask({ do: "serve", contender, task });
  const { ms } = await peer.ask({
    do: "batch",
    contender: "load",
    task: { ...task, port: port! },
    n,
  });
  const { cpuMs, received } = await agent.ask({ do: "stop" });
  return { n, ms: ms!, cpuMs: cpuMs!, received: received! };
}
