import { assertEquals, assertStrictEquals } from "@std/assert";
import { AF_INET, SOCK_STREAM } from "../../../src/base/constants.ts";
import {
  Description,
  type Descriptor,
  findDescriptor,
  openDescriptor,
} from "../../../src/endpoint/description.ts";

function description(): Description {
  return new Description(AF_INET, SOCK_STREAM, 0);
}

function open(count: number): Descriptor[] {
  return Array.from({ length: count }, () => openDescriptor(description()));
}

Deno.test("openDescriptor() takes the smallest free number from 3 up", async () => {
  const descriptors = open(6);
  assertEquals(descriptors.map(({ number }) => number), [3, 4, 5, 6, 7, 8]);
  for (const i of [4, 0, 2]) await descriptors[i]!.close();
  const more = open(4);
  assertEquals(more.map(({ number }) => number), [3, 5, 7, 9]);
  for (const each of [...descriptors, ...more]) await each.close();
});

Deno.test("findDescriptor() finds open descriptors only", async () => {
  const [descriptor] = open(1) as [Descriptor];
  assertStrictEquals(findDescriptor(descriptor.number), descriptor);
  await descriptor.close();
  assertEquals(findDescriptor(descriptor.number), undefined);
  for (const number of [0, 1, 2, -1, 12345, NaN]) {
    assertEquals(findDescriptor(number), undefined);
  }
});

Deno.test("a descriptor closes with its last holder", async () => {
  const [descriptor] = open(1) as [Descriptor];
  descriptor.hold();
  descriptor.hold();
  await descriptor.release();
  await descriptor.release();
  assertEquals(descriptor.closed, false);
  await descriptor.release();
  assertEquals(descriptor.closed, true);
  assertEquals(findDescriptor(descriptor.number), undefined);
});

Deno.test("a descriptor closed under its holders stays closed once", async () => {
  const [stale] = open(1) as [Descriptor];
  stale.hold();
  await stale.close();
  const [next] = open(1) as [Descriptor];
  assertEquals(next.number, stale.number);
  await stale.release();
  await stale.release();
  await stale.close();
  assertEquals(next.closed, false);
  assertStrictEquals(findDescriptor(next.number), next);
  await next.close();
});

Deno.test("a description closes with its last descriptor", async () => {
  const shared = description();
  const first = openDescriptor(shared);
  const second = openDescriptor(shared);
  await first.close();
  assertEquals(shared.endpoint.state, "unconnected");
  await second.close();
  assertEquals(shared.endpoint.state, "closed");
});

Deno.test("openDescriptor() takes the smallest free number after any closes", async () => {
  // A linear congruential generator, so that every run is the same.
  let seed = 1;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const all = open(200);
  const used = new Set(all.map(({ number }) => number));
  for (let round = 0; round < 2000; round++) {
    if (random(2) === 0 && all.length > 0) {
      const [closed] = all.splice(random(all.length), 1);
      used.delete(closed!.number);
      await closed!.close();
      continue;
    }
    let smallest = 3;
    while (used.has(smallest)) smallest++;
    const [opened] = open(1) as [Descriptor];
    assertEquals(opened.number, smallest);
    used.add(smallest);
    all.push(opened);
  }
  for (const each of all) await each.close();
});
