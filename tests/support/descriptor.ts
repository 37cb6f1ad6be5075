import * as socket from "@pystd/socket";

/**
 * The descriptor that the next socket gets: the same as before, if all that was
 * opened meanwhile is closed.
 */
export function nextDescriptor(): number {
  using s = socket.socket();
  return s.fileno();
}
