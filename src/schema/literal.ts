/** Literals of Spark's SQL: text to typed value and back. */

import type { Expression } from './expression.ts';
import { printDecimal, printFloating, readDecimal } from './number-text.ts';
import { INTEGER_BOUNDS, LONG_MAX, LONG_MIN } from './partition-value.ts';
import * as structure from './structure.ts';
import { decimalType, DECIMAL_PRECISION_MAX, typesEqual } from './structure.ts';
import { printDate, printTimestamp, readDate, readTimestamp } from './time-text.ts';
import { typeName } from './type-text.ts';
import type { DataType, Scalar } from './types.ts';

export type Literal = Extract<Expression, { readonly kind: 'literal' }>;

const NUMBER = /^([\d.]+)([eE][+-]?\d+)?(BD|[LSYFD])?$/i;

/** The literal that a number stands for; a text is the reason why it stands for none. */
export function readNumber(text: string, negative: boolean): Literal | string {
  const parts = NUMBER.exec(text);
  if (parts === null) return 'this is not a number';
  const [, digits = '', exponent = '', suffix = ''] = parts;
  const number = `${negative ? '-' : ''}${digits}${exponent}`;
  const isInteger = exponent === '' && !digits.includes('.');
  switch (suffix.toUpperCase()) {
    case 'BD':
      return readDecimalLiteral(number);
    case 'L':
      return isInteger ? readIntegral(number, 'long') : 'only an integer can end in L';
    case 'S':
      return isInteger ? readIntegral(number, 'short') : 'only an integer can end in S';
    case 'Y':
      return isInteger ? readIntegral(number, 'byte') : 'only an integer can end in Y';
    case 'F':
      return readFloatingLiteral(Math.fround(Number(number)), structure.FLOAT);
    case 'D':
      return readFloatingLiteral(Number(number), structure.DOUBLE);
    default:
      if (exponent !== '') return readFloatingLiteral(Number(number), structure.DOUBLE);
      return isInteger ? readPlainInteger(number) : readDecimalLiteral(number);
  }
}

/** `DATE '…'`, `TIMESTAMP '…'`, `TIMESTAMP_NTZ '…'`, `X'…'`; `keyword` in lower case. A text is the reason of a refusal. */
export function readTypedLiteral(keyword: string, text: string): Literal | string {
  switch (keyword) {
    case 'date': {
      const days = readDate(text.trim());
      return days === null ? 'a date is written YYYY-MM-DD' : literal(days, structure.DATE);
    }
    case 'timestamp':
    case 'timestamp_ltz':
    case 'timestamp_ntz':
      return readTimestampLiteral(keyword, text.trim());
    case 'x':
      return readBytes(text);
    default:
      return `literals of type ${keyword.toUpperCase()} are not supported`;
  }
}

/** The text that reads back as the literal; where none does, an expression of the same value and type. */
export function printLiteral({ value, type }: Literal): string {
  if (value === null) return typesEqual(type, structure.VOID) ? 'NULL' : cast('NULL', type);
  if (type.kind === 'decimal') return printDecimalLiteral(value, type.precision, type.scale);
  if (type.kind !== 'primitive') return cast('NULL', type);
  switch (type.name) {
    case 'integer':
    case 'boolean':
      return String(value);
    case 'long':
      return `${String(value)}L`;
    case 'short':
      return `${String(value)}S`;
    case 'byte':
      return `${String(value)}Y`;
    case 'float':
    case 'double':
      return printFloatingLiteral(Number(value), type.name);
    case 'date':
      return `DATE '${printDate(Number(value))}'`;
    case 'timestamp':
      return `TIMESTAMP '${printMoment(value)}Z'`;
    case 'timestamp_ntz':
      return `TIMESTAMP_NTZ '${printMoment(value)}'`;
    case 'binary':
      return `X'${value instanceof Uint8Array ? Buffer.from(value).toString('hex').toUpperCase() : ''}'`;
    default:
      return printText(String(value));
  }
}

