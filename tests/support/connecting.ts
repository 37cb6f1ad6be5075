import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "./fake_conn.ts";
import { type Ending, isEnd } from "./moments.ts";
import type { TcpSocket } from "./pair.ts";
import { within } from "./within.ts";

/** What an ended `connect()` gives: EINPROGRESS if it may not wait. */
export function assertEnded(ending: Ending, error: unknown): void {
  if (!isEnd(ending, error)) throw error;
  if (ending === "EAGAIN") {
    assertEquals((error as socket.OSError).code, "EINPROGRESS");
  }
}

/** The connection of this client; others that were called off are closed. */
export async function acceptFrom(
  server: TcpSocket,
  client: TcpSocket,
): Promise<TcpSocket> {
  for (;;) {
    const [conn, address] = await within(server.accept());
    if (address[1] === client.getsockname()[1]) return conn;
    const error = await within(conn.recv(1)).catch((error) => error);
    assert(
      error instanceof socket.ConnectionError || error.length === 0,
      `${error}`,
    );
    conn.close();
  }
}

/** Checks that bytes pass both ways, once. */
export async function assertWorks(
  client: TcpSocket,
  server: TcpSocket,
  number: number,
): Promise<void> {
  await within(client.sendall(numbered(3, number)));
  const conn = await acceptFrom(server, client);
  assertEquals(await within(conn.recv(10)), numbered(3, number));
  await conn.sendall(numbered(3, number + 3));
  conn.close();
  assertEquals(await within(client.recv(10)), numbered(3, number + 3));
  assertEquals(await within(client.recv(10)), new Uint8Array(0));
}

/** Connects until the queue of connections to be accepted is full. */
export async function fillQueue(server: TcpSocket): Promise<TcpSocket[]> {
  const queued: TcpSocket[] = [];
  for (;;) {
    const client = socket.socket();
    client.settimeout(0.1);
    try {
      await client.connect(server.getsockname());
    } catch (error) {
      assert(error instanceof socket.TimeoutError);
      client.close();
      return queued;
    }
    queued.push(client);
  }
}
