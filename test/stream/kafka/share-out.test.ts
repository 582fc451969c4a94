import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { nameOf, shareOut } from '../../../src/stream/kafka/share-out.ts';
import type { TopicPartition } from '../../../src/stream/kafka/types.ts';

function partitions(count: number, topic = 't'): TopicPartition[] {
  return Array.from({ length: count }, (_, partition) => ({ topic, partition }));
}

function names(
  shares: ReadonlyMap<string, readonly TopicPartition[]>,
): Readonly<Record<string, string[]>> {
  return Object.fromEntries([...shares].map(([member, share]) => [member, share.map(nameOf)]));
}

test('a member that joins takes no more than its part, and nobody else moves', () => {
  const [p0, p1, p2, p3] = partitions(4);
  const owned = new Map([
    ['a', [p0, p2].filter((it) => it !== undefined)],
    ['b', [p1, p3].filter((it) => it !== undefined)],
    ['c', []],
  ]);
  expect(names(shareOut(partitions(4), owned))).toEqual({
    a: ['t-0', 't-2'],
    b: ['t-1'],
    c: ['t-3'],
  });
});

test('what a member that left had goes to those with the fewest', () => {
  const owned = new Map([
    ['a', partitions(1)],
    ['b', [{ topic: 't', partition: 9 }]],
  ]);
  expect(names(shareOut(partitions(3), owned))).toEqual({ a: ['t-0', 't-2'], b: ['t-1'] });
});

test('of two that claim a partition the first keeps it; more members than partitions have none', () => {
  const owned = new Map([
    ['b', partitions(1)],
    ['a', partitions(1)],
    ['c', []],
  ]);
  expect(names(shareOut(partitions(2), owned))).toEqual({ a: ['t-0'], b: ['t-1'], c: [] });
});

test('every partition has one owner, shares differ by one, and a second time nothing moves', () => {
  const member = fc.array(fc.nat(12), { maxLength: 12 });
  fc.assert(
    fc.property(fc.nat(10), fc.array(member, { minLength: 1, maxLength: 5 }), (count, claims) => {
      const all = partitions(count);
      const owned = new Map(
        claims.map((some, n) => [
          `m${String(n)}`,
          some.map((partition) => ({ topic: 't', partition })),
        ]),
      );
      const shares = shareOut(all, owned);
      expect([...shares.values()].flat().map(nameOf).sort()).toEqual(all.map(nameOf).sort());
      const sizes = [...shares.values()].map((share) => share.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      const sets = (of: typeof shares): string[][] =>
        [...of.values()].map((share) => share.map(nameOf).sort());
      expect(sets(shareOut(all, shares))).toEqual(sets(shares));
    }),
  );
});
