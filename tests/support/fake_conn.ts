import type { StreamConn } from "../../src/runtime/deno_net.ts";

/** An operation that a test settles. */
interface Operation<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * A connection whose operations settle when a test says so, or, while
 * `instant` is on, as Deno's do when the kernel is ready: within two microtasks.
 */
export class FakeConn implements StreamConn {
  readonly localAddr: Deno.Addr = addr(1);
  readonly remoteAddr: Deno.Addr = addr(2);
  /** All that was written, copied when the write settled. */
  readonly written: number[] = [];
  /** The size of every buffer that a read was begun with. */
  readonly readSizes: number[] = [];
  /** The buffer of the pending read. */
  get readBuffer(): Uint8Array | undefined {
    return this.#read?.bytes;
  }
  /** The size of every write that was begun. */
  readonly writeSizes: number[] = [];
  /** The events, in order: `write 3`, `closeWrite`, `close`, `reset`. */
  readonly events: string[] = [];
  /** Whether a pending read keeps the process alive. */
  referenced = true;
  closed = false;
  /** The bytes that the kernel has received; while it has some, reads do not wait. */
  #kernel: Uint8Array = new Uint8Array(0);
  /** Whether writes and half-closes settle by themselves. */
  instant = false;
  #read: Operation<number | null> | undefined;
  #write: Operation<number> | undefined;
  #closeWrite: Operation<void> | undefined;

  /** Whether a read is pending. */
  get reading(): boolean {
    return this.#read !== undefined;
  }

  /** Whether a write is pending. */
  get writing(): boolean {
    return this.#write !== undefined;
  }

  /** Whether a half-close is pending. */
  get closingWrite(): boolean {
    return this.#closeWrite !== undefined;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#read !== undefined) throw new Error("Two reads in flight");
    this.readSizes.push(buffer.length);
    return this.#operation<number | null>(buffer, (read) => {
      this.#read = read;
      if (this.#kernel.length > 0) queueMicrotask(() => this.#fromKernel());
    });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#write !== undefined) throw new Error("Two writes in flight");
    this.writeSizes.push(data.length);
    return this.#operation<number>(data, (write) => {
      this.#write = write;
      if (this.instant) queueMicrotask(() => this.take(data.length));
    });
  }

  closeWrite(): Promise<void> {
    if (this.#write !== undefined) throw new Error("A write is in flight");
    return this.#operation<void>(new Uint8Array(0), (operation) => {
      this.#closeWrite = operation;
      if (this.instant) queueMicrotask(() => this.endWrite());
    });
  }

  #operation<T>(
    bytes: Uint8Array,
    begin: (operation: Operation<T>) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => begin({ bytes, resolve, reject }));
  }

  /** Lets bytes arrive: the pending read gets them, or later ones do. */
  deliver(bytes: Uint8Array): void {
    const kernel = new Uint8Array(this.#kernel.length + bytes.length);
    kernel.set(this.#kernel);
    kernel.set(bytes, this.#kernel.length);
    this.#kernel = kernel;
    this.#fromKernel();
  }

  #fromKernel(): void {
    const read = this.#read;
    if (read === undefined || this.#kernel.length === 0) return;
    this.#read = undefined;
    const n = Math.min(read.bytes.length, this.#kernel.length);
    read.bytes.set(this.#kernel.subarray(0, n));
    this.#kernel = this.#kernel.subarray(n);
    read.resolve(n);
  }

  /** The peer has closed: the pending read ends. */
  endRead(): void {
    const read = this.#read;
    this.#read = undefined;
    read!.resolve(null);
  }

  /** The pending read fails. */
  failRead(error: Error): void {
    const read = this.#read;
    this.#read = undefined;
    read!.reject(error);
  }

  /** The kernel takes this many bytes of the pending write. */
  take(n: number): void {
    const write = this.#write;
    if (write === undefined) return;
    this.#write = undefined;
    for (const byte of write.bytes.subarray(0, n)) this.written.push(byte);
    this.events.push(`write ${Math.min(n, write.bytes.length)}`);
    write.resolve(Math.min(n, write.bytes.length));
  }

  /** The pending write fails. */
  failWrite(error: Error): void {
    const write = this.#write;
    this.#write = undefined;
    write!.reject(error);
  }

  /** The pending half-close is done. */
  endWrite(): void {
    const operation = this.#closeWrite;
    if (operation === undefined) return;
    this.#closeWrite = undefined;
    this.events.push("closeWrite");
    operation.resolve();
  }

  /** As with Deno's, pending operations fail. */
  close(): void {
    this.events.push("close");
    this.#end();
  }

  reset(): void {
    this.events.push("reset");
    this.#end();
  }

  #end(): void {
    if (this.closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.closed = true;
    const interrupted = new Deno.errors.Interrupted("operation canceled");
    if (this.#read) this.failRead(interrupted);
    if (this.#write) this.failWrite(interrupted);
    this.#closeWrite?.reject(interrupted);
    this.#closeWrite = undefined;
  }

  ref(): void {
    this.referenced = true;
  }

  unref(): void {
    this.referenced = false;
  }
}

function addr(port: number): Deno.Addr {
  return { transport: "tcp", hostname: "127.0.0.1", port };
}
