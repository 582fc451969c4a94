import { array, assert, integer, property, string } from 'fast-check';
import { expect, test } from 'vitest';

import { KeySet } from '../../src/parquet/index.ts';

function find(set: KeySet, text: string): number {
  const bytes = Buffer.from(text);
  return set.find(bytes, 0, bytes.length);
}

test('keys come in once, and are numbered as they come, like the entries of a Map', () => {
  const key = string({ maxLength: 20, unit: 'binary' });
  assert(
    property(
      array(key, { maxLength: 300 }),
      array(key),
      integer({ min: 0, max: 9 }),
      (keys, others, shift) => {
        const set = new KeySet();
        const oracle = new Map<string, number>();
        const [added, isNew]: [boolean[], boolean[]] = [[], []];
        for (const text of keys) {
          // Somewhere in other bytes, at any alignment.
          const bytes = Buffer.from(`${'~'.repeat(shift)}${text}~`);
          added.push(set.add(bytes, shift, bytes.length - 1));
          isNew.push(!oracle.has(text));
          if (!oracle.has(text)) oracle.set(text, oracle.size);
        }
        expect(added).toEqual(isNew);
        expect(set.size).toBe(oracle.size);
        const asked = [...keys, ...others];
        expect(asked.map((text) => find(set, text))).toEqual(
          asked.map((text) => oracle.get(text) ?? -1),
        );
        const kept = Array.from(oracle.values(), (number) =>
          Buffer.from(set.key(number)).toString(),
        );
        expect(kept).toEqual([...oracle.keys()]);
      },
    ),
  );
});

test('bounds are the least and the greatest key by their bytes, also after more have come', () => {
  assert(
    property(
      array(array(string({ unit: 'binary' }), { minLength: 1 }), { minLength: 1, maxLength: 5 }),
      (batches) => {
        const set = new KeySet();
        const all: Buffer[] = [];
        for (const keys of batches) {
          for (const text of keys) {
            const bytes = Buffer.from(text);
            set.add(bytes, 0, bytes.length);
            all.push(bytes);
          }
          all.sort((left, right) => Buffer.compare(left, right));
          const { min, max } = set.bounds();
          expect([Buffer.from(min), Buffer.from(max)]).toEqual([all.at(0), all.at(-1)]);
        }
      },
    ),
  );
  expect(() => new KeySet().bounds()).toThrow('no bounds');
});

test('a key is a copy: what it was taken from may change', () => {
  const set = new KeySet();
  const bytes = Buffer.from('abcdef');
  expect(set.add(bytes, 0, 6)).toBe(true);
  bytes.fill(0);
  expect([find(set, 'abcdef'), set.find(bytes, 0, 6)]).toEqual([0, -1]);
  expect(set.add(bytes, 0, 0)).toBe(true);
  expect(find(set, '')).toBe(1);
  expect(() => set.find(bytes, 0, 7)).toThrow(RangeError);
  expect(() => set.key(2)).toThrow('no key has this number');
});

test('a hundred thousand keys take little more than their bytes', () => {
  const set = new KeySet();
  const key = Buffer.alloc(36, 'a');
  for (let number = 0; number < 100_000; number += 1) {
    key.writeUInt32LE(number, 16);
    set.add(key, 0, 36);
  }
  expect(set.size).toBe(100_000);
  for (let number = 0; number < 100_000; number += 997) {
    key.writeUInt32LE(number, 16);
    expect(set.find(key, 0, 36)).toBe(number);
  }
  expect(set.byteLength).toBeLessThan(8 * 1024 * 1024);
});
