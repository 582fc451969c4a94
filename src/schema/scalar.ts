/** Between the values of users' rows and the scalars that compare exactly. */

import { assert, unreachable } from '../base/index.ts';
import { valueUnfit } from './errors.ts';
import { fitsPrecision, printDecimal, readDecimal, rescale } from './number-text.ts';
import { INTEGER_BOUNDS, LONG_MAX, LONG_MIN } from './partition-value.ts';
import { printDate, printTimestamp, readDate, readTimestamp } from './time-text.ts';
import { typeName } from './type-text.ts';
import type { DataType, DecimalType, PrimitiveName, RowValue, Scalar } from './types.ts';

const MS_PER_DAY = 86_400_000;

/**
 * The scalar of a user's value, in the forms that `RowValue` documents; a missing value is null. `type` holds single
 * values: structs, arrays and maps are taken apart by the caller. Nothing is rounded but what a float or a
 * microsecond cannot hold. Errors: `SCHEMA_VALUE`, saying why the value does not fit.
 */
export function toScalar(value: RowValue | undefined, type: DataType): Scalar | null {
  if (value === null || value === undefined) return null;
  if (type.kind === 'decimal') return toDecimal(value, type);
  assert(type.kind === 'primitive', 'a nested value has no scalar');
  return toPrimitive(value, type.name);
}

/** The value of a row, in the form that `RowValue` documents first. */
export function fromScalar(value: Scalar | null, type: DataType): RowValue {
  if (value === null) return null;
  if (type.kind === 'decimal') {
    assert(typeof value === 'bigint', 'a decimal is held as a bigint');
    return printDecimal(value, type.scale);
  }
  assert(type.kind === 'primitive', 'a nested value has no scalar');
  switch (type.name) {
    case 'date':
      return printDate(Number(value));
    case 'timestamp':
      return printTimestamp(asMicros(value), { separator: 'T', fraction: 'micros', zone: 'Z' });
    case 'timestamp_ntz':
      return printTimestamp(asMicros(value), { separator: 'T', fraction: 'micros', zone: '' });
    default:
      return value;
  }
}

function toPrimitive(value: NonNullable<RowValue>, name: PrimitiveName): Scalar {
  switch (name) {
    case 'string':
      if (typeof value !== 'string') throw unfit(value, name, 'it is not a text');
      if (!value.isWellFormed()) throw unfit(value, name, 'half a surrogate pair is no character');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw unfit(value, name, 'it is not true or false');
      return value;
    case 'byte':
    case 'short':
    case 'integer':
      return toInteger(value, name);
    case 'long':
      return toLong(value);
    case 'float':
    case 'double':
      return toFloating(value, name);
    case 'binary':
      if (!(value instanceof Uint8Array)) throw unfit(value, name, 'it is not a Uint8Array');
      return value;
    case 'date':
      return toDate(value);
    case 'timestamp':
    case 'timestamp_ntz':
      return toTimestamp(value, name);
    case 'variant':
      throw unfit(value, name, 'variants can only be read');
    case 'void':
      throw unfit(value, name, 'the column can only be null');
    default:
      return unreachable(name);
  }
}

function toInteger(value: NonNullable<RowValue>, name: 'byte' | 'short' | 'integer'): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number)) {
    throw unfit(value, name, 'it is not an integer');
  }
  const [least, greatest] = INTEGER_BOUNDS[name];
  if (number < least || number > greatest) {
    throw unfit(value, name, `it is not in ${String(least)} to ${String(greatest)}`);
  }
  // Integers have no negative zero.
  return number + 0;
}

function toLong(value: NonNullable<RowValue>): bigint {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) {
      const why = 'a number holds integers only to 2^53; use a bigint';
      throw unfit(value, 'long', Number.isInteger(value) ? why : 'it is not an integer');
    }
    return BigInt(value);
  }
  if (typeof value !== 'bigint') throw unfit(value, 'long', 'it is neither bigint nor number');
  if (value < LONG_MIN || value > LONG_MAX) throw unfit(value, 'long', 'it has more than 64 bits');
  return value;
}

function toFloating(value: NonNullable<RowValue>, name: 'float' | 'double'): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number') throw unfit(value, name, 'it is not a number');
  if (name === 'double') return number;
  const single = Math.fround(number);
  if (Number.isFinite(number) && !Number.isFinite(single)) {
    throw unfit(value, name, 'it is beyond the greatest float');
  }
  return single;
}

function toDecimal(value: NonNullable<RowValue>, type: DecimalType): bigint {
  const decimal =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
      ? readDecimal(String(value))
      : null;
  if (decimal === null) throw unfit(value, type, 'it is not a decimal number');
  const unscaled = rescale(decimal, type.scale);
  if (unscaled === null) {
    throw unfit(value, type, `it has more than ${String(type.scale)} fraction digits`);
  }
  if (!fitsPrecision(unscaled, type.precision)) throw unfit(value, type, 'it has too many digits');
  return unscaled;
}

function toDate(value: NonNullable<RowValue>): number {
  if (value instanceof Date) {
    const ms = value.getTime();
    if (!Number.isNaN(ms)) return Math.floor(ms / MS_PER_DAY);
  }
  const days = typeof value === 'string' ? readDate(value) : null;
  if (days === null) throw unfit(value, 'date', 'it is neither a Date nor a text YYYY-MM-DD');
  return days;
}

function toTimestamp(value: NonNullable<RowValue>, name: 'timestamp' | 'timestamp_ntz'): bigint {
  if (typeof value === 'string') return textToTimestamp(value, name);
  if (typeof value === 'bigint') {
    if (value < LONG_MIN || value > LONG_MAX) throw unfit(value, name, 'it has more than 64 bits');
    return value;
  }
  if (value instanceof Date) {
    const ms = value.getTime();
    if (!Number.isNaN(ms)) return BigInt(ms) * 1000n;
  }
  throw unfit(
    value,
    name,
    'it is neither a Date, nor an ISO 8601 text, nor microseconds as bigint',
  );
}

function textToTimestamp(text: string, name: 'timestamp' | 'timestamp_ntz'): bigint {
  const read = readTimestamp(text);
  if (read === null) throw unfit(text, name, 'it is not an ISO 8601 date and time');
  if (read.zoned && name === 'timestamp_ntz') {
    throw unfit(text, name, 'a wall clock has no zone; leave it out');
  }
  return read.micros;
}

function asMicros(value: Scalar): bigint {
  assert(typeof value === 'bigint', 'a timestamp is held as a bigint');
  return value;
}

function unfit(value: unknown, type: PrimitiveName | DecimalType, reason: string): Error {
  const dataType: DataType = typeof type === 'string' ? { kind: 'primitive', name: type } : type;
  return valueUnfit(value, typeName(dataType), reason);
}
