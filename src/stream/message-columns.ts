/** Columns that grow value by value in Arrow's layout, from bytes, without a JavaScript value in between. */

import type { Data, DataType as ArrowType } from 'apache-arrow';
import type * as Arrow from 'apache-arrow';

import { dictionaryData, ValueNumbers } from '../parquet/index.ts';

export type ArrowModule = typeof Arrow;

const CAPACITY_MIN = 1024;
/** Arrow's offsets are 32 bits wide. */
const BYTES_MAX = 2 ** 31 - 1;
const TWO_32 = 2 ** 32;

/** Which places hold a value. The buffer is made with the first null. */
class Validity {
  #bits: Uint8Array | null = null;
  #length = 0;
  #nullCount = 0;

  get length(): number {
    return this.#length;
  }

  appendValue(): void {
    if (this.#bits !== null) this.#set(this.#bits);
    this.#length += 1;
  }

  appendNull(): void {
    this.#bits ??= ones(this.#length);
    this.#grow(this.#bits);
    this.#length += 1;
    this.#nullCount += 1;
  }

  /** The bits, null where all places hold a value; begins again. */
  finish(): { readonly nullCount: number; readonly bits: Uint8Array | null } {
    const result = {
      nullCount: this.#nullCount,
      bits: this.#bits?.subarray(0, (this.#length + 7) >> 3) ?? null,
    };
    this.#bits = null;
    this.#length = 0;
    this.#nullCount = 0;
    return result;
  }

  #set(bits: Uint8Array): void {
    const grown = this.#grow(bits);
    const byte = this.#length >> 3;
    grown[byte] = (grown[byte] ?? 0) | (1 << (this.#length & 7));
  }

  #grow(bits: Uint8Array): Uint8Array {
    if (this.#length >> 3 < bits.length) return bits;
    const larger = new Uint8Array(bits.length * 2);
    larger.set(bits);
    this.#bits = larger;
    return larger;
  }
}

/** A column that is handed over as Arrow data. */
export interface Column {
  /** Hands the values over, whose memory is valid until the next one is appended, and begins again. */
  finish(arrow: ArrowModule, type: ArrowType): Data;
}

/** Texts or binaries: by numbers while values repeat, else one after another. */
export class BytesColumn implements Column {
  readonly #validity = new Validity();
  /** Null where values stand one after another. */
  #numbers: ValueNumbers | null = new ValueNumbers();
  /** Of the row before each place its number, or where its value ends. */
  #places = new Int32Array(CAPACITY_MIN);
  #bytes = new DataView(new ArrayBuffer(BYTES_MIN));
  #end = 0;

  /** False where the column is full: 2 GiB. */
  hasRoomFor(length: number): boolean {
    return this.#end + length <= BYTES_MAX;
  }

  /** Bytes `start` (inclusive) to `end` (exclusive) of `memory`, which `view` shows too; null where `end` is below 0. */
  append(memory: Uint8Array, view: DataView, start: number, end: number): void {
    if (end < 0) {
      this.#validity.appendNull();
      this.#place(this.#numbers === null ? this.#end : NO_VALUE);
      return;
    }
    this.#validity.appendValue();
    const number = this.#numberOf(memory, start, end);
    if (number < 0) this.#copy(view, start, end);
    this.#place(number < 0 ? this.#end : number);
  }

  finish(arrow: ArrowModule, type: ArrowType): Data {
    const rows = this.#validity.length;
    const { nullCount, bits } = this.#validity.finish();
    const numbers = this.#numbers;
    if (numbers !== null) {
      if (!numbers.pays) this.#numbers = null;
      const dictionary = numbers.finish(arrow, type);
      const own = this.#places.subarray(1, rows + 1);
      return dictionaryData(arrow, dictionary, { numbers: own, nullCount, bits });
    }
    const offsets = this.#places.subarray(0, rows + 1);
    const values = new Uint8Array(this.#bytes.buffer, 0, this.#end);
    this.#end = 0;
    return new arrow.Data(type, 0, rows, nullCount, { 0: offsets, 1: values, ...validity(bits) });
  }

  /** The number of a value; -1 where it has none. */
  #numberOf(memory: Uint8Array, start: number, end: number): number {
    const numbers = this.#numbers;
    if (numbers === null) return NO_VALUE;
    const known = numbers.find(memory, start, end);
    if (known >= 0) return known;
    const number = numbers.add(memory, start, end);
    if (number < 0) this.#spread(numbers);
    return number;
  }

  /** Puts the values so far, all but that of the last row, one after another. */
  #spread(numbers: ValueNumbers): void {
    for (let row = 1; row < this.#validity.length; row += 1) {
      const number = this.#places[row] ?? NO_VALUE;
      if (number >= 0) {
        const value = numbers.value(number);
        this.#copy(new DataView(value.buffer, value.byteOffset, value.length), 0, value.length);
      }
      this.#places[row] = this.#end;
    }
    this.#numbers = null;
  }

  #place(place: number): void {
    const rows = this.#validity.length;
    if (rows >= this.#places.length) this.#places = larger(this.#places);
    this.#places[rows] = place;
  }

  #copy(from: DataView, start: number, end: number): void {
    const length = end - start;
    if (this.#end + length > this.#bytes.byteLength) this.#reserve(length);
    if (length > COPY_BY_WORD_MAX) {
      const bytes = new Uint8Array(from.buffer, from.byteOffset + start, length);
      new Uint8Array(this.#bytes.buffer).set(bytes, this.#end);
    } else {
      const to = this.#bytes;
      let at = this.#end;
      let place = start;
      for (; place + 4 <= end; place += 4, at += 4) to.setInt32(at, from.getInt32(place));
      for (; place < end; place += 1, at += 1) to.setUint8(at, from.getUint8(place));
    }
    this.#end += length;
  }

  #reserve(length: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.byteLength * 2, this.#end + length));
    grown.set(new Uint8Array(this.#bytes.buffer, 0, this.#end));
    this.#bytes = new DataView(grown.buffer);
  }
}

/** Longer values are moved by the platform, which costs more to call. */
const COPY_BY_WORD_MAX = 128;
const BYTES_MIN = CAPACITY_MIN * 16;
/** The number of a row without a value. */
const NO_VALUE = -1;

/** 64-bit integers that a number holds exactly, written as two halves. */
export class LongColumn implements Column {
  readonly #validity = new Validity();
  #halves = new Int32Array(CAPACITY_MIN * 2);

  /** NaN for null. */
  append(value: number): void {
    const at = this.#validity.length * 2;
    if (at >= this.#halves.length) this.#halves = larger(this.#halves);
    if (Number.isNaN(value)) {
      this.#validity.appendNull();
      return;
    }
    const high = Math.floor(value / TWO_32);
    this.#halves[at] = value - high * TWO_32;
    this.#halves[at + 1] = high;
    this.#validity.appendValue();
  }

  finish(arrow: ArrowModule, type: ArrowType): Data {
    const rows = this.#validity.length;
    const values = new BigInt64Array(this.#halves.buffer, 0, rows);
    const { nullCount, bits } = this.#validity.finish();
    return new arrow.Data(type, 0, rows, nullCount, { 1: values, ...validity(bits) });
  }
}

/** 32-bit integers and dates. */
export class IntegerColumn implements Column {
  readonly #validity = new Validity();
  #values = new Int32Array(CAPACITY_MIN);

  append(value: number | null): void {
    const at = this.#validity.length;
    if (at >= this.#values.length) this.#values = larger(this.#values);
    if (value === null) {
      this.#validity.appendNull();
      return;
    }
    this.#values[at] = value;
    this.#validity.appendValue();
  }

  finish(arrow: ArrowModule, type: ArrowType): Data {
    const rows = this.#validity.length;
    const values = this.#values.subarray(0, rows);
    const { nullCount, bits } = this.#validity.finish();
    return new arrow.Data(type, 0, rows, nullCount, { 1: values, ...validity(bits) });
  }
}

/** The same text in all rows. */
export function repeatedText(text: string, rows: number): Column {
  return {
    finish: (arrow, type) => {
      const bytes = Buffer.from(text, 'utf8');
      const value = new arrow.Data(type, 0, 1, 0, { 0: Int32Array.of(0, bytes.length), 1: bytes });
      const numbers = new Int32Array(rows);
      const dictionary = new arrow.Vector([value]);
      return dictionaryData(arrow, dictionary, { numbers, nullCount: 0, bits: null });
    },
  };
}

/** The same number in all rows. */
export function repeatedInteger(value: number, rows: number): Column {
  return {
    finish: (arrow, type) =>
      new arrow.Data(type, 0, rows, 0, { 1: new Int32Array(rows).fill(value) }),
  };
}

/** By `BufferType`. */
function validity(bits: Uint8Array | null): { readonly 2?: Uint8Array } {
  return bits === null ? {} : { 2: bits };
}

/** A bitmap whose first `count` bits are set, with room for more. */
function ones(count: number): Uint8Array {
  const bits = new Uint8Array(Math.max(CAPACITY_MIN >> 3, (count >> 3) * 2 + 8));
  bits.fill(0xff, 0, count >> 3);
  bits[count >> 3] = (1 << (count & 7)) - 1;
  return bits;
}

function larger(values: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(values.length * 2);
  grown.set(values);
  return grown;
}
