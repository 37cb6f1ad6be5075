/**
 * A text among the arguments of the test run, such as `-- --python=/bin/python3`.
 *
 * @param name The argument's name, without dashes.
 * @returns The text; undefined if it is not given.
 */
export function textArgument(name: string): string | undefined {
  const start = `--${name}=`;
  return Deno.args.find((each) => each.startsWith(start))?.slice(start.length);
}

/**
 * A number among the arguments of the test run, such as `-- --seed=7`.
 *
 * @param name The argument's name, without dashes.
 * @param otherwise The value if it is not given.
 * @returns The number.
 */
export function numberArgument(name: string, otherwise: number): number {
  return Number(textArgument(name) ?? otherwise);
}
