import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair } from "./_support/pair.ts";
import { runDeno } from "./_support/child.ts";
import { within } from "./_support/within.ts";

const one = new Uint8Array([1]);

Deno.test("detach() closes the object and leaves the connection to the number", async () => {
  await using pair = await tcpPair();
  const fd = pair.client.detach();
  assertEquals(pair.client.fileno(), -1);
  assertEquals(pair.client.detach(), -1);
  await assertRejects(() => pair.client.send(one), socket.OSError);
  using revived = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fd);
  assertEquals(revived.fileno(), fd);
  await revived.sendall(one);
  assertEquals(await within(pair.peer.recv(1)), one);
});

Deno.test("detach() rejects the calls that wait on the object", async () => {
  await using pair = await tcpPair();
  const waiting = pair.client.recv(1);
  const failed = assertRejects(() => waiting, socket.OSError);
  const fd = pair.client.detach();
  assertEquals((await within(failed)).code, "EBADF");
  using revived = socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM);
  socket.close(fd);
  await pair.peer.sendall(one);
  assertEquals(await within(revived.recv(1)), one);
});

Deno.test("fromfd() and dup() give another number for the same connection", async () => {
  await using pair = await tcpPair();
  using copy = socket.fromfd(
    pair.client.fileno(),
    socket.AF_INET,
    socket.SOCK_STREAM,
  );
  assert(copy.fileno() !== pair.client.fileno());
  assertEquals(copy.getpeername(), pair.client.getpeername());
  const number = socket.dup(pair.client.fileno());
  pair.client.close();
  copy.close();
  using last = new socket.Socket(socket.AF_INET, socket.SOCK_STREAM, 0, number);
  await last.sendall(one);
  assertEquals(await within(pair.peer.recv(1)), one);
});

Deno.test("close(fd) makes every method of its socket EBADF, also what waits", async () => {
  await using pair = await tcpPair();
  const waiting = assertRejects(() => pair.client.recv(1), socket.OSError);
  socket.close(pair.client.fileno());
  assertEquals((await within(waiting)).code, "EBADF");
  assertEquals(pair.client.fileno(), -1);
  assertThrows(() => pair.client.getsockname(), socket.OSError, "Bad file");
});

Deno.test("a closed socket does not act on another that got its number", () => {
  const stale = socket.socket();
  const fd = stale.fileno();
  stale.close();
  using fresh = socket.socket();
  assertEquals(fresh.fileno(), fd);
  stale.close();
  assertEquals(fresh.fileno(), fd);
  assertThrows(() => stale.getsockname(), socket.OSError);
});

Deno.test("close(), dup() and fromfd() refuse what is no open descriptor", () => {
  const calls = [
    (fd: number) => socket.close(fd),
    (fd: number) => socket.dup(fd),
    (fd: number) => socket.fromfd(fd, socket.AF_INET, socket.SOCK_STREAM),
  ];
  for (const call of calls) {
    assertEquals(
      assertThrows(() => call(987_654), socket.OSError).code,
      "EBADF",
    );
    assertThrows(() => call(-1), RangeError);
    assertThrows(() => call("3" as never), TypeError);
  }
});

Deno.test("get_inheritable() is false, and set_inheritable(true) EOPNOTSUPP", () => {
  using s = socket.socket();
  assertEquals(s.get_inheritable(), false);
  s.set_inheritable(false);
  const error = assertThrows(() => s.set_inheritable(true), socket.OSError);
  assertEquals(error.code, "EOPNOTSUPP");
});

Deno.test("a socket prints as in Python", async () => {
  await using pair = await tcpPair();
  const { client } = pair;
  const [host, port] = client.getsockname();
  const [peerHost, peerPort] = client.getpeername();
  const fd = client.fileno();
  const text =
    `<socket.socket fd=${fd}, family=2, type=1, proto=0, laddr=('${host}', ${port}), raddr=('${peerHost}', ${peerPort})>`;
  assertEquals(String(client), text);
  assertEquals(Deno.inspect(client), text);
  client.close();
  assertEquals(
    String(client),
    "<socket.socket [closed] fd=-1, family=2, type=1, proto=0>",
  );
  class Special extends socket.Socket {}
  using special = new Special();
  assertEquals(String(special).startsWith("<Special fd="), true);
});

Deno.test("unref() lets the process end in spite of a pending call, ref() does not", async () => {
  const code = (call: string) => `
    import * as socket from "@pystd/socket";
    const server = socket.create_server(["127.0.0.1", 0]);
    server.accept().then(() => console.log("accepted"));
    server.${call}();
    if ("${call}" === "ref") setTimeout(() => Deno.exit(3), 300);
  `;
  const permissions = ["--allow-net=127.0.0.1"];
  const unreferenced = await runDeno({ code: code("unref"), permissions });
  assertEquals(unreferenced.code, 0);
  const referenced = await runDeno({ code: code("ref"), permissions });
  assertEquals(referenced.code, 3);
});
