/** The API of UDP that the module uses with `--unstable-net`, or without. */
export type UdpApi = "Deno.listenDatagram" | "node:dgram";

/** Both. */
export const udpApis: readonly UdpApi[] = ["Deno.listenDatagram", "node:dgram"];

/**
 * Chooses the API of the sockets that are bound from now on, until the end of
 * the block. `Deno.listenDatagram` is all that `--unstable-net` adds.
 *
 * @param api The one to use; the flag must be given for `Deno.listenDatagram`.
 */
export function useUdpApi(api: UdpApi): Disposable {
  const { listenDatagram } = Deno;
  if (api === "node:dgram") Reflect.set(Deno, "listenDatagram", undefined);
  return {
    [Symbol.dispose]() {
      Reflect.set(Deno, "listenDatagram", listenDatagram);
    },
  };
}
