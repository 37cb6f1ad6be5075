/** What a bound datagram socket does about multicast. */

import type { Multicast } from "./deno_net.ts";
import type { Membership } from "./membership.ts";
import type { Options } from "./options.ts";
import { fromDeno } from "./os_error.ts";

/**
 * Keeps a port as the options say, which may have been set before there was one.
 *
 * `Deno.listenDatagram` tells later whether it has joined. Calls made meanwhile
 * wait for that, and one of them gets the failure.
 */
export class Multicasting {
  readonly #options: Options;
  readonly #control: Multicast;
  readonly #onError: () => void;
  #error: Error | undefined;
  #inForce: readonly Membership[] = [];
  #ttl = 1;
  #loop: boolean;
  #pending: Promise<void> | undefined;

  /** `onError` is called when there is a failure that no call is about. */
  constructor(
    options: Options,
    control: Multicast,
    onError: () => void,
  ) {
    this.#options = options;
    this.#control = control;
    this.#onError = onError;
    this.#loop = control.loop;
  }

  /** Whether all that was set is in force, and no failure to be told. */
  get settled(): boolean {
    return this.#pending === undefined && this.#error === undefined;
  }

  /** Whether there is a failure to be told. */
  get failed(): boolean {
    return this.#error !== undefined;
  }

  /** Waits for it; rejects with a failure that nobody was told. */
  async settle(): Promise<void> {
    await this.#pending;
    const error = this.takeError();
    if (error !== undefined) throw error;
  }

  /** Takes the failure. */
  takeError(): Error | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /** Puts in force what is not. */
  update(): void {
    const options = this.#options;
    const wanted = [...options.memberships];
    const before = this.#inForce;
    this.#inForce = wanted;
    for (const each of before) {
      if (!wanted.includes(each)) this.#run(() => this.#control.leave(each));
    }
    for (const each of wanted) {
      if (before.includes(each)) continue;
      this.#run(() => this.#control.join(each), () => this.#forget(each));
    }
    const { multicastTtl: ttl, multicastLoop: loop } = options;
    if (ttl !== this.#ttl) {
      const old = this.#ttl;
      this.#ttl = ttl;
      this.#run(() => this.#control.setTtl(ttl), () => {
        this.#ttl = options.multicastTtl = old;
      });
    }
    if (loop === this.#loop) return;
    this.#loop = loop;
    this.#run(() => this.#control.setLoop(loop));
  }

  #forget(membership: Membership): void {
    const { memberships } = this.#options;
    const at = memberships.indexOf(membership);
    if (at >= 0) memberships.splice(at, 1);
    this.#inForce = this.#inForce.filter((each) => each !== membership);
  }

  #run(change: () => void | Promise<void>, undo: () => void = () => {}): void {
    let changing: void | Promise<void>;
    try {
      changing = change();
    } catch (error) {
      undo();
      throw fromDeno(error);
    }
    if (changing === undefined) return;
    const settled = changing.catch((error) => {
      undo();
      this.#error ??= fromDeno(error);
      this.#onError();
    });
    const pending = Promise.all([this.#pending, settled]).then(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    this.#pending = pending;
  }
}
