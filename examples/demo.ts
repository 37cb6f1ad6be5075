/**
 * Runs the tutorial's server and client, each in a process of its own that may
 * use 127.0.0.1 and nothing else, and shows what both print.
 *
 *     deno run --allow-run examples/demo.ts
 *
 * @module
 */

const stop = new AbortController();
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]);

async function run(
  name: "server" | "client",
  args: string[],
  onLine?: (line: string) => void,
): Promise<void> {
  async function show(output: ReadableStream<BufferSource>): Promise<void> {
    let rest = "";
    for await (const text of output.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        console.log(`${name} | ${line}`);
        onLine?.(line);
      }
    }
  }
  const file = `examples/tutorial_${name}.ts`;
  const command = ["run", "--allow-net=127.0.0.1", file, ...args];
  console.log(`${name} $ deno ${command.join(" ")}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: command,
    cwd: new URL("../", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  await Promise.all([show(child.stdout), show(child.stderr)]);
  const { code } = await child.status;
  if (code !== 0) throw new Error(`The ${name} ended with code ${code}`);
}

const address = Promise.withResolvers<string[]>();
const server = run("server", ["127.0.0.1", "0"], (line) => {
  const found = /^Listening on (.+):(\d+)$/.exec(line);
  if (found) address.resolve(found.slice(1));
});
server.catch(address.reject);
try {
  const client = run("client", [...await address.promise, "Hello"]);
  await Promise.all([server, client]);
} finally {
  stop.abort(); // One of the two may still wait for the other.
}
