import { array, assert, asyncProperty, integer, nat, tuple } from 'fast-check';
import { expect, test } from 'vitest';

import { coalesce, fetchRanges } from '../../src/parquet/byte-range.ts';
import { memorySource } from '../../src/parquet/index.ts';

const MIB = 1024 * 1024;

test('ranges close together are one request, ranges far apart are two', () => {
  const near = [
    { start: 5000, end: 6000 },
    { start: 0, end: 100 },
  ];
  expect(coalesce(near)).toEqual([{ start: 0, end: 6000 }]);
  const far = [
    { start: 0, end: 100 },
    { start: MIB, end: MIB + 1 },
  ];
  expect(coalesce(far)).toEqual(far);
});

test('a long range is fetched in pieces that cover it', async () => {
  const source = memorySource('f', new Uint8Array(20 * MIB));
  const pieces: (readonly [number, number])[] = [];
  await fetchRanges(source, [{ start: 1, end: 18 * MIB }], (start, bytes) => {
    pieces.push([start, start + bytes.length]);
  });
  expect(pieces.toSorted(([left], [right]) => left - right)).toEqual([
    [1, 8 * MIB + 1],
    [8 * MIB + 1, 16 * MIB + 1],
    [16 * MIB + 1, 18 * MIB],
  ]);
});

test('every byte asked for arrives where it belongs', async () => {
  const bytes = Uint8Array.from({ length: 400_000 }, (_, index) => index % 251);
  const range = tuple(nat(399_999), integer({ min: 1, max: 5000 }));
  await assert(
    asyncProperty(array(range, { maxLength: 20 }), async (asked) => {
      const ranges = asked.map(([start, length]) => ({
        start,
        end: Math.min(bytes.length, start + length),
      }));
      const copy = new Uint8Array(bytes.length);
      await fetchRanges(memorySource('f', bytes), ranges, (start, piece) => copy.set(piece, start));
      for (const { start, end } of ranges) {
        expect(Buffer.compare(copy.subarray(start, end), bytes.subarray(start, end))).toBe(0);
      }
    }),
    { numRuns: 50 },
  );
});

test('an error of the source is passed on as it is', async () => {
  const source = { ...memorySource('f', new Uint8Array(10)), read: () => Promise.reject(FAILED) };
  await expect(fetchRanges(source, [{ start: 0, end: 5 }], () => undefined)).rejects.toBe(FAILED);
});

const FAILED = new Error('the store is away');
