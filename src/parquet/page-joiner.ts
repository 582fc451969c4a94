/**
 * The values of a leaf of many files as they stand in their pages, in Snappy: of plain pages, and of dictionaries in which nearly
 * every value has a place of its own, the elements are put one behind another, and only levels and indices are decoded.
 */

import { type EncodedChunk, type Leaf, PAGE_BYTES_MAX, PAGE_ROWS_MAX } from './chunk-encoder.ts';
import { widthOf } from './gather.ts';
import { LENGTH_BYTES, PlainValues } from './key-pages.ts';
import { KeySet } from './key-set.ts';
import type { LeafChunk, StoredPage } from './leaf-chunk.ts';
import {
  decodeLevels,
  LeafReader,
  type LeafScratch,
  presentCount,
  type RawPage,
} from './leaf-reader.ts';
import { bitWidthOf, type LevelRange, PageBuffer } from './page-buffer.ts';
import { ChunkPages, type PageEncoder } from './page-encoder.ts';
import { PageEntries, type PageLevels } from './page-entries.ts';
import { checkPage, type PageHeader } from './page-header.ts';
import { addSnappyElements, firstSnappyLiteral } from './snappy-elements.ts';
import { snappyLength, snappyLiteralHead } from './snappy-encoder.ts';
import type { ChunkStatistics, ColumnChunk } from './types.ts';
import { ValueBounds } from './value-bounds.ts';

/** A chunk to be joined to others. */
export interface JoinedChunk {
  /** Whose bytes are in memory. */
  readonly pages: LeafChunk;
  readonly statistics: ChunkStatistics | null;
  /** Whether its bounds hold, and its pages have no byte that is of no value: else all of it is decoded. */
  readonly isTrusted: boolean;
}

/** Plain values in Snappy. */
interface Piece {
  /** Where its elements begin among those of all. */
  readonly start: number;
  /** Of what they give. */
  readonly sizeBytes: number;
  /** Entries of the leaf before those that have its values. */
  readonly entriesBefore: number;
}

/** Of a smaller chunk also the values of a column with few may all be different. */
const WHOLE_VALUES_MIN = 512;

export const LEAF_BYTES_MAX = 64 * 1024 * 1024;
const DICTIONARY_BYTES_MAX = 16 * 1024 * 1024;

/** One leaf, which does not repeat and does not hold booleans; its memory is used again after `clear`. */
export class PageJoiner {
  readonly #leaf: Leaf;
  readonly #width: number;
  readonly #encoder: PageEncoder;
  readonly #entries: PageEntries;
  #pieces: Piece[] = [];
  readonly #elements = new PageBuffer();
  #sizeBytes = 0;
  /** In the pieces, and in the entries. */
  #valueCount = 0;
  #presentCount = 0;
  /** Whether so far each entry that holds a value has the one that comes next. */
  #isInOrder = true;
  /** Values of dictionaries that repeat, and which value of the pieces each is. */
  #keys = new KeySet();
  #keyNumbers: number[] = [];
  #bounds: ValueBounds | null;

  constructor(leaf: Leaf, encoder: PageEncoder) {
    this.#leaf = leaf;
    this.#width = widthOf(leaf.node);
    this.#encoder = encoder;
    this.#entries = new PageEntries(leaf);
    this.#bounds = new ValueBounds(leaf.node);
  }

  /** Whether so many bytes of values are held that more would make pages, or a dictionary, too long. */
  get isFull(): boolean {
    return this.#sizeBytes >= (this.#isInOrder ? LEAF_BYTES_MAX : DICTIONARY_BYTES_MAX);
  }

  /** Adds the entries of a chunk, whose levels are those of the leaf. Errors: `PARQUET_CORRUPT_DATA`. */
  add(joined: JoinedChunk, scratch: LeafScratch): void {
    const { pages: chunk, statistics, isTrusted } = joined;
    this.#addBounds(chunk, isTrusted ? statistics : null);
    const reader = new LeafReader(chunk, scratch);
    let numbers: Numbers | null = null;
    for (const stored of chunk.pages) {
      if (stored.header.encoding === 'PLAIN') {
        this.#addPlain(stored, { joined, reader, scratch });
      } else {
        const page = reader.rawPage(stored);
        numbers ??= this.#addDictionary(joined, reader);
        this.#addEntries(numbered(page, numbers), numbers.first);
      }
    }
  }

