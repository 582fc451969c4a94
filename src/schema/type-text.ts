/** Types as text: Spark's DDL in and out, and Hive's for the catalog. */

import { unreachable } from '../base/index.ts';
import { hiveTypeMissing, typeInvalid, typeSyntax } from './errors.ts';
import * as structure from './structure.ts';
import { decimalType, TYPE_DEPTH_MAX } from './structure.ts';
import { TokenReader } from './tokens.ts';
import type { DataType, PrimitiveName, PrimitiveType, StructField, StructType } from './types.ts';

/**
 * One type in Spark's DDL: `bigint`, `decimal(10,2)`, `array<struct<a:int>>`; the names of the log (`long`) as well.
 * What DDL cannot say is nullable. Errors: `SCHEMA_TYPE_SYNTAX`, `SCHEMA_TYPE_INVALID`.
 */
export function parseType(text: string): DataType {
  const reader = new TokenReader(text, typeSyntax);
  const type = readType(reader);
  reader.expectEnd();
  return type;
}

/** Reads one type at the reader's place; `depth` is how deep it stands in others. */
export function readType(reader: TokenReader, depth = 0): DataType {
  if (depth > TYPE_DEPTH_MAX) {
    throw typeInvalid(`a type is nested deeper than ${String(TYPE_DEPTH_MAX)} levels`);
  }
  const token = reader.peek();
  if (token.kind !== 'word') throw reader.fail('a type');
  const name = reader.next().text.toLowerCase();
  switch (name) {
    case 'decimal':
    case 'dec':
    case 'numeric':
      return readDecimal(reader);
    case 'array':
      return readArray(reader, depth);
    case 'map':
      return readMap(reader, depth);
    case 'struct':
      return readStruct(reader, depth);
    default: {
      const type = PRIMITIVES.get(name);
      if (type !== undefined) return type;
      throw reader.refuse(`${JSON.stringify(token.text)} is not a supported type`, token);
    }
  }
}

/** The type as Spark's DDL writes it, for people and for CAST; `parseType` reads it back. */
export function typeName(type: DataType): string {
  switch (type.kind) {
    case 'primitive':
      return DDL_NAMES[type.name];
    case 'decimal':
      return `decimal(${String(type.precision)},${String(type.scale)})`;
    case 'array':
      return `array<${typeName(type.element)}>`;
    case 'map':
      return `map<${typeName(type.key)},${typeName(type.value)}>`;
    case 'struct':
      return `struct<${type.fields.map(fieldName).join(',')}>`;
    default:
      return unreachable(type);
  }
}

const HIVE_PLAIN_NAME = /^[\p{L}\d_]+$/u;

/**
 * The type of a catalog column, as Glue and Hive read it. `timestamp_ntz` becomes `timestamp`: Hive's has no zone.
 * Errors: `SCHEMA_HIVE_TYPE` for `void` and `variant`, and for nested names that Hive's grammar has no way to quote.
 */
export function hiveType(type: DataType): string {
  switch (type.kind) {
    case 'primitive':
      if (type.name === 'void') throw hiveTypeMissing('void', 'Hive has no columns without a type');
      if (type.name === 'variant') throw hiveTypeMissing('variant', 'Hive has no such type');
      return type.name === 'timestamp_ntz' ? 'timestamp' : DDL_NAMES[type.name];
    case 'decimal':
      return typeName(type);
    case 'array':
      return `array<${hiveType(type.element)}>`;
    case 'map':
      return `map<${hiveType(type.key)},${hiveType(type.value)}>`;
    case 'struct':
      return `struct<${type.fields.map((field) => hiveField(field, type)).join(',')}>`;
    default:
      return unreachable(type);
  }
}

const PLAIN_NAME = /^[\p{L}_][\p{L}\d_]*$/u;

/** A column name as SQL takes it: in back quotes unless it is a plain word. */
export function quoteName(name: string): string {
  return PLAIN_NAME.test(name) ? name : `\`${name.replaceAll('`', '``')}\``;
}

const DDL_NAMES: Readonly<Record<PrimitiveName, string>> = {
  string: 'string',
  long: 'bigint',
  integer: 'int',
  short: 'smallint',
  byte: 'tinyint',
  float: 'float',
  double: 'double',
  boolean: 'boolean',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'timestamp_ntz',
  variant: 'variant',
  void: 'void',
};

const PRIMITIVES: ReadonlyMap<string, PrimitiveType> = new Map([
  ['string', structure.STRING],
  ['bigint', structure.LONG],
  ['long', structure.LONG],
  ['int', structure.INTEGER],
  ['integer', structure.INTEGER],
  ['smallint', structure.SHORT],
  ['short', structure.SHORT],
  ['tinyint', structure.BYTE],
  ['byte', structure.BYTE],
  ['float', structure.FLOAT],
  ['real', structure.FLOAT],
  ['double', structure.DOUBLE],
  ['boolean', structure.BOOLEAN],
  ['binary', structure.BINARY],
  ['date', structure.DATE],
  ['timestamp', structure.TIMESTAMP],
  ['timestamp_ltz', structure.TIMESTAMP],
  ['timestamp_ntz', structure.TIMESTAMP_NTZ],
  ['void', structure.VOID],
]);

function readDecimal(reader: TokenReader): DataType {
  if (!reader.acceptSymbol('(')) return decimalType(10, 0);
  const precision = readDigits(reader);
  const scale = reader.acceptSymbol(',') ? readDigits(reader) : 0;
  reader.expectSymbol(')');
  return decimalType(precision, scale);
}

function readDigits(reader: TokenReader): number {
  const token = reader.peek();
  if (token.kind !== 'number' || !/^\d+$/.test(token.text)) throw reader.fail('a number of digits');
  return Number(reader.next().text);
}

function readArray(reader: TokenReader, depth: number): DataType {
  reader.expectSymbol('<');
  const element = readType(reader, depth + 1);
  reader.expectSymbol('>');
  return { kind: 'array', element, containsNull: true };
}

function readMap(reader: TokenReader, depth: number): DataType {
  reader.expectSymbol('<');
  const key = readType(reader, depth + 1);
  reader.expectSymbol(',');
  const value = readType(reader, depth + 1);
  reader.expectSymbol('>');
  return { kind: 'map', key, value, valueContainsNull: true };
}

function readStruct(reader: TokenReader, depth: number): DataType {
  if (reader.acceptSymbol('<>')) return { kind: 'struct', fields: [] };
  reader.expectSymbol('<');
  const fields = readFields(reader, depth + 1);
  reader.expectSymbol('>');
  return { kind: 'struct', fields };
}

function readFields(reader: TokenReader, depth: number): readonly StructField[] {
  const fields: StructField[] = [];
  do {
    const name = reader.expectName('a column name');
    reader.acceptSymbol(':');
    const type = readType(reader, depth);
    const nullable = !reader.acceptWord('not');
    if (!nullable) reader.expectWord('null');
    const metadata = reader.acceptWord('comment')
      ? { comment: reader.expectString('the comment in quotes') }
      : {};
    fields.push({ name, type, nullable, metadata });
  } while (reader.acceptSymbol(','));
  return fields;
}

function fieldName(field: StructField): string {
  return `${quoteName(field.name)}:${typeName(field.type)}${field.nullable ? '' : ' not null'}`;
}

function hiveField(field: StructField, parent: StructType): string {
  if (!HIVE_PLAIN_NAME.test(field.name)) {
    throw hiveTypeMissing(typeName(parent), `the field name ${quoteName(field.name)} is not plain`);
  }
  return `${field.name}:${hiveType(field.type)}`;
}
