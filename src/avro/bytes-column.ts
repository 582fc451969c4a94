/** Columns of texts and binaries. The bytes of a message are copied as they are: no text ever becomes a string. */

import { isUtf8 } from 'node:buffer';

import type * as Arrow from 'apache-arrow';
import type { DataType as ArrowType, Vector } from 'apache-arrow';

import { ValueNumbers } from '../parquet/index.ts';
import type { ByteReader } from './byte-reader.ts';
import { batchFull, grownLength, type Growing } from './level.ts';
import { copyWords, Memory } from './memory.ts';
import { isShortUtf8 } from './utf8.ts';

/** Longer texts are judged by native code, which costs more to call. */
const SHORT_TEXT_BYTES_MAX = 256;
/** The number of a place without a value. */
const NO_VALUE = -1;

/** What the places hold: numbers of values of a dictionary, or values one after another by where they end. */
export type BytesContent =
  | { readonly dictionary: Vector; readonly numbers: Int32Array }
  | { readonly dictionary: null; readonly data: Uint8Array; readonly offsets: Int32Array };

/** By numbers while values repeat, else one after another. */
export class BytesColumn implements Growing {
  readonly placeBytes = 4;
  readonly #bytesMax: number;
  /** Null where values stand one after another. */
  #numbers: ValueNumbers | null;
  /** Of the place before, the number of its value, or where it ends; the first one starts at 0. */
  #places = new Int32Array(1);
  #memory = new Memory(new ArrayBuffer(0));
  /** Those of the enum that was read last, and their numbers. */
  #symbols: readonly (Memory | null)[] = [];
  #symbolNumbers = new Int32Array(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#numbers = new ValueNumbers(bytesMax);
  }

  grow(capacity: number, taken: number): void {
    const larger = new Int32Array(capacity + 1);
    larger.set(this.#places.subarray(0, taken + 1));
    this.#places = larger;
  }

  /** What the first `count` places hold, where it stands, as Arrow has `type`, text or binary; begins again. */
  finish(arrow: typeof Arrow, type: ArrowType, count: number): BytesContent {
    const numbers = this.#numbers;
    if (numbers === null) {
      const offsets = this.#places.subarray(0, count + 1);
      return { dictionary: null, data: this.#memory.bytes.subarray(0, offsets[count]), offsets };
    }
    if (!numbers.pays) this.#numbers = null;
    this.#symbolNumbers.fill(NO_VALUE);
    return {
      dictionary: numbers.finish(arrow, type),
      numbers: this.#places.subarray(1, count + 1),
    };
  }

  /** UTF-8. */
  text(reader: ByteReader, place: number): void {
    const size = reader.length();
    if (this.#numbers === null) {
      if (!this.#append(reader, place, size)) this.#check(reader, place);
    } else this.#number(reader, place, size, this.#numbers, true);
  }

  binary(reader: ByteReader, place: number): void {
    this.#take(reader, place, reader.length());
  }

  fixed(reader: ByteReader, place: number, size: number): void {
    this.#take(reader, place, reader.require(size));
  }

  /** One of the `symbols`; null stands for one that the reader does not know. */
  symbol(reader: ByteReader, place: number, symbols: readonly (Memory | null)[]): void {
    const index = reader.symbol(symbols.length);
    const symbol = symbols[index] ?? null;
    if (symbol === null) reader.fail('AVRO_BAD_ENUM', 'the reader does not know the symbol');
    if (this.#numbers !== null) {
      const number = this.#symbolNumber(this.#numbers, symbols, index, symbol);
      if (number >= 0) {
        this.#places[place + 1] = number;
        return;
      }
      this.#spread(reader, this.#numbers, place);
    }
    const size = symbol.bytes.length;
    const to = this.#reserve(reader, place, size);
    copyWords(symbol, 0, this.#memory, to, size);
  }

  /** For a place that holds no value. */
  clear(place: number): void {
    this.#places[place + 1] = this.#numbers === null ? (this.#places[place] ?? 0) : NO_VALUE;
  }

  /** Whether two of the places hold the same bytes. */
  isEqual(left: number, right: number): boolean {
    return Buffer.compare(this.#valueAt(left), this.#valueAt(right)) === 0;
  }

  /** What the place holds, with a character for each byte. */
  latin1(place: number): string {
    const { buffer, byteOffset, length } = this.#valueAt(place);
    return Buffer.from(buffer, byteOffset, length).toString('latin1');
  }

  #valueAt(place: number): Uint8Array {
    const end = this.#places[place + 1] ?? 0;
    if (this.#numbers !== null) return this.#numbers.value(end);
    return this.#memory.bytes.subarray(this.#places[place] ?? 0, end);
  }

  #take(reader: ByteReader, place: number, size: number): void {
    if (this.#numbers === null) this.#append(reader, place, size);
    else this.#number(reader, place, size, this.#numbers, false);
  }

  /** Takes `size` bytes over by a number, as long as that pays. */
  #number(
    reader: ByteReader,
    place: number,
    size: number,
    numbers: ValueNumbers,
    isText: boolean,
  ): void {
    const { at } = reader;
    const { bytes } = reader.memory;
    let number = numbers.find(bytes, at, at + size);
    if (number < 0) {
      if (isText && !isUtf8Text(bytes, at, at + size)) failText(reader, at + size);
      number = numbers.add(bytes, at, at + size);
    }
    if (number < 0) {
      this.#spread(reader, numbers, place);
      this.#append(reader, place, size);
      return;
    }
    this.#places[place + 1] = number;
    reader.at = at + size;
  }

  /** The number of a symbol; -1 where numbers do not pay. */
  #symbolNumber(
    numbers: ValueNumbers,
    symbols: readonly (Memory | null)[],
    index: number,
    { bytes }: Memory,
  ): number {
    if (symbols !== this.#symbols) {
      this.#symbols = symbols;
      this.#symbolNumbers = new Int32Array(symbols.length).fill(NO_VALUE);
    }
    const known = this.#symbolNumbers[index] ?? NO_VALUE;
    if (known >= 0) {
      numbers.repeat(known);
      return known;
    }
    const found = numbers.find(bytes, 0, bytes.length);
    const number = found < 0 ? numbers.add(bytes, 0, bytes.length) : found;
    this.#symbolNumbers[index] = number;
    return number;
  }

  /** Puts the values of the places before `place` one after another. */
  #spread(reader: ByteReader, numbers: ValueNumbers, place: number): void {
    let sizeBytes = 0;
    for (let at = 1; at <= place; at += 1) {
      const number = this.#places[at] ?? NO_VALUE;
      if (number >= 0) sizeBytes += numbers.value(number).length;
    }
    if (sizeBytes > this.#memory.bytes.length) this.#growBytes(reader, 0, sizeBytes);
    let end = 0;
    for (let at = 1; at <= place; at += 1) {
      const number = this.#places[at] ?? NO_VALUE;
      if (number >= 0) {
        const value = numbers.value(number);
        this.#memory.bytes.set(value, end);
        end += value.length;
      }
      this.#places[at] = end;
    }
    this.#numbers = null;
  }

  #check(reader: ByteReader, place: number): void {
    const start = this.#places[place] ?? 0;
    const end = this.#places[place + 1] ?? 0;
    if (!isUtf8Text(this.#memory.bytes, start, end)) failText(reader, reader.at);
  }

  /** Takes `size` bytes over; true where all of them are known to be ASCII. */
  #append(reader: ByteReader, place: number, size: number): boolean {
    const to = this.#reserve(reader, place, size);
    return reader.copy(size, this.#memory, to);
  }

  /** Where the `size` bytes of the place begin. */
  #reserve(reader: ByteReader, place: number, size: number): number {
    const start = this.#places[place] ?? 0;
    const end = start + size;
    if (end > this.#memory.bytes.length) this.#growBytes(reader, start, end);
    this.#places[place + 1] = end;
    return start;
  }

  #growBytes(reader: ByteReader, taken: number, needed: number): void {
    if (needed > this.#bytesMax) batchFull(reader);
    const { bytes } = this.#memory;
    const length = Math.min(this.#bytesMax, grownLength(bytes.length, needed));
    this.#memory = new Memory(new ArrayBuffer(length));
    this.#memory.bytes.set(bytes.subarray(0, taken));
  }
}

function isUtf8Text(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start > SHORT_TEXT_BYTES_MAX
    ? isUtf8(bytes.subarray(start, end))
    : isShortUtf8(bytes, start, end);
}

/** `at` is behind the text. */
function failText(reader: ByteReader, at: number): never {
  reader.at = at;
  return reader.fail('AVRO_BAD_UTF8', 'a text is not UTF-8');
}
