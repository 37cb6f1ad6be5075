// deno run --allow-net=127.0.0.1 key_value.ts [host] [port]
import {
  StreamRequestHandler,
  ThreadingTCPServer,
} from "@pystd/socket/socketserver";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const STRICT = { fatal: true, ignoreBOM: true };

const values = new Map<string, string>();

class Handler extends StreamRequestHandler {
  async reply(text: string) {
    await this.wfile.write(new TextEncoder().encode(`${text}\n`));
  }

  override async handle() {
    const decoder = new TextDecoder("utf-8", STRICT);
    for await (const line of this.rfile) {
      const text = decoder.decode(line).trim();
      const [command, key, value] = text.split(/\s+/);
      if (command === "set") {
        if (!key || !value) throw new RangeError("A word is missing");
        values.set(key, value);
        await this.reply("stored");
      } else if (command === "get") {
        if (!key) throw new RangeError("A word is missing");
        await this.reply(values.get(key) ?? "not found");
      } else {
        await this.reply(`unknown command ${command}`);
      }
    }
  }
}

class Server extends ThreadingTCPServer {
  static override allow_reuse_address = true;
  override daemon_threads = true;
}

await using server = new Server([HOST, PORT], Handler);
console.log(`Listening on ${server.server_address.join(":")}`);
await server.serve_forever();
