import type { Kind } from "./kinds.ts";
import type { Fixture } from "./fixture.ts";

/** An argument of a call. */
export interface Param {
  readonly kind: Kind;
  /** One that fits. */
  readonly good: (fixture: Fixture) => unknown;
  /** Whether the options may stand in its place, and then end the list. */
  readonly early?: boolean;
}

/** A public function or method, and how to call it. */
export interface Call {
  /** As `recv` or `Socket.recv`. */
  readonly name: string;
  /** Which of its arguments, or on what, if that is not all. */
  readonly variant?: string;
  /** Whether it returns a promise, and so never throws. */
  readonly waits?: boolean;
  readonly params: readonly Param[];
  run(fixture: Fixture, args: readonly unknown[]): unknown;
  /** How many bytes the peer gets when it works; none if left out. */
  sent?(result: unknown, args: readonly unknown[]): number;
  /** Whether it sends a part of what it is given when it fails. */
  readonly partial?: boolean;
  /** Whether what it sends are datagrams, each of which counts as one. */
  readonly datagrams?: boolean;
  /** Undoes what it did. */
  cleanUp?(result: unknown, fixture: Fixture): unknown;
  /** Uses what a call that failed was made on. */
  assertNoEffect?(fixture: Fixture): unknown;
}

/** An argument. */
export function param(kind: Kind, good?: unknown): Param {
  return {
    kind,
    good: typeof good === "function"
      ? good as (fixture: Fixture) => unknown
      : () => good,
  };
}

/** An argument in whose place the options may stand. */
export function early(kind: Kind, good?: unknown): Param {
  return { ...param(kind, good), early: true };
}

/** Calls a method by its name, whatever the types. */
export function invoke(
  target: unknown,
  name: PropertyKey,
  args: readonly unknown[] = [],
): unknown {
  const method = (target as Record<PropertyKey, unknown>)[name];
  return Reflect.apply(method as () => unknown, target, args);
}
