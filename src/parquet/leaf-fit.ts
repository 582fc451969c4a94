/**
 * Whether a column of values may be read as a Delta type: the combinations that three engines were seen to read alike
 * are verbatim; others that keep every value are to be decoded; the rest is refused.
 */

import type { DecimalType, PrimitiveName } from '../schema/index.ts';
import type { LogicalType, ParquetNode } from './types.ts';

export type Fit =
  | { readonly kind: 'verbatim' }
  | { readonly kind: 'decode'; readonly reason: string }
  | { readonly kind: 'reject'; readonly reason: string };

const VERBATIM: Fit = { kind: 'verbatim' };

/** How the values of the leaf `node` fit a column of `type`. */
export function leafFit(
  node: ParquetNode,
  type: DecimalType | { readonly kind: 'primitive'; readonly name: PrimitiveName },
): Fit {
  const file = fileTypeOf(node);
  if (file.kind === 'null') return decode('its type is null');
  if (file.kind === 'other') return reject(file.text, type);
  return type.kind === 'decimal' ? decimalFit(file, type) : primitiveFit(file, type.name);
}

/** What the values of a leaf are, whatever the way they are written down. */
export type FileType =
  | { readonly kind: 'boolean' | 'date' | 'string' | 'binary' | 'null' | 'uuid' | 'enum' | 'fixed' }
  /** Bits of the least signed integer that holds every value. */
  | { readonly kind: 'integer'; readonly bits: number; readonly signed: boolean }
  | { readonly kind: 'float'; readonly bits: 16 | 32 | 64 }
  | {
      readonly kind: 'decimal';
      readonly precision: number;
      readonly scale: number;
      readonly variableLength: boolean;
    }
  | {
      readonly kind: 'timestamp';
      readonly unit: 'ms' | 'us' | 'ns' | 'int96';
      readonly adjustedToUtc: boolean;
    }
  /** What Delta has no type for; `text` is for people. */
  | { readonly kind: 'other'; readonly text: string };

export function fileTypeOf(node: ParquetNode): FileType {
  const { physicalType, logicalType } = node;
  if (logicalType?.kind === 'unknown') return { kind: 'null' };
  switch (physicalType) {
    case 'BOOLEAN':
      return logicalType === null ? { kind: 'boolean' } : other(logicalType);
    case 'INT32':
    case 'INT64':
      return wholeType(physicalType === 'INT32' ? 32 : 64, logicalType);
    case 'INT96':
      return { kind: 'timestamp', unit: 'int96', adjustedToUtc: true };
    case 'FLOAT':
      return logicalType === null ? { kind: 'float', bits: 32 } : other(logicalType);
    case 'DOUBLE':
      return logicalType === null ? { kind: 'float', bits: 64 } : other(logicalType);
    case 'BYTE_ARRAY':
      return bytesType(logicalType);
    case 'FIXED_LEN_BYTE_ARRAY':
      return fixedType(logicalType);
    case null:
      return { kind: 'other', text: logicalType?.kind ?? 'struct' };
    default:
      return physicalType satisfies never;
  }
}

function wholeType(width: 32 | 64, logicalType: LogicalType | null): FileType {
  switch (logicalType?.kind) {
    case undefined:
      return { kind: 'integer', bits: width, signed: true };
    case 'integer':
      return { kind: 'integer', bits: logicalType.bitWidth, signed: logicalType.signed };
    case 'decimal':
      return { ...logicalType, variableLength: false };
    case 'date':
      return width === 32 ? { kind: 'date' } : other(logicalType);
    case 'timestamp':
      return width === 64 ? { ...logicalType, kind: 'timestamp' } : other(logicalType);
    default:
      return other(logicalType);
  }
}

function bytesType(logicalType: LogicalType | null): FileType {
  switch (logicalType?.kind) {
    case undefined:
    case 'bson':
      return { kind: 'binary' };
    case 'string':
      return { kind: 'string' };
    case 'enum':
    case 'json':
      return { kind: 'enum' };
    case 'decimal':
      return { ...logicalType, variableLength: true };
    default:
      return other(logicalType);
  }
}

function fixedType(logicalType: LogicalType | null): FileType {
  switch (logicalType?.kind) {
    case undefined:
      return { kind: 'fixed' };
    case 'decimal':
      return { ...logicalType, variableLength: false };
    case 'float16':
      return { kind: 'float', bits: 16 };
    case 'uuid':
      return { kind: 'uuid' };
    default:
      return other(logicalType);
  }
}

