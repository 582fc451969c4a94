/** Memory for what is decoded on the way to the values of a column. */

import type { Corrupt } from './errors.ts';
import { PageCodec } from './page-codec.ts';

/** Memory that readers use over and over again for what they decode on the way. */
export class LeafScratch {
  readonly codec: PageCodec;
  readonly #numbers = new Map<string, Int32Array>();
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(corrupt: Corrupt) {
    this.codec = new PageCodec(corrupt);
  }

  /** At least so many bytes. */
  bytes(count: number): Uint8Array {
    if (this.#bytes.length < count) this.#bytes = new Uint8Array(count + count / 4);
    return this.#bytes;
  }

  /** Exactly so many numbers. */
  numbers(use: 'repetition' | 'definition' | 'indices', count: number): Int32Array {
    let held = this.#numbers.get(use);
    if (held === undefined || held.length < count) {
      held = new Int32Array(count + count / 4);
      this.#numbers.set(use, held);
    }
    return held.subarray(0, count);
  }
}
