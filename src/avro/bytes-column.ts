/** Columns of texts and binaries. The bytes of a message are copied as they are: no text ever becomes a string. */

import { isUtf8 } from 'node:buffer';

import type { ByteReader } from './byte-reader.ts';
import { batchFull, grownLength, type Growing } from './level.ts';
import { copyWords, Memory } from './memory.ts';
import { isShortUtf8 } from './utf8.ts';

/** Longer texts are judged by native code, which costs more to call. */
const SHORT_TEXT_BYTES_MAX = 256;

export class BytesColumn implements Growing {
  readonly placeBytes = 4;
  readonly #bytesMax: number;
  /** Where each value ends; the first one starts at 0. */
  #offsets = new Int32Array(1);
  #memory = new Memory(new ArrayBuffer(0));

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  grow(capacity: number, taken: number): void {
    const larger = new Int32Array(capacity + 1);
    larger.set(this.#offsets.subarray(0, taken + 1));
    this.#offsets = larger;
  }

  /** What the first `count` places hold, where it stands. */
  finish(count: number): { readonly data: Uint8Array; readonly offsets: Int32Array } {
    const offsets = this.#offsets.subarray(0, count + 1);
    return { data: this.#memory.bytes.subarray(0, offsets[count]), offsets };
  }

  /** UTF-8. */
  text(reader: ByteReader, place: number): void {
    if (!this.#append(reader, place, reader.length())) this.#check(reader, place);
  }

  binary(reader: ByteReader, place: number): void {
    this.#append(reader, place, reader.length());
  }

  fixed(reader: ByteReader, place: number, size: number): void {
    this.#append(reader, place, reader.require(size));
  }

  /** One of the `symbols`; null stands for one that the reader does not know. */
  symbol(reader: ByteReader, place: number, symbols: readonly (Memory | null)[]): void {
    const symbol = symbols[reader.symbol(symbols.length)] ?? null;
    if (symbol === null) reader.fail('AVRO_BAD_ENUM', 'the reader does not know the symbol');
    const size = symbol.bytes.length;
    const to = this.#reserve(reader, place, size);
    copyWords(symbol, 0, this.#memory, to, size);
  }

  /** For a place that holds no value. */
  clear(place: number): void {
    this.#offsets[place + 1] = this.#offsets[place] ?? 0;
  }

  /** Whether two of the places hold the same bytes. */
  isEqual(left: number, right: number): boolean {
    const { bytes } = this.#memory;
    const start = this.#offsets[left] ?? 0;
    const other = this.#offsets[right] ?? 0;
    const size = (this.#offsets[left + 1] ?? 0) - start;
    if (size !== (this.#offsets[right + 1] ?? 0) - other) return false;
    for (let index = 0; index < size; index += 1) {
      if (bytes[start + index] !== bytes[other + index]) return false;
    }
    return true;
  }

  /** What the place holds, with a character for each byte. */
  latin1(place: number): string {
    const start = this.#offsets[place] ?? 0;
    const size = (this.#offsets[place + 1] ?? 0) - start;
    return Buffer.from(this.#memory.bytes.buffer, start, size).toString('latin1');
  }

  #check(reader: ByteReader, place: number): void {
    const start = this.#offsets[place] ?? 0;
    const end = this.#offsets[place + 1] ?? 0;
    const { bytes } = this.#memory;
    const isText =
      end - start > SHORT_TEXT_BYTES_MAX
        ? isUtf8(bytes.subarray(start, end))
        : isShortUtf8(bytes, start, end);
    if (!isText) reader.fail('AVRO_BAD_UTF8', 'a text is not UTF-8');
  }

  /** Takes `size` bytes over; true where all of them are known to be ASCII. */
  #append(reader: ByteReader, place: number, size: number): boolean {
    const to = this.#reserve(reader, place, size);
    return reader.copy(size, this.#memory, to);
  }

  /** Where the `size` bytes of the place begin. */
  #reserve(reader: ByteReader, place: number, size: number): number {
    const start = this.#offsets[place] ?? 0;
    const end = start + size;
    if (end > this.#memory.bytes.length) this.#growBytes(reader, start, end);
    this.#offsets[place + 1] = end;
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
