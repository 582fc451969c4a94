/** Rows by 32-bit hashes of what they hold, in an open-addressing table: a number for each row and no object. */

export class HashIndex {
  /**
   * Of each row, at the place that the lower bits of its hash name or soon after it: the upper bits of the hash, and in the lower
   * ones its number plus one; 0 is free. So one look into memory tells of nearly all that is not there.
   */
  #slots: Int32Array;
  /** By row. */
  #hashes: Int32Array;
  /** Rows up to the last that was added. */
  #rowCount = 0;

  /** It grows, which is saved where the number of rows is known. */
  constructor(rowCount = 0) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(rowCount, ROWS_MIN) + 2)));
    this.#hashes = new Int32Array(Math.max(rowCount, ROWS_MIN));
  }

  add(hash: number, row: number): void {
    if (row >= this.#hashes.length) {
      const hashes = new Int32Array(Math.max(row + 1, 2 * this.#hashes.length));
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    this.#hashes[row] = hash;
    this.#rowCount = Math.max(this.#rowCount, row + 1);
    while (2 * this.#rowCount > this.#slots.length) this.#grow();
    this.#place(hash, row);
  }

  /** The first row with this hash that `isWanted`, or −1. */
  find(hash: number, isWanted: (row: number) => boolean): number {
    const mask = this.#slots.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = this.#slots[place] ?? 0;
      if (slot === 0) return -1;
      if (((slot ^ hash) & ~mask) !== 0) continue;
      const row = (slot & mask) - 1;
      if (this.#hashes[row] === hash && isWanted(row)) return row;
    }
  }

  #place(hash: number, row: number): void {
    const mask = this.#slots.length - 1;
    let place = hash & mask;
    while (this.#slots[place] !== 0) place = (place + 1) & mask;
    this.#slots[place] = (hash & ~mask) | (row + 1);
  }

  #grow(): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    this.#slots = new Int32Array(2 * slots.length);
    for (const slot of slots) {
      const row = (slot & mask) - 1;
      if (row >= 0) this.#place(this.#hashes[row] ?? 0, row);
    }
  }
}

const ROWS_MIN = 1024;

/** A hash of the bytes from `start` to `end`, which is not to be kept: it may be another in another release. */
export function hashOf(view: DataView, start: number, end: number): number {
  let hash = end - start;
  let place = start;
  for (; place + 4 <= end; place += 4) {
    hash = Math.imul(hash ^ view.getInt32(place, true), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  for (; place < end; place += 1) hash = Math.imul(hash ^ view.getUint8(place), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
