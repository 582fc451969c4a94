/**
 * The files of one row group of a checkpoint, in columns. What every listing asks for is decoded; paths, statistics and what is
 * seldom there stay the pages that they came as. PROTOCOL.md, "Checkpoint Schema".
 */

import { assert } from '../base/index.ts';
import type { AddFile, DeletionVectorDescriptor } from '../log/index.ts';
import type * as Parquet from '../parquet/index.ts';
import type { ByteSource, LeafChunk, ParquetFooter } from '../parquet/index.ts';
import { typedStatistics } from './checkpoint-statistics.ts';
import { entriesOf, type PartitionItems, type PartitionTable } from './partition-table.ts';

/** A number for each row, where there is one; NaN elsewhere. */
type Numbers = Float64Array;

export interface FileSegment {
  readonly rowCount: number;
  /** 1 for the rows that hold a file; null where all do. */
  readonly isFile: Uint8Array | null;
  readonly sizes: Numbers;
  readonly modificationTimes: Numbers;
  /** The number of each row's partition values in the table of these: decoded when first asked for. */
  readonly partitions: () => Int32Array;
  readonly paths: LeafChunk;
  readonly statistics: LeafChunk | null;
  readonly tags: { readonly keys: LeafChunk; readonly values: LeafChunk } | null;
  readonly clusteringProviders: LeafChunk | null;
  readonly baseRowIds: Numbers | null;
  readonly defaultRowCommitVersions: Numbers | null;
  /** By row. */
  readonly vectors: ReadonlyMap<number, DeletionVectorDescriptor>;
  /** Where all of its row group is, as long as it can be read without waiting. */
  readonly origin: SegmentOrigin | null;
}

export interface SegmentOrigin {
  readonly held: Parquet.HeldFile;
  readonly footer: ParquetFooter;
  readonly rowGroup: number;
}

export interface SegmentSource {
  readonly parquet: typeof Parquet;
  readonly source: ByteSource;
  /** The source, where it is a local file: then the pages that a segment keeps are left in it. */
  readonly held: Parquet.HeldFile | null;
  readonly footer: ParquetFooter;
  readonly rowGroup: number;
}

/**
 * The files of a row group; null where their columns are laid out or encoded in a way that is not read here, or hold what an
 * action may not: then the rows are for those who read any, and tell what is wrong with them.
 * Errors: those of the source, `PARQUET_TRUNCATED`, `PARQUET_CORRUPT_DATA`.
 */
export async function readSegment(
  from: SegmentSource,
  table: PartitionTable,
): Promise<FileSegment | null> {
  const { held, footer, rowGroup } = from;
  const rowCount = footer.rowGroups[rowGroup]?.rowCount ?? 0;
  const found = await fetchColumns(from);
  if (found === null) return null;
  const paths = found.get('path') ?? null;
  const decoder = new SegmentDecoder(from.parquet, found, rowCount);
  const sizes = decoder.numbers('size');
  const modificationTimes = decoder.numbers('modificationTime');
  if (paths === null || sizes === null || modificationTimes === null) return null;
  const isFile = decoder.presence('path');
  for (let row = 0; row < rowCount; row += 1) {
    if (isFile !== null && isFile[row] === 0) continue;
    if (!((sizes[row] ?? -1) >= 0) || Number.isNaN(modificationTimes[row])) return null;
  }
  const vectors = decoder.vectors();
  const [baseRowIds, defaultRowCommitVersions] = [
    decoder.optionalNumbers('baseRowId'),
    decoder.optionalNumbers('defaultRowCommitVersion'),
  ];
  if (vectors === null || baseRowIds === undefined || defaultRowCommitVersions === undefined) {
    return null;
  }
  const keys = found.get('tags.key') ?? null;
  const values = found.get('tags.value') ?? null;
  // What is left encoded is at least what was written, where its writer said how to tell.
  for (const name of KEPT) {
    const chunk = found.get(name);
    if (chunk !== undefined) from.parquet.verifyPages(chunk);
  }
  return {
    rowCount,
    isFile,
    sizes,
    modificationTimes,
    partitions: partitionsOf(from.parquet, found, { rowCount, table }),
    paths,
    statistics: found.get('stats') ?? (await typedStatistics(from)),
    tags: keys === null || values === null ? null : { keys, values },
    clusteringProviders: found.get('clusteringProvider') ?? null,
    baseRowIds,
    defaultRowCommitVersions,
    vectors,
    origin: held === null ? null : { held, footer, rowGroup },
  };
}

/** The bytes of a chunk: left in its file where that is local. Errors: those of the source, `PARQUET_TRUNCATED`. */
export function bytesOf(
  { parquet, source, held }: SegmentSource,
  chunk: Parquet.ColumnChunk,
): Parquet.ChunkBytes | Promise<Parquet.ChunkBytes> {
  return held === null ? parquet.fetchChunk(source, chunk) : parquet.bytesOnDisk(held, chunk);
}

