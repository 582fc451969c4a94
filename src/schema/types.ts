/** Delta's types. PROTOCOL.md, "Schema Serialization Format". */

import type { JsonValue } from '../base/index.ts';

/** Types written as one word. `void` columns are never in Parquet. */
export type PrimitiveName =
  | 'string'
  | 'long'
  | 'integer'
  | 'short'
  | 'byte'
  | 'float'
  | 'double'
  | 'boolean'
  | 'binary'
  | 'date'
  | 'timestamp'
  | 'timestamp_ntz'
  | 'variant'
  | 'void';

export interface PrimitiveType {
  readonly kind: 'primitive';
  readonly name: PrimitiveName;
}

export interface DecimalType {
  readonly kind: 'decimal';
  /** 1 to 38. */
  readonly precision: number;
  /** 0 to `precision`. */
  readonly scale: number;
}

export interface StructField {
  readonly name: string;
  readonly type: DataType;
  readonly nullable: boolean;
  /** Kept whole, unknown keys too. */
  readonly metadata: Readonly<Record<string, JsonValue>>;
}

export interface StructType {
  readonly kind: 'struct';
  readonly fields: readonly StructField[];
}

export interface ArrayType {
  readonly kind: 'array';
  readonly element: DataType;
  readonly containsNull: boolean;
}

export interface MapType {
  readonly kind: 'map';
  readonly key: DataType;
  readonly value: DataType;
  readonly valueContainsNull: boolean;
}

export type DataType = PrimitiveType | DecimalType | StructType | ArrayType | MapType;

/**
 * A value of a primitive or decimal type, in the form that compares exactly:
 * boolean → `boolean`; byte, short, integer, float, double → `number`; long → `bigint`; decimal → `bigint`, unscaled;
 * string → `string`; binary → `Uint8Array`; date → `number`, days since 1970-01-01; timestamp, timestamp_ntz →
 * `bigint`, microseconds since 1970-01-01T00:00:00 (UTC, or the zoneless wall clock).
 */
export type Scalar = boolean | number | bigint | string | Uint8Array;

/**
 * A value as users hand it in and get it back in rows:
 * long → `bigint` (a safe-integer `number` is accepted); decimal → `string` with exactly `scale` fraction digits
 * (`number` and `bigint` are accepted); date → `'YYYY-MM-DD'` (`Date` is accepted, its UTC day); timestamp →
 * `'YYYY-MM-DDTHH:MM:SS.ffffffZ'` (`Date`, other ISO texts, and `bigint` microseconds are accepted; text without a
 * zone is UTC); timestamp_ntz the same without `Z`; struct → object; array → array; map → array of `[key, value]`
 * (`Map` is accepted); everything else as in `Scalar`.
 */
export type RowValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Date
  | readonly RowValue[]
  | ReadonlyMap<RowValue, RowValue>
  | { readonly [field: string]: RowValue | undefined };

/** One row by column name. A missing column is null. */
export type Row = { readonly [column: string]: RowValue | undefined };
