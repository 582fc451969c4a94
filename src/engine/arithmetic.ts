/** Arithmetic as Spark's ANSI mode does it: typed, with an error where a result does not fit or a divisor is zero. */

import { DATE, type DecimalType, DOUBLE, INTEGER, LONG } from '../schema/index.ts';
import { castTo } from './casts.ts';
import { duckType } from './duck-type.ts';
import { expressionType, expressionUnsupported } from './errors.ts';
import { literal } from './quote.ts';
import {
  type ArithmeticOperator,
  commonType,
  decimal,
  decimalOf,
  decimalResult,
  is,
  isDatetime,
  isFractional,
  isIntegral,
  isNumeric,
  typeText,
} from './type-rules.ts';
import { type Binder, constant, fallible, type Typed } from './typed.ts';

const HUGEINT_DIGITS = 38;

/** `left operator right`. Errors: `EXPRESSION_TYPE` (invalid), `EXPRESSION_UNSUPPORTED` (unsupported). */
export function arithmetic(
  operator: ArithmeticOperator,
  left: Typed,
  right: Typed,
  binder: Binder,
): Typed {
  if (isDatetime(left.type) && isDatetime(right.type)) {
    throw expressionUnsupported('a difference of dates or times (an interval); use datediff');
  }
  if (is(left.type, 'date') || is(right.type, 'date'))
    return dateArithmetic(operator, left, right, binder);
  const [a, b] = numericOperands(operator, left, right, binder);
  const [p, q] = [decimalOperand(a, b), decimalOperand(b, a)];
  if (p !== null && q !== null) return decimalArithmetic(operator, p, q, binder);
  const common = commonType(a.type, b.type);
  if (common === null) throw mismatch(operator, left, right);
  const type = operator === '/' ? DOUBLE : operator === 'div' ? LONG : common;
  if (operator === 'div' && !isIntegral(common)) throw mismatch(operator, left, right);
  const [x, y] = [castTo(a, type, binder), castTo(b, type, binder)];
  if (operator === '+' || operator === '-' || operator === '*') {
    const sql = `(${x.sql} ${operator} ${y.sql})`;
    return { sql, type, fallible: !isFractional(type) || x.fallible || y.fallible };
  }
  const isNeverZero = typeof b.constant !== 'object' && Number(b.constant ?? 0) !== 0;
  return isNeverZero ? dividedByConstant(operator, x, y) : divided(operator, x, y, binder);
}

/** `-operand`. */
export function negated(operand: Typed, binder: Binder): Typed {
  const value = is(operand.type, 'string') ? castTo(operand, DOUBLE, binder) : operand;
  if (is(value.type, 'void')) return value;
  if (!isNumeric(value.type)) throw expressionType(`-(${typeText(value.type)})`);
  if (typeof value.constant === 'number' || typeof value.constant === 'bigint') {
    return constant(-value.constant, value.type);
  }
  return fallible(`(-${value.sql})`, value.type);
}

/** Text becomes the number that the other side asks for; null takes the other side's type. */
function numericOperands(
  operator: ArithmeticOperator,
  left: Typed,
  right: Typed,
  binder: Binder,
): readonly [Typed, Typed] {
  const side = (one: Typed, other: Typed): Typed => {
    if (is(one.type, 'void'))
      return castTo(one, isNumeric(other.type) ? other.type : DOUBLE, binder);
    if (!is(one.type, 'string')) return one;
    const target = isIntegral(other.type) ? LONG : DOUBLE;
    return castTo(one, operator === 'div' ? LONG : target, binder);
  };
  const [a, b] = [side(left, right), side(right, left)];
  if (!isNumeric(a.type) || !isNumeric(b.type)) throw mismatch(operator, left, right);
  return [a, b];
}

/** The operand as a decimal where the other side is one; an integer literal takes no more digits than it has. */
function decimalOperand(operand: Typed, other: Typed): { sql: string; type: DecimalType } | null {
  if (operand.type.kind === 'decimal') {
    return other.type.kind === 'decimal' || isIntegral(other.type)
      ? { sql: operand.sql, type: operand.type }
      : null;
  }
  if (other.type.kind !== 'decimal' || !isIntegral(operand.type)) return null;
  const { constant: value } = operand;
  const type =
    typeof value === 'number' || typeof value === 'bigint'
      ? decimal(String(value).replace('-', '').length, 0)
      : decimalOf(operand.type);
  return type === null ? null : { sql: `CAST(${operand.sql} AS ${duckType(type)})`, type };
}

function decimalArithmetic(
  operator: ArithmeticOperator,
  left: { readonly sql: string; readonly type: DecimalType },
  right: { readonly sql: string; readonly type: DecimalType },
  binder: Binder,
): Typed {
  const { type, exact } = decimalResult(operator, left.type, right.type);
  const text = `${typeText(left.type)} ${operator} ${typeText(right.type)}`;
  if (operator === '+' || operator === '-') {
    if (!exact) throw expressionUnsupported(`${text}, whose result needs more than 38 digits`);
    const [a, b] = [left, right].map((side) => `CAST(${side.sql} AS ${duckType(type)})`);
    return fallible(`CAST((${a ?? ''} ${operator} ${b ?? ''}) AS ${duckType(type)})`, type);
  }
  if (operator === '*') {
    const digits = left.type.precision + right.type.precision;
    if (!exact || digits > HUGEINT_DIGITS) {
      throw expressionUnsupported(`${text}, whose result needs more than 38 digits`);
    }
    // As wide as can be, because the engine multiplies narrow decimals in 64 bits.
    const wide = duckType(decimal(HUGEINT_DIGITS - right.type.precision, left.type.scale));
    const product = `(CAST(${left.sql} AS ${wide}) * ${right.sql})`;
    return fallible(`CAST(${product} AS ${duckType(type)})`, type);
  }
  return decimalDivision(operator, left, right, binder);
}