/** Makes the files of a segment, one by one; cheapest in the order of their rows. */
export class SegmentReader {
  readonly #segment: FileSegment;
  readonly #table: PartitionTable;
  readonly #paths: Parquet.LeafReader;
  readonly #statistics: Parquet.LeafReader | null;
  readonly #clusteringProviders: Parquet.LeafReader | null;
  readonly #tags: PartitionItems | null;

  constructor(parquet: typeof Parquet, segment: FileSegment, table: PartitionTable) {
    const readerOf = (chunk: LeafChunk | null): Parquet.LeafReader | null =>
      chunk === null ? null : new parquet.LeafReader(chunk);
    this.#segment = segment;
    this.#table = table;
    this.#paths = new parquet.LeafReader(segment.paths);
    this.#statistics = readerOf(segment.statistics);
    this.#clusteringProviders = readerOf(segment.clusteringProviders);
    const keys = readerOf(segment.tags?.keys ?? null);
    const values = readerOf(segment.tags?.values ?? null);
    this.#tags =
      keys === null || values === null
        ? null
        : { keys: keys.items(segment.rowCount), values: values.items(segment.rowCount) };
  }

  path(row: number): string {
    const path = this.#paths.text(row);
    assert(path !== null, 'a row without a file was asked for its path');
    return path;
  }

  file(row: number, options: { readonly statistics: boolean }): AddFile {
    return this.#file(row, this.path(row), options);
  }

  /** The file with an empty path. */
  outline(row: number, options: { readonly statistics: boolean }): AddFile {
    return this.#file(row, '', options);
  }

  #file(row: number, path: string, options: { readonly statistics: boolean }): AddFile {
    const segment = this.#segment;
    const file: { -readonly [Member in keyof AddFile]: AddFile[Member] } = {
      path,
      partitionValues: this.#table.values(segment.partitions()[row] ?? 0),
      size: segment.sizes[row] ?? 0,
      modificationTime: segment.modificationTimes[row] ?? 0,
      // Whatever the checkpoint says: its files change nothing (PROTOCOL.md, "Checkpoints").
      dataChange: false,
    };
    const stats = options.statistics ? (this.#statistics?.text(row) ?? null) : null;
    if (stats !== null) file.stats = stats;
    const vector = segment.vectors.get(row);
    if (vector !== undefined) file.deletionVector = vector;
    const tags = this.#tags === null ? null : textMap(this.#tags, row);
    if (tags !== null) file.tags = tags;
    const baseRowId = segment.baseRowIds?.[row];
    if (isThere(baseRowId)) file.baseRowId = baseRowId;
    const version = segment.defaultRowCommitVersions?.[row];
    if (isThere(version)) file.defaultRowCommitVersion = version;
    const provider = this.#clusteringProviders?.text(row) ?? null;
    if (provider !== null) file.clusteringProvider = provider;
    return file;
  }
}

/** The leaves that a segment keeps as they are. */
const KEPT = [
  'path',
  'stats',
  'partitionValues.key',
  'partitionValues.value',
  'tags.key',
  'tags.value',
  'clusteringProvider',
];

/** The leaves below `add`, by the names that they have here. */
const LEAVES: Readonly<Record<string, readonly string[]>> = {
  path: ['path'],
  size: ['size'],
  modificationTime: ['modificationTime'],
  stats: ['stats'],
  'partitionValues.key': ['partitionValues', 'key_value', 'key'],
  'partitionValues.value': ['partitionValues', 'key_value', 'value'],
  'tags.key': ['tags', 'key_value', 'key'],
  'tags.value': ['tags', 'key_value', 'value'],
  clusteringProvider: ['clusteringProvider'],
  baseRowId: ['baseRowId'],
  defaultRowCommitVersion: ['defaultRowCommitVersion'],
  'vector.storageType': ['deletionVector', 'storageType'],
  'vector.pathOrInlineDv': ['deletionVector', 'pathOrInlineDv'],
  'vector.offset': ['deletionVector', 'offset'],
  'vector.sizeInBytes': ['deletionVector', 'sizeInBytes'],
  'vector.cardinality': ['deletionVector', 'cardinality'],
};

type Columns = ReadonlyMap<string, LeafChunk>;

