import { assertEquals } from "@std/assert";
import * as select from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import { python, runPython } from "../support/python.ts";

/** Names of Python's that are not here, by where they are, and the reason. */
const absent: readonly [of: string, names: RegExp, reason: string][] = [
  [
    "select",
    /^(?:epoll|EPOLL\w+|kqueue|kevent|KQ_\w+|devpoll)$/,
    "objects of the system that Deno has no access to",
  ],
  ["select", /^PIPE_BUF$/, "about pipes, which have no descriptor here"],
  [
    "selectors",
    /^(?:Epoll|Kqueue|Devpoll)Selector$/,
    "named after those objects; `DefaultSelector` is there",
  ],
  [
    "selectors",
    /^(?:ABCMeta|Mapping|abstractmethod|math|namedtuple|select|sys)$/,
    "what Python's file happens to import",
  ],
  [
    "selectors.DefaultSelector()",
    /^fileno$/,
    "the descriptor of an epoll or kqueue object",
  ],
  [
    "selectors.SelectorKey(1, 1, 1, None)",
    /^(?:count|index)$/,
    "methods of tuples",
  ],
];

const surfaces: readonly [of: string, here: object, setup: string][] = [
  ["select", select, "import select"],
  ["select.poll()", select.poll(), "import select"],
  ["selectors", selectors, "import selectors"],
  [
    "selectors.DefaultSelector()",
    new selectors.DefaultSelector(),
    "import selectors",
  ],
  [
    "selectors.SelectorKey(1, 1, 1, None)",
    new selectors.SelectorKey(1, 1, 1, null),
    "import selectors",
  ],
];

for (const [of, here, setup] of surfaces) {
  Deno.test({
    name: `${of} has every name of Python's, or a reason for its absence${
      python === null ? " (skipped: no python3)" : ""
    }`,
    ignore: python === null,
    fn: async () => {
      const names = (await runPython(
        `${setup}\nprint(*(n for n in dir(${of}) if n[0] != "_"))`,
      )).trim().split(" ");
      const missing = names.filter((name) =>
        !(name in here) && !isAbsent(name, of)
      );
      assertEquals(missing, []);
      const present = Object.keys(here).filter((name) => isAbsent(name, of));
      assertEquals(present, []);
    },
  });
}

function isAbsent(name: string, of: string): boolean {
  return absent.some(([where, names]) => where === of && names.test(name));
}
