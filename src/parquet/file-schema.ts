/** The Delta schema that a Parquet file suggests. */

import {
  BINARY,
  BOOLEAN,
  type DataType,
  DATE,
  decimalType,
  DOUBLE,
  FLOAT,
  INTEGER,
  LONG,
  BYTE,
  SHORT,
  STRING,
  type StructField,
  type StructType,
  TIMESTAMP,
  TIMESTAMP_NTZ,
} from '../schema/index.ts';
import { type FileType, fileTypeOf } from './leaf-fit.ts';
import { isStruct, listShape, mapShape } from './nesting.ts';
import type { ParquetFooter, ParquetNode } from './types.ts';

export interface SuggestedSchema {
  readonly schema: StructType;
  /** Columns, dotted, that Delta has no type for: they are not in `schema`. */
  readonly omitted: readonly { readonly column: string; readonly reason: string }[];
}

/**
 * Columns with the type that holds every value: unsigned integers the next wider one, up to `decimal(20,0)`, UUIDs
 * `string`, timestamps of any unit `timestamp`, or `timestamp_ntz` where they have no zone. All are nullable, as files to
 * come may lack them.
 */
export function fileSchema(footer: ParquetFooter): SuggestedSchema {
  const omitted: { column: string; reason: string }[] = [];
  const omit = (column: string, reason: string): null => {
    omitted.push({ column, reason });
    return null;
  };
  const schema: StructType = { kind: 'struct', fields: fieldsOf(footer.columns, '', omit) };
  return { schema, omitted };
}

type Omit = (column: string, reason: string) => null;

function fieldsOf(nodes: readonly ParquetNode[], prefix: string, omit: Omit): StructField[] {
  return nodes.flatMap((node) => {
    const column = prefix + node.name;
    const repeats = node.repetition === 'REPEATED';
    const type = repeats ? listOf(node, column, omit) : typeOf(node, column, omit);
    return type === null ? [] : [{ name: node.name, type, nullable: true, metadata: {} }];
  });
}

function typeOf(node: ParquetNode, column: string, omit: Omit): DataType | null {
  if (node.physicalType !== null) return leafType(fileTypeOf(node), column, omit);
  if (isStruct(node)) {
    const fields = fieldsOf(node.children, `${column}.`, omit);
    return fields.length === 0
      ? omit(column, 'a struct without fields')
      : { kind: 'struct', fields };
  }
  const map = mapShape(node);
  if (map !== null) {
    const key = typeOf(map.key, `${column}.key`, omit);
    const value = typeOf(map.value, `${column}.value`, omit);
    if (key === null || value === null) return null;
    return { kind: 'map', key, value, valueContainsNull: true };
  }
  return listOf(node, column, omit);
}

function listOf(node: ParquetNode, column: string, omit: Omit): DataType | null {
  const list = listShape(node);
  if (list === null)
    return omit(column, `Delta has no type for ${node.logicalType?.kind ?? 'group'}`);
  const element = typeOf(list.element, `${column}.element`, omit);
  return element === null ? null : { kind: 'array', element, containsNull: true };
}

function leafType(file: FileType, column: string, omit: Omit): DataType | null {
  switch (file.kind) {
    case 'boolean':
      return BOOLEAN;
    case 'date':
      return DATE;
    case 'string':
    case 'enum':
    case 'uuid':
      return STRING;
    case 'binary':
    case 'fixed':
      return BINARY;
    case 'float':
      return file.bits === 64 ? DOUBLE : FLOAT;
    case 'timestamp':
      return file.adjustedToUtc ? TIMESTAMP : TIMESTAMP_NTZ;
    case 'integer':
      return integerType(file.bits + (file.signed ? 0 : 1));
    case 'decimal':
      return isDecimal(file)
        ? decimalType(file.precision, file.scale)
        : omit(column, `Delta has no decimal(${file.precision},${file.scale})`);
    case 'null':
      return omit(column, 'it holds only nulls of no type');
    case 'other':
      return omit(column, `Delta has no type for ${file.text}`);
    default:
      return file satisfies never;
  }
}

function isDecimal({ precision, scale }: { precision: number; scale: number }): boolean {
  return precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision;
}

function integerType(bits: number): DataType {
  if (bits <= 8) return BYTE;
  if (bits <= 16) return SHORT;
  if (bits <= 32) return INTEGER;
  return bits <= 64 ? LONG : decimalType(20, 0);
}