/** The chunks of the leaves that hold any value; null where one cannot be read here. */
async function fetchColumns(from: SegmentSource): Promise<Columns | null> {
  const { parquet, source, footer, rowGroup } = from;
  const add = footer.columns.find((column) => column.name === 'add');
  const groups = (add?.children ?? []).filter(({ name }) => MAPS.has(name));
  // A map in one of the older layouts.
  if (groups.some((map) => map.children[0]?.name !== 'key_value')) return null;
  const wanted = Object.entries(LEAVES).flatMap(([name, path]) => {
    const leaf = parquet.leafAt(footer.columns, ['add', ...path]);
    const chunk = leaf === null ? null : parquet.chunkOf(footer, rowGroup, leaf.path);
    if (leaf === null || chunk === null) return [];
    const isEmpty = chunk.statistics?.nullCount === BigInt(chunk.valueCount);
    return isEmpty && name !== 'path' ? [] : [{ name, leaf, chunk }];
  });
  if (wanted.some(({ leaf, chunk }) => !parquet.isReadable(leaf, chunk))) return null;
  const columns = new Map<string, LeafChunk>();
  for (const { name, leaf, chunk } of wanted) {
    const bytes = await bytesOf(from, chunk);
    const opened = parquet.openLeaf({ leaf, chunk, bytes, file: source.name });
    if (opened === null) return null;
    columns.set(name, opened);
  }
  return columns;
}

const MAPS: ReadonlySet<string> = new Set(['partitionValues', 'tags']);
class SegmentDecoder {
  readonly #parquet: typeof Parquet;
  readonly #columns: Columns;
  readonly #rowCount: number;
  #scratch: Parquet.LeafScratch | undefined;

  constructor(parquet: typeof Parquet, columns: Columns, rowCount: number) {
    this.#parquet = parquet;
    this.#columns = columns;
    this.#rowCount = rowCount;
  }

  numbers(name: string): Numbers | null {
    const column = this.#columns.get(name);
    return column === undefined ? null : this.#reader(column).numbers();
  }

  /** Null where there are none; undefined where one is beyond what a double holds. */
  optionalNumbers(name: string): Numbers | null | undefined {
    const isThere = this.#columns.has(name);
    return isThere ? (this.numbers(name) ?? undefined) : null;
  }

  /** 1 for the rows that have a value in a column; null where all do. */
  presence(name: string): Uint8Array | null {
    const column = this.#columns.get(name);
    if (column === undefined || column.nullCount === 0) return null;
    const levels = this.#reader(column).definition();
    const max = column.leaf.definitionMax;
    return levels === null ? null : levels.map((level) => Number(level === max));
  }

  /** By row; null where a number is none that a vector may have. */
  vectors(): ReadonlyMap<number, DeletionVectorDescriptor> | null {
    const vectors = new Map<number, DeletionVectorDescriptor>();
    const chunk = this.#columns.get('vector.storageType');
    const paths = this.#columns.get('vector.pathOrInlineDv');
    if (chunk === undefined || paths === undefined) return vectors;
    const { LeafReader } = this.#parquet;
    const storageTypes = new LeafReader(chunk);
    const places = new LeafReader(paths);
    const offsets = this.numbers('vector.offset');
    const sizes = this.numbers('vector.sizeInBytes');
    const cardinalities = this.numbers('vector.cardinality');
    for (let row = 0; row < this.#rowCount; row += 1) {
      const storageType = storageTypes.text(row);
      if (storageType === null) continue;
      const pathOrInlineDv = places.text(row);
      const [sizeInBytes, cardinality] = [sizes?.[row] ?? -1, cardinalities?.[row] ?? -1];
      if (pathOrInlineDv === null || !(sizeInBytes >= 0) || !(cardinality >= 0)) return null;
      const offset = offsets?.[row];
      if (isThere(offset) && offset < 0) return null;
      const vector = { storageType, pathOrInlineDv, sizeInBytes, cardinality };
      vectors.set(row, isThere(offset) ? { ...vector, offset } : vector);
    }
    return vectors;
  }

  /** For a column that is decoded whole before the next one is. */
  #reader(chunk: LeafChunk): Parquet.LeafReader {
    this.#scratch ??= new this.#parquet.LeafScratch(chunk.corrupt);
    return new this.#parquet.LeafReader(chunk, this.#scratch);
  }
}

/** Decodes the numbers once; until then it holds nothing but the pages. */
function partitionsOf(
  parquet: typeof Parquet,
  columns: Columns,
  { rowCount, table }: { readonly rowCount: number; readonly table: PartitionTable },
): () => Int32Array {
  const keys = columns.get('partitionValues.key');
  const values = columns.get('partitionValues.value');
  let numbers: Int32Array | null = null;
  return () => (numbers ??= decode());

  function decode(): Int32Array {
    if (keys === undefined) return new Int32Array(rowCount);
    const scratch = new parquet.LeafScratch(keys.corrupt);
    const items = (chunk: LeafChunk): Parquet.Items =>
      new parquet.LeafReader(chunk, scratch).items(rowCount);
    return table.numbersOf({
      keys: items(keys),
      values: values === undefined ? null : items(values),
    });
  }
}

/** Null where the map has no entries. */
function textMap(items: PartitionItems, row: number): Record<string, string | null> | null {
  const start = row === 0 ? 0 : (items.keys.ends[row - 1] ?? 0);
  const end = items.keys.ends[row] ?? 0;
  return start === end ? null : entriesOf(items, start, end);
}

function isThere(number: number | undefined): number is number {
  return number !== undefined && !Number.isNaN(number);
}
