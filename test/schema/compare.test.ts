import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compareScalars, compareText, mergeStatistics } from '../../src/schema/index.ts';
import { anyText } from './arbitraries.ts';

describe('compareScalars', () => {
  it('orders texts by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(anyText(), anyText(), (left, right) => {
        expect(Math.sign(compareText(left, right))).toBe(
          Buffer.compare(Buffer.from(left), Buffer.from(right)),
        );
      }),
      { numRuns: 1000 },
    );
    expect(compareText('\uFFFD', '\u{10000}')).toBeLessThan(0);
  });

  it('puts NaN last and holds both zeros for equal', () => {
    expect(compareScalars(Number.NaN, Number.POSITIVE_INFINITY)).toBeGreaterThan(0);
    expect(compareScalars(1, Number.NaN)).toBeLessThan(0);
    expect(compareScalars(Number.NaN, Number.NaN)).toBe(0);
    expect(compareScalars(-0, 0)).toBe(0);
  });

  it('orders longs, booleans and bytes', () => {
    expect(compareScalars(2n ** 62n, 2n ** 62n + 1n)).toBeLessThan(0);
    expect(compareScalars(false, true)).toBeLessThan(0);
    expect(compareScalars(Uint8Array.of(1, 255), Uint8Array.of(2))).toBeLessThan(0);
  });
});

describe('mergeStatistics', () => {
  const column = (min: number | null, max: number | null, nullCount: number | null) => ({
    rowCount: 10,
    columns: new Map([['c', { min, max, nullCount, fields: null }]]),
  });

  it('keeps the outer bounds and adds the counts', () => {
    const merged = mergeStatistics(column(1, 5, 2), column(3, 9, 0));
    expect(merged.rowCount).toBe(20);
    expect(merged.columns.get('c')).toEqual({ min: 1, max: 9, nullCount: 2, fields: null });
  });

  it('takes what one side does not know for unknown', () => {
    const merged = mergeStatistics(column(1, null, null), column(3, 9, 0));
    expect(merged.columns.get('c')).toEqual({ min: 1, max: null, nullCount: null, fields: null });
    const lone = mergeStatistics(column(1, 2, 0), { rowCount: 1, columns: new Map() });
    expect(lone.columns.size).toBe(0);
  });

  it('needs no bounds of a side that holds only nulls', () => {
    const merged = mergeStatistics(column(null, null, 10), column(3, 9, 0));
    expect(merged.columns.get('c')).toEqual({ min: 3, max: 9, nullCount: 10, fields: null });
  });
});
