import { assert, assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { codes, readPage, rows } from "./pages.ts";

const page = await readPage("examples/porting/OPTIONS.md");

const levels: readonly (readonly [prefix: string, level: number])[] = [
  ["SO_", socket.SOL_SOCKET],
  ["TCP_", socket.IPPROTO_TCP],
  ["IPV6_", socket.IPPROTO_IPV6],
  ["IP_", socket.IPPROTO_IP],
];

/** Whether an option can be read or set on one of some sockets. */
function isThere(
  sockets: readonly socket.Socket[],
  level: number,
  option: number,
): boolean {
  return sockets.some((s) => {
    try {
      s.getsockopt(level, option);
      return true;
    } catch (error) {
      assert(error instanceof socket.OSError);
    }
    // An option that can be set only asks for more bytes.
    try {
      s.setsockopt(level, option, new Uint8Array(0));
    } catch (error) {
      assert(error instanceof socket.OSError);
      return error.code === "EINVAL";
    }
    return false;
  });
}

Deno.test("OPTIONS.md lists all options that exist, and no other", () => {
  using stream = socket.socket(socket.AF_INET6, socket.SOCK_STREAM);
  using datagram = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
  using ipv4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
  const listed = new Set(rows(page).flatMap(([cell]) => codes(cell!)));
  assert(listed.size > 15, `${listed.size} options`);
  for (const [name, option] of Object.entries(socket)) {
    const level = levels.find(([prefix]) => name.startsWith(prefix))?.[1];
    if (level === undefined || typeof option !== "number") continue;
    assertEquals(
      isThere([stream, datagram, ipv4], level, option),
      listed.has(name),
      name,
    );
  }
});
