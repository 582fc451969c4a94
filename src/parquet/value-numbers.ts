/** Values by numbers, as long as many of them are the same: a column that repeats itself need not hold each value. */

import type { Data, DataType as ArrowType, Vector } from 'apache-arrow';

import type { ArrowModule } from './arrow-schema.ts';
import { KeySet } from './key-set.ts';

/** As a dictionary of Parquet may have: see `chunk-encoder.ts`. */
const BYTES_MAX = 1024 * 1024;
const VALUES_MAX = 65_536;
/** After so many values half of them must have been there before; of fewer, when they end. */
const TRIAL = 1024;
const TRIAL_MIN = 64;

export class ValueNumbers {
  readonly #keys = new KeySet();
  readonly #bytesMax: number;
  #keyBytes = 0;
  #count = 0;
  #last = 0;

  /** `bytesMax` for all different values. */
  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = Math.min(bytesMax, BYTES_MAX);
  }

  /** The number of the value in the bytes `start` (inclusive) to `end` (exclusive); -1 where it was not added before. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const keys = this.#keys;
    if (keys.size === 0) return -1;
    const number = keys.is(this.#last, bytes, start, end)
      ? this.#last
      : keys.find(bytes, start, end);
    if (number >= 0) this.repeat(number);
    return number;
  }

  /** Takes the value of a number once more. */
  repeat(number: number): void {
    this.#count += 1;
    this.#last = number;
  }

  /** Adds a value that was not found, and answers with its number; -1 where numbers do not pay, from then on. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const { size } = this.#keys;
    const bytesAfter = this.#keyBytes + end - start;
    const isFull = bytesAfter > this.#bytesMax || size === VALUES_MAX;
    if (isFull || (this.#count >= TRIAL && size * 2 >= this.#count)) return -1;
    this.#count += 1;
    this.#keyBytes = bytesAfter;
    this.#last = this.#keys.intern(bytes, start, end);
    return this.#last;
  }

  /** Whether the values so far repeat. */
  get pays(): boolean {
    return this.#count < TRIAL_MIN || this.#keys.size * 2 <= this.#count;
  }

  /** The bytes of a value, valid until the next one is added. */
  value(number: number): Uint8Array {
    return this.#keys.key(number);
  }

  /** The values as Arrow data of `type`, text or binary, whose memory is valid until one is added; begins again. */
  finish(arrow: ArrowModule, type: ArrowType): Vector {
    const { bytes, offsets } = this.#keys.values();
    const data = new arrow.Data(type, 0, this.#keys.size, 0, { 0: offsets, 1: bytes });
    this.#keys.clear();
    this.#keyBytes = 0;
    this.#count = 0;
    this.#last = 0;
    return new arrow.Vector([data]);
  }
}

/** Rows that name values of a dictionary. `bits` says which ones do; null where all do. */
export function dictionaryData(
  arrow: ArrowModule,
  dictionary: Vector,
  rows: {
    readonly numbers: Int32Array;
    readonly nullCount: number;
    readonly bits: Uint8Array | null;
  },
): Data {
  const { numbers, nullCount, bits } = rows;
  const type = new arrow.Dictionary(dictionary.type, new arrow.Int32());
  const buffers = { 1: numbers, ...(bits === null ? {} : { 2: bits }) };
  return new arrow.Data(type, 0, numbers.length, nullCount, buffers, [], dictionary);
}
