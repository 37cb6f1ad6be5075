/**
 * Sets up the runtime's signals, before a program that will have no descriptor
 * left. Deno 2.9.6 does so half a second after its start, and panics
 * (ext/signals) if it finds none: on a busy machine a program comes so far.
 */

const listener = () => {};
Deno.addSignalListener("SIGUSR1", listener);
Deno.removeSignalListener("SIGUSR1", listener);
