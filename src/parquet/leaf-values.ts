/**
 * The columns of Arrow data as Parquet has them: leaves, each with the levels that say where it is null or repeats
 * (parquet.thrift and the paper on Dremel), and where its values stand, which are not copied.
 */

import type { Data, DataType as ArrowType, Dictionary, Field } from 'apache-arrow';

import type { ArrowModule } from './arrow-schema.ts';
import { unencodable } from './errors.ts';
import type { LogicalType, ParquetNode, PhysicalType } from './types.ts';

/** What a column is written as: a node of the schema, and how the data of its leaves is looked at. */
export type ColumnPlan =
  | { readonly kind: 'leaf'; readonly node: ParquetNode; readonly valuesOf: ValuesOf }
  | {
      readonly kind: 'struct';
      readonly node: ParquetNode;
      readonly children: readonly ColumnPlan[];
    }
  /** An array or a map: `item` is what repeats. */
  | { readonly kind: 'list'; readonly node: ParquetNode; readonly item: ColumnPlan };

/** Values that stand one after another: each in `width` bytes from its place times `stride` on, or by `offsets`. */
export interface LeafValues {
  readonly bytes: Uint8Array;
  readonly offsets: Int32Array | null;
  readonly stride: number;
  readonly width: number;
  /** Of data with a dictionary, which value each place has; null where each has its own. */
  readonly numbers: Int32Array | null;
}

type ValuesOf = (data: Data) => LeafValues;

/** Entries of a leaf: one for each value or null, also for an empty array. */
export interface LeafPiece {
  readonly values: LeafValues;
  readonly count: number;
  /** Null where all entries hold a value. */
  readonly definitions: Uint8Array | null;
  /** Null where each entry is a row. */
  readonly repetitions: Uint8Array | null;
  /** The place of the value of each entry that holds one; null where entries and places are the same. */
  readonly places: Int32Array | null;
}

/** How a field is written; null for types that are not written here. */
export function planColumn(arrow: ArrowModule, field: Field): ColumnPlan | null {
  return planOf(arrow, field.type, {
    name: field.name,
    repetition: field.nullable ? 'OPTIONAL' : 'REQUIRED',
  });
}

/** Whether dictionaries in the data are whole: of one piece, without nulls. */
export function hasWholeDictionaries({ dictionary, children }: Data): boolean {
  if (dictionary === undefined) return children.every(hasWholeDictionaries);
  const [own, ...others] = dictionary.data;
  return others.length === 0 && (own === undefined || own.nullCount === 0);
}

/** The leaves of `data`, in the order of the schema. Throws a plain error where a null is in what may not be null. */
export function leafPieces(plan: ColumnPlan, data: Data): LeafPiece[] {
  const pieces: LeafPiece[] = [];
  const root = { definitions: null, repetitions: null, places: null, count: data.length };
  visit(plan, data, { entries: root, level: 0, repetition: 0 }, pieces);
  return pieces;
}

type Place = Pick<ParquetNode, 'name' | 'repetition'>;

function planOf(arrow: ArrowModule, type: ArrowType, place: Place): ColumnPlan | null {
  const { DataType } = arrow;
  if (DataType.isStruct(type)) {
    const children = type.children.map((child) => planColumn(arrow, child));
    const known = children.filter((it) => it !== null);
    // A group needs a member.
    if (known.length < children.length || known.length === 0) return null;
    return { kind: 'struct', node: groupNode(place, null, known), children: known };
  }
  if (DataType.isMap(type) || DataType.isList(type)) {
    const [child] = type.children;
    const isMap = DataType.isMap(type);
    const item =
      child === undefined ? null : isMap ? entriesOf(arrow, child) : elementOf(arrow, child);
    if (item === null) return null;
    const repeated = isMap
      ? item.node
      : groupNode({ name: 'list', repetition: 'REPEATED' }, null, [item]);
    const node = groupNode(place, { kind: isMap ? 'map' : 'list' }, [{ node: repeated }]);
    return { kind: 'list', node, item };
  }
  const leaf = leafOf(arrow, type);
  return leaf === null
    ? null
    : { kind: 'leaf', node: leafNode(place, leaf), valuesOf: leaf.valuesOf };
}

function elementOf(arrow: ArrowModule, { type, nullable }: Field): ColumnPlan | null {
  return planOf(arrow, type, { name: 'element', repetition: nullable ? 'OPTIONAL' : 'REQUIRED' });
}

function entriesOf(arrow: ArrowModule, { type }: Field): ColumnPlan | null {
  const plan = planOf(arrow, type, { name: 'key_value', repetition: 'REPEATED' });
  if (plan?.kind !== 'struct' || plan.children.length !== 2) return null;
  const children = plan.children.map((child, index) => ({
    ...child,
    node: { ...child.node, name: index === 0 ? 'key' : 'value' },
  }));
  return { ...plan, node: groupNode(plan.node, null, children), children };
}

