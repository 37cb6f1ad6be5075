/**
 * A number among the arguments of the test run, such as `-- --seed=7`.
 *
 * @param name The argument's name, without dashes.
 * @param otherwise The value if it is not given.
 * @returns The number.
 */
export function numberArgument(name: string, otherwise: number): number {
  const start = `--${name}=`;
  const given = Deno.args.find((each) => each.startsWith(start));
  return given === undefined ? otherwise : Number(given.slice(start.length));
}
