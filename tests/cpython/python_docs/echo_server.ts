// Echo server program
import * as socket from "@pystd/socket";

const HOST = Deno.args[0] ?? ""; // Symbolic name meaning all available interfaces
const PORT = Number(Deno.args[1] ?? 50007); // Arbitrary non-privileged port
{
  using s = socket.socket(socket.AF_INET, socket.SOCK_STREAM);
  s.bind([HOST, PORT]);
  s.listen(1);
  console.log("Listening on", s.getsockname()[1]); // Not there: its port is fixed.
  const [conn, addr] = await s.accept();
  {
    using _ = conn;
    console.log("Connected by", addr);
    while (true) {
      const data = await conn.recv(1024);
      if (!data.length) break;
      await conn.sendall(data);
    }
  }
}
