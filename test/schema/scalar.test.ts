import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  fromScalar,
  parseType,
  type RowValue,
  type Scalar,
  toScalar,
} from '../../src/schema/index.ts';

const to = (value: RowValue | undefined, type: string): Scalar | null =>
  toScalar(value, parseType(type));

describe('toScalar', () => {
  it('takes every documented form', () => {
    const cases: readonly (readonly [RowValue | undefined, string, Scalar | null])[] = [
      [null, 'bigint', null],
      [undefined, 'void', null],
      [5, 'bigint', 5n],
      [5n, 'int', 5],
      [-0, 'int', 0],
      [0.1, 'float', Math.fround(0.1)],
      [Number.POSITIVE_INFINITY, 'float', Number.POSITIVE_INFINITY],
      [7n, 'double', 7],
      ['12.5', 'decimal(10,2)', 1250n],
      [12.5, 'decimal(10,2)', 1250n],
      [12n, 'decimal(10,2)', 1200n],
      ['-1e-2', 'decimal(10,2)', -1n],
      [new Date(-1), 'date', -1],
      ['2024-01-01', 'date', 19_723],
      [new Date(1), 'timestamp', 1000n],
      [1n, 'timestamp', 1n],
      ['2024-01-01T00:00:00', 'timestamp', 1_704_067_200_000_000n],
      ['2024-01-01 01:00:00.0000019+01:00', 'timestamp', 1_704_067_200_000_001n],
      ['2024-01-01', 'timestamp', 1_704_067_200_000_000n],
      ['2024-01-01T00:00', 'timestamp_ntz', 1_704_067_200_000_000n],
    ];
    for (const [value, type, scalar] of cases) expect(to(value, type)).toBe(scalar);
  });

  it('refuses what does not fit, saying why', () => {
    const cases: readonly (readonly [RowValue, string, RegExp])[] = [
      [1, 'string', /not a text/],
      ['\uD800', 'string', /half a surrogate/],
      [128, 'tinyint', /not in -128 to 127/],
      [1.5, 'int', /not an integer/],
      ['1', 'int', /not an integer/],
      [2n ** 53n, 'int', /not in/],
      [2 ** 53, 'bigint', /use a bigint/],
      [2n ** 63n, 'bigint', /more than 64 bits/],
      ['1', 'bigint', /neither bigint nor number/],
      [1e300, 'float', /beyond the greatest float/],
      ['1', 'double', /not a number/],
      ['1.005', 'decimal(4,2)', /more than 2 fraction digits/],
      [100, 'decimal(4,2)', /too many digits/],
      [Number.NaN, 'decimal(4,2)', /not a decimal number/],
      ['1e999999999', 'decimal(4,2)', /not a decimal number/],
      [1, 'boolean', /not true or false/],
      ['2023-02-29', 'date', /neither a Date/],
      [new Date(Number.NaN), 'date', /neither a Date/],
      ['yesterday', 'timestamp', /not an ISO 8601/],
      [5, 'timestamp', /neither a Date/],
      [2n ** 63n, 'timestamp', /more than 64 bits/],
      ['2024-01-01T00:00:00Z', 'timestamp_ntz', /has no zone/],
      ['x', 'binary', /not a Uint8Array/],
      ['x', 'void', /can only be null/],
    ];
    for (const [value, type, reason] of cases) expect(() => to(value, type)).toThrow(reason);
  });
});

describe('fromScalar', () => {
  it('prints years beyond four digits with a sign', () => {
    expect(fromScalar(2_932_897, parseType('date'))).toBe('+010000-01-01');
    expect(fromScalar(-719_529, parseType('date'))).toBe('-000001-12-31');
    expect(fromScalar(-719_528, parseType('date'))).toBe('0000-01-01');
    expect(fromScalar(-62_167_219_200_000_001n, parseType('timestamp'))).toBe(
      '-000001-12-31T23:59:59.999999Z',
    );
  });

  it('gives back what toScalar takes for the same scalar', () => {
    const typed = fc.oneof(
      fc.tuple(fc.constant('bigint'), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      fc.tuple(fc.constant('date'), fc.integer({ min: -3_000_000, max: 3_000_000 })),
      fc.tuple(
        fc.constant('timestamp'),
        fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }),
      ),
      fc.tuple(fc.constant('timestamp_ntz'), fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })),
      fc.tuple(fc.constant('decimal(38,10)'), fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n })),
      fc.tuple(fc.constant('float'), fc.float()),
    );
    fc.assert(
      fc.property(typed, ([type, scalar]) => {
        expect(to(fromScalar(scalar, parseType(type)), type)).toBe(scalar);
      }),
      { numRuns: 1000 },
    );
  });
});
