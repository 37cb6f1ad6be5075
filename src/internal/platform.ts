/**
 * What differs between the systems: numbers, texts and a few habits.
 */

/** A system that numbers and words are known for. */
export type Platform = "linux" | "darwin" | "windows";

/** The number of a constant on a system that has no such constant. */
export const ABSENT = -1;

/** The system whose numbers hold where `Deno.build.os` is `os`. */
export function platformOf(os: typeof Deno.build.os): Platform {
  switch (os) {
    case "windows":
      return "windows";
    // The BSDs are closer to macOS, which took these numbers from them.
    case "darwin":
    case "freebsd":
    case "netbsd":
      return "darwin";
    default:
      return "linux";
  }
}

/** The system that this program runs on. */
export const platform: Platform = platformOf(Deno.build.os);

/** Chooses this system's value. */
export function pick<T>(linux: T, darwin: T, windows: T): T {
  if (platform === "linux") return linux;
  return platform === "darwin" ? darwin : windows;
}
