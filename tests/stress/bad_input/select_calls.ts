/** The functions and methods of `select` and `selectors`. */

import * as select from "@pystd/socket/select";
import * as selectors from "@pystd/socket/selectors";
import { type Call, early, invoke, type Param, param } from "./call.ts";
import {
  anything,
  events,
  file,
  list,
  looked,
  looseTimeout,
  options,
  orOptions,
  timeout,
  uint16,
} from "./kinds.ts";
import type { Fixture } from "./fixture.ts";

const last = param(options);
const client = (fixture: Fixture) => fixture.client;

/** A polling object with the connected socket, which is ready at once. */
function onPoll(name: string, params: readonly Param[], waits = false): Call {
  return {
    name: `Poll.${name}`,
    waits,
    params,
    run(fixture, args) {
      const poller = select.poll();
      poller.register(fixture.client, select.POLLOUT);
      return invoke(poller, name, args);
    },
  };
}

type Class = new () => selectors.BaseSelector;

/** A selector with the connected socket, which is ready at once. */
function made(Selector: Class, fixture: Fixture): selectors.BaseSelector {
  const selector = fixture.own(new Selector());
  selector.register(fixture.client, selectors.EVENT_WRITE);
  return selector;
}

function onSelector(
  name: PropertyKey,
  params: readonly Param[],
  waits = false,
): Call[] {
  const classes = [selectors.SelectSelector, selectors.PollSelector];
  return classes.map((Selector) => ({
    name: `BaseSelector.${String(name)}`,
    variant: Selector.name,
    waits,
    params,
    run: (fixture, args) =>
      invoke(made(Selector as Class, fixture), name, args),
  }));
}

function onMap(name: PropertyKey, params: readonly Param[] = []): Call {
  return {
    name: `SelectorMapping.${String(name)}`,
    params,
    run(fixture, args) {
      const map = made(selectors.DefaultSelector as Class, fixture).get_map()!;
      const result = invoke(map, name, args);
      const isGenerator = typeof result === "object" && result !== null &&
        Symbol.iterator in result;
      return isGenerator ? [...result as Iterable<unknown>] : result;
    },
  };
}

/** A file object, or anything else that might be registered. */
const fileobj = param(file, client);

export const selectCalls: readonly Call[] = [
  {
    name: "select",
    waits: true,
    params: [
      param(list, () => []),
      param(list, (fixture: Fixture) => [fixture.client]),
      param(list, () => []),
      early(orOptions(timeout), 0),
      last,
    ],
    run: (_rig, args) => invoke(select, "select", args),
  },
  { name: "poll", params: [], run: () => select.poll() },
  {
    name: "Poll.constructor",
    params: [],
    run: () => new select.Poll(),
  },
  onPoll("register", [fileobj, early(orOptions(uint16), 1)]),
  onPoll("modify", [fileobj, param(uint16, 1)]),
  onPoll("unregister", [fileobj]),
  onPoll("poll", [early(orOptions(looseTimeout), 0), last], true),
  ...["SelectSelector", "PollSelector"].map((name): Call => ({
    name: `${name}.constructor`,
    params: [],
    run: (fixture) =>
      fixture.own(Reflect.construct(selectors[name as "PollSelector"], [])),
  })),
  ...onSelector("register", [
    param(file, (fixture: Fixture) => fixture.peer),
    param(events, selectors.EVENT_READ),
    param(anything, "data"),
  ]),
  ...onSelector("modify", [
    fileobj,
    param(events, selectors.EVENT_READ),
    param(anything, "data"),
  ]),
  ...onSelector("unregister", [fileobj]),
  ...onSelector("get_key", [fileobj]),
  ...onSelector("select", [early(orOptions(looseTimeout), 0), last], true),
  ...onSelector("get_map", []),
  ...onSelector("close", []),
  ...onSelector(Symbol.dispose, []),
  {
    name: "SelectorKey.constructor",
    params: [1, 2, 3, 4].map(() => param(anything)),
    run: (_rig, args) => Reflect.construct(selectors.SelectorKey, args),
  },
  onMap("get", [param(looked, client)]),
  onMap("has", [param(looked, client)]),
  ...["keys", "values", "entries", Symbol.iterator].map((name) => onMap(name)),
];
