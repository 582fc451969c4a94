/** The columns of a Parquet file as a Delta schema, for files that no schema was declared for. */

import type { LogicalType, ParquetNode } from '../../parquet/index.ts';
import {
  BINARY,
  BOOLEAN,
  BYTE,
  type DataType,
  DATE,
  decimalType,
  DOUBLE,
  FLOAT,
  INTEGER,
  LONG,
  SHORT,
  STRING,
  type StructField,
  type StructType,
  TIMESTAMP,
  TIMESTAMP_NTZ,
} from '../../schema/index.ts';
import { columnTypeUnknown } from './errors.ts';

/** All fields are nullable: what a file happens to hold is no promise. Errors: `INPUT_TYPE_UNKNOWN` (unsupported). */
export function schemaOfColumns(columns: readonly ParquetNode[]): StructType {
  return { kind: 'struct', fields: columns.map((node) => fieldOf(node, node.name)) };
}

function fieldOf(node: ParquetNode, path: string): StructField {
  return { name: node.name, type: typeOf(node, path), nullable: true, metadata: {} };
}

function typeOf(node: ParquetNode, path: string): DataType {
  if (node.repetition !== 'REPEATED') return singleType(node, path);
  return { kind: 'array', element: singleType(node, path), containsNull: false };
}

function singleType(node: ParquetNode, path: string): DataType {
  if (node.physicalType !== null) {
    const type = leafType(node);
    if (type === null) throw columnTypeUnknown(path, node.logicalType?.kind ?? node.physicalType);
    return type;
  }
  const [inner] = node.children;
  if (node.logicalType?.kind === 'list' && inner !== undefined) {
    const [only, ...others] = inner.children;
    const element =
      only === undefined || others.length > 0
        ? { ...inner, repetition: 'REQUIRED' as const }
        : only;
    return { kind: 'array', element: typeOf(element, `${path}.element`), containsNull: true };
  }
  if (node.logicalType?.kind === 'map' && inner !== undefined) {
    const [key, value] = inner.children;
    if (key !== undefined && value !== undefined) {
      return {
        kind: 'map',
        key: typeOf(key, `${path}.key`),
        value: typeOf(value, `${path}.value`),
        valueContainsNull: true,
      };
    }
  }
  return {
    kind: 'struct',
    fields: node.children.map((child) => fieldOf(child, `${path}.${child.name}`)),
  };
}

function leafType({ physicalType, logicalType }: ParquetNode): DataType | null {
  if (logicalType !== null) return logicalLeaf(logicalType);
  switch (physicalType) {
    case 'BOOLEAN':
      return BOOLEAN;
    case 'INT32':
      return INTEGER;
    case 'INT64':
      return LONG;
    case 'INT96':
      return TIMESTAMP;
    case 'FLOAT':
      return FLOAT;
    case 'DOUBLE':
      return DOUBLE;
    default:
      return BINARY;
  }
}

function logicalLeaf(logical: LogicalType): DataType | null {
  switch (logical.kind) {
    case 'string':
    case 'enum':
    case 'json':
    case 'uuid':
      return STRING;
    case 'bson':
      return BINARY;
    case 'date':
      return DATE;
    case 'float16':
      return FLOAT;
    case 'decimal':
      return decimalType(logical.precision, logical.scale);
    case 'timestamp':
      return logical.adjustedToUtc ? TIMESTAMP : TIMESTAMP_NTZ;
    case 'integer':
      return integerType(logical.signed ? logical.bitWidth : logical.bitWidth + 1);
    default:
      return null;
  }
}

/** The least type of that many bits, the sign included; 64 bits without a sign are checked value by value. */
function integerType(bits: number): DataType {
  if (bits <= 8) return BYTE;
  if (bits <= 16) return SHORT;
  return bits <= 32 ? INTEGER : LONG;
}
