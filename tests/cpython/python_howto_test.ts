/**
 * The programs of Python's Socket Programming HOWTO:
 * https://docs.python.org/3/howto/sockets.html
 */

import { assertEquals, assertRejects } from "@std/assert";
import * as socket from "@pystd/socket";
import { select } from "@pystd/socket/select";
import { decode, encode, join } from "../support/bytes.ts";
import { tcpPair } from "../support/pair.ts";
import { within } from "../support/within.ts";

const MSGLEN = 300_000;

/** demonstration class only - coded for clarity, not efficiency */
class MySocket {
  sock: socket.Socket<socket.InetAddress>;

  constructor(sock: socket.Socket<socket.InetAddress> | null = null) {
    if (sock === null) {
      this.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
    } else {
      this.sock = sock;
    }
  }

  async connect(host: string, port: number): Promise<void> {
    await this.sock.connect([host, port]);
  }

  async mysend(msg: Uint8Array): Promise<void> {
    let totalsent = 0;
    while (totalsent < MSGLEN) {
      const sent = await this.sock.send(msg.subarray(totalsent));
      if (sent === 0) throw new Error("socket connection broken");
      totalsent = totalsent + sent;
    }
  }

  async myreceive(): Promise<Uint8Array> {
    const chunks = [];
    let bytes_recd = 0;
    while (bytes_recd < MSGLEN) {
      const chunk = await this.sock.recv(Math.min(MSGLEN - bytes_recd, 2048));
      if (!chunk.length) throw new Error("socket connection broken");
      chunks.push(chunk);
      bytes_recd = bytes_recd + chunk.length;
    }
    return join(chunks);
  }
}

/** The main loop of the web server, with as many clients as there are. */
async function serve(
  serversocket: socket.Socket<socket.InetAddress>,
  client_thread: (clientsocket: MySocket) => Promise<void>,
  clients: number,
): Promise<void> {
  const threads = [];
  while (threads.length < clients) {
    // accept connections from outside
    const [clientsocket, _address] = await serversocket.accept();
    // now do something with the clientsocket
    // in this case, we'll pretend this is a threaded server
    const ct = client_thread(new MySocket(clientsocket));
    threads.push(ct);
  }
  await Promise.all(threads);
}

function openServer(): socket.Socket<socket.InetAddress> {
  // create an INET, STREAMing socket
  const serversocket = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  // bind the socket to a host, and a port
  serversocket.bind(["127.0.0.1", 0]);
  // become a server socket
  serversocket.listen(5);
  return serversocket;
}

Deno.test("the HOWTO's MySocket carries messages of a fixed length, for concurrent clients", async () => {
  using serversocket = openServer();
  const serving = serve(serversocket, async (ct) => {
    await ct.mysend((await ct.myreceive()).toReversed());
    ct.sock.close();
  }, 5);
  const [host, port] = serversocket.getsockname();
  const clients = Array.from({ length: 5 }, async (_, i) => {
    const s = new MySocket();
    await s.connect(host, port);
    const message = Uint8Array.from({ length: MSGLEN }, (_, at) => at * 7 + i);
    await s.mysend(message);
    assertEquals(await s.myreceive(), message.reverse());
    s.sock.close();
  });
  await within(Promise.all([serving, ...clients]));
});

Deno.test("the HOWTO's MySocket notices a broken connection", async () => {
  await using pair = await tcpPair();
  await pair.client.sendall(new Uint8Array(MSGLEN - 1));
  pair.client.close();
  await assertRejects(
    () => within(new MySocket(pair.peer).myreceive()),
    Error,
    "socket connection broken",
  );
});

Deno.test("the HOWTO's shutdown(1) lets a server detect the end of a request", async () => {
  await using pair = await tcpPair();
  const server = async () => {
    let request = "";
    while (true) {
      const data = await pair.peer.recv(4096);
      if (!data.length) break;
      request += decode(data);
    }
    await pair.peer.sendall(encode(`You said ${request}`));
    pair.peer.close();
  };
  const client = async () => {
    await pair.client.send(encode("GET"));
    // "This client is done sending, but can still receive."
    await pair.client.shutdown(1);
    const file = pair.client.makefile();
    assertEquals(await file.read(), "You said GET");
    await file.close();
  };
  await within(Promise.all([server(), client()]));
});

Deno.test("the HOWTO's flush() sends what write() has buffered", async () => {
  await using pair = await tcpPair();
  await using file = pair.client.makefile("rw");
  await file.write("question\n");
  await assertRejects(
    () => pair.peer.recv(100, socket.MSG_DONTWAIT),
    socket.BlockingIOError,
  );
  await file.flush();
  assertEquals(decode(await within(pair.peer.recv(100))), "question\n");
  await pair.peer.sendall(encode("answer\n"));
  assertEquals(await within(file.readline()), "answer\n");
});

Deno.test("the HOWTO's select() reports the sockets that are ready to read and to write", async () => {
  await using pair = await tcpPair();
  using serversocket = openServer();
  const { client, peer } = pair;
  for (const s of [client, peer, serversocket]) s.setblocking(false);
  const potential_readers = [client, peer, serversocket];
  const potential_writers = [client];
  const potential_errs = [...potential_readers];
  const timeout = 60;
  const numbers = (ready: socket.Socket[]) => ready.map((s) => s.fileno());

  await peer.sendall(encode("x"));
  let [ready_to_read, ready_to_write, in_error] = await within(select(
    potential_readers,
    potential_writers,
    potential_errs,
    timeout,
  ));
  assertEquals(numbers(ready_to_write), numbers([client]));
  assertEquals(in_error, []);
  // What was sent to it may not have come yet.
  [ready_to_read] = await within(select([client], [], [], timeout));
  assertEquals(decode(await client.recv(10)), "x");

  // "If it comes out in the readable list, your accept will (almost certainly)
  // work."
  using visitor = socket.socket();
  const connecting = visitor.connect(serversocket.getsockname());
  [ready_to_read, ready_to_write, in_error] = await within(
    select(potential_readers, [], potential_errs, timeout),
  );
  assertEquals(numbers(ready_to_read), numbers([serversocket]));
  const [conn] = await serversocket.accept();
  conn.close();
  await connecting;
});
