/** Snapshots, transactions, the commit loop; one verb a file below `ops/`. */

export { commitTransaction } from './commit.ts';
export { createTable, type CreateResult, type CreateSpec } from './create.ts';
export { type HistoryEntry, readHistory } from './history.ts';
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
export { checkProperties, isManifestEnabled } from './properties.ts';
export type {
  CommitOutcome,
  RebaseDecision,
  ReadSet,
  Snapshot,
  TableContext,
  TransactionSpec,
  Winners,
} from './types.ts';
