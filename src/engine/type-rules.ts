/**
 * How Spark 4 (ANSI mode) finds the type of an expression: least common types, and precision and scale of decimals.
 * A rule that would need more digits than the engine has is a refusal, not a rounding.
 */

import { unreachable } from '../base/index.ts';
import {
  type DataType,
  type DecimalType,
  DOUBLE,
  LONG,
  type PrimitiveName,
  type PrimitiveType,
  TIMESTAMP,
  TIMESTAMP_NTZ,
} from '../schema/index.ts';

const DECIMAL_DIGITS_MAX = 38;
/** Spark gives up fraction digits of a too wide result down to this many. */
const DECIMAL_SCALE_KEPT = 6;
const NUMERIC_RANK: readonly PrimitiveName[] = [
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
];
const INTEGRAL_DIGITS: Partial<Record<PrimitiveName, number>> = {
  byte: 3,
  short: 5,
  integer: 10,
  long: 20,
};

function primitive(name: PrimitiveName): PrimitiveType {
  return { kind: 'primitive', name };
}

export function decimal(precision: number, scale: number): DecimalType {
  return { kind: 'decimal', precision, scale };
}

export function is(type: DataType, ...names: readonly PrimitiveName[]): boolean {
  return type.kind === 'primitive' && names.includes(type.name);
}

export function isIntegral(type: DataType): boolean {
  return is(type, 'byte', 'short', 'integer', 'long');
}

export function isFractional(type: DataType): boolean {
  return is(type, 'float', 'double');
}

export function isNumeric(type: DataType): boolean {
  return type.kind === 'decimal' || isIntegral(type) || isFractional(type);
}

export function isDatetime(type: DataType): boolean {
  return is(type, 'date', 'timestamp', 'timestamp_ntz');
}

/** Same type, names of struct fields included; nullability aside. */
export function sameType(left: DataType, right: DataType): boolean {
  return typeText(left) === typeText(right);
}

/** Spark's spelling, for messages: `decimal(10,2)`, `array<bigint>`. */
export function typeText(type: DataType): string {
  switch (type.kind) {
    case 'primitive':
      return type.name;
    case 'decimal':
      return `decimal(${String(type.precision)},${String(type.scale)})`;
    case 'array':
      return `array<${typeText(type.element)}>`;
    case 'map':
      return `map<${typeText(type.key)},${typeText(type.value)}>`;
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}:${typeText(field.type)}`).join(',')}>`;
    default:
      return unreachable(type);
  }
}

/** The decimal that holds every value of an integral type; null for other types. */
export function decimalOf(type: DataType): DecimalType | null {
  if (type.kind === 'decimal') return type;
  if (type.kind !== 'primitive') return null;
  const digits = INTEGRAL_DIGITS[type.name];
  return digits === undefined ? null : decimal(digits, 0);
}

/** The type both sides of a comparison, or all branches of a CASE, are brought to; null where Spark has none. */
export function commonType(left: DataType, right: DataType): DataType | null {
  if (sameType(left, right)) return left;
  if (is(left, 'void')) return right;
  if (is(right, 'void')) return left;
  if (is(left, 'string')) return promotedString(right);
  if (is(right, 'string')) return promotedString(left);
  if (isNumeric(left) && isNumeric(right)) return commonNumeric(left, right);
  if (isDatetime(left) && isDatetime(right)) {
    return is(left, 'timestamp') || is(right, 'timestamp') ? TIMESTAMP : TIMESTAMP_NTZ;
  }
  return commonNested(left, right);
}

export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | 'div';

/** Spark's type of an operation on two decimals; `exact` is false where Spark itself would round. */
export function decimalResult(
  operator: ArithmeticOperator,
  left: DecimalType,
  right: DecimalType,
): { readonly type: DecimalType; readonly exact: boolean } {
  const { precision: p1, scale: s1 } = left;
  const { precision: p2, scale: s2 } = right;
  switch (operator) {
    case '+':
    case '-': {
      const scale = Math.max(s1, s2);
      return adjusted(Math.max(p1 - s1, p2 - s2) + scale + 1, scale);
    }
    case '*':
      return adjusted(p1 + p2 + 1, s1 + s2);
    case '/': {
      const scale = Math.max(DECIMAL_SCALE_KEPT, s1 + p2 + 1);
      return adjusted(p1 - s1 + s2 + scale, scale);
    }
    case '%': {
      const scale = Math.max(s1, s2);
      return adjusted(Math.min(p1 - s1, p2 - s2) + scale, scale);
    }
    case 'div':
      return adjusted(Math.max(p1 - s1 + s2, 1), 0);
    default:
      return unreachable(operator);
  }
}

function adjusted(precision: number, scale: number): { type: DecimalType; exact: boolean } {
  if (precision <= DECIMAL_DIGITS_MAX) return { type: decimal(precision, scale), exact: true };
  const kept = Math.max(
    DECIMAL_DIGITS_MAX - (precision - scale),
    Math.min(scale, DECIMAL_SCALE_KEPT),
  );
  return { type: decimal(DECIMAL_DIGITS_MAX, kept), exact: kept === scale };
}

function promotedString(other: DataType): DataType | null {
  if (isIntegral(other)) return LONG;
  if (isNumeric(other)) return DOUBLE;
  return other.kind === 'primitive' ? other : null;
}

function commonNumeric(left: DataType, right: DataType): DataType | null {
  if (left.kind === 'decimal' || right.kind === 'decimal') {
    const [a, b] = [decimalOf(left), decimalOf(right)];
    if (a === null || b === null) return DOUBLE;
    const scale = Math.max(a.scale, b.scale);
    const precision = Math.max(a.precision - a.scale, b.precision - b.scale) + scale;
    return precision <= DECIMAL_DIGITS_MAX ? decimal(precision, scale) : null;
  }
  const rank = Math.max(numericRank(left), numericRank(right));
  const name = NUMERIC_RANK[rank];
  // An integer would lose digits as a float: Spark takes the double.
  return name === undefined || name === 'float' ? DOUBLE : primitive(name);
}

function numericRank(type: DataType): number {
  return type.kind === 'primitive' ? NUMERIC_RANK.indexOf(type.name) : -1;
}

function commonNested(left: DataType, right: DataType): DataType | null {
  if (left.kind !== 'array' || right.kind !== 'array') return null;
  const element = commonType(left.element, right.element);
  return element === null
    ? null
    : { kind: 'array', element, containsNull: left.containsNull || right.containsNull };
}
