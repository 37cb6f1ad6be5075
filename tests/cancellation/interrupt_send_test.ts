import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { numbered } from "../support/fake_conn.ts";
import {
  type Ending,
  endings,
  isEnd,
  meet,
  moments,
  type Outcome,
  Sentinel,
} from "../support/moments.ts";
import {
  assertSameBytes,
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { Messages } from "../support/messages.ts";
import { type SendingRow, sendingRows } from "../support/sending.ts";
import { within } from "../support/within.ts";

for (const [name, row] of Object.entries(sendingRows)) {
  for (const ending of endings) {
    Deno.test(`${name} reports what the peer gets when it meets ${ending}`, async () => {
      using sentinel = await Sentinel.open();
      await using pair = await tcpPair();
      await meetEverywhere(row, ending, pair.client, pair.peer, sentinel);
    });
  }
}

async function meetEverywhere(
  row: SendingRow,
  ending: Ending,
  client: TcpSocket,
  peer: TcpSocket,
  sentinel: Sentinel,
): Promise<void> {
  const messages = new Messages();
  let handle = row.open(client.dup());
  for (const moment of moments) {
    if (row.full) await messages.fill(client);
    const message = messages.make(row.size);
    let settled = false;
    let reading: Promise<void> | undefined;
    const outcome = await meet(
      handle,
      ending,
      moment,
      sentinel,
      (options) =>
        handle.call(message.data, options).finally(() => {
          settled = true;
        }),
      // What it waits for is room. A close ends no send, so there has to be
      // enough for all of it then.
      async () => {
        await messages.receiveSome(peer);
        if (ending === "close") {
          reading = (async () => {
            while (!settled) await messages.receiveSome(peer);
          })();
        }
      },
    );
    await reading;
    message.data.fill(254);
    messages.taken(message, takenOf(row, ending, outcome));
    if (ending === "close") handle = row.open(client.dup());
  }
  const finished = handle.finish();
  client.close();
  messages.received(await receiveToEnd(peer));
  await within(finished);
  messages.check();
}

function takenOf(
  row: SendingRow,
  ending: Ending,
  outcome: Outcome<number | null>,
): number | null {
  if ("value" in outcome) {
    if (outcome.value === null) assertEquals(ending, "EAGAIN");
    else assertGreater(outcome.value, 0);
    return outcome.value ?? 0;
  }
  // A close ends no send.
  assert(ending !== "close", `${outcome.error}`);
  if (!isEnd(ending, outcome.error)) throw outcome.error;
  return row.ended(outcome.error, row.size);
}

for (const ending of endings) {
  Deno.test(`sendto() of datagrams sends each whole or not at all when it meets ${ending}`, async () => {
    using sentinel = await Sentinel.open();
    using receiver = udpSocket();
    const to = receiver.getsockname();
    let sender = udpSocket();
    const taken: number[] = [];
    let number = 0;
    for (const moment of moments) {
      const before = taken.length;
      const handle = { socket: sender, close: () => sender.close() };
      const datagram = numbered(1000, ++number);
      const outcome = await meet(
        handle,
        ending,
        moment,
        sentinel,
        (options) => sender.sendto(datagram, to, options),
        async () => {},
      );
      datagram.fill(255);
      if ("value" in outcome) {
        assertEquals(outcome.value, 1000);
        taken.push(number);
      } else assert(ending !== "close" && isEnd(ending, outcome.error));
      if (ending === "close") {
        sender.close();
        sender = udpSocket();
      }
      if (taken.length > before) {
        const data = await within(receiver.recv(65_536));
        assertSameBytes(data, numbered(1000, number));
      }
    }
    sender.close();
    await assertRejects(
      () => receiver.recv(1, socket.MSG_DONTWAIT),
      socket.BlockingIOError,
    );
    assertGreater(taken.length, 0);
  });
}
