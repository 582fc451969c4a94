/**
 * A column chunk kept in memory as it lies in its file, and decoded page by page, without a promise, when its values are
 * asked for. Leaves in plain and dictionary encodings, which repeat in one list or map at most.
 */

import { type Corrupt, corruptData, truncated } from './errors.ts';
import type { HeldFile } from './held-file.ts';
import { PAGE_CODECS } from './page-codec.ts';
import { checkPage, decodePageHeader, type PageHeader } from './page-header.ts';
import type { ByteSource, ColumnChunk, ParquetFooter, ParquetNode } from './types.ts';

/** A leaf of a schema, with the levels of its values (Dremel, as parquet-format has it). */
export interface Leaf {
  readonly path: readonly string[];
  readonly node: ParquetNode;
  /** Of a value that is there. */
  readonly definitionMax: number;
  /** 0, or 1 in a list or a map. */
  readonly repetitionMax: number;
  /** Of an item of the list or the map, whether it is null or not; 0 for other leaves. */
  readonly itemDefinition: number;
}

/** The bytes of a chunk: in memory, or in a local file that stays open. */
export interface ChunkBytes {
  /** Bytes `start` (inclusive) to `end` (exclusive): a view, or else in the memory that is asked of `room`. */
  read(start: number, end: number, room: Room): Uint8Array;
}

/** At least so many bytes. */
export type Room = (byteCount: number) => Uint8Array;

/** A data page as it lies in its chunk. */
export interface StoredPage {
  readonly header: Extract<PageHeader, { readonly kind: 'data' | 'data v2' }>;
  /** Where what follows the header starts in the chunk. */
  readonly start: number;
  /** Values of the chunk before this page: rows, where the leaf does not repeat. Nulls count. */
  readonly first: number;
}

/** The bytes of a chunk, and where in them its pages are. */
export interface LeafChunk {
  readonly leaf: Leaf;
  /** Nulls count. */
  readonly valueCount: number;
  /** Null where the footer does not say. */
  readonly nullCount: number | null;
  readonly codec: string;
  readonly dictionary: {
    readonly header: Extract<PageHeader, { readonly kind: 'dictionary' }>;
    readonly start: number;
  } | null;
  readonly pages: readonly StoredPage[];
  readonly bytes: ChunkBytes;
  readonly corrupt: Corrupt;
}

/** The leaf at a path, or null where the file has none. */
export function leafAt(columns: readonly ParquetNode[], path: readonly string[]): Leaf | null {
  let children = columns;
  let definitionMax = 0;
  let repetitionMax = 0;
  let itemDefinition = 0;
  let node: ParquetNode | undefined;
  for (const name of path) {
    node = children.find((child) => child.name === name);
    if (node === undefined) return null;
    if (node.repetition !== 'REQUIRED') definitionMax += 1;
    if (node.repetition === 'REPEATED') {
      repetitionMax += 1;
      itemDefinition = definitionMax;
    }
    children = node.children;
  }
  if (node === undefined || node.physicalType === null) return null;
  return { path, node, definitionMax, repetitionMax, itemDefinition };
}

/** The chunk of a leaf in a row group; null where the row group has none. */
export function chunkOf(
  footer: ParquetFooter,
  rowGroup: number,
  path: readonly string[],
): ColumnChunk | null {
  const name = path.join('\u0000');
  const chunks = footer.rowGroups[rowGroup]?.columns ?? [];
  return chunks.find((chunk) => chunk.path.join('\u0000') === name) ?? null;
}

/** Whether the footer leaves hope that `openLeaf` can read the chunk. */
export function isReadable(leaf: Leaf, chunk: ColumnChunk): boolean {
  return (
    leaf.repetitionMax <= 1 &&
    ['BYTE_ARRAY', 'BOOLEAN', 'INT32', 'INT64'].includes(leaf.node.physicalType ?? '') &&
    leaf.node.logicalType?.kind !== 'decimal' &&
    !chunk.encrypted &&
    PAGE_CODECS.has(chunk.codec) &&
    chunk.encodings.every((encoding) => ENCODINGS.has(encoding))
  );
}

/** Where the bytes of a chunk are. */
export interface StoredChunk {
  readonly leaf: Leaf;
  readonly chunk: ColumnChunk;
  readonly bytes: ChunkBytes;
  /** For messages. */
  readonly file: string;
}

/**
 * Finds the pages of a chunk by their headers. Null where one of them is of a kind that is not read here.
 * Errors: `PARQUET_CORRUPT_DATA`, those of the bytes.
 */
