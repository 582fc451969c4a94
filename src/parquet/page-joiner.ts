/**
 * The values of a leaf of many files as they stand in their pages, in Snappy: of plain pages, and of dictionaries in which nearly
 * every value has a place of its own, the elements are put one behind another, and only levels and indices are decoded.
 */

import { type EncodedChunk, type Leaf, PAGE_BYTES_MAX, PAGE_ROWS_MAX } from './chunk-encoder.ts';
import type { Corrupt } from './errors.ts';
import { widthOf } from './gather.ts';
import { JoinedValues, type Place } from './joined-values.ts';
import { LENGTH_BYTES } from './key-pages.ts';
import { KeySet } from './key-set.ts';
import { freshRoom, type LeafChunk, type StoredPage } from './leaf-chunk.ts';
import { LeafReader, type RawPage } from './leaf-reader.ts';
import type { LeafScratch } from './leaf-scratch.ts';
import { bitWidthOf, type LevelRange } from './page-buffer.ts';
import { ChunkPages, type PageEncoder } from './page-encoder.ts';
import { PageEntries, type PageLevels } from './page-entries.ts';
import { checkPage, type PageHeader } from './page-header.ts';
import { decodeLevels, presentCount } from './page-levels.ts';
import { firstSnappyLiteral } from './snappy-elements.ts';
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

/** Of a smaller chunk also the values of a column with few may all be different. */
const WHOLE_VALUES_MIN = 512;

export const LEAF_BYTES_MAX = 64 * 1024 * 1024;
const DICTIONARY_BYTES_MAX = 16 * 1024 * 1024;

/** One leaf, which does not repeat and does not hold booleans; its memory is used again after `clear`. */
export class PageJoiner {
  readonly #leaf: Leaf;
  readonly #encoder: PageEncoder;
  readonly #values: JoinedValues;
  readonly #entries: PageEntries;
  /** Entries that hold a value. */
  #presentCount = 0;
  /** Whether so far each entry that holds a value has the one that comes next. */
  #isInOrder = true;
  /** Values of dictionaries that repeat, and which of all values each is. */
  #keys = new KeySet();
  #keyNumbers: number[] = [];
  #bounds: ValueBounds | null;

  constructor(leaf: Leaf, encoder: PageEncoder) {
    this.#leaf = leaf;
    this.#encoder = encoder;
    this.#values = new JoinedValues(leaf.node, encoder);
    this.#entries = new PageEntries(leaf);
    this.#bounds = new ValueBounds(leaf.node);
  }

  /** Whether so many bytes of values are held that more would make pages, or a dictionary, too long. */
  get isFull(): boolean {
    return this.#values.sizeBytes >= (this.#isInOrder ? LEAF_BYTES_MAX : DICTIONARY_BYTES_MAX);
  }

  /** Adds the entries of a chunk, whose levels are those of the leaf. Errors: `PARQUET_CORRUPT_DATA`. */
  add(joined: JoinedChunk, scratch: LeafScratch): void {
    const { pages: chunk, statistics, isTrusted } = joined;
    this.#addBounds(chunk, isTrusted ? statistics : null);
    const reader = new LeafReader(chunk, scratch);
    const source = { joined, reader, scratch };
    let numbers: Numbers | null = null;
    for (const stored of chunk.pages) {
      if (stored.header.encoding === 'PLAIN') this.#addPlain(stored, source);
      else {
        numbers ??= this.#addDictionary(source);
        this.#addEntries(numbered(reader.rawPage(stored), numbers), numbers.first);
      }
    }
  }

