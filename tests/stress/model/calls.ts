/** What a random program is made of, in a form that both languages read. */

/** An argument of a call. */
export type Argument =
  | null
  | boolean
  | number
  | string
  | readonly Argument[]
  | SpecialArgument;

/** An argument that each language makes for itself. */
export type SpecialArgument =
  /** Bytes: this text in Latin-1, `times` times. */
  | { readonly bytes: string; readonly times?: number }
  /** Constants of the module, or-ed. */
  | { readonly flags: readonly string[] }
  /** An address as it is written. */
  | { readonly tuple: readonly (string | number)[] }
  /**
   * The address that a socket had last; of one that had none, and so of
   * "nobody", one at which nobody listens.
   */
  | {
    readonly address: string;
    readonly family: FamilyName;
    readonly type: "stream" | "datagram";
  }
  /** A buffer of that size. */
  | { readonly buffer: number }
  /** Keyword arguments. */
  | { readonly options: Readonly<Record<string, string>> }
  /** What an earlier call has made. */
  | { readonly made: string };

/** The families of the programs. */
export type FamilyName = "AF_INET" | "AF_INET6";

/** The loopback address of each. */
export const LOOPBACK: Readonly<Record<FamilyName, string>> = {
  AF_INET: "127.0.0.1",
  AF_INET6: "::1",
};

/** A call of a method or, on `"socket"` and `"select"`, of a function. */
export interface Call {
  readonly on: string;
  readonly call: string;
  readonly args: readonly Argument[];
  /** What its result is called from now on. */
  readonly as?: string;
}

/** What a call came to. */
export interface Outcome {
  readonly value?: unknown;
  /** The class of its error. */
  readonly error?: string;
  readonly errno?: number | undefined;
  /** Whether what it was called on has never come to be. */
  readonly absent?: true;
  /** Of the reference: why the module's outcome may be another. */
  readonly unlike?: string;
}

/** Ports at which nobody listens or reads. */
export type Nobody = Readonly<
  Record<"stream" | "datagram", Readonly<Record<FamilyName, number>>>
>;

/** After how many seconds calls that wait give up. */
export const TIMEOUT_S = 0.05;

/** A call as it is written in Python. */
export function writeCall({ on, call, args, as }: Call): string {
  const made = as === undefined ? "" : `${as} = `;
  return `${made}${on}.${call}(${args.map(writeArgument).join(", ")})`;
}

function writeArgument(argument: Argument): string {
  if (argument === null) return "None";
  if (isList(argument)) return `[${argument.map(writeArgument).join(", ")}]`;
  if (typeof argument !== "object") return JSON.stringify(argument);
  if ("bytes" in argument) {
    const { bytes, times = 1 } = argument;
    const text = bytes.length > 40
      ? `${bytes.slice(0, 10)}[${bytes.length}]`
      : bytes;
    return `b${JSON.stringify(text)}${times === 1 ? "" : ` * ${times}`}`;
  }
  if ("flags" in argument) return argument.flags.join(" | ") || "0";
  if ("address" in argument) return `address of ${argument.address}`;
  if ("tuple" in argument) return JSON.stringify(argument.tuple);
  if ("buffer" in argument) return `bytearray(${argument.buffer})`;
  if ("made" in argument) return argument.made;
  return JSON.stringify(argument.options);
}

/** Whether an argument is a list; `Array.isArray` does not know readonly ones. */
export function isList(argument: Argument): argument is readonly Argument[] {
  return Array.isArray(argument);
}

/** An outcome as it is compared and printed. */
export function writeOutcome(outcome: Outcome): string {
  const { value, error, errno, absent } = outcome;
  if (absent) return "absent";
  if (error === undefined) return JSON.stringify(value ?? null);
  return errno === undefined ? error : `${error} ${errno}`;
}
