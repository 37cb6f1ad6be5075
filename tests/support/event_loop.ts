/** Lets one tick of the event loop pass: what is pending is then waited for. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Counts ticks of the event loop.
 *
 * @param promise What has to settle first.
 * @returns How many ticks began before it had.
 */
export async function ticksUntil(promise: Promise<unknown>): Promise<number> {
  let ticks = 0;
  let pending = true;
  const settled = promise.then(() => {}, () => {}).finally(() =>
    pending = false
  );
  while (pending) {
    const next = Promise.withResolvers<void>();
    const immediate = setImmediate(next.resolve);
    await Promise.race([settled, next.promise]);
    clearImmediate(immediate);
    ticks++;
  }
  return ticks;
}

/**
 * Lets a number of microtasks pass.
 *
 * @param count How many.
 */
export async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await null;
}

/** Lets all microtasks pass, and nothing else that matters to a fake. */
export async function settle(): Promise<void> {
  await microtasks(50);
}
