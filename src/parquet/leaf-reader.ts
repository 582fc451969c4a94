/** The values of a `LeafChunk`. What a reader has decoded last it keeps, and no more: it is dropped when they are not wanted any more. */

import { LENGTH_BYTES, PlainValues } from './key-pages.ts';
import { decodeHybrid } from './hybrid.ts';
import { freshRoom, type LeafChunk, type Room, type StoredPage } from './leaf-chunk.ts';
import { LeafScratch } from './leaf-scratch.ts';
import type { PageCodec } from './page-codec.ts';
import { checkPage } from './page-header.ts';
import { decodeLevels, type LevelKind, numbered, presentCount, spread } from './page-levels.ts';
import { TextTable } from './text-table.ts';

/** The texts of one page of a leaf that does not repeat. */
export interface TextPage {
  /** Rows of the chunk before it. */
  readonly first: number;
  readonly rowCount: number;
  /** The texts of the page, or the dictionary that its rows choose from. */
  readonly values: PlainValues;
  /** For each row which text it has, -1 where it is null; null where the rows are the texts one by one. */
  readonly entries: Int32Array | null;
}

/** A page below its codec, of any type; what it holds is valid until the next. */
export interface RawPage {
  /** Entries, of which `present` hold a value. */
  readonly count: number;
  readonly present: number;
  /** The levels of each entry; null where no value repeats, and where all are there. */
  readonly repetition: Int32Array | null;
  readonly definition: Int32Array | null;
  /** Which value of the dictionary each value is; null where they stand in `values`, plain. */
  readonly indices: Int32Array | null;
  readonly values: Uint8Array;
}

/** The items of a leaf in a list or a map, over a whole chunk. */
export interface Items {
  /** Row `i` has the items from `ends[i - 1]` (0 for the first row) to `ends[i]`. */
  readonly ends: Int32Array;
  /** 1 for the rows whose list is null, which have no items, as those whose list is empty. */
  readonly absent: Uint8Array;
  /** Which of the texts each item is; -1 where it is null. */
  readonly entries: Int32Array;
  readonly texts: readonly string[];
}

export class LeafReader {
  readonly #chunk: LeafChunk;
  readonly #codec: PageCodec;
  readonly #scratch: LeafScratch;
  #dictionary: PlainValues | null = null;
  #page: TextPage | null = null;
  #bytes: Buffer = Buffer.alloc(0);

  /** Readers that are not used at the same time may share their memory. */
  constructor(chunk: LeafChunk, scratch: LeafScratch = new LeafScratch(chunk.corrupt)) {
    this.#chunk = chunk;
    this.#scratch = scratch;
    this.#codec = scratch.codec;
  }

  /** The text of a row, or null; cheapest in the order of the rows. */
  text(row: number): string | null {
    const page = this.#pageOf(row);
    const at = row - page.first;
    const entry = page.entries === null ? at : (page.entries[at] ?? -1);
    if (entry < 0) return null;
    const offsets = page.values.offsets();
    const start = (offsets[entry] ?? 0) + LENGTH_BYTES;
    return this.#bytes.toString('utf8', start, offsets[entry + 1]);
  }

