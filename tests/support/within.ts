/**
 * Long enough for a machine that does much else: only a test that would hang
 * waits for it.
 */
const LIMIT_MS = 120_000;

/**
 * Waits for a promise under a limit: a test that would hang fails instead.
 *
 * @param promise The promise.
 * @param what Its name in the error.
 * @param ms The limit in milliseconds.
 * @returns What `promise` resolves to.
 * @throws {Error} If `promise` has not settled within `ms`.
 */
export async function within<T>(
  promise: PromiseLike<T>,
  what = "the promise",
  ms: number = LIMIT_MS,
): Promise<T> {
  // Made here, so that its stack leads to the test and not to a timer.
  const late = new Error(`Not within ${ms} ms: ${what}`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), ms);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
