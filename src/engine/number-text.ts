/** The texts Spark gives numbers, dates and times: Java's, not DuckDB's. */

import { type DataType, DATE, type DecimalType, TIMESTAMP_NTZ } from '../schema/index.ts';
import { farTimeText } from './far-times.ts';
import type { Binder } from './typed.ts';

/**
 * A float or double as Java prints it: plain from 0.001 to 10,000,000, else with one digit before the point and `E`.
 * DuckDB prints the same shortest digits, with other bounds and another exponent.
 */
export function doubleText(sql: string, binder: Binder): string {
  return binder.bind(sql, (x) =>
    binder.bind(`ltrim(CAST(${x} AS VARCHAR), '-')`, (t) => {
      const sign = `CASE WHEN starts_with(CAST(${x} AS VARCHAR), '-') THEN '-' ELSE '' END`;
      const digits = binder.bind(
        significantDigits(t),
        (d) => `${d}[1] || '.' || ${orZero(`${d}[2:]`)}`,
      );
      return (
        `CASE WHEN isnan(${x}) THEN 'NaN' WHEN isinf(${x}) THEN ${sign} || 'Infinity' ` +
        `WHEN ${x} = 0 OR (abs(${x}) >= 0.001 AND abs(${x}) < 10000000) THEN CAST(${x} AS VARCHAR) ` +
        `ELSE ${sign} || ${digits} || 'E' || ${exponent(t)} END`
      );
    }),
  );
}

/** A double as ECMAScript prints it, but `-0` with its sign; NaN and the infinities in double quotes. */
export function ecmaNumberText(sql: string, binder: Binder): string {
  return binder.bind(sql, (x) =>
    binder.bind(`ltrim(CAST(${x} AS VARCHAR), '-')`, (t) => {
      const sign = `CASE WHEN starts_with(CAST(${x} AS VARCHAR), '-') THEN '-' ELSE '' END`;
      const body = binder.bindAll([significantDigits(t), exponent(t)], ([d = '', e = '']) => {
        const small = `'0.' || repeat('0', -1 - ${e}) || ${d}`;
        const whole = `rpad(${d}, CAST(${e} + 1 AS INTEGER), '0')`;
        const broken = `left(${d}, ${e} + 1) || '.' || ${d}[${e} + 2:]`;
        const fraction = `CASE WHEN length(${d}) = 1 THEN '' ELSE '.' || ${d}[2:] END`;
        const scientific = `${d}[1] || ${fraction} || 'e' || CASE WHEN ${e} < 0 THEN '-' ELSE '+' END || abs(${e})`;
        return (
          `CASE WHEN ${e} < -6 OR ${e} > 20 THEN ${scientific} WHEN ${e} < 0 THEN ${small} ` +
          `WHEN length(${d}) <= ${e} + 1 THEN ${whole} ELSE ${broken} END`
        );
      });
      return (
        `CASE WHEN isnan(${x}) THEN '"NaN"' WHEN isinf(${x}) THEN '"' || ${sign} || 'Infinity"' ` +
        `WHEN ${x} = 0 THEN ${sign} || '0' ELSE ${sign} || ${body} END`
      );
    }),
  );
}

/** A decimal with all digits of its scale, and one before the point, which DuckDB leaves out where the type has none. */
export function decimalText(sql: string, { precision, scale }: DecimalType): string {
  const text = `CAST(${sql} AS VARCHAR)`;
  return precision > scale ? text : `regexp_replace(${text}, '^(-?)[.]', '\\10.')`;
}

/** `YYYY-MM-DD`; years after 9999 with a plus, before 0 with a minus. */
export function dateText(sql: string, binder: Binder): string {
  return yearText(sql, DATE, binder, (day) => `strftime(${day}, '-%m-%d')`);
}

/** `YYYY-MM-DD HH:MM:SS[.fraction]`, in UTC, without trailing zeros in the fraction. */
export function timestampText(sql: string, binder: Binder): string {
  return yearText(
    `CAST(${sql} AS TIMESTAMP)`,
    TIMESTAMP_NTZ,
    binder,
    (time) => `rtrim(rtrim(strftime(${time}, '-%m-%d %H:%M:%S.%f'), '0'), '.')`,
  );
}

/** The engine has no calendar for some years that are not from 1 to 9999. */
function yearText(
  sql: string,
  type: DataType,
  binder: Binder,
  rest: (sameDay: string) => string,
): string {
  return binder.bind(sql, (time) => {
    const far = farTimeText(time, type, binder, (year, sameDay) =>
      [
        `CASE WHEN ${year} > 9999 THEN '+' WHEN ${year} < 0 THEN '-' ELSE '' END`,
        `format('{:04d}', abs(${year}))`,
        rest(sameDay),
      ].join(' || '),
    );
    const isNear = `${time} BETWEEN '0001-01-01' AND '9999-12-31'`;
    return `CASE WHEN ${isNear} THEN CAST(${time} AS VARCHAR) ELSE ${far} END`;
  });
}

function significantDigits(t: string): string {
  return `rtrim(ltrim(replace(split_part(${t}, 'e', 1), '.', ''), '0'), '0')`;
}

/** The power of ten of the first significant digit. */
function exponent(t: string): string {
  const fraction = `split_part(${t}, '.', 2)`;
  return (
    `CAST(CASE WHEN contains(${t}, 'e') THEN CAST(split_part(${t}, 'e', 2) AS BIGINT) ` +
    `WHEN starts_with(${t}, '0.') THEN length(ltrim(${fraction}, '0')) - length(${fraction}) - 1 ` +
    `ELSE length(split_part(${t}, '.', 1)) - 1 END AS BIGINT)`
  );
}

function orZero(sql: string): string {
  return `CASE WHEN ${sql} = '' THEN '0' ELSE ${sql} END`;
}

/**
 * A decimal of a number's text, which may have an exponent; `number` is the same as a double, null where it is none. What
 * is less than a tenth of the last digit is 0 here: the engine rounds `6e-4` to 1, because it looks at the first digit it drops.
 */
export function decimalOfText(
  text: string,
  number: string,
  { scale, cast }: { readonly scale: number; readonly cast: (text: string) => string },
): string {
  return `CASE WHEN abs(${number}) < 1e-${String(scale + 1)}::DOUBLE THEN ${cast("'0'")} ELSE ${cast(text)} END`;
}
