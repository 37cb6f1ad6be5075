import {
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { assertRefuses } from "../support/addresses.ts";
import { nextDescriptor } from "../support/descriptor.ts";
import { within } from "../support/within.ts";

for (const family of [socket.AF_INET, socket.AF_INET6] as socket.Family[]) {
  Deno.test(`socketpair(${family}) is connected both ways`, async () => {
    const [a, b] = await within(socket.socketpair(family));
    assertEquals(a.getsockname(), b.getpeername());
    assertEquals(b.getsockname(), a.getpeername());
    await a.sendall(new Uint8Array([1]));
    await b.sendall(new Uint8Array([2]));
    assertEquals(await within(b.recv(1)), new Uint8Array([1]));
    assertEquals(await within(a.recv(1)), new Uint8Array([2]));
    a.close();
    b.close();
  });
}

Deno.test("socketpair() over loopback rejects a connection that is not its own", async () => {
  // Another client connects to every listener of this process as it is opened.
  const listen = Deno.listen;
  const strangers: Promise<Deno.Conn>[] = [];
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    const listener = listen(options);
    const { port } = listener.addr as Deno.NetAddr;
    strangers.push(Deno.connect({ hostname: "127.0.0.1", port }));
    return listener;
  }) as typeof Deno.listen;
  try {
    const error = await assertRejects(() =>
      within(socket.socketpair(socket.AF_INET))
    );
    assertInstanceOf(error, socket.ConnectionError);
  } finally {
    Deno.listen = listen;
    for (const stranger of strangers) (await stranger).close();
  }
});

Deno.test("socketpair() over loopback works with any default timeout, which both ends have", async () => {
  for (const timeout of [0, 0.000_001, 3]) {
    socket.setdefaulttimeout(timeout);
    try {
      const [a, b] = await within(socket.socketpair(socket.AF_INET));
      assertEquals([a.gettimeout(), b.gettimeout()], [timeout, timeout]);
      a.close();
      b.close();
    } finally {
      socket.setdefaulttimeout(null);
    }
  }
});

Deno.test("socketpair() over loopback leaves nothing open beside the pair", async () => {
  const next = nextDescriptor();
  const [a, b] = await within(socket.socketpair(socket.AF_INET));
  const [host, port] = a.getsockname();
  await assertRefuses([host, port]);
  assertInstanceOf(a, socket.Socket);
  a.close();
  b.close();
  assertLessOrEqual(nextDescriptor(), next);
});
