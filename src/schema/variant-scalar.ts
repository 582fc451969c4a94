/** Single values in variants: their bytes, and their JSON. See `variant.ts` for what holds them. */

import { variantCorrupt } from './errors.ts';
import { powerOfTen, printDecimal, printFloating } from './number-text.ts';
import { printDate, printTimestamp } from './time-text.ts';
import type { VariantNode } from './variant.ts';

/** Types by their number in the header. */
const TYPE = {
  null: 0,
  true: 1,
  false: 2,
  int8: 3,
  int16: 4,
  int32: 5,
  int64: 6,
  double: 7,
  decimal4: 8,
  decimal8: 9,
  decimal16: 10,
  date: 11,
  timestamp: 12,
  timestampNtz: 13,
  float: 14,
  binary: 15,
  string: 16,
  timeNtz: 17,
  timestampNanos: 18,
  timestampNtzNanos: 19,
  uuid: 20,
} as const;

const SHORT_STRING_MAX = 63;

/** A value that a variant can hold by itself; times in microseconds, or with `nanos` in nanoseconds. */
export type VariantScalar =
  | { readonly kind: 'null' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  /** Written in as few bytes as it needs. */
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float' | 'double' | 'date'; readonly value: number }
  | { readonly kind: 'decimal'; readonly unscaled: bigint; readonly scale: number }
  | {
      readonly kind: 'timestamp' | 'timestampNtz';
      readonly value: bigint;
      readonly nanos?: boolean;
    }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'binary' | 'uuid'; readonly value: Uint8Array };

export function scalarNode(scalar: VariantScalar): VariantNode {
  return { kind: 'scalar', bytes: scalarBytes(scalar) };
}

/** The JSON text of a single value, as Spark prints it: what JSON has no form for is a string. */
export function scalarJson(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = view.readUInt8(0);
  if ((header & 3) === 1) return JSON.stringify(view.toString('utf8', 1));
  switch (header >> 2) {
    case TYPE.null:
      return 'null';
    case TYPE.true:
      return 'true';
    case TYPE.false:
      return 'false';
    case TYPE.int8:
      return String(view.readInt8(1));
    case TYPE.int16:
      return String(view.readInt16LE(1));
    case TYPE.int32:
      return String(view.readInt32LE(1));
    case TYPE.int64:
      return String(view.readBigInt64LE(1));
    case TYPE.double:
      return floatingJson(view.readDoubleLE(1), false);
    case TYPE.float:
      return floatingJson(view.readFloatLE(1), true);
    case TYPE.decimal4:
    case TYPE.decimal8:
    case TYPE.decimal16:
      return decimalJson(signed(view.subarray(2)), view.readUInt8(1));
    case TYPE.date:
      return `"${printDate(view.readInt32LE(1))}"`;
    case TYPE.binary:
      return `"${view.toString('base64', 5)}"`;
    case TYPE.string:
      return JSON.stringify(view.toString('utf8', 5));
    case TYPE.uuid:
      return `"${uuidText(view.subarray(1))}"`;
    default:
      return timeJson(header >> 2, view.readBigInt64LE(1));
  }
}

function scalarBytes(scalar: VariantScalar): Buffer {
  switch (scalar.kind) {
    case 'null':
      return headed(TYPE.null, 0);
    case 'boolean':
      return headed(scalar.value ? TYPE.true : TYPE.false, 0);
    case 'integer':
      return integerBytes(scalar.value);
    case 'double':
      return filled(headed(TYPE.double, 8), (bytes) => bytes.writeDoubleLE(scalar.value, 1));
    case 'float':
      return filled(headed(TYPE.float, 4), (bytes) => bytes.writeFloatLE(scalar.value, 1));
    case 'date':
      return filled(headed(TYPE.date, 4), (bytes) => bytes.writeInt32LE(scalar.value, 1));
    case 'decimal':
      return decimalBytes(scalar.unscaled, scalar.scale);
    case 'timestamp':
    case 'timestampNtz':
      return timestampBytes(scalar);
    case 'string':
      return stringBytes(Buffer.from(scalar.value, 'utf8'));
    case 'binary':
      return Buffer.concat([withLength(TYPE.binary, scalar.value.length), scalar.value]);
    case 'uuid':
      return Buffer.concat([headed(TYPE.uuid, 0), scalar.value]);
    default:
      return scalar satisfies never;
  }
}

