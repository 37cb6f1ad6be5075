import type { Bytes } from "../base/checks.ts";
import { SHUT_WR } from "../base/constants.ts";
import type { ReceiveSink } from "../endpoint/endpoint.ts";

/** Receives once, and delivers to the sink. */
type Receive = (signal: AbortSignal, sink: ReceiveSink) => Promise<unknown>;

/**
 * A stream of received bytes: one receive for each read and none ahead, so that
 * everything else stays in the socket for those who come after. When it has been
 * cancelled, has failed, or had to give bytes back, `onEnd` is called.
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
    let isEnd = false;
    const sink: ReceiveSink = current = {
      // The reader that waited may have released the lock.
      get active() {
        return readable.locked;
      },
      push(data) {
        current = undefined;
        isEnd = data === null;
        if (data !== null) stream.enqueue(data);
        else stream.close();
      },
      // A chunk in the stream's own queue has no reader yet: the one that asked
      // has released the lock, and another one has not read.
      get taken() {
        return isEnd || stream.desiredSize === 0;
      },
      withdraw() {
        if (signal.aborted) return;
        onEnd();
        stream.error(new TypeError("Another call has received the bytes"));
      },
    };
    receive(signal, sink).then(() => {
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
      // Cancels a pending receive; its bytes stay in the socket.
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
