import type { Address } from "../base/constants.ts";

/** Quotes a string as Python's `repr` does. */
function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replaceAll(
    // deno-lint-ignore no-control-regex
    /[\\'"\x00-\x1f\x7f]/g,
    (each) => {
      if (each === "\\") return "\\\\";
      if (each === mark) return `\\${each}`;
      if (each === "'" || each === '"') return each;
      const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[each];
      const hex = each.charCodeAt(0).toString(16).padStart(2, "0");
      return named ?? `\\x${hex}`;
    },
  );
  return `${mark}${escaped}${mark}`;
}

/** Quotes an abstract name, which Python shows as bytes. */
function quoteBytes(text: string): string {
  const latin1 = String.fromCharCode(...new TextEncoder().encode(text));
  const escaped = quote(latin1).replaceAll(
    /[\x80-\xff]/g,
    (each) => `\\x${each.charCodeAt(0).toString(16)}`,
  );
  return `b${escaped}`;
}

function tuple(address: Address): string {
  if (typeof address === "string") {
    return address.startsWith("\0") ? quoteBytes(address) : address;
  }
  const parts = address.map((each) =>
    typeof each === "string" ? quote(each) : String(each)
  );
  return `(${parts.join(", ")})`;
}

/** Describes a socket as Python's `repr` does. */
export function repr(socket: {
  name: string;
  fd: number;
  family: number;
  type: number;
  proto: number;
  laddr: Address | undefined;
  raddr: Address | undefined;
}): string {
  const { name, fd, family, type, proto, laddr, raddr } = socket;
  const parts = [
    `<${name}${fd < 0 ? " [closed]" : ""} fd=${fd}`,
    `family=${family}`,
    `type=${type}`,
    `proto=${proto}`,
  ];
  if (laddr) parts.push(`laddr=${tuple(laddr)}`);
  if (raddr) parts.push(`raddr=${tuple(raddr)}`);
  return `${parts.join(", ")}>`;
}