function integerBytes(value: bigint): Buffer {
  for (const [type, size] of [
    [TYPE.int8, 1],
    [TYPE.int16, 2],
    [TYPE.int32, 4],
  ] as const) {
    if (BigInt.asIntN(8 * size, value) === value) {
      return filled(headed(type, size), (bytes) => bytes.writeIntLE(Number(value), 1, size));
    }
  }
  return filled(headed(TYPE.int64, 8), (bytes) => bytes.writeBigInt64LE(value, 1));
}

function decimalBytes(unscaled: bigint, scale: number): Buffer {
  const fits = (digits: number): boolean =>
    scale <= digits && unscaled < powerOfTen(digits) && unscaled > -powerOfTen(digits);
  const [type, size] = fits(9)
    ? ([TYPE.decimal4, 4] as const)
    : fits(18)
      ? ([TYPE.decimal8, 8] as const)
      : ([TYPE.decimal16, 16] as const);
  const bytes = headed(type, 1 + size);
  bytes.writeUInt8(scale, 1);
  let rest = BigInt.asUintN(8 * size, unscaled);
  for (let index = 0; index < size; index += 1) {
    bytes[2 + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function timestampBytes({
  kind,
  value,
  nanos = false,
}: Extract<VariantScalar, { readonly kind: 'timestamp' | 'timestampNtz' }>): Buffer {
  const zoned = nanos ? TYPE.timestampNanos : TYPE.timestamp;
  const wallClock = nanos ? TYPE.timestampNtzNanos : TYPE.timestampNtz;
  const bytes = headed(kind === 'timestamp' ? zoned : wallClock, 8);
  bytes.writeBigInt64LE(value, 1);
  return bytes;
}

function stringBytes(text: Buffer): Buffer {
  const head =
    text.length <= SHORT_STRING_MAX
      ? Uint8Array.of((text.length << 2) | 1)
      : withLength(TYPE.string, text.length);
  return Buffer.concat([head, text]);
}

function withLength(type: number, length: number): Buffer {
  return filled(headed(type, 4), (bytes) => bytes.writeUInt32LE(length, 1));
}

function headed(type: number, byteCount: number): Buffer {
  const bytes = Buffer.alloc(1 + byteCount);
  bytes.writeUInt8(type << 2, 0);
  return bytes;
}

function filled(bytes: Buffer, fill: (bytes: Buffer) => unknown): Buffer {
  fill(bytes);
  return bytes;
}

function floatingJson(value: number, single: boolean): string {
  const text = printFloating(value, single);
  return Number.isFinite(value) ? text : `"${text}"`;
}

/** Without the zeros behind the last digit after the point. */
function decimalJson(unscaled: bigint, scale: number): string {
  const text = printDecimal(unscaled, scale);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function signed(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(8 * bytes.length, value);
}

function timeJson(type: number, value: bigint): string {
  const nanos = type === TYPE.timestampNanos || type === TYPE.timestampNtzNanos;
  const rest = nanos ? ((value % 1000n) + 1000n) % 1000n : 0n;
  const micros = nanos ? (value - rest) / 1000n : value;
  if (type === TYPE.timeNtz) {
    const day = timestampText(micros, 0n);
    return `"${day.slice(day.indexOf(' ') + 1)}"`;
  }
  const isZoned = type === TYPE.timestamp || type === TYPE.timestampNanos;
  if (!isZoned && type !== TYPE.timestampNtz && type !== TYPE.timestampNtzNanos) {
    throw variantCorrupt(`it has a value of the unknown type ${type}`);
  }
  return `"${timestampText(micros, rest)}${isZoned ? '+00:00' : ''}"`;
}

/** With as many digits of the second's fraction as it needs. */
function timestampText(micros: bigint, nanos: bigint): string {
  const text = printTimestamp(micros, { separator: ' ', zone: '', fraction: 'micros' });
  return `${text}${nanos.toString().padStart(3, '0')}`.replace(/\.?0+$/, '');
}

function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