  /** What was added, as plain pages where its values stand in order, else with a dictionary of all of them. */
  encode(): EncodedChunk {
    const written = new ChunkPages();
    const isPlain = this.#isInOrder && this.#valueCount === this.#presentCount;
    if (!isPlain) this.#writeDictionary(written);
    const dataStart = written.sizeBytes;
    if (isPlain) this.#writePlain(written);
    else this.#writeIndices(written);
    const { path, node } = this.#leaf;
    const nullCount = BigInt(this.#entries.count - this.#presentCount);
    const bounds = this.#bounds?.bounds() ?? { min: null, max: null };
    const { sizeBytes, uncompressedBytes, parts } = written;
    const chunk = {
      path,
      physicalType: node.physicalType ?? 'BYTE_ARRAY',
      codec: 'snappy',
      encodings: isPlain ? ['PLAIN', 'RLE'] : ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      valueCount: this.#entries.count,
      start: 0,
      sizeBytes,
      dataStart,
      uncompressedBytes,
      bloomFilter: null,
      statistics: { ...bounds, nullCount },
      encrypted: false,
    };
    return { chunk, parts };
  }

  clear(): void {
    this.#entries.clear();
    this.#pieces = [];
    this.#elements.end = 0;
    this.#sizeBytes = 0;
    this.#valueCount = 0;
    this.#presentCount = 0;
    this.#isInOrder = true;
    this.#keys = new KeySet();
    this.#keyNumbers = [];
    this.#bounds = new ValueBounds(this.#leaf.node);
  }

  /** Where those of one chunk are not known, there are none for all. */
  #addBounds(chunk: LeafChunk, statistics: ChunkStatistics | null): void {
    if (!isBounded(this.#leaf, chunk, statistics)) this.#bounds = null;
    for (const bound of [statistics?.min ?? null, statistics?.max ?? null]) {
      if (bound === null) continue;
      const view = new DataView(bound.buffer, bound.byteOffset, bound.byteLength);
      this.#bounds?.add(view, 0, bound.length);
    }
  }

  #addEntries(page: PageLevels & { readonly present: number }, first: number): void {
    const { present, indices } = page;
    const next = this.#presentCount - first;
    if (this.#isInOrder)
      this.#isInOrder = indices === null ? next === 0 : isRun(indices, next, present);
    this.#presentCount += present;
    this.#entries.add(page, first);
  }

  /** Notes values whose elements were added from `start` on; the number of the first. */
  #addPiece(start: number, { count, sizeBytes }: ValuesSize): number {
    const first = this.#valueCount;
    this.#pieces.push({ start, sizeBytes, entriesBefore: this.#entries.count });
    this.#valueCount += count;
    this.#sizeBytes += sizeBytes;
    return first;
  }

  #addDictionary({ pages: chunk, isTrusted }: JoinedChunk, reader: LeafReader): Numbers {
    const { dictionary, corrupt, codec } = chunk;
    if (dictionary === null) throw corrupt('a page has no dictionary');
    const { valueCount: count, uncompressedBytes: sizeBytes } = dictionary.header;
    const isNearlyWhole = chunk.valueCount >= WHOLE_VALUES_MIN && count * 2 > chunk.valueCount;
    const isRaw = isTrusted && codec === 'snappy' && this.#isSound(dictionary.header);
    if (isNearlyWhole && isRaw && this.#fits({ count, sizeBytes })) {
      const start = this.#elements.end;
      addSnappyElements(this.#elements, bodyOf(dictionary, chunk), { from: 0, sizeBytes, corrupt });
      return { first: this.#addPiece(start, { count, sizeBytes }), each: null };
    }
    const bytes = reader.rawDictionary()?.bytes ?? NOTHING;
    if (isNearlyWhole) return { first: this.#addValues(bytes, count, chunk), each: null };
    return { first: 0, each: this.#intern(bytes, count, chunk) };
  }

  /** Adds those of the values that were not there before; the number of each. */
  #intern(bytes: Uint8Array, count: number, chunk: LeafChunk): Int32Array {
    const numbers = new Int32Array(count);
    const ends = this.#endsOf(bytes, count, chunk);
    const page = this.#encoder.page;
    page.end = 0;
    let added = 0;
    for (let at = 0; at < count; at += 1) {
      const from = at === 0 ? 0 : (ends[at - 1] ?? 0);
      const to = ends[at] ?? 0;
      const before = this.#keys.size;
      const key = this.#keys.intern(bytes, from, to);
      if (key === before) {
        this.#keyNumbers.push(this.#valueCount + added);
        page.set(bytes.subarray(from, to));
        added += 1;
      }
      numbers[at] = this.#keyNumbers[key] ?? 0;
    }
    if (added > 0) this.#addPage(added);
    return numbers;
  }

  #addPlain(stored: StoredPage, from: PageSource): void {
    const { joined, reader } = from;
    const { pages: chunk, isTrusted } = joined;
    const isRaw = isTrusted && chunk.codec === 'snappy' && this.#isSound(stored.header);
    if (isRaw && stored.header.kind === 'data' && this.#takePlain(stored, from)) return;
    const page = reader.rawPage(stored);
    this.#addEntries(page, this.#addValues(page.values, page.present, chunk));
  }

  /** Adds a plain page as it is compressed; false where its levels cannot be taken away from that. */
  #takePlain(stored: StoredPage, { joined: { pages: chunk }, scratch }: PageSource): boolean {
    const { corrupt } = chunk;
    const { valueCount: count, uncompressedBytes } = stored.header;
    const body = bodyOf(stored, chunk);
    const { definition: max } = this.#leaf;
    let from = 0;
    let definition: Int32Array | null = null;
    if (max > 0) {
      const literal = firstSnappyLiteral(body, uncompressedBytes, corrupt);
      if (literal.length < LENGTH_BYTES) return false;
      const view = new DataView(literal.buffer, literal.byteOffset, literal.length);
      from = LENGTH_BYTES + view.getUint32(0, true);
      if (from > literal.length) return false;
      const levels = literal.subarray(LENGTH_BYTES, from);
      definition = decodeLevels(levels, { count, max, usual: max }, { scratch, corrupt });
    }
    const present = presentCount(definition, count, max);
    const size = { count: present, sizeBytes: uncompressedBytes - from };
    const start = this.#elements.end;
    const cut = { from, sizeBytes: uncompressedBytes, corrupt };
    if (!this.#fits(size) || !addSnappyElements(this.#elements, body, cut)) return false;
    const page = { count, present, definition, repetition: null, indices: null };
    this.#addEntries(page, this.#addPiece(start, size));
    return true;
  }

  /** Whether no damage within the page could make its values begin elsewhere, and with them those of others behind it. */
  #isSound({ checksum }: PageHeader): boolean {
    return this.#width > 0 || checksum !== null;
  }

  /** Whether so many bytes can be so many values, as far as that can be told without decoding them. */
  #fits({ count, sizeBytes }: ValuesSize): boolean {
    return this.#width === 0
      ? sizeBytes >= count * LENGTH_BYTES
      : sizeBytes === count * this.#width;
  }

  /** Adds the first `count` values of some that are plain; the number of the first. */
  #addValues(bytes: Uint8Array, count: number, chunk: LeafChunk): number {
    const page = this.#encoder.page;
    page.end = 0;
    page.set(bytes.subarray(0, count === 0 ? 0 : this.#endsOf(bytes, count, chunk)[count - 1]));
    return this.#addPage(count);
  }

  /** Adds the values that the page under way holds; the number of the first. */
  #addPage(count: number): number {
    const sizeBytes = this.#encoder.page.end;
    const start = this.#elements.end;
    this.#elements.set(this.#encoder.packed('snappy').subarray(snappyLength(sizeBytes).length));
    return this.#addPiece(start, { count, sizeBytes });
  }

  /** Where each value ends. */
  #endsOf(bytes: Uint8Array, count: number, { corrupt }: LeafChunk): Int32Array {
    const width = this.#width;
    if (width === 0) return new PlainValues(bytes, count, corrupt).offsets().subarray(1);
    if (count * width > bytes.length) throw corrupt('a page has fewer values than it says');
    return Int32Array.from({ length: count }, (_, at) => (at + 1) * width);
  }

