/**
 * What is known of an expression's values over the rows of one file: an outer bound of them all. Every function here
 * may claim too much of what can be, never too little; skipping files is sound because of that.
 */

import { compareScalars } from './compare.ts';
import { powerOfTen, printDecimal } from './number-text.ts';
import { readPartitionValue } from './partition-value.ts';
import type { ColumnStatistics } from './statistics.ts';
import { BOOLEAN } from './structure.ts';
import { dayToMicros, microsToDay } from './time-text.ts';
import type { DataType, Scalar, StructField } from './types.ts';

export interface ValueRange {
  /** Null where the values' order is not known: then the bounds say nothing. */
  readonly type: DataType | null;
  /** Of the values that are neither null nor NaN, inclusive; null where unknown. */
  readonly min: Scalar | null;
  readonly max: Scalar | null;
  /** NaN, which is greater than every number, may be among the values. */
  readonly hasNaN: boolean;
  /** Some row may give null. */
  readonly hasNull: boolean;
  /** Some row may give something else than null. */
  readonly hasValue: boolean;
}

/** What a boolean expression may give in some row. */
export interface Outcomes {
  readonly canTrue: boolean;
  readonly canFalse: boolean;
  readonly canNull: boolean;
}

export const ANY_OUTCOME: Outcomes = { canTrue: true, canFalse: true, canNull: true };

export const ANY_VALUE: ValueRange = {
  type: null,
  min: null,
  max: null,
  hasNaN: true,
  hasNull: true,
  hasValue: true,
};

/** One value in every row. */
export function singleRange(value: Scalar | null, type: DataType): ValueRange {
  const hasValue = value !== null;
  const hasNaN = Number.isNaN(value);
  return { type, min: value, max: value, hasNaN, hasNull: !hasValue, hasValue };
}

/** The values of a column, of whose statistics `file` says how many rows they are of; `nested` in a struct. */
export function columnRange(
  field: StructField,
  statistics: ColumnStatistics | null,
  file: { readonly rowCount: number | null; readonly nested: boolean },
): ValueRange {
  const { type } = field;
  const isFloating = kindOf(type) === 'floating';
  const nullCount = statistics?.nullCount ?? null;
  const range = {
    hasNaN: isFloating,
    // Not every writer counts a field as null where the struct around it is.
    hasNull: nullCount !== 0 || file.nested,
    hasValue: nullCount === null || nullCount !== file.rowCount,
  };
  const min = statistics?.min ?? null;
  const max = statistics?.max ?? null;
  return hasOtherOrder(field) ? { ...ANY_VALUE, ...range } : { ...range, type, min, max };
}

export function toOutcomes(range: ValueRange): Outcomes {
  const known = range.type !== null && kindOf(range.type) === 'boolean';
  return {
    canTrue: range.hasValue && !(known && range.max === false),
    canFalse: range.hasValue && !(known && range.min === true),
    canNull: range.hasNull,
  };
}

export function fromOutcomes({ canTrue, canFalse, canNull }: Outcomes): ValueRange {
  return {
    type: BOOLEAN,
    min: !canFalse,
    max: canTrue,
    hasNaN: false,
    hasNull: canNull,
    hasValue: canTrue || canFalse,
  };
}

/** The values after a cast that keeps the order and loses no bound; null for every other cast. */
export function castRange(range: ValueRange, type: DataType): ValueRange | null {
  const from = range.type === null ? null : kindOf(range.type);
  const to = kindOf(type);
  if (from === null || range.type === null) return null;
  if (from === 'text' && to !== 'text') return readText(range, type);
  if (from === to && from !== 'integral' && from !== 'decimal' && from !== 'floating') return range;
  if (from === 'timestamp' && to === 'date') {
    return mapBounds(range, type, (bound) => microsToDay(toBigInt(bound)));
  }
  if (from === 'date' && (to === 'timestamp' || to === 'wallClock')) {
    return mapBounds(range, type, (bound) => dayToMicros(Number(bound)));
  }
  if (from === 'integral' && type.kind === 'primitive' && type.name === 'long') {
    return mapBounds(range, type, toBigInt);
  }
  return null;
}

/**
 * Both ranges with bounds that compare with each other, by Spark's implicit casts; null where those are not known to
 * keep the order.
 */
