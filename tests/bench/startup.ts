import { type ContenderId, denoFlags } from "./contenders.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** What an import adds to the start of an empty program. */
export interface StartupFigures {
  id: ContenderId | "empty";
  title: string;
  /** Milliseconds of CPU time; for the empty program all that it takes. */
  cpuMs: Spread;
  /** Milliseconds on the clock. */
  wallMs: Spread;
}

/** A program that imports something and uses a little of it. */
interface Program {
  id: StartupFigures["id"];
  title: string;
  code: string;
}

/** The time of one start, in milliseconds. */
interface Start {
  cpuMs: number;
  wallMs: number;
}

/**
 * Measures what imports cost over an empty program.
 *
 * @param module The entry point of the module under test.
 * @param before The entry point of another version of it.
 * @param rounds How often; in each round every program starts once.
 * @returns The figures, the empty program's first; none where there is no bash,
 * which reports the CPU time of its children to the millisecond.
 */
export async function measureStartup(
  module: URL,
  before: URL | undefined,
  rounds: number,
): Promise<StartupFigures[]> {
  if (!await hasBash()) return [];
  const all = programs(module, before);
  // The first start compiles, later ones find the result in Deno's cache.
  for (const { code } of all) await start(code);
  const found: Start[][] = all.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { code }] of all.entries()) {
      found[i]!.push(await start(code));
    }
  }
  const [empty] = found;
  return all.map(({ id, title }, i) => {
    const over = (key: keyof Start) =>
      spreadOf(
        found[i]!.map((each, round) =>
          each[key] - (i === 0 ? 0 : empty![round]![key])
        ),
      );
    return { id, title, cpuMs: over("cpuMs"), wallMs: over("wallMs") };
  });
}

function programs(module: URL, before: URL | undefined): Program[] {
  const ofModule = (url: URL) =>
    `import * as socket from "${url}";
if (socket.socket().type !== socket.SOCK_STREAM) throw new Error("Wrong");`;
  return [
    { id: "empty", title: "an empty program", code: "" },
    { id: "ours", title: "import of mod.ts", code: ofModule(module) },
    ...(before === undefined ? [] : [{
      id: "before" as const,
      title: "import of mod.ts, before",
      code: ofModule(before),
    }]),
    {
      id: "denoNode",
      title: "import of node:net",
      code: `import net from "node:net";
if (new net.Socket().connecting) throw new Error("Wrong");`,
    },
  ];
}

/** `time` writes a last line: wall, user and system time in seconds. */
const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@"';

async function hasBash(): Promise<boolean> {
  try {
    const { success } = await bash("true");
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function bash(...command: readonly string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command("bash", {
    args: ["-c", script, "bash", ...command],
    env: { LC_ALL: "C", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
  }).output();
}

async function start(code: string): Promise<Start> {
  const url = `data:text/javascript,${encodeURIComponent(code)}`;
  const { success, stderr } = await bash(Deno.execPath(), ...denoFlags, url);
  const text = new TextDecoder().decode(stderr).trim();
  const [wall, user, system] = text.split("\n").at(-1)!.split(" ").map(Number);
  if (!success || !(system! >= 0)) {
    throw new Error(`Cannot start a program: ${text}`);
  }
  return { cpuMs: (user! + system!) * 1000, wallMs: wall! * 1000 };
}
