import { assertEquals, assertMatch } from "@std/assert";
import { processTest } from "../support/child.ts";
import { type Checked, typeCheck } from "../support/type_check.ts";
import * as select from "./types/select.ts";
import * as sockets from "./types/sockets.ts";

const prelude = `
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import type { Address, Inet6Address, InetAddress, Socket, UnixAddress } from "@pystd/socket";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;
function same<A, B>(_: Same<A, B>) {}

class Counting extends socket.Socket<InetAddress> {
  count = 0;
}

const s = socket.socket();
const file = s.makefile("rb");
const v4 = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
const v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM);
const unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);
const udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);
const bytes = new TextEncoder().encode("hello");
const buffer = new Uint8Array(10);
const signal = AbortSignal.timeout(1);
`;

const parts = [sockets, select];

/**
 * One check of all programs, since the compiler needs most of its time for the
 * module.
 */
let checking: Promise<Map<string, Checked>> | undefined;

/** What the compiler reports of programs. */
async function check(programs: readonly string[]): Promise<Checked[]> {
  const all = parts.flatMap(({ accepted, refused }) => [
    ...Object.values(accepted),
    ...refused.map(([code]) => code),
  ]);
  checking ??= typeCheck(prelude, all)
    .then((checked) => new Map(checked.map((each) => [each.code, each])));
  const checked = await checking;
  return programs.map((code) => checked.get(code)!);
}

async function compile(accepted: Readonly<Record<string, string>>) {
  const checked = await check(Object.values(accepted));
  const wrong = Object.keys(accepted)
    .map((name, i) => ({ name, errors: checked[i]!.errors }))
    .filter(({ errors }) => errors.length > 0);
  assertEquals(wrong, []);
}

processTest(
  "types let the documented programs compile",
  () => compile(sockets.accepted),
);

processTest(
  "types of select and selectors need no cast",
  () => compile(select.accepted),
);

processTest(
  "types reject wrong addresses, arguments and results",
  async () => {
    const refused = parts.flatMap((part) => part.refused);
    const checked = await check(refused.map(([code]) => code));
    for (const [i, { code, errors }] of checked.entries()) {
      assertEquals(errors.length, 1, `${code}\n${errors.join("\n")}`);
      assertMatch(errors[0]!, refused[i]![1], code);
    }
  },
);
