/** Arrow batches as plain objects. */

import type { Data, RecordBatch } from 'apache-arrow';
import type * as Arrow from 'apache-arrow';

/** The rows of a batch, made one by one, or those of `indices`; values as `readRows` says. */
export function* rowsOfBatch(
  arrow: typeof Arrow,
  batch: RecordBatch,
  indices: Iterable<number> | null = null,
): Generator<Record<string, unknown>> {
  const row = structReader(arrow, batch.data);
  if (indices !== null) for (const index of indices) yield row(index);
  else for (let index = 0; index < batch.numRows; index += 1) yield row(index);
}

type ValueReader = (index: number) => unknown;

/** A reader of nullable values; Arrow's own row objects are proxies, which cost ten times as much. */
function valueReader(arrow: typeof Arrow, data: Data): ValueReader {
  const read = presentReader(arrow, data);
  return data.nullCount === 0 ? read : (index) => (data.getValid(index) ? read(index) : null);
}

function presentReader(arrow: typeof Arrow, data: Data): ValueReader {
  const { DataType } = arrow;
  const { type } = data;
  if (DataType.isStruct(type)) return structReader(arrow, data);
  if (DataType.isMap(type)) return mapReader(arrow, data);
  if (DataType.isList(type)) return listReader(arrow, data);
  if (DataType.isDecimal(type)) return decimalReader(data);
  // Arrow's getters turn these into doubles of milliseconds.
  if (DataType.isTimestamp(type) || DataType.isDate(type) || DataType.isTime(type)) {
    const { values } = data;
    return (index) => values[index];
  }
  if (DataType.isUtf8(type)) return textReader(data);
  if (DataType.isDictionary(type)) return dictionaryReader(arrow, data);
  const vector = new arrow.Vector([data]);
  return (index) => vector.get(index);
}

function structReader(arrow: typeof Arrow, data: Data): (index: number) => Record<string, unknown> {
  const members = data.type.children.map((field, position) => {
    const child = data.children[position];
    return { name: field.name, read: child === undefined ? nothing : valueReader(arrow, child) };
  });
  return (index) => {
    const row: Record<string, unknown> = {};
    for (const { name, read } of members) define(row, name, read(index));
    return row;
  };
}

function mapReader(arrow: typeof Arrow, data: Data): ValueReader {
  const [keyData, valueData] = data.children[0]?.children ?? [];
  if (keyData === undefined || valueData === undefined) return nothing;
  const key = valueReader(arrow, keyData);
  const value = valueReader(arrow, valueData);
  if (!isText(arrow, keyData.type)) {
    return spanReader(data, (index) => [key(index), value(index)]);
  }
  const { valueOffsets } = data;
  return (index) => {
    const map: Record<string, unknown> = {};
    const end = Number(valueOffsets[index + 1]);
    for (let at = Number(valueOffsets[index]); at < end; at += 1) {
      define(map, String(key(at)), value(at));
    }
    return map;
  };
}

function dictionaryReader(arrow: typeof Arrow, data: Data): ValueReader {
  const [values, ...others] = data.dictionary?.data ?? [];
  if (values === undefined || others.length > 0) {
    const vector = new arrow.Vector([data]);
    return (index) => vector.get(index);
  }
  const read = valueReader(arrow, values);
  return (index) => read(Number(data.values[index]));
}

function isText({ DataType }: typeof Arrow, type: Arrow.DataType): boolean {
  return DataType.isUtf8(DataType.isDictionary(type) ? type.dictionary : type);
}

/** Assignment to `__proto__` would not make a member. */
function define(record: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') record[name] = value;
  else {
    const options = { enumerable: true, configurable: true, writable: true };
    Object.defineProperty(record, name, { value, ...options });
  }
}

function listReader(arrow: typeof Arrow, data: Data): ValueReader {
  const [child] = data.children;
  return child === undefined ? nothing : spanReader(data, valueReader(arrow, child));
}

/** Reads the children between two offsets. */
function spanReader<T>(data: Data, read: (index: number) => T): (index: number) => readonly T[] {
  const { valueOffsets } = data;
  return (index) => {
    const items: T[] = [];
    const end = Number(valueOffsets[index + 1]);
    for (let at = Number(valueOffsets[index]); at < end; at += 1) items.push(read(at));
    return items;
  };
}

function textReader(data: Data): ValueReader {
  const { buffer, byteOffset, byteLength }: Uint8Array = data.values;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const offsets: Int32Array = data.valueOffsets;
  return (index) => bytes.toString('utf8', offsets[index], offsets[index + 1]);
}

/** Unscaled, as `bigint`, from 32-bit words, the least significant first. */
function decimalReader(data: Data): ValueReader {
  const words: Uint32Array = data.values;
  const { stride } = data;
  return (index) => {
    let unscaled = 0n;
    for (let word = stride - 1; word >= 0; word -= 1) {
      unscaled = (unscaled << 32n) | BigInt(words[index * stride + word] ?? 0);
    }
    return BigInt.asIntN(stride * 32, unscaled);
  };
}

function nothing(): null {
  return null;
}
