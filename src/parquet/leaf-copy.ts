/**
 * Column chunks that go to another file without being encoded again: page by page, but for the pages that hold rows which are
 * not wanted there. What is copied was seen to be whole, by its checksum or else by decoding it, and has a checksum from then on.
 */

import { crc32 } from 'node:zlib';

import { freshRoom, type LeafChunk, type StoredPage } from './leaf-chunk.ts';
import { LeafReader, type TextPage } from './leaf-reader.ts';
import { bitWidthOf } from './page-buffer.ts';
import { encodePageHeader, PageEncoder, type PageOutline } from './page-encoder.ts';
import { checkPage, type PageHeader } from './page-header.ts';
import type { ChunkStatistics, Codec, ColumnChunk } from './types.ts';

/** Bytes that stay where they are until they are wanted. */
export class StoredBytes {
  readonly length: number;
  readonly #chunk: LeafChunk;
  readonly #start: number;
  readonly #bodies: readonly StoredBody[];

  /** From `start` to the end of the last of these pages, which rise. */
  constructor(chunk: LeafChunk, start: number, bodies: readonly StoredBody[]) {
    const last = bodies.at(-1);
    this.length = last === undefined ? 0 : last.start + last.header.compressedBytes - start;
    this.#chunk = chunk;
    this.#start = start;
    this.#bodies = bodies;
  }

  /** Fills `target`, which is as long. Errors: those of the bytes, `PARQUET_CORRUPT_DATA` where they have changed. */
  copyTo(target: Uint8Array): void {
    const bytes = this.#chunk.bytes.read(this.#start, this.#start + this.length, () => target);
    if (bytes.buffer !== target.buffer) target.set(bytes);
    for (const { header, start } of this.#bodies) {
      const from = start - this.#start;
      const body = target.subarray(from, from + header.compressedBytes);
      checkPage(header, body, this.#chunk.corrupt);
    }
  }
}

interface StoredBody {
  readonly header: PageHeader;
  /** Where what follows the header starts in the chunk. */
  readonly start: number;
}

/** What bytes of a file are made of. */
export type FilePart = Uint8Array | StoredBytes;

/** A chunk, and its place were it the first bytes of the file. */
export interface CopiedLeaf {
  readonly chunk: ColumnChunk;
  readonly parts: readonly FilePart[];
}

export interface LeafCopyOptions {
  /** Rows to leave out, in rising order. */
  readonly dropped: readonly number[];
  /** Of the chunk, where they are known to hold. */
  readonly bounds: Pick<ChunkStatistics, 'min' | 'max'> | null;
}

/** Copies one chunk after another, in the same memory. */
export class LeafCopier {
  readonly #pages = new PageEncoder();

  /**
   * Null where the pages cannot be taken over: those of a repeating leaf and of numbers can where they have checksums and no row is
   * left out. Of a row that stays, all that holds the leaf must be there.
   * Errors: those of the bytes, `PARQUET_CORRUPT_DATA`.
   */
  copy(chunk: LeafChunk, { dropped, bounds }: LeafCopyOptions): CopiedLeaf | null {
    const codec = CODECS.find((it) => it === chunk.codec);
    const pages = [...(chunk.dictionary === null ? [] : [chunk.dictionary]), ...chunk.pages];
    const isDecoded = dropped.length > 0 || pages.some(({ header }) => header.checksum === null);
    if (codec === undefined || (isDecoded && !isDecodable(chunk))) return null;
    const draft = new ChunkDraft(chunk);
    const reader = new LeafReader(chunk);
    if (chunk.dictionary !== null) draft.keep(chunk.dictionary);
    draft.endDictionary();
    let next = 0;
    for (const stored of chunk.pages) {
      const end = stored.first + stored.header.valueCount;
      const rows = new Set<number>();
      for (; (dropped[next] ?? end) < end; next += 1) rows.add((dropped[next] ?? 0) - stored.first);
      if (rows.size > 0) {
        const { encoding } = stored.header;
        draft.nullsDropped += this.#fill(reader.textPage(stored), { rows, encoding, chunk });
        const valueCount = stored.header.valueCount - rows.size;
        const uncompressedBytes = this.#pages.page.end;
        const outline = { kind: 'data', encoding, valueCount, uncompressedBytes } as const;
        if (valueCount > 0) draft.add(outline, this.#pages.packed(codec));
      } else {
        if (stored.header.checksum === null) reader.textPage(stored).values.offsets();
        draft.keep(stored);
      }
    }
    return draft.finish(bounds);
  }

  /** Makes the page under way of a page without some of its rows; tells how many of these were null. */
  #fill(
    { rowCount, entries, values }: TextPage,
    without: {
      readonly rows: ReadonlySet<number>;
      readonly encoding: string;
      readonly chunk: LeafChunk;
    },
  ): number {
    const { definitionMax } = without.chunk.leaf;
    const definitions = new Uint8Array(rowCount - without.rows.size);
    const kept = new Int32Array(definitions.length);
    let [place, present, nullsDropped] = [0, 0, 0];
    for (let row = 0; row < rowCount; row += 1) {
      const entry = entries === null ? row : (entries[row] ?? -1);
      if (without.rows.has(row)) {
        nullsDropped += Number(entry < 0);
        continue;
      }
      definitions[place] = entry < 0 ? definitionMax - 1 : definitionMax;
      place += 1;
      if (entry < 0) continue;
      kept[present] = entry;
      present += 1;
    }
    const page = this.#pages.page;
    const end = definitions.length;
    page.end = 0;
    page.levels(present === end ? null : definitions, { start: 0, end }, definitionMax);
    if (without.encoding === 'PLAIN') {
      const offsets = values.offsets();
      for (const entry of kept.subarray(0, present)) {
        page.set(values.bytes.subarray(offsets[entry], offsets[entry + 1]));
      }
    } else {
      const bitWidth = bitWidthOf(values.count - 1);
      page.set(Uint8Array.of(bitWidth));
      page.hybrid(kept, 0, present, bitWidth);
    }
    return nullsDropped;
  }
}

const CODECS: readonly Codec[] = ['snappy', 'zstd', 'gzip', 'uncompressed'];

/** Whether the pages are of the kind that is made anew here. */
function isDecodable({ leaf, pages }: LeafChunk): boolean {
  const { node, repetitionMax } = leaf;
  const isText = node.physicalType === 'BYTE_ARRAY' && repetitionMax === 0;
  return isText && pages.every(({ header }) => header.kind === 'data');
}

/** A chunk as it is put together. */
class ChunkDraft {
  readonly #chunk: LeafChunk;
  readonly #parts: FilePart[] = [];
  readonly #encodings = new Set(['RLE']);
  /** Pages that lie one after another in the chunk, to be taken over in one piece. */
  #run: { readonly start: number; end: number; readonly bodies: StoredBody[] } | null = null;
  #sizeBytes = 0;
  #uncompressedBytes = 0;
  #valueCount = 0;
  #dataStart = 0;
  nullsDropped = 0;

