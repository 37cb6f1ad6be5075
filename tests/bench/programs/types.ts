/** The work of a row. */
export type Kind =
  /** Messages that come back, one after another on each connection. */
  | "roundTrip"
  /** Connections that carry one byte each way. */
  | "connect"
  /** Bytes that go one way, received in pieces as they come. */
  | "stream"
  /** Records of a fixed size that go one way. */
  | "records"
  /** Lines of text that go one way. */
  | "lines"
  /** Datagrams that come back, one after another. */
  | "datagram"
  /** Handshakes of TLS, one byte each way, and the end. */
  | "tlsConnect"
  /** As "roundTrip", on one connection that speaks TLS. */
  | "tlsRoundTrip"
  /** As "stream", over TLS. */
  | "tlsStream"
  /** HTTP requests on connections that stay open; a load process makes them. */
  | "http"
  /** Datagrams that a load process sends as fast as it can. */
  | "flood"
  /** Connections to a load process, on which nothing comes any more. */
  | "idle";

/** How the receiving end receives. */
export type Way =
  /** The call that returns an array: `recv()` and its kin. */
  | "recv"
  /** The call that fills the caller's array: `recv_into()`. */
  | "into"
  /** The same with MSG_WAITALL. */
  | "intoAll"
  /** `read()` of a binary file object. */
  | "read"
  /** `readinto()` of a binary file object. */
  | "readinto"
  /** `readline()` of a text file object. */
  | "readline"
  /** `for await` over a text file object. */
  | "iterate";

/** What the contenders of a row have to do. */
export interface Task {
  kind: Kind;
  /** The port of the other process's server, for a load and for idle ends. */
  port: number;
  /** Bytes of a message, record or datagram. */
  size: number;
  /** The most bytes that one receive may give. */
  bufsize: number;
  /** How the receiving end receives. */
  way: Way;
  /** How many connections there are, or are made at a time. */
  connections: number;
  /** The timeout in seconds, of contenders that have timeouts. */
  timeout: number | null;
  /** The folder with the certificates of TLS. */
  certificates: string;
  /** Bytes that each idle connection has received before it waits. */
  burst: number;
}

/** Opens both ends, does `n` units of work, checks how much came, and closes. */
export type Batch = (task: Task, n: number) => Promise<void>;

/** A server whose clients are in another process. */
export interface Service {
  port: number;
  /** Ends the server; the number is how much has reached it. */
  stop: () => Promise<number>;
}

/** Starts a server whose clients are in another process. */
export type Serve = (task: Task) => Promise<Service>;

/** Connections that wait for data. */
export interface Idle {
  /** Opens `n` more, receives what each has to, and leaves each receiving. */
  hold: (n: number) => Promise<void>;
  /** Waits until one byte has come on each of them. */
  finish: () => Promise<void>;
}

/** What a contender can do. */
export interface Program {
  batches: Partial<Record<Kind, Batch>>;
  services: Partial<Record<Kind, Serve>>;
  idle?: (task: Task) => Idle;
}

/** What a process is asked to do, one line of JSON on its standard input. */
export type Command =
  | { do: "batch"; contender: string; task: Task; n: number }
  | { do: "serve"; contender: string; task: Task }
  | { do: "stop" }
  | { do: "idle"; contender: string; task: Task }
  | { do: "hold"; n: number }
  | { do: "memory" }
  | { do: "finish" };

/** What it answers, one line of JSON on its standard output. */
export interface Reply {
  /** The port of the server, to "serve". */
  port?: number;
  /** Wall milliseconds, to "batch" and "stop". */
  ms?: number;
  /** Milliseconds of CPU time of all threads, to "batch" and "stop". */
  cpuMs?: number;
  /** How much has reached the server, to "stop". */
  received?: number;
  /** Resident bytes, to "memory". */
  bytes?: number;
  /** What went wrong. */
  error?: string;
}
