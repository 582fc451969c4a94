/** Days that a file holds in the Julian calendar, as the same year, month and day in the one that everything else is in. */

import type { DataType } from '../schema/index.ts';
import { floorDivided } from './casts.ts';
import { is } from './type-rules.ts';
import type { Binder } from './typed.ts';

const MICROS_PER_DAY = 86_400_000_000;
/** 1582-10-15 in days since 1970, the first day on which the calendars agree by Spark's reckoning. */
const FIRST_COMMON_DAY = -141_427;
/** Quarters of days from the Julian 0000-03-01 to 1970, and 3 for rounding: years begin in March, leap days end them. */
const QUARTERS_TO_1970 = 4 * 719_470 + 3;

/** `sql`, a date or a timestamp, read from a Julian column. */
export function fromJulian(sql: string, type: DataType, binder: Binder): string {
  return binder.bind(sql, (value) => {
    const isDate = is(type, 'date');
    const units = isDate ? `(${value} - DATE '1970-01-01')` : `epoch_us(${value})`;
    return binder.bind(units, (n) => {
      const day = isDate ? n : floorDivided(n, MICROS_PER_DAY);
      const century = binder.bind(
        floorDivided(`(4 * ${day} + ${QUARTERS_TO_1970})`, 146_100),
        (c) => `(${c} - ${floorDivided(c, 4)} - 2)`,
      );
      const shifted = isDate
        ? `DATE '1970-01-01' + CAST(${n} - ${century} AS INTEGER)`
        : `make_timestamptz(${n} - ${century} * ${MICROS_PER_DAY})`;
      const first = isDate ? FIRST_COMMON_DAY : FIRST_COMMON_DAY * MICROS_PER_DAY;
      return `CASE WHEN ${n} < ${first} THEN ${shifted} ELSE ${value} END`;
    });
  });
}
