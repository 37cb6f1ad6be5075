/** In which calls the module and CPython may differ. */

import {
  EACCES,
  EADDRINUSE,
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
} from "@pystd/socket/errno";
import { type Call, type Outcome, writeCall } from "./calls.ts";
import { isNothing, isPart, received, textOf } from "./received.ts";

/** One difference, as narrow as it can be told. */
export interface Allowed {
  readonly name: string;
  /** Whether what follows in the program says nothing any more. */
  readonly ends: boolean;
  readonly matches: (
    call: Call,
    ours: Outcome,
    theirs: Outcome,
    before: readonly Call[],
  ) => boolean;
}

const READS = ["read", "readinto", "readline", "readlines"];
const RECEIVES = [
  "recv",
  "recv_into",
  "recvfrom",
  "recvfrom_into",
  "recvmsg",
  "recvmsg_into",
];
const CONNECTS = ["connect", "connect_ex"];

/** The errno that a call gave, as its error or, of `connect_ex`, its value. */
function errnoOf({ call }: Call, { value, errno }: Outcome): unknown {
  return call === "connect_ex" ? value : errno ?? 0;
}

/**
 * What examples/porting/DIFFERENCES.md says; more of it is in
 * `known_differences.py`, where CPython can be brought in line.
 */
const DIFFERENCES: readonly Allowed[] = [
  {
    // With a timeout CPython waits until the socket is ready before it asks the
    // system, which may have an error for that socket all the same.
    name: "an error of the socket's state comes at once, whatever the timeout",
    ends: false,
    matches: (_, ours, theirs) =>
      theirs.error === "TimeoutError" &&
      [ENOTCONN, EINVAL, EOPNOTSUPP].includes(ours.errno ?? 0),
  },
  {
    // The same wait leaves MSG_DONTWAIT without effect in CPython.
    name: "MSG_DONTWAIT does not wait, whatever the timeout",
    ends: false,
    matches: (call, ours, theirs) =>
      theirs.error === "TimeoutError" && ours.errno === EAGAIN &&
      writeCall(call).includes("MSG_DONTWAIT"),
  },
  {
    // One turn of the event loop is waited for, and loopback takes no longer.
    name: "a non-blocking connect may have succeeded at once",
    ends: false,
    matches: (call, ours, theirs) =>
      CONNECTS.includes(call.call) && errnoOf(call, ours) === 0 &&
      errnoOf(call, theirs) === EINPROGRESS,
  },
  {
    // The kernel knows of a reset or an end that the module has not met yet.
    name: "a connection whose end no call has met has a peer, and is shut down",
    ends: false,
    matches: ({ call }, ours, theirs) =>
      ["getpeername", "shutdown"].includes(call) &&
      ours.error === undefined && theirs.errno === ENOTCONN,
  },
  {
    name: "a non-blocking connect may have failed at once",
    ends: true,
    matches: (call, ours, theirs) =>
      CONNECTS.includes(call.call) && errnoOf(call, ours) === ECONNREFUSED &&
      errnoOf(call, theirs) === EINPROGRESS,
  },
  {
    // Linux says that such a stream is at its end.
    name: "a receive on a stream whose connect failed fails with ENOTCONN",
    ends: false,
    matches: ({ call, on }, ours, theirs, before) =>
      [...RECEIVES, ...READS].includes(call) && ours.errno === ENOTCONN &&
      isNothing(theirs) && on !== "socket" &&
      before.some((each) => CONNECTS.includes(each.call)),
  },
  {
    // CPython gives null, nothing, TypeError, or an OSError without errno.
    name: "a read of a file that would block gives null, or what has come",
    ends: true,
    matches: ({ call }, ours, theirs) =>
      READS.includes(call) && ours.error === undefined &&
      (theirs.error === "TypeError" ||
        (theirs.error === "OSError"
          ? !theirs.errno
          : ours.value === null && isNothing(theirs))),
  },
  {
    // A write makes CPython forget it.
    name: "a text file for reading and writing keeps what it has read ahead",
    ends: true,
    matches: ({ call, on }, _, theirs, before) =>
      READS.includes(call) && theirs.error !== "RangeError" &&
      before.some((each) => each.as === on && each.args[0] === "rw") &&
      before.some((each) => each.on === on && each.call === "write"),
  },
  {
    // CPython still hands out what it has read ahead.
    name: "a closed file gives nothing",
    ends: false,
    matches: ({ call, on }, ours, theirs, before) =>
      READS.includes(call) && ours.error === "RangeError" &&
      theirs.error === undefined &&
      before.some((each) => each.on === on && each.call === "close"),
  },
  {
    // CPython counts only what the last of several parts has.
    name: "readline(limit) gives no more than the limit",
    ends: true,
    matches: ({ call, args: [limit] }, ours, theirs) =>
      call === "readline" && limit !== undefined &&
      textOf(ours.value)?.length === limit &&
      isPart(ours.value, theirs.value),
  },
  {
    // With a timeout Linux believes such a socket to be connecting still.
    name: "a stream whose connect failed may bind and listen",
    ends: true,
    matches: ({ call }, ours, theirs, before) =>
      call === "listen" && ours.error === undefined &&
      theirs.errno === EINVAL &&
      before.some((each) => CONNECTS.includes(each.call)),
  },
  {
    // Deno cannot keep a port without listening.
    name: "a listener that was shut down does not hold its port",
    ends: true,
    matches: ({ call, args: [address] }, ours, theirs, before) =>
      call === "bind" && typeof address === "object" && address !== null &&
      "address" in address &&
      (ours.errno === EADDRINUSE || theirs.errno === EADDRINUSE) &&
      before.some((each) =>
        each.on === address.address && each.call === "shutdown"
      ),
  },
  {
    // Linux gives it those that the listener had when the client connected.
    name: "an accepted socket has the options that its listener has by then",
    ends: false,
    matches: ({ call, args }, ours, theirs, before) =>
      call === "getsockopt" && ours.error === undefined &&
      theirs.error === undefined &&
      before.some((each, index) =>
        each.call === "setsockopt" &&
        JSON.stringify(each.args.slice(0, 2)) === JSON.stringify(args) &&
        before.slice(0, index).some(({ call, on }) =>
          call === "listen" && on === each.on
        ) &&
        before.slice(index).some(({ call, on }) =>
          call === "accept" && on === each.on
        )
      ),
  },
  {
    // CPython notes it, and then sees that the socket is closed.
    name: "a timeout that could not be set is not set",
    ends: false,
    matches: ({ call, on }, _, _theirs, before) =>
      ["gettimeout", "getblocking"].includes(call) &&
      before.some((each, index) =>
        each.on === on && each.call === "close" &&
        before.slice(index).some(({ call, on }) =>
          on === each.on && ["settimeout", "setblocking"].includes(call)
        )
      ),
  },
  {
    // CPython does not ask the system, so it does not see that it is closed.
    name: "recv(0) of a closed socket fails with EBADF",
    ends: false,
    matches: ({ call, args: [bufsize] }, ours, theirs) =>
      call === "recv" && bufsize === 0 && ours.errno === EBADF &&
      isNothing(theirs),
  },
  {
    // Deno has no write of nothing; Linux finds the reset that no call has met.
    name: "sending no bytes asks nothing of the system",
    ends: false,
    matches: (call, ours, theirs) =>
      ["send", "sendall"].includes(call.call) && ours.error === undefined &&
      writeCall(call).includes('b""') &&
      [EPIPE, ECONNRESET].includes(theirs.errno ?? 0),
  },
  {
    // An unbound listen is on every interface.
    name: "only loopback is granted to this test",
    ends: true,
    matches: (call, ours) => call.call === "listen" && ours.errno === EACCES,
  },
];

