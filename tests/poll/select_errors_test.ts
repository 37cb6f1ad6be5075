import { assertEquals } from "@std/assert";
import * as socket from "@pystd/socket";
import * as select from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import { outcomeOf } from "../support/outcome.ts";
import { python, pythonOutcomes } from "../support/python.ts";

interface Case {
  ours: (s: socket.Socket) => unknown;
  /** What it comes to: an error's class and a part of its message. */
  error: string;
  /** The same program, if Python's error is alike. */
  python?: string;
}

// deno-lint-ignore no-explicit-any
const wrong = (value: unknown): any => value;
const closed = () => {
  const s = socket.socket();
  s.close();
  return s;
};
const unopened = 987_654;

function onPoll(use: (poller: select.Poll) => unknown): () => unknown {
  return () => use(select.poll());
}

/** With `s` registered for reading. */
function onSelector(
  use: (sel: selectors.BaseSelector, s: socket.Socket) => unknown,
): (s: socket.Socket) => unknown {
  return (s) => {
    using sel = new selectors.DefaultSelector();
    sel.register(s, selectors.EVENT_READ);
    return use(sel, s);
  };
}

const negative = "file descriptor must be 0 or more, received -1";
const noFile = "a file must be an integer or have a fileno() method";

const cases: readonly Case[] = [
  {
    ours: () => select.select([-1], [], []),
    error: `RangeError: Cannot select: ${negative}`,
    python: "select.select([-1], [], [])",
  },
  {
    ours: () => select.select([], [closed()], []),
    error: `RangeError: Cannot select: ${negative}`,
    python: "s.close(); select.select([], [s], [])",
  },
  {
    ours: () => {
      const file = socket.socket().makefile("rb");
      void file.close();
      return select.select([], [], [file]);
    },
    error: "RangeError: I/O operation on closed file",
    python: "f = s.makefile('rb'); f.close(); select.select([], [], [f])",
  },
  {
    ours: () => select.select([unopened], [], []),
    error: "OSError: [Errno \\d+] ",
    python: "select.select([63], [], [])",
  },
  {
    ours: () => select.select([wrong("3")], [], []),
    error: `TypeError: Cannot select: ${noFile}, received "3"`,
    python: "select.select(['3'], [], [])",
  },
  {
    ours: () => select.select([wrong(null)], [], []),
    error: `TypeError: Cannot select: ${noFile}, received null`,
    python: "select.select([None], [], [])",
  },
  {
    ours: () => select.select([1.5], [], []),
    error: `TypeError: Cannot select: ${noFile}, received 1.5`,
    python: "select.select([1.5], [], [])",
  },
  {
    ours: () => select.select([{ fileno: () => wrong("a") }], [], []),
    error:
      'TypeError: Cannot select: fileno() must return an integer, returned "a"',
    python:
      "s = type('F', (), {'fileno': lambda f: 'a'})(); select.select([s], [], [])",
  },
  {
    ours: (s) => select.select(wrong(s), [], []),
    error: "TypeError: Cannot select: rlist must be an iterable",
    python: "select.select(s, [], [])",
  },
  {
    ours: () => select.select([], wrong(null), []),
    error: "TypeError: Cannot select: wlist must be an iterable, received null",
    python: "select.select([], None, [])",
  },
  {
    ours: () => select.select([], [], [], -0.5),
    error: "RangeError: Cannot select: timeout must be 0 to",
    python: "select.select([], [], [], -0.5)",
  },
  {
    ours: () => select.select([], [], [], NaN),
    error: "RangeError: Cannot select: timeout must be 0 to",
    python: "select.select([], [], [], float('nan'))",
  },
  {
    ours: () => select.select([], [], [], 1e20),
    error: "RangeError: Cannot select: timeout must be 0 to",
    python: "select.select([], [], [], 1e20)",
  },
  {
    ours: () => select.select([], [], [], wrong("1")),
    error: "TypeError: Cannot select: timeout must be a number of seconds",
    python: "select.select([], [], [], '1')",
  },
  {
    ours: () => select.select([], [], [], 0, wrong({ signal: 1 })),
    error: "TypeError: Cannot select: signal must be an AbortSignal",
  },
  {
    ours: onPoll((p) => p.register(-1)),
    error: `RangeError: Cannot register: ${negative}`,
    python: "p.register(-1)",
  },
  {
    ours: onPoll((p) => p.register(wrong("3"))),
    error: `TypeError: Cannot register: ${noFile}`,
    python: "p.register('3')",
  },
  {
    ours: onPoll((p) => p.register(3, -1)),
    error: "RangeError: Cannot register: eventmask must be 0 to 65535",
    python: "p.register(3, -1)",
  },
  {
    ours: onPoll((p) => p.register(3, 65536)),
    error: "RangeError: Cannot register: eventmask must be 0 to 65535",
    python: "p.register(3, 65536)",
  },
  {
    ours: onPoll((p) => p.register(3, 1.5)),
    error: "TypeError: Cannot register: eventmask must be an integer",
    python: "p.register(3, 1.5)",
  },
  {
    ours: onPoll((p) => p.modify(3, 1)),
    error: "FileNotFoundError: [Errno \\d+] ",
    python: "p.modify(3, 1)",
  },
  {
    ours: onPoll((p) => p.unregister(3)),
    error: "RangeError: Cannot unregister: descriptor 3 is not registered",
    python: "p.unregister(3)",
  },
  {
    ours: onPoll((p) => p.poll(wrong("1"))),
    error: "TypeError: Cannot poll: timeout must be a number of milliseconds",
    python: "p.poll('1')",
  },
  {
    ours: onPoll((p) => p.poll(NaN)),
    error: "RangeError: Cannot poll: timeout must not be NaN",
    python: "p.poll(float('nan'))",
  },
  {
    ours: onSelector((sel, s) => sel.register(s, 1)),
    error: "RangeError: Cannot register: descriptor \\d+ is already registered",
    python: "sel.register(s, 1)",
  },
  {
    ours: onSelector((sel, s) => sel.register(s.fileno(), 2)),
    error: "RangeError: Cannot register: descriptor \\d+ is already registered",
    python: "sel.register(s.fileno(), 2)",
  },
  {
    ours: onSelector((sel) => sel.register(socket.socket(), 0)),
    error:
      "RangeError: Cannot register: events must be EVENT_READ, EVENT_WRITE",
    python: "sel.register(socket(), 0)",
  },
  {
    ours: onSelector((sel) => sel.register(socket.socket(), 5)),
    error:
      "RangeError: Cannot register: events must be EVENT_READ, EVENT_WRITE",
    python: "sel.register(socket(), 5)",
  },
  {
    ours: onSelector((sel) => sel.register(closed(), 1)),
    error: `RangeError: Cannot register: ${negative}`,
    python: "sel.register(-1, 1)",
  },
  {
    ours: onSelector((sel) => sel.register(unopened, 1)),
    error: "OSError: [Errno \\d+] ",
    python: "sel.register(999, 1)",
  },
  {
    // Python says ValueError also of what is no file at all.
    ours: onSelector((sel) => sel.register(wrong("3"), 1)),
    error: `TypeError: Cannot register: ${noFile}`,
  },
  {
    ours: onSelector((sel) => sel.unregister(unopened)),
    error: "RangeError: Cannot unregister: descriptor 987654 is not registered",
    python: "sel.unregister(999)",
  },
  {
    ours: onSelector((sel) => sel.modify(socket.socket(), 1)),
    error: "RangeError: Cannot modify: an object is not registered",
    python: "sel.modify(socket(), 1)",
  },
  {
    // Python lets these pass.
    ours: onSelector((sel, s) => sel.modify(s, 0)),
    error: "RangeError: Cannot modify: events must be EVENT_READ, EVENT_WRITE",
  },
  {
    ours: onSelector((sel) => sel.get_key(socket.socket())),
    error: "RangeError: Cannot get a key: an object is not registered",
    python: "sel.get_key(socket())",
  },
  {
    ours: onSelector((sel) => sel.select(wrong("1"))),
    error: "TypeError: Cannot select: timeout must be a number of seconds",
    python: "sel.select('1')",
  },
  {
    ours: onSelector((sel) => sel.select(NaN)),
    error: "RangeError: Cannot select: timeout must not be NaN",
    python: "sel.select(float('nan'))",
  },
  {
    ours: onSelector((sel, s) => (sel.close(), sel.get_key(s))),
    error: "RangeError: Selector is closed",
    python: "sel.close(); sel.get_key(s)",
  },
  {
    ours: onSelector((sel) => (sel.close(), sel.select(0))),
    error: "RangeError: Selector is closed",
    python: "sel.close(); sel.select(0)",
  },
  {
    ours: onSelector((sel, s) => (sel.close(), sel.register(s, 1))),
    error: "RangeError: Selector is closed",
    python: "sel.close(); sel.register(s, 1)",
  },
];

