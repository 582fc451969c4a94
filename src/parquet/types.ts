/** What a Parquet footer says, and what may be done with the bytes it describes. */

/** Random access to the bytes of one file. */
export interface ByteSource {
  /** For messages: a path or a URI. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes `start` (inclusive) to `end` (exclusive), all of them. */
  read(start: number, end: number): Promise<Uint8Array>;
  /**
   * As `read`, into `target`, and answers with how many bytes there were. Where a source has it, it is cheaper: nobody has to
   * find memory for each piece of a long file.
   */
  readInto?(start: number, target: Uint8Array): Promise<number>;
  /** Fills `target` from `start` on, without a promise, and gives it back. Local files have it. */
  readSync?(start: number, target: Uint8Array): Uint8Array;
}

export type PhysicalType =
  | 'BOOLEAN'
  | 'INT32'
  | 'INT64'
  | 'INT96'
  | 'FLOAT'
  | 'DOUBLE'
  | 'BYTE_ARRAY'
  | 'FIXED_LEN_BYTE_ARRAY';

/**
 * The logical type, or what the converted type means where only that is there. `unknown` is Parquet's own name for a
 * column of nulls; `other` is a logical type that this reader does not know.
 */
export type LogicalType =
  | {
      readonly kind: 'string' | 'enum' | 'json' | 'bson' | 'uuid' | 'float16' | 'date' | 'interval';
    }
  | { readonly kind: 'list' | 'map' | 'unknown' | 'variant' | 'other' }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'integer'; readonly bitWidth: number; readonly signed: boolean }
  | {
      readonly kind: 'timestamp' | 'time';
      readonly unit: 'ms' | 'us' | 'ns';
      readonly adjustedToUtc: boolean;
    };

/** A node of the schema tree; a leaf has a physical type and no children. */
export interface ParquetNode {
  readonly name: string;
  readonly repetition: 'REQUIRED' | 'OPTIONAL' | 'REPEATED';
  readonly physicalType: PhysicalType | null;
  readonly typeLength: number | null;
  /** Null where there is none. */
  readonly logicalType: LogicalType | null;
  readonly fieldId: number | null;
  /** Of a leaf whose days before 1582-10-15 are Julian ones; absent for all others. */
  readonly calendar?: 'julian';
  readonly children: readonly ParquetNode[];
}

/** Bounds as they stand in the footer: raw bytes of `min_value` and `max_value`; never the deprecated fields. */
export interface ChunkStatistics {
  readonly min: Uint8Array | null;
  readonly max: Uint8Array | null;
  readonly nullCount: bigint | null;
}

export interface ColumnChunk {
  /** From the root: `['a', 'list', 'element']`. */
  readonly path: readonly string[];
  readonly physicalType: PhysicalType;
  readonly codec: string;
  readonly encodings: readonly string[];
  readonly valueCount: number;
  /** First byte of the chunk's pages (dictionary page included) and their length in bytes. */
  readonly start: number;
  readonly sizeBytes: number;
  /** First byte of the data pages: `start`, or after the dictionary page. */
  readonly dataStart: number;
  readonly uncompressedBytes: number;
  /** Bytes `start` (inclusive) to `end` (exclusive) of its Bloom filter; null where it has none. */
  readonly bloomFilter: { readonly start: number; readonly end: number } | null;
  readonly statistics: ChunkStatistics | null;
  readonly encrypted: boolean;
}

export interface RowGroup {
  readonly rowCount: number;
  readonly columns: readonly ColumnChunk[];
}

export interface ParquetFooter {
  /** Bytes of the footer as they are, without the length and the magic at the end. */
  readonly bytes: Uint8Array;
  readonly fileSizeBytes: number;
  readonly rowCount: number;
  /** Top-level columns. */
  readonly columns: readonly ParquetNode[];
  readonly rowGroups: readonly RowGroup[];
  readonly createdBy: string | null;
  readonly keyValues: ReadonlyMap<string, string>;
  /** Whether `column_orders` say that `min_value` and `max_value` are in the type's own order. */
  readonly typeDefinedOrder: boolean;
}

/** Whether the bytes of a file may enter a table as they are. */
export type VerbatimVerdict =
  | { readonly kind: 'verbatim' }
  /** The rows fit, the bytes do not: decode and encode again. `reasons` are for people. */
  | { readonly kind: 'decode'; readonly reasons: readonly string[] }
  /** The rows do not fit: a column is missing where it may not be, or has another type. */
  | { readonly kind: 'reject'; readonly code: string; readonly reason: string };

export type Codec = 'snappy' | 'zstd' | 'gzip' | 'uncompressed';
