import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { LayeredMap } from '../../src/log/index.ts';

const changes = fc.array(fc.tuple(fc.nat(200).map(String), fc.option(fc.nat(9), { nil: null })), {
  maxLength: 60,
});

const rising = (a: number, b: number): number => a - b;

test('is the plain map after the same changes, and leaves its predecessors as they were', () => {
  fc.assert(
    fc.property(fc.array(changes, { maxLength: 12 }), (rounds) => {
      let map = LayeredMap.empty<number>();
      const plain = new Map<string, number>();
      for (const round of rounds) {
        const before = [map, map.size, [...map.values()].sort(rising)] as const;
        map = map.with(new Map(round));
        for (const [key, value] of new Map(round)) {
          if (value === null) plain.delete(key);
          else plain.set(key, value);
        }
        expect(map.size).toBe(plain.size);
        expect([...map.values()].sort(rising)).toEqual([...plain.values()].sort(rising));
        for (const [key] of round) expect(map.get(key)).toBe(plain.get(key) ?? null);
        expect([before[0].size, [...before[0].values()].sort(rising)]).toEqual([
          before[1],
          before[2],
        ]);
      }
    }),
  );
});
