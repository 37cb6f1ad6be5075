import { SHUT_WR } from "../constants.ts";
import type { Taker } from "./endpoint.ts";
import type { SignalOption } from "./wait.ts";

/**
 * A stream of what is received: one receive for each pull and none ahead, so
 * that whoever leaves the stream finds everything else in the socket.
 *
 * `receive` gives what it gets to the taker; when the stream has been cancelled
 * or has failed, `onEnd` is called.
 */
export function toReadable(
  receive: (options: SignalOption, taker: Taker) => Promise<unknown>,
  onEnd: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const controller = new AbortController();
  const { signal } = controller;
  const readable = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(stream) {
      const taker: Taker = {
        // A reader that waits may release its lock.
        get present() {
          return readable.locked;
        },
        take(data) {
          if (data !== null) stream.enqueue(data);
          else stream.close();
        },
      };
      try {
        await receive({ signal }, taker);
      } catch (error) {
        if (signal.aborted) return;
        onEnd();
        throw error;
      }
    },
    cancel() {
      onEnd();
      // Ends a pull that waits; what it would have got stays in the socket.
      controller.abort();
    },
  }, { highWaterMark: 0 });
  return readable;
}

/** What a writable stream needs of a connected socket. */
interface Connection {
  sendall(data: Uint8Array): Promise<void>;
  shutdown(how: number): Promise<void>;
}

/** A stream whose chunks are sent; closing it half-closes the connection. */
export function toWritable(
  socket: Connection,
  reset: () => void,
  onError: () => void,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(stream) {
      // At once: `abort` itself is called only after a pending write.
      stream.signal.addEventListener("abort", reset);
    },
    async write(chunk) {
      try {
        await socket.sendall(chunk);
      } catch (error) {
        onError();
        throw error;
      }
    },
    close() {
      return socket.shutdown(SHUT_WR);
    },
  });
}
