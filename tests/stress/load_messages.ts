import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import { tcpPair, udpSocket } from "../support/pair.ts";

/** How many bytes a message has; it begins with its number. */
const MESSAGE_BYTES = 16;

class Message {
  readonly bytes: Uint8Array = new Uint8Array(MESSAGE_BYTES);
  readonly #view = new DataView(this.bytes.buffer);

  constructor() {
    this.bytes.fill(7, 4);
  }

  set number(value: number) {
    this.#view.setUint32(0, value);
  }
}

function check(data: Uint8Array<ArrayBuffer>, number: number): void {
  const right = data.length === MESSAGE_BYTES && data[15] === 7 &&
    new DataView(data.buffer).getUint32(0) === number;
  if (!right) throw new Error(`Message ${number} came as ${data}`);
}

/** One after another in one direction. */
async function oneWay(count: number): Promise<void> {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const sending = (async () => {
    const message = new Message();
    for (let n = 0; n < count; n++) {
      message.number = n;
      await client.sendall(message.bytes);
    }
    client.close();
  })();
  for (let n = 0; n < count; n++) {
    check(await peer.recv(MESSAGE_BYTES, socket.MSG_WAITALL), n);
  }
  assertEquals((await peer.recv(1)).length, 0);
  await sending;
}

/** Each answered before the next is sent, and each in time. */
async function thereAndBack(count: number): Promise<void> {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  client.settimeout(60);
  peer.settimeout(60);
  const answering = (async () => {
    const buffer = new Uint8Array(MESSAGE_BYTES);
    for (;;) {
      const n = await peer.recv_into(buffer);
      if (n === 0) return;
      await peer.sendall(buffer.subarray(0, n));
    }
  })();
  const message = new Message();
  for (let n = 0; n < count; n++) {
    message.number = n;
    await client.sendall(message.bytes);
    check(await client.recv(MESSAGE_BYTES), n);
  }
  client.close();
  await answering;
}

/** Lines between file objects. */
async function lines(count: number): Promise<void> {
  await using pair = await tcpPair();
  const { client, peer } = pair;
  const out = client.makefile("w");
  const writing = (async () => {
    for (let n = 0; n < count; n++) await out.write(`line ${n}\n`);
    await out.close();
    client.close();
  })();
  const file = peer.makefile("r");
  let n = 0;
  for await (const line of file) {
    if (line !== `line ${n}\n`) throw new Error(`Line ${n} came as ${line}`);
    n++;
  }
  assertEquals(n, count);
  await file.close();
  await writing;
}

/** Datagrams, each answered, with a signal. */
async function datagrams(count: number): Promise<void> {
  await using client = udpSocket();
  await using server = udpSocket();
  const { signal } = new AbortController();
  const address = server.getsockname();
  const answering = (async () => {
    for (let n = 0; n < count; n++) {
      const [data, from] = await server.recvfrom(100, { signal });
      await server.sendto(data, from);
    }
  })();
  const message = new Message();
  for (let n = 0; n < count; n++) {
    message.number = n;
    await client.sendto(message.bytes, address, { signal });
    check(await client.recv(100), n);
  }
  await answering;
}

/** The kinds, and how many of a hundred messages are of each. */
const kinds: readonly [
  name: string,
  share: number,
  send: (count: number) => Promise<void>,
][] = [
  ["in one direction", 50, oneWay],
  ["there and back", 20, thereAndBack],
  ["lines", 20, lines],
  ["datagrams there and back", 10, datagrams],
];

/** Sends so many small messages, of all kinds. */
export async function sendMessages(
  count: number,
  log: (line: string) => void = () => {},
): Promise<void> {
  for (const [name, share, send] of kinds) {
    const part = count * share / 100;
    const startMs = performance.now();
    await send(part);
    const us = (performance.now() - startMs) * 1000 / part;
    log(`${part} messages ${name}: ${us.toFixed(1)} µs each`);
  }
}