for (const { ours, error } of cases) {
  Deno.test(`select module throws ${error}`, async () => {
    await using s = socket.socket();
    const outcome = await outcomeOf(async () => await ours(s));
    const pattern = error.replaceAll(/[[\]()]/g, "\\$&");
    assertEquals(outcome.match(`^${pattern}`)?.index, 0, outcome);
  });
}

/** The classes that stand for Python's where there is none of the name. */
const standsFor: Record<string, string> = {
  ValueError: "RangeError",
  OverflowError: "RangeError",
  KeyError: "RangeError",
  RuntimeError: "RangeError",
};

const elsewhere = python === null || Deno.build.os !== "linux";
Deno.test({
  name: `select module throws the errors of Python${
    elsewhere ? " (skipped: no python3 on Linux)" : ""
  }`,
  ignore: elsewhere,
  fn: async () => {
    const alike = cases.filter((each) => each.python !== undefined);
    const outcomes = await pythonOutcomes(
      alike.map((each) => each.python!),
      `import selectors
s = socket()
p = select.poll()
sel = selectors.DefaultSelector()
sel.register(s, selectors.EVENT_READ)`,
    );
    for (const [i, { error, python }] of alike.entries()) {
      const theirs = outcomes[i]!.split(":")[0]!;
      const [ours] = error.split(":");
      assertEquals(
        standsFor[theirs] ?? theirs,
        ours,
        `${python}: ${outcomes[i]}`,
      );
    }
  },
});
