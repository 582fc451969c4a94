import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { printDate, printTimestamp, readDate, readTimestamp } from '../../src/schema/time-text.ts';

describe('dates and timestamps as text', () => {
  it('agrees with the calendar of Date wherever that reaches', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        const iso = date.toISOString();
        const micros = BigInt(date.getTime()) * 1000n;
        expect(printTimestamp(micros, { separator: 'T', fraction: 'millis', zone: 'Z' })).toBe(iso);
        expect(readTimestamp(iso)?.micros).toBe(micros);
        const days = Math.floor(date.getTime() / 86_400_000);
        expect(printDate(days)).toBe(iso.slice(0, -14));
        expect(readDate(iso.slice(0, -14))).toBe(days);
      }),
      { numRuns: 2000 },
    );
  });

  it('says whether there was a zone, and how many digits', () => {
    expect(readTimestamp('2024-01-01 10:00')).toEqual({
      micros: 1_704_103_200_000_000n,
      zoned: false,
      fractionDigits: 0,
    });
    expect(readTimestamp('2024-01-01T10:00:00.123456789Z')).toEqual({
      micros: 1_704_103_200_123_456n,
      zoned: true,
      fractionDigits: 9,
    });
  });

  it('refuses what the calendar or the clock does not have', () => {
    for (const text of ['2024-13-01', '2024-00-10', '2024-04-31', '24-01-01', '2024-01-01x', '']) {
      expect(readDate(text)).toBeNull();
    }
    for (const text of [
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:60:00Z',
      '2024-01-01T00:00:60Z',
      '2024-01-01T00:00:00+19:00',
      '2024-01-01T00:00:00+01:60',
      '+9999999-01-01T00:00:00Z',
    ]) {
      expect(readTimestamp(text)).toBeNull();
    }
  });
});