interface LeafType {
  readonly physicalType: PhysicalType;
  readonly logicalType: LogicalType | null;
  readonly typeLength: number | null;
  readonly valuesOf: ValuesOf;
}

function leafOf(arrow: ArrowModule, type: ArrowType): LeafType | null {
  const { DataType, Precision, TimeUnit, DateUnit } = arrow;
  const leaf = (
    physicalType: PhysicalType,
    logicalType: LogicalType | null,
    valuesOf: ValuesOf,
  ): LeafType => ({ physicalType, logicalType, typeLength: null, valuesOf });
  if (DataType.isDictionary(type)) return dictionaryLeaf(arrow, type);
  if (DataType.isUtf8(type)) return leaf('BYTE_ARRAY', { kind: 'string' }, variable);
  if (DataType.isBinary(type)) return leaf('BYTE_ARRAY', null, variable);
  if (DataType.isBool(type)) return leaf('BOOLEAN', null, bitsAsBytes);
  if (DataType.isInt(type) && type.isSigned) {
    if (type.bitWidth === 64) return leaf('INT64', null, fixed(8));
    if (type.bitWidth === 32) return leaf('INT32', null, fixed(4));
    const logical = { kind: 'integer', bitWidth: type.bitWidth, signed: true } as const;
    return leaf('INT32', logical, widened);
  }
  if (DataType.isFloat(type)) {
    if (type.precision === Precision.DOUBLE) return leaf('DOUBLE', null, fixed(8));
    return type.precision === Precision.SINGLE ? leaf('FLOAT', null, fixed(4)) : null;
  }
  if (DataType.isDate(type) && type.unit === DateUnit.DAY) {
    return leaf('INT32', { kind: 'date' }, fixed(4));
  }
  if (DataType.isTimestamp(type) && type.unit === TimeUnit.MICROSECOND) {
    const adjustedToUtc = (type.timezone ?? '') !== '';
    return leaf('INT64', { kind: 'timestamp', unit: 'us', adjustedToUtc }, fixed(8));
  }
  if (DataType.isDecimal(type) && type.bitWidth === 128) return decimalLeaf(type);
  return null;
}

function dictionaryLeaf(arrow: ArrowModule, { dictionary, indices }: Dictionary): LeafType | null {
  const leaf = leafOf(arrow, dictionary);
  if (leaf === null || leaf.physicalType === 'BOOLEAN' || indices.bitWidth !== 32) return null;
  const valuesOf = ({ values, dictionary: vector }: Data): LeafValues => {
    const [own] = vector?.data ?? [];
    return own === undefined ? NO_VALUES : { ...leaf.valuesOf(own), numbers: values };
  };
  return { ...leaf, valuesOf };
}

function decimalLeaf({ precision, scale }: { precision: number; scale: number }): LeafType {
  const logicalType = { kind: 'decimal', precision, scale } as const;
  if (precision <= 18) {
    const width = precision <= 9 ? 4 : 8;
    const physicalType = width === 4 ? 'INT32' : 'INT64';
    return { physicalType, logicalType, typeLength: null, valuesOf: fixed(width, 16) };
  }
  // The least bytes that hold so many digits and a sign.
  const width = Math.ceil((Math.log2(10) * precision + 1) / 8);
  const valuesOf = (data: Data): LeafValues => reversed(data, width);
  return { physicalType: 'FIXED_LEN_BYTE_ARRAY', logicalType, typeLength: width, valuesOf };
}

export const NO_VALUES: LeafValues = {
  bytes: new Uint8Array(0),
  offsets: new Int32Array(1),
  stride: 0,
  width: 0,
  numbers: null,
};

function variable({ values, valueOffsets }: Data): LeafValues {
  const bytes = bytesOf(values);
  return { bytes, offsets: valueOffsets, stride: 0, width: 0, numbers: null };
}

function fixed(width: number, stride = width): ValuesOf {
  return ({ values }) => ({ bytes: bytesOf(values), offsets: null, stride, width, numbers: null });
}

function widened({ values, length }: Data): LeafValues {
  const words = Int32Array.from({ length }, (_, index) => Number(values[index] ?? 0));
  return { bytes: bytesOf(words), offsets: null, stride: 4, width: 4, numbers: null };
}

function bitsAsBytes({ values, offset, length }: Data): LeafValues {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 1) bytes[index] = bitAt(values, offset + index);
  return { bytes, offsets: null, stride: 1, width: 1, numbers: null };
}

/** Decimals of 16 bytes, the lowest first, in `width` bytes, the highest first. */
function reversed({ values, length }: Data, width: number): LeafValues {
  const words = bytesOf(values);
  const bytes = new Uint8Array(length * width);
  for (let index = 0; index < length; index += 1) {
    for (let byte = 0; byte < width; byte += 1) {
      bytes[index * width + byte] = words[index * 16 + width - 1 - byte] ?? 0;
    }
  }
  return { bytes, offsets: null, stride: width, width, numbers: null };
}

