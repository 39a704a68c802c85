/**
 * Memory beside the heap, where the bytes of records lie. V8 frees a buffer when it collects the small object that
 * stands for it. For buffers of a thread's own it looks through the whole heap whenever 64 MB of them are new, at full
 * intake every second or two, and stops the thread for a tenth of a second; shared ones it does not count at all.
 *
 * A process that may ask for a collection (`--expose-gc`, as bin/tallystick.js starts it) frees the large ones as soon
 * as they are done with and collects when much shared memory has been given up. Any other leaves it all to V8.
 */
import { MessageChannel } from "node:worker_threads";

/** Nobody listens: what is moved to it is gone. */
const { port1: nowhere } = new MessageChannel();
nowhere.close();

/** Shared memory that may wait for a collection, in bytes: seven seconds of full intake. */
const MAX_GIVEN_UP_BYTES = 256 * 1024 * 1024;

type Collect = (() => void) | undefined;

/** The buffer beneath the bytes is empty afterwards, unless V8 is left to itself. */
export function letGo(bytes: Uint8Array, collect: Collect = globalThis.gc): void {
  if (collect !== undefined && bytes.buffer instanceof ArrayBuffer) nowhere.postMessage(null, [bytes.buffer]);
}

/** Counts shared memory that is kept no more. */
export class GivenUp {
  readonly #collect: Collect;
  #bytes = 0;

  constructor(collect: Collect = globalThis.gc) {
    this.#collect = collect;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < MAX_GIVEN_UP_BYTES) return;
    this.#bytes = 0;
    this.#collect?.();
  }
}
