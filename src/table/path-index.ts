/** Where paths are among many: 32-bit hashes of their keys in an open-addressing table, a number for each and no object. */

import { pathKey } from '../log/index.ts';
import type { TextPage } from '../parquet/index.ts';

export class PathIndex {
  /** Of each row its number plus one, at the place that its hash names or soon after it; 0 is free. */
  readonly #slots: Int32Array;
  readonly #hashes: Int32Array;

  /** For so many rows. */
  constructor(rowCount: number) {
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * rowCount + 2)));
    this.#hashes = new Int32Array(rowCount);
  }

  /** The paths of a page whose first row has this number. */
  addPage({ values, entries, rowCount }: TextPage, firstRow: number): void {
    const hashes = hashesOf(values);
    for (let at = 0; at < rowCount; at += 1) {
      const entry = entries === null ? at : (entries[at] ?? -1);
      if (entry >= 0) this.#add(hashes[entry] ?? 0, firstRow + at);
    }
  }

  /** The rows that may have this key: all that do, hardly any other. */
  rowsOf(key: string): readonly number[] {
    const bytes = Buffer.from(key);
    const hash = hashOf(viewOf(bytes), 0, bytes.length);
    const rows: number[] = [];
    const mask = this.#slots.length - 1;
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = this.#slots[place] ?? 0;
      if (slot === 0) return rows;
      if (this.#hashes[slot - 1] === hash) rows.push(slot - 1);
    }
  }

  #add(hash: number, row: number): void {
    const mask = this.#slots.length - 1;
    let place = hash & mask;
    while (this.#slots[place] !== 0) place = (place + 1) & mask;
    this.#slots[place] = row + 1;
    this.#hashes[row] = hash;
  }
}

/**
 * Whether a path among the bytes may be spelled in another way than its key (`pathKey`): it is encoded, or a URI. False only
 * where none is.
 */
export function maySpellOtherwise(bytes: Buffer): boolean {
  if (bytes.includes(':/')) return true;
  for (let at = bytes.indexOf(PERCENT); at !== -1; at = bytes.indexOf(PERCENT, at + 1)) {
    // Otherwise it is the length before a text.
    if (bytes[at + 1] !== 0) return true;
  }
  return false;
}

const PERCENT = 0x25;
const LENGTH_BYTES = 4;

function hashesOf(values: TextPage['values']): Int32Array {
  const bytes = Buffer.from(values.bytes.buffer, values.bytes.byteOffset, values.bytes.byteLength);
  const offsets = values.offsets();
  const hashes = new Int32Array(values.count);
  const view = viewOf(bytes);
  const isPlain = !maySpellOtherwise(bytes);
  for (let entry = 0; entry < values.count; entry += 1) {
    const start = (offsets[entry] ?? 0) + LENGTH_BYTES;
    const end = offsets[entry + 1] ?? 0;
    if (isPlain) hashes[entry] = hashOf(view, start, end);
    else {
      const key = Buffer.from(pathKey(bytes.toString('utf8', start, end)));
      hashes[entry] = hashOf(viewOf(key), 0, key.length);
    }
  }
  return hashes;
}

function hashOf(view: DataView, start: number, end: number): number {
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

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
