/** The columns that a decoder fills, as a tree, and what Arrow gets of them. */

import type * as Arrow from 'apache-arrow';
import type { Data, DataType as ArrowType, Field } from 'apache-arrow';

import { assert, present, unreachable } from '../base/index.ts';
import { dictionaryData } from '../parquet/index.ts';
import type { DataType } from '../schema/index.ts';
import type { ByteReader } from './byte-reader.ts';
import { BytesColumn } from './bytes-column.ts';
import { type Growing, Level } from './level.ts';
import { packBits, Validity } from './validity.ts';
import { WordColumn } from './word-column.ts';

/** What holds the values of one column; structs have none of their own. */
export type Content = WordColumn | BytesColumn | BooleanColumn | OffsetColumn;

export interface Column {
  readonly type: DataType;
  /** Null where a value is never missing. */
  readonly validity: Validity | null;
  readonly content: Content | null;
  /** Of a struct its members, of an array its items, of a map its keys and values. */
  readonly children: readonly Column[];
  /** That of the items; null where children have the places of the column itself. */
  readonly items: Level | null;
}

export interface ColumnLimits {
  readonly reader: ByteReader;
  /** For the values of one column, and for all columns of one level. */
  readonly bytesMax: number;
}

export function columnTree(
  limits: ColumnLimits,
  level: Level,
  of: { readonly type: DataType; readonly nullable: boolean },
): Column {
  const { type } = of;
  const validity = of.nullable ? added(level, new Validity()) : null;
  const base = { type, validity, content: null, children: [], items: null };
  const inside = (items: Level, child: DataType, nullable: boolean): Column =>
    columnTree(limits, items, { type: child, nullable });
  switch (type.kind) {
    case 'primitive':
    case 'decimal':
      return { ...base, content: added(level, scalarContent(limits, type)) };
    case 'struct':
      return { ...base, children: type.fields.map((it) => inside(level, it.type, it.nullable)) };
    case 'array': {
      const items = new Level(limits.reader, limits.bytesMax);
      const children = [inside(items, type.element, type.containsNull)];
      return { ...base, content: added(level, new OffsetColumn()), children, items };
    }
    case 'map': {
      const items = new Level(limits.reader, limits.bytesMax);
      const value = inside(items, type.value, type.valueContainsNull);
      const children = [inside(items, type.key, false), value];
      return { ...base, content: added(level, new OffsetColumn()), children, items };
    }
    default:
      return unreachable(type);
  }
}

function added<T extends Growing>(level: Level, column: T): T {
  level.add(column);
  return column;
}

function scalarContent(limits: ColumnLimits, type: DataType): Content {
  if (type.kind === 'decimal') return new WordColumn(4, type.precision);
  assert(type.kind === 'primitive', 'a nested column has no scalars');
  switch (type.name) {
    case 'string':
    case 'binary':
      return new BytesColumn(limits.bytesMax);
    case 'boolean':
      return new BooleanColumn();
    case 'long':
    case 'double':
    case 'timestamp':
    case 'timestamp_ntz':
      return new WordColumn(2);
    default:
      return new WordColumn(1);
  }
}

export class BooleanColumn implements Growing {
  readonly placeBytes = 1;
  #bytes = new Uint8Array(0);

