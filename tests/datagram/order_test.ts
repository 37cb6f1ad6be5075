import { assertEquals } from "@std/assert";
import { BlockingIOError } from "@pystd/socket";
import { encode } from "../support/bytes.ts";
import { type TcpSocket, udpSocket } from "../support/pair.ts";
import { nextText, udpPair } from "../support/udp.ts";
import { codeOf } from "../support/outcome.ts";
import { within } from "../support/within.ts";

const texts = Array.from({ length: 100 }, (_, n) => `${n}`);

Deno.test("concurrent send() calls are sent in call order", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const received = texts.map(() => nextText(server));
  const sent = texts.map((each) => client.send(encode(each)));
  assertEquals(await within(Promise.all(sent)), texts.map((t) => t.length));
  assertEquals(await Promise.all(received), texts);
});

Deno.test("sendto() calls by name and by address are sent in call order", async () => {
  using server = udpSocket();
  using client = udpSocket();
  const [, port] = server.getsockname();
  const received = texts.map(() => nextText(server));
  const hosts = ["localhost", "127.0.0.1", "localhost."];
  const sent = texts.map((each, n) =>
    client.sendto(encode(each), [hosts[n % 3]!, port])
  );
  await within(Promise.all(sent));
  assertEquals(await Promise.all(received), texts);
});

Deno.test("concurrent recv() calls are served in call order", async () => {
  using pair = await udpPair();
  const { server, client } = pair;
  const served: number[] = [];
  const received = texts.map(async (_, n) => {
    const data = await nextText(server);
    served.push(n);
    return data;
  });
  for (const each of texts) await client.send(encode(each));
  assertEquals(await Promise.all(received), texts);
  assertEquals(served, served.toSorted((a, b) => a - b));
});

Deno.test("send() may follow connect() to a name that is not awaited", async () => {
  using server = udpSocket();
  using other = udpSocket();
  using client = udpSocket();
  const calls = [
    client.connect(["localhost", other.getsockname()[1]]),
    client.send(encode("to the first peer")),
    client.connect(server.getsockname()),
    client.send(encode("to the second peer")),
    client.sendto(encode("to the first again"), other.getsockname()),
  ];
  await within(Promise.all(calls));
  assertEquals(client.getpeername(), server.getsockname());
  assertEquals(await nextText(server), "to the second peer");
  assertEquals(await nextText(other), "to the first peer");
  assertEquals(await nextText(other), "to the first again");
});

Deno.test("send() after a connect() that failed has no peer", async () => {
  using client = udpSocket();
  const connected = codeOf(() => client.connect(["x y", 9]));
  const sent = codeOf(() => client.send(encode("x")));
  assertEquals(await connected, "EAI_NONAME");
  assertEquals(await sent, "EDESTADDRREQ");
  assertEquals(await codeOf(() => client.getpeername()), "ENOTCONN");
});

/** Sends as soon as there is room. */
async function patientSend(s: TcpSocket, data: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return await s.send(data);
    } catch (error) {
      if (!(error instanceof BlockingIOError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
}

for (const timeout of [null, 5, 0]) {
  Deno.test(`the buffer of a send() with timeout ${timeout} may be reused after it`, async () => {
    using pair = await udpPair();
    const { server, client } = pair;
    client.settimeout(timeout);
    const buffer = new Uint8Array(1000);
    for (let n = 0; n < 50; n++) {
      buffer.fill(n);
      assertEquals(await patientSend(client, buffer), buffer.length);
      buffer.fill(255);
    }
    for (let n = 0; n < 50; n++) {
      const data = await within(server.recv(2000));
      assertEquals(data, new Uint8Array(1000).fill(n));
    }
  });
}