  /** What was added, as plain pages where its values stand in order, else with a dictionary of all of them. */
  encode(): EncodedChunk {
    const written = new ChunkPages();
    const isPlain = this.#isInOrder && this.#values.count === this.#presentCount;
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
    this.#values.clear();
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

  #addDictionary({ joined, scratch }: PageSource): Numbers {
    const { pages: chunk, isTrusted } = joined;
    const { dictionary, corrupt, codec } = chunk;
    if (dictionary === null) throw corrupt('a page has no dictionary');
    const { valueCount: count, uncompressedBytes: sizeBytes, checksum } = dictionary.header;
    const body = bodyOf(dictionary, chunk);
    const place = this.#placeOf(chunk, scratch);
    const isNearlyWhole = chunk.valueCount >= WHOLE_VALUES_MIN && count * 2 > chunk.valueCount;
    if (isNearlyWhole && isTrusted && codec === 'snappy') {
      const page = { body, isChecked: checksum !== null, sizeBytes, from: 0, count };
      const first = this.#values.take(page, place);
      if (first !== null) return { first, each: null };
    }
    const bytes = scratch.codec.decompress({ codec, bytes: body, sizeBytes });
    if (isNearlyWhole) return { first: this.#values.addPlain(bytes, count, place), each: null };
    return { first: 0, each: this.#intern(bytes, count, corrupt) };
  }

  /** Adds those of the values that were not there before; the number of each. */
  #intern(bytes: Uint8Array, count: number, corrupt: Corrupt): Int32Array {
    const numbers = new Int32Array(count);
    const ends = this.#values.ends(bytes, count, corrupt);
    const { page } = this.#encoder;
    page.end = 0;
    let added = 0;
    for (let at = 0; at < count; at += 1) {
      const from = at === 0 ? 0 : (ends[at - 1] ?? 0);
      const to = ends[at] ?? 0;
      const before = this.#keys.size;
      const key = this.#keys.intern(bytes, from, to);
      if (key === before) {
        this.#keyNumbers.push(this.#values.count + added);
        page.set(bytes.subarray(from, to));
        added += 1;
      }
      numbers[at] = this.#keyNumbers[key] ?? 0;
    }
    if (added > 0) this.#values.addPage(added, { entriesBefore: this.#entries.count });
    return numbers;
  }

  #addPlain(stored: StoredPage, source: PageSource): void {
    const { joined, reader, scratch } = source;
    const { pages: chunk, isTrusted } = joined;
    const isRaw = isTrusted && chunk.codec === 'snappy' && stored.header.kind === 'data';
    if (isRaw && this.#takePlain(stored, source)) return;
    const page = reader.rawPage(stored);
    const place = this.#placeOf(chunk, scratch);
    this.#addEntries(page, this.#values.addPlain(page.values, page.present, place));
  }

  /** Adds a plain page as it is compressed; false where its levels cannot be taken away from that. */
  #takePlain(stored: StoredPage, { joined: { pages: chunk }, scratch }: PageSource): boolean {
    const { corrupt } = chunk;
    const { valueCount: count, uncompressedBytes: sizeBytes, checksum } = stored.header;
    const body = bodyOf(stored, chunk);
    const { definition: max } = this.#leaf;
    let from = 0;
    let definition: Int32Array | null = null;
    if (max > 0) {
      const literal = firstSnappyLiteral(body, sizeBytes, corrupt);
      if (literal.length < LENGTH_BYTES) return false;
      const view = new DataView(literal.buffer, literal.byteOffset, literal.length);
      from = LENGTH_BYTES + view.getUint32(0, true);
      if (from > literal.length) return false;
      const levels = literal.subarray(LENGTH_BYTES, from);
      definition = decodeLevels(levels, { count, max, usual: max }, { scratch, corrupt });
    }
    const present = presentCount(definition, count, max);
    const isChecked = checksum !== null;
    const first = this.#values.take(
      { body, isChecked, sizeBytes, from, count: present },
      this.#placeOf(chunk, scratch),
    );
    if (first === null) return false;
    this.#addEntries({ count, present, definition, repetition: null, indices: null }, first);
    return true;
  }

  /** Where values of a chunk that are added next belong. */
  #placeOf({ corrupt }: LeafChunk, { codec }: LeafScratch): Place {
    return { entriesBefore: this.#entries.count, codec, corrupt };
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
    const { elements: all, pieces } = this.#values;
    let [entry, start, sizeBytes] = [0, 0, 0];
    for (const piece of pieces) {
      const { entriesBefore } = piece;
      const isFull =
        entriesBefore - entry >= PAGE_ROWS_MAX || sizeBytes + piece.sizeBytes > PAGE_BYTES_MAX;
      if (isFull && sizeBytes > 0) {
        const elements = all.subarray(start, piece.start);
        yield { entries: { start: entry, end: entriesBefore }, elements, sizeBytes };
        [entry, start, sizeBytes] = [entriesBefore, piece.start, 0];
      }
      sizeBytes += piece.sizeBytes;
    }
    const entries = { start: entry, end: this.#entries.count };
    yield { entries, elements: all.subarray(start), sizeBytes };
  }

  #writeDictionary(written: ChunkPages): void {
    const { count: valueCount, sizeBytes: uncompressedBytes, elements } = this.#values;
    written.add(
      { kind: 'dictionary', encoding: 'PLAIN', valueCount, uncompressedBytes },
      Buffer.concat([snappyLength(uncompressedBytes), elements]),
    );
  }

  #writeIndices(written: ChunkPages): void {
    const { definitions } = this.#entries.levels();
    const { definition: max } = this.#leaf;
    const { count } = this.#entries;
    const { page } = this.#encoder;
    const indices = presentNumbers(this.#entries, definitions, max);
    const bitWidth = bitWidthOf(this.#values.count - 1);
    let value = 0;
    for (let start = 0; start < count; start += PAGE_ROWS_MAX) {
      const end = Math.min(count, start + PAGE_ROWS_MAX);
      const from = value;
      if (definitions === null) value += end - start;
      else for (let at = start; at < end; at += 1) if (definitions[at] === max) value += 1;
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

interface PageSource {
  readonly joined: JoinedChunk;
  readonly reader: LeafReader;
  readonly scratch: LeafScratch;
}

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
  const body = bytes.read(start, start + header.compressedBytes, freshRoom);
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
