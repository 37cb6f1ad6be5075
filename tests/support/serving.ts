import * as socket from "@pystd/socket";
import type * as socketserver from "@pystd/socket/socketserver";
import { within } from "./within.ts";

/**
 * Serves in the background, for `await using`: at the end of the block the
 * server is shut down and closed.
 *
 * @param server The server.
 * @returns What connects to it, and what `serve_forever` comes to.
 */
export function serve(server: socketserver.TCPServer): Serving {
  return new Serving(server);
}

/** A server whose `serve_forever` runs. */
export class Serving implements AsyncDisposable {
  /** What `serve_forever` returned. */
  readonly ended: Promise<void>;
  readonly #server: socketserver.TCPServer;

  constructor(server: socketserver.TCPServer) {
    this.#server = server;
    this.ended = server.serve_forever();
    // A test may look at it only later.
    this.ended.catch(() => {});
  }

  /** Connects a client; its calls have a limit, so that no test hangs. */
  async connect(): Promise<socket.Socket> {
    const [host, port] = this.#server.server_address;
    return await socket.create_connection([host, port], 60);
  }

  /** Sends a text, and returns all that is received until the end. */
  async ask(text: string): Promise<string> {
    await using client = await this.connect();
    await client.sendall(new TextEncoder().encode(text));
    await client.shutdown(socket.SHUT_WR);
    await using file = client.makefile("r");
    return await file.read() ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await within(this.#server.shutdown());
    await within(Promise.resolve(this.#server.server_close()));
    await within(this.ended.catch(() => {}));
  }
}
