/**
 * The values of a leaf of many files put one after another, to be encoded together: what pages hold is taken below its codec and
 * its encoding, and nothing is made of it. Dictionaries come along as they are, so that a value that repeats is copied once a page.
 */

import { LENGTH_BYTES, PlainValues } from './key-pages.ts';
import type { LeafChunk } from './leaf-chunk.ts';
import { LeafReader } from './leaf-reader.ts';
import type { LeafScratch } from './leaf-scratch.ts';
import type { LeafPiece } from './leaf-values.ts';
import { type EntryLevels, PageEntries } from './page-entries.ts';
import type { ParquetNode } from './types.ts';

const VALUES_MIN = 64 * 1024;
const BYTES_MIN = 256 * 1024;

/** A leaf of the file to be. */
export interface GatheredLeaf extends EntryLevels {
  readonly node: ParquetNode;
}

/** Values of one leaf, and the levels that they stand at; the memory is used again after `clear`. */
export class LeafGatherer {
  readonly #leaf: GatheredLeaf;
  /** Bytes of a value; 0 where each has its own length. */
  readonly #width: number;
  readonly #isFloat: boolean;
  readonly #entries: PageEntries;
  #bytes = new Uint8Array(0);
  #end = 0;
  #offsets = new Int32Array(1);
  #valueCount = 0;
  #hasNan = false;

  constructor(leaf: GatheredLeaf) {
    this.#leaf = leaf;
    this.#width = widthOf(leaf.node);
    this.#isFloat = isFloat(leaf.node);
    this.#entries = new PageEntries(leaf);
  }

  /** Bytes of values held. */
  get sizeBytes(): number {
    return this.#end;
  }

  /** Whether any value was a NaN, since the beginning. */
  get hasNan(): boolean {
    return this.#hasNan;
  }

  /** Adds the entries of a chunk, whose levels are those of the leaf. Errors: `PARQUET_CORRUPT_DATA`. */
  add(chunk: LeafChunk, scratch: LeafScratch): void {
    const reader = new LeafReader(chunk, scratch);
    const dictionary = reader.rawDictionary();
    let first = -1;
    for (const page of reader.rawPages()) {
      if (page.indices === null) {
        this.#entries.add(page, this.#addValues(page.values, page.present, chunk));
      } else {
        if (dictionary === null) throw chunk.corrupt('a page has no dictionary');
        // Of dictionaries that no page uses nothing is taken over.
        if (first < 0) first = this.#addValues(dictionary.bytes, dictionary.count, chunk);
        this.#entries.add(page, first);
      }
    }
  }

  /** All that was added; valid until `clear`. */
  piece(): LeafPiece {
    const isBoolean = this.#leaf.node.physicalType === 'BOOLEAN';
    const { count, numbers } = this.#entries;
    return {
      values: {
        bytes: this.#bytes.subarray(0, this.#end),
        offsets: this.#width === 0 ? this.#offsets.subarray(0, this.#valueCount + 1) : null,
        stride: this.#width,
        width: this.#width,
        numbers: isBoolean ? null : numbers,
      },
      count,
      ...this.#entries.levels(),
      // Booleans are asked for by their place alone.
      places: isBoolean ? numbers : null,
    };
  }

  clear(): void {
    this.#entries.clear();
    this.#end = 0;
    this.#valueCount = 0;
  }

  /** Adds plain values; the number of the first. */
  #addValues(values: Uint8Array, count: number, chunk: LeafChunk): number {
    const first = this.#valueCount;
    this.#valueCount += count;
    if (this.#leaf.node.physicalType === 'BOOLEAN') this.#addBits(values, count, chunk);
    else if (this.#width === 0) this.#addTexts(values, { first, count, chunk });
    else {
      const sizeBytes = count * this.#width;
      if (sizeBytes > values.length) throw chunk.corrupt('a page has fewer values than it says');
      this.#reserveBytes(sizeBytes);
      this.#bytes.set(values.subarray(0, sizeBytes), this.#end);
      if (this.#isFloat && !this.#hasNan) this.#hasNan = holdsNan(values, count, this.#width);
      this.#end += sizeBytes;
    }
    return first;
  }

  #addTexts(
    values: Uint8Array,
    {
      first,
      count,
      chunk,
    }: { readonly first: number; readonly count: number; readonly chunk: LeafChunk },
  ): void {
    const places = new PlainValues(values, count, chunk.corrupt).offsets();
    this.#reserveBytes(places[count] ?? 0);
    if (first + count >= this.#offsets.length) {
      const larger = new Int32Array(
        Math.max(VALUES_MIN, first + count + 1, this.#offsets.length * 2),
      );
      larger.set(this.#offsets);
      this.#offsets = larger;
    }
    const from = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const to = new DataView(this.#bytes.buffer);
    let end = this.#end;
    for (let at = 0; at < count; at += 1) {
      const stop = places[at + 1] ?? 0;
      let place = (places[at] ?? 0) + LENGTH_BYTES;
      for (; place + 4 <= stop; place += 4, end += 4)
        to.setInt32(end, from.getInt32(place, true), true);
      for (; place < stop; place += 1, end += 1) to.setUint8(end, from.getUint8(place));
      this.#offsets[first + at + 1] = end;
    }
    this.#end = end;
  }

  /** Eight to a byte, from the lowest bit on, become a byte each. */
  #addBits(values: Uint8Array, count: number, chunk: LeafChunk): void {
    if (count > values.length * 8) throw chunk.corrupt('a page has fewer values than it says');
    this.#reserveBytes(count);
    for (let at = 0; at < count; at += 1) {
      this.#bytes[this.#end + at] = ((values[at >> 3] ?? 0) >> (at & 7)) & 1;
    }
    this.#end += count;
  }

  #reserveBytes(count: number): void {
    const needed = this.#end + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(BYTES_MIN, needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}

export function isFloat({ physicalType }: ParquetNode): boolean {
  return physicalType === 'FLOAT' || physicalType === 'DOUBLE';
}

/** Bytes of a value; 0 where each has its own length. */
export function widthOf({ physicalType, typeLength }: ParquetNode): number {
  switch (physicalType) {
    case 'BOOLEAN':
      return 1;
    case 'INT32':
    case 'FLOAT':
      return 4;
    case 'INT64':
    case 'DOUBLE':
      return 8;
    case 'FIXED_LEN_BYTE_ARRAY':
      return typeLength ?? 0;
    default:
      return 0;
  }
}

function holdsNan(values: Uint8Array, count: number, width: number): boolean {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  for (let at = 0; at < count; at += 1) {
    const place = at * width;
    if (Number.isNaN(width === 4 ? view.getFloat32(place, true) : view.getFloat64(place, true))) {
      return true;
    }
  }
  return false;
}
