/**
 * Options and descriptors: what a socket reports and accepts besides its bytes.
 *
 *     deno run --allow-net=127.0.0.1 examples/options.ts [host] [port]
 *
 * @module
 */

import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? "127.0.0.1";
const PORT = Number(Deno.args[1] ?? 8000);
const { SOL_SOCKET, SO_ACCEPTCONN, SO_KEEPALIVE, SO_REUSEADDR } = socket;

const server = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
console.log("AF_INET:", server.family === socket.AF_INET);
console.log("SOCK_STREAM:", server.type === socket.SOCK_STREAM);
console.log("SO_REUSEADDR:", server.getsockopt(SOL_SOCKET, SO_REUSEADDR));
server.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
console.log("SO_REUSEADDR:", server.getsockopt(SOL_SOCKET, SO_REUSEADDR));
server.bind([HOST, PORT]);
server.listen();
console.log("SO_ACCEPTCONN:", server.getsockopt(SOL_SOCKET, SO_ACCEPTCONN));

const s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1);
s.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
await s.connect(server.getsockname());
const [conn, addr] = await server.accept();
console.log("same address:", addr.join() === s.getsockname().join());
console.log("SO_KEEPALIVE:", s.getsockopt(SOL_SOCKET, SO_KEEPALIVE, 4));

try {
  s.setsockopt(SOL_SOCKET, socket.SO_RCVBUF, 65536);
} catch (error) {
  console.log(String(error));
}

console.log("blocking, timeout:", s.getblocking(), s.gettimeout());
s.settimeout(2.5);
console.log("blocking, timeout:", s.getblocking(), s.gettimeout());

// A duplicate has a descriptor of its own, and the same connection.
const twin = s.dup();
console.log("descriptors:", server.fileno(), s.fileno(), twin.fileno());
s.close();
console.log("after close:", s.fileno());
await twin.sendall(new TextEncoder().encode("sent by the duplicate"));
twin.close();
console.log("received:", new TextDecoder().decode(await conn.recv(1024)));

conn.close();
server.close();
