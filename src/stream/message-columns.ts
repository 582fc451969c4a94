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

/** Texts or binaries. */
export class BytesColumn {
  readonly #validity = new Validity();
  #offsets = new Int32Array(CAPACITY_MIN);
  #bytes = Buffer.allocUnsafe(CAPACITY_MIN * 16);
  #end = 0;

  /** False where the column is full: 2 GiB. */
  hasRoomFor(length: number): boolean {
    return this.#end + length <= BYTES_MAX;
  }

  append(value: Uint8Array | null): void {
    if (value === null) this.#validity.appendNull();
    else {
      const { length } = value;
      if (this.#end + length > this.#bytes.length) this.#reserve(length);
      if (length > COPY_BY_HAND_MAX) this.#bytes.set(value, this.#end);
      else
        for (let index = 0; index < length; index += 1)
          this.#bytes[this.#end + index] = value[index] ?? 0;
      this.#end += length;
      this.#validity.appendValue();
    }
    const rows = this.#validity.length;
    if (rows >= this.#offsets.length) this.#offsets = larger(this.#offsets);
    this.#offsets[rows] = this.#end;
  }

  /** Hands the values over and begins again. */
  finish(arrow: ArrowModule, type: ArrowType): Data {
    const rows = this.#validity.length;
    const data = this.#validity.finish(arrow, type, {
      0: this.#offsets.slice(0, rows + 1),
      1: Uint8Array.prototype.slice.call(this.#bytes, 0, this.#end),
    });
    this.#end = 0;
    return data;
  }

  #reserve(length: number): void {
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#end + length));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}

/** For values so short the call of a native copy costs more than the loop. */
const COPY_BY_HAND_MAX = 24;

/** 64-bit integers that a number holds exactly, written as two halves. */
export class LongColumn {
  readonly #validity = new Validity();
  #halves = new Int32Array(CAPACITY_MIN * 2);

  append(value: number | null): void {
    const at = this.#validity.length * 2;
    if (at >= this.#halves.length) this.#halves = larger(this.#halves);
    if (value === null) {
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
    const halves = this.#halves.slice(0, rows * 2);
    return this.#validity.finish(arrow, type, { 1: new BigInt64Array(halves.buffer, 0, rows) });
  }
}

/** 32-bit integers and dates. */
export class IntegerColumn {
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
    return this.#validity.finish(arrow, type, { 1: this.#values.slice(0, this.#validity.length) });
  }
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
