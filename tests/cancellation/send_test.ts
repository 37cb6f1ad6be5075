import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "@std/assert";
import * as socket from "@pystd/socket";
import { assertSameBytes, numbered } from "../support/bytes.ts";
import {
  ArrivalProbe,
  cancelAt,
  type Cancellation,
  cancellations,
  fewTimings,
  isCancelled,
  timingsOf,
} from "../support/cancel.ts";
import type { Outcome } from "../support/outcome.ts";
import {
  receiveToEnd,
  tcpPair,
  type TcpSocket,
  udpSocket,
} from "../support/pair.ts";
import { Messages } from "./fixtures/messages.ts";
import { type SendRow, sendRows } from "./fixtures/send.ts";
import { within } from "../support/within.ts";

for (const [name, row] of Object.entries(sendRows)) {
  for (const cancellation of cancellations) {
    Deno.test(`${name} reports how much the peer gets when cancelled by ${cancellation}`, async () => {
      using probe = await ArrivalProbe.open();
      await using pair = await tcpPair();
      await cancelEverywhere(row, cancellation, pair.client, pair.peer, probe);
    });
  }
}

async function cancelEverywhere(
  row: SendRow,
  cancellation: Cancellation,
  client: TcpSocket,
  peer: TcpSocket,
  probe: ArrivalProbe,
): Promise<void> {
  const messages = new Messages();
  let target = row.open(client.dup());
  // A close cancels no send, and each one moves more than a MB.
  const moments = cancellation === "close"
    ? fewTimings
    : timingsOf(cancellation);
  for (const timing of moments) {
    if (row.full) await messages.fill(client);
    const message = messages.make(row.size);
    let settled = false;
    let reading: Promise<void> | undefined;
    const outcome = await cancelAt(
      target,
      cancellation,
      timing,
      probe,
      (options) =>
        target.call(message.data, options).finally(() => {
          settled = true;
        }),
      // The call waits for room. A close cancels no send, so there has to be
      // enough for all of it then.
      async () => {
        await messages.receiveSome(peer);
        if (cancellation === "close") {
          reading = (async () => {
            while (!settled) await messages.receiveSome(peer);
          })();
        }
      },
    );
    await reading;
    message.data.fill(254);
    messages.taken(message, takenOf(row, cancellation, outcome));
    if (cancellation === "close") target = row.open(client.dup());
  }
  const finished = target.finish();
  client.close();
  messages.received(await receiveToEnd(peer));
  await within(finished);
  messages.check();
}

function takenOf(
  row: SendRow,
  cancellation: Cancellation,
  outcome: Outcome<number | null>,
): number | null {
  if ("value" in outcome) {
    if (outcome.value === null) assertEquals(cancellation, "EAGAIN");
    else assertGreater(outcome.value, 0);
    return outcome.value ?? 0;
  }
  // A close cancels no send.
  assert(cancellation !== "close", `${outcome.error}`);
  if (!isCancelled(cancellation, outcome.error)) throw outcome.error;
  return row.cancelled(outcome.error, row.size);
}

for (const cancellation of cancellations) {
  Deno.test(`sendto() of datagrams sends each whole or not at all when cancelled by ${cancellation}`, async () => {
    using probe = await ArrivalProbe.open();
    using receiver = udpSocket();
    const to = receiver.getsockname();
    let sender = udpSocket();
    const taken: number[] = [];
    let number = 0;
    for (const timing of timingsOf(cancellation)) {
      const before = taken.length;
      const target = { socket: sender, close: () => sender.close() };
      const datagram = numbered(1000, ++number);
      const outcome = await cancelAt(
        target,
        cancellation,
        timing,
        probe,
        (options) => sender.sendto(datagram, to, options),
        async () => {},
      );
      datagram.fill(255);
      if ("value" in outcome) {
        assertEquals(outcome.value, 1000);
        taken.push(number);
      } else {assert(
          cancellation !== "close" && isCancelled(cancellation, outcome.error),
        );}
      if (cancellation === "close") {
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