export function openLeaf({ leaf, chunk, bytes, file }: StoredChunk): LeafChunk | null {
  const corrupt: Corrupt = (why) => corruptData(file, new Error(why));
  let dictionary: LeafChunk['dictionary'] = null;
  const pages: StoredPage[] = [];
  let first = 0;
  for (let place = 0; first < chunk.valueCount;) {
    if (place >= chunk.sizeBytes) throw corrupt('a column chunk has fewer values than it says');
    const header = readHeader({ chunk, bytes }, place, corrupt);
    const start = place + header.headerBytes;
    place = start + header.compressedBytes;
    if (place > chunk.sizeBytes) throw corrupt('a page overruns its column chunk');
    if (header.kind === 'other') continue;
    if (!VALUE_ENCODINGS.has(header.encoding)) return null;
    if (header.kind === 'dictionary') {
      if (dictionary !== null || first > 0) throw corrupt('a chunk has a second dictionary');
      dictionary = { header, start };
      continue;
    }
    if (header.kind === 'data' && header.definitionEncoding !== 'RLE' && leaf.definitionMax > 0) {
      return null;
    }
    if (header.valueCount > PAGE_VALUES_MAX) return null;
    pages.push({ header, start, first });
    first += header.valueCount;
  }
  if (first !== chunk.valueCount) throw corrupt('a column chunk has more values than it says');
  const nulls = chunk.statistics?.nullCount ?? null;
  return {
    leaf,
    valueCount: first,
    nullCount: nulls === null ? null : Number(nulls),
    codec: chunk.codec,
    dictionary,
    pages,
    bytes,
    corrupt,
  };
}

/** Holds the pages that have checksums to them. Errors: `PARQUET_CORRUPT_DATA`, those of the bytes. */
export function verifyPages({ dictionary, pages, bytes, corrupt }: LeafChunk): void {
  let memory = new Uint8Array(0);
  const room: Room = (count) => {
    if (memory.length < count) memory = new Uint8Array(count);
    return memory;
  };
  for (const { header, start } of dictionary === null ? pages : [dictionary, ...pages]) {
    if (header.checksum === null) continue;
    checkPage(header, bytes.read(start, start + header.compressedBytes, room), corrupt);
  }
}

/** The bytes of a chunk that stays in a local file. */
export function bytesOnDisk(file: HeldFile, { start: base }: ColumnChunk): ChunkBytes {
  return {
    read: (start, end, room) => {
      const count = end - start;
      return file.readSync(base + start, room(count).subarray(0, count));
    },
  };
}

/** The bytes of a chunk, brought to memory. Errors: those of the source, `PARQUET_TRUNCATED`. */
export async function fetchChunk(source: ByteSource, chunk: ColumnChunk): Promise<ChunkBytes> {
  const last = chunk.start + chunk.sizeBytes;
  const parts: Uint8Array[] = [];
  for (let from = chunk.start; from < last; from += PIECE_BYTES_MAX) {
    parts.push(await source.read(from, Math.min(last, from + PIECE_BYTES_MAX)));
  }
  const [only] = parts;
  const bytes = parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
  if (bytes.length !== chunk.sizeBytes) throw truncated(source.name, 'a column chunk is missing');
  return { read: (start, end) => bytes.subarray(start, end) };
}

function readHeader(
  { chunk, bytes }: Pick<StoredChunk, 'chunk' | 'bytes'>,
  place: number,
  corrupt: Corrupt,
): PageHeader {
  for (let roomBytes = HEADER_BYTES; ; roomBytes *= 16) {
    const end = Math.min(chunk.sizeBytes, place + roomBytes);
    const piece = bytes.read(place, end, freshRoom);
    try {
      return decodePageHeader(piece, corrupt);
    } catch (error) {
      // It may go on after what was read: bounds of long texts make a header long.
      if (end === chunk.sizeBytes || roomBytes >= HEADER_BYTES_MAX) throw error;
    }
  }
}

/** Memory of its own for each. */
export const freshRoom: Room = (byteCount) => new Uint8Array(byteCount);

/** Read for a header at first, and at most. */
const HEADER_BYTES = 4 * 1024;
const HEADER_BYTES_MAX = 16 * 1024 * 1024;
/** Longer chunks are asked for in pieces. */
const PIECE_BYTES_MAX = 64 * 1024 * 1024;
/** Values of a page that are decoded: more in one page are nobody's but an attacker's. */
const PAGE_VALUES_MAX = 2 ** 24;

const VALUE_ENCODINGS: ReadonlySet<string> = new Set([
  'PLAIN',
  'PLAIN_DICTIONARY',
  'RLE_DICTIONARY',
]);
/** Those and the encodings of levels. */
const ENCODINGS: ReadonlySet<string> = new Set([...VALUE_ENCODINGS, 'RLE', 'BIT_PACKED']);
