import { assertEquals } from "@std/assert";
import { denoCommand } from "../support/child.ts";
import { hasNamespaces, runOffline } from "../support/namespace.ts";

/**
 * Runs a program in a network of its own, where the only interface, loopback of
 * index 1, has a link-local address too.
 */
async function runOnLink(
  code: string,
  permissions: readonly string[],
): Promise<unknown> {
  const script = 'ip address add fe80::1/64 dev lo nodad && exec "$@"';
  const { stdout, stderr } = await runOffline("", [
    "sh",
    "-c",
    script,
    "sh",
    ...denoCommand({ code, permissions }),
  ], code);
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Lists, for each way to write the scope, what calls make of it. */
const program = (links: readonly string[]) => `
  import * as socket from "@pystd/socket";
  import { select } from "@pystd/socket/select";
  const { AF_INET6, SOCK_DGRAM } = socket;
  const one = new Uint8Array(1);
  const links = ${JSON.stringify(links)};
  const all = [];
  for (const link of links) all.push(await scopesOf(link));
  console.log(JSON.stringify(all));
  Deno.exit();

  async function scopesOf(link) {
    const at = (port) => link.includes("%")
      ? [link, port]
      : [...link.split("/").slice(0, 1), port, 0, Number(link.split("/")[1])];
    const scopes = {};
    const see = (name, address) => scopes[name] = [address[0], address[3]];

    const server = socket.socket(AF_INET6);
    server.bind(at(0));
    see("bound", server.getsockname());
    server.listen();
    see("listening", server.getsockname());
    const [, port] = server.getsockname();

    const client = socket.socket(AF_INET6);
    await client.connect(at(port));
    see("client", client.getsockname());
    see("client's peer", client.getpeername());
    const [conn, from] = await server.accept();
    see("accepted from", from);
    see("accepted", conn.getsockname());
    see("accepted peer", conn.getpeername());

    const waiting = socket.socket(AF_INET6);
    waiting.settimeout(0);
    await waiting.connect_ex(at(port));
    await select([], [waiting], []);
    await server.accept();
    see("non-blocking peer", waiting.getpeername());

    const made = await socket.create_connection([link.replace("/", "%"), port]);
    see("create_connection()", made.getpeername());

    const bound = socket.socket(AF_INET6, SOCK_DGRAM);
    bound.bind(at(0));
    see("datagram", bound.getsockname());
    const any = socket.socket(AF_INET6, SOCK_DGRAM);
    any.bind(["::", 0]);
    await any.sendto(one, at(bound.getsockname()[1]));
    const [, sender] = await bound.recvfrom(1);
    see("sender to a bound one", sender);
    // What recvfrom() gave is an address to send to.
    await bound.sendto(one, sender);
    see("sender to the wildcard", (await any.recvfrom(1))[1]);
    const peer = socket.socket(AF_INET6, SOCK_DGRAM);
    await peer.connect(at(bound.getsockname()[1]));
    see("connected datagram", peer.getsockname());
    see("its peer", peer.getpeername());
    await peer.send(one);
    await bound.sendto(one, (await bound.recvfrom(1))[1]);
    await peer.recv(1);

    // What getsockname() gave is an address to connect to.
    await socket.socket(AF_INET6).connect(server.getsockname());
    return scopes;
  }`;

for (const unstable of [true, false]) {
  Deno.test({
    name:
      `a scope given by number or by name is returned as a number by every call, ${
        unstable ? "with" : "without"
      } --unstable-net`,
    ignore: !hasNamespaces,
    fn: async () => {
      // A name becomes a number before the flag makes a difference.
      const links = unstable ? ["fe80::1/1"] : ["fe80::1/1", "fe80::1%lo"];
      const all = await runOnLink(program(links), [
        "--allow-net",
        "--allow-sys=networkInterfaces",
        ...(unstable ? ["--unstable-net"] : []),
      ]) as Record<string, unknown>[];
      assertEquals(all.length, links.length);
      for (const [i, scopes] of all.entries()) {
        for (const [name, address] of Object.entries(scopes)) {
          assertEquals(address, ["fe80::1", 1], `${links[i]}, ${name}`);
        }
        assertEquals(Object.keys(scopes).length, 14);
      }
    },
  });
}

Deno.test({
  name: "a scope given by name needs only the grant for the address",
  ignore: !hasNamespaces,
  fn: async () => {
    const code = `
      import * as socket from "@pystd/socket";
      const server = socket.socket(socket.AF_INET6);
      server.bind(["fe80::1%lo", 0]);
      server.listen();
      const client = socket.socket(socket.AF_INET6);
      await client.connect(["fe80::1%lo", server.getsockname()[1]]);
      const codes = [];
      for (const [host, ...rest] of [["fe80::1%none"], ["::1%lo"], ["fe80::1%"], ["fe80::1"]]) {
        const s = socket.socket(socket.AF_INET6);
        await s.connect([host, 9]).catch((error) => codes.push(error.code));
      }
      const bound = socket.socket(socket.AF_INET6);
      bound.bind(["fe80::1%lo", 0]);
      await bound.connect(server.getsockname()).catch((error) => codes.push(error.code));
      console.log(JSON.stringify([client.getpeername()[0], client.getpeername()[3], codes]));
      Deno.exit();`;
    assertEquals(await runOnLink(code, ["--allow-net=[fe80::1]"]), [
      "fe80::1",
      0, // Its number needs the grant for interfaces.
      // Linux has EINVAL for a link-local address without a scope.
      ["EAI_NONAME", "EAI_NONAME", "EAI_NONAME", "EINVAL", "EOPNOTSUPP"],
    ]);
  },
});

Deno.test({
  name: "getaddrinfo() finds a scope's name by the grant for interfaces alone",
  ignore: !hasNamespaces,
  fn: async () => {
    const code = `
      import * as socket from "@pystd/socket";
      const [info] = await socket.getaddrinfo("fe80::1%lo", 80, 0, 1);
      const [name] = await socket.getnameinfo(info[4], socket.NI_NUMERICHOST);
      console.log(JSON.stringify([info[4], name]));`;
    assertEquals(await runOnLink(code, ["--allow-sys=networkInterfaces"]), [
      ["fe80::1", 80, 0, 1],
      "fe80::1%lo",
    ]);
  },
});

Deno.test({
  name: "connect() to IPv6 fails with EADDRNOTAVAIL on a machine without it",
  ignore: !hasNamespaces,
  fn: async () => {
    const code = `
      import * as socket from "@pystd/socket";
      import { errorcode } from "@pystd/socket/errno";
      import { select } from "@pystd/socket/select";
      const { AF_INET6, SO_ERROR, SOCK_DGRAM, SOL_SOCKET } = socket;
      const codes = [];
      const note = (error) => void codes.push(error.code);
      await socket.socket(AF_INET6).connect(["::1", 9]).catch(note);
      const waiting = socket.socket(AF_INET6);
      waiting.setblocking(false);
      let errno = await waiting.connect_ex(["::1", 9]);
      if (errorcode[errno] === "EINPROGRESS") {
        await select([], [waiting], []);
        errno = waiting.getsockopt(SOL_SOCKET, SO_ERROR);
      }
      codes.push(errorcode[errno]);
      const bound = socket.socket(AF_INET6);
      bound.bind(["::", 0]);
      await bound.connect(["::1", 9]).catch(note);
      await socket.create_connection(["::1", 9]).catch(note);
      try { socket.socket(AF_INET6).bind(["::1", 0]); } catch (error) { note(error); }
      try { socket.socket(AF_INET6, SOCK_DGRAM).bind(["::1", 0]); } catch (error) { note(error); }
      console.log(JSON.stringify(codes));
      Deno.exit();`;
    const script =
      'echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; exec "$@"';
    const { stdout, stderr } = await runOffline("", [
      "sh",
      "-c",
      script,
      "sh",
      ...denoCommand({ code, permissions: ["--allow-net"] }),
    ], code);
    const codes: unknown = JSON.parse(stdout || JSON.stringify(stderr));
    assertEquals(codes, new Array(6).fill("EADDRNOTAVAIL"));
  },
});
