import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { decode, encode } from "../../support/bytes.ts";
import { startDeno } from "../../support/child.ts";
import { ChildProcess, root } from "../../support/process.ts";
import { python } from "../../support/python.ts";
import { within } from "../../support/within.ts";

/** Where the programs of the porting guide are. */
export const porting: URL = new URL("examples/porting/", root);

/** What is run of which programs, and what it shows. */
export interface PortingTest {
  readonly files: readonly string[];
  readonly criterion: string;
  run(): Promise<void>;
}

/** The same test of a Python program and of its port. */
export function ofBoth(
  name: string,
  criterion: string,
  run: (file: string) => Promise<void>,
): PortingTest[] {
  return [`${name}.py`, `${name}.ts`].map((file) => ({
    files: [file],
    criterion,
    run: () => run(file),
  }));
}

/** A command in the first lines of a program. */
interface Command {
  readonly flags: readonly string[];
  /** As `[host]`, or as `127.0.0.1`. */
  readonly args: readonly string[];
}

/** The commands that a program's first lines give for it. */
export async function commandsOf(file: string): Promise<Command[]> {
  const source = await readProgram(file);
  const interpreter = file.endsWith(".py") ? "# python3" : "// deno run";
  const commands: Command[] = [];
  for (const line of source.replaceAll("\\\n//", "").split("\n")) {
    if (!line.startsWith(`${interpreter} `)) break;
    const words = line.slice(interpreter.length).trim().split(/ +/);
    const at = words.indexOf(file);
    commands.push({ flags: words.slice(0, at), args: words.slice(at + 1) });
  }
  assert(commands.length > 0, `${file} does not say how it is run`);
  return commands;
}

/** A client of a program that serves. */
export type Client = socket.Socket<socket.InetAddress | socket.Inet6Address>;

export async function connect(
  address: readonly [host: string, port: number],
): Promise<Client> {
  return await within(socket.create_connection(address, 60));
}

export async function say(s: socket.Socket, text: string): Promise<void> {
  await within(s.sendall(encode(text)));
}

/** Receives as many bytes as `text` has, and compares. */
export async function hear(s: socket.Socket, text: string): Promise<void> {
  const { length } = encode(text);
  const data = await within(s.recv(length, socket.MSG_WAITALL));
  assertEquals(decode(data), text);
}

/** The text of a program. */
export async function readProgram(file: string): Promise<string> {
  return await Deno.readTextFile(new URL(file, porting));
}

/**
 * Starts a program, a port with the flags that its first lines name. These are
 * for its default addresses: each becomes the one that it is given, and the
 * wildcard becomes loopback.
 */
export async function start(
  file: string,
  args: readonly (string | number)[],
  cwd: URL = root,
): Promise<ChildProcess> {
  const commands = await commandsOf(file);
  const command = commands.find(({ args: [first] }) =>
    first === args[0] || first!.startsWith("[")
  )!;
  const strings = args.map(String);
  if (file.endsWith(".py")) {
    if (python === null) throw new Error("There is no python3 here");
    const code = await readProgram(file);
    const options = ["-u", "-X", "utf8", "-c", code];
    return new ChildProcess(file, python, [...options, ...strings], { cwd });
  }
  const at = command.args.findIndex((arg) => /^(\[host\]|[\d.]+)$/.test(arg));
  // One pair of host and port for each grant, as far as there are further ones.
  const addresses = [strings.slice(at, at + 2), strings.slice(at + 2, at + 4)];
  const pairs = command.args.includes("[target_host]") ? 2 : 1;
  const permissions = command.flags.map((flag) => {
    const [name, values] = flag.split("=");
    if (name !== "--allow-net") return flag;
    const grants = values!.split(",").map((grant, i) => {
      const [host, port] = addresses[i % pairs]!;
      if (grant === "0.0.0.0:0") return "127.0.0.1:0";
      return grant.includes(":") ? `${host}:${port}` : host;
    });
    return `${name}=${grants}`;
  });
  return startDeno({
    file: new URL(file, porting).href,
    permissions,
    args: strings,
    cwd,
  });
}

/** Waits for the end of a program that succeeds; what it still prints. */
export async function ended(child: ChildProcess): Promise<string> {
  const { code, stdout, stderr } = await child.result();
  assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);
  return stdout.replaceAll("\r\n", "\n");
}

/** Starts a server on a free port; the address that it says to listen on. */
export async function serve(
  file: string,
): Promise<[ChildProcess, [host: string, port: number]]> {
  const server = await start(file, ["127.0.0.1", 0]);
  return [server, await addressOf(server)];
}

/** The address that a server says to listen on. */
export async function addressOf(
  server: ChildProcess,
): Promise<[host: string, port: number]> {
  const [, port] = await server.readMatch(/^Listening on 127\.0\.0\.1:(\d+)$/);
  return ["127.0.0.1", Number(port)];
}