  grow(capacity: number, taken: number): void {
    const larger = new Uint8Array(capacity);
    larger.set(this.#bytes.subarray(0, taken));
    this.#bytes = larger;
  }

  boolean(reader: ByteReader, place: number): void {
    this.#bytes[place] = reader.boolean();
  }

  clear(place: number): void {
    this.#bytes[place] = 0;
  }

  finish(count: number): Uint8Array {
    return packBits(this.#bytes, count);
  }
}

/** Where the items of each array or map end; the first ones start at 0. */
export class OffsetColumn implements Growing {
  readonly placeBytes = 4;
  #offsets = new Int32Array(1);

  grow(capacity: number, taken: number): void {
    const larger = new Int32Array(capacity + 1);
    larger.set(this.#offsets.subarray(0, taken + 1));
    this.#offsets = larger;
  }

  start(place: number): number {
    return this.#offsets[place] ?? 0;
  }

  end(place: number, end: number): void {
    this.#offsets[place + 1] = end;
  }

  clear(place: number): void {
    this.end(place, this.start(place));
  }

  finish(count: number): Int32Array {
    return this.#offsets.subarray(0, count + 1);
  }
}

/** The first `count` places as Arrow data, in the memory of the columns; of `type`, or where it repeats a dictionary of it. */
export function columnData(
  arrow: typeof Arrow,
  column: Column,
  as: { readonly type: ArrowType; readonly count: number },
): Data {
  const { type, count } = as;
  const { content } = column;
  const { nullCount, bits } = column.validity?.finish(count) ?? { nullCount: 0, bits: null };
  const valid = bits === null ? {} : { 2: bits };
  if (content instanceof BytesColumn) {
    const bytes = content.finish(arrow, type, count);
    if (bytes.dictionary !== null) {
      return dictionaryData(arrow, bytes.dictionary, { numbers: bytes.numbers, nullCount, bits });
    }
    const buffers = { 0: bytes.offsets, 1: bytes.data, ...valid };
    return new arrow.Data(type, 0, count, nullCount, buffers);
  }
  if (content === null || content instanceof OffsetColumn) {
    const offsets = content?.finish(count) ?? null;
    const children = childrenOf(arrow, column, { type, count: offsets?.at(-1) ?? count });
    const buffers = { ...(offsets === null ? {} : { 0: offsets }), ...valid };
    return new arrow.Data(
      withChildren(arrow, type, children),
      0,
      count,
      nullCount,
      buffers,
      children,
    );
  }
  const data =
    content instanceof BooleanColumn
      ? content.finish(count)
      : numbersOf(content.finish(count), column.type);
  return new arrow.Data(type, 0, count, nullCount, { 1: data, ...valid });
}

function childrenOf(
  arrow: typeof Arrow,
  column: Column,
  as: { readonly type: ArrowType; readonly count: number },
): Data[] {
  const { count } = as;
  const isMap = column.type.kind === 'map';
  // The children of a map are those of its entries, which have no column here.
  const type = isMap ? childType(as.type, 0) : as.type;
  const children = column.children.map((child, index) =>
    columnData(arrow, child, { type: childType(type, index), count }),
  );
  if (!isMap) return children;
  return [new arrow.Data(withChildren(arrow, type, children), 0, count, 0, {}, children)];
}

/** The nested type, with the types that its children have come to have. */
function withChildren(arrow: typeof Arrow, type: ArrowType, children: readonly Data[]): ArrowType {
  const fields = type.children.map((field: Field, index: number) =>
    field.clone({ type: present(children[index]?.type, 'the type of a nested column') }),
  );
  const [only] = fields;
  if (only === undefined || arrow.DataType.isStruct(type)) return new arrow.Struct(fields);
  if (!arrow.DataType.isMap(type)) return new arrow.List(only);
  const entries = new arrow.Struct<{ key: ArrowType; value: ArrowType }>(only.type.children);
  return new arrow.Map_(new arrow.Field(only.name, entries, only.nullable), type.keysSorted);
}

/** The words as the array that Arrow has for the type. */
function numbersOf(words: Int32Array<ArrayBuffer>, type: DataType): ArrayBufferView {
  const { buffer, length } = words;
  if (type.kind === 'decimal') return new Uint32Array(buffer, 0, length);
  assert(type.kind === 'primitive', 'a nested column has no numbers');
  switch (type.name) {
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return new BigInt64Array(buffer, 0, length / 2);
    case 'double':
      return new Float64Array(buffer, 0, length / 2);
    case 'float':
      return new Float32Array(buffer, 0, length);
    default:
      return words;
  }
}

function childType(type: ArrowType, index: number): ArrowType {
  return present(type.children[index]?.type, 'the Arrow type of a nested column');
}
