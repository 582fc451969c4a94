/** Between Delta's types and Arrow's: what decides which Parquet types are written. */

import type { DataType as ArrowType, Field, Schema } from 'apache-arrow';
import type * as Arrow from 'apache-arrow';

import { unreachable } from '../base/index.ts';
import {
  type DataType,
  decimalType,
  type PrimitiveName,
  type StructField,
  type StructType,
} from '../schema/index.ts';
import { unsupportedType } from './errors.ts';

/** Loaded at first need: it costs more to start than a run with nothing to do may. */
export type ArrowModule = typeof Arrow;

/**
 * The Arrow schema whose Parquet form is the one that PROTOCOL.md asks for: timestamps as 64-bit microseconds, UTC or
 * zoneless, decimals by precision, `list.element`, `key_value.key` and `value`. Void columns are left out, as they are
 * never in Parquet.
 *
 * Errors: `PARQUET_UNSUPPORTED_TYPE` for a void inside an array or a map.
 */
export async function arrowSchemaOf(schema: StructType): Promise<Schema> {
  const arrow = await import('apache-arrow');
  return new arrow.Schema(arrowFields(arrow, schema, ''));
}

/**
 * The Delta schema of Arrow data: unsigned integers take the next wider type, timestamps of any unit become
 * `timestamp` with a zone and `timestamp_ntz` without, dictionaries their values' type.
 *
 * Errors: `PARQUET_UNSUPPORTED_TYPE` for what Delta has no type for: 64-bit unsigned integers, times, intervals,
 * unions, decimals with a negative scale.
 */
export async function arrowToSchema(schema: Schema): Promise<StructType> {
  const arrow = await import('apache-arrow');
  return structOf(arrow, schema.fields, '');
}

/** The fields of a struct, in order, without void ones. */
export function writtenFields(struct: StructType): readonly StructField[] {
  return struct.fields.filter(({ type }) => !(type.kind === 'primitive' && type.name === 'void'));
}

export function arrowFields(arrow: ArrowModule, struct: StructType, parent: string): Field[] {
  return writtenFields(struct).map(
    ({ name, type, nullable }) =>
      new arrow.Field(name, arrowTypeOf(arrow, type, parent + name), nullable),
  );
}

/** `column` is for messages. */
export function arrowTypeOf(arrow: ArrowModule, type: DataType, column: string): ArrowType {
  switch (type.kind) {
    case 'primitive':
      return arrowPrimitive(arrow, type.name, column);
    case 'decimal':
      return new arrow.Decimal(type.scale, type.precision, 128);
    case 'struct':
      return new arrow.Struct(arrowFields(arrow, type, `${column}.`));
    case 'array': {
      const element = arrowTypeOf(arrow, type.element, `${column}.element`);
      return new arrow.List(new arrow.Field('element', element, type.containsNull));
    }
    case 'map': {
      const key = new arrow.Field('key', arrowTypeOf(arrow, type.key, `${column}.key`), false);
      const valueType = arrowTypeOf(arrow, type.value, `${column}.value`);
      const value = new arrow.Field('value', valueType, type.valueContainsNull);
      const entries = new arrow.Struct<{ key: ArrowType; value: ArrowType }>([key, value]);
      return new arrow.Map_(new arrow.Field('key_value', entries, false));
    }
    default:
      return unreachable(type);
  }
}

function arrowPrimitive(arrow: ArrowModule, name: PrimitiveName, column: string): ArrowType {
  switch (name) {
    case 'string':
      return new arrow.Utf8();
    case 'long':
      return new arrow.Int64();
    case 'integer':
      return new arrow.Int32();
    case 'short':
      return new arrow.Int16();
    case 'byte':
      return new arrow.Int8();
    case 'float':
      return new arrow.Float32();
    case 'double':
      return new arrow.Float64();
    case 'boolean':
      return new arrow.Bool();
    case 'binary':
      return new arrow.Binary();
    case 'date':
      return new arrow.DateDay();
    case 'timestamp':
      return new arrow.TimestampMicrosecond('UTC');
    case 'timestamp_ntz':
      return new arrow.TimestampMicrosecond();
    case 'variant':
    case 'void':
      throw unsupportedType(column, name);
    default:
      return unreachable(name);
  }
}

function structOf(arrow: ArrowModule, fields: readonly Field[], parent: string): StructType {
  return {
    kind: 'struct',
    fields: fields.map(({ name, type, nullable }) => ({
      name,
      type: deltaTypeOf(arrow, type, parent + name),
      nullable,
      metadata: {},
    })),
  };
}

function deltaTypeOf(arrow: ArrowModule, type: ArrowType, column: string): DataType {
  const { DataType } = arrow;
  if (DataType.isDictionary(type)) return deltaTypeOf(arrow, type.dictionary, column);
  if (DataType.isStruct(type)) return structOf(arrow, type.children, `${column}.`);
  if (DataType.isMap(type)) return mapOf(arrow, type, column);
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) {
    const [element] = type.children;
    if (element === undefined) throw unsupportedType(column, arrow.Type[type.typeId]);
    return {
      kind: 'array',
      element: deltaTypeOf(arrow, element.type, `${column}.element`),
      containsNull: element.nullable,
    };
  }
  if (DataType.isDecimal(type) && type.scale >= 0 && type.scale <= type.precision) {
    if (type.precision <= 38) return decimalType(type.precision, type.scale);
  }
  const name = primitiveOf(arrow, type);
  if (name === null) throw unsupportedType(column, arrow.Type[type.typeId]);
  return { kind: 'primitive', name };
}

function mapOf(arrow: ArrowModule, type: ArrowType, column: string): DataType {
  const [key, value] = type.children[0]?.type.children ?? [];
  if (key === undefined || value === undefined)
    throw unsupportedType(column, arrow.Type[type.typeId]);
  return {
    kind: 'map',
    key: deltaTypeOf(arrow, key.type, `${column}.key`),
    value: deltaTypeOf(arrow, value.type, `${column}.value`),
    valueContainsNull: value.nullable,
  };
}

function primitiveOf({ DataType, Precision }: ArrowModule, type: ArrowType): PrimitiveName | null {
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type)) {
    return 'string';
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) {
    return 'binary';
  }
  if (DataType.isFixedSizeBinary(type)) return 'binary';
  if (DataType.isBool(type)) return 'boolean';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isNull(type)) return 'void';
  if (DataType.isTimestamp(type)) {
    return (type.timezone ?? '') === '' ? 'timestamp_ntz' : 'timestamp';
  }
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? 'double' : 'float';
  if (DataType.isInt(type)) return integerOf(type.bitWidth + (type.isSigned ? 0 : 1));
  return null;
}

/** The least type with so many bits. */
function integerOf(bits: number): PrimitiveName | null {
  if (bits <= 8) return 'byte';
  if (bits <= 16) return 'short';
  if (bits <= 32) return 'integer';
  return bits <= 64 ? 'long' : null;
}
