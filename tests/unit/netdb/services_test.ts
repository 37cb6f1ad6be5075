import { assert, assertEquals } from "@std/assert";
import { portOf, protocolOf, serviceOf } from "../../../src/netdb/services.ts";

Deno.test("serviceOf() returns names that portOf() converts back", () => {
  let count = 0;
  for (let port = 0; port <= 65535; port++) {
    for (const protocol of [undefined, "tcp", "udp", "sctp"]) {
      const name = serviceOf(port, protocol);
      if (name === undefined) continue;
      assert(/^[a-z0-9][a-z0-9-]*$/.test(name), name);
      // "dicom" is an alias of another port before it is this one's name.
      if (port === 11112) continue;
      // Without a protocol the first one of either has it.
      if (protocol !== undefined) assertEquals(portOf(name, protocol), port);
      count++;
    }
  }
  assert(count > 300, `${count} names`);
});

Deno.test("portOf() uses the first line that has the name", () => {
  assertEquals(portOf("dicom"), 104);
  assertEquals(portOf("syslog"), 514);
  assertEquals(portOf("nothing"), undefined);
  assertEquals(portOf("http", "nothing"), undefined);
});

Deno.test("portOf() and protocolOf() do not find inherited properties", () => {
  for (const name of ["constructor", "__proto__", "", "7", "7/tcp"]) {
    assertEquals(portOf(name), undefined);
    assertEquals(protocolOf(name), undefined);
  }
});

Deno.test("protocolOf() knows every protocol of the constants", () => {
  const all = { ip: 0, icmp: 1, igmp: 2, tcp: 6, udp: 17, ipv6: 41, sctp: 132 };
  for (const [name, number] of Object.entries(all)) {
    assertEquals(protocolOf(name), number);
  }
});
