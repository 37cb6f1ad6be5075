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
  readonly #onError: (error: Error) => void;
  #inForce: readonly Membership[] = [];
  #ttl = 1;
  #loop: boolean;
  #pending: Promise<void> | undefined;

  /** `onError` gets failures that no call is about. */
  constructor(
    options: Options,
    control: Multicast,
    onError: (error: Error) => void,
  ) {
    this.#options = options;
    this.#control = control;
    this.#onError = onError;
    this.#loop = control.loop;
  }

  /** Settles, and never rejects, when all that was set is in force. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
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
      this.#onError(fromDeno(error));
    });
    const pending = Promise.all([this.#pending, settled]).then(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    this.#pending = pending;
  }
}
