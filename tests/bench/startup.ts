import { denoFlags } from "./contenders.ts";
import { type Spread, spreadOf } from "./statistics.ts";

const mod = import.meta.resolve("../../mod.ts");

/** Programs that import something and do nothing else. */
const programs = [
  { id: "empty", title: "empty program", code: "" },
  {
    id: "ours",
    title: "import of mod.ts",
    code: `import * as socket from "${mod}";
if (socket.socket().type !== socket.SOCK_STREAM) throw new Error("Wrong");`,
  },
  {
    id: "denoNode",
    title: "import of node:net",
    code: `import net from "node:net";
if (new net.Socket().connecting) throw new Error("Wrong");`,
  },
] as const;

/** Milliseconds that an import adds to an empty program. */
export interface StartupFigures {
  id: string;
  title: string;
  cpuMs: Spread;
  wallMs: Spread;
}

/** One start of a program, on average over some. */
interface Start {
  cpuMs: number;
  wallMs: number;
}

/**
 * Measures what imports cost over an empty program.
 *
 * @param rounds How often; programs take turns.
 * @param starts How many starts a round has of each.
 * @returns The figures, the first of them of the empty program itself; none
 * where there is no POSIX shell to take the time.
 */
export async function measureStartup(
  rounds: number,
  starts: number,
): Promise<StartupFigures[]> {
  if (Deno.build.os === "windows") return [];
  // The first start compiles, later ones find the result in Deno's cache.
  for (const { code } of programs) await start(code, 1);
  const found: Start[][] = programs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { code }] of programs.entries()) {
      found[i]!.push(await start(code, starts));
    }
  }
  const [empty] = found;
  return programs.map(({ id, title }, i) => {
    const over = (key: keyof Start) =>
      spreadOf(
        found[i]!.map((each, round) =>
          each[key] - (i === 0 ? 0 : empty![round]![key])
        ),
      );
    return { id, title, cpuMs: over("cpuMs"), wallMs: over("wallMs") };
  });
}

/** The shell knows the time of its children, Deno does not. */
const script =
  'n=$1; shift; while [ $n -gt 0 ]; do "$@" || exit 1; n=$((n-1)); done; times';

async function start(code: string, starts: number): Promise<Start> {
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const command = [Deno.execPath(), ...denoFlags, url];
  const begin = performance.now();
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", String(starts), ...command],
    env: { LC_ALL: "C", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
  const wallMs = (performance.now() - begin) / starts;
  const text = new TextDecoder().decode(stdout);
  const [, children] = text.trim().split("\n");
  const times = [...children?.matchAll(/(\d+)m([\d.]+)s/g) ?? []];
  if (!success || times.length !== 2) {
    throw new Error(
      `Cannot start a program: ${new TextDecoder().decode(stderr)}`,
    );
  }
  const seconds = times.reduce((sum, [, m, s]) => sum + +m! * 60 + +s!, 0);
  return { cpuMs: seconds * 1000 / starts, wallMs };
}