  constructor(chunk: LeafChunk) {
    this.#chunk = chunk;
  }

  /** A page as it is; one without a checksum gets a header that has one. */
  keep({ header, start }: StoredPage | NonNullable<LeafChunk['dictionary']>): void {
    const end = start + header.compressedBytes;
    const outline: PageOutline = {
      ...header,
      kind: header.kind === 'dictionary' ? 'dictionary' : 'data',
    };
    if (header.checksum === null) {
      this.#endRun();
      const body = this.#chunk.bytes.read(start, end, freshRoom);
      const own = encodePageHeader(outline, body);
      const checked = { ...header, checksum: crc32(body) };
      this.#parts.push(own, new StoredBytes(this.#chunk, start, [{ header: checked, start }]));
      this.#note(outline, { headerBytes: own.length, bodyBytes: body.length });
      return;
    }
    const from = start - header.headerBytes;
    if (this.#run?.end !== from) this.#endRun();
    this.#run ??= { start: from, end, bodies: [] };
    this.#run.end = end;
    this.#run.bodies.push({ header, start });
    this.#note(outline, { headerBytes: header.headerBytes, bodyBytes: end - start });
  }

  /** A page that was made anew. */
  add(outline: PageOutline, body: Uint8Array): void {
    this.#endRun();
    const header = encodePageHeader(outline, body);
    this.#parts.push(header, body);
    this.#note(outline, { headerBytes: header.length, bodyBytes: body.length });
  }

  endDictionary(): void {
    this.#dataStart = this.#sizeBytes;
  }

  finish(bounds: LeafCopyOptions['bounds']): CopiedLeaf {
    this.#endRun();
    const { leaf, codec, nullCount } = this.#chunk;
    const nulls = nullCount === null ? null : BigInt(nullCount - this.nullsDropped);
    const { min, max } = bounds ?? { min: null, max: null };
    const chunk: ColumnChunk = {
      path: leaf.path,
      physicalType: leaf.node.physicalType ?? 'BYTE_ARRAY',
      codec,
      encodings: [...this.#encodings],
      valueCount: this.#valueCount,
      start: 0,
      sizeBytes: this.#sizeBytes,
      dataStart: this.#dataStart,
      uncompressedBytes: this.#uncompressedBytes,
      bloomFilter: null,
      statistics: { min, max, nullCount: nulls },
      encrypted: false,
    };
    return { chunk, parts: this.#parts };
  }

  #note(
    { kind, encoding, valueCount, uncompressedBytes }: PageOutline,
    sizes: { readonly headerBytes: number; readonly bodyBytes: number },
  ): void {
    this.#encodings.add(encoding);
    this.#sizeBytes += sizes.headerBytes + sizes.bodyBytes;
    this.#uncompressedBytes += sizes.headerBytes + uncompressedBytes;
    if (kind === 'data') this.#valueCount += valueCount;
  }

  #endRun(): void {
    if (this.#run === null) return;
    this.#parts.push(new StoredBytes(this.#chunk, this.#run.start, this.#run.bodies));
    this.#run = null;
  }
}
