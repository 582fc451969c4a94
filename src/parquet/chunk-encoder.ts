/** The pages of column chunks (parquet.thrift, `PageHeader`): data pages of version 1, with a dictionary where values repeat. */

import { KeySet } from './key-set.ts';
import type { LeafPiece, LeafValues } from './leaf-values.ts';
import { bitWidthOf } from './page-buffer.ts';
import { ChunkPages, PageEncoder } from './page-encoder.ts';
import type { Codec, ColumnChunk, ParquetNode } from './types.ts';
import { ValueBounds } from './value-bounds.ts';

/** One column of values, and where it stands. */
export interface Leaf {
  readonly path: readonly string[];
  readonly node: ParquetNode;
  /** The levels of an entry that holds a value, and of one that repeats most deeply. */
  readonly definition: number;
  readonly repetition: number;
}

/** A chunk, and its place were it the first bytes of the file. */
export interface EncodedChunk {
  readonly chunk: ColumnChunk;
  readonly parts: readonly Uint8Array[];
}

export const PAGE_ROWS_MAX = 20_000;
export const PAGE_BYTES_MAX = 1024 * 1024;
const DICTIONARY_BYTES_MAX = 1024 * 1024;
const DICTIONARY_VALUES_MAX = 65_536;
/** After so many values half of them must have been there before. */
const DICTIONARY_TRIAL = 1024;
/** A chunk whose first large page stays longer than this share is not compressed: that would cost every reader, and save little. */
const COMPRESSED_SHARE_MAX = 0.87;
const LARGE_PAGE_BYTES = 32 * 1024;

/** Encodes one chunk after another, in the same memory. */
export class ChunkEncoder {
  readonly #codec: Codec;
  readonly #pages = new PageEncoder();
  readonly #page = this.#pages.page;
  #indices = new Int32Array(0);
  /** Of the chunk under way. */
  #chunkCodec: Codec | null = null;
  #written = new ChunkPages();

  constructor(codec: Codec) {
    this.#codec = codec;
  }

