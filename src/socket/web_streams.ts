import { SHUT_WR } from "../base/constants.ts";
import type { ReceiveSink } from "../endpoint/endpoint.ts";
import type { SignalOption } from "../wait/waiter.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Receives once, and gives what comes to the sink. */
type Receive = (options: SignalOption, sink: ReceiveSink) => Promise<unknown>;

/**
 * A stream of what is received: one receive for each read and none ahead, so
 * that whoever leaves the stream finds everything else in the socket. When it
 * has been cancelled or has failed, `onEnd` is called.
 */
export function toReadable(
  receive: Receive,
  onEnd: () => void,
): ReadableStream<Bytes> {
  const cancelling = new AbortController();
  const { signal } = cancelling;
  /** The receive under way, and whether another read has begun meanwhile. */
  let current: ReceiveSink | undefined;
  let readAgain = false;

  function begin(stream: ReadableStreamDefaultController<Bytes>): void {
    readAgain = false;
    const sink: ReceiveSink = current = {
      // Who waited may have released the lock.
      get active() {
        return readable.locked;
      },
      push(data) {
        current = undefined;
        if (data !== null) stream.enqueue(data);
        else stream.close();
      },
    };
    receive({ signal }, sink).then(() => {
      if (current !== sink) return;
      current = undefined;
      if (readAgain) begin(stream);
    }, (error) => {
      if (signal.aborted) return;
      onEnd();
      stream.error(error);
    });
  }

  const readable = new ReadableStream<Bytes>({
    // Does not wait: while a pull is under way the stream would put the next
    // read off, behind calls that are made after it.
    pull(stream) {
      if (current === undefined) begin(stream);
      else readAgain = true;
    },
    cancel() {
      onEnd();
      // Ends a receive that waits; what it would have got stays in the socket.
      cancelling.abort();
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
      stream.signal.addEventListener("abort", () => {
        onError();
        reset();
      });
    },
    async write(chunk) {
      try {
        await socket.sendall(chunk);
      } catch (error) {
        onError();
        throw error;
      }
    },
    async close() {
      try {
        await socket.shutdown(SHUT_WR);
      } catch (error) {
        onError();
        throw error;
      }
    },
  });
}
