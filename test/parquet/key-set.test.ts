import {
  array,
  assert,
  constantFrom,
  integer,
  nat,
  oneof,
  property,
  string,
  tuple,
  uniqueArray,
} from 'fast-check';
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

/** Each after its length, as in Parquet's plain pages. */
function plain(texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.flatMap((text) => {
      const length = Buffer.alloc(4);
      length.writeInt32LE(Buffer.byteLength(text));
      return [length, Buffer.from(text)];
    }),
  );
}

test('of many at once exactly those in the set are found, alike as they may be', () => {
  const start = constantFrom('', 'a', '0000', 'user-', 'ção'.repeat(9));
  const middle = oneof(
    string({ maxLength: 8, unit: 'binary' }),
    nat({ max: 300 }).map((number) => String(number).padStart(8, '0')),
  );
  const text = tuple(start, middle, constantFrom('', 'z', '@example.com')).map((all) =>
    all.join(''),
  );
  const more = array(text, { maxLength: 100 });
  assert(
    property(array(text, { maxLength: 200 }), more, more, (keys, later, others) => {
      const set = new KeySet();
      const asked = [...others, ...keys, '', ...later];
      const bytes = plain(asked);
      // What was looked for before more keys came makes no difference.
      for (const some of [keys, later]) {
        for (const key of some) set.add(Buffer.from(key), 0, Buffer.byteLength(key));
        const found = asked.map(() => -1);
        const visit = (index: number, number: number): void => {
          found[index] = number;
        };
        expect(set.findEach(bytes, asked.length, visit)).toBe(true);
        expect(found).toEqual(asked.map((key) => find(set, key)));
      }
    }),
  );
});

test('a value that overruns its end is told, and what came before it is found', () => {
  const set = new KeySet();
  set.add(Buffer.from('key'), 0, 3);
  const bytes = plain(['key', 'other', 'key']);
  const indices = (count: number, changed: Uint8Array): readonly (number | boolean)[] => {
    const found: number[] = [];
    const whole = set.findEach(changed, count, (index) => found.push(index));
    return [whole, ...found];
  };
  expect(indices(3, bytes)).toEqual([true, 0, 2]);
  expect(indices(4, bytes)).toEqual([false, 0, 2]);
  expect(indices(3, bytes.subarray(0, -1))).toEqual([false, 0]);
  expect(indices(3, bytes.subarray(0, 18))).toEqual([false, 0]);
  for (const length of [-1, -(2 ** 31), 2 ** 31 - 1, 13]) {
    const damaged = Buffer.from(bytes);
    damaged.writeInt32LE(length, 7);
    expect(indices(3, damaged)).toEqual([false, 0]);
  }
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

test('what came last can be forgotten, and added again', () => {
  assert(
    property(
      uniqueArray(string({ maxLength: 12 }), { maxLength: 3000, size: 'max' }),
      nat(3000),
      (texts, kept) => {
        const set = new KeySet();
        const add = (text: string): boolean => {
          const bytes = Buffer.from(text);
          return set.add(bytes, 0, bytes.length);
        };
        texts.forEach(add);
        if (set.size > 0) set.bounds();
        const size = Math.min(kept, texts.length);
        set.truncate(kept);
        expect(set.size).toBe(size);
        expect(texts.map((text) => find(set, text))).toEqual(
          texts.map((_, number) => (number < size ? number : -1)),
        );
        const last = texts.slice(size).toReversed();
        expect(last.every(add)).toBe(true);
        expect(texts.some(add)).toBe(false);
        if (texts.length === 0) return;
        const all = texts.map((text) => Buffer.from(text)).sort((a, b) => Buffer.compare(a, b));
        const { min, max } = set.bounds();
        expect([Buffer.from(min), Buffer.from(max)]).toEqual([all.at(0), all.at(-1)]);
      },
    ),
    { numRuns: 30 },
  );
});

test('a set takes in another, and holds each key once', () => {
  const texts = array(string({ maxLength: 5 }), { maxLength: 1500, size: 'max' });
  const setOf = (keys: readonly string[]): KeySet => {
    const set = new KeySet();
    for (const key of keys) set.add(Buffer.from(key), 0, Buffer.byteLength(key));
    return set;
  };
  assert(
    property(texts, texts, (left, right) => {
      const set = setOf(left);
      set.addAll(setOf(right));
      const all = [...new Set([...left, ...right])];
      expect(set.size).toBe(all.length);
      expect(all.map((text) => find(set, text))).toEqual([...all.keys()]);
    }),
    { numRuns: 30 },
  );
});

test('room that is made beforehand changes nothing but the memory', () => {
  const set = new KeySet();
  set.add(Buffer.from('a'), 0, 1);
  set.reserve(100_000);
  const { byteLength } = set;
  expect(find(set, 'a')).toBe(0);
  const key = Buffer.alloc(4);
  for (let number = 1; number < 100_000; number += 1) {
    key.writeUInt32LE(number);
    set.add(key, 0, 4);
  }
  expect([find(set, 'a'), set.find(key, 0, 4)]).toEqual([0, 99_999]);
  // Only the bytes of the keys took more.
  expect(set.byteLength - byteLength).toBeLessThan(1024 * 1024);
  // More than there is room for is as good as the most.
  new KeySet().reserve(Number.MAX_SAFE_INTEGER);
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