  /** The chunk of `pieces`. */
  encode(leaf: Leaf, pieces: readonly LeafPiece[]): EncodedChunk {
    this.#chunkCodec = null;
    this.#written = new ChunkPages();
    const isEmpty = !pieces.some((piece) => hasValues(leaf, piece));
    const dictionary =
      isEmpty || leaf.node.physicalType === 'BOOLEAN' ? null : this.#dictionaryOf(leaf, pieces);
    const bounds = new ValueBounds(leaf.node);
    let dataStart = 0;
    if (isEmpty) this.#writeNulls(leaf, pieces);
    else if (dictionary === null) this.#writePlain(leaf, pieces, bounds);
    else {
      this.#writeDictionary(leaf, dictionary, bounds);
      dataStart = this.#written.sizeBytes;
      this.#writeIndices(leaf, pieces, bitWidthOf(dictionary.size - 1));
    }
    const valueCount = pieces.reduce((sum, { count }) => sum + count, 0);
    const nulls = isEmpty
      ? valueCount
      : pieces.reduce((sum, piece) => sum + nullCount(leaf, piece), 0);
    const chunk: ColumnChunk = {
      path: leaf.path,
      physicalType: leaf.node.physicalType ?? 'BYTE_ARRAY',
      codec: this.#chunkCodec ?? this.#codec,
      encodings: dictionary === null ? ['PLAIN', 'RLE'] : ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      valueCount,
      start: 0,
      sizeBytes: this.#written.sizeBytes,
      dataStart,
      uncompressedBytes: this.#written.uncompressedBytes,
      bloomFilter: null,
      statistics: { ...bounds.bounds(), nullCount: BigInt(nulls) },
      encrypted: false,
    };
    return { chunk, parts: this.#written.parts };
  }

  /** The different values, and in `#indices` the number of each; null where a dictionary would not pay. */
  #dictionaryOf(leaf: Leaf, pieces: readonly LeafPiece[]): KeySet | null {
    const keys = new KeySet();
    let count = 0;
    let keyBytes = 0;
    for (const piece of pieces) {
      if (this.#indices.length < count + piece.count) {
        const larger = new Int32Array(Math.max(this.#indices.length * 2, count + piece.count));
        larger.set(this.#indices.subarray(0, count));
        this.#indices = larger;
      }
      const indices = this.#indices;
      const { bytes, offsets, stride, width, numbers } = piece.values;
      const { definitions, places } = piece;
      const view = viewOf(bytes);
      // Of the values of the data's own dictionary, the indices here.
      const known = numbers === null ? null : new Int32Array(valueCountOf(piece.values)).fill(-1);
      let last = -1;
      let lastStart = 0;
      let lastEnd = 0;
      for (let entry = 0; entry < piece.count; entry += 1) {
        if (definitions !== null && definitions[entry] !== leaf.definition) continue;
        const place = places === null ? entry : (places[entry] ?? 0);
        const value = numbers === null ? place : (numbers[place] ?? 0);
        const index = known === null ? -1 : (known[value] ?? -1);
        if (index >= 0) {
          indices[count] = index;
          count += 1;
          continue;
        }
        const start = offsets === null ? value * stride : (offsets[value] ?? 0);
        const end = offsets === null ? start + width : (offsets[value + 1] ?? 0);
        if (
          last < 0 ||
          end - start !== lastEnd - lastStart ||
          !sameBytes(view, start, lastStart, end - start)
        ) {
          const before = keys.size;
          last = keys.intern(bytes, start, end);
          if (last === before) {
            keyBytes += end - start;
            const isFull = keyBytes > DICTIONARY_BYTES_MAX || keys.size > DICTIONARY_VALUES_MAX;
            if (isFull || (count >= DICTIONARY_TRIAL && keys.size * 2 > count)) return null;
          }
          lastStart = start;
          lastEnd = end;
        }
        if (known !== null) known[value] = last;
        indices[count] = last;
        count += 1;
      }
    }
    return count > 0 && keys.size * 2 <= count ? keys : null;
  }

  #writeDictionary({ node }: Leaf, keys: KeySet, bounds: ValueBounds): void {
    const page = this.#page;
    page.end = 0;
    const isVariable = node.physicalType === 'BYTE_ARRAY';
    for (let number = 0; number < keys.size; number += 1) {
      const key = keys.key(number);
      const view = viewOf(key);
      if (isVariable) {
        page.reserve(4);
        page.int32(key.length);
      }
      page.set(key);
      bounds.add(view, 0, key.length);
    }
    this.#flush('dictionary', keys.size);
  }

  #writeIndices(leaf: Leaf, pieces: readonly LeafPiece[], bitWidth: number): void {
    const page = this.#page;
    let value = 0;
    for (const piece of pieces) {
      for (let entry = 0; entry < piece.count;) {
        const end = rowsEnd(piece, entry);
        const values = presentCount(leaf, piece, entry, end);
        this.#beginPage(leaf, piece, entry, end);
        page.reserve(1);
        page.bytes[page.end] = bitWidth;
        page.end += 1;
        page.hybrid(this.#indices, value, value + values, bitWidth);
        this.#flush('RLE_DICTIONARY', end - entry);
        value += values;
        entry = end;
      }
    }
  }

  /** The pages of entries without any value: many columns of a wide schema have no others. */
  #writeNulls(leaf: Leaf, pieces: readonly LeafPiece[]): void {
    for (const piece of pieces) {
      for (let entry = 0; entry < piece.count;) {
        const end = rowsEnd(piece, entry);
        this.#beginPage(leaf, piece, entry, end);
        this.#flush('PLAIN', end - entry);
        entry = end;
      }
    }
  }

  #writePlain(leaf: Leaf, pieces: readonly LeafPiece[], bounds: ValueBounds): void {
    for (const piece of pieces) {
      for (let entry = 0; entry < piece.count;) {
        const end = bytesEnd(leaf, piece, entry);
        this.#beginPage(leaf, piece, entry, end);
        if (leaf.node.physicalType === 'BOOLEAN') this.#plainBits(leaf, piece, entry, end, bounds);
        else this.#plainBytes(leaf, piece, entry, end, bounds);
        this.#flush('PLAIN', end - entry);
        entry = end;
      }
    }
  }