function other(logicalType: LogicalType | null | undefined): FileType {
  return { kind: 'other', text: logicalType?.kind ?? 'unknown' };
}

function decimalFit(file: FileType, type: DecimalType): Fit {
  const digits = type.precision - type.scale;
  if (file.kind === 'integer') {
    const needed = integerDigits(file);
    return needed <= digits ? decode('it holds integers') : reject('integer', type);
  }
  if (file.kind !== 'decimal') return reject(file.kind, type);
  if (file.scale > type.scale || file.precision - file.scale > digits) {
    return reject(`decimal(${file.precision},${file.scale})`, type);
  }
  return file.variableLength ? decode('it is a decimal of variable length') : VERBATIM;
}

/** Decimal digits of the greatest value. */
function integerDigits({ bits, signed }: { bits: number; signed: boolean }): number {
  return String(2n ** BigInt(signed ? bits - 1 : bits) - 1n).length;
}

const INTEGER_BITS = { byte: 8, short: 16, integer: 32, long: 64 } as const;

function primitiveFit(file: FileType, name: PrimitiveName): Fit {
  switch (name) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return integerFit(file, name);
    case 'float':
    case 'double':
      return floatFit(file, name);
    case 'boolean':
    case 'date':
      return file.kind === name ? VERBATIM : reject(file.kind, name);
    case 'string':
      if (file.kind === 'string') return VERBATIM;
      if (file.kind === 'enum') return decode('it is an enum or JSON');
      return file.kind === 'uuid' ? decode('it is a UUID') : reject(file.kind, name);
    case 'binary':
      if (file.kind === 'binary') return VERBATIM;
      return file.kind === 'fixed' || file.kind === 'uuid'
        ? decode('its values have a fixed length')
        : reject(file.kind, name);
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampFit(file, name);
    case 'variant':
      return reject(file.kind, name);
    case 'void':
      return decode('the column has the type void');
    default:
      return name satisfies never;
  }
}

function integerFit(file: FileType, name: keyof typeof INTEGER_BITS): Fit {
  if (file.kind !== 'integer') return reject(file.kind, name);
  const { bits, signed } = file;
  const width = INTEGER_BITS[name];
  if (signed) return bits <= width ? VERBATIM : reject(`integer of ${bits} bits`, name);
  if (bits === 32 && name === 'long') return VERBATIM;
  // Values of 64 bits without a sign are checked one by one when they are decoded.
  if (bits < width || (bits === 64 && name === 'long')) return decode('its integers have no sign');
  return reject(`unsigned integer of ${bits} bits`, name);
}

function floatFit(file: FileType, name: 'float' | 'double'): Fit {
  const width = name === 'float' ? 32 : 64;
  if (file.kind === 'integer') {
    const exactBits = name === 'float' ? 24 : 53;
    return file.bits <= exactBits ? decode('it holds integers') : reject('integer', name);
  }
  if (file.kind !== 'float' || file.bits > width) return reject(file.kind, name);
  return file.bits === 16 ? decode('its floats have 16 bits') : VERBATIM;
}

function timestampFit(file: FileType, name: 'timestamp' | 'timestamp_ntz'): Fit {
  if (file.kind === 'date') return decode('it holds dates');
  if (file.kind !== 'timestamp') return reject(file.kind, name);
  if (file.adjustedToUtc !== (name === 'timestamp')) {
    return decode(
      file.adjustedToUtc
        ? 'its timestamps are in UTC, and the column has no zone'
        : 'its timestamps have no zone; they are taken for UTC',
    );
  }
  if (file.unit === 'ns') return decode('its timestamps are in nanoseconds');
  // Arrow reads them as nanoseconds, and refuses all the table for one before 1677; no footer has bounds of them.
  return file.unit === 'int96' ? decode('its timestamps are INT96') : VERBATIM;
}

function decode(reason: string): Fit {
  return { kind: 'decode', reason };
}

function reject(found: string, wanted: DecimalType | { readonly name: string } | string): Fit {
  const text =
    typeof wanted === 'string'
      ? wanted
      : 'name' in wanted
        ? wanted.name
        : `decimal(${wanted.precision},${wanted.scale})`;
  return { kind: 'reject', reason: `the file has ${found} where the table has ${text}` };
}
