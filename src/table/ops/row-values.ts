/** The engine's values as the values of rows. */

import { assert, unreachable } from '../../base/index.ts';
import type { EngineValue } from '../../engine/index.ts';
import {
  type DataType,
  fromScalar,
  type Row,
  type RowValue,
  type StructType,
} from '../../schema/index.ts';

type ToRowValue = (value: EngineValue) => RowValue;

/** Makes the row at an index of a chunk whose columns are those of `schema`. */
export function rowReader(
  schema: StructType,
): (columns: readonly (readonly EngineValue[])[], index: number) => Row {
  const fields = schema.fields.map(({ name, type }) => ({ name, convert: rowValue(type) }));
  return (columns, index) =>
    Object.fromEntries(
      fields.map(({ name, convert }, column) => [name, convert(columns[column]?.[index] ?? null)]),
    );
}

function rowValue(type: DataType): ToRowValue {
  switch (type.kind) {
    case 'primitive':
      return isPlain(type.name) ? plain : scalarValue(type);
    case 'decimal':
      return scalarValue(type);
    case 'array':
      return arrayValue(rowValue(type.element));
    case 'map':
      return mapValue(rowValue(type.key), rowValue(type.value));
    case 'struct':
      return structValue(type);
    default:
      return unreachable(type);
  }
}

/** Types whose values are the same in the engine and in rows. */
function isPlain(name: string): boolean {
  return name !== 'date' && name !== 'timestamp' && name !== 'timestamp_ntz' && name !== 'void';
}

function plain(value: EngineValue): RowValue {
  assert(!Array.isArray(value), 'the engine gave a list for a single value');
  return value;
}

function scalarValue(type: DataType): ToRowValue {
  if (type.kind === 'primitive' && type.name === 'void') return () => null;
  return (value) => {
    if (value === null) return null;
    assert(
      typeof value === 'bigint' || typeof value === 'number',
      'the engine gave an odd value for a date, timestamp or decimal',
    );
    return fromScalar(value, type);
  };
}

function arrayValue(element: ToRowValue): ToRowValue {
  return (value) => (value === null ? null : listOf(value).map(element));
}

function mapValue(key: ToRowValue, item: ToRowValue): ToRowValue {
  return (value) =>
    value === null
      ? null
      : listOf(value).map((entry) => {
          const [k = null, v = null] = listOf(entry);
          return [key(k), item(v)];
        });
}

function structValue(type: StructType): ToRowValue {
  const fields = type.fields.map((field) => ({ name: field.name, convert: rowValue(field.type) }));
  return (value) => {
    if (value === null) return null;
    assert(isStruct(value), 'the engine gave no struct for a struct');
    return Object.fromEntries(
      fields.map(({ name, convert }) => [name, convert(value[name] ?? null)]),
    );
  };
}

function listOf(value: EngineValue): readonly EngineValue[] {
  assert(isList(value), 'the engine gave no list for an array or a map');
  return value;
}

function isList(value: EngineValue): value is readonly EngineValue[] {
  return Array.isArray(value);
}

function isStruct(value: EngineValue): value is { readonly [field: string]: EngineValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
