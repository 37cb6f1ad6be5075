/** Lookups that a signal ends: the system's resolver cannot be called off. */

/**
 * Begins a lookup and waits for it or for the signal. One given up goes on, but
 * nobody hears of it.
 */
export async function orAborted<T>(
  begin: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await begin();
  if (signal.aborted) throw signal.reason;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([begin(), promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
