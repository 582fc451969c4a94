/**
 * The values of one column of byte strings, page by page, as they lie in the pages: nothing is made of them. Flat columns
 * in plain and dictionary encodings only (parquet-format, Encodings.md).
 */

import { type Corrupt, corruptData } from './errors.ts';
import { decodeHybrid, isOneRun } from './hybrid.ts';
import type { KeySet } from './key-set.ts';
import { PAGE_CODECS, PageCodec } from './page-codec.ts';
import type { PageHeader } from './page-header.ts';
import { type Page, PageStream } from './page-stream.ts';
import type { ByteSource, ColumnChunk, ParquetNode, RowGroup } from './types.ts';

/** Byte strings one after another, each after its length (PLAIN). */
export class PlainValues {
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly #corrupt: Corrupt;
  #offsets: Int32Array | null = null;

  constructor(bytes: Uint8Array, count: number, corrupt: Corrupt) {
    if (count > bytes.length / LENGTH_BYTES) throw corrupt('a page has fewer values than it says');
    this.count = count;
    this.bytes = bytes;
    this.#corrupt = corrupt;
  }

  /** Calls `onHit` for each value that is in `set`: with its place among the values and its number there. */
  findEach(set: KeySet, onHit: (index: number, number: number) => void): void {
    if (!set.findEach(this.bytes, this.count, onHit)) throw this.#overrun();
  }

  /** Where each begins, with its length, and where the last one ends: value `i` is `offsets[i] + 4` to `offsets[i + 1]`. */
  offsets(): Int32Array {
    if (this.#offsets !== null) return this.#offsets;
    const { bytes, count } = this;
    const view = viewOf(bytes);
    const offsets = new Int32Array(count + 1);
    let place = 0;
    for (let index = 0; index < count; index += 1) {
      const room = bytes.length - LENGTH_BYTES - place;
      const length = room < 0 ? -1 : view.getInt32(place, true);
      if (length < 0 || length > room) throw this.#overrun();
      place += LENGTH_BYTES + length;
      offsets[index + 1] = place;
    }
    this.#offsets = offsets;
    return offsets;
  }

  #overrun(): Error {
    return this.#corrupt('a value overruns its page');
  }
}

/** One data page. What it holds is valid until the next; a dictionary, until the next row group. */
export interface KeyPage {
  readonly rowCount: number;
  /** The values of the page, or the dictionary that its rows choose from: then the same object for page after page. */
  readonly values: PlainValues;
  /** For each row which value it has, -1 where it is null; null where the rows are the values one by one. */
  readonly entries: () => Int32Array | null;
}

/** The length before each value. */
export const LENGTH_BYTES = 4;
/** Rows of a page that are decoded: more in one page are nobody's but an attacker's. */
const PAGE_ROWS_MAX = 2 ** 24;

const VALUE_ENCODINGS: ReadonlySet<string> = new Set([
  'PLAIN',
  'PLAIN_DICTIONARY',
  'RLE_DICTIONARY',
]);
/** Those and the encodings of levels. */
const CHUNK_ENCODINGS: ReadonlySet<string> = new Set([...VALUE_ENCODINGS, 'RLE', 'BIT_PACKED']);

/** Why the values of a chunk cannot be taken from its pages here; null where nothing speaks against it. */
export function whyUnreadable(node: ParquetNode, chunk: ColumnChunk): string | null {
  if (node.physicalType !== 'BYTE_ARRAY') return 'its values are no byte strings';
  if (node.repetition === 'REPEATED') return 'it repeats';
  if (node.logicalType?.kind === 'decimal') return 'its values are decimals';
  if (chunk.encrypted) return 'it is encrypted';
  if (!PAGE_CODECS.has(chunk.codec)) return `its codec is ${chunk.codec}`;
  const encoding = chunk.encodings.find((it) => !CHUNK_ENCODINGS.has(it));
  return encoding === undefined ? null : `its encoding is ${encoding}`;
}

export interface KeyChunk {
  readonly node: ParquetNode;
  readonly rowGroup: RowGroup;
  readonly chunk: ColumnChunk;
}

/** Thrown where pages are of a kind that `whyUnreadable` cannot know of; never leaves this room. */
export class UnreadablePage extends Error {}

/**
 * The data pages of a chunk. Memory is bounded by the longest page and the dictionary.
 * Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_DATA`; `UnreadablePage`.
 */
export async function* keyPages(
  source: ByteSource,
  { node, rowGroup, chunk }: KeyChunk,
): AsyncGenerator<KeyPage> {
  const corrupt: Corrupt = (why) => corruptData(source.name, new Error(why));
  const stream = new PageStream(source, chunk, corrupt);
  const decoder = new PageDecoder(node, chunk, corrupt);
  let rowsLeft = rowGroup.rowCount;
  while (rowsLeft > 0) {
    const page = await stream.next();
    if (page === null) throw corrupt('a column chunk has fewer rows than its row group');
    const decoded = decoder.decode(page, rowsLeft);
    if (decoded === null) continue;
    rowsLeft -= decoded.rowCount;
    yield decoded;
  }
}

type DataHeader = Extract<PageHeader, { readonly kind: 'data' | 'data v2' }>;

class PageDecoder {
  readonly #optional: boolean;
  readonly #codec: string;
  readonly #pages: PageCodec;
  readonly #corrupt: Corrupt;
  #dictionary: PlainValues | null = null;

  constructor(node: ParquetNode, chunk: ColumnChunk, corrupt: Corrupt) {
    this.#optional = node.repetition === 'OPTIONAL';
    this.#codec = chunk.codec;
    this.#pages = new PageCodec(corrupt);
    this.#corrupt = corrupt;
  }

