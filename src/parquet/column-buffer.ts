/** Growing buffers in Arrow's memory layout (little endian, as the platforms of Node are). */

import { assert } from '../base/index.ts';
import type { Scalar } from '../schema/index.ts';

type NumberArray = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;

export interface ScalarBuffer {
  append(value: Scalar): void;
  /** A place that holds no value. */
  appendNothing(): void;
  /** What Arrow keeps of it: `data`, and for values of any length where each starts. */
  finish(): { readonly data: ArrayBufferView; readonly offsets?: Int32Array };
}

const CAPACITY_MIN = 8;

export class NumberBuffer implements ScalarBuffer {
  readonly #allocate: (length: number) => NumberArray;
  #values: NumberArray;
  #length = 0;

  constructor(allocate: (length: number) => NumberArray) {
    this.#allocate = allocate;
    this.#values = allocate(CAPACITY_MIN);
  }

  append(value: Scalar): void {
    if (this.#length === this.#values.length) {
      const larger = this.#allocate(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = Number(value);
    this.#length += 1;
  }

  appendNothing(): void {
    this.append(0);
  }

  finish(): { readonly data: NumberArray } {
    return { data: this.#values.subarray(0, this.#length) };
  }
}

/** 64-bit integers; with `words` 2, 128-bit ones, the lower half first. */
export class LongBuffer implements ScalarBuffer {
  readonly #words: 1 | 2;
  #values = new BigInt64Array(CAPACITY_MIN);
  #length = 0;

  constructor(words: 1 | 2) {
    this.#words = words;
  }

  append(value: Scalar): void {
    assert(typeof value === 'bigint', 'a 64-bit value is held as a bigint');
    if (this.#length === this.#values.length) {
      const larger = new BigInt64Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length] = BigInt.asIntN(64, value);
    if (this.#words === 2) this.#values[this.#length + 1] = value >> 64n;
    this.#length += this.#words;
  }

  appendNothing(): void {
    this.append(0n);
  }

  finish(): { readonly data: BigInt64Array | Uint32Array } {
    const values = this.#values.subarray(0, this.#length);
    if (this.#words === 1) return { data: values };
    return { data: new Uint32Array(values.buffer, values.byteOffset, this.#length * 2) };
  }
}

/** Bits, the least significant of a byte first. */
export class BitBuffer implements ScalarBuffer {
  #bytes = new Uint8Array(CAPACITY_MIN);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(value: Scalar): void {
    const byte = this.#length >> 3;
    if (byte === this.#bytes.length) {
      const larger = new Uint8Array(byte * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    if (value === true) this.#bytes[byte] = (this.#bytes[byte] ?? 0) | (1 << (this.#length & 7));
    this.#length += 1;
  }

  appendNothing(): void {
    this.append(false);
  }

  finish(): { readonly data: Uint8Array } {
    return { data: this.#bytes.subarray(0, (this.#length + 7) >> 3) };
  }
}

/** Arrow's offsets are 32 bits wide. */
const BYTES_MAX = 2 ** 31 - 1;

/** Texts, as UTF-8, and binaries. */
export class BytesBuffer implements ScalarBuffer {
  readonly #offsets = new NumberBuffer((length) => new Int32Array(length));
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;

  constructor() {
    this.#offsets.append(0);
  }

  /** True where `value` still fits. */
  hasRoomFor(value: Scalar): boolean {
    const length =
      typeof value === 'string' ? value.length * 3 : value instanceof Uint8Array ? value.length : 0;
    return this.#length + length <= BYTES_MAX;
  }

  append(value: Scalar): void {
    if (typeof value === 'string') {
      // No UTF-16 unit takes more than three bytes of UTF-8.
      this.#reserve(value.length * 3);
      this.#length += this.#bytes.write(value, this.#length);
    } else if (value instanceof Uint8Array) {
      this.#reserve(value.length);
      this.#bytes.set(value, this.#length);
      this.#length += value.length;
    }
    this.#offsets.append(this.#length);
  }

  appendNothing(): void {
    this.#offsets.append(this.#length);
  }

  finish(): { readonly data: Uint8Array; readonly offsets: Int32Array } {
    const { data } = this.#offsets.finish();
    assert(data instanceof Int32Array, 'offsets are 32-bit integers');
    return { data: this.#bytes.subarray(0, this.#length), offsets: data };
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
