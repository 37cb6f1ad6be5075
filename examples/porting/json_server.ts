// deno run --allow-net=127.0.0.1:8000 json_server.ts [host] [port]
import * as socket from "@pystd/socket";
import * as selectors from "@pystd/socket/selectors";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const LIMIT = 1024 * 1024;
const { EVENT_READ, EVENT_WRITE } = selectors;
const decoder = new TextDecoder("utf-8", { fatal: true });

function concat(a: Uint8Array, b: Uint8Array) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

class Connection {
  #sock: socket.Socket;
  #received: Uint8Array = new Uint8Array(0);
  #toSend: Uint8Array = new Uint8Array(0);

  constructor(sock: socket.Socket) {
    this.#sock = sock;
  }

  async read() {
    const data = await this.#sock.recv(4096);
    if (data.length === 0) throw new Error("The client has closed");
    this.#received = concat(this.#received, data);
    while (this.#received.length >= 4) {
      const { buffer, byteOffset } = this.#received;
      const size = new DataView(buffer, byteOffset).getUint32(0);
      if (size > LIMIT) throw new RangeError(`${size} are too many`);
      if (this.#received.length < 4 + size) break;
      const text = decoder.decode(this.#received.subarray(4, 4 + size));
      this.#received = this.#received.subarray(4 + size);
      const numbers: number[] = JSON.parse(text).numbers;
      const sum = numbers.reduce((a, b) => a + b, 0);
      const answer = new TextEncoder().encode(JSON.stringify({ sum }));
      const header = new Uint8Array(4);
      new DataView(header.buffer).setUint32(0, answer.length);
      this.#toSend = concat(this.#toSend, concat(header, answer));
    }
  }

  async write() {
    const sent = await this.#sock.send(this.#toSend);
    this.#toSend = this.#toSend.subarray(sent);
  }

  async handle(mask: number) {
    if (mask & EVENT_READ) await this.read();
    if (this.#toSend.length > 0) await this.write();
    let events = EVENT_READ;
    if (this.#toSend.length > 0) events |= EVENT_WRITE;
    selector.modify(this.#sock, events, this);
  }
}

type Data = Connection | null;
const selector = new selectors.DefaultSelector<socket.Socket, Data>();
const server = socket.create_server([HOST, PORT]);
server.setblocking(false);
selector.register(server, EVENT_READ, null);
console.log(`Listening on ${server.getsockname().join(":")}`);
while (true) {
  for (const [key, mask] of await selector.select()) {
    if (key.data === null) {
      const [conn] = await server.accept();
      conn.setblocking(false);
      selector.register(conn, EVENT_READ, new Connection(conn));
      continue;
    }
    try {
      await key.data.handle(mask);
    } catch (error) {
      if (error instanceof socket.BlockingIOError) continue;
      console.log("Closed:", String(error));
      selector.unregister(key.fileobj);
      key.fileobj.close();
    }
  }
}