/** On unscaled integers, because the engine divides decimals as doubles. */
function decimalDivision(
  operator: '/' | '%' | 'div',
  left: { readonly sql: string; readonly type: DecimalType },
  right: { readonly sql: string; readonly type: DecimalType },
  binder: Binder,
): Typed {
  const { type } = decimalResult(operator, left.type, right.type);
  const scale = Math.max(left.type.scale, right.type.scale);
  const shiftLeft =
    operator === '/' ? type.scale + right.type.scale - left.type.scale : scale - left.type.scale;
  const shiftRight = operator === '/' ? 0 : scale - right.type.scale;
  const digits = Math.max(left.type.precision + shiftLeft, right.type.precision + shiftRight);
  if (digits > HUGEINT_DIGITS) {
    throw expressionUnsupported(
      `${typeText(left.type)} ${operator} ${typeText(right.type)}, which needs more than 38 digits`,
    );
  }
  const sql = binder.bindAll(
    [unscaled(left, shiftLeft), unscaled(right, shiftRight)],
    ([a = '', b = '']) => {
      const zero = zeroCheck(a, b, operator);
      if (operator === 'div') return `CASE ${zero} ELSE CAST(${a} // ${b} AS BIGINT) END`;
      if (operator === '%') return `CASE ${zero} ELSE ${scaled(`(${a} % ${b})`, type)} END`;
      return `CASE ${zero} ELSE ${scaled(roundedQuotient(a, b), type)} END`;
    },
  );
  return fallible(sql, operator === 'div' ? LONG : type);
}

/** A decimal divided by a count, rounded half away from zero to `type`; null where the count is 0. */
export function decimalQuotient(
  dividend: { readonly sql: string; readonly type: DecimalType },
  count: string,
  type: DecimalType,
  binder: Binder,
): string {
  const sql = binder.bind(unscaled(dividend, type.scale - dividend.type.scale), (a) =>
    scaled(roundedQuotient(a, `${count}::HUGEINT`), type),
  );
  return `CASE WHEN ${count} = 0 THEN NULL ELSE ${sql} END`;
}

/** Half away from zero, on the magnitudes: Spark's HALF_UP. */
function roundedQuotient(a: string, b: string): string {
  const half = `(CASE WHEN 2::HUGEINT * (abs(${a}) % abs(${b})) >= abs(${b}) THEN 1 ELSE 0 END)`;
  const sign = `(CASE WHEN (${a} < 0) <> (${b} < 0) THEN -1 ELSE 1 END)`;
  return `((abs(${a}) // abs(${b}) + ${half}) * ${sign})`;
}

/** The integer behind a decimal, with `shift` more fraction digits. */
function unscaled(
  operand: { readonly sql: string; readonly type: DecimalType },
  shift: number,
): string {
  const digits = operand.type.scale + shift;
  const text = `replace(CAST(${operand.sql} AS VARCHAR), '.', '')`;
  const power = `1${'0'.repeat(digits - operand.type.scale)}`;
  return `(CAST(${text} AS HUGEINT) * ${power}::HUGEINT)`;
}

/** The decimal whose unscaled value is `sql`: its product with one unit of the last digit, which is exact. */
function scaled(sql: string, type: DecimalType): string {
  const whole = `CAST(${sql} AS DECIMAL(38, 0))`;
  if (type.scale === 0) return `CAST(${whole} AS ${duckType(type)})`;
  const digits = String(type.scale);
  const unit = `CAST('0.${'1'.padStart(type.scale, '0')}' AS DECIMAL(${digits}, ${digits}))`;
  return `CAST(${whole} * ${unit} AS ${duckType(type)})`;
}

function dividedByConstant(operator: '/' | '%' | 'div', left: Typed, right: Typed): Typed {
  const sql = `(${left.sql} ${native(operator)} ${right.sql})`;
  // The least number divided by -1 is none.
  return { sql, type: left.type, fallible: left.fallible || operator === 'div' };
}

function divided(operator: '/' | '%' | 'div', left: Typed, right: Typed, binder: Binder): Typed {
  const sql = binder.bindAll(
    [left.sql, right.sql],
    ([a = '', b = '']) =>
      `CASE ${zeroCheck(a, b, operator)} ELSE ${a} ${native(operator)} ${b} END`,
  );
  return fallible(`(${sql})`, left.type);
}

function native(operator: '/' | '%' | 'div'): string {
  return operator === 'div' ? '//' : operator;
}

function zeroCheck(left: string, right: string, operator: '/' | '%' | 'div'): string {
  const code = operator === '%' ? 'REMAINDER_BY_ZERO' : 'DIVIDE_BY_ZERO';
  return `WHEN ${right} = 0 AND ${left} IS NOT NULL THEN error(${literal(`${code}: division by zero`)})`;
}

function dateArithmetic(
  operator: ArithmeticOperator,
  left: Typed,
  right: Typed,
  binder: Binder,
): Typed {
  const [date, days] = is(left.type, 'date') ? [left, right] : [right, left];
  const fits = operator === '+' || (operator === '-' && date === left);
  if (!fits || !is(days.type, 'byte', 'short', 'integer', 'void')) {
    throw mismatch(operator, left, right);
  }
  return fallible(`(${date.sql} ${operator} ${castTo(days, INTEGER, binder).sql})`, DATE);
}

function mismatch(operator: string, left: Typed, right: Typed): Error {
  return expressionType(`${typeText(left.type)} ${operator} ${typeText(right.type)}`);
}