export function alignRanges(
  left: ValueRange,
  right: ValueRange,
): readonly [ValueRange, ValueRange] | null {
  if (left.type === null || right.type === null) return null;
  const [one, other] = [kindOf(left.type), kindOf(right.type)];
  if (one === null || other === null) return null;
  if (isNumeric(one) && isNumeric(other)) return alignNumbers(left, right);
  if (one === other) return [left, right];
  if (one === 'date' && other === 'timestamp') return alignWith(castRange(left, right.type), right);
  if (one === 'timestamp' && other === 'date') return swap(alignRanges(right, left));
  if (one === 'text') return alignWith(readText(left, right.type), right);
  return other === 'text' ? swap(alignRanges(right, left)) : null;
}

/** True where every value is the same one, and is known. */
export function isSingle(range: ValueRange): boolean {
  const { min, max } = range;
  return !range.hasNaN && min !== null && max !== null && compareScalars(min, max) === 0;
}

type Kind =
  | 'integral'
  | 'decimal'
  | 'floating'
  | 'text'
  | 'boolean'
  | 'bytes'
  | 'date'
  | 'timestamp'
  | 'wallClock';

function kindOf(type: DataType): Kind | null {
  if (type.kind === 'decimal') return 'decimal';
  return type.kind === 'primitive' ? (KINDS[type.name] ?? null) : null;
}

const KINDS: Readonly<Record<string, Kind>> = {
  byte: 'integral',
  short: 'integral',
  integer: 'integral',
  long: 'integral',
  float: 'floating',
  double: 'floating',
  string: 'text',
  boolean: 'boolean',
  binary: 'bytes',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_ntz: 'wallClock',
};

/** Collations and blank-padded CHAR compare by other rules than bytes. */
function hasOtherOrder(field: StructField): boolean {
  return '__COLLATIONS' in field.metadata || '__CHAR_VARCHAR_TYPE_STRING' in field.metadata;
}

function isNumeric(kind: Kind): boolean {
  return kind === 'integral' || kind === 'decimal' || kind === 'floating';
}

function alignNumbers(left: ValueRange, right: ValueRange): readonly [ValueRange, ValueRange] {
  const [one, other] = [left.type, right.type];
  if (one === null || other === null) return [left, right];
  if (kindOf(one) === 'floating' || kindOf(other) === 'floating') {
    const same = one.kind === 'primitive' && other.kind === 'primitive' && one.name === other.name;
    return same ? [left, right] : [toFloating(left, one), toFloating(right, other)];
  }
  if (one.kind !== 'decimal' && other.kind !== 'decimal') return [left, right];
  const scale = Math.max(scaleOf(one), scaleOf(other));
  const scaled = (range: ValueRange, type: DataType): ValueRange =>
    mapBounds(range, type, (bound) => toBigInt(bound) * powerOfTen(scale - scaleOf(type)));
  return [scaled(left, one), scaled(right, other)];
}

function scaleOf(type: DataType): number {
  return type.kind === 'decimal' ? type.scale : 0;
}

/**
 * Where kinds of numbers mix, engines compare as double or as float, and round on the way: the bounds are widened to
 * hold whatever either makes of the values.
 */
function toFloating(range: ValueRange, type: DataType): ValueRange {
  const widened = (bound: Scalar | null, pick: (...bounds: number[]) => number): number | null => {
    if (bound === null) return null;
    const text = type.kind === 'decimal' ? printDecimal(toBigInt(bound), type.scale) : bound;
    const double = Number(text);
    return pick(double, Math.fround(double));
  };
  return { ...range, min: widened(range.min, Math.min), max: widened(range.max, Math.max) };
}

/** A single text as a value of another type; null where the engines may not agree on what it stands for. */
function readText(range: ValueRange, type: DataType): ValueRange | null {
  const kind = kindOf(type);
  if (kind === 'decimal' || kind === 'boolean' || kind === 'bytes' || kind === null) return null;
  if (!isSingle(range) || typeof range.min !== 'string' || range.min === '') return null;
  const value = readPartitionValue(range.min, type);
  return value === null ? null : { ...singleRange(value, type), hasNull: range.hasNull };
}

function mapBounds(
  range: ValueRange,
  type: DataType,
  convert: (bound: Scalar) => Scalar,
): ValueRange {
  return {
    ...range,
    type,
    min: range.min === null ? null : convert(range.min),
    max: range.max === null ? null : convert(range.max),
  };
}

function toBigInt(bound: Scalar): bigint {
  return typeof bound === 'bigint' ? bound : BigInt(Number(bound));
}

function alignWith(
  left: ValueRange | null,
  right: ValueRange,
): readonly [ValueRange, ValueRange] | null {
  return left === null ? null : alignRanges(left, right);
}

function swap(
  pair: readonly [ValueRange, ValueRange] | null,
): readonly [ValueRange, ValueRange] | null {
  return pair === null ? null : [pair[1], pair[0]];
}
