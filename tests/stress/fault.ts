import { listener, type TcpSocket } from "../support/pair.ts";
import { PythonPeer } from "../support/python_peer.ts";
import { python } from "../support/python.ts";
import { within } from "../support/within.ts";
import type { Random } from "./random.ts";

/** Something that goes wrong outside, and what must come of it. */
export interface Fault {
  readonly name: string;
  /** Why it cannot be tried here. */
  readonly skipped?: string | undefined;
  readonly run: (random: Random) => Promise<void>;
}

/** Why a fault whose peer is CPython cannot be tried. */
export const withoutPython: string | undefined = python === null
  ? "no python3"
  : undefined;

/** A server of ours, and a CPython that connects to it. */
export class Scene implements AsyncDisposable {
  readonly server: TcpSocket;
  readonly peer: PythonPeer;

  private constructor(server: TcpSocket, peer: PythonPeer) {
    this.server = server;
    this.peer = peer;
  }

  static async open(): Promise<Scene> {
    const server = listener();
    const peer = new PythonPeer();
    const port = server.getsockname()[1];
    await peer.run(`address = ("127.0.0.1", ${port}); p = None`);
    return new Scene(server, peer);
  }

  /** A new connection, whose other end is `p` to the peer. */
  async connect(): Promise<TcpSocket> {
    await this.peer.run("p = create_connection(address)");
    return (await within(this.server.accept()))[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.peer[Symbol.asyncDispose]();
  }
}
