/**
 * One bound of a column as it stands in statistics JSON, out and in. What is written is never tighter than the
 * truth; what is read is widened by all that its writer may have cut off. PROTOCOL.md, "Per-file Statistics".
 */

import { JsonNumber, type JsonValue } from '../base/index.ts';
import { powerOfTen, printDecimal, readDecimal, rescale } from './number-text.ts';
import { INTEGER_BOUNDS, LONG_MAX, LONG_MIN } from './partition-value.ts';
import { dayToMicros, printDate, printTimestamp, readDate, readTimestamp } from './time-text.ts';
import type { DataType, DecimalType, PrimitiveName, Scalar, StructField } from './types.ts';

export type Side = 'min' | 'max';

const MICROS_PER_MS = 1000n;
// Days of 0001-01-01 and 9999-12-31: other engines do not read years beyond.
const DAY_MIN = -719_162;
const DAY_MAX = 2_932_896;
// Digits that every double keeps; a writer that goes through doubles is right so far.
const DOUBLE_DIGITS = 15;

/** The JSON text of a bound, or null where the type has none, or the value cannot be written as a bound. */
export function printBound(
  value: Scalar,
  type: DataType,
  options: { readonly side: Side; readonly stringPrefix: number },
): string | null {
  const { side } = options;
  if (type.kind === 'decimal') {
    return typeof value === 'bigint' ? printDecimal(value, type.scale) : null;
  }
  if (type.kind !== 'primitive') return null;
  switch (type.name) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return String(value);
    case 'float':
    case 'double':
      return printFloatingBound(Number(value), side);
    case 'string':
      return printTextBound(String(value), options);
    case 'date':
      return printDateBound(Number(value));
    case 'timestamp':
    case 'timestamp_ntz':
      return typeof value === 'bigint' ? printTimestampBound(value, type.name, side) : null;
    default:
      return null;
  }
}

/** The bound that a JSON value proves for the column, or null where it proves none. */
export function readBound(
  value: JsonValue | undefined,
  field: StructField,
  side: Side,
): Scalar | null {
  const { type, metadata } = field;
  if (value === undefined || value === null) return null;
  if (type.kind === 'decimal') return readDecimalBound(value, type, side);
  if (type.kind !== 'primitive') return null;
  // A float's bound in its shortest digits is no bound of the same values as doubles.
  if (type.name === 'double' && 'delta.typeChanges' in metadata) return null;
  return readPrimitiveBound(value, type.name, side);
}

/**
 * A text of about `prefixLength` units that no text starting like `text` is greater than; null where that would take
 * more than twice as many.
 */
export function cutMax(text: string, prefixLength: number): string | null {
  if (text.length <= prefixLength) return text;
  const longest = Math.min(text.length, 2 * prefixLength);
  for (let end = cutPoint(text, prefixLength); end <= longest;) {
    const next = text.codePointAt(end);
    if (next === undefined) return text;
    if (next < 0x7f) return `${text.slice(0, end)}\u007F`;
    if (next < 0x10_ffff) return `${text.slice(0, end)}\u{10FFFF}`;
    end += 2;
  }
  return null;
}

/** The start of a text, which is never greater than it; surrogate pairs are not split. */
export function cutMin(text: string, prefixLength: number): string {
  return text.length <= prefixLength ? text : text.slice(0, cutPoint(text, prefixLength));
}

function cutPoint(text: string, length: number): number {
  const last = text.charCodeAt(length - 1);
  return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
}

/** Zeros are equal but have two bit patterns, and engines that compare those must find both within the bounds. */
function printFloatingBound(value: number, side: Side): string | null {
  if (!Number.isFinite(value)) return null;
  if (value === 0) return side === 'min' ? '-0.0' : '0.0';
  return String(value);
}

function printTextBound(
  text: string,
  options: { readonly side: Side; readonly stringPrefix: number },
): string | null {
  const cut =
    options.side === 'min'
      ? cutMin(text, options.stringPrefix)
      : cutMax(text, options.stringPrefix);
  return cut === null ? null : JSON.stringify(cut);
}

function printDateBound(days: number): string | null {
  return days < DAY_MIN || days > DAY_MAX ? null : `"${printDate(days)}"`;
}

/** Milliseconds are what every reader understands; they are rounded away from the values. */
function printTimestampBound(micros: bigint, name: PrimitiveName, side: Side): string | null {
  const rounded = side === 'min' ? micros : micros + MICROS_PER_MS - 1n;
  if (rounded < dayToMicros(DAY_MIN) || rounded >= dayToMicros(DAY_MAX + 1)) return null;
  const zone = name === 'timestamp' ? 'Z' : '';
  return `"${printTimestamp(rounded, { separator: 'T', fraction: 'millis', zone })}"`;
}

function readPrimitiveBound(value: JsonValue, name: PrimitiveName, side: Side): Scalar | null {
  switch (name) {
    case 'byte':
    case 'short':
    case 'integer':
      return readIntegerBound(value, INTEGER_BOUNDS[name]);
    case 'long':
      return readLongBound(value);
    case 'float':
    case 'double':
      return readFloatingBound(value, name);
    case 'string':
      return typeof value === 'string' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? readDate(value) : null;
    case 'timestamp':
    case 'timestamp_ntz':
      return typeof value === 'string' ? readTimestampBound(value, name, side) : null;
    default:
      return null;
  }
}

function readIntegerBound(
  value: JsonValue,
  [least, greatest]: readonly [number, number],
): number | null {
  if (typeof value !== 'number' || !Number.isInteger(value)) return null;
  return value < least || value > greatest ? null : value;
}

function readLongBound(value: JsonValue): bigint | null {
  if (typeof value === 'bigint') return value < LONG_MIN || value > LONG_MAX ? null : value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : null;
}

/** Floats are written in their shortest digits or in those of a double: both round to the value itself. */
function readFloatingBound(value: JsonValue, name: 'float' | 'double'): number | null {
  const isNumber =
    typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber;
  if (!isNumber) return null;
  const number = name === 'float' ? Math.fround(Number(String(value))) : Number(String(value));
  return Number.isFinite(number) ? number : null;
}

/**
 * Some writers carry decimals as doubles, so beyond a double's digits the bound is widened by what one may be off, as
 * far as the type has values.
 */
function readDecimalBound(value: JsonValue, type: DecimalType, side: Side): bigint | null {
  const isNumber =
    typeof value === 'number' || typeof value === 'bigint' || value instanceof JsonNumber;
  const decimal = isNumber ? readDecimal(String(value)) : null;
  const unscaled = decimal === null ? null : rescale(decimal, type.scale);
  if (unscaled === null) return null;
  const magnitude = unscaled < 0n ? -unscaled : unscaled;
  if (magnitude.toString().length <= DOUBLE_DIGITS) return unscaled;
  const slack = (magnitude >> 52n) + 1n;
  const greatest = powerOfTen(type.precision) - 1n;
  if (side === 'min') return unscaled - slack < -greatest ? -greatest : unscaled - slack;
  return unscaled + slack > greatest ? greatest : unscaled + slack;
}

/** A text without a zone says nothing about an instant: its writer may have meant its own. */
function readTimestampBound(
  text: string,
  name: 'timestamp' | 'timestamp_ntz',
  side: Side,
): bigint | null {
  const read = readTimestamp(text);
  if (read === null || (name === 'timestamp' && !read.zoned)) return null;
  if (side === 'min') return read.micros;
  if (read.fractionDigits > 6) return read.micros + 1n;
  return read.fractionDigits === 6 ? read.micros : read.micros + MICROS_PER_MS;
}
