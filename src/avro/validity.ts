/** Which places of a column hold a value: a byte for each while they are appended, a bit for each when handed out. */

import type { Growing } from './level.ts';

export class Validity implements Growing {
  readonly placeBytes = 1;
  #bytes = new Uint8Array(0);

  grow(capacity: number, taken: number): void {
    const larger = new Uint8Array(capacity);
    larger.set(this.#bytes.subarray(0, taken));
    this.#bytes = larger;
  }

  set(place: number, isPresent: 0 | 1): void {
    this.#bytes[place] = isPresent;
  }

  /** The bits of the first `count` places; none where no place is empty. */
  finish(count: number): { readonly nullCount: number; readonly bits: Uint8Array | null } {
    let present = 0;
    for (let place = 0; place < count; place += 1) present += this.#bytes[place] ?? 0;
    const nullCount = count - present;
    return { nullCount, bits: nullCount === 0 ? null : packBits(this.#bytes, count) };
  }
}

/** Bytes of 0 and 1 as bits, the first in the lowest bit of a byte, as Arrow has them. */
export function packBits(bytes: Uint8Array, count: number): Uint8Array {
  const bits = new Uint8Array((count + 7) >> 3);
  for (let place = 0; place < count; place += 1) {
    bits[place >> 3] = (bits[place >> 3] ?? 0) | ((bytes[place] ?? 0) << (place & 7));
  }
  return bits;
}
