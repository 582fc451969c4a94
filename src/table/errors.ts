/** The errors of tables and transactions. */

import {
  DeltaError,
  type ErrorDetails,
  isDeltaError,
  isoTime,
  messageOf,
  withDetails,
} from '../base/index.ts';

/** Runs `work`; its errors name the table, which the log itself does not know. */
export async function atTable<T>(uri: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw namingTable(uri, error);
  }
}

/** The error with the table's URI, unless it names a place of its own. */
export function namingTable(uri: string, error: unknown): unknown {
  if (!isDeltaError(error) || 'table' in error.details || 'uri' in error.details) return error;
  return withDetails(error, { table: uri });
}

/** `TRAVEL_AMBIGUOUS`: a version and a time were both asked for. */
export function travelAmbiguous(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TRAVEL_AMBIGUOUS',
    message:
      'a version and a timestamp were both given, and each names a version; give one of them',
  });
}

/** `COMMIT_OUTCOME_UNKNOWN`: nobody answered whether the commit was written, not even when asked again. */
export function commitOutcomeUnknown(version: number, txnId: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'COMMIT_OUTCOME_UNKNOWN',
    message:
      `the store did not say whether version ${version} was committed, and could not be read to find out; ` +
      'look in the history of the table for this txnId before you write again',
    details: { version, txnId },
    cause,
  });
}

/** What a transaction lost to; facts follow in `details`. */
export interface LostTo {
  readonly code: string;
  readonly reason: string;
  readonly details: ErrorDetails;
}

/**
 * `CONFLICT_PROTOCOL`, `CONFLICT_METADATA`, `CONFLICT_DOMAIN`, `CONFLICT_TRANSACTION`, `CONFLICT_APPEND`,
 * `CONFLICT_DELETE_READ`, `CONFLICT_DELETE_DELETE`, `CONFLICT_PROGRESS`, `CONFLICT_REBASE`, `CONFLICT_REPLACED`: nothing was
 * committed, because somebody else was first.
 */
export function transactionConflict({ code, reason, details }: LostTo): DeltaError {
  const cure = CONFLICT_CURES[code] ?? 'open the newest version and do the work again';
  return new DeltaError({
    kind: 'conflict',
    code,
    message: `nothing was committed: ${reason}; ${cure}`,
    details,
    retryable: code !== 'CONFLICT_PROGRESS' && code !== 'CONFLICT_REPLACED',
  });
}

/** `CONFLICT_REPLACED`: what was read is in the log no more. */
export function logReplaced(version: number): LostTo {
  return {
    code: 'CONFLICT_REPLACED',
    reason: `the log no longer goes on from version ${version}: the table was deleted, replaced or cleaned up`,
    details: { version },
  };
}

const CONFLICT_CURES: Readonly<Record<string, string>> = {
  CONFLICT_PROTOCOL:
    'open the newest version, see that you know its features, and do the work again',
  CONFLICT_METADATA: 'open the newest version and do the work again with its schema and properties',
  CONFLICT_DOMAIN: 'open the newest version, see what the domain says now, and decide again',
  CONFLICT_TRANSACTION:
    'another run of the application is at work: end one of them, or go on from the version that is there',
  CONFLICT_APPEND:
    'do the work again on the newest version, with a narrower condition if that happens often',
  CONFLICT_PROGRESS: 'another run of the job went on without this one: end it, or take it up there',
  CONFLICT_REPLACED: 'open the table anew and see whether it is the one you mean',
};

/** `COMMIT_CONTENDED`: others were faster each time. */
export function commitContended(version: number, attempts: number): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'COMMIT_CONTENDED',
    message:
      'other writers took every version that this commit tried; try again when fewer of them write',
    details: { version, attempts },
    retryable: true,
  });
}

/** `GROUP_COMMIT_FULL`: as many appends wait for their commit as may. */
export function groupCommitFull(waiting: number): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'GROUP_COMMIT_FULL',
    message:
      'too many appends wait for their commit, and nothing was committed of this one; ' +
      'await some before you begin more, or raise groupCommit.waitingMax',
    details: { waiting },
    retryable: true,
  });
}

/** `TABLE_EXISTS`: the place of a new table is taken. */
export function tableExists(uri: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_EXISTS',
    message: 'there is a Delta table here already; open it, or create the new one elsewhere',
    details: { uri },
  });
}

/** `TABLE_MISMATCH`: `ifNotExists` found a table that is not the one described. */
export function tableMismatch(uri: string, what: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_MISMATCH',
    message: `the table that is here already has ${what}; change the description, or the table`,
    details: { uri },
  });
}

/** `TIMESTAMP_TOO_EARLY`: no commit that is still in the log is as old as that. */
export function timestampTooEarly(timestampMs: number, earliestMs: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TIMESTAMP_TOO_EARLY',
    message:
      `the table has no version from ${isoTime(timestampMs)} or before: ` +
      `its first one that can be read is from ${isoTime(earliestMs)}`,
    details: { timestampMs, earliestMs },
  });
}

