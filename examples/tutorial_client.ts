/**
 * The tutorial's client: connects, sends a message, and closes.
 *
 *     deno run --allow-net=127.0.0.1 examples/tutorial_server.ts [host] [port]
 *     deno run --allow-net=127.0.0.1 examples/tutorial_client.ts [host] [port] [message]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const MESSAGE = Deno.args[2] ?? "Hello, world";

const client = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
await client.connect([HOST, PORT]);
await client.sendall(new TextEncoder().encode(MESSAGE));
console.log(`Sent: ${MESSAGE}`);
client.close();