  #writePlain(written: ChunkPages): void {
    const { definitions } = this.#entries.levels();
    const { definition: max } = this.#leaf;
    const { page } = this.#encoder;
    for (const { entries, elements, sizeBytes } of this.#plainPages()) {
      page.end = 0;
      page.levels(definitions, entries, max);
      const levels = page.bytes.subarray(0, page.end);
      const uncompressedBytes = levels.length + sizeBytes;
      const head = levels.length === 0 ? [] : [snappyLiteralHead(levels.length), levels];
      const valueCount = entries.end - entries.start;
      written.add(
        { kind: 'data', encoding: 'PLAIN', valueCount, uncompressedBytes },
        Buffer.concat([snappyLength(uncompressedBytes), ...head, elements]),
      );
    }
  }

  /** Pieces that are neighbours, and all entries, as pages of the usual length. */
  *#plainPages(): Generator<{
    readonly entries: LevelRange;
    readonly elements: Uint8Array;
    readonly sizeBytes: number;
  }> {
    const { bytes, end } = this.#elements;
    let [entry, start, sizeBytes] = [0, 0, 0];
    for (const piece of this.#pieces) {
      const { entriesBefore } = piece;
      const isFull =
        entriesBefore - entry >= PAGE_ROWS_MAX || sizeBytes + piece.sizeBytes > PAGE_BYTES_MAX;
      if (isFull && sizeBytes > 0) {
        const elements = bytes.subarray(start, piece.start);
        yield { entries: { start: entry, end: entriesBefore }, elements, sizeBytes };
        [entry, start, sizeBytes] = [entriesBefore, piece.start, 0];
      }
      sizeBytes += piece.sizeBytes;
    }
    const entries = { start: entry, end: this.#entries.count };
    yield { entries, elements: bytes.subarray(start, end), sizeBytes };
  }

  #writeDictionary(written: ChunkPages): void {
    const { bytes, end } = this.#elements;
    const uncompressedBytes = this.#sizeBytes;
    written.add(
      { kind: 'dictionary', encoding: 'PLAIN', valueCount: this.#valueCount, uncompressedBytes },
      Buffer.concat([snappyLength(uncompressedBytes), bytes.subarray(0, end)]),
    );
  }

  #writeIndices(written: ChunkPages): void {
    const { definitions } = this.#entries.levels();
    const { definition: max } = this.#leaf;
    const { count } = this.#entries;
    const { page } = this.#encoder;
    const indices = presentNumbers(this.#entries, definitions, max);
    const bitWidth = bitWidthOf(this.#valueCount - 1);
    let value = 0;
    for (let start = 0; start < count; start += PAGE_ROWS_MAX) {
      const end = Math.min(count, start + PAGE_ROWS_MAX);
      const from = value;
      if (definitions === null) value += end - start;
      else for (let at = start; at < end; at += 1) value += Number(definitions[at] === max);
      page.end = 0;
      page.levels(definitions, { start, end }, max);
      page.set(Uint8Array.of(bitWidth));
      page.hybrid(indices, from, value, bitWidth);
      const uncompressedBytes = page.end;
      written.add(
        { kind: 'data', encoding: 'RLE_DICTIONARY', valueCount: end - start, uncompressedBytes },
        this.#encoder.packed('snappy'),
      );
    }
  }
}

/** Which values those of a dictionary are: all from `first` on, or each by itself. */
interface Numbers {
  readonly first: number;
  readonly each: Int32Array | null;
}

/** Of plain values. */
interface ValuesSize {
  readonly count: number;
  readonly sizeBytes: number;
}

interface PageSource {
  readonly joined: JoinedChunk;
  readonly reader: LeafReader;
  readonly scratch: LeafScratch;
}

const NOTHING = new Uint8Array(0);

/** Whether the bounds of a chunk are there, as far as it holds any value. */
export function isBounded(
  { node }: Pick<Leaf, 'node'>,
  { valueCount }: Pick<ColumnChunk, 'valueCount'>,
  statistics: ChunkStatistics | null,
): boolean {
  if (statistics === null) return false;
  if (statistics.nullCount === BigInt(valueCount)) return true;
  const width = widthOf(node);
  return [statistics.min, statistics.max].every(
    (bound) => bound !== null && (width === 0 || bound.length === width),
  );
}

/** What follows the header of a page. */
function bodyOf(
  { header, start }: { readonly header: PageHeader; readonly start: number },
  { bytes, corrupt }: LeafChunk,
): Uint8Array {
  const body = bytes.read(start, start + header.compressedBytes, NOTHING);
  checkPage(header, body, corrupt);
  return body;
}

/** Whether the first `count` numbers go up one by one from `first`. */
function isRun(numbers: Int32Array, first: number, count: number): boolean {
  for (let at = 0; at < count; at += 1) if (numbers[at] !== first + at) return false;
  return true;
}

function numbered(page: RawPage, { each }: Numbers): RawPage {
  const { indices, present } = page;
  if (each === null || indices === null) return page;
  for (let at = 0; at < present; at += 1) indices[at] = each[indices[at] ?? 0] ?? 0;
  return page;
}

/** The numbers of the entries that hold a value, one after another. */
function presentNumbers(
  { numbers, count }: PageEntries,
  definitions: Uint8Array | null,
  max: number,
): Int32Array {
  if (definitions === null) return numbers;
  const present = new Int32Array(count);
  let next = 0;
  for (let at = 0; at < count; at += 1) {
    if (definitions[at] !== max) continue;
    present[next] = numbers[at] ?? 0;
    next += 1;
  }
  return present;
}
