import * as socket from "@pystd/socket";
import { answerGranted } from "../support/granted.ts";

const { AF_UNIX, SOCK_DGRAM, SOCK_STREAM } = socket;

/** What a call comes to: of this module, and of plain Deno. */
type Outcome = readonly [ours: string, raw: string];

/** What is tried with each name. */
export type Outcomes = Readonly<
  Record<
    string,
    Readonly<Record<"bind" | "connect" | "datagram", Outcome>>
  >
>;

/** A directory, and names of sockets in it, or abstract ones. */
export interface Wanted {
  /** The directory's path, with a slash at its end. */
  readonly dir: string;
  /** The names. */
  readonly names: readonly string[];
}

async function attempt(call: () => unknown): Promise<string> {
  try {
    await call();
    return "works";
  } catch (error) {
    const isDenied =
      error instanceof socket.PermissionError && error.code === "EACCES" ||
      error instanceof Deno.errors.NotCapable;
    return isDenied ? "denied" : (error as { code: string }).code;
  }
}

function unix(type: number, path?: string): socket.Socket {
  const s = socket.socket(AF_UNIX, type) as socket.Socket;
  if (path !== undefined) s.bind(path);
  return s;
}

// Datagram sockets leave their files.
function unbind(s: { close(): void }, path: string): void {
  s.close();
  if (path.includes("\0")) return;
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Binds, connects and sends, by this module and by plain Deno. */
async function outcomesOf({ dir, names }: Wanted): Promise<Outcomes> {
  const outcomes: Record<string, Outcomes[string]> = {};
  for (const name of names) {
    const path = name.startsWith("\0") ? name : dir + name;
    const datagram = { transport: "unixpacket", path } as const;
    const stream = { transport: "unix", path } as const;
    outcomes[name] = {
      connect: [
        await attempt(async () => {
          using s = unix(SOCK_STREAM);
          await s.connect(path);
        }),
        await attempt(async () => (await Deno.connect(stream)).close()),
      ],
      bind: [
        await attempt(() => unbind(unix(SOCK_STREAM, path), path)),
        await attempt(() => unbind(Deno.listen(stream), path)),
      ],
      datagram: [
        await attempt(() => unbind(unix(SOCK_DGRAM, path), path)),
        await attempt(() => unbind(Deno.listenDatagram(datagram), path)),
      ],
    };
  }
  return outcomes;
}

if (import.meta.main) await answerGranted(outcomesOf);
