/** Schemas as they stand in `metaData.schemaString`. PROTOCOL.md, "Schema Serialization Format". */

import {
  type DeltaError,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
  printJson,
  unreachable,
} from '../base/index.ts';
import { schemaMalformed, schemaNotJson, shown, typeUnsupported } from './errors.ts';
import { decimalType, DECIMAL_PRECISION_MAX, TYPE_DEPTH_MAX } from './structure.ts';
import type { DataType, PrimitiveName, StructField, StructType } from './types.ts';

/**
 * Reads a schema; metadata is kept whole. Errors: `SCHEMA_NOT_JSON`, `SCHEMA_MALFORMED` (naming the column),
 * `SCHEMA_TYPE_UNSUPPORTED` (naming the type).
 */
export function parseSchema(json: string): StructType {
  const type = readType(parseText(json), [], 0);
  if (type.kind !== 'struct') throw schemaMalformed('', 'it is not a struct');
  return type;
}

/** The text that Spark writes for the same type: no spaces, members in Spark's order. */
export function printSchema(type: DataType): string {
  switch (type.kind) {
    case 'primitive':
      return `"${type.name}"`;
    case 'decimal':
      return `"decimal(${String(type.precision)},${String(type.scale)})"`;
    case 'array':
      return `{"type":"array","elementType":${printSchema(type.element)},"containsNull":${String(type.containsNull)}}`;
    case 'map':
      return `{"type":"map","keyType":${printSchema(type.key)},"valueType":${printSchema(type.value)},"valueContainsNull":${String(type.valueContainsNull)}}`;
    case 'struct':
      return `{"type":"struct","fields":[${type.fields.map(printField).join(',')}]}`;
    default:
      return unreachable(type);
  }
}

const PRIMITIVE_NAMES: ReadonlyMap<string, PrimitiveName> = new Map<string, PrimitiveName>([
  ['string', 'string'],
  ['long', 'long'],
  ['integer', 'integer'],
  ['short', 'short'],
  ['byte', 'byte'],
  ['float', 'float'],
  ['double', 'double'],
  ['boolean', 'boolean'],
  ['binary', 'binary'],
  ['date', 'date'],
  ['timestamp', 'timestamp'],
  ['timestamp_ntz', 'timestamp_ntz'],
  ['variant', 'variant'],
  ['void', 'void'],
  // Spark before 3.0 wrote void columns so.
  ['null', 'void'],
]);

const DECIMAL = /^decimal(?:\(\s*(\d{1,3})\s*(?:,\s*(-?\d{1,3})\s*)?\))?$/;

type Place = readonly string[];

function parseText(json: string): JsonValue {
  try {
    return parseJson(json);
  } catch (error) {
    throw schemaNotJson(error);
  }
}

function readType(value: JsonValue | undefined, place: Place, depth: number): DataType {
  if (depth > TYPE_DEPTH_MAX) {
    throw malformed(place, `it is nested deeper than ${String(TYPE_DEPTH_MAX)} levels`);
  }
  if (typeof value === 'string') return readNamed(value, place);
  if (!isJsonObject(value)) throw malformed(place, 'a type is neither a name nor an object');
  switch (value.type) {
    case 'struct':
      return readStruct(value, place, depth);
    case 'array':
      return {
        kind: 'array',
        element: readType(value.elementType, [...place, 'element'], depth + 1),
        containsNull: readFlag(value.containsNull, 'containsNull', place),
      };
    case 'map':
      return {
        kind: 'map',
        key: readType(value.keyType, [...place, 'key'], depth + 1),
        value: readType(value.valueType, [...place, 'value'], depth + 1),
        valueContainsNull: readFlag(value.valueContainsNull, 'valueContainsNull', place),
      };
    default:
      if (typeof value.type === 'string') throw typeUnsupported(value.type, place.join('.'));
      throw malformed(place, 'a type has no name');
  }
}

function readNamed(name: string, place: Place): DataType {
  const primitive = PRIMITIVE_NAMES.get(name);
  if (primitive !== undefined) return { kind: 'primitive', name: primitive };
  const decimal = DECIMAL.exec(name);
  if (decimal === null) throw typeUnsupported(name, place.join('.'));
  const precision = Number(decimal[1] ?? '10');
  const scale = Number(decimal[2] ?? '0');
  if (precision < 1 || precision > DECIMAL_PRECISION_MAX || scale < 0 || scale > precision) {
    throw malformed(place, `${shown(name)} is out of bounds`);
  }
  return decimalType(precision, scale);
}

function readStruct(value: JsonObject, place: Place, depth: number): StructType {
  if (!Array.isArray(value.fields)) throw malformed(place, 'a struct has no list of fields');
  const fields: readonly JsonValue[] = value.fields;
  return { kind: 'struct', fields: fields.map((field) => readField(field, place, depth)) };
}

function readField(value: JsonValue, place: Place, depth: number): StructField {
  if (!isJsonObject(value) || typeof value.name !== 'string') {
    throw malformed(place, 'a field has no name');
  }
  const inside = [...place, value.name];
  const metadata = value.metadata ?? {};
  if (!isJsonObject(metadata)) throw malformed(inside, 'the metadata is not an object');
  return {
    name: value.name,
    type: readType(value.type, inside, depth + 1),
    nullable: readFlag(value.nullable, 'nullable', inside),
    metadata: withoutUndefined(metadata),
  };
}

/** A missing flag means true: what is not forbidden to be null may be. */
function readFlag(value: JsonValue | undefined, name: string, place: Place): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'boolean') throw malformed(place, `${name} is not true or false`);
  return value;
}

function withoutUndefined(object: JsonObject): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}

function printField(field: StructField): string {
  const { name, type, nullable, metadata } = field;
  return `{"name":${JSON.stringify(name)},"type":${printSchema(type)},"nullable":${String(nullable)},"metadata":${printJson(metadata)}}`;
}

function malformed(place: Place, reason: string): DeltaError {
  return schemaMalformed(place.join('.'), reason);
}
