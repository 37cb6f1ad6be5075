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
