import { assert } from "@std/assert";
import * as socket from "@pystd/socket";

/**
 * The descriptor that the next socket gets: the same as before, if all that was
 * opened meanwhile is closed. It is a smaller one if the event loop has turned,
 * and the garbage collector has closed a socket that another test left open.
 */
export function nextDescriptor(): number {
  using s = socket.socket();
  return s.fileno();
}

/**
 * Opens the socket that gets a number. Others get smaller ones that the garbage
 * collector has freed meanwhile.
 *
 * @param number The number, which is free.
 * @param open Opens a socket.
 * @param stack Closes all that are opened.
 */
export function openAt<S extends socket.Socket>(
  number: number,
  open: () => S,
  stack: DisposableStack,
): S {
  for (;;) {
    const s = stack.use(open());
    if (s.fileno() === number) return s;
    assert(s.fileno() < number, `${number} is not free`);
  }
}
