/** A part of what `deno task soak` runs. */
export interface Part {
  /** What `--only` chooses it by. */
  readonly name: string;
  /**
   * Runs it.
   *
   * @param seed What all that is random in it follows from.
   * @param log Takes lines that tell how far it is.
   * @param size How much to do, where that can be chosen.
   * @throws If it fails.
   */
  run(seed: number, log: (line: string) => void, size?: number): Promise<void>;
}
