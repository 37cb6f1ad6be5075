import { assertEquals, assertRejects } from "@std/assert";
import { DenoMulticast } from "../../../src/runtime/deno_datagram.ts";
import type {
  DenoDatagramConn,
  JoinedGroup,
  Membership,
} from "../../../src/runtime/deno_net.ts";

/** A socket on which groups can be joined while `works` is true. */
class FakeConn implements DenoDatagramConn {
  readonly addr: Deno.NetAddr = {
    transport: "udp",
    hostname: "127.0.0.1",
    port: 1,
  };
  works = false;
  readonly options: string[] = [];

  joinMulticastV4(_group: string, address: string): Promise<JoinedGroup> {
    return this.works && address === "127.0.0.1"
      ? Promise.resolve({
        leave: () => Promise.resolve(),
        setLoopback: async (on) => void this.options.push(`loop ${on}`),
        setTTL: async (ttl) => void this.options.push(`ttl ${ttl}`),
      })
      : Promise.reject(new Error("No such device"));
  }

  joinMulticastV6(): Promise<JoinedGroup> {
    throw new Error("Not used");
  }

  receive(): Promise<[Uint8Array, Deno.Addr]> {
    throw new Error("Not used");
  }

  send(): Promise<number> {
    throw new Error("Not used");
  }

  close(): void {}
  ref(): void {}
  unref(): void {}
}

function membership(address: string): Membership {
  return { group: "239.255.77.1", address, index: 0 };
}

Deno.test("DenoMulticast sets an option again after it could not", async () => {
  const conn = new FakeConn();
  const multicast = new DenoMulticast(conn, true);
  await assertRejects(() => multicast.setLoop(false), Error, "No such device");
  await assertRejects(() => multicast.setTtl(4), Error, "No such device");
  conn.works = true;
  await multicast.setLoop(false);
  await multicast.setTtl(4);
  assertEquals(conn.options, ["loop false", "ttl 4"]);
});

Deno.test("DenoMulticast sets an option although a group cannot be joined", async () => {
  const conn = new FakeConn();
  conn.works = true;
  const multicast = new DenoMulticast(conn, true);
  const joining = multicast.join(membership("10.9.8.7"));
  const setting = multicast.setTtl(7);
  await assertRejects(() => joining, Error, "No such device");
  await setting;
  assertEquals(conn.options, ["ttl 7"]);
});
