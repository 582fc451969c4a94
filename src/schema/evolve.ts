/**
 * Schema evolution: what a table's schema becomes so that it holds incoming rows too. The one algorithm for appends,
 * merges and jobs; the rules are those of Spark's `mergeSchema`, without its widening of types.
 */

import { unreachable } from '../base/index.ts';
import { isWidening } from './type-widening.ts';
import { typeName } from './type-text.ts';
import type { DataType, StructField, StructType } from './types.ts';

/**
 * `none`: the table's columns are all there are; `add`: missing columns and nested fields are added; `widen`: and columns take wider
 * types, which those who call `evolveSchema` see to: it leaves the type as it is.
 */
export type EvolveMode = 'none' | 'add' | 'widen';

export type Evolution =
  | {
      readonly kind: 'fits';
      /** Holds rows of both. The table's own fields keep their place, spelling, nullability and metadata. */
      readonly schema: StructType;
      /** False where `schema` is the table's own, the same object. */
      readonly changed: boolean;
    }
  | {
      readonly kind: 'refused';
      /** The dotted path in the incoming schema. */
      readonly column: string;
      readonly reason: string;
    };

/**
 * Fields are matched ignoring case, in structs, arrays and maps as well. Types must be equal but for nullability, which
 * is a matter of the values; `void`, the type of nothing but nulls, fits every type and adds no column. An added field
 * and all below it is nullable, and stands after the fields that are there. Nothing is ever dropped.
 */
export function evolveSchema(table: StructType, incoming: StructType, mode: EvolveMode): Evolution {
  const result = mergeStruct(table, incoming, { mode, path: '' });
  if ('reason' in result) return { kind: 'refused', ...result };
  return { kind: 'fits', schema: result, changed: result !== table };
}

/** The same type, in which every value at every level may be null; members of type `void` are left out. */
export function asNullable(type: DataType): DataType {
  switch (type.kind) {
    case 'primitive':
    case 'decimal':
      return type;
    case 'array':
      return { ...type, element: asNullable(type.element), containsNull: true };
    case 'map':
      return {
        ...type,
        key: asNullable(type.key),
        value: asNullable(type.value),
        valueContainsNull: true,
      };
    case 'struct':
      return nullableStruct(type);
    default:
      return unreachable(type);
  }
}

interface Refusal {
  readonly column: string;
  readonly reason: string;
}

interface Place {
  readonly mode: EvolveMode;
  /** Of the struct, with a point at its end; empty at the root. */
  readonly path: string;
}

/** `table` itself where nothing is added. */
function mergeStruct(
  table: StructType,
  incoming: StructType,
  { mode, path }: Place,
): StructType | Refusal {
  const fields = [...table.fields];
  const places = new Map(fields.map(({ name }, index) => [name.toLowerCase(), index]));
  const seen = new Set<string>();
  let changed = false;
  for (const field of incoming.fields) {
    const folded = field.name.toLowerCase();
    const column = path + field.name;
    if (seen.has(folded)) return { column, reason: 'there are two of this name but for case' };
    seen.add(folded);
    const index = places.get(folded);
    const there = index === undefined ? undefined : fields[index];
    if (index === undefined || there === undefined) {
      if (isVoid(field.type)) continue;
      if (mode === 'none') return { column, reason: 'the table has no such column' };
      places.set(folded, fields.length);
      fields.push(nullableField(field));
      changed = true;
      continue;
    }
    const type = mergeType(there.type, field.type, { mode, path: column });
    if ('reason' in type) return type;
    if (type !== there.type) {
      fields[index] = { ...there, type };
      changed = true;
    }
  }
  return changed ? { ...table, fields } : table;
}

function mergeType(table: DataType, incoming: DataType, place: Place): DataType | Refusal {
  const { path: column } = place;
  if (isVoid(incoming)) return table;
  if (table.kind === 'struct' && incoming.kind === 'struct') {
    return mergeStruct(table, incoming, { ...place, path: `${column}.` });
  }
  if (table.kind === 'array' && incoming.kind === 'array') {
    const path = `${column}.element`;
    const element = mergeType(table.element, incoming.element, { ...place, path });
    if ('reason' in element) return element;
    return element === table.element ? table : { ...table, element };
  }
  if (table.kind === 'map' && incoming.kind === 'map') {
    const key = mergeType(table.key, incoming.key, { ...place, path: `${column}.key` });
    if ('reason' in key) return key;
    const value = mergeType(table.value, incoming.value, { ...place, path: `${column}.value` });
    if ('reason' in value) return value;
    return key === table.key && value === table.value ? table : { ...table, key, value };
  }
  if (typeName(table) === typeName(incoming)) return table;
  if (place.mode === 'widen' && isWidening(table, incoming)) return table;
  return {
    column,
    reason: `it is ${typeName(incoming)}, and the table has ${typeName(table)} there`,
  };
}

function nullableStruct(struct: StructType): StructType {
  const fields = struct.fields.filter(({ type }) => !isVoid(type));
  return { ...struct, fields: fields.map(nullableField) };
}

function nullableField(field: StructField): StructField {
  return { ...field, type: asNullable(field.type), nullable: true };
}

function isVoid(type: DataType): boolean {
  return type.kind === 'primitive' && type.name === 'void';
}
