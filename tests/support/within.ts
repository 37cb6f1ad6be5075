/**
 * Waits for `promise`, but not for ever: a test that would hang fails instead.
 *
 * @param promise What to wait for.
 * @param ms The limit in milliseconds.
 * @param what What the error calls it.
 * @returns What `promise` resolves to.
 * @throws {Error} If `promise` has not settled within `ms`.
 */
export async function within<T>(
  promise: PromiseLike<T>,
  ms = 10_000,
  what = "the promise",
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
