/** The least and the greatest value of a column chunk, as the footer has them (parquet.thrift, `Statistics`, `ColumnOrder`). */

import { isUtf8 } from 'node:buffer';

import type { ParquetNode } from './types.ts';

/** Longer bounds are shortened, to one that still holds. */
const BOUND_BYTES_MAX = 64;
const TWO_32 = 2 ** 32;

type Compare = (left: Value, right: Value) => number;

/** Bytes `start` to `end` of what `view` shows. */
class Value {
  view: DataView = new DataView(new ArrayBuffer(0));
  start = 0;
  end = 0;

  set(view: DataView, start: number, end: number): void {
    this.view = view;
    this.start = start;
    this.end = end;
  }
}

export class ValueBounds {
  readonly #node: ParquetNode;
  readonly #order: Order;
  /** Of values that have the same number. */
  readonly #compare: Compare;
  #isEmpty = true;
  #hasNan = false;
  readonly #least = new Value();
  readonly #greatest = new Value();
  /** The numbers of the bounds. */
  #leastNumber = 0;
  #greatestNumber = 0;
  /** Used again for each value. */
  readonly #value = new Value();

  constructor(node: ParquetNode) {
    this.#node = node;
    this.#order = orderOf(node);
    this.#compare = compareOf(node);
  }

