/**
 * Runs the tutorial's server and client, each in a process of its own that may
 * use 127.0.0.1 and nothing else, and shows what both print.
 *
 *     deno run --allow-run examples/demo.ts
 *
 * @module
 */

const stop = new AbortController();
const limit = setTimeout(() => finish(1, "took longer than 30 s"), 30_000);

async function show(
  label: string,
  output: ReadableStream<BufferSource>,
  onLine?: (line: string) => void,
): Promise<void> {
  let rest = "";
  for await (const text of output.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      console.log(`${label} | ${line}`);
      onLine?.(line);
    }
  }
  if (rest !== "") console.log(`${label} | ${rest}`);
}

async function run(
  label: string,
  command: string[],
  onLine?: (line: string) => void,
): Promise<void> {
  console.log(`${label} $ deno run --allow-net=127.0.0.1 ${command.join(" ")}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1", ...command],
    cwd: new URL("../", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: stop.signal,
  }).spawn();
  await Promise.all([
    show(label, child.stdout, onLine),
    show(label, child.stderr),
  ]);
  const { code } = await child.status;
  if (code !== 0) throw new Error(`the ${label} ended with code ${code}`);
}

function finish(code: number, result: string): never {
  stop.abort();
  clearTimeout(limit);
  console.log(`demo   | ${result}`);
  Deno.exit(code);
}

try {
  const { promise: port, resolve, reject } = Promise.withResolvers<string>();
  const server = run(
    "server",
    ["examples/tutorial_server.ts", "127.0.0.1", "0"],
    (line) => {
      const listening = /^Listening on 127\.0\.0\.1:(\d+)/.exec(line);
      if (listening?.[1]) resolve(listening[1]);
    },
  );
  server.then(() => reject(new Error("the server did not listen")), reject);
  const client = run("client", [
    "examples/tutorial_client.ts",
    "127.0.0.1",
    await port,
    "Hello",
  ]);
  await Promise.all([server, client]);
  finish(0, "both ended well");
} catch (error) {
  finish(1, error instanceof Error ? error.message : String(error));
}
