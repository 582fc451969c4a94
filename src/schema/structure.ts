/** Types and schemas as things: the constants, lookup by name, equality, and the names that tables may use. */

import { unreachable } from '../base/index.ts';
import { columnNameInvalid, duplicateColumn, typeInvalid } from './errors.ts';
import type { DataType, DecimalType, PrimitiveType, StructField, StructType } from './types.ts';

export const STRING: PrimitiveType = { kind: 'primitive', name: 'string' };
export const LONG: PrimitiveType = { kind: 'primitive', name: 'long' };
export const INTEGER: PrimitiveType = { kind: 'primitive', name: 'integer' };
export const SHORT: PrimitiveType = { kind: 'primitive', name: 'short' };
export const BYTE: PrimitiveType = { kind: 'primitive', name: 'byte' };
export const FLOAT: PrimitiveType = { kind: 'primitive', name: 'float' };
export const DOUBLE: PrimitiveType = { kind: 'primitive', name: 'double' };
export const BOOLEAN: PrimitiveType = { kind: 'primitive', name: 'boolean' };
export const BINARY: PrimitiveType = { kind: 'primitive', name: 'binary' };
export const DATE: PrimitiveType = { kind: 'primitive', name: 'date' };
export const TIMESTAMP: PrimitiveType = { kind: 'primitive', name: 'timestamp' };
export const TIMESTAMP_NTZ: PrimitiveType = { kind: 'primitive', name: 'timestamp_ntz' };
export const VOID: PrimitiveType = { kind: 'primitive', name: 'void' };

export const DECIMAL_PRECISION_MAX = 38;

/** Levels of structs, arrays and maps in one another; deeper schemas are refused. */
export const TYPE_DEPTH_MAX = 100;

/** Errors: `SCHEMA_TYPE_INVALID` where precision or scale are out of bounds. */
export function decimalType(precision: number, scale: number): DecimalType {
  const precisionFits = precision >= 1 && precision <= DECIMAL_PRECISION_MAX;
  if (!precisionFits || scale < 0 || scale > precision) {
    throw typeInvalid(
      `decimal(${String(precision)},${String(scale)}) is not a type: the precision is 1 to 38, the scale 0 to the precision`,
    );
  }
  return { kind: 'decimal', precision, scale };
}

/** The field of this name; an exact match wins over one that differs by case. Null where there is none. */
export function findField(schema: StructType, name: string): StructField | null {
  const exact = schema.fields.find((field) => field.name === name);
  if (exact !== undefined) return exact;
  const folded = name.toLowerCase();
  return schema.fields.find((field) => field.name.toLowerCase() === folded) ?? null;
}

/** `wanted`, or with blanks behind it what no column is called: with column mapping, columns may have any name. */
export function unusedName(schema: StructType, wanted: string): string {
  let name = wanted;
  while (findField(schema, name) !== null) name += ' ';
  return name;
}

/** True where both are the same type, nullability and field names (with case) included, metadata not. */
export function typesEqual(left: DataType, right: DataType): boolean {
  switch (left.kind) {
    case 'primitive':
      return right.kind === 'primitive' && left.name === right.name;
    case 'decimal':
      return (
        right.kind === 'decimal' && left.precision === right.precision && left.scale === right.scale
      );
    case 'array':
      return (
        right.kind === 'array' &&
        left.containsNull === right.containsNull &&
        typesEqual(left.element, right.element)
      );
    case 'map':
      return (
        right.kind === 'map' &&
        left.valueContainsNull === right.valueContainsNull &&
        typesEqual(left.key, right.key) &&
        typesEqual(left.value, right.value)
      );
    case 'struct':
      return (
        right.kind === 'struct' &&
        left.fields.length === right.fields.length &&
        left.fields.every((field, index) => fieldsEqual(field, right.fields[index]))
      );
    default:
      return unreachable(left);
  }
}

// What Spark refuses in tables without column mapping, because Parquet's own text form of schemas cannot hold it.
const FORBIDDEN_CHARACTERS = /[ ,;{}()\n\t=]/;

/**
 * Refuses what a new table may not have: names that differ only by case, at any level (`SCHEMA_DUPLICATE_COLUMN`), empty
 * ones, and those with one of ` ,;{}()=`, a tab or a line break (`SCHEMA_COLUMN_NAME`), unless `isMapped`: with column
 * mapping, the names in files are others.
 */
export function checkColumnNames(schema: StructType, { isMapped = false } = {}): void {
  checkStruct(schema, { prefix: '', isMapped });
}

interface NamePlace {
  readonly prefix: string;
  readonly isMapped: boolean;
}

function checkStruct(struct: StructType, place: NamePlace): void {
  const { prefix, isMapped } = place;
  const seen = new Map<string, string>();
  for (const field of struct.fields) {
    const path = prefix + field.name;
    const folded = field.name.toLowerCase();
    const first = seen.get(folded);
    if (first !== undefined) throw duplicateColumn(prefix + first, path);
    seen.set(folded, field.name);
    if (field.name === '') throw columnNameInvalid(path, 'it is empty');
    if (!isMapped && FORBIDDEN_CHARACTERS.test(field.name)) {
      throw columnNameInvalid(
        path,
        'one of " ,;{}()=", a tab or a line break is in it, which needs column mapping',
      );
    }
    checkNested(field.type, { ...place, prefix: `${path}.` });
  }
}

function checkNested(type: DataType, place: NamePlace): void {
  const { prefix } = place;
  if (type.kind === 'struct') checkStruct(type, place);
  if (type.kind === 'array') checkNested(type.element, { ...place, prefix: `${prefix}element.` });
  if (type.kind === 'map') {
    checkNested(type.key, { ...place, prefix: `${prefix}key.` });
    checkNested(type.value, { ...place, prefix: `${prefix}value.` });
  }
}

function fieldsEqual(left: StructField, right: StructField | undefined): boolean {
  return (
    right !== undefined &&
    left.name === right.name &&
    left.nullable === right.nullable &&
    typesEqual(left.type, right.type)
  );
}
