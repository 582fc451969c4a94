/** All errors of the stores. */

import { DeltaError, type ErrorDetails, messageOf } from '../base/index.ts';
import type { LogEntry } from './log-table.ts';
import type { StorePath } from './types.ts';

/** Where an error came up: which verb, on which store and path. */
export interface StoreCall {
  readonly verb: string;
  readonly uri: string;
  readonly path: StorePath;
}

export function notFound(call: StoreCall, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'STORE_NOT_FOUND',
    message: 'There is no such object; it was never written, or it has been deleted.',
    details: { ...call },
    cause,
  });
}

export function alreadyExists(call: StoreCall, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_EXISTS',
    message:
      'An object of this name is there already; files and copies are written to fresh names only.',
    details: { ...call },
    cause,
  });
}

export function sourceChanged(call: StoreCall, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'STORE_SOURCE_CHANGED',
    message: 'The source changed while it was copied, or since it was listed; list it again.',
    details: { ...call },
    retryable: true,
    cause,
  });
}

export function denied(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_DENIED',
    message: `The store refused access (${messageOf(cause)}); check credentials and rights.`,
    details: { ...call },
    cause,
  });
}

export function noBucket(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_NO_BUCKET',
    message: `The bucket is not there (${messageOf(cause)}); create it, or check its name and region.`,
    details: { ...call },
    cause,
  });
}

export function noEndpoint(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_NO_ENDPOINT',
    message: `No server answers (${messageOf(cause)}); check the endpoint, the region and the network.`,
    details: { ...call },
    cause,
  });
}

/** `retryable` where the same call may work a moment later. */
export function unavailable(call: StoreCall, cause: unknown, retryable: boolean): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_UNAVAILABLE',
    message: `The store could not do this (${messageOf(cause)}); try again later.`,
    details: { ...call },
    retryable,
    cause,
  });
}

export function full(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_FULL',
    message: 'There is no space left where the object should be written; make room.',
    details: { ...call },
    cause,
  });
}

export function outcomeUnknown(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_OUTCOME_UNKNOWN',
    message: `The answer to a conditional write never came (${messageOf(cause)}); read the object to learn whether it was written.`,
    details: { ...call },
    cause,
  });
}

export function unsupportedByServer(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'STORE_UNSUPPORTED',
    message: `The server does not know this request (${messageOf(cause)}); use one that has conditional PUT.`,
    details: { ...call },
    cause,
  });
}

/** A planned crash of a `faultyStore`: the process it stands for does nothing any more. */
export function crashed(call: StoreCall): DeltaError {
  return new DeltaError({
    kind: 'internal',
    code: 'STORE_CRASHED',
    message: 'The process has crashed, as the plan of faults says; go on with another store.',
    details: { ...call },
  });
}

export function badPath(path: StorePath, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_BAD_PATH',
    message: `This is not the path of an object: ${why}.`,
    details: { path },
  });
}

export function badUri(uri: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_BAD_URI',
    message: `No store can be opened here: ${why}. Give a path, file:///…, s3://bucket/… or memory://name.`,
    details: { uri },
  });
}

/** An entry of a log table as errors name it. */
type EntryFacts = Pick<LogEntry, 'tablePath' | 'fileName'>;

function factsOf({ tablePath, fileName }: EntryFacts): ErrorDetails {
  return { tablePath, fileName };
}

export function logTableMissing(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'LOG_TABLE_MISSING',
    message:
      'DynamoDB has no such log table in this region; check name and region, ' +
      'or create it with the partition key tablePath (S) and the sort key fileName (S).',
    details: { ...call },
    cause,
  });
}

export function logTableCorrupt(table: string, entry: EntryFacts): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'LOG_TABLE_CORRUPT',
    message:
      'An item of the log table lacks tablePath, fileName, tempPath or complete; ' +
      'the table is not one for Delta logs, or somebody changed the item.',
    details: { logTable: table, ...factsOf(entry) },
  });
}

/** Entries outlived their table, which was deleted: a new one in its place would wait for versions of the old. */
export function logTableStale(table: string, entry: EntryFacts): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'LOG_TABLE_STALE',
    message:
      'The log table holds a complete entry of a commit whose file is not there: ' +
      'entries of a table that was deleted, or a file that was lost. Delete the entries, or restore the file.',
    details: { logTable: table, ...factsOf(entry) },
  });
}

export function commitLost(table: string, entry: LogEntry, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'COMMIT_LOST',
    message:
      'A commit is half done and its temporary file is gone, so that it cannot be finished: ' +
      'restore the file, or delete the entry and with it the commit.',
    details: { logTable: table, ...factsOf(entry), tempPath: entry.tempPath },
    cause,
  });
}

export function previousMissing(tablePath: string, fileName: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'COMMIT_PREVIOUS_MISSING',
    message:
      'The commit before this one is neither in the log nor in the log table, so that this one would leave a gap.',
    details: { tablePath, fileName },
  });
}

export function commitCoordinated(table: string, entry: EntryFacts): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COMMIT_COORDINATED',
    message:
      'Other writers commit to this table through DynamoDB, and a conditional PUT beside them could lose their commits: ' +
      'set dynamoDb with use "commit" for it, or delete the entries once no other writer is left.',
    details: { logTable: table, ...factsOf(entry) },
  });
}

export function otherSpelling(
  table: string,
  spelling: { readonly tablePath: string; readonly other: string },
): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'LOG_TABLE_SPELLING',
    message:
      `Other writers commit to this table as ${spelling.other}, and would not meet this one in the log table: ` +
      'set the scheme of dynamoDb as they spell it.',
    details: { logTable: table, ...spelling },
  });
}

const A_FILE_IN_THE_WAY = 'a file is where it needs a folder, or a folder where it needs a file';

/** A failure of the disk, told in the stores' own codes. */
export function diskError(call: StoreCall, error: unknown): DeltaError {
  if (error instanceof DeltaError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return notFound(call, error);
    case 'EEXIST':
      return isMkdir(error) ? badPath(call.path, A_FILE_IN_THE_WAY) : alreadyExists(call, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return denied(call, error);
    case 'ENOSPC':
    case 'EDQUOT':
      return full(call, error);
    case 'ENOTDIR':
    case 'EISDIR':
      return isRead(call) ? notFound(call, error) : badPath(call.path, A_FILE_IN_THE_WAY);
    case 'ENAMETOOLONG':
      return badPath(call.path, 'it is too long for this disk');
    default:
      return unavailable(call, error, code === 'EMFILE' || code === 'ENFILE' || code === 'EAGAIN');
  }
}

function isRead(call: StoreCall): boolean {
  return call.verb === 'get' || call.verb === 'getRange';
}

function isMkdir(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'mkdir';
}
