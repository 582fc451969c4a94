/** One data file on its way into a table: its name, its bytes, and the `add` that its own footer proves. */

import { present } from '../../base/index.ts';
import type { RowIdColumns } from '../../engine/index.ts';
import type { AddFile, PartitionValues } from '../../log/index.ts';
import {
  type Codec,
  footerStatistics,
  localFileSource,
  mapColumns,
  mapColumnsOf,
  memorySource,
  type ParquetFooter,
  readFooter,
} from '../../parquet/index.ts';
import {
  type DataType,
  decodePath,
  encodePath,
  type FileStatistics,
  findField,
  mappingMode,
  partitionPath,
  physicalName,
  printStatistics,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import type { ObjectMeta, ObjectStore } from '../../store/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { filesWithoutColumns, nullNotAllowed } from './errors.ts';
import { rowIdColumnsOf, rowIdFields } from './row-ids.ts';

/** What the files of one operation have in common. */
export interface FileTarget {
  readonly schema: StructType;
  /** The columns that are in the files: all but those of the partition. */
  readonly fileSchema: StructType;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  /** Whether columns have other names in files than in the schema, and ids. PROTOCOL.md, "Column Mapping". */
  readonly isMapped: boolean;
  readonly codec: Codec;
  /** Columns of row ids behind the others, which no schema and no statistics have. Default: none. */
  readonly rowIds?: RowIdColumns | null;
  /** Where the files are not to be data files of the table: the folder for them, and how their names start. */
  readonly place?: { readonly folder: string; readonly name: string };
}

/** How files of this snapshot's table are written. The codec is by default the table's, and snappy where it names none. */
export function fileTarget(snapshot: Snapshot, codec?: Codec): FileTarget {
  const { schema, partitionColumns } = snapshot;
  const { configuration } = snapshot.metadata;
  const named = configuration['delta.parquet.compression.codec'];
  return {
    schema,
    fileSchema: {
      ...schema,
      fields: schema.fields.filter(({ name }) => !partitionColumns.includes(name)),
    },
    partitionColumns,
    configuration,
    isMapped: mappingMode(configuration) !== 'none',
    codec: codec ?? CODEC_BY_NAME.get(named?.toLowerCase() ?? '') ?? 'snappy',
  };
}

/** As `fileTarget`, for rows that were in the table already: they have their ids with them. Errors: `ROW_IDS_MISSING`. */
export function moveTarget(snapshot: Snapshot, codec?: Codec): FileTarget {
  return { ...fileTarget(snapshot, codec), rowIds: rowIdColumnsOf(snapshot) };
}

/** All columns of the files, in their order. */
export function storedFields({ fileSchema, rowIds = null }: FileTarget): readonly StructField[] {
  return [...fileSchema.fields, ...rowIdFields(rowIds)];
}

/** A file that is durable in the store and not yet in the log. */
export interface StagedFile {
  readonly add: AddFile;
  readonly rowCount: number;
}

/** A Parquet file in memory. */
export interface FileBytes {
  readonly bytes: Uint8Array;
  /** As for `footerStatistics`. */
  readonly nanColumns: ReadonlySet<string>;
}

/** Puts one file under a fresh name; null, and nothing put, where it has no rows. Errors: `NULL_NOT_ALLOWED` (data). */
export async function putDataFile(
  ctx: TableContext,
  target: FileTarget,
  partitionValues: PartitionValues,
  { bytes, nanColumns }: FileBytes,
): Promise<StagedFile | null> {
  const path = freshPath(ctx, target, partitionValues);
  const footer = await readFooter(memorySource(path, bytes));
  if (footer.rowCount === 0) return null;
  const content = contentOf(target, { footer, path, partitionValues, nanColumns });
  const written = target.isMapped ? mapColumns(bytes, footer, target.fileSchema) : bytes;
  // A fresh name that is taken is taken by this very request, which was sent twice on its way.
  await ctx.store.put(path, written, { kind: 'create' });
  const meta = { path, sizeBytes: written.length, modifiedMs: ctx.clock.now() };
  return stagedFile(target, { meta, content, partitionValues });
}

/** What its writer knows of a file beside its footer. */
export interface WrittenContent {
  /** As for `footerStatistics`. */
  readonly nanColumns: ReadonlySet<string>;
}

/**
 * Writes one file under a fresh name; `write` fills the local file it is given. Null where that file has no rows:
 * then none is left behind. Errors: `NULL_NOT_ALLOWED` (data).
 */
export async function writeDataFile(
  ctx: TableContext,
  target: FileTarget,
  partitionValues: PartitionValues,
  write: (localFile: string) => Promise<WrittenContent | number | void>,
): Promise<StagedFile | null> {
  const path = freshPath(ctx, target, partitionValues);
  const contents: FileStatistics[] = [];
  const meta = await ctx.store.putFile(path, async (localFile) => {
    const written = await write(localFile);
    const known = typeof written === 'object' ? written : {};
    const footer = await finishLocalFile(target, localFile);
    contents.push(contentOf(target, { footer, path, partitionValues, ...known }));
  });
  const file = stagedFile(target, { meta, content: contents[0], partitionValues });
  if (file.rowCount > 0) return file;
  await discardFiles(ctx, [file]);
  return null;
}

/** The footer of a local file with the columns of the table, under which its columns get their names in files after that. */
export async function finishLocalFile(
  target: FileTarget,
  localFile: string,
): Promise<ParquetFooter> {
  const footer = await readLocalFooter(localFile);
  if (target.isMapped) {
    const stored = { ...target.fileSchema, fields: storedFields(target) };
    await mapColumnsOf(localFile, footer, stored);
  }
  return footer;
}

/** A file to copy; where columns are mapped its footer is the one that `finishLocalFile` gave. */
export interface SourceFile {
  readonly store: ObjectStore;
  readonly path: string;
  readonly etag: string;
  readonly footer: ParquetFooter;
}

/**
 * Copies a file whose bytes may enter the table as they are; null where it has no rows.
 * Errors: `STORE_SOURCE_CHANGED`, `NULL_NOT_ALLOWED` (data).
 */
export async function copyDataFile(
  ctx: TableContext,
  target: FileTarget,
  partitionValues: PartitionValues,
  { store, path, etag, footer }: SourceFile,
): Promise<StagedFile | null> {
  if (footer.rowCount === 0) return null;
  const content = contentOf(target, { footer, path, partitionValues });
  const copy = freshPath(ctx, target, partitionValues);
  const meta = await ctx.store.copyFrom({ store, path, etag }, copy);
  return stagedFile(target, { meta, content, partitionValues });
}

/** Takes back files that no commit names. Best effort: what stays is what a vacuum is for. */
export async function discardFiles(ctx: TableContext, files: readonly StagedFile[]): Promise<void> {
  const paths = files.map(({ add }) => decodePath(add.path));
  try {
    await ctx.store.delete(paths);
  } catch {
    // The operation's own outcome counts; nobody reads files that the log does not name.
  }
}

export async function readLocalFooter(localFile: string): Promise<ParquetFooter> {
  const source = await localFileSource(localFile);
  try {
    return await readFooter(source);
  } finally {
    await source.close();
  }
}

interface FileContent {
  readonly footer: ParquetFooter;
  readonly path: string;
  readonly partitionValues: PartitionValues;
  readonly nanColumns?: ReadonlySet<string>;
}

/** The one place where a footer becomes statistics, however the file came to be. */
function contentOf(target: FileTarget, content: FileContent): FileStatistics {
  const { footer, path, partitionValues, ...known } = content;
  if (footer.columns.length === 0 && footer.rowCount > 0) throw filesWithoutColumns();
  const statistics = footerStatistics(footer, target.fileSchema, known);
  for (const { name, type, nullable } of target.schema.fields) {
    const hasNull = target.partitionColumns.includes(name)
      ? (partitionValues[name] ?? null) === null
      : isLeaf(type) && statistics.columns.get(name)?.nullCount !== 0;
    if (!nullable && hasNull && footer.rowCount > 0) throw nullNotAllowed(name, path);
  }
  return statistics;
}

/** A footer counts the nulls of values, not those of what holds them. */
function isLeaf(type: DataType): boolean {
  return type.kind === 'primitive' || type.kind === 'decimal';
}

interface WrittenFile {
  readonly meta: Omit<ObjectMeta, 'etag'>;
  readonly content: FileStatistics | undefined;
  readonly partitionValues: PartitionValues;
}

function stagedFile(target: FileTarget, file: WrittenFile): StagedFile {
  const { meta, partitionValues } = file;
  const content = present(file.content, 'what is in a written file');
  return {
    rowCount: present(content.rowCount, 'the row count of a footer'),
    add: {
      path: encodePath(meta.path),
      partitionValues: target.isMapped ? mappedValues(target, partitionValues) : partitionValues,
      size: meta.sizeBytes,
      modificationTime: meta.modifiedMs,
      dataChange: true,
      stats: printStatistics(content, target.fileSchema, { configuration: target.configuration }),
    },
  };
}

/** By the names that columns have in files. */
function mappedValues(
  { schema, partitionColumns }: FileTarget,
  values: PartitionValues,
): PartitionValues {
  return Object.fromEntries(
    partitionColumns.map((column) => {
      const field = present(findField(schema, column), `the partition column ${column}`);
      return [physicalName(field), values[column] ?? null];
    }),
  );
}

/** Where columns are mapped, no folder tells a column's name, which may change: chance spreads the files instead. */
function freshPath(ctx: TableContext, target: FileTarget, values: PartitionValues): string {
  const columns = target.partitionColumns;
  const folder =
    target.isMapped && columns.length > 0
      ? ctx.random.uuid().slice(0, FOLDER_LENGTH)
      : partitionPath(
          columns,
          columns.map((column) => values[column]),
        );
  const { place = { folder: '', name: 'part' } } = target;
  const name = `${place.name}-00000-${ctx.random.uuid()}-c000${CODEC_SUFFIX[target.codec]}`;
  return [place.folder, folder, name].filter((part) => part !== '').join('/');
}

/** As long as Spark's. */
const FOLDER_LENGTH = 2;

const CODEC_SUFFIX: Readonly<Record<Codec, string>> = {
  snappy: '.snappy.parquet',
  zstd: '.zstd.parquet',
  gzip: '.gz.parquet',
  uncompressed: '.parquet',
};

/** Spark's names of codecs; one that is not written here falls back to what every reader has. */
const CODEC_BY_NAME: ReadonlyMap<string, Codec> = new Map([
  ['snappy', 'snappy'],
  ['zstd', 'zstd'],
  ['gzip', 'gzip'],
  ['none', 'uncompressed'],
  ['uncompressed', 'uncompressed'],
]);