function bytesOf(values: ArrayBufferView | undefined): Uint8Array {
  if (values === undefined) return new Uint8Array(0);
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

interface Entries {
  readonly count: number;
  readonly definitions: Uint8Array | null;
  readonly repetitions: Uint8Array | null;
  readonly places: Int32Array | null;
}

interface Depth {
  readonly entries: Entries;
  /** Definition level of an entry that is there so far. */
  readonly level: number;
  readonly repetition: number;
}

function visit(plan: ColumnPlan, data: Data, outer: Depth, pieces: LeafPiece[]): void {
  const depth = present(data, outer, plan.node);
  switch (plan.kind) {
    case 'leaf':
      pieces.push({ ...depth.entries, values: plan.valuesOf(data) });
      return;
    case 'struct':
      for (const [index, child] of plan.children.entries()) {
        const childData = data.children[index];
        if (childData !== undefined) visit(child, childData, depth, pieces);
      }
      return;
    case 'list': {
      const items = data.children[0];
      if (items !== undefined) visit(plan.item, items, repeated(data, depth), pieces);
    }
  }
}

/** Entries that are null in `data` end here. */
function present(data: Data, { entries, level, repetition }: Depth, node: ParquetNode): Depth {
  if (node.repetition !== 'OPTIONAL') {
    if (data.nullCount > 0) {
      const inside = (at: number): boolean =>
        entries.definitions === null || entries.definitions[at] === level;
      for (let at = 0; at < entries.count; at += 1) {
        if (
          inside(at) &&
          bitAt(data.nullBitmap, data.offset + (entries.places?.[at] ?? at)) === 0
        ) {
          throw unencodable(new Error(`${node.name} has a null, and may not be null`));
        }
      }
    }
    return { entries, level, repetition };
  }
  const { count, places } = entries;
  const { nullBitmap, offset } = data;
  const hasNulls = data.nullCount > 0;
  if (!hasNulls && entries.definitions === null) return { entries, level: level + 1, repetition };
  const definitions = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) {
    const before = entries.definitions === null ? level : (entries.definitions[at] ?? 0);
    const isPresent =
      before === level &&
      (!hasNulls || bitAt(nullBitmap, offset + (places === null ? at : (places[at] ?? 0))) === 1);
    definitions[at] = isPresent ? level + 1 : before;
  }
  return { entries: { ...entries, definitions }, level: level + 1, repetition };
}

/** An entry for each item, and one for each array that has none. */
function repeated(data: Data, { entries, level, repetition }: Depth): Depth {
  const offsets = data.valueOffsets;
  const isThere = (at: number): boolean =>
    entries.definitions === null || entries.definitions[at] === level;
  const placeOf = (at: number): number =>
    entries.places === null ? at : (entries.places[at] ?? 0);
  let count = 0;
  for (let at = 0; at < entries.count; at += 1) {
    const place = placeOf(at);
    const items = isThere(at) ? (offsets[place + 1] ?? 0) - (offsets[place] ?? 0) : 0;
    count += Math.max(1, items);
  }
  const definitions = new Uint8Array(count);
  const repetitions = new Uint8Array(count);
  const places = new Int32Array(count);
  let entry = 0;
  for (let at = 0; at < entries.count; at += 1) {
    const own = entries.repetitions === null ? 0 : (entries.repetitions[at] ?? 0);
    const first = offsets[placeOf(at)] ?? 0;
    const end = isThere(at) ? (offsets[placeOf(at) + 1] ?? 0) : first;
    if (end === first) {
      definitions[entry] = entries.definitions === null ? level : (entries.definitions[at] ?? 0);
      repetitions[entry] = own;
      entry += 1;
    }
    for (let item = first; item < end; item += 1, entry += 1) {
      definitions[entry] = level + 1;
      repetitions[entry] = item === first ? own : repetition + 1;
      places[entry] = item;
    }
  }
  const inner = { count, definitions, repetitions, places };
  return { entries: inner, level: level + 1, repetition: repetition + 1 };
}

function bitAt(bits: Uint8Array, index: number): number {
  return ((bits[index >> 3] ?? 0) >> (index & 7)) & 1;
}

function groupNode(
  { name, repetition }: Place,
  logicalType: LogicalType | null,
  children: readonly { readonly node: ParquetNode }[],
): ParquetNode {
  return {
    name,
    repetition,
    physicalType: null,
    typeLength: null,
    logicalType,
    fieldId: null,
    children: children.map(({ node }) => node),
  };
}

function leafNode({ name, repetition }: Place, leaf: LeafType): ParquetNode {
  const { physicalType, typeLength, logicalType } = leaf;
  return { name, repetition, physicalType, typeLength, logicalType, fieldId: null, children: [] };
}
