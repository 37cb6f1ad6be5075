import { assertLess } from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { freshLoop } from "../support/event_loop.ts";

/** Calls that find their result, or fail, at once. */
const calls: Readonly<Record<string, () => Promise<unknown>>> = {
  "getaddrinfo() of a numeric host": () => socket.getaddrinfo("::1", 80),
  "getnameinfo() of numbers": () =>
    socket.getnameinfo(
      ["::1", 80],
      socket.NI_NUMERICHOST | socket.NI_NUMERICSERV,
    ),
  "gethostbyname() of a numeric host": () => socket.gethostbyname("127.1"),
  "getaddrinfo() that fails": () => socket.getaddrinfo("::1", "none"),
  "select() that fails": () => select([987_654], [], []),
};

for (const [name, call] of Object.entries(calls)) {
  Deno.test(`a loop of ${name} lets the event loop turn`, async () => {
    await freshLoop();
    let turned = false;
    setImmediate(() => turned = true);
    let count = 0;
    // API: the event loop turns at least every 256 calls.
    while (!turned && count <= 300) {
      await call().catch(() => {});
      count++;
    }
    assertLess(count, 300);
  });
}
