/** Functions of numbers. */

import { type DecimalType, DOUBLE, LONG } from '../schema/index.ts';
import { arithmetic, negated } from './arithmetic.ts';
import { castTo } from './casts.ts';
import type { Call, FunctionTable } from './function-call.ts';
import { duckType } from './duck-type.ts';
import { decimalOfText } from './number-text.ts';
import { decimal, isIntegral, isNumeric } from './type-rules.ts';
import { fallible, type Typed, typed } from './typed.ts';

/** From here on a double has no fraction digits. */
const DOUBLE_INTEGRAL_FROM = '9007199254740992';
/** Java's cut: beyond the bounds of a long, its bounds. */
const LONG_END = '9223372036854775808.0::DOUBLE';
const ROUND_DIGITS_MAX = 20;

function number(call: Call, index = 0): Typed {
  const arg = call.at(index);
  return isNumeric(arg.type) ? arg : call.as(index, DOUBLE);
}

function abs(call: Call): Typed {
  const arg = number(call.count(1));
  return fallible(`abs(${arg.sql})`, arg.type);
}

/** Half away from zero, on the decimal text of a double as Spark does. */
function round(call: Call): Typed {
  const arg = number(call.count(1, 2));
  const digits = call.literalInteger(1, 0);
  if (digits > ROUND_DIGITS_MAX) throw call.refused(`more than ${String(ROUND_DIGITS_MAX)} digits`);
  if (isIntegral(arg.type) && digits >= 0) return arg;
  if (digits < 0) throw call.refused('a negative number of digits');
  if (arg.type.kind === 'decimal') {
    const scale = Math.min(arg.type.scale, digits);
    const type = decimal(Math.min(arg.type.precision - arg.type.scale + 1 + scale, 38), scale);
    return fallible(`CAST(${arg.sql} AS ${duckType(type)})`, type);
  }
  const cast = (text: string): string => `CAST(${text} AS DECIMAL(38, ${String(digits)}))`;
  const sql = call.binder.bind(arg.sql, (x) => {
    const rounded = decimalOfText(`CAST(${x} AS VARCHAR)`, x, { scale: digits, cast });
    return (
      `CASE WHEN ${x} = 0 OR abs(${x}) < ${DOUBLE_INTEGRAL_FROM} THEN ` +
      `CAST(CAST(${rounded} AS VARCHAR) AS ${duckType(arg.type)}) ELSE ${x} END`
    );
  });
  return fallible(sql, arg.type);
}

/** Down or up to an integer: long of a double, decimal of a decimal. */
function toInteger(native: 'floor' | 'ceil'): (call: Call) => Typed {
  return (call) => {
    const arg = number(call.count(1));
    if (isIntegral(arg.type)) return castTo(arg, LONG, call.binder);
    if (arg.type.kind === 'decimal') {
      const type: DecimalType = decimal(Math.min(arg.type.precision - arg.type.scale + 1, 38), 0);
      return fallible(`CAST(${native}(${arg.sql}) AS ${duckType(type)})`, type);
    }
    const sql = call.binder.bind(
      castTo(arg, DOUBLE, call.binder).sql,
      (x) =>
        `CASE WHEN isnan(${x}) THEN 0 WHEN ${x} >= ${LONG_END} THEN 9223372036854775807 ` +
        `WHEN ${x} < -${LONG_END} THEN CAST(-9223372036854775808 AS BIGINT) ELSE CAST(${native}(${x}) AS BIGINT) END`,
    );
    return typed(`CAST(${sql} AS BIGINT)`, LONG, arg);
  };
}

function sign(call: Call): Typed {
  const arg = number(call.count(1));
  if (arg.type.kind === 'decimal') throw call.refused('a decimal');
  const sql = call.binder.bind(
    castTo(arg, DOUBLE, call.binder).sql,
    (x) =>
      `CASE WHEN isnan(${x}) OR ${x} = 0 THEN ${x} WHEN ${x} > 0 THEN 1.0::DOUBLE WHEN ${x} < 0 THEN -1.0::DOUBLE END`,
  );
  return typed(sql, DOUBLE, arg);
}

/** The remainder with the sign of the divisor's magnitude: never negative for a positive divisor. */
function positiveRemainder(call: Call): Typed {
  const [a, b] = [number(call.count(2), 0), number(call, 1)];
  if (!isIntegral(a.type) || !isIntegral(b.type))
    throw call.refused('numbers that are not integers');
  const remainder = arithmetic('%', a, b, call.binder);
  const sql = call.binder.bindAll(
    [remainder.sql, castTo(b, remainder.type, call.binder).sql],
    ([r = '', n = '']) => `CASE WHEN ${r} < 0 THEN (${r} + ${n}) % ${n} ELSE ${r} END`,
  );
  return fallible(sql, remainder.type);
}

function squareRoot(call: Call): Typed {
  const arg = call.count(1).as(0, DOUBLE);
  const sql = call.binder.bind(
    arg.sql,
    (x) => `CASE WHEN ${x} < 0 THEN 'NaN'::DOUBLE ELSE sqrt(${x}) END`,
  );
  return typed(sql, DOUBLE, arg);
}

export const FUNCTIONS_OF_NUMBERS: FunctionTable = {
  abs,
  ceil: toInteger('ceil'),
  ceiling: toInteger('ceil'),
  floor: toInteger('floor'),
  mod: (call) => arithmetic('%', call.count(2).at(0), call.at(1), call.binder),
  negative: (call) => negated(call.count(1).at(0), call.binder),
  pmod: positiveRemainder,
  positive: (call) => number(call.count(1)),
  round,
  sign,
  signum: sign,
  sqrt: squareRoot,
};
