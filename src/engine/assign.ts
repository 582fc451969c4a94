/** Values on their way into a column: Spark's casts, and structs field by field, by name. */

import type { DataType, StructField, StructType } from '../schema/index.ts';
import { castTo } from './casts.ts';
import { duckType } from './duck-type.ts';
import { expressionType } from './errors.ts';
import { identifier, literal } from './quote.ts';
import { sameType } from './type-rules.ts';
import { type Binder, type Typed, typed } from './typed.ts';

export interface AssignOptions {
  /** Whether a field that the column has and the value lacks becomes null; else that is refused. */
  readonly fillFields: boolean;
}

/**
 * The value as the column's type. Fields of structs, also inside of arrays and maps, are found by name, ignoring case; one
 * that the column has no place for is refused. Errors: `EXPRESSION_TYPE` (invalid).
 */
export function assignTo(
  value: Typed,
  type: DataType,
  binder: Binder,
  options: AssignOptions,
): Typed {
  const { type: from } = value;
  if (sameType(from, type)) return { ...value, type };
  if (from.kind === 'struct' && type.kind === 'struct') {
    return assignStruct(value, from, { type, binder, options });
  }
  if (from.kind === 'array' && type.kind === 'array') {
    const element = binder.element(
      (name) => assignTo(typed(name, from.element), type.element, binder, options).sql,
    );
    return typed(`list_transform(${value.sql}, ${element})`, type, value);
  }
  if (from.kind === 'map' && type.kind === 'map') {
    const entry = binder.element((name) => {
      const part = (field: 'key' | 'value', source: DataType, target: DataType): string =>
        assignTo(typed(`struct_extract(${name}, '${field}')`, source), target, binder, options).sql;
      return (
        `struct_pack("key" := ${part('key', from.key, type.key)}, ` +
        `"value" := ${part('value', from.value, type.value)})`
      );
    });
    const sql = `map_from_entries(list_transform(map_entries(${value.sql}), ${entry}))`;
    return typed(sql, type, value);
  }
  return castTo(value, type, binder);
}

function assignStruct(
  value: Typed,
  from: StructType,
  target: { readonly type: StructType; readonly binder: Binder; readonly options: AssignOptions },
): Typed {
  const { type, binder, options } = target;
  const extra = from.fields.find(({ name }) => named(type, name) === null);
  if (extra !== undefined) {
    throw expressionType(`the field ${extra.name} of a struct, which its column has no place for`);
  }
  const sql = binder.bind(value.sql, (name) => {
    const parts = type.fields.map((field) => {
      const source = named(from, field.name);
      if (source === null && !options.fillFields) {
        throw expressionType(`a struct without the field ${field.name}, which its column has`);
      }
      const part =
        source === null
          ? `CAST(NULL AS ${duckType(field.type)})`
          : assignTo(
              typed(`struct_extract(${name}, ${literal(source.name)})`, source.type),
              field.type,
              binder,
              options,
            ).sql;
      return `${identifier(field.name)} := ${part}`;
    });
    return `CASE WHEN ${name} IS NULL THEN NULL ELSE struct_pack(${parts.join(', ')}) END`;
  });
  return typed(sql, type, value);
}

function named(struct: StructType, name: string): StructField | null {
  const folded = name.toLowerCase();
  return struct.fields.find((field) => field.name.toLowerCase() === folded) ?? null;
}
