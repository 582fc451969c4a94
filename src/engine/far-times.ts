/**
 * Dates and timestamps that DuckDB has no calendar for: it takes the largest and the smallest value for infinite, and cannot
 * split timestamps before -290308-12-22. They are split by numbers: 400 years have the same days wherever they begin.
 */

import type { DataType } from '../schema/index.ts';
import { is } from './type-rules.ts';
import { type Binder, constantSql } from './typed.ts';

const MICROS_PER_DAY = 86_400_000_000;
const DAYS_PER_CYCLE = 146_097;
const YEARS_PER_CYCLE = 400;
/** What the engine takes for infinite, and with a minus for the negative infinity. */
const INFINITE_MICROS = 9_223_372_036_854_775_807n;

/** SQL for a text of `sql`, a date or a timestamp, by its year and a TIMESTAMP of 1970 to 2369 with the same month, day and time. */
export function farTimeText(
  sql: string,
  type: DataType,
  binder: Binder,
  text: (year: string, sameDay: string) => string,
): string {
  const isDate = is(type, 'date');
  const units = isDate ? `(${sql} - DATE '1970-01-01')` : microsOf(sql, type);
  const unitsPerDay = isDate ? 1 : MICROS_PER_DAY;
  return binder.bind(units, (n) => {
    const cycle = floorDivided(n, DAYS_PER_CYCLE * unitsPerDay);
    const within = modulo(n, DAYS_PER_CYCLE * unitsPerDay);
    const micros = isDate ? `${within} * ${String(MICROS_PER_DAY)}` : within;
    return binder.bind(`make_timestamp(${micros})`, (sameDay) =>
      text(`(year(${sameDay}) + ${String(YEARS_PER_CYCLE)} * ${cycle})`, sameDay),
    );
  });
}

function microsOf(sql: string, type: DataType): string {
  const sign = `CASE WHEN ${sql} > ${constantSql(0n, type)} THEN 1 ELSE -1 END`;
  return `CASE WHEN isinf(${sql}) THEN ${sign} * ${String(INFINITE_MICROS)} ELSE epoch_us(${sql}) END`;
}

/** Divided and rounded down, also at the ends of 64 bits. */
function floorDivided(n: string, divisor: number): string {
  return `(${n} // ${String(divisor)} - CASE WHEN ${n} % ${String(divisor)} < 0 THEN 1 ELSE 0 END)`;
}

function modulo(n: string, divisor: number): string {
  return `((${n} % ${String(divisor)} + ${String(divisor)}) % ${String(divisor)})`;
}
