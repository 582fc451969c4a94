/** The errors of vacuum, restore, clone and convert. */

import { DeltaError } from '../../base/index.ts';

/** Paths that a message names; further ones are counted. */
const NAMED_MAX = 10;

/** `VACUUM_INVALID`: what was asked of a vacuum cannot be done. */
export function vacuumInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'VACUUM_INVALID',
    message: `the table cannot be vacuumed so: ${reason}`,
  });
}

/** `VACUUM_RETENTION_SHORT`: files would go that writers under way, and readers of older versions, still need. */
export function retentionShort(askedMs: number, configuredMs: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'VACUUM_RETENTION_SHORT',
    message:
      `a retention of ${hours(askedMs)} is shorter than the table's own of ${hours(configuredMs)} ` +
      '(delta.deletedFileRetentionDuration): files of writers under way would be deleted, and versions that are promised; ' +
      'keep files longer, or set retentionCheck to false where nobody writes to the table or reads older versions of it',
    details: { retentionMs: askedMs, configuredMs },
  });
}

/** `VACUUM_LITE_INCOMPLETE`: the log does not reach back to where the last vacuum stopped. */
export function liteIncomplete(earliest: number, vacuumedTo: number | null): DeltaError {
  const stopped =
    vacuumedTo === null
      ? 'no vacuum said how far it got'
      : `the last vacuum got to version ${vacuumedTo}`;
  return new DeltaError({
    kind: 'invalid',
    code: 'VACUUM_LITE_INCOMPLETE',
    message:
      `the log begins with version ${earliest}, and ${stopped}: files removed in between are not known from it; ` +
      'run a full vacuum, after which lite ones go on from there',
    details: { earliest, vacuumedTo },
  });
}

/** `VACUUM_CLONE_UNREADABLE`: nobody can tell which files a shallow clone of the table still needs. */
export function cloneUnreadable(clone: string, record: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'VACUUM_CLONE_UNREADABLE',
    message:
      `the shallow clone ${clone} of the table cannot be opened, so that the files it needs are not known; nothing was deleted: ` +
      'make it readable, or if it is gone for good name it in forgetClones',
    details: { clone, record },
    cause,
  });
}

/** `VACUUM_INVENTORY`: a list of files that is none. */
export function inventoryInvalid(uri: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'VACUUM_INVENTORY',
    message:
      `${uri} is no inventory of the table: ${reason}; it has the columns path (a full URI), length (bytes), isDir and ` +
      'modificationTime (milliseconds since the epoch)',
    details: { inventory: uri },
  });
}

/** `RESTORE_INVALID`: a version that a table cannot be brought back to. */
export function restoreInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'RESTORE_INVALID',
    message: `the table cannot be restored: ${reason}`,
  });
}

/** `RESTORE_FILES_MISSING`: files of the version were deleted. */
export function restoreFilesMissing(version: number, paths: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'RESTORE_FILES_MISSING',
    message:
      `files of version ${version} are not in the store any more, as after a vacuum: ${some(paths)}; nothing was changed: ` +
      'restore a younger version, put the files back, or do without their rows by ignoreMissing',
    details: { version, files: paths.length },
  });
}

/** `RESTORE_FILES_VANISHED`: what the restored version names was deleted while it was being committed. */
export function restoreFilesVanished(version: number, paths: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'RESTORE_FILES_VANISHED',
    message:
      `files of the restored version ${version} were deleted while it was being committed, as by a vacuum at the same time: ` +
      `${some(paths)}; restore a younger version`,
    details: { version, files: paths.length },
  });
}

/** `CLONE_INVALID`: a clone that others could not read, or that would not be one. */
export function cloneInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CLONE_INVALID',
    message: `the table cannot be cloned so: ${reason}`,
  });
}

/** `CLONE_FILES_MISSING`: files of the version to clone were deleted. */
export function cloneFilesMissing(version: number, paths: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'CLONE_FILES_MISSING',
    message:
      `files of version ${version} are not in the store any more, as after a vacuum: ${some(paths)}; nothing was cloned: ` +
      'clone a younger version',
    details: { version, files: paths.length },
  });
}

/** `CONVERT_INVALID`: a folder that cannot become a table as it is. */
export function convertInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONVERT_INVALID',
    message: `the folder cannot become a table: ${reason}; nothing was changed`,
  });
}

/** `CONVERT_FILE_UNFIT`: a file that the engines would not read alike with the others. */
export function convertFileUnfit(path: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONVERT_FILE_UNFIT',
    message:
      `the file ${path} does not fit the table that the folder would become: ${reason}; nothing was changed: ` +
      'move it elsewhere, and append it afterwards, which encodes it again',
    details: { path },
  });
}

function hours(durationMs: number): string {
  return `${Math.ceil(durationMs / 3_600_000)} hours`;
}

function some(paths: readonly string[]): string {
  const more = paths.length - NAMED_MAX;
  return `${paths.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
