/** Sources and their progress: files below a prefix, and checkpoints in Spark's format. */

export {
  type BatchOffsets,
  type Checkpoint,
  cleanCheckpoint,
  isPending,
  openCheckpoint,
  readOffsets,
  writeCommit,
  writeOffsets,
} from './checkpoint.ts';
export {
  type BatchLimits,
  type Failure,
  type FilePlan,
  FileSource,
  type PlannedFile,
  type Probe,
  type Probed,
  type SourceFile,
} from './file-source.ts';
export { printLogOffset, readLogOffset } from './log-offset.ts';
export { fromPathUri, toPathUri } from './path-uri.ts';
export type { FileEntry, FileRejection } from './source-log.ts';
export { readText, writeOnce } from './write-once.ts';
