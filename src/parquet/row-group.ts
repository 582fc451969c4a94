/** Row groups of a footer (parquet.thrift, `RowGroup`, `ColumnChunk`, `ColumnMetaData`, `Statistics`). */

import { corruptFooter } from './errors.ts';
import { physicalTypeOf, type SchemaLeaf } from './schema-tree.ts';
import type { FieldType, ThriftReader } from './thrift.ts';
import type { ChunkStatistics, ColumnChunk, RowGroup } from './types.ts';

/** What a row group is checked against. */
export interface RowGroupContext {
  readonly file: string;
  readonly leaves: readonly SchemaLeaf[];
  /** No page lies at or after this byte. */
  readonly dataEnd: number;
}

/** Reads one `RowGroup`; its chunks must be those of `leaves`, and lie inside the file. */
export function readRowGroup(
  reader: ThriftReader,
  type: FieldType,
  context: RowGroupContext,
): RowGroup {
  let rowCount = -1;
  const columns: ColumnChunk[] = [];
  reader.nested(type, (id, fieldType) => {
    if (id === 1) {
      reader.list(fieldType, (elementType) => {
        const leaf = context.leaves[columns.length];
        if (leaf === undefined) {
          throw corruptFooter(context.file, 'a row group has more columns than the schema');
        }
        columns.push(readChunk(reader, elementType, { ...context, leaf }));
      });
    } else if (id === 3) rowCount = reader.integer(fieldType);
    else reader.skip(fieldType);
  });
  if (columns.length !== context.leaves.length) {
    throw corruptFooter(context.file, 'a row group has fewer columns than the schema');
  }
  if (rowCount < 0) throw corruptFooter(context.file, 'a row group has no row count');
  return { rowCount, columns };
}

/** By their number in the format. */
export const CODECS: readonly string[] = [
  'uncompressed',
  'snappy',
  'gzip',
  'lzo',
  'brotli',
  'lz4',
  'zstd',
  'lz4_raw',
];
/** By their number in the format. */
export const ENCODINGS: readonly string[] = [
  'PLAIN',
  'UNKNOWN_1',
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
];

export function encodingOf(code: number): string {
  return ENCODINGS[code] ?? `UNKNOWN_${code}`;
}

interface ChunkContext extends RowGroupContext {
  readonly leaf: SchemaLeaf;
}

interface ChunkMetadata {
  readonly physicalType: number;
  readonly encodings: readonly string[];
  readonly path: readonly string[];
  readonly codec: number;
  readonly valueCount: number;
  readonly uncompressedBytes: number;
  readonly sizeBytes: number;
  readonly dataPageOffset: number;
  readonly dictionaryPageOffset: number;
  readonly bloomFilterOffset: number;
  /** 0 where the writer does not say. */
  readonly bloomFilterBytes: number;
  readonly statistics: ChunkStatistics | null;
}

function readChunk(reader: ThriftReader, type: FieldType, context: ChunkContext): ColumnChunk {
  let metadata: ChunkMetadata | null = null;
  let encrypted = false;
  reader.nested(type, (id, fieldType) => {
    if (id === 1) {
      if (reader.text(fieldType) !== '') {
        throw corruptFooter(context.file, 'it keeps the data of a column in another file');
      }
    } else if (id === 3) metadata = readMetadata(reader, fieldType);
    else {
      if (id === 8 || id === 9) encrypted = true;
      reader.skip(fieldType);
    }
  });
  if (metadata !== null) return checkedChunk(metadata, encrypted, context);
  if (encrypted) return sealedChunk(context.leaf);
  throw corruptFooter(context.file, 'a column chunk has no metadata');
}

/** A chunk whose metadata is encrypted with a key of its own. */
function sealedChunk(leaf: SchemaLeaf): ColumnChunk {
  return {
    path: leaf.path,
    physicalType: leaf.node.physicalType ?? 'BYTE_ARRAY',
    codec: 'unknown',
    encodings: [],
    valueCount: 0,
    start: 0,
    sizeBytes: 0,
    dataStart: 0,
    uncompressedBytes: 0,
    bloomFilter: null,
    statistics: null,
    encrypted: true,
  };
}

