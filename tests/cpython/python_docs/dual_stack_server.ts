// The example of create_server()
import * as socket from "@pystd/socket";

const addr = ["", Number(Deno.args[0] ?? 8080)] as const; // all interfaces, port 8080
let s: socket.Socket;
if (socket.has_dualstack_ipv6()) {
  s = socket.create_server(addr, {
    family: socket.AF_INET6,
    dualstack_ipv6: true,
  });
} else {
  s = socket.create_server(addr);
}

// Not there: who connects.
console.log("Listening on", s.getsockname()[1]);
for await (const [conn, peer] of s) {
  console.log("Connected by", peer[0]);
  conn.close();
}