/** A text in single quotes, with Spark's escapes. */
export function printText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  const escaped = text.replace(/[\\'\u0000-\u001F]/g, (character) => {
    const named = NAMED_ESCAPES[character];
    return named ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `'${escaped}'`;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function readPlainInteger(text: string): Literal | string {
  const [least, greatest] = INTEGER_BOUNDS.integer;
  const value = BigInt(text);
  if (value >= least && value <= greatest) return literal(Number(value), structure.INTEGER);
  if (value >= LONG_MIN && value <= LONG_MAX) return literal(value, structure.LONG);
  return readDecimalLiteral(text);
}

function readIntegral(text: string, name: 'long' | 'short' | 'byte'): Literal | string {
  const value = BigInt(text);
  if (name === 'long') {
    const fits = value >= LONG_MIN && value <= LONG_MAX;
    return fits ? literal(value, structure.LONG) : 'the number does not fit a bigint';
  }
  const [least, greatest] = INTEGER_BOUNDS[name];
  const type = name === 'short' ? structure.SHORT : structure.BYTE;
  if (value >= least && value <= greatest) return literal(Number(value) + 0, type);
  return `the number does not fit a ${typeName(type)}`;
}

function readFloatingLiteral(value: number, type: DataType): Literal | string {
  return Number.isFinite(value)
    ? literal(value, type)
    : `the number does not fit a ${typeName(type)}`;
}

function readDecimalLiteral(text: string): Literal | string {
  const decimal = readDecimal(text);
  if (decimal === null) return 'the number has too many digits';
  const type = naturalDecimal(decimal.unscaled, decimal.scale);
  return type === null ? 'the number has more than 38 digits' : literal(decimal.unscaled, type);
}

/** The type that Spark gives a decimal literal. */
function naturalDecimal(unscaled: bigint, scale: number): DataType | null {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().length;
  const precision = Math.max(digits, scale);
  return precision > DECIMAL_PRECISION_MAX ? null : decimalType(precision, scale);
}

function readTimestampLiteral(keyword: string, text: string): Literal | string {
  const read = readTimestamp(text);
  if (read === null) return 'a timestamp is written YYYY-MM-DD HH:MM:SS, with or without a zone';
  if (keyword !== 'timestamp_ntz') return literal(read.micros, structure.TIMESTAMP);
  if (read.zoned) return 'a timestamp_ntz has no zone';
  return literal(read.micros, structure.TIMESTAMP_NTZ);
}

function readBytes(hex: string): Literal | string {
  if (!/^(?:[\da-f]{2})*$/i.test(hex)) return 'bytes are written as pairs of hexadecimal digits';
  return literal(Uint8Array.from(Buffer.from(hex, 'hex')), structure.BINARY);
}

function printDecimalLiteral(value: Scalar, precision: number, scale: number): string {
  const unscaled = typeof value === 'bigint' ? value : 0n;
  const type = decimalType(precision, scale);
  const natural = naturalDecimal(unscaled, scale);
  const text = `${printDecimal(unscaled, scale)}BD`;
  return natural !== null && typesEqual(natural, type) ? text : cast(text, type);
}

function printFloatingLiteral(value: number, name: 'float' | 'double'): string {
  const text = printFloating(value, name === 'float');
  const type = name === 'float' ? structure.FLOAT : structure.DOUBLE;
  if (!Number.isFinite(value)) return cast(printText(text), type);
  return `${text}${name === 'float' ? 'F' : 'D'}`;
}

function printMoment(value: Scalar): string {
  const micros = typeof value === 'bigint' ? value : 0n;
  return printTimestamp(micros, { separator: ' ', fraction: 'shortest', zone: '' });
}

function cast(text: string, type: DataType): string {
  return `CAST(${text} AS ${typeName(type)})`;
}

function literal(value: Scalar, type: DataType): Literal {
  return { kind: 'literal', value, type };
}
