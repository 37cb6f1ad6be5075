import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import {
  type Client,
  connect,
  hear,
  ofBoth,
  type PortingTest,
  say,
  serve,
} from "./program.ts";

export const tests: readonly PortingTest[] = [
  ...ofBoth("echo", "sends everything back, to one client after another", echo),
  ...ofBoth("chat", "shows what one client says to the others", chat),
  ...ofBoth("threads", "answers clients at once, and outlives one", threads),
];

function nameOf(s: Client): string {
  return s.getsockname().join(":");
}

async function echo(file: string): Promise<void> {
  const [server, address] = await serve(file);
  await using _ = server;
  for (const text of ["héllo", "x".repeat(5000)]) {
    using s = await connect(address);
    await say(s, text);
    await hear(s, text);
    await s.shutdown(socket.SHUT_WR);
    assertEquals((await s.recv(1)).length, 0);
    assertEquals(await server.readLine(), `Connected by ${nameOf(s)}`);
  }
}

async function chat(file: string): Promise<void> {
  const [server, address] = await serve(file);
  await using _ = server;
  using first = await connect(address);
  assertEquals(await server.readLine(), `Joined: ${nameOf(first)}`);
  using second = await connect(address);
  assertEquals(await server.readLine(), `Joined: ${nameOf(second)}`);
  const third = await Deno.connect({
    hostname: address[0],
    port: address[1],
  });
  await server.readMatch(/^Joined: /);

  await say(first, "héllo\n");
  await hear(second, `${nameOf(first)}: héllo\n`);
  // Closed with bytes unread, which resets the connection.
  third.close();
  await server.readMatch(/^Left: /);
  await say(second, "still here\n");
  await hear(first, `${nameOf(second)}: still here\n`);
  first.close();
  await server.readMatch(/^Left: /);
}

async function threads(file: string): Promise<void> {
  const [server, address] = await serve(file);
  await using _ = server;
  using first = await connect(address);
  using second = await connect(address);
  await say(second, "2\n");
  await hear(second, "2\n");
  await say(first, "10\n30\n");
  await hear(first, "12\n42\n");
  using third = await connect(address);
  await say(third, "no number\n");
  assertEquals((await third.recv(1)).length, 0);
  await say(second, "1\n");
  await hear(second, "43\n");
}
