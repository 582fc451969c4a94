import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { HashIndex } from '../../src/log/hash-index.ts';

/** All rows with a hash, as a search comes by them. */
function rowsOf(index: HashIndex, hash: number): readonly number[] {
  const rows: number[] = [];
  const found = index.find(hash, (row) => {
    rows.push(row);
    return false;
  });
  expect(found).toBe(-1);
  return rows.toSorted((a, b) => a - b);
}

const hash = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 3 }), fc.constant(-(2 ** 31)));

test('a hash has the rows that were added with it, and no others, however far the index has grown', () => {
  fc.assert(
    fc.property(fc.array(hash, { maxLength: 3_000, size: 'max' }), hash, (hashes, other) => {
      for (const index of [new HashIndex(), new HashIndex(hashes.length)]) {
        for (const [row, it] of hashes.entries()) index.add(it, row);
        for (const wanted of [...hashes.slice(0, 20), other]) {
          const rows = hashes.flatMap((it, row) => (it === wanted ? [row] : []));
          expect(rowsOf(index, wanted)).toEqual(rows);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('rows that come with gaps between them are found', () => {
  const index = new HashIndex(10);
  for (const row of [5, 40_000, 7]) index.add(-row, row);
  for (const row of [5, 40_000, 7]) expect(rowsOf(index, -row)).toEqual([row]);
  expect(index.find(-7, (row) => row === 7)).toBe(7);
});