  /** Null for a page without rows. */
  decode({ header, body }: Page, rowsMax: number): KeyPage | null {
    switch (header.kind) {
      case 'dictionary':
        this.#dictionary = this.#decodeDictionary(header, body);
        return null;
      case 'data':
      case 'data v2':
        return this.#decodeData(header, body, rowsMax);
      case 'other':
        return null;
      default:
        return header satisfies never;
    }
  }

  #decodeDictionary(
    header: Extract<PageHeader, { readonly kind: 'dictionary' }>,
    body: Uint8Array,
  ): PlainValues {
    if (!VALUE_ENCODINGS.has(header.encoding)) throw new UnreadablePage(header.encoding);
    const page = { codec: this.#codec, bytes: body, sizeBytes: header.uncompressedBytes };
    return new PlainValues(this.#pages.decompress(page, true), header.valueCount, this.#corrupt);
  }

  #decodeData(header: DataHeader, body: Uint8Array, rowsMax: number): KeyPage | null {
    const { valueCount: rowCount, encoding } = header;
    if (rowCount > rowsMax) throw this.#corrupt('a column chunk has more rows than its row group');
    if (!VALUE_ENCODINGS.has(encoding)) throw new UnreadablePage(encoding);
    if (rowCount > PAGE_ROWS_MAX) throw new UnreadablePage('the page has too many rows');
    if (rowCount === 0) return null;
    if (encoding === 'PLAIN') {
      const { levels, values } = this.#sections(header, body);
      const numbers = levels === null ? null : numbered(levels);
      const valueCount = numbers === null ? rowCount : countOf(numbers);
      const plain = new PlainValues(values, valueCount, this.#corrupt);
      return { rowCount, values: plain, entries: () => numbers };
    }
    const dictionary = this.#dictionary;
    if (dictionary === null) throw this.#corrupt('a page comes before its dictionary');
    const entries = (): Int32Array => this.#indices(header, body, dictionary.count);
    return { rowCount, values: dictionary, entries };
  }

  /** Which value of the dictionary each row has. */
  #indices(header: DataHeader, body: Uint8Array, dictionaryCount: number): Int32Array {
    const { levels, values } = this.#sections(header, body);
    const numbers = levels === null ? null : numbered(levels);
    const indices = new Int32Array(numbers === null ? header.valueCount : countOf(numbers));
    const bitWidth = values[0] ?? 0;
    if (bitWidth > 32) throw this.#corrupt('a dictionary index is too wide');
    decodeHybrid({ bytes: values, start: 1, end: values.length, bitWidth }, indices, this.#corrupt);
    for (const index of indices) {
      // As without a sign: below zero is beyond any dictionary.
      if (index >>> 0 >= dictionaryCount) throw this.#corrupt('a row is not in its dictionary');
    }
    return numbers === null ? indices : numbers.map((at) => (at < 0 ? -1 : (indices[at] ?? -1)));
  }

  /** Definition levels, 1 where there is a value; null where all rows have one. And the bytes of the values. */
  #sections(header: DataHeader, body: Uint8Array): Sections {
    return header.kind === 'data' ? this.#sectionsV1(header, body) : this.#sectionsV2(header, body);
  }

  #sectionsV1(header: Extract<PageHeader, { readonly kind: 'data' }>, body: Uint8Array): Sections {
    const sizeBytes = header.uncompressedBytes;
    const bytes = this.#pages.decompress({ codec: this.#codec, bytes: body, sizeBytes });
    if (!this.#optional) return { levels: null, values: bytes };
    if (header.definitionEncoding !== 'RLE') throw new UnreadablePage(header.definitionEncoding);
    const length = bytes.length < LENGTH_BYTES ? -1 : viewOf(bytes).getInt32(0, true);
    const end = LENGTH_BYTES + length;
    if (length < 0 || end > bytes.length) throw this.#corrupt('the levels overrun their page');
    return {
      levels: this.#levels(bytes.subarray(LENGTH_BYTES, end), header.valueCount),
      values: bytes.subarray(end),
    };
  }

  #sectionsV2(
    header: Extract<PageHeader, { readonly kind: 'data v2' }>,
    body: Uint8Array,
  ): Sections {
    const { definitionBytes, repetitionBytes } = header;
    const levelBytes = definitionBytes + repetitionBytes;
    if (levelBytes > Math.min(body.length, header.uncompressedBytes)) {
      throw this.#corrupt('the levels overrun their page');
    }
    const values = this.#pages.decompress({
      codec: header.valuesCompressed ? this.#codec : 'uncompressed',
      bytes: body.subarray(levelBytes),
      sizeBytes: header.uncompressedBytes - levelBytes,
    });
    const levels = body.subarray(repetitionBytes, levelBytes);
    return { levels: this.#optional ? this.#levels(levels, header.valueCount) : null, values };
  }

  #levels(bytes: Uint8Array, count: number): Int32Array | null {
    const hybrid = { bytes, start: 0, end: bytes.length, bitWidth: 1 };
    if (isOneRun(hybrid, 1, count)) return null;
    const levels = new Int32Array(count);
    decodeHybrid(hybrid, levels, this.#corrupt);
    return levels;
  }
}

interface Sections {
  readonly levels: Int32Array | null;
  readonly values: Uint8Array;
}

/** Levels made into the number of each row's value; -1 for null. */
function numbered(levels: Int32Array): Int32Array {
  let count = 0;
  for (let row = 0; row < levels.length; row += 1) {
    if (levels[row] === 0) levels[row] = -1;
    else {
      levels[row] = count;
      count += 1;
    }
  }
  return levels;
}

function countOf(numbers: Int32Array): number {
  return numbers.reduce((max, number) => Math.max(max, number), -1) + 1;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
