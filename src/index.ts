/**
 * Delta Lake tables from TypeScript, without a JVM.
 *
 * `openTable` and `createTable` give a `DeltaTable`; `defineConfig` and `runJob` are for jobs. Errors are `DeltaError`s:
 * match `code` or `kind`.
 */

import { systemClock, systemRandom } from './base/index.ts';
import { parseDdl, type StructType } from './schema/index.ts';
import {
  convert,
  type ConvertOptions,
  type CreateTableSpec,
  DeltaTable,
  type Examination,
  examine,
  type ExamineOptions,
  type OpenTableOptions,
  tableContext,
  type TableTools,
  tableTools,
  type TableToolsOptions,
} from './table/index.ts';

export { type Clock, DeltaError, type ErrorKind, isDeltaError, type Random } from './base/index.ts';
export { type Catalog, fileCatalog, glueCatalog, type TableInput } from './catalog/index.ts';
export {
  type Config,
  type ConfigInput,
  defineConfig,
  type JobContext,
  loadConfig,
  parseConfig,
  runJob,
  type RunOptions,
  type RunProgress,
  type RunResult,
} from './jobs/index.ts';
export type {
  ArrayType,
  ColumnStatistics,
  DataType,
  DecimalType,
  FileStatistics,
  MapType,
  PrimitiveType,
  Row,
  RowValue,
  Scalar,
  StructField,
  StructType,
} from './schema/index.ts';
export type { DynamoDbOptions, ObjectStore, S3Options } from './store/index.ts';
export {
  type AlterOutcome,
  type AppendOptions,
  type AppendOutcome,
  type AppendSource,
  type ChangesOptions,
  type CleanupResult,
  type ColumnChange,
  type CloneOptions,
  type CloneOutcome,
  type CommitSource,
  type ConvertOptions,
  type CopyIntoOptions,
  type CopyIntoOutcome,
  type CreateTableSpec,
  type DeleteOptions,
  type DeltaTable,
  type EraseLeft,
  type EraseOptions,
  type EraseOutcome,
  type Examination,
  type ExamineOptions,
  type ExplainedFile,
  type FileChange,
  type Finding,
  type GroupCommitOptions,
  type HistoryEntry,
  type ListFilesOptions,
  type ManifestResult,
  type MatchedClause,
  type MergeExplanation,
  type MergeOutcome,
  type NamedMergeSpec as MergeSpec,
  type NamedSource as MergeSource,
  type NamedTable,
  type NotMatchedBySourceClause,
  type NewColumnSpec,
  type NotMatchedClause,
  type OpenTableOptions,
  type OptimizeOptions,
  type OptimizeOutcome,
  type OverwriteOptions,
  type OverwriteOutcome,
  type Orphan,
  type Preset,
  type RatifiedCommit,
  type RatifiedCommits,
  type RejectedFile,
  type ReorgOptions,
  type RowChangeMode,
  type RowChangeOptions,
  type RowChangeOutcome,
  type RestoreOutcome,
  type RestoreTableOptions,
  type ScanOptions,
  type SearchedFiles,
  type Snapshot,
  type TableDetail,
  type TableFile,
  type TableTools,
  tableTools,
  type TableToolsOptions,
  type TravelOptions,
  type UpdateOptions,
  type VacuumedFile,
  type VacuumOptions,
  type VacuumOutcome,
  type VersionRange,
  type WriterSeen,
} from './table/index.ts';

/** How tables are reached; all of it has defaults. */
export interface ConnectOptions extends Partial<TableToolsOptions> {
  /** Tools that several tables share, and whose owner closes them. Default: tools of the table's own. */
  readonly tools?: TableTools;
}

/**
 * Opens a table: a path, `file:///…`, `s3://bucket/prefix` or `memory://name`. `version` or `timestamp` go back in time,
 * read-only. A table that a catalog manages is read through its `commitSource`. Errors: `TABLE_NOT_FOUND`,
 * `VERSION_NOT_FOUND`, `TIMESTAMP_TOO_EARLY`, `LOG_GAP`, `LOG_CORRUPT`, `CHECKPOINT_CORRUPT`, `COMMIT_SOURCE_INVALID`, `FEATURE_UNSUPPORTED` (the message names the feature), those of the stores.
 */
export async function openTable(
  uri: string,
  options: ConnectOptions & OpenTableOptions = {},
): Promise<DeltaTable> {
  return DeltaTable.open(toolsOf(options), uri, options);
}

/**
 * Makes a table that every engine opens (reader version 1, writer version 2) and opens it. Atomic: of several who try at
 * once, one makes it. Errors: `TABLE_EXISTS`; with `ifNotExists` only `TABLE_MISMATCH`, where the table that is there has
 * other columns; `PROPERTY_INVALID`, `PARTITION_COLUMN_INVALID`, `SCHEMA_*`, those of the stores.
 */
export async function createTable(
  uri: string,
  spec: CreateTableSpec,
  options: ConnectOptions = {},
): Promise<DeltaTable> {
  return DeltaTable.create(toolsOf(options), uri, spec);
}

export interface ConvertTableSpec extends Omit<ConvertOptions, 'partitionSchema'> {
  /** Columns that folders name, as in CREATE TABLE (`dia date, uf string`), or the type itself. Default: found from the folders. */
  readonly partitionSchema?: string | StructType;
}

/**
 * Makes a folder of Parquet files, also one that Hive laid out (`dia=2026-11-20/`), a table as it stands, and opens it: one commit
 * that names the files; none is decoded or moved. A table that is there already stays as it is. Errors: `CONVERT_INVALID`,
 * `CONVERT_FILE_UNFIT` with the name of the file, those of `createTable` and of the stores.
 */
export async function convertTable(
  uri: string,
  { partitionSchema, ...spec }: ConvertTableSpec = {},
  options: ConnectOptions = {},
): Promise<DeltaTable> {
  const tools = toolsOf(options);
  const columns = typeof partitionSchema === 'string' ? parseDdl(partitionSchema) : partitionSchema;
  await convert(tableContext(tools, tools.openStore(uri)), {
    ...spec,
    ...(columns === undefined ? {} : { partitionSchema: columns }),
  });
  return DeltaTable.open(tools, uri);
}

/**
 * Looks at a table's health: how it is committed to, by whom, and what is wrong, with what to do about it; `repair` does
 * what is safe. A table that cannot be opened is told as a finding. Errors: `TABLE_NOT_FOUND`, those of the stores.
 */
export async function examineTable(
  uri: string,
  options: ConnectOptions & ExamineOptions & Pick<OpenTableOptions, 'commitSource'> = {},
): Promise<Examination> {
  const tools = toolsOf(options);
  const { commitSource } = options;
  try {
    const context = {
      ...tableContext(tools, tools.openStore(uri)),
      ...(commitSource === undefined ? {} : { commitSource }),
    };
    return await examine(context, options);
  } finally {
    if (options.tools === undefined) await tools.close();
  }
}

function toolsOf({ tools, ...options }: ConnectOptions): TableTools {
  return tools ?? tableTools({ clock: systemClock, random: systemRandom, ...options });
}
