/** The protocol: actions, file names, codec, replay, checkpoint content, features, conflict rules. No I/O. */

export type {
  Action,
  AddFile,
  CdcFile,
  CommitInfo,
  DeletionVectorDescriptor,
  DomainMetadata,
  Format,
  Metadata,
  PartitionValues,
  Protocol,
  RemoveFile,
  Txn,
} from './actions.ts';
export {
  actionsBesideFiles,
  type CheckpointAction,
  checkpointActions,
  CheckpointContents,
  type CheckpointRetention,
} from './checkpoint.ts';
export { checksumDifferences, fileDifferences } from './checksum-differences.ts';
export { type CleanupOptions, type CleanupPlan, planCleanup } from './cleanup.ts';
export { actionJson, parseCommit, parseCommitInfo, printCommit } from './codec.ts';
export {
  changesData,
  commitInfo,
  type CommitInfoSpec,
  ENGINE_INFO,
  txnIdOf,
} from './commit-info.ts';
export { metadataObstacle, protocolObstacle } from './concurrent-change.ts';
export { compactActions, type CompactedFile, isReconciled, type TailStep } from './compaction.ts';
export {
  type Attempt,
  type Conflict,
  type ConflictCode,
  findConflict,
  type IsolationLevel,
  onlyRearranges,
  type ReadScope,
  type WinnerCommit,
} from './conflicts.ts';
export { decodeAction } from './decode.ts';
export { DescriptionReplay } from './description-replay.ts';
export {
  countRows,
  decodeVector,
  encodeVector,
  inlineVector,
  type RowBits,
  unframeVector,
  vectorFile,
  vectorPlace,
} from './deletion-vector.ts';
export { appendOnly, featureUnsupported, logIncomplete, tableNotFound } from './errors.ts';
export {
  checkReadable,
  checkWritable,
  featuresInUse,
  hasInCommitTimestamps,
  isAppendOnly,
  PORTABLE_PROTOCOL,
  writeScope,
} from './features.ts';
export { FEATURES, knownFeature, type TableFeature, type WriteScope } from './feature-list.ts';
export { adoptFileCounts, carryFileCounts, hasFileCounts } from './file-counts.ts';
export { pathKey, vectorId } from './file-key.ts';
export type { ColumnFile, FileColumns, FileSelection } from './file-columns.ts';
export { type FileLayers, FileSet } from './file-set.ts';
export {
  checkpointPath,
  checksumPath,
  commitPath,
  compactedPath,
  LAST_CHECKPOINT_PATH,
  LOG_FOLDER,
  type LogFileName,
  parseLogFileName,
  SIDECAR_FOLDER,
  sidecarPath,
  stagedCommitPath,
  uniqueCheckpointPath,
  versionPrefix,
} from './file-names.ts';
export { checkIceberg } from './iceberg.ts';
export {
  type CheckpointCopy,
  type CheckpointHint,
  type LastCheckpoint,
  parseLastCheckpoint,
  printLastCheckpoint,
} from './last-checkpoint.ts';
export { HashIndex, hashOf, viewOf } from './hash-index.ts';
export { LayeredMap } from './layered-map.ts';
export { type Ratified, withRatified } from './ratified.ts';
export {
  assignsRowIds,
  checkKeepsRowIds,
  checkRowIdColumns,
  checkRowIdsComplete,
  isRowTrackingEnabled,
  movesRows,
  rowCountOf,
  ROW_TRACKING_DOMAIN,
  rowIdColumnNames,
  rowIdHighWaterMark,
  withRowIdColumns,
  withRowIds,
  withoutRowIds,
} from './row-tracking.ts';
export {
  type CheckpointFiles,
  chooseSegment,
  type CommitFile,
  earliestVersion,
  type ListedFile,
  type Listing,
  type LogSegment,
  readListing,
  type SegmentOptions,
} from './segment.ts';
export { type LogState, Replay } from './state.ts';
export {
  canonicalName,
  featureNamed,
  isReaderFeature,
  supportedFeatures,
  supportsFeature,
  withFeatures,
  withoutFeature,
  withVersions,
} from './table-features.ts';
export { isOn } from './table-traits.ts';
export {
  parseVersionChecksum,
  printVersionChecksum,
  type VersionChecksum,
} from './version-checksum.ts';