  /** The pages, each valid until the next. */
  *textPages(): Generator<TextPage> {
    for (const stored of this.#chunk.pages) yield this.textPage(stored);
  }

  /** One of the pages, valid until the next. */
  textPage(stored: StoredPage): TextPage {
    const { header, first } = stored;
    const { definition, values } = this.#sections(stored);
    const present = presentCount(definition, header.valueCount, this.#levelMax);
    const numbers = definition === null ? null : numbered(definition, this.#levelMax);
    let page: TextPage;
    if (header.encoding === 'PLAIN') {
      const plain = new PlainValues(values, present, this.#chunk.corrupt);
      page = { first, rowCount: header.valueCount, values: plain, entries: numbers };
    } else {
      const dictionary = this.#dictionaryValues();
      const indices = this.#indices(values, present, dictionary.count);
      const entries = numbers === null ? indices.slice() : numbers.map((at) => indices[at] ?? -1);
      page = { first, rowCount: header.valueCount, values: dictionary, entries };
    }
    const { bytes } = page.values;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#page = page;
    return page;
  }

  /** The plain values of the dictionary; null where there is none. */
  rawDictionary(): { readonly bytes: Uint8Array; readonly count: number } | null {
    const { dictionary } = this.#chunk;
    if (dictionary === null) return null;
    return { bytes: this.#dictionaryBytes(), count: dictionary.header.valueCount };
  }

  /** All pages, as they stand below the codec. */
  *rawPages(): Generator<RawPage> {
    for (const stored of this.#chunk.pages) yield this.rawPage(stored);
  }

  /** One of the pages, likewise. */
  rawPage(stored: StoredPage): RawPage {
    const { valueCount: count, encoding } = stored.header;
    const { definition, repetition, values } = this.#sections(stored);
    const present = presentCount(definition, count, this.#levelMax);
    const size = this.#chunk.dictionary?.header.valueCount ?? 0;
    const indices = encoding === 'PLAIN' ? null : this.#indices(values, present, size);
    return { count, present, repetition, definition, indices, values };
  }

  /** Integers by their rows (booleans as 0 and 1), NaN where there is none; null where a double would not hold one. */
  numbers(): Float64Array | null {
    const chunk = this.#chunk;
    const numbers = new Float64Array(chunk.valueCount);
    const dictionary =
      chunk.dictionary === null ? null : new Float64Array(chunk.dictionary.header.valueCount);
    if (dictionary !== null && !this.#readNumbers(this.#dictionaryBytes(), dictionary)) return null;
    for (const stored of chunk.pages) {
      const { definition, values } = this.#sections(stored);
      const end = stored.first + stored.header.valueCount;
      const page = numbers.subarray(stored.first, end);
      const present = presentCount(definition, page.length, this.#levelMax);
      const own = page.subarray(0, present);
      if (stored.header.encoding === 'PLAIN') {
        if (!this.#readNumbers(values, own)) return null;
      } else {
        if (dictionary === null) throw chunk.corrupt('a page has no dictionary');
        const indices = this.#indices(values, present, dictionary.length);
        for (let at = 0; at < present; at += 1) {
          own[at] = dictionary[indices[at] ?? 0] ?? Number.NaN;
        }
      }
      if (definition !== null) spread(page, { present, definition, max: this.#levelMax });
    }
    return numbers;
  }

  /** The definition level of each value; null where all are there. */
  definition(): Uint8Array | null {
    const levels = new Uint8Array(this.#chunk.valueCount).fill(this.#levelMax);
    let isWhole = true;
    for (const stored of this.#chunk.pages) {
      const { definition } = this.#sections(stored);
      if (definition === null) continue;
      isWhole = false;
      levels.set(definition, stored.first);
    }
    return isWhole ? null : levels;
  }

  /** The items of a leaf that repeats; a list that is empty has none, as one that is null. */
  items(rowCount: number): Items {
    const chunk = this.#chunk;
    const { leaf, valueCount } = chunk;
    const ends = new Int32Array(rowCount);
    const absent = new Uint8Array(rowCount);
    const entries = new Int32Array(valueCount);
    const texts = new TextTable();
    let row = -1;
    let count = 0;
    for (const stored of chunk.pages) {
      const { definition, repetition, values } = this.#sections(stored);
      const present = presentCount(definition, stored.header.valueCount, this.#levelMax);
      const numbers =
        stored.header.encoding === 'PLAIN'
          ? texts.ofPlain(new PlainValues(values, present, chunk.corrupt))
          : texts.ofDictionary(this.#dictionaryValues(), (size) =>
              this.#indices(values, present, size),
            );
      const { valueCount: pageCount } = stored.header;
      for (let at = 0, next = 0; at < pageCount; at += 1) {
        if (repetition === null || repetition[at] === 0) {
          if (row >= 0) ends[row] = count;
          row += 1;
        }
        const level = definition === null ? leaf.definitionMax : (definition[at] ?? 0);
        if (level === leaf.definitionMax) {
          entries[count] = numbers[next] ?? -1;
          next += 1;
        } else if (level < leaf.itemDefinition) {
          if (level < leaf.itemDefinition - 1) absent[row] = 1;
          continue;
        } else entries[count] = -1;
        count += 1;
      }
    }
    if (row !== rowCount - 1) throw chunk.corrupt('a list has more or fewer rows than its group');
    if (row >= 0) ends[row] = count;
    return { ends, absent, entries: entries.subarray(0, count), texts: texts.texts };
  }

  get #levelMax(): number {
    return this.#chunk.leaf.definitionMax;
  }

  #pageOf(row: number): TextPage {
    const held = this.#page;
    if (held !== null && row >= held.first && row < held.first + held.rowCount) return held;
    const { pages } = this.#chunk;
    let low = 0;
    let high = pages.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((pages[middle]?.first ?? 0) <= row) low = middle;
      else high = middle;
    }
    const stored = pages[low];
    if (stored === undefined) throw this.#chunk.corrupt('a row has no page');
    return this.textPage(stored);
  }

  #dictionaryValues(): PlainValues {
    const { dictionary, corrupt } = this.#chunk;
    if (dictionary === null) throw corrupt('a page has no dictionary');
    const { valueCount } = dictionary.header;
    this.#dictionary ??= new PlainValues(this.#dictionaryBytes(), valueCount, corrupt);
    return this.#dictionary;
  }

  #dictionaryBytes(): Uint8Array {
    const { dictionary, codec, corrupt } = this.#chunk;
    if (dictionary === null) throw corrupt('a page has no dictionary');
    const { header, start } = dictionary;
    const { compressedBytes, uncompressedBytes: sizeBytes } = header;
    // Memory of its own: what is shared may hold a page that is just being read.
    const bytes = this.#chunk.bytes.read(start, start + compressedBytes, freshRoom);
    checkPage(header, bytes, corrupt);
    return this.#codec.decompress({ codec, bytes, sizeBytes }, true);
  }

  /** Valid until the next page is asked for. */
  #body({ header, start }: StoredPage): Uint8Array {
    const { bytes, corrupt } = this.#chunk;
    const { compressedBytes } = header;
    const room: Room = (count) => this.#scratch.bytes(count);
    const body = bytes.read(start, start + compressedBytes, room);
    checkPage(header, body, corrupt);
    return body;
  }

  /** Fills `numbers` from the beginning of the bytes; false where one is no safe integer. */
  #readNumbers(bytes: Uint8Array, numbers: Float64Array): boolean {
    const { physicalType } = this.#chunk.leaf.node;
    const bitWidth = physicalType === 'BOOLEAN' ? 1 : physicalType === 'INT32' ? 32 : 64;
    if (numbers.length * bitWidth > bytes.length * 8) {
      throw this.#chunk.corrupt('a page has fewer values than it says');
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < numbers.length; at += 1) {
      if (bitWidth === 1) numbers[at] = ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1;
      else if (bitWidth === 32) numbers[at] = view.getInt32(at * 4, true);
      else {
        const high = view.getInt32(at * 8 + 4, true);
        if (high >= SAFE_HIGH || high < -SAFE_HIGH) return false;
        numbers[at] = high * 2 ** 32 + view.getUint32(at * 8, true);
      }
    }
    return true;
  }

  #indices(values: Uint8Array, count: number, dictionaryCount: number): Int32Array {
    const { corrupt } = this.#chunk;
    const indices = this.#scratch.numbers('indices', count);
    const bitWidth = values[0] ?? 0;
    if (bitWidth > 32) throw corrupt('a dictionary index is too wide');
    decodeHybrid({ bytes: values, start: 1, end: values.length, bitWidth }, indices, corrupt);
    for (let at = 0; at < count; at += 1) {
      // As without a sign: below zero is beyond any dictionary.
      if ((indices[at] ?? 0) >>> 0 >= dictionaryCount) {
        throw corrupt('a row is not in its dictionary');
      }
    }
    return indices;
  }

  /** Valid until the next page is asked for. */
  #sections(page: StoredPage): Sections {
    const { header } = page;
    const { codec, leaf, corrupt } = this.#chunk;
    const body = this.#body(page);
    const count = header.valueCount;
    if (header.kind === 'data v2') {
      const { definitionBytes, repetitionBytes } = header;
      const levelBytes = definitionBytes + repetitionBytes;
      if (levelBytes > Math.min(body.length, header.uncompressedBytes)) {
        throw corrupt('the levels overrun their page');
      }
      const values = this.#codec.decompress({
        codec: header.valuesCompressed ? codec : 'uncompressed',
        bytes: body.subarray(levelBytes),
        sizeBytes: header.uncompressedBytes - levelBytes,
      });
      const levels = (from: number, to: number, max: number, usual: number): Levels =>
        max === 0 ? null : this.#levels(body.subarray(from, to), { count, max, usual });
      const { repetitionMax, definitionMax } = leaf;
      return {
        repetition: levels(0, repetitionBytes, repetitionMax, 0),
        definition: levels(repetitionBytes, levelBytes, definitionMax, definitionMax),
        values,
      };
    }
    const bytes = this.#codec.decompress({
      codec,
      bytes: body,
      sizeBytes: header.uncompressedBytes,
    });
    let place = 0;
    const levels = (max: number, usual: number): Levels => {
      if (max === 0) return null;
      const from = place + LENGTH_BYTES;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const length = from > bytes.length ? -1 : view.getInt32(place, true);
      if (length < 0 || length > bytes.length - from) throw corrupt('levels overrun their page');
      place = from + length;
      return this.#levels(bytes.subarray(from, place), { count, max, usual });
    };
    const repetition = levels(leaf.repetitionMax, 0);
    const definition = levels(leaf.definitionMax, leaf.definitionMax);
    return { repetition, definition, values: bytes.subarray(place) };
  }

  #levels(bytes: Uint8Array, kind: LevelKind): Int32Array | null {
    return decodeLevels(bytes, kind, { scratch: this.#scratch, corrupt: this.#chunk.corrupt });
  }
}

/** Of the upper half of an integer that a double holds exactly. */
const SAFE_HIGH = 2 ** 21;

type Levels = Int32Array | null;

interface Sections {
  /** Null where no value repeats, or the leaf does not. */
  readonly repetition: Levels;
  /** Null where all values are there. */
  readonly definition: Levels;
  readonly values: Uint8Array;
}
