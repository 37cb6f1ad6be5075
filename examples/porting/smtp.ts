// deno run --allow-net=127.0.0.1:1025 smtp.ts [host] [port]
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 1025);

using s = await socket.create_connection([HOST, PORT], 10);
await using replies = s.makefile("r", { encoding: "utf-8" });

async function command(line: string | null, expected: string) {
  if (line !== null) {
    await s.sendall(new TextEncoder().encode(`${line}\r\n`));
  }
  let reply = await replies.readline() ?? "";
  while (reply[3] === "-") { // One more line follows.
    reply = await replies.readline() ?? "";
  }
  console.log(reply.trimEnd());
  if (!reply.startsWith(expected)) {
    throw new Error(`Not answered by ${expected}: ${line}`);
  }
}

await command(null, "220");
await command("EHLO localhost", "250");
await command("MAIL FROM:<ann@example.org>", "250");
await command("RCPT TO:<bob@example.org>", "250");
await command("DATA", "354");
await command("Subject: Hello\r\n\r\nHello, Bob!\r\n.", "250");
await command("QUIT", "221");
