import { SHUT_WR } from "../constants.ts";

/** What the streams need of a connected socket. */
interface Connection {
  recv(
    bufsize: number,
    flags: number,
    options: { signal: AbortSignal },
  ): Promise<Uint8Array>;
  sendall(data: Uint8Array): Promise<void>;
  shutdown(how: number): Promise<void>;
}

const CHUNK_BYTES = 65536;

/**
 * A stream of what is received: one `recv` for each pull and none ahead, so
 * that whoever leaves the stream finds everything else in the socket.
 */
export function toReadable(
  socket: Connection,
  onCancel: () => void,
): ReadableStream<Uint8Array> {
  const controller = new AbortController();
  const { signal } = controller;
  return new ReadableStream<Uint8Array>({
    async pull(stream) {
      try {
        const data = await socket.recv(CHUNK_BYTES, 0, { signal });
        if (data.length > 0) stream.enqueue(data);
        else stream.close();
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
    cancel() {
      onCancel();
      // Ends a pull that waits; what it would have got stays in the socket.
      controller.abort();
    },
  }, { highWaterMark: 0 });
}

/** A stream whose chunks are sent; closing it half-closes the connection. */
export function toWritable(
  socket: Connection,
  reset: () => void,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(stream) {
      // At once: `abort` itself is called only after a pending write.
      stream.signal.addEventListener("abort", reset);
    },
    write(chunk) {
      return socket.sendall(chunk);
    },
    close() {
      return socket.shutdown(SHUT_WR);
    },
  });
}