/** Where ours is known to differ in what hardly any program does. */
const KNOWN: readonly Allowed[] = [
  {
    name: "known: a receive takes what was read ahead and leaves the rest",
    ends: true,
    matches: (call, ours, theirs) =>
      [...RECEIVES, "read", "readinto"].includes(call.call) &&
      isPart(received(ours), received(theirs)),
  },
  {
    // There is no read shutdown in Deno: what comes later is not asked for.
    name: "known: after shutdown(SHUT_RD) nothing more is received",
    ends: true,
    matches: (call, ours, theirs, before) =>
      [...RECEIVES, ...READS].includes(call.call) &&
      theirs.error === undefined && isNothing(ours) && !isNothing(theirs) &&
      before.some((each) =>
        each.call === "shutdown" && !writeCall(each).includes("SHUT_WR")
      ),
  },
  {
    // A connection is node:net's if its socket was bound or non-blocking.
    name: "known: a send that fails on node:net loses what has come",
    ends: true,
    matches: ({ call }, ours, theirs, before) =>
      [...RECEIVES, ...READS].includes(call) &&
      theirs.error === undefined &&
      (isNothing(ours)
        ? !isNothing(theirs)
        : isPart(received(ours), received(theirs))) &&
      before.some((each) => each.call.startsWith("send")) &&
      before.some(({ call, on }) =>
        CONNECTS.includes(call) &&
        before.some((each) =>
          each.on === on &&
          ["bind", "setblocking", "settimeout"].includes(each.call)
        )
      ),
  },
  {
    name:
      "known: shutdown() on node:net after a send that failed fails with EPIPE",
    ends: false,
    matches: (call, ours) => call.call === "shutdown" && ours.errno === EPIPE,
  },
  {
    name: "known: file objects for reading and writing have a fileno()",
    ends: false,
    matches: (call, _, theirs) =>
      ["select", "fileno"].includes(call.call) &&
      theirs.error === "UnsupportedOperation",
  },
  {
    name: "known: a listener that was shut down cannot listen again at once",
    ends: true,
    matches: (call, ours, _, before) =>
      call.call === "listen" && ours.errno === EADDRINUSE &&
      before.some((each) => each.call === "shutdown"),
  },
  {
    name: "known: TCP_NODELAY of a UDP socket over IPv6 fails with EOPNOTSUPP",
    ends: false,
    matches: (call, ours, theirs) =>
      call.call === "getsockopt" && ours.errno === EOPNOTSUPP &&
      theirs.errno === ENOPROTOOPT,
  },
  {
    // The second call completes the first; Linux looks at the state before.
    name:
      "known: a non-blocking connect() is completed, though the connection broke since",
    ends: true,
    matches: (call, ours, theirs, before) =>
      CONNECTS.includes(call.call) && errnoOf(call, ours) === 0 &&
      [EPIPE, ECONNRESET].includes(errnoOf(call, theirs) as number) &&
      before.some(({ call: name, on }) =>
        on === call.on && CONNECTS.includes(name)
      ) &&
      before.some(({ call: name, on }) =>
        on === call.on && name.startsWith("send")
      ),
  },
  {
    name:
      "known: makefile() of a closed socket fails with EBADF before its arguments",
    ends: false,
    matches: (call, ours, theirs) =>
      call.call === "makefile" && ours.errno === EBADF &&
      theirs.error === "RangeError",
  },
  {
    name: "known: writable() and seekable() of a closed file are RangeError",
    ends: false,
    matches: (call, ours, theirs) =>
      ["readable", "writable", "seekable"].includes(call.call) &&
      ours.error === "RangeError" && theirs.value === false,
  },
];

/** All of them. */
export const allowed: readonly Allowed[] = [...DIFFERENCES, ...KNOWN];
