/**
 * Logical types of the Parquet format (parquet.thrift, `LogicalType`, and `ConvertedType`, which older writers use
 * alone).
 */

import type { FieldType, ThriftReader } from './thrift.ts';
import type { LogicalType } from './types.ts';

type TimeUnit = 'ms' | 'us' | 'ns';

/** What a schema element says in its older fields. */
export interface ConvertedType {
  readonly converted: number;
  readonly scale: number;
  readonly precision: number;
}

/** Reads the union `LogicalType`; a member that is not known becomes `other`. */
export function readLogicalType(reader: ThriftReader, type: FieldType): LogicalType | null {
  let logical: LogicalType | null = null;
  reader.nested(type, (id, memberType) => {
    logical = readMember(reader, id, memberType);
  });
  return logical;
}

/** What a converted type means; null for those that say nothing about a value. */
export function fromConvertedType(element: ConvertedType): LogicalType | null {
  const { converted, precision, scale } = element;
  if (converted >= 11 && converted <= 18) {
    return { kind: 'integer', bitWidth: 8 << ((converted - 11) % 4), signed: converted >= 15 };
  }
  if (converted === 5) return { kind: 'decimal', precision, scale };
  return SIMPLE_CONVERTED.get(converted) ?? null;
}

const SIMPLE_CONVERTED: ReadonlyMap<number, LogicalType> = new Map<number, LogicalType>([
  [0, { kind: 'string' }],
  [1, { kind: 'map' }],
  [2, { kind: 'map' }],
  [3, { kind: 'list' }],
  [4, { kind: 'enum' }],
  [6, { kind: 'date' }],
  [7, { kind: 'time', unit: 'ms', adjustedToUtc: true }],
  [8, { kind: 'time', unit: 'us', adjustedToUtc: true }],
  [9, { kind: 'timestamp', unit: 'ms', adjustedToUtc: true }],
  [10, { kind: 'timestamp', unit: 'us', adjustedToUtc: true }],
  [19, { kind: 'json' }],
  [20, { kind: 'bson' }],
  [21, { kind: 'interval' }],
]);

const SIMPLE_LOGICAL: ReadonlyMap<number, LogicalType> = new Map<number, LogicalType>([
  [1, { kind: 'string' }],
  [2, { kind: 'map' }],
  [3, { kind: 'list' }],
  [4, { kind: 'enum' }],
  [6, { kind: 'date' }],
  [11, { kind: 'unknown' }],
  [12, { kind: 'json' }],
  [13, { kind: 'bson' }],
  [14, { kind: 'uuid' }],
  [15, { kind: 'float16' }],
  [16, { kind: 'variant' }],
]);

function readMember(reader: ThriftReader, id: number, type: FieldType): LogicalType {
  if (id === 5) return readDecimal(reader, type);
  if (id === 7) return readTime(reader, type, 'time');
  if (id === 8) return readTime(reader, type, 'timestamp');
  if (id === 10) return readInteger(reader, type);
  reader.skip(type);
  return SIMPLE_LOGICAL.get(id) ?? { kind: 'other' };
}

function readDecimal(reader: ThriftReader, type: FieldType): LogicalType {
  let scale = 0;
  let precision = 0;
  reader.nested(type, (id, fieldType) => {
    if (id === 1) scale = reader.integer(fieldType);
    else if (id === 2) precision = reader.integer(fieldType);
    else reader.skip(fieldType);
  });
  return { kind: 'decimal', precision, scale };
}

function readTime(reader: ThriftReader, type: FieldType, kind: 'time' | 'timestamp'): LogicalType {
  let adjustedToUtc = false;
  let unit: TimeUnit | null = null;
  reader.nested(type, (id, fieldType) => {
    if (id === 1) adjustedToUtc = reader.boolean(fieldType);
    else if (id === 2) unit = readTimeUnit(reader, fieldType);
    else reader.skip(fieldType);
  });
  return unit === null ? { kind: 'other' } : { kind, unit, adjustedToUtc };
}

function readTimeUnit(reader: ThriftReader, type: FieldType): TimeUnit | null {
  let unit: TimeUnit | null = null;
  reader.nested(type, (id, fieldType) => {
    unit = id === 1 ? 'ms' : id === 2 ? 'us' : id === 3 ? 'ns' : null;
    reader.skip(fieldType);
  });
  return unit;
}

function readInteger(reader: ThriftReader, type: FieldType): LogicalType {
  let bitWidth = 0;
  let signed = false;
  reader.nested(type, (id, fieldType) => {
    if (id === 1) bitWidth = reader.integer(fieldType);
    else if (id === 2) signed = reader.boolean(fieldType);
    else reader.skip(fieldType);
  });
  return { kind: 'integer', bitWidth, signed };
}