  #plainBytes(leaf: Leaf, piece: LeafPiece, from: number, to: number, bounds: ValueBounds): void {
    const { values, definitions, places } = piece;
    const { bytes, offsets, stride, width, numbers } = values;
    const page = this.#page;
    const view = viewOf(bytes);
    const isWhole = definitions === null && places === null && numbers === null;
    if (isWhole && offsets === null && stride === width) {
      page.set(bytes.subarray(from * width, to * width));
      bounds.addEach(view, from * width, to * width, width);
      return;
    }
    for (let entry = from; entry < to; entry += 1) {
      if (definitions !== null && definitions[entry] !== leaf.definition) continue;
      const place = places === null ? entry : (places[entry] ?? 0);
      const value = numbers === null ? place : (numbers[place] ?? 0);
      const start = offsets === null ? value * stride : (offsets[value] ?? 0);
      const end = offsets === null ? start + width : (offsets[value + 1] ?? 0);
      page.reserve(4 + end - start);
      if (offsets !== null) page.int32(end - start);
      page.copy(view, start, end);
      bounds.add(view, start, end);
    }
  }

  /** Eight to a byte, from the lowest bit on. */
  #plainBits(leaf: Leaf, piece: LeafPiece, from: number, to: number, bounds: ValueBounds): void {
    const { values, definitions, places } = piece;
    const page = this.#page;
    const view = viewOf(values.bytes);
    page.reserve(Math.ceil((to - from) / 8));
    const { bytes } = page;
    let at = page.end;
    let [byte, bits, seen] = [0, 0, 0];
    for (let entry = from; entry < to; entry += 1) {
      if (definitions !== null && definitions[entry] !== leaf.definition) continue;
      const place = places === null ? entry : (places[entry] ?? 0);
      const bit = values.bytes[place] ?? 0;
      // There are two values: neither changes the bounds a second time.
      if ((seen & (1 << bit)) === 0) bounds.add(view, place, place + 1);
      seen |= 1 << bit;
      byte |= bit << bits;
      bits += 1;
      if (bits < 8) continue;
      bytes[at] = byte;
      at += 1;
      [byte, bits] = [0, 0];
    }
    if (bits > 0) {
      bytes[at] = byte;
      at += 1;
    }
    page.end = at;
  }

  #beginPage(leaf: Leaf, piece: LeafPiece, start: number, end: number): void {
    const page = this.#page;
    page.end = 0;
    page.levels(piece.repetitions, { start, end }, leaf.repetition);
    page.levels(piece.definitions, { start, end }, leaf.definition);
  }

  #flush(encoding: 'dictionary' | 'PLAIN' | 'RLE_DICTIONARY', valueCount: number): void {
    const body = this.#compressed();
    const uncompressedBytes = this.#page.end;
    this.#written.add(
      encoding === 'dictionary'
        ? { kind: 'dictionary', encoding: 'PLAIN', valueCount, uncompressedBytes }
        : { kind: 'data', encoding, valueCount, uncompressedBytes },
      body,
    );
  }

  /** A copy of the page as it is written; the first page of a chunk decides for all. */
  #compressed(): Uint8Array {
    const { end } = this.#page;
    if (this.#chunkCodec !== null) return this.#pages.packed(this.#chunkCodec);
    const packed = this.#pages.packed(this.#codec);
    const pays = end < LARGE_PAGE_BYTES || packed.length <= end * COMPRESSED_SHARE_MAX;
    this.#chunkCodec = pays ? this.#codec : 'uncompressed';
    return pays ? packed : this.#pages.packed('uncompressed');
  }
}

/** Where a page ends that begins at `entry`: always between two rows. */
function rowsEnd({ count, repetitions }: LeafPiece, entry: number): number {
  if (repetitions === null) return Math.min(count, entry + PAGE_ROWS_MAX);
  let rows = 0;
  for (let at = entry; at < count; at += 1) {
    if (repetitions[at] !== 0) continue;
    rows += 1;
    if (rows > PAGE_ROWS_MAX) return at;
  }
  return count;
}

/** As `rowsEnd`, with no more bytes than a page may have, if a row alone does not have them. */
function bytesEnd(leaf: Leaf, piece: LeafPiece, entry: number): number {
  const end = rowsEnd(piece, entry);
  const { definitions, repetitions, places } = piece;
  const { offsets, numbers } = piece.values;
  if (offsets === null) return end;
  let bytes = 0;
  for (let at = entry; at < end; at += 1) {
    const isRow = repetitions === null || repetitions[at] === 0;
    if (isRow && at > entry && bytes > PAGE_BYTES_MAX) return at;
    if (definitions !== null && definitions[at] !== leaf.definition) continue;
    const place = places === null ? at : (places[at] ?? 0);
    const value = numbers === null ? place : (numbers[place] ?? 0);
    bytes += 4 + (offsets[value + 1] ?? 0) - (offsets[value] ?? 0);
  }
  return end;
}

function hasValues({ definition }: Leaf, { definitions, count }: LeafPiece): boolean {
  return definitions === null ? count > 0 : definitions.subarray(0, count).includes(definition);
}

function valueCountOf({ bytes, offsets, stride }: LeafValues): number {
  return offsets === null ? Math.floor(bytes.length / stride) : offsets.length - 1;
}

function presentCount(leaf: Leaf, { definitions }: LeafPiece, from: number, to: number): number {
  if (definitions === null) return to - from;
  let count = 0;
  for (let at = from; at < to; at += 1) if (definitions[at] === leaf.definition) count += 1;
  return count;
}

function nullCount(leaf: Leaf, piece: LeafPiece): number {
  return piece.count - presentCount(leaf, piece, 0, piece.count);
}

function sameBytes(view: DataView, left: number, right: number, length: number): boolean {
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    if (view.getInt32(left + at, true) !== view.getInt32(right + at, true)) return false;
  }
  for (; at < length; at += 1) {
    if (view.getUint8(left + at) !== view.getUint8(right + at)) return false;
  }
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
