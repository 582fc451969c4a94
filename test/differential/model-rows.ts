/** Rows and schemas as steps need them. */

import {
  type DataType,
  findField,
  type Row,
  type RowValue,
  type StructField,
  type StructType,
  typeName,
} from '../../src/schema/index.ts';
import { type Expr, valueOf } from './expressions.ts';
import { listOf, memberOf } from './lines.ts';
import type { ModelTable } from './model-table.ts';
import type { Assignment, Incoming, Path } from './program.ts';

/** The table with rows as it holds them: every field there, and no empty text in what it is partitioned by. */
export function settled(table: ModelTable): ModelTable {
  const { fields } = table.schema;
  const rows = table.rows.map((row) =>
    Object.fromEntries(
      fields.map(({ name, type }) => {
        const value = whole(row[name] ?? null, type);
        const isNull = value === '' && table.partitionBy.includes(name);
        return [name, isNull ? null : value];
      }),
    ),
  );
  return { ...table, rows };
}

/** A value with all fields of its structs. */
function whole(value: RowValue, type: DataType): RowValue {
  if (value === null) return null;
  switch (type.kind) {
    case 'struct':
      return Object.fromEntries(
        type.fields.map(({ name, type }) => [name, whole(memberOf(value, name), type)]),
      );
    case 'array':
      return listOf(value).map((item) => whole(item, type.element));
    case 'map':
      return listOf(value).map((entry) => {
        const [key = null, item = null] = listOf(entry);
        return [whole(key, type.key), whole(item, type.value)];
      });
    default:
      return value;
  }
}

/** Values are of the row as it was. */
export function assigned(row: Row, set: readonly Assignment[], from: Row): Row {
  return set.reduce((result, [path, value]) => withValue(result, path, valueOf(value, from)), row);
}

/** In a struct that is null, the fields beside become null. */
function withValue(row: Row, [name = '', ...rest]: Path, value: RowValue): Row {
  if (rest.length === 0) return { ...row, [name]: value };
  const inner = memberOf(row, name);
  const struct = typeof inner === 'object' && inner !== null ? (inner as Row) : {};
  return { ...row, [name]: { ...withValue(struct, rest, value) } };
}

/** The field at a path through structs, by its exact name. */
export function fieldAt(schema: StructType, [name, ...rest]: Path): StructField | null {
  const field = schema.fields.find((field) => field.name === name) ?? null;
  if (field === null || rest.length === 0) return field;
  return field.type.kind === 'struct' ? fieldAt(field.type, rest) : null;
}

/** Whether all columns that are read are there, and of the type that they are read as. */
export function readsOnly(schema: StructType, ...exprs: readonly (Expr | undefined)[]): boolean {
  return exprs.every((expr) => {
    if (expr === undefined || 'value' in expr) return true;
    if ('args' in expr) return readsOnly(schema, ...expr.args);
    const field = fieldAt(schema, expr.column);
    return field !== null && typeName(field.type) === expr.type;
  });
}

/** Whether a column is read, or one inside of it, or one that it is in. */
export function readsColumn(expr: Expr, path: Path): boolean {
  if ('value' in expr) return false;
  if ('args' in expr) return expr.args.some((arg) => readsColumn(arg, path));
  return expr.column.every((name, index) => (path[index] ?? name) === name);
}

/** Whether rows with the columns of `incoming` can come into a table. */
export function fits(
  table: StructType,
  incoming: StructType,
  { evolve = false }: { readonly evolve?: Incoming['evolve'] | false },
): boolean {
  return incoming.fields.every((field) => {
    const there = findField(table, field.name);
    if (there === null) return evolve;
    return there.name === field.name && fitsType(there.type, field.type, evolve);
  });
}

function fitsType(table: DataType, incoming: DataType, evolve: boolean): boolean {
  if (table.kind === 'struct' && incoming.kind === 'struct') {
    return fits(table, incoming, evolve ? { evolve } : {});
  }
  if (table.kind === 'array' && incoming.kind === 'array') {
    return fitsType(table.element, incoming.element, evolve);
  }
  if (table.kind === 'map' && incoming.kind === 'map') {
    return (
      fitsType(table.key, incoming.key, evolve) && fitsType(table.value, incoming.value, evolve)
    );
  }
  return typeName(table) === typeName(incoming);
}

/** The columns of both; those that the table lacks come last. */
export function evolved(table: StructType, incoming: StructType): StructType {
  const fields = table.fields.map((field) => {
    const added = findField(incoming, field.name);
    return added === null ? field : { ...field, type: evolvedType(field.type, added.type) };
  });
  const added = incoming.fields.filter(({ name }) => findField(table, name) === null);
  return { ...table, fields: [...fields, ...added] };
}

function evolvedType(table: DataType, incoming: DataType): DataType {
  if (table.kind === 'struct' && incoming.kind === 'struct') return evolved(table, incoming);
  if (table.kind === 'array' && incoming.kind === 'array') {
    return { ...table, element: evolvedType(table.element, incoming.element) };
  }
  if (table.kind === 'map' && incoming.kind === 'map') {
    return { ...table, value: evolvedType(table.value, incoming.value) };
  }
  return table;
}
