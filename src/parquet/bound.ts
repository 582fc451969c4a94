/**
 * The bounds of a footer as values of a Delta type. A bound whose bytes, type or writer leave any doubt is null; all
 * rules are for `min_value` and `max_value` in the type-defined order (parquet.thrift, `ColumnOrder`).
 */

import type { DataType, DecimalType, PrimitiveName, Scalar } from '../schema/index.ts';
import type { LogicalType, ParquetNode } from './types.ts';

export type Side = 'min' | 'max';

export interface BoundContext {
  readonly side: Side;
  readonly node: ParquetNode;
  readonly type: DataType;
  /** Whether the writer leaves bounds out where there is a NaN, which no bound shows. */
  readonly floatsTrusted: boolean;
}

/** The value of a bound, or null where the footer does not prove one. */
export function readBound(bytes: Uint8Array, context: BoundContext): Scalar | null {
  const { type, node, side } = context;
  if (type.kind === 'decimal') return decimalBound(bytes, node, type);
  if (type.kind !== 'primitive') return null;
  switch (type.name) {
    case 'byte':
    case 'short':
    case 'integer':
      return smallIntegerBound(bytes, node, type.name);
    case 'long':
      return integerBound(bytes, node);
    case 'float':
    case 'double':
      return context.floatsTrusted ? floatBound(bytes, context) : null;
    case 'date':
      return node.logicalType?.kind === 'date' ? int32(bytes) : null;
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampBound(bytes, context);
    case 'string':
      return isText(node) ? textBound(bytes, side) : null;
    // Readers of Delta tables expect no bounds of these.
    case 'boolean':
    case 'binary':
    case 'variant':
    case 'void':
      return null;
    default:
      return type.name satisfies never;
  }
}

const SMALL_MAX: ReadonlyMap<PrimitiveName, bigint> = new Map<PrimitiveName, bigint>([
  ['byte', 0x7fn],
  ['short', 0x7fffn],
  ['integer', 0x7fff_ffffn],
]);

function smallIntegerBound(
  bytes: Uint8Array,
  node: ParquetNode,
  name: PrimitiveName,
): number | null {
  const value = integerBound(bytes, node);
  const max = SMALL_MAX.get(name) ?? 0n;
  return value === null || value > max || value < -max - 1n ? null : Number(value);
}

function integerBound(bytes: Uint8Array, node: ParquetNode): bigint | null {
  const { logicalType, physicalType } = node;
  if (logicalType !== null && logicalType.kind !== 'integer') return null;
  const unsigned = logicalType !== null && !logicalType.signed;
  if (physicalType === 'INT32') {
    const value = int32(bytes);
    if (value === null) return null;
    return BigInt(unsigned ? value >>> 0 : value);
  }
  return physicalType === 'INT64' && !unsigned ? int64(bytes) : null;
}

/** A zero may stand for either zero: the bounds hold both. */
function floatBound(bytes: Uint8Array, { node, side }: BoundContext): number | null {
  if (node.logicalType !== null) return null;
  const view = viewOf(bytes);
  let value: number;
  if (node.physicalType === 'FLOAT' && bytes.length === 4) value = view.getFloat32(0, true);
  else if (node.physicalType === 'DOUBLE' && bytes.length === 8) value = view.getFloat64(0, true);
  else return null;
  if (Number.isNaN(value)) return null;
  if (value === 0) return side === 'min' ? -0 : 0;
  return value;
}

function timestampBound(bytes: Uint8Array, context: BoundContext): bigint | null {
  const { node, type, side } = context;
  const { logicalType, physicalType } = node;
  if (logicalType?.kind !== 'timestamp' || physicalType !== 'INT64') return null;
  const wantsUtc = type.kind === 'primitive' && type.name === 'timestamp';
  if (logicalType.adjustedToUtc !== wantsUtc) return null;
  const value = int64(bytes);
  if (value === null) return null;
  return micros(value, logicalType, side);
}

/** A maximum in nanoseconds rounds up, a minimum down. */
function micros(
  value: bigint,
  type: Extract<LogicalType, { unit: unknown }>,
  side: Side,
): bigint | null {
  if (type.unit === 'us') return value;
  if (type.unit === 'ms') {
    const scaled = value * 1000n;
    return BigInt.asIntN(64, scaled) === scaled ? scaled : null;
  }
  const floor = (value - (((value % 1000n) + 1000n) % 1000n)) / 1000n;
  return side === 'max' && floor * 1000n !== value ? floor + 1n : floor;
}

function decimalBound(bytes: Uint8Array, node: ParquetNode, type: DecimalType): bigint | null {
  const { logicalType, physicalType } = node;
  if (logicalType?.kind !== 'decimal' || logicalType.scale > type.scale) return null;
  let unscaled: bigint | number | null;
  if (physicalType === 'INT32') unscaled = int32(bytes);
  else if (physicalType === 'INT64') unscaled = int64(bytes);
  else if (physicalType === 'FIXED_LEN_BYTE_ARRAY') unscaled = bigEndian(bytes);
  else return null;
  if (unscaled === null) return null;
  const rescaled = BigInt(unscaled) * 10n ** BigInt(type.scale - logicalType.scale);
  const limit = 10n ** BigInt(type.precision);
  return rescaled < limit && rescaled > -limit ? rescaled : null;
}

/** True for what is UTF-8 text by its logical type. */
export function isText(node: ParquetNode): boolean {
  const kind = node.logicalType?.kind;
  return (
    node.physicalType === 'BYTE_ARRAY' && (kind === 'string' || kind === 'enum' || kind === 'json')
  );
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const UTF8_TAIL_BYTES_MAX = 3;

/**
 * Writers may cut bounds short. A minimum that was cut inside a character is still one without the piece; a maximum is
 * then raised in its last byte, which need not leave text behind.
 */
function textBound(bytes: Uint8Array, side: Side): string | null {
  const cutBytesMax = side === 'min' ? UTF8_TAIL_BYTES_MAX : 0;
  for (let cut = 0; cut <= Math.min(cutBytesMax, bytes.length); cut += 1) {
    const text = decodeText(bytes.subarray(0, bytes.length - cut));
    if (text !== null) return text;
  }
  return null;
}

function decodeText(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    // Not UTF-8: the caller goes without.
    return null;
  }
}

function int32(bytes: Uint8Array): number | null {
  return bytes.length === 4 ? viewOf(bytes).getInt32(0, true) : null;
}

function int64(bytes: Uint8Array): bigint | null {
  return bytes.length === 8 ? viewOf(bytes).getBigInt64(0, true) : null;
}

/** Two's complement, the most significant byte first. */
function bigEndian(bytes: Uint8Array): bigint | null {
  if (bytes.length === 0 || bytes.length > 32) return null;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
