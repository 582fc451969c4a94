/** Columns that grow value by value in Arrow's layout, from bytes, without a JavaScript value in between. */

import type { Data, DataType as ArrowType } from 'apache-arrow';
import type * as Arrow from 'apache-arrow';

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

  /** The data of a column whose other buffers are `buffers`; begins again. */
  finish(arrow: ArrowModule, type: ArrowType, buffers: Partial<Data['buffers']>): Data {
    const rows = this.#length;
    const bits = this.#bits?.subarray(0, (rows + 7) >> 3);
    const data = new arrow.Data(type, 0, rows, this.#nullCount, {
      ...buffers,
      ...(bits === undefined ? {} : { 2: bits }),
    });
    this.#bits = null;
    this.#length = 0;
    this.#nullCount = 0;
    return data;
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

/** Texts or binaries. */
export class BytesColumn implements Column {
  readonly #validity = new Validity();
  #offsets = new Int32Array(CAPACITY_MIN);
  #bytes = new DataView(new ArrayBuffer(BYTES_MIN));
  #end = 0;

  /** False where the column is full: 2 GiB. */
  hasRoomFor(length: number): boolean {
    return this.#end + length <= BYTES_MAX;
  }

  /** Bytes `start` (inclusive) to `end` (exclusive) of what `view` shows; null where `end` is below 0. */
  append(view: DataView, start: number, end: number): void {
    if (end < 0) this.#validity.appendNull();
    else {
      if (this.#end + end - start > this.#bytes.byteLength) this.#reserve(end - start);
      this.#copy(view, start, end);
      this.#validity.appendValue();
    }
    const rows = this.#validity.length;
    if (rows >= this.#offsets.length) this.#offsets = larger(this.#offsets);
    this.#offsets[rows] = this.#end;
  }

  finish(arrow: ArrowModule, type: ArrowType): Data {
    const rows = this.#validity.length;
    const data = this.#validity.finish(arrow, type, {
      0: this.#offsets.subarray(0, rows + 1),
      1: new Uint8Array(this.#bytes.buffer, 0, this.#end),
    });
    this.#end = 0;
    return data;
  }

  #copy(from: DataView, start: number, end: number): void {
    const length = end - start;
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
    return this.#validity.finish(arrow, type, { 1: values });
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
    const values = this.#values.subarray(0, this.#validity.length);
    return this.#validity.finish(arrow, type, { 1: values });
  }
}

/** The same text in all rows. */
export function repeatedText(text: string, rows: number): Column {
  return {
    finish: (arrow, type) => {
      const bytes = Buffer.from(text, 'utf8');
      const offsets = Int32Array.from({ length: rows + 1 }, (_, row) => row * bytes.length);
      const values = new Uint8Array(rows * bytes.length);
      for (let row = 0; row < rows; row += 1) values.set(bytes, row * bytes.length);
      return new arrow.Data(type, 0, rows, 0, { 0: offsets, 1: values });
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
