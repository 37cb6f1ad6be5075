/** Splits text into lines, as TextLineStream of `@std/streams` does. */
class LineSplitter extends TransformStream<string, string> {
  #rest = "";

  constructor() {
    super({
      transform: (chunk, controller) => {
        let text = this.#rest + chunk;
        let end = text.indexOf("\n");
        while (end >= 0) {
          const cut = text[end - 1] === "\r" ? end - 1 : end;
          controller.enqueue(text.slice(0, cut));
          text = text.slice(end + 1);
          end = text.indexOf("\n");
        }
        this.#rest = text;
      },
      flush: (controller) => {
        if (this.#rest !== "") controller.enqueue(this.#rest);
      },
    });
  }
}

/** The lines of a stream by way of the platform's streams. */
export function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncIterator<string> {
  return stream
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new LineSplitter())
    .values();
}

/** The lines of a stream, as many at a time as a piece of it has. */
export async function* splitByHand(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string[], void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield lines;
  }
}
