/** Calls on one file object, served in the order they were made. */
export class FileTurns {
  readonly #waiting: Turn[] = [];
  #busy = false;

  /** Whether a call is being served, so that another would have to wait. */
  get busy(): boolean {
    return this.#busy;
  }

  /**
   * Does `work` when the calls before are done.
   *
   * Rejects without doing it if the signal aborts while it waits.
   */
  async run<T>(
    signal: AbortSignal | undefined,
    work: () => T | Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    if (this.#busy) await this.enter(signal);
    else this.#busy = true;
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /**
   * Waits for a turn behind the call that is being served. The caller has to
   * `leave()` if this resolves, and only then.
   *
   * @param onAbort What to do in its turn, and in the caller's place, if the
   * signal aborts before; without it the place in line is given up.
   */
  enter(
    signal: AbortSignal | undefined,
    onAbort?: () => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        begin,
        reject(reason) {
          signal?.removeEventListener("abort", abort);
          reject(reason);
        },
      };
      function begin(): void {
        signal?.removeEventListener("abort", abort);
        resolve();
      }
      const abort = (): void => {
        if (onAbort === undefined) {
          this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        } else {
          turn.begin = () => {
            onAbort();
            this.leave();
          };
        }
        reject(signal?.reason);
      };
      this.#waiting.push(turn);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Ends a turn; the next call's begins. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#busy = false;
    else next.begin();
  }

  /** Ends every call that waits for its turn. */
  rejectWaiting(reason: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}

interface Turn {
  begin: () => void;
  readonly reject: (reason: unknown) => void;
}
