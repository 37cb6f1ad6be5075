// deno run --allow-net=127.0.0.1:8000 chat_client.ts [host] [port]
import process from "node:process";
import { createInterface } from "node:readline/promises";
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);

class ChatClient {
  #sock: socket.Socket;
  #name = "nobody";

  private constructor(sock: socket.Socket) {
    this.#sock = sock;
  }

  static async create(host: string, port: number) {
    const sock = await socket.create_connection([host, port]);
    return new ChatClient(sock);
  }

  async type() {
    process.stdout.write("Name: ");
    const typed = createInterface({ input: process.stdin });
    const lines = typed[Symbol.asyncIterator]();
    this.#name = (await lines.next()).value ?? "nobody";
    for await (const line of lines) {
      const message = `${this.#name}: ${line}\n`;
      await this.#sock.sendall(new TextEncoder().encode(message));
    }
    await this.#sock.shutdown(socket.SHUT_WR);
  }

  async receive() {
    await using lines = this.#sock.makefile("r", {
      encoding: "utf-8",
    });
    for await (const line of lines) console.log(line.trimEnd());
  }

  async run() {
    this.type().catch(console.error);
    await this.receive();
    console.log(`Goodbye, ${this.#name}`);
    this.#sock.close();
  }
}

const client = await ChatClient.create(HOST, PORT);
await client.run();
Deno.exit(0); // Even if the task still waits for the keyboard.
