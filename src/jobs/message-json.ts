/**
 * Rows as JSON, by the types of their columns. Every column is a member, null where it has no value: numbers and decimals are
 * exact numbers; dates are `YYYY-MM-DD`, timestamps `YYYY-MM-DDTHH:MM:SS.ffffffZ` (without `Z` where they have no zone);
 * bytes are base64; structs and maps are objects. What is no number in JSON is a text: `NaN`, `Infinity`, `-Infinity`.
 */

import { assert, JsonNumber, type JsonValue, printJson, unreachable } from '../base/index.ts';
import {
  type DataType,
  fromScalar,
  type RowValue,
  type StructType,
  toScalar,
} from '../schema/index.ts';
import { isList, isRow, pairsOf } from './row-parts.ts';

export type ToJson = (value: RowValue | undefined) => JsonValue;

/** Errors of the result: `SCHEMA_VALUE` where a value is not of its column's type. */
export function toJson(type: DataType): ToJson {
  const convert = presentToJson(type);
  return (value) => (value === null || value === undefined ? null : convert(value));
}

/** A value as one text, as JSON but texts without quotes; null is empty. */
export function toText(type: DataType): (value: RowValue | undefined) => string {
  const convert = toJson(type);
  return (value) => {
    const json = convert(value);
    if (json === null) return '';
    return typeof json === 'string' ? json : printJson(json);
  };
}

function presentToJson(type: DataType): (value: NonNullable<RowValue>) => JsonValue {
  switch (type.kind) {
    case 'primitive':
    case 'decimal':
      return (value) => scalarToJson(value, type);
    case 'struct':
      return structToJson(type);
    case 'array': {
      const element = toJson(type.element);
      return (value) => {
        assert(isList(value), 'an array is an array');
        return value.map(element);
      };
    }
    case 'map': {
      const [key, item] = [toText(type.key), toJson(type.value)];
      return (value) => Object.fromEntries(pairsOf(value).map(([k, v]) => [key(k), item(v)]));
    }
    default:
      return unreachable(type);
  }
}

function structToJson({ fields }: StructType): (value: NonNullable<RowValue>) => JsonValue {
  const members = fields.map(({ name, type }) => ({ name, convert: toJson(type) }));
  return (value) => {
    assert(isRow(value), 'a struct is an object');
    return Object.fromEntries(members.map(({ name, convert }) => [name, convert(value[name])]));
  };
}

function scalarToJson(value: NonNullable<RowValue>, type: DataType): JsonValue {
  // By way of the scalar, so that a value has one form however it was handed in.
  const plain = fromScalar(toScalar(value, type), type);
  if (plain instanceof Uint8Array) return Buffer.from(plain).toString('base64');
  if (type.kind === 'decimal' && typeof plain === 'string') return new JsonNumber(plain);
  if (typeof plain === 'number' && !Number.isFinite(plain)) return String(plain);
  assert(plain === null || typeof plain !== 'object', 'a scalar is a single value');
  return plain;
}
