/**
 * Runs the tutorial's server and client, each in a process of its own that may
 * use 127.0.0.1 and nothing else, and shows side by side what they print.
 *
 *     deno run --allow-run examples/demo.ts
 *
 * @module
 */

const WIDTH = 34;
const stop = new AbortController();
const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(30_000)]);

function show(name: "server" | "client", line: string): void {
  const columns = name === "server" ? [line, ""] : ["", line];
  console.log(`${columns[0]!.padEnd(WIDTH)}| ${columns[1]}`.trimEnd());
}

async function run(
  name: "server" | "client",
  args: string[],
  onLine?: (line: string) => void,
): Promise<void> {
  async function showAll(output: ReadableStream<BufferSource>): Promise<void> {
    let rest = "";
    for await (const text of output.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        show(name, line);
        onLine?.(line);
      }
    }
  }
  const file = `examples/tutorial_${name}.ts`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", file, ...args],
    cwd: new URL("../", import.meta.url),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  await Promise.all([showAll(child.stdout), showAll(child.stderr)]);
  const { code } = await child.status;
  if (code !== 0) throw new Error(`The ${name} ended with code ${code}`);
}

console.log(`Typed in two terminals, with a free port in place of 8000:

$ deno run --allow-net=127.0.0.1 examples/tutorial_server.ts 127.0.0.1 8000
$ deno run --allow-net=127.0.0.1 examples/tutorial_client.ts 127.0.0.1 8000 Hello
`);
console.log("server".padEnd(WIDTH) + "| client");
console.log("-".repeat(WIDTH) + "+" + "-".repeat(WIDTH - 1));
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
console.log(`
Next: examples/README.md           more programs to run
      examples/porting/README.md   your own Python program`);
