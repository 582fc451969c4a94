/** Maps whose keys are not unique: their bytes can say so, but no map can hold it. */

import type { ByteReader } from './byte-reader.ts';
import type { BytesColumn } from './bytes-column.ts';

/** Up to so many keys each is held against each. */
const PAIRS_MAX = 16;

/** Holds the keys in the places `start` to before `end` against one another. Fault: `AVRO_DUPLICATE_KEY`. */
export function checkKeys(reader: ByteReader, keys: BytesColumn, start: number, end: number): void {
  if (hasDuplicates(keys, start, end)) {
    reader.fail('AVRO_DUPLICATE_KEY', 'a map has two entries of one key');
  }
}

function hasDuplicates(keys: BytesColumn, start: number, end: number): boolean {
  if (end - start > PAIRS_MAX) {
    const seen = new Set<string>();
    for (let place = start; place < end; place += 1) seen.add(keys.latin1(place));
    return seen.size < end - start;
  }
  for (let left = start; left < end; left += 1) {
    for (let right = left + 1; right < end; right += 1) {
      if (keys.isEqual(left, right)) return true;
    }
  }
  return false;
}
