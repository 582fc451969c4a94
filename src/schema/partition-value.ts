/** Partition values: one text each, in the log. PROTOCOL.md, "Partition Value Serialization". */

import { isUtf8 } from 'node:buffer';

import { assert, unreachable } from '../base/index.ts';
import { partitionValueUnreadable, partitionValueUnwritable } from './errors.ts';
import { fitsPrecision, printDecimal, printFloating, readDecimal, rescale } from './number-text.ts';
import { printDate, printTimestamp, readDate, readTimestamp } from './time-text.ts';
import { typeName } from './type-text.ts';
import type { DataType, PrimitiveName, Scalar } from './types.ts';

/**
 * The text of a partition value; null for null, and for the empty text, which the format cannot tell from null.
 * Timestamps are ISO-8601 in UTC with microseconds. Errors: `SCHEMA_PARTITION_VALUE` for types that no table may be
 * partitioned by, and for bytes that are not UTF-8.
 */
export function printPartitionValue(value: Scalar | null, type: DataType): string | null {
  if (value === null) return null;
  const text = printScalar(value, type);
  return text === '' ? null : text;
}

/**
 * The value that a text of the log stands for; null for null and for the empty text. Both spellings of timestamps are
 * read, and one without a zone is UTC. Errors: `SCHEMA_PARTITION_VALUE` where the text is no value of the type.
 */
export function parsePartitionValue(text: string | null, type: DataType): Scalar | null {
  if (text === null || text === '') return null;
  const value = readPartitionValue(text, type);
  if (value === null) throw partitionValueUnreadable(text, typeName(type));
  return value;
}

/** As `parsePartitionValue`, for a text that is not empty; null where it is no value of the type. */
export function readPartitionValue(text: string, type: DataType): Scalar | null {
  if (type.kind === 'decimal') {
    const decimal = readDecimal(text);
    const unscaled = decimal === null ? null : rescale(decimal, type.scale);
    return unscaled !== null && fitsPrecision(unscaled, type.precision) ? unscaled : null;
  }
  return type.kind === 'primitive' ? readPrimitive(text, type.name) : null;
}

/** Whether a table may be partitioned by columns of this type. */
export function isPartitionType(type: DataType): boolean {
  if (type.kind !== 'primitive') return type.kind === 'decimal';
  return type.name !== 'void' && type.name !== 'variant';
}

/** Least and greatest value of the integer types that are held as `number`. */
export const INTEGER_BOUNDS = {
  byte: [-128, 127],
  short: [-32_768, 32_767],
  integer: [-2_147_483_648, 2_147_483_647],
} as const;

export const LONG_MIN = -(2n ** 63n);
export const LONG_MAX = 2n ** 63n - 1n;

function printScalar(value: Scalar, type: DataType): string {
  if (type.kind === 'decimal') {
    assert(typeof value === 'bigint', 'a decimal is held as a bigint');
    return printDecimal(value, type.scale);
  }
  if (type.kind !== 'primitive') {
    throw partitionValueUnwritable(typeName(type), 'only columns of single values can be');
  }
  return printPrimitive(value, type.name);
}

function printPrimitive(value: Scalar, name: PrimitiveName): string {
  switch (name) {
    case 'string':
    case 'boolean':
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return String(value);
    case 'float':
    case 'double':
      return printFloating(Number(value), name === 'float');
    case 'date':
      return printDate(Number(value));
    case 'timestamp':
      return printTimestamp(toMicros(value), { separator: 'T', fraction: 'micros', zone: 'Z' });
    case 'timestamp_ntz':
      return printTimestamp(toMicros(value), { separator: ' ', fraction: 'shortest', zone: '' });
    case 'binary':
      return printBytes(value);
    case 'variant':
    case 'void':
      throw partitionValueUnwritable(name, 'such a column has no texts for its values');
    default:
      return unreachable(name);
  }
}

function readPrimitive(text: string, name: PrimitiveName): Scalar | null {
  switch (name) {
    case 'string':
      return text;
    case 'boolean':
      return readBoolean(text);
    case 'byte':
    case 'short':
    case 'integer':
      return readInteger(text, INTEGER_BOUNDS[name]);
    case 'long':
      return readLong(text);
    case 'float':
    case 'double':
      return readFloating(text, name === 'float');
    case 'date':
      return readDate(text);
    case 'timestamp':
    case 'timestamp_ntz':
      return readTimestamp(text)?.micros ?? null;
    case 'binary':
      return new TextEncoder().encode(text);
    case 'variant':
    case 'void':
      return null;
    default:
      return unreachable(name);
  }
}

function readBoolean(text: string): boolean | null {
  const folded = text.toLowerCase();
  if (folded === 'true') return true;
  return folded === 'false' ? false : null;
}

function readInteger(text: string, [least, greatest]: readonly [number, number]): number | null {
  if (!/^[+-]?\d{1,11}$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= greatest ? value : null;
}

function readLong(text: string): bigint | null {
  if (!/^[+-]?\d{1,20}$/.test(text)) return null;
  const value = BigInt(text.replace('+', ''));
  return value >= LONG_MIN && value <= LONG_MAX ? value : null;
}

const SPECIAL_FLOATING: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['infinity', Number.POSITIVE_INFINITY],
  ['+infinity', Number.POSITIVE_INFINITY],
  ['-infinity', Number.NEGATIVE_INFINITY],
  ['inf', Number.POSITIVE_INFINITY],
  ['+inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

function readFloating(text: string, single: boolean): number | null {
  const special = SPECIAL_FLOATING.get(text.toLowerCase());
  if (special !== undefined) return special;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return null;
  return single ? Math.fround(Number(text)) : Number(text);
}

function toMicros(value: Scalar): bigint {
  assert(typeof value === 'bigint', 'a timestamp is held as a bigint');
  return value;
}

/** Spark and the kernel read the text's UTF-8 bytes back, so only bytes that are UTF-8 can be written. */
function printBytes(value: Scalar): string {
  assert(value instanceof Uint8Array, 'binary is held as bytes');
  if (!isUtf8(value)) throw partitionValueUnwritable('binary', 'its bytes are not UTF-8');
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(value);
}
