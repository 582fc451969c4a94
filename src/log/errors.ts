/** The errors of the log. Each names the table's file or version that it is about. */

import { DeltaError, type ErrorDetails } from '../base/index.ts';
import { commitPath } from './file-names.ts';

/** `LOG_CORRUPT`: bytes of the log that are not what the protocol allows. */
export function logCorrupt(
  file: string,
  why: string,
  options: { readonly line?: number; readonly cause?: unknown } = {},
): DeltaError {
  const where = options.line === undefined ? '' : `, line ${options.line}`;
  return new DeltaError({
    kind: 'data',
    code: 'LOG_CORRUPT',
    message: `the log file ${file}${where} cannot be read: ${why}; restore the file from a copy`,
    details: options.line === undefined ? { file } : { file, line: options.line },
    cause: options.cause,
  });
}

/** `LOG_GAP`: a commit that is needed is not there. */
export function logGap(
  version: number,
  needed: { readonly from: number; readonly to: number },
): DeltaError {
  const file = commitPath(version);
  return new DeltaError({
    kind: 'data',
    code: 'LOG_GAP',
    message:
      `the commit of version ${version} is missing from the log (${file}), so version ${needed.to} cannot be built; ` +
      'restore the file from a copy, or read a version that a checkpoint covers',
    details: { version, file, ...needed },
  });
}

/** `DELETION_VECTOR_CORRUPT`: a deletion vector that cannot be understood, so that nobody knows which rows are gone. */
export function deletionVectorCorrupt(vector: string, why: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'DELETION_VECTOR_CORRUPT',
    message:
      `a deletion vector cannot be read: ${why}; without it nobody knows which rows of its file ` +
      'are deleted: restore it from a copy, or go back to a version before it',
    // One that is inline can be long.
    details: { vector: vector.slice(0, 80) },
    cause,
  });
}

/** `LOG_INCOMPLETE`: a log without a protocol or without metadata. */
export function logIncomplete(version: number, missing: 'protocol' | 'metaData'): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'LOG_INCOMPLETE',
    message: `the log up to version ${version} holds no ${missing} action, so the table cannot be read; restore the log from a copy`,
    details: { version, missing },
  });
}

/** `TABLE_NOT_FOUND`: there is no log, or no commit in it. */
export function tableNotFound(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_NOT_FOUND',
    message:
      'there is no Delta table here: _delta_log holds no commit; check the path, or create the table',
  });
}

/** `VERSION_NOT_FOUND`: a version before the first one that can still be built, or after the last one. */
export function versionNotFound(
  version: number,
  available: { readonly earliest: number; readonly latest: number },
): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'VERSION_NOT_FOUND',
    message: `the table has no version ${version}: versions ${available.earliest} to ${available.latest} can be read`,
    details: { version, ...available },
  });
}

/** `FEATURE_UNSUPPORTED`: each feature that stands in the way, by name, and what to do. */
export function featureUnsupported(
  purpose: 'read' | 'write',
  features: readonly string[],
  details: ErrorDetails,
  cure = `${purpose} it with an engine that knows this, or drop it from the table first`,
): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'FEATURE_UNSUPPORTED',
    message:
      `the table cannot be ${purpose === 'read' ? 'read' : 'written'} here: ` +
      `it needs ${features.join(', ')}; ${cure}`,
    details: { ...details, features: features.join(',') },
  });
}

/** `PROTOCOL_INVALID`: a protocol action that contradicts the specification. */
export function protocolInvalid(why: string, details: ErrorDetails): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'PROTOCOL_INVALID',
    message: `the table's protocol action is not valid: ${why}; repair it with the engine that wrote it`,
    details,
  });
}

/** `APPEND_ONLY`: rows may not be changed or deleted; `path` is the file that would be removed, where one is known. */
export function appendOnly(path?: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'APPEND_ONLY',
    message:
      'the table only takes appended rows (delta.appendOnly=true), and this would change or delete some; ' +
      'unset the property first if that is what you want',
    details: path === undefined ? {} : { path },
  });
}

/** `FEATURE_UNKNOWN`: a name that is none of a table feature. */
export function featureUnknown(name: string, known: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'FEATURE_UNKNOWN',
    message: `there is no table feature ${name}; those that can be had are ${known.join(', ')}`,
    details: { feature: name },
  });
}

/** `FEATURE_NEEDED`: a feature that another one rests on. */
export function featureNeeded(feature: string, by: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'FEATURE_NEEDED',
    message: `the feature ${feature} cannot go while the table has ${by}, which needs it; drop ${by} first`,
    details: { feature, by },
  });
}

/** `ROW_IDS_NEED_STATISTICS`: nobody counted the rows of a new file, so that they cannot be numbered. */
export function rowIdsNeedStatistics(path: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ROW_IDS_NEED_STATISTICS',
    message:
      `the table gives each row an id, and the statistics of ${path} do not say how many rows it has; ` +
      'add the file with numRecords in its stats',
    details: { path },
  });
}

/** `ROW_TRACKING_INCOMPLETE`: row ids are to be kept of rows that never got one. */
export function rowTrackingIncomplete(path: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ROW_TRACKING_INCOMPLETE',
    message:
      `delta.enableRowTracking needs row ids in every file, and ${path} has none; ` +
      'set the property by itself, which gives such files theirs first',
    details: { path },
  });
}

/** `ROW_ID_COLUMN_TAKEN`: a column has the name under which files hold row ids. */
export function rowIdColumnTaken(column: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ROW_ID_COLUMN_TAKEN',
    message: `${column} cannot be a column of the table, whose files hold the ids of rows under this name; rename it`,
    details: { column },
  });
}

/** `ICEBERG_INCOMPATIBLE`: the table is to stay one that can be converted for Iceberg, and would not be. */
export function icebergIncompatible(version: number, why: string): DeltaError {
  const property = `delta.enableIcebergCompatV${version}`;
  return new DeltaError({
    kind: 'invalid',
    code: 'ICEBERG_INCOMPATIBLE',
    message: `${property} ${why}; or set the property to false, and have the table read as Delta alone`,
    details: { property, feature: `icebergCompatV${version}` },
  });
}
