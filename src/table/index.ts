/** Snapshots, transactions, the commit loop; one verb a file below `ops/`. */

export { commitTransaction } from './commit.ts';
export {
  type CommitSource,
  fileCommitSource,
  MemoryCommitSource,
  type RatifiedCommit,
  type RatifiedCommits,
} from './commit-source.ts';
export type { AlterResult } from './alter.ts';
export type { ColumnChange } from './columns.ts';
export type { CleanupResult } from './cleanup.ts';
export { cleanUpLog, dropFeature, enableFeature, examine, setProperties } from './lazy.ts';
export { DeltaTable } from './delta-table.ts';
export type {
  AlterOutcome,
  AppendOutcome,
  CloneOutcome,
  CopyIntoOutcome,
  CreateTableSpec,
  EraseOutcome,
  ManifestResult,
  MergeOutcome,
  NewColumnSpec,
  OpenTableOptions,
  OptimizeOutcome,
  OverwriteOutcome,
  RowChangeOutcome,
  RestoreOutcome,
  RestoreTableOptions,
  TableFile,
  TravelOptions,
  VacuumOutcome,
} from './delta-table-types.ts';
export type { TableDetail } from './detail.ts';
export type { ExamineOptions } from './doctor.ts';
export { strangerOf } from './doctor-writers.ts';
export type {
  CommitWay,
  Examination,
  Finding,
  Orphan,
  Repair,
  Severity,
  WriterSeen,
} from './doctor-types.ts';
export { createTable, type CreateResult, type CreateSpec, type Preset } from './create.ts';
export { GroupCommit, type GroupCommitOptions } from './group-commit.ts';
export { type HistoryEntry, readHistory } from './history.ts';
export { checkIntegrity, type Integrity } from './integrity.ts';
export {
  checkManifest,
  manifestPaths,
  publishManifest,
  type PublishedManifest,
  type PublishOptions,
  removeEmptied,
} from './manifest.ts';
export {
  dataFileUri,
  type ManifestPartition,
  manifestPartitions,
  manifestRoot,
} from './manifest-layout.ts';
export {
  openMetadata,
  type OpenOptions,
  openSnapshot,
  refreshSnapshot,
  type TableMetadata,
} from './open.ts';
export { isManifestEnabled, parseSizeBytes } from './properties.ts';
export { checkProperties } from './property-rules.ts';
export type {
  CommitGroup,
  CommitOutcome,
  RebaseDecision,
  ReadSet,
  Snapshot,
  TableContext,
  TransactionSpec,
  TxnStep,
  Winners,
} from './types.ts';
export type { AppendOptions, AppendSource } from './ops/append-source.ts';
export { CHANGE_COLUMNS } from './ops/change-columns.ts';
export type { ChangesOptions } from './ops/changes.ts';
export type { CloneOptions } from './ops/clone.ts';
export type { ConvertOptions, ConvertResult } from './ops/convert.ts';
export type { FileEntry, ListFilesOptions } from './ops/files.ts';
export type {
  Assignments,
  ExplainedFile,
  MatchedClause,
  MergeExplanation,
  MergeSource,
  MergeSpec,
  NotMatchedBySourceClause,
  NotMatchedClause,
} from './ops/merge-types.ts';
export type { NamedMergeSpec, NamedSource, NamedTable } from './ops/merge-named.ts';
export type { OptimizeOptions, ReorgOptions } from './ops/optimize.ts';
export { type FileBin, filesToPack, type PackOptions } from './ops/optimize-plan.ts';
export type { OverwriteOptions } from './ops/overwrite.ts';
export type { QueryOptions, QueryResult } from './ops/query.ts';
export {
  type JsonFile,
  type JsonRow,
  jsonToRow,
  parseJsonLine,
  readJsonRows,
} from './ops/json-rows.ts';
export type { CopyIntoOptions, RejectedFile } from './ops/copy-into.ts';
export type { DeleteOptions } from './ops/delete.ts';
export type { EraseOptions } from './ops/erase.ts';
export type { VersionRange } from './ops/erase-files.ts';
export type { EraseLeft, SearchedFiles } from './ops/erase-report.ts';
export type { FileChange, RowChangeOptions } from './ops/row-changes.ts';
export type { RowChangeMode } from './ops/row-change-mode.ts';
export { ROW_ID_NAMES } from './ops/row-ids.ts';
export type { ScanOptions } from './ops/scan.ts';
export type { UpdateOptions } from './ops/update.ts';
export {
  tableContext,
  type TableTools,
  tableTools,
  type TableToolsOptions,
} from './table-tools.ts';
export {
  append,
  convert,
  inferSchema,
  ingest,
  inspectInputs,
  merge,
  openInputRows,
  optimize,
  prepareMergeSource,
  query,
  scanRows,
  transformInputs,
} from './ops/index.ts';
export type { Transform } from '../schema/index.ts';
export type { InferredSchema, TransformedInputs, TransformOptions } from './ops/transform.ts';
export type { IngestOptions, IngestResult } from './ops/ingest.ts';
export type { InspectOptions } from './ops/input.ts';
export { type BatchLimits, inBatches, isInput, isReadable } from './ops/input-list.ts';
export type { InputRows } from './ops/input-rows.ts';
export type { InputFile, InspectedInputs, PreparedInput, Rejection } from './ops/input-types.ts';
export type { KeepLatest, PreparedSource, PrepareOptions } from './ops/merge-latest.ts';
export type { VacuumOptions } from './ops/vacuum.ts';
export type { VacuumedFile } from './ops/vacuum-plan.ts';
export type { AppendResult } from './ops/append.ts';
export type { MergeResult } from './ops/merge-types.ts';
export type { OptimizeResult } from './ops/optimize.ts';
