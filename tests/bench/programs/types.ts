/** What the ends of a workload do; each program has a part for each. */
export type Kind =
  /** Messages that come back, one after another on each connection. */
  | "pingpong"
  /** Bytes that go one way, from the server to the client. */
  | "stream"
  /** Lines of text that go the same way. */
  | "lines"
  /** Connections that carry a byte each way. */
  | "connect"
  /** Datagrams that come back. */
  | "udpPingpong"
  /** Datagrams from the client to a server that looks at them afterwards. */
  | "udpSend"
  /** Datagrams from the client, as fast as it can, to the server. */
  | "udpReceive"
  /** Connections on which nothing comes while the client waits. */
  | "idle";

/** A workload, for one process. */
export interface Task {
  kind: Kind;
  /** Which ends this process is. */
  role: "both" | "server" | "client";
  /** The server's port, for a client alone. */
  port: number;
  /** Bytes of a message, record or datagram. */
  size: number;
  /** Bytes handed to one send, where a stream is sent. */
  chunk: number;
  /** The most bytes that one receive may give. */
  bufsize: number;
  /** Seconds, for contenders that are to use a timeout. */
  timeout: number | null;
  /** How many connections there are, or are made at a time. */
  connections: number;
  /** How the client receives. */
  read: "some" | "exact" | "into" | "readline" | "iterate";
  /** What raw Deno receives into; by hand is one large buffer and views of it. */
  buffers: "reused" | "fresh" | "by hand";
}

/** What a run tells beside the time that it took. */
export interface Outcome {
  /** Datagrams that arrived. */
  received?: number;
}

/** One end of a workload that is open and can be run again and again. */
export interface End {
  /** Where a server listens. */
  port?: number;
  /** Does `n` units of work; looks at every byte if `thorough`. */
  run?: (n: number, thorough: boolean) => Promise<Outcome | void>;
  /** Waits for what is still pending, and checks it. */
  finish?: () => Promise<void>;
}

/** Both ends of one kind of workload. */
export interface Part {
  server: (task: Task) => End | Promise<End>;
  client: (task: Task, port: number) => Promise<End>;
}

/** A program: the kinds of workload that it has. */
export type Program = Partial<Record<Kind, Part>>;

/** What a program is told on its standard input, one line of JSON each. */
export type Command =
  | { do: "open"; task: Task }
  | { do: "run"; n: number; thorough: boolean }
  | { do: "cpu" }
  | { do: "memory" }
  | { do: "finish" };

/** What it answers on its standard output. */
export interface Reply {
  /** The port of the server, to "open". */
  port?: number;
  /** Milliseconds, to "run". */
  ms?: number;
  /** Datagrams that arrived, to "run". */
  received?: number;
  /** Milliseconds of user and system time so far, to "cpu". */
  cpuMs?: number;
  /** Resident bytes, to "memory". */
  bytes?: number;
  /** What went wrong. */
  error?: string;
}