  /** Takes a value of `view`, whose bytes must not change until the bounds have been asked for. */
  add(view: DataView, start: number, end: number): void {
    const number = numberOf(this.#order, view, start, end);
    // Most values lie between the bounds.
    if (number > this.#leastNumber && number < this.#greatestNumber) return;
    if (Number.isNaN(number)) {
      this.#hasNan = true;
      return;
    }
    this.#value.set(view, start, end);
    if (this.#isEmpty || this.#isBefore(number, this.#leastNumber, this.#value, this.#least)) {
      this.#least.set(view, start, end);
      this.#leastNumber = number;
    }
    if (
      this.#isEmpty ||
      this.#isBefore(this.#greatestNumber, number, this.#greatest, this.#value)
    ) {
      this.#greatest.set(view, start, end);
      this.#greatestNumber = number;
    }
    this.#isEmpty = false;
  }

  /** As `add`, each value of `width` bytes from `start` to `end`. */
  addEach(view: DataView, start: number, end: number, width: number): void {
    for (let at = start; at < end; at += width) this.add(view, at, at + width);
  }

  #isBefore(leftNumber: number, rightNumber: number, left: Value, right: Value): boolean {
    return (
      leftNumber < rightNumber || (leftNumber === rightNumber && this.#compare(left, right) < 0)
    );
  }

  /**
   * Null where there is no value, or no bound that is short enough. A NaN is in no order of the format, and greater than all in that of
   * engines, which skip row groups by bounds: where there is one there are none.
   */
  bounds(): { readonly min: Uint8Array | null; readonly max: Uint8Array | null } {
    if (this.#isEmpty || this.#hasNan) return { min: null, max: null };
    const min = bytesOf(this.#least);
    const max = bytesOf(this.#greatest);
    if (this.#order === 'float') return { min: signedZero(min, 0x80), max: signedZero(max, 0) };
    if (this.#node.physicalType !== 'BYTE_ARRAY') return { min, max };
    return { min: shortened(min, this.#node), max: raised(max, this.#node) };
  }
}

/** How a value becomes a number, in whose order values are; `none` where all have the same. */
type Order = 'int32' | 'int64' | 'float' | 'bytes' | 'none';

function orderOf({ physicalType, logicalType }: ParquetNode): Order {
  switch (physicalType) {
    case 'INT32':
      return 'int32';
    case 'INT64':
      return 'int64';
    case 'FLOAT':
    case 'DOUBLE':
      return 'float';
    case 'BYTE_ARRAY':
      return logicalType?.kind === 'decimal' ? 'none' : 'bytes';
    default:
      return 'none';
  }
}

function numberOf(order: Order, view: DataView, start: number, end: number): number {
  switch (order) {
    case 'int32':
      return view.getInt32(start, true);
    case 'int64':
      // Rounded, which keeps the order: of two values that become the same number the bytes decide.
      return view.getInt32(start + 4, true) * TWO_32 + view.getUint32(start, true);
    case 'float':
      return end - start === 4 ? view.getFloat32(start, true) : view.getFloat64(start, true);
    case 'bytes':
      return firstWord(view, start, end);
    default:
      return 0;
  }
}

function compareOf({ physicalType, logicalType }: ParquetNode): Compare {
  switch (physicalType) {
    case 'INT32':
    case 'FLOAT':
    case 'DOUBLE':
      return () => 0;
    case 'INT64':
      return (left, right) =>
        left.view.getInt32(left.start + 4, true) - right.view.getInt32(right.start + 4, true) ||
        left.view.getUint32(left.start, true) - right.view.getUint32(right.start, true);
    default:
      return logicalType?.kind === 'decimal' ? compareSigned : compareBytes;
  }
}

function compareBytes(left: Value, right: Value): number {
  const length = Math.min(left.end - left.start, right.end - right.start);
  for (let index = 0; index < length; index += 1) {
    const difference =
      left.view.getUint8(left.start + index) - right.view.getUint8(right.start + index);
    if (difference !== 0) return difference;
  }
  return left.end - left.start - (right.end - right.start);
}

/** Two's complement of the same length, the highest byte first. */
function compareSigned(left: Value, right: Value): number {
  return (
    left.view.getInt8(left.start) - right.view.getInt8(right.start) || compareBytes(left, right)
  );
}

/** The first four bytes, in whose order values are; missing ones count as zero. */
function firstWord(view: DataView, start: number, end: number): number {
  if (end - start >= 4) return view.getUint32(start);
  let word = 0;
  for (let at = start; at < start + 4; at += 1)
    word = word * 256 + (at < end ? view.getUint8(at) : 0);
  return word;
}

function bytesOf({ view, start, end }: Value): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + start, end - start).slice();
}

/** A zero stands for both: the bound takes the one that holds both. `sign` is its highest byte. */
function signedZero(bound: Uint8Array, sign: number): Uint8Array {
  const last = bound.length - 1;
  const isZero = bound.every((byte, index) => byte === 0 || (index === last && byte === 0x80));
  if (!isZero) return bound;
  bound[last] = sign;
  return bound;
}

function shortened(bound: Uint8Array, node: ParquetNode): Uint8Array {
  return bound.length <= BOUND_BYTES_MAX ? bound : bound.slice(0, cutOf(bound, node));
}

/** Where at most so many bytes end, not within a character. */
function cutOf(bound: Uint8Array, { logicalType }: ParquetNode): number {
  let end = BOUND_BYTES_MAX;
  if (logicalType?.kind === 'string') while (((bound[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}

/** What is greater than all that begins like a bound that is too long; null where there is nothing. */
function raised(bound: Uint8Array, node: ParquetNode): Uint8Array | null {
  if (bound.length <= BOUND_BYTES_MAX) return bound;
  const start = bound.subarray(0, cutOf(bound, node));
  if (node.logicalType?.kind === 'string') return raisedText(start);
  const last = start.findLastIndex((byte) => byte < 0xff);
  if (last === -1) return null;
  const raisedBytes = start.slice(0, last + 1);
  raisedBytes[last] = (start[last] ?? 0) + 1;
  return raisedBytes;
}

/** The next one takes a byte more, or is none. */
const LAST_OF_LENGTH: ReadonlySet<number> = new Set([0x7f, 0x7ff, 0xffff, 0x10_ffff]);
/** The last code point before those of surrogates, which stand in no text, and the first one after them. */
const BEFORE_SURROGATES = 0xd7ff;
const AFTER_SURROGATES = 0xe000;

/** The last character that has a next one of its length becomes that: the order of code points is that of bytes in UTF-8. */
function raisedText(start: Uint8Array): Uint8Array | null {
  if (!isUtf8(start)) return null;
  const points = Array.from(Buffer.from(start).toString('utf8'), (it) => it.codePointAt(0) ?? 0);
  const last = points.findLastIndex((point) => !LAST_OF_LENGTH.has(point));
  const point = points[last];
  if (point === undefined) return null;
  const next = point === BEFORE_SURROGATES ? AFTER_SURROGATES : point + 1;
  return Buffer.from(String.fromCodePoint(...points.slice(0, last), next));
}
