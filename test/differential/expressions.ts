/** The few expressions that programs are made of: their SQL, and what they are by SQL's logic of three values. */

import { type DataType, parseType, type Row, type RowValue } from '../../src/schema/index.ts';
import { byBytes, memberOf, plainText } from './lines.ts';
import { literalSql, quoted } from './literals.ts';

export type Comparison = '=' | '<=>' | '<>' | '<' | '<=' | '>' | '>=';

export type Expr =
  /** A path; in a merge the first part of it is `t` or `s`. */
  | { readonly column: readonly string[]; readonly type: string }
  | { readonly value: RowValue; readonly type: string }
  | { readonly op: Comparison | '+'; readonly args: readonly [Expr, Expr] }
  | { readonly op: 'and' | 'or' | 'in'; readonly args: readonly Expr[] }
  | { readonly op: 'not' | 'is null'; readonly args: readonly [Expr] };

/** A sum that does not fit its type. */
export class Overflow extends Error {}

export function sqlOf(expr: Expr): string {
  if ('column' in expr) return expr.column.map(quoted).join('.');
  if ('value' in expr) return literalSql(expr.value, parseType(expr.type));
  const args = expr.args.map(sqlOf);
  const [first = ''] = args;
  switch (expr.op) {
    case 'not':
      return `(NOT ${first})`;
    case 'is null':
      return `(${first} IS NULL)`;
    case 'in':
      return `(${first} IN (${args.slice(1).join(', ')}))`;
    default:
      return `(${args.join(` ${expr.op.toUpperCase()} `)})`;
  }
}

/** The value for a row: true, false or null of a condition. Errors: `Overflow`. */
export function valueOf(expr: Expr, row: Row): RowValue {
  if ('column' in expr) {
    return expr.column.reduce<RowValue>((value, name) => memberOf(value, name), row);
  }
  if ('value' in expr) return expr.value;
  switch (expr.op) {
    case 'and':
    case 'or':
      return joined(
        expr.args.map((arg) => valueOf(arg, row)),
        expr.op === 'or',
      );
    case 'not':
      return negated(valueOf(expr.args[0], row));
    case 'is null':
      return valueOf(expr.args[0], row) === null;
    case 'in': {
      const [subject, ...items] = expr.args;
      if (subject === undefined) return null;
      const equal = items.map((item) => valueOf({ op: '=', args: [subject, item] }, row));
      return joined(equal, true);
    }
    case '+':
      return sumOf(valueOf(expr.args[0], row), valueOf(expr.args[1], row), typeOf(expr));
    default:
      return compared(expr.op, expr.args, row);
  }
}

export function isTrue(expr: Expr | undefined, row: Row): boolean {
  return expr === undefined || valueOf(expr, row) === true;
}

/** Of a condition always boolean; a sum has the type of its left side. */
function typeOf(expr: Expr): DataType {
  if ('type' in expr) return parseType(expr.type);
  return expr.op === '+' ? typeOf(expr.args[0]) : parseType('boolean');
}

/** OR over values where `decided` is true, AND where it is false. */
function joined(values: readonly RowValue[], decided: boolean): RowValue {
  if (values.includes(decided)) return decided;
  return values.includes(null) ? null : !decided;
}

function negated(value: RowValue): RowValue {
  return value === null ? null : value !== true;
}

function compared(op: Comparison, [a, b]: readonly [Expr, Expr], row: Row): RowValue {
  const [left, right] = [valueOf(a, row), valueOf(b, row)];
  if (left === null || right === null) return op === '<=>' ? left === right : null;
  const order = compareValues(left, right, typeOf(a));
  switch (op) {
    case '=':
    case '<=>':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '>':
      return order > 0;
    default:
      return order >= 0;
  }
}

/** By Spark's order: NaN equals itself and is greater than all; texts go by their bytes. */
export function compareValues(left: RowValue, right: RowValue, type: DataType): number {
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    return Buffer.compare(left, right);
  }
  if (type.kind === 'decimal') {
    return order(unscaled(left, type.scale), unscaled(right, type.scale));
  }
  if (typeof left === 'string') return byBytes(left, plainText(right));
  if (Number.isNaN(left) || Number.isNaN(right)) {
    return order(Number(Number.isNaN(left)), Number(Number.isNaN(right)));
  }
  return order(ordered(left), ordered(right));
}

type Ordered = number | bigint;

function ordered(value: RowValue): Ordered {
  return typeof value === 'bigint' ? value : Number(value);
}

function order(left: Ordered, right: Ordered): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}

const BITS: Readonly<Record<string, bigint>> = { byte: 7n, short: 15n, integer: 31n, long: 63n };

function sumOf(left: RowValue, right: RowValue, type: DataType): RowValue {
  if (left === null || right === null) return null;
  if (type.kind === 'decimal') {
    const sum = unscaled(left, type.scale) + unscaled(right, type.scale);
    const digits = String(sum).replace('-', '');
    if (digits.length > type.precision) throw new Overflow();
    return scaledText(sum, type.scale);
  }
  const name = type.kind === 'primitive' ? type.name : '';
  const bits = BITS[name];
  if (bits === undefined) {
    const sum = Number(left) + Number(right);
    return name === 'float' ? Math.fround(sum) : sum;
  }
  const sum = BigInt(plainText(left)) + BigInt(plainText(right));
  if (sum >= 1n << bits || sum < -(1n << bits)) throw new Overflow();
  return name === 'long' ? sum : Number(sum);
}

/** A decimal's digits as a whole number, at a scale that it does not exceed. */
function unscaled(value: RowValue, scale: number): bigint {
  const [whole = '0', fraction = ''] = plainText(value).split('.');
  return BigInt(whole + fraction.padEnd(scale, '0'));
}

function scaledText(value: bigint, scale: number): string {
  const digits = plainText(value)
    .replace('-', '')
    .padStart(scale + 1, '0');
  const cut = digits.length - scale;
  const text = scale === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
  return value < 0n ? `-${text}` : text;
}
