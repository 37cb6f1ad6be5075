/** What an argument has to be, and what becomes of one that is not. */

/** What a value is for an argument. */
export type Verdict =
  /** As it should be; whether the call works depends on the rest. */
  | "fits"
  /** Of a wrong type: a TypeError. */
  | "type"
  /** Out of range: a RangeError, or an OSError. */
  | "value"
  /** Wrong in one way or the other. */
  | "wrong";

/** Judges a value that runs no code of its own. */
export type Kind = (value: unknown) => Verdict;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isIterable(value: unknown): boolean {
  return isObject(value) && Symbol.iterator in value;
}

function integer(min: number, max: number): Kind {
  return (value) => {
    if (!Number.isInteger(value)) return "type";
    const number = value as number;
    return number >= min && number <= max ? "fits" : "value";
  };
}

/** Anything will do. */
export const anything: Kind = () => "fits";
export const int32: Kind = integer(-(2 ** 31), 2 ** 31 - 1);
export const uint16: Kind = integer(0, 0xffff);
export const uint32: Kind = integer(0, 0xffffffff);
export const size: Kind = integer(0, Number.MAX_SAFE_INTEGER);
export const anyInteger: Kind = integer(-Infinity, Infinity);
export const positive: Kind = integer(1, Infinity);
/** A descriptor's number; which are open is another matter. */
export const fileno: Kind = integer(0, 2 ** 31 - 1);

/** A connection of Deno's own. */
export const connection: Kind = (value) =>
  isObject(value) && "localAddr" in value && "closeWrite" in value
    ? "fits"
    : "type";

/** A kind, or nothing given. */
export function optional(kind: Kind): Kind {
  return (value) => value === undefined ? "fits" : kind(value);
}

/** A kind, or null. */
export function nullable(kind: Kind): Kind {
  return (value) => value === null ? "fits" : kind(value);
}

/** A kind, or the options given in its place. */
export function orOptions(kind: Kind): Kind {
  return (value) => {
    if (value === undefined) return "fits";
    if (!isObject(value) || isIterable(value)) return kind(value);
    return options(value);
  };
}

/** Seconds. */
export const timeout: Kind = (value) => {
  if (value === null) return "fits";
  if (typeof value !== "number") return "type";
  return value >= 0 && value <= 9223372036 ? "fits" : "value";
};

/** A time, of which negative ones and endless ones have a meaning too. */
export const looseTimeout: Kind = (value) => {
  if (value === null || value === undefined) return "fits";
  if (typeof value !== "number") return "type";
  return Number.isNaN(value) ? "value" : "fits";
};

/** The last argument of a call that waits. */
export const options: Kind = (value) => {
  if (value === undefined) return "fits";
  if (!isObject(value)) return "type";
  const { signal } = value as { signal?: unknown };
  return signal === undefined || signal instanceof AbortSignal
    ? "fits"
    : "type";
};

/** The last argument of a call that does not wait. */
export const keywords: Kind = (value) =>
  value === undefined || isObject(value) ? "fits" : "type";

/** A kind, or the keywords given in its place. */
export function orKeywords(kind: Kind): Kind {
  return (value) =>
    isObject(value) && !isIterable(value) ? keywords(value) : kind(value);
}

/** Bytes whose memory is there. */
export const bytes: Kind = (value) => {
  if (!(value instanceof Uint8Array)) return "type";
  try {
    // Of all that can be asked of a view this alone says that it has none.
    value.keys();
    return "fits";
  } catch {
    return "type";
  }
};

/** A string that C can take. */
export const text: Kind = (value) => {
  if (typeof value !== "string") return "type";
  return value.includes("\0") ? "value" : "fits";
};

export const anyText: Kind = (value) =>
  typeof value === "string" ? "fits" : "type";

/** A port, as `getaddrinfo` takes it. */
export const service: Kind = (value) => {
  if (value === null) return "fits";
  return typeof value === "string" ? text(value) : uint16(value);
};

/** `[host, port]`, of which the parts are judged elsewhere. */
export const address: Kind = (value) => Array.isArray(value) ? "wrong" : "type";

/** Something to iterate over. */
export function iterableOf(kind: Kind): Kind {
  const all = itemsOf(kind);
  return (value) =>
    typeof value === "string" || value instanceof Uint8Array
      ? "type"
      : all(value);
}

/** Whether something is iterable, but its items cannot be had. */
function items(value: unknown): unknown[] | undefined {
  try {
    return [...value as Iterable<unknown>];
  } catch {
    return undefined;
  }
}

/** What is iterated over: each item, and in all no more than this many. */
export function itemsOf(kind: Kind, max: number = Infinity): Kind {
  return (value) => {
    if (typeof value !== "string" && !isIterable(value)) return "type";
    const all = items(value);
    return all !== undefined && all.length <= max &&
        all.every((each) => kind(each) === "fits")
      ? "fits"
      : "wrong";
  };
}

/** An iterable whose items may be anything that there is. */
export const list: Kind = (value) => isIterable(value) ? "fits" : "type";

/** Something with a descriptor. */
export const file: Kind = (value) => {
  if (isObject(value) && "fileno" in value) return "fits";
  return integer(0, Infinity)(value);
};

/** Something that might have been registered. */
export const looked: Kind = (value) =>
  Number.isInteger(value) ? "fits" : file(value);

/** Something to read from. */
export const reader: Kind = (value) =>
  isObject(value) && "read" in value ? "fits" : "type";

/** The value of a socket option. */
export const optionValue: Kind = (value) => {
  if (typeof value === "boolean") return "fits";
  return typeof value === "number" ? int32(value) : bytes(value);
};

/** What an address to connect from may be: what is falsy is none. */
export const source: Kind = (value) => value ? "wrong" : "fits";

/** `EVENT_READ`, `EVENT_WRITE` or both. */
export const events: Kind = (value) =>
  value === 1 || value === 2 || value === 3 ? "fits" : "wrong";
