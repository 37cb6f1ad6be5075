/**
 * Sends a mail by SMTP: the dialogue begins in plain text, and goes on over TLS
 * after STARTTLS (RFC 3207), in mid-connection.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=tests/ssl/certificates/ca.pem examples/starttls_mail.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";
import * as ssl from "@pystd/socket/ssl";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 2525);

/** Sends a command, and reads the answer, of one or more lines. */
async function ask(conn: socket.Socket, line: string | null): Promise<string> {
  if (line !== null) {
    await conn.sendall(new TextEncoder().encode(`${line}\r\n`));
  }
  let answer = "";
  while (!/^\d{3} .*\r\n$/m.test(answer)) {
    // No more than was sent: what comes after it may be TLS already.
    const data = await conn.recv(1024);
    if (data.length === 0) throw new Error("The server has hung up");
    answer += new TextDecoder().decode(data);
  }
  console.log(answer.trimEnd());
  if (/^[45]/.test(answer)) throw new Error(`${line} was refused`);
  return answer;
}

const context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, {
  cafile: "tests/ssl/certificates/ca.pem",
});
const plain = await socket.create_connection([HOST, PORT], 10);
await ask(plain, null);
await ask(plain, "EHLO me.test");
await ask(plain, "STARTTLS");

await using tls = await context.wrap_socket(plain, {
  server_hostname: "localhost",
});
console.log(`-- ${tls.version()} --`);
await ask(tls, "EHLO me.test");
await ask(tls, "MAIL FROM:<me@me.test>");
await ask(tls, "RCPT TO:<you@you.test>");
await ask(tls, "DATA");
await ask(tls, "Subject: Hello\r\n\r\nHello over TLS.\r\n.");
await ask(tls, "QUIT");
