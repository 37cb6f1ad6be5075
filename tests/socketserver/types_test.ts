/**
 * What compiles and what does not: this file is checked with all others, and
 * nothing in it runs but one assertion.
 */

import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import * as socketserver from "@pystd/socket/socketserver";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

function same<A, B>(_: Same<A, B>): void {}

type Inet = socket.InetAddress | socket.Inet6Address;

class Stream extends socketserver.StreamRequestHandler {
  override async handle() {
    const line = await this.rfile.readline();
    if (line !== null) await this.wfile.write(line);
    const [host, port] = this.client_address;
    same<typeof port, number>(true);
    same<typeof host, string>(true);
    await this.connection.sendall(await this.request.recv(1));
  }
}

class Datagram extends socketserver.BaseRequestHandler<socketserver.UDPServer> {
  override async handle() {
    const [data, sock] = this.request;
    await sock.sendto(data, this.client_address);
  }
}

class Local
  extends socketserver.BaseRequestHandler<socketserver.UnixStreamServer> {
  override handle() {
    same<typeof this.client_address, string>(true);
    same<typeof this.request, socket.Socket<string>>(true);
  }
}

class Server extends socketserver.ThreadingMixIn(socketserver.TCPServer) {
  static override allow_reuse_address = true;
  static override address_family = socket.AF_INET6;
  override daemon_threads = true;
  count = 0;

  override async verify_request(
    request: socket.Socket<Inet>,
    client_address: Inet,
  ) {
    return client_address[1] > 0 && await super.verify_request(
      request,
      client_address,
    );
  }

  override server_close() {
    this.count = 0;
    return super.server_close();
  }
}

class Counting extends socketserver.StreamRequestHandler<Server> {
  override handle() {
    this.server.count++;
  }
}

function notRun(): void {
  const tcp = new socketserver.TCPServer(["127.0.0.1", 0], Stream);
  same<typeof tcp.server_address, Inet>(true);
  same<typeof tcp.socket, socket.Socket<Inet>>(true);
  const mine = new Server(["::1", 0], Counting);
  const plain: socketserver.TCPServer = mine;
  const any: socketserver.BaseServer[] = [tcp, mine, plain];
  any.push(new socketserver.UDPServer(["", 0], Datagram));
  any.push(new socketserver.ThreadingUnixStreamServer("/path", Local));
  const threading: socketserver.ThreadingTCPServer = new socketserver
    .ThreadingTCPServer(["", 0], Stream, { bind_and_activate: false });
  threading.block_on_close = false;

  // @ts-expect-error A handler of datagrams handles no connection.
  new socketserver.TCPServer(["", 0], Datagram);
  // @ts-expect-error A handler of connections handles no datagram.
  new socketserver.UDPServer(["", 0], Stream);
  // @ts-expect-error A TCP server has no path.
  new socketserver.TCPServer("/path", Stream);
  // @ts-expect-error A Unix server has one.
  new socketserver.UnixStreamServer(["", 0], Local);

  class _Field extends socketserver.TCPServer {
    // @ts-expect-error It exists too late for the constructor: static.
    override request_queue_size = 7;
  }
}

Deno.test("socketserver's types give a request its type", () => {
  assertEquals(typeof notRun, "function");
});
