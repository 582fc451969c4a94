/** Delta types as DuckDB spells them. */

import { unreachable } from '../base/index.ts';
import type { DataType, PrimitiveName } from '../schema/index.ts';
import { identifier } from './quote.ts';

const PRIMITIVES: Readonly<Record<PrimitiveName, string>> = {
  string: 'VARCHAR',
  long: 'BIGINT',
  integer: 'INTEGER',
  short: 'SMALLINT',
  byte: 'TINYINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMP WITH TIME ZONE',
  timestamp_ntz: 'TIMESTAMP',
  // As its JSON text.
  variant: 'VARCHAR',
  // Holds only null; the engine wants some type for it.
  void: 'INTEGER',
};

/** The type for a CAST or a CREATE TABLE. Nullability is not part of it. */
export function duckType(type: DataType): string {
  switch (type.kind) {
    case 'primitive':
      return PRIMITIVES[type.name];
    case 'decimal':
      return `DECIMAL(${String(type.precision)}, ${String(type.scale)})`;
    case 'array':
      return `${duckType(type.element)}[]`;
    case 'map':
      return `MAP(${duckType(type.key)}, ${duckType(type.value)})`;
    case 'struct':
      return `STRUCT(${type.fields
        .map((field) => `${identifier(field.name)} ${duckType(field.type)}`)
        .join(', ')})`;
    default:
      return unreachable(type);
  }
}
