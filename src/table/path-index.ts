/** Where paths are among those of a segment, by the hashes of their keys. */

import { HashIndex, hashOf, pathKey, viewOf } from '../log/index.ts';
import type { TextPage } from '../parquet/index.ts';

export class PathIndex {
  readonly #index: HashIndex;

  /** For so many rows. */
  constructor(rowCount: number) {
    this.#index = new HashIndex(rowCount);
  }

  addPage({ values, entries, rowCount, first }: TextPage): void {
    const hashes = hashesOf(values);
    for (let at = 0; at < rowCount; at += 1) {
      const entry = entries === null ? at : (entries[at] ?? -1);
      if (entry >= 0) this.#index.add(hashes[entry] ?? 0, first + at);
    }
  }

  /** The rows that may have a key of these hashes (`hashOfKey`), in rising order: all that do, hardly any other. */
  rowsOf(hashes: readonly number[]): readonly number[] {
    const rows: number[] = [];
    for (const hash of hashes) {
      this.#index.find(hash, (row) => {
        rows.push(row);
        return false;
      });
    }
    return rows.sort((a, b) => a - b);
  }
}

export function hashOfKey(key: string): number {
  const bytes = Buffer.from(key);
  return hashOf(viewOf(bytes), 0, bytes.length);
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
