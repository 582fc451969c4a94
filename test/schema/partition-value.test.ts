import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { assert } from '../../src/base/index.ts';
import {
  compareScalars,
  isPartitionType,
  parsePartitionValue,
  parseType,
  printPartitionValue,
  type Scalar,
} from '../../src/schema/index.ts';
import { anyText } from './arbitraries.ts';

const print = (value: Scalar | null, type: string): string | null =>
  printPartitionValue(value, parseType(type));
const parse = (text: string | null, type: string): Scalar | null =>
  parsePartitionValue(text, parseType(type));

describe('partition values', () => {
  it('spells null and the empty text as null, for every type', () => {
    for (const type of ['string', 'int', 'timestamp', 'decimal(4,2)', 'binary']) {
      expect(print(null, type)).toBeNull();
      expect(parse(null, type)).toBeNull();
      expect(parse('', type)).toBeNull();
    }
    expect(print('', 'string')).toBeNull();
  });

  it('writes what Spark writes', () => {
    expect(print(-5, 'tinyint')).toBe('-5');
    expect(print(9_007_199_254_740_993n, 'bigint')).toBe('9007199254740993');
    expect(print(1234n, 'decimal(10,2)')).toBe('12.34');
    expect(print(-4n, 'decimal(10,2)')).toBe('-0.04');
    expect(print(true, 'boolean')).toBe('true');
    expect(print(19_723, 'date')).toBe('2024-01-01');
    expect(print(1_704_067_200_000_001n, 'timestamp')).toBe('2024-01-01T00:00:00.000001Z');
    expect(print(1_704_067_200_000_000n, 'timestamp_ntz')).toBe('2024-01-01 00:00:00');
    expect(print(-1n, 'timestamp_ntz')).toBe('1969-12-31 23:59:59.999999');
    expect(print(new TextEncoder().encode('é'), 'binary')).toBe('é');
  });

  it('writes floating-point numbers as Java does', () => {
    const texts: readonly (readonly [number, string])[] = [
      [1, '1.0'],
      [-0.5, '-0.5'],
      [0.001, '0.001'],
      [0.00012, '1.2E-4'],
      [1_234_567, '1234567.0'],
      [12_345_678, '1.2345678E7'],
      [1e21, '1.0E21'],
      [-0, '-0.0'],
      [Number.NaN, 'NaN'],
      [Number.NEGATIVE_INFINITY, '-Infinity'],
    ];
    for (const [value, text] of texts) expect(print(value, 'double')).toBe(text);
    expect(print(Math.fround(0.1), 'float')).toBe('0.1');
  });

  it('reads both spellings of timestamps, offsets with seconds and wide years', () => {
    const micros = 1_704_067_200_000_000n;
    for (const text of [
      '2024-01-01 00:00:00',
      '2024-01-01T00:00:00Z',
      '2024-01-01T00:00:00.000000Z',
      '2024-01-01 01:00:00.000+01:00',
      '2024-01-01T00:53:28+00:53:28',
      '2024-01-01',
    ]) {
      expect(parse(text, 'timestamp')).toBe(micros);
    }
    expect(parse('+10000-01-01', 'date')).toBe(2_932_897);
    expect(print(2_932_897, 'date')).toBe('+010000-01-01');
  });

  it('refuses texts that are no value of the type', () => {
    for (const [text, type] of [
      ['abc', 'int'],
      ['300', 'tinyint'],
      ['9223372036854775808', 'bigint'],
      ['1.005', 'decimal(4,2)'],
      ['123.00', 'decimal(4,2)'],
      ['yes', 'boolean'],
      ['2023-02-29', 'date'],
      ['2024-01-01 25:00:00', 'timestamp'],
      ['0x10', 'double'],
      ['1', 'void'],
    ] as const) {
      expect(() => parse(text, type)).toThrow(/is not a/);
    }
    expect(() => print(Uint8Array.of(0xff), 'binary')).toThrow(/not UTF-8/);
  });

  it('reads back what it wrote, for every type', () => {
    const typed = fc.oneof(
      fc.tuple(fc.constant('string'), anyText({ minLength: 1 })),
      fc.tuple(fc.constant('int'), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
      fc.tuple(fc.constant('bigint'), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      fc.tuple(fc.constant('double'), fc.double()),
      fc.tuple(fc.constant('float'), fc.float()),
      fc.tuple(fc.constant('date'), fc.integer({ min: -3_000_000, max: 3_000_000 })),
      fc.tuple(fc.constant('timestamp'), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })),
      fc.tuple(fc.constant('timestamp_ntz'), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })),
      fc.tuple(
        fc.constant('decimal(20,7)'),
        fc.bigInt({ min: -(10n ** 20n) + 1n, max: 10n ** 20n - 1n }),
      ),
    );
    fc.assert(
      fc.property(typed, ([type, value]) => {
        const text = print(value, type);
        const back = parse(text, type);
        assert(back !== null, 'a value came back as null');
        expect(compareScalars(back, value)).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('knows which types a table may be partitioned by', () => {
    expect(isPartitionType(parseType('date'))).toBe(true);
    expect(isPartitionType(parseType('decimal(4,2)'))).toBe(true);
    expect(isPartitionType(parseType('array<int>'))).toBe(false);
    expect(isPartitionType(parseType('void'))).toBe(false);
  });
});
