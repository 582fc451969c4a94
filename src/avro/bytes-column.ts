/** Columns of texts and binaries. The bytes of a message are copied as they are: no text ever becomes a string. */

import { isUtf8 } from 'node:buffer';

import type { ByteReader } from './byte-reader.ts';
import { batchFull, grownLength, type Growing } from './level.ts';
import { isShortUtf8 } from './utf8.ts';

/** Longer values are copied and checked by native code, which costs more to call. */
const SHORT_BYTES_MAX = 64;

export class BytesColumn implements Growing {
  readonly placeBytes = 4;
  readonly #bytesMax: number;
  /** Where each value ends; the first one starts at 0. */
  #offsets = new Int32Array(1);
  #bytes = new Uint8Array(0);

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  grow(capacity: number, taken: number): void {
    const larger = new Int32Array(capacity + 1);
    larger.set(this.#offsets.subarray(0, taken + 1));
    this.#offsets = larger;
  }

  /** Copies of what the first `count` places hold. */
  finish(count: number): { readonly data: Uint8Array; readonly offsets: Int32Array } {
    const offsets = this.#offsets.slice(0, count + 1);
    return { data: this.#bytes.slice(0, offsets[count]), offsets };
  }

  /** UTF-8. */
  text(reader: ByteReader, place: number): void {
    const size = reader.length();
    if (!this.#append(reader, place, size)) return;
    const start = this.#offsets[place] ?? 0;
    const end = start + size;
    const isText =
      size > SHORT_BYTES_MAX
        ? isUtf8(this.#bytes.subarray(start, end))
        : isShortUtf8(this.#bytes, start, end);
    if (!isText) reader.fail('AVRO_BAD_UTF8', 'a text is not UTF-8');
  }

  binary(reader: ByteReader, place: number): void {
    this.#append(reader, place, reader.length());
  }

  fixed(reader: ByteReader, place: number, size: number): void {
    this.#append(reader, place, reader.require(size));
  }

  /** One of the `symbols`; null stands for one that the reader does not know. */
  symbol(reader: ByteReader, place: number, symbols: readonly (Uint8Array | null)[]): void {
    const symbol = symbols[reader.symbol(symbols.length)] ?? null;
    if (symbol === null) reader.fail('AVRO_BAD_ENUM', 'the reader does not know the symbol');
    const from = this.#reserve(reader, place, symbol.length);
    for (let index = 0; index < symbol.length; index += 1) {
      this.#bytes[from + index] = symbol[index] ?? 0;
    }
  }

  /** For a place that holds no value. */
  clear(place: number): void {
    this.#offsets[place + 1] = this.#offsets[place] ?? 0;
  }

  /** Whether two of the places hold the same bytes. */
  isEqual(left: number, right: number): boolean {
    const start = this.#offsets[left] ?? 0;
    const other = this.#offsets[right] ?? 0;
    const size = (this.#offsets[left + 1] ?? 0) - start;
    if (size !== (this.#offsets[right + 1] ?? 0) - other) return false;
    for (let index = 0; index < size; index += 1) {
      if (this.#bytes[start + index] !== this.#bytes[other + index]) return false;
    }
    return true;
  }

  /** What the place holds, with a character for each byte. */
  latin1(place: number): string {
    const { buffer, byteOffset } = this.#bytes;
    const start = this.#offsets[place] ?? 0;
    const size = (this.#offsets[place + 1] ?? 0) - start;
    return Buffer.from(buffer, byteOffset + start, size).toString('latin1');
  }

  /** Takes `size` bytes over; true where one of them is not ASCII, or may not be. */
  #append(reader: ByteReader, place: number, size: number): boolean {
    const to = this.#reserve(reader, place, size);
    const target = this.#bytes;
    const { bytes, at } = reader;
    reader.at = at + size;
    if (size > SHORT_BYTES_MAX) {
      // Not `subarray`, which is slow where the bytes are a Buffer.
      target.set(new Uint8Array(bytes.buffer, bytes.byteOffset + at, size), to);
      return true;
    }
    let seen = 0;
    for (let index = 0; index < size; index += 1) {
      const byte = bytes[at + index] ?? 0;
      seen |= byte;
      target[to + index] = byte;
    }
    return seen > 0x7f;
  }

  /** Where the `size` bytes of the place begin. */
  #reserve(reader: ByteReader, place: number, size: number): number {
    const start = this.#offsets[place] ?? 0;
    const end = start + size;
    if (end > this.#bytes.length) this.#growBytes(reader, start, end);
    this.#offsets[place + 1] = end;
    return start;
  }

  #growBytes(reader: ByteReader, taken: number, needed: number): void {
    if (needed > this.#bytesMax) batchFull(reader);
    const larger = new Uint8Array(
      Math.min(this.#bytesMax, grownLength(this.#bytes.length, needed)),
    );
    larger.set(this.#bytes.subarray(0, taken));
    this.#bytes = larger;
  }
}
