/** Columns of numbers of 32, 64 and 128 bits, as 32-bit words, the lowest first: no number is ever a `bigint` here. */

import type { ByteReader } from './byte-reader.ts';
import type { Growing } from './level.ts';

const MICROS_PER_MILLI = 1000;
const TWO_32 = 2 ** 32;

export class WordColumn implements Growing {
  readonly placeBytes: number;
  readonly #width: 1 | 2 | 4;
  /** The greatest absolute value of a decimal. */
  readonly #bound: readonly number[];
  #words = new Int32Array(0);
  #doubles = new Float64Array(0);
  #floats = new Float32Array(0);

  /** `precision` of a decimal, which takes 4 words. */
  constructor(width: 1 | 2 | 4, precision = 0) {
    this.#width = width;
    this.placeBytes = width * 4;
    this.#bound = wordsOf(10n ** BigInt(precision) - 1n);
  }

  grow(capacity: number, taken: number): void {
    const larger = new Int32Array(capacity * this.#width);
    larger.set(this.#words.subarray(0, taken * this.#width));
    this.#words = larger;
    this.#floats = new Float32Array(larger.buffer);
    this.#doubles = new Float64Array(larger.buffer);
  }

  /** The words of the first `count` places, where they stand. */
  finish(count: number): Int32Array<ArrayBuffer> {
    return this.#words.subarray(0, count * this.#width);
  }

  int(reader: ByteReader, place: number): void {
    this.#words[place] = reader.int();
  }

  /** From a long or an int, which are written in the same way. */
  long(reader: ByteReader, place: number): void {
    reader.long();
    this.#words[place * 2] = reader.low;
    this.#words[place * 2 + 1] = reader.high;
  }

  /** From milliseconds. */
  micros(reader: ByteReader, place: number): void {
    reader.long();
    const carry = Math.floor(((reader.low >>> 0) * MICROS_PER_MILLI) / TWO_32);
    const high = reader.high * MICROS_PER_MILLI + carry;
    if (high !== (high | 0)) {
      reader.fail('AVRO_OUT_OF_RANGE', 'a timestamp is beyond what 64 bits of microseconds hold');
    }
    this.#words[place * 2] = Math.imul(reader.low, MICROS_PER_MILLI);
    this.#words[place * 2 + 1] = high;
  }

  float(reader: ByteReader, place: number): void {
    this.#words[place] = reader.word();
  }

  /** From a long or an int. */
  floatOfLong(reader: ByteReader, place: number): void {
    reader.long();
    this.#floats[place] = reader.lastAsDouble();
  }

  double(reader: ByteReader, place: number): void {
    this.#words[place * 2] = reader.word();
    this.#words[place * 2 + 1] = reader.word();
  }

  /** From a long or an int. */
  doubleOfLong(reader: ByteReader, place: number): void {
    reader.long();
    this.#doubles[place] = reader.lastAsDouble();
  }

  doubleOfFloat(reader: ByteReader, place: number): void {
    WORD[0] = reader.word();
    this.#doubles[place] = FLOAT[0] ?? 0;
  }

  /** From two's complement, the highest byte first, with its length before it. */
  decimal(reader: ByteReader, place: number): void {
    this.decimalOfFixed(reader, place, reader.length());
  }

  /** From two's complement of `size` bytes, the highest first. */
  decimalOfFixed(reader: ByteReader, place: number, size: number): void {
    if (size === 0) reader.fail('AVRO_BAD_DECIMAL', 'a decimal has no bytes');
    reader.require(size);
    const { at } = reader;
    const { bytes } = reader.memory;
    const sign = (bytes[at] ?? 0) > 0x7f ? 0xff : 0;
    const first = place * 4;
    this.#words.fill(-(sign & 1), first, first + 4);
    for (let index = 0; index < size; index += 1) {
      const byte = bytes[at + size - 1 - index] ?? 0;
      if (index < 16) {
        const word = first + (index >> 2);
        const shift = (index & 3) * 8;
        this.#words[word] = ((this.#words[word] ?? 0) & ~(0xff << shift)) | (byte << shift);
      } else if (byte !== sign) this.#overflow(reader);
    }
    if (!this.#isInBound(first, sign & 1)) this.#overflow(reader);
    reader.at = at + size;
  }

  /** For a place that holds no value. */
  clear(place: number): void {
    const first = place * this.#width;
    for (let word = first; word < first + this.#width; word += 1) this.#words[word] = 0;
  }

  #isInBound(first: number, isNegative: number): boolean {
    // The absolute value, from the highest word; -x is the complement of x - 1, hence `>=` for negative numbers.
    for (let index = 3; index >= 0; index -= 1) {
      const word = ((this.#words[first + index] ?? 0) ^ -isNegative) >>> 0;
      const bound = this.#bound[index] ?? 0;
      if (word !== bound) return word < bound;
    }
    return isNegative === 0;
  }

  #overflow(reader: ByteReader): never {
    return reader.fail('AVRO_DECIMAL_OVERFLOW', 'a decimal has more digits than its type');
  }
}

/** One float as its bits. */
const FLOAT = new Float32Array(1);
const WORD = new Int32Array(FLOAT.buffer);

/** The four words of a positive number. */
function wordsOf(value: bigint): readonly number[] {
  return [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
}
