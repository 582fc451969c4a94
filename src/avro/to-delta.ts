/** Delta's types for Avro's, as Spark's `from_avro` has them. */

import { unreachable } from '../base/index.ts';
import {
  BINARY,
  BOOLEAN,
  DATE,
  type DataType,
  decimalType,
  DOUBLE,
  FLOAT,
  INTEGER,
  LONG,
  STRING,
  type StructField,
  type StructType,
  TIMESTAMP,
  TIMESTAMP_NTZ,
} from '../schema/index.ts';
import { noColumn, notRecord } from './errors.ts';
import type { AvroLogical, AvroPrimitiveName, AvroRecord, AvroSchema } from './types.ts';

const DECIMAL_PRECISION_MAX = 38;

/** A type with its nullability: that of a union with `null` is true. */
export interface NullableType {
  readonly type: DataType;
  readonly nullable: boolean;
}

/**
 * The columns of a record: enums and uuids as STRING, fixed and bytes as BINARY, decimals by precision, dates, timestamps of
 * both units as TIMESTAMP, local ones as TIMESTAMP_NTZ, times as INT (milliseconds) and LONG (microseconds). A union with
 * null is nullable; one of several types is a STRUCT with the members `member0`, `member1`, … of which one is not null, but
 * int with long is LONG, and float with double is DOUBLE. Fields that can only be null are no columns.
 *
 * Errors: `AVRO_NOT_RECORD`, `AVRO_NO_COLUMN` (unsupported): arrays and maps of null, records without columns, decimals
 * of more than 38 digits.
 */
export function avroToDelta(schema: AvroSchema): StructType {
  if (schema.kind !== 'record') throw notRecord(schema.kind);
  return structOf(schema, '');
}

/** The type of a column, or null for what can only be null. `column` is for messages. */
export function columnType(schema: AvroSchema, column: string): NullableType | null {
  switch (schema.kind) {
    case 'null':
      return null;
    case 'record':
      return required(structOf(schema, `${column}.`));
    case 'enum':
      return required(STRING);
    case 'fixed':
      return required(schema.logical === null ? BINARY : logicalType(schema.logical, column));
    case 'array': {
      const { type, nullable } = part(schema.items, `${column}.element`);
      return required({ kind: 'array', element: type, containsNull: nullable });
    }
    case 'map': {
      const { type, nullable } = part(schema.values, `${column}.value`);
      return required({ kind: 'map', key: STRING, value: type, valueContainsNull: nullable });
    }
    case 'union':
      return unionType(schema.branches, column);
    default: {
      const { kind, logical } = schema;
      return required(logical === null ? PLAIN[kind] : logicalType(logical, column));
    }
  }
}

/** Branches that hold values, with the places they have in the union. */
export function valueBranches(
  branches: readonly AvroSchema[],
): readonly { readonly index: number; readonly branch: AvroSchema }[] {
  return branches
    .map((branch, index) => ({ index, branch }))
    .filter(({ branch }) => branch.kind !== 'null');
}

/** The fields of a record that are columns, with the places they have in the record. */
export function columnFields(record: AvroRecord): readonly number[] {
  return record.fields.flatMap(({ type }, index) => (isOnlyNull(type) ? [] : [index]));
}

function structOf(record: AvroRecord, prefix: string): StructType {
  const fields = record.fields.flatMap(({ name, type }): StructField[] => {
    const column = columnType(type, prefix + name);
    return column === null ? [] : [{ name, ...column, metadata: {} }];
  });
  if (fields.length === 0) throw noColumn(prefix, `the record ${record.name} has no columns`);
  return { kind: 'struct', fields };
}

function unionType(branches: readonly AvroSchema[], column: string): NullableType | null {
  const values = valueBranches(branches).map(({ branch }) => branch);
  const nullable = values.length < branches.length;
  const [first] = values;
  if (first === undefined) return null;
  if (values.length === 1) {
    const { type } = part(first, column);
    return { type, nullable };
  }
  const wider = widerOf(values);
  if (wider !== null) return { type: PLAIN[wider], nullable };
  const fields = values.map((branch, index) => {
    const name = `member${String(index)}`;
    return { name, type: part(branch, `${column}.${name}`).type, nullable: true, metadata: {} };
  });
  return { type: { kind: 'struct', fields }, nullable };
}

/** The one type that holds both members of a union of two plain numbers; null for other unions. */
export function widerOf(values: readonly AvroSchema[]): 'long' | 'double' | null {
  if (values.length !== 2) return null;
  const kinds = values.map((it) => ('logical' in it && it.logical === null ? it.kind : 'other'));
  if (kinds.includes('int') && kinds.includes('long')) return 'long';
  return kinds.includes('float') && kinds.includes('double') ? 'double' : null;
}

function isOnlyNull(type: AvroSchema): boolean {
  return type.kind === 'null' || (type.kind === 'union' && type.branches.every(isOnlyNull));
}

function part(schema: AvroSchema, column: string): NullableType {
  const type = columnType(schema, column);
  if (type === null) throw noColumn(column, 'what it holds can only be null');
  return type;
}

function logicalType(logical: AvroLogical, column: string): DataType {
  switch (logical.kind) {
    case 'decimal':
      if (logical.precision > DECIMAL_PRECISION_MAX) {
        throw noColumn(column, 'a decimal has 38 digits at most');
      }
      return decimalType(logical.precision, logical.scale);
    case 'date':
      return DATE;
    case 'uuid':
      return STRING;
    case 'time-millis':
      return INTEGER;
    case 'time-micros':
      return LONG;
    case 'timestamp-millis':
    case 'timestamp-micros':
      return TIMESTAMP;
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
      return TIMESTAMP_NTZ;
    default:
      return unreachable(logical);
  }
}

const PLAIN: Readonly<Record<Exclude<AvroPrimitiveName, 'null'>, DataType>> = {
  boolean: BOOLEAN,
  int: INTEGER,
  long: LONG,
  float: FLOAT,
  double: DOUBLE,
  bytes: BINARY,
  string: STRING,
};

function required(type: DataType): NullableType {
  return { type, nullable: false };
}
