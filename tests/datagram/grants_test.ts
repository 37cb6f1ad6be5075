import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { codeOf } from "../support/outcome.ts";
import { unboundUdp } from "../support/udp.ts";

const { AF_INET, AF_INET6, SOCK_DGRAM } = socket;
const one = new Uint8Array(1);

/** The address of localhost that Deno binds to. */
const localhost = hostOf(Deno.listen({ hostname: "localhost", port: 0 }));

function hostOf(listener: Deno.TcpListener): string {
  listener.close();
  return listener.addr.hostname;
}

function udp(family: number): socket.Socket {
  return socket.socket(family, SOCK_DGRAM);
}

for (
  const [family, host] of [[AF_INET, "127.0.0.1"], [AF_INET6, "::1"]] as const
) {
  Deno.test({
    name:
      `sendto() and connect() bind to ${host} where only loopback is granted`,
    permissions: { net: ["127.0.0.1", "[::1]"] },
    fn: async () => {
      using sender = udp(family);
      await sender.sendto(one, [host, 9]);
      assertEquals(sender.getsockname()[0], host);
      using client = udp(family);
      await client.connect([host, 9]);
      assertEquals(client.getsockname()[0], host);
    },
  });

  const isBound = localhost === host;
  Deno.test({
    name: `bind() to localhost with a grant for the name alone ${
      isBound ? "is" : "does not find"
    } ${host}`,
    permissions: { net: ["localhost"] },
    fn: async () => {
      using s = udp(family);
      const code = await codeOf(() => s.bind(["localhost", 0]));
      assertEquals(code, isBound ? undefined : "EAI_ADDRFAMILY");
      if (isBound) assertEquals(s.getsockname()[0], host);
    },
  });
}

Deno.test({
  name: "sendto() without a grant to bind leaves the socket unbound",
  permissions: { net: ["127.0.0.1:9"] },
  fn: async () => {
    using s = unboundUdp();
    assertEquals(await codeOf(() => s.sendto(one, ["127.0.0.1", 9])), "EACCES");
    assertEquals(s.getsockname(), ["0.0.0.0", 0]);
  },
});
