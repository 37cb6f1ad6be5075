import { assertEquals } from "@std/assert";
import { denoCommand } from "../support/child.ts";
import { hasNamespaces, runOffline } from "../support/namespace.ts";

const program = `
  import * as socket from "@pystd/socket";
  // Nothing is sent; 192.0.2.0/24 and 2001:db8::/32 are for documentation.
  const peers = ["127.0.0.1", "192.0.2.9", "192.0.2.1", "2001:db8::9", "::1"];
  async function show() {
    const all = [];
    for (const host of peers) {
      const family = host.includes(":") ? socket.AF_INET6 : socket.AF_INET;
      const s = socket.socket(family, socket.SOCK_DGRAM);
      await s.connect([host, 9]);
      all.push(s.getsockname()[0]);
      s.close();
    }
    console.log(all.join());
  }
  await show();
  const { success } = await new Deno.Command("ip", {
    args: ["address", "del", "198.51.100.1/24", "dev", "lo"],
  }).output();
  if (!success) throw new Error("The address is still there");
  await show();
  Deno.permissions.revokeSync({ name: "sys", kind: "networkInterfaces" });
  await show();`;

const addressing = `
  ip address add 192.0.2.1/24 dev lo
  ip address add 2001:db8::1/64 dev lo nodad
  ip address add 198.51.100.1/24 dev lo
  exec "$@"`;

Deno.test({
  name:
    "getsockname() of a socket connected from every interface is the machine's only address, if interfaces are granted, or the wildcard",
  ignore: !hasNamespaces,
  fn: async () => {
    const { code, stdout, stderr } = await runOffline("", [
      "sh",
      "-ec",
      addressing,
      "sh",
      ...denoCommand({
        code: program,
        unstable: true,
        permissions: [
          "--allow-net",
          "--allow-run=ip",
          "--allow-sys=networkInterfaces",
        ],
      }),
    ], program);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.trimEnd().split("\n"), [
      // The machine has several addresses of IPv4.
      "127.0.0.1,0.0.0.0,192.0.2.1,2001:db8::1,::1",
      // It has one.
      "127.0.0.1,192.0.2.1,192.0.2.1,2001:db8::1,::1",
      // Which one may not be asked.
      "127.0.0.1,0.0.0.0,0.0.0.0,::,::1",
    ]);
  },
});
