import { assertEquals } from "@std/assert";
import deno from "../../deno.json" with { type: "json" };
import { runDeno } from "../support/child.ts";

Deno.test("every entry point loads after a program has frozen the intrinsics", async () => {
  const urls = Object.values(deno.exports).map((path) =>
    import.meta.resolve(`../../${path}`)
  );
  const { stdout, stderr } = await runDeno({
    code: `
      const seen = new Set();
      function freeze(value) {
        const isObject = typeof value === "object" || typeof value === "function";
        if (!isObject || value === null || seen.has(value)) return;
        seen.add(Object.freeze(value));
        for (const key of Reflect.ownKeys(value)) {
          const { value: inner, get, set } = Object.getOwnPropertyDescriptor(value, key);
          for (const each of [inner, get, set]) freeze(each);
        }
        freeze(Object.getPrototypeOf(value));
      }
      for (const each of [
        Array, ArrayBuffer, Error, Function, Iterator, JSON, Map, Math, Number,
        Object, Promise, RangeError, Reflect, RegExp, Set, String, Symbol,
        TypeError, Uint8Array, WeakMap, WeakRef,
      ]) freeze(each);
      for (const url of ${JSON.stringify(urls)}) await import(url);
      const socket = await import(${JSON.stringify(urls[0])});
      const error = new socket.ConnectionRefusedError(111);
      console.log(error.name, String(new socket.gaierror(-2)).split(":")[0]);
      using server = socket.create_server(["127.0.0.1", 0]);
      using client = await socket.create_connection(server.getsockname());
      const [conn] = await server.accept();
      await client.sendall(new Uint8Array([1]));
      console.log((await conn.recv(10)).length);
      conn.close();`,
    permissions: ["--allow-net=127.0.0.1", "--allow-read"],
  });
  assertEquals([stdout, stderr], ["ConnectionRefusedError gaierror\n1\n", ""]);
});