/** `CHECKPOINT_CORRUPT`: a checkpoint cannot be read, and the log does not reach back without it. */
export function checkpointCorrupt(
  checkpoint: { readonly version: number; readonly path: string },
  cause: unknown,
): DeltaError {
  const { version, path } = checkpoint;
  return new DeltaError({
    kind: 'data',
    code: 'CHECKPOINT_CORRUPT',
    message:
      `the checkpoint of version ${version}, ${path}, cannot be read (${messageOf(cause)}), and without it the log does not reach back far enough; ` +
      'restore the file from a copy',
    details: { version, path },
    cause,
  });
}

/** `SIDECAR_MISSING`: a checkpoint names a file that is not there. */
export function sidecarMissing(path: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SIDECAR_MISSING',
    message: `the checkpoint's sidecar ${path} is not in the store; restore it from a copy`,
    details: { path },
  });
}

/** `COMMIT_SOURCE_INVALID`: a catalog names commits that cannot be those of one table. */
export function commitSourceInvalid(
  why: string,
  details: ErrorDetails,
  cause?: unknown,
): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'COMMIT_SOURCE_INVALID',
    message: `the catalog's list of commits cannot be used: ${why}; ask who runs the catalog`,
    details,
    cause,
  });
}

/** `PARTITION_COLUMN_INVALID`: a column by which a table cannot be partitioned. */
export function partitionColumnInvalid(column: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'PARTITION_COLUMN_INVALID',
    message: `the table cannot be partitioned by ${column}: ${why}`,
    details: { column },
  });
}

/** `CLUSTERING_INVALID`: columns by which the rows of a table cannot be laid out. */
export function clusteringInvalid(columns: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CLUSTERING_INVALID',
    message: `the table cannot be clustered by ${columns}: ${why}`,
    details: { columns },
  });
}

/** `PROPERTY_INVALID`: a table property that is unknown, or whose value is not allowed. */
export function propertyInvalid(key: string, why: string, details: ErrorDetails = {}): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'PROPERTY_INVALID',
    message: `the table property ${key} ${why}`,
    details: { property: key, ...details },
  });
}

/** `MANIFEST_UNSUPPORTED`: who reads the data files as they stand would see wrong rows or columns. */
export function manifestUnsupported(feature: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'MANIFEST_UNSUPPORTED',
    message:
      `a symlink manifest cannot show a table that uses ${feature}; ` +
      'query it natively, or rewrite it without',
    details: { feature },
  });
}

/** `MANIFEST_CONTENDED`: others published each time between the look and the write. */
export function manifestContended(uri: string, rounds: number): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'MANIFEST_CONTENDED',
    message:
      'other writers kept publishing the manifest; call again, which costs nothing if it is current',
    details: { uri, rounds },
    retryable: true,
  });
}

/** `TABLE_FILE_MISSING`: the log names a data file that is not there. */
export function fileMissing(path: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'TABLE_FILE_MISSING',
    message:
      `the data file ${path} is named in the log and is not in the store; it was deleted from outside, or by a vacuum ` +
      'after this version was current: read a newer version, or restore the file',
    details: { path },
    cause,
  });
}

/** Runs the reading of a data file that the log names: that it is not there comes as `TABLE_FILE_MISSING`. */
export async function readingDataFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) throw fileMissing(path, error);
    throw error;
  }
}

/** `COLUMN_UNKNOWN`: a column was asked for that the table does not have. */
export function columnUnknown(name: string, known: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COLUMN_UNKNOWN',
    message: `the table has no column ${name}; its columns are ${known.join(', ')}`,
    details: { column: name },
  });
}

export function readOnlyTable(uri: string, version: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_READ_ONLY',
    message:
      'the table was opened in the past, where nothing can be written; open it without a version or timestamp',
    details: { table: uri, version },
  });
}

/** `ALTER_CONTENDED`: others changed the table each time before this change of it was committed. */
export function alterConflict(reason: string, attempts: number): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'ALTER_CONTENDED',
    message: `the table was not changed: ${reason}; try again when fewer write to it`,
    details: { attempts },
    retryable: true,
  });
}

/** `FEATURE_IN_USE`: a feature that cannot be dropped while something of the table rests on it. */
export function featureInUse(feature: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'FEATURE_IN_USE',
    message: `the feature ${feature} cannot be dropped: ${why}`,
    details: { feature },
  });
}

/** `DOMAIN_RESERVED`: a domain of the protocol itself. */
export function domainReserved(domain: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'DOMAIN_RESERVED',
    message: `the domain ${domain} belongs to the protocol, as all that start with delta. do; take another name`,
    details: { domain },
  });
}

/** `COLUMN_CHANGE_INVALID`: a change of a column that cannot be made without its files being rewritten. */
export function columnChangeInvalid(column: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COLUMN_CHANGE_INVALID',
    message: `the column ${column} cannot be changed so: ${why}`,
    details: { column },
  });
}