function checkedChunk(
  metadata: ChunkMetadata,
  encrypted: boolean,
  context: ChunkContext,
): ColumnChunk {
  const { file, leaf, dataEnd } = context;
  const physicalType = physicalTypeOf(metadata.physicalType, file);
  if (physicalType !== leaf.node.physicalType || !samePath(metadata.path, leaf.path)) {
    throw corruptFooter(file, 'the columns of a row group are not those of the schema');
  }
  const { dataPageOffset, dictionaryPageOffset, sizeBytes, valueCount } = metadata;
  // Some writers put 0 where there is no dictionary page.
  const hasDictionary = dictionaryPageOffset > 0 && dictionaryPageOffset < dataPageOffset;
  const start = hasDictionary ? dictionaryPageOffset : dataPageOffset;
  const outside = start < 0 || sizeBytes < 0 || start + sizeBytes > dataEnd;
  if (valueCount < 0 || (sizeBytes !== 0 && outside)) {
    throw corruptFooter(file, 'a column chunk lies outside the file');
  }
  return {
    path: leaf.path,
    physicalType,
    codec: CODECS[metadata.codec] ?? `unknown_${metadata.codec}`,
    encodings: metadata.encodings,
    valueCount,
    start,
    sizeBytes,
    dataStart: dataPageOffset,
    uncompressedBytes: metadata.uncompressedBytes,
    bloomFilter: bloomFilterRange(metadata, dataEnd),
    statistics: metadata.statistics,
    encrypted,
  };
}

/** Writers that do not say how long a filter is get the longest that readers take. */
function bloomFilterRange(
  { bloomFilterOffset: start, bloomFilterBytes }: ChunkMetadata,
  dataEnd: number,
): ColumnChunk['bloomFilter'] {
  if (start <= 0 || start >= dataEnd) return null;
  const sizeBytes = bloomFilterBytes > 0 ? bloomFilterBytes : BLOOM_FILTER_BYTES_MAX;
  return { start, end: Math.min(dataEnd, start + sizeBytes) };
}

const BLOOM_FILTER_BYTES_MAX = 1024 * 1024;

function readMetadata(reader: ThriftReader, type: FieldType): ChunkMetadata {
  const numbers = new Map<number, number>();
  const encodings: string[] = [];
  const path: string[] = [];
  let statistics: ChunkStatistics | null = null;
  reader.nested(type, (id, fieldType) => {
    if (id === 2) {
      reader.list(fieldType, (elementType) => {
        encodings.push(encodingOf(reader.integer(elementType)));
      });
    } else if (id === 3) {
      reader.list(fieldType, (elementType) => path.push(reader.text(elementType)));
    } else if (id === 12) statistics = readStatistics(reader, fieldType);
    else if (NUMBER_FIELDS.has(id)) numbers.set(id, reader.integer(fieldType));
    else reader.skip(fieldType);
  });
  return {
    physicalType: numbers.get(1) ?? -1,
    encodings,
    path,
    codec: numbers.get(4) ?? 0,
    valueCount: numbers.get(5) ?? -1,
    uncompressedBytes: numbers.get(6) ?? 0,
    sizeBytes: numbers.get(7) ?? -1,
    dataPageOffset: numbers.get(9) ?? -1,
    dictionaryPageOffset: numbers.get(11) ?? 0,
    bloomFilterOffset: numbers.get(14) ?? 0,
    bloomFilterBytes: numbers.get(15) ?? 0,
    statistics,
  };
}

const NUMBER_FIELDS: ReadonlySet<number> = new Set([1, 4, 5, 6, 7, 9, 11, 14, 15]);

function readStatistics(reader: ThriftReader, type: FieldType): ChunkStatistics {
  let min: Uint8Array | null = null;
  let max: Uint8Array | null = null;
  let nullCount: bigint | null = null;
  reader.nested(type, (id, fieldType) => {
    if (id === 3) nullCount = BigInt(reader.integer(fieldType));
    else if (id === 5) max = reader.binary(fieldType);
    else if (id === 6) min = reader.binary(fieldType);
    // Fields 1 and 2 are the deprecated bounds, whose order is not defined.
    else reader.skip(fieldType);
  });
  return { min, max, nullCount };
}

function samePath(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((part, index) => part === right[index]);
}
