/** The columns that a decoder fills, as a tree, and what Arrow gets of them. */

import type * as Arrow from 'apache-arrow';
import type { Data, DataType as ArrowType } from 'apache-arrow';

import { assert, present, unreachable } from '../base/index.ts';
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

/** The first `count` places as Arrow data of `type`, in the memory of the columns. */
export function columnData<T extends ArrowType>(
  arrow: typeof Arrow,
  column: Column,
  as: { readonly type: T; readonly count: number },
): Data<T> {
  const { type, count } = as;
  const { nullCount, bits } = column.validity?.finish(count) ?? { nullCount: 0, bits: null };
  const { data, offsets } = contentOf(column, count);
  // By `BufferType`: offsets, data, validity.
  const buffers = {
    ...(offsets === null ? {} : { 0: offsets }),
    ...(data === null ? {} : { 1: data }),
    ...(bits === null ? {} : { 2: bits }),
  };
  const children = childrenOf(arrow, column, { type, count: offsets?.at(-1) ?? count });
  return new arrow.Data(type, 0, count, nullCount, buffers, children);
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
  return isMap ? [new arrow.Data(type, 0, count, 0, {}, children)] : children;
}

function contentOf(
  { content, type }: Column,
  count: number,
): { readonly data: ArrayBufferView | null; readonly offsets: Int32Array | null } {
  if (content === null) return { data: null, offsets: null };
  if (content instanceof OffsetColumn) return { data: null, offsets: content.finish(count) };
  if (content instanceof BytesColumn) return content.finish(count);
  if (content instanceof BooleanColumn) return { data: content.finish(count), offsets: null };
  return { data: numbersOf(content.finish(count), type), offsets: null };
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
