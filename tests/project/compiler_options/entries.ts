import * as socket from "../../../mod.ts";
import * as errno from "../../../src/errno.ts";
import * as select from "../../../src/select.ts";
import * as selectors from "../../../src/selectors.ts";
import * as socketserver from "../../../src/socketserver.ts";
import * as ssl from "../../../src/ssl.ts";

export const entries: unknown[] = [
  socket,
  errno,
  select,
  selectors,
  socketserver,
  ssl,
];
