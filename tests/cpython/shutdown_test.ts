import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { outcomeOf } from "../support/outcome.ts";
import { tcpPair } from "../support/pair.ts";
import { python, runPython } from "../support/python.ts";
import { within } from "../support/within.ts";

/** Calls of shutdown() before the peer has closed, and after its end was read. */
const rows: readonly (readonly [before: number[], after: number[]])[] = [
  [[], [0, 1, 2]],
  [[], [1, 1]],
  [[], [2, 0]],
  [[0], [0, 0, 1, 1]],
  [[1], [0, 1, 2]],
  [[1, 1, 1], [2]],
  [[2], [2]],
  [[0, 1], [1]],
  [[2, 2, 0, 1], [0]],
];

const skipped = python === null || Deno.build.os !== "linux";
let theirs: Promise<string[][]> | undefined;

for (const [i, [before, after]] of rows.entries()) {
  Deno.test({
    name:
      `shutdown() of ${before.join()} before and ${after.join()} behind the end of the stream ends as in CPython${
        skipped ? " (skipped: no python3, or not Linux)" : ""
      }`,
    ignore: skipped,
    fn: async () => {
      await using pair = await tcpPair();
      const { client, peer } = pair;
      const ours: string[] = [];
      const shut = async (how: number) =>
        ours.push(await outcomeOf(() => client.shutdown(how)));
      for (const how of before) await shut(how);
      await peer.shutdown(socket.SHUT_WR);
      await within(client.recv(1));
      for (const how of after) await shut(how);
      assertEquals(ours, (await (theirs ??= runRows()))[i]);
    },
  });
}

/** The outcomes of all rows in CPython. */
async function runRows(): Promise<string[][]> {
  return JSON.parse(
    await runPython(`
import json
from socket import *

def shut(s, how):
    try:
        return json.dumps(s.shutdown(how))
    except OSError as error:
        return f"{type(error).__name__}: {error}"

def run(before, after):
    with create_server(("127.0.0.1", 0)) as server:
        with create_connection(server.getsockname()) as s:
            peer, _ = server.accept()
            with peer:
                found = [shut(s, how) for how in before]
                peer.shutdown(SHUT_WR)
                s.recv(1)
                return found + [shut(s, how) for how in after]

print(json.dumps([run(*row) for row in json.loads(${
      JSON.stringify(JSON.stringify(rows))
    })]))
`),
  );
}
