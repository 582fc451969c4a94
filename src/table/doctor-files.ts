/** Whether the files that a table names are there, and which are there that nobody names. */

import pLimit from 'p-limit';

import { isDeltaError } from '../base/index.ts';
import { type AddFile, LOG_FOLDER, pathKey, vectorPlace } from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';
import type { Found, LogSeen, Orphan } from './doctor-types.ts';
import { fileAt } from './stored-file.ts';
import type { Snapshot } from './types.ts';

const HEADS_MAX = 16;
/** Paths that a finding names; further ones are counted. */
const NAMED_MAX = 5;
const ORPHANS_MAX = 10_000;
/** A writer under way has files that its commit is yet to name. */
const YOUNG_MS = 24 * 60 * 60 * 1000;

export interface FilesSeen {
  readonly found: readonly Found[];
  readonly orphans: readonly Orphan[];
}

/** `isWhole`: whether all of the log could be read; else nothing can be said to be named by nobody. */
export async function checkFiles(log: LogSeen, isWhole: boolean): Promise<FilesSeen> {
  const { ctx, snapshot } = log;
  if (snapshot === null) return { found: [], orphans: [] };
  const stored = new Map<string, ObjectMeta>();
  const skip = (path: string): boolean => path.startsWith(`${LOG_FOLDER}/`);
  for await (const object of ctx.store.list('', { recursive: true, skip })) {
    stored.set(object.path, object);
  }
  const found = [...(await missing(log, snapshot, stored))];
  if (!isWhole) return { found: [...found, unknownOrphans()], orphans: [] };
  const { orphans, finding } = findOrphans(log, stored);
  if (finding !== null) found.push(finding);
  return { found, orphans };
}

async function missing(
  { ctx }: LogSeen,
  snapshot: Snapshot,
  stored: ReadonlyMap<string, ObjectMeta>,
): Promise<readonly Found[]> {
  const gone: string[] = [];
  const resized: string[] = [];
  const elsewhere: string[] = [];
  const wanted = new Map<string, number | null>();
  for (const file of snapshot.files()) {
    wanted.set(file.path, file.size);
    const vector = vectorFile(file);
    if (vector !== null) wanted.set(vector, null);
  }
  for (const [path, size] of wanted) {
    const key = keyBelow(ctx.store, path);
    const object = key === null ? undefined : stored.get(key);
    if (key === null) elsewhere.push(path);
    else if (object === undefined) gone.push(path);
    else if (size !== null && object.sizeBytes !== size) resized.push(path);
  }
  const unknown: string[] = [];
  await pLimit(HEADS_MAX).map(elsewhere, async (path) => {
    try {
      const { store, path: key } = await fileAt(ctx, path);
      if ((await store.head(key)) === null) gone.push(path);
    } catch (error) {
      // Of another store, which may not be reachable from here: no reason not to tell the rest.
      if (!isDeltaError(error)) throw error;
      unknown.push(path);
    }
  });
  return [
    ...(gone.length === 0 ? [] : [missingFiles(gone)]),
    ...(resized.length === 0 ? [] : [resizedFiles(resized)]),
    ...(unknown.length === 0 ? [] : [unknownFiles(unknown)]),
  ];
}

/** The file of a deletion vector, as a path of the log or a key, or null. */
function vectorFile({ deletionVector }: AddFile): string | null {
  if (deletionVector === undefined) return null;
  const place = vectorPlace(deletionVector);
  if (place.kind === 'inline') return null;
  return place.path.kind === 'key' ? place.path.key : place.path.path;
}

/** The key of a file below the table; null where it is elsewhere. */
function keyBelow(store: ObjectStore, path: string): string | null {
  const key = pathKey(path);
  const root = `${pathKey(store.uri)}/`;
  if (key.startsWith(root)) return key.slice(root.length);
  return /^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(path) ? null : key;
}

function missingFiles(paths: readonly string[]): Found {
  return {
    code: 'FILES_MISSING',
    severity: 'error',
    message: `files of the newest version are not in the store: ${some(paths)}`,
    cure: 'restore them from a copy; else their rows are lost, and a version before them is to be restored',
    details: { files: paths.length },
  };
}

function resizedFiles(paths: readonly string[]): Found {
  return {
    code: 'FILES_CHANGED',
    severity: 'error',
    message: `files of the newest version have another size than the log says: ${some(paths)}`,
    cure: 'restore them from a copy: somebody wrote over them',
    details: { files: paths.length },
  };
}

function unknownFiles(paths: readonly string[]): Found {
  return {
    code: 'FILES_UNKNOWN',
    severity: 'warning',
    message: `files of the newest version that lie elsewhere could not be looked for: ${some(paths)}`,
    cure: 'run this where their store can be reached',
    details: { files: paths.length },
  };
}

function findOrphans(
  { ctx, named, nowMs }: LogSeen,
  stored: ReadonlyMap<string, ObjectMeta>,
): { readonly orphans: readonly Orphan[]; readonly finding: Found | null } {
  const keys = new Set(Array.from(named, (path) => keyBelow(ctx.store, path)));
  const orphans: Orphan[] = [];
  for (const { path, sizeBytes, modifiedMs } of stored.values()) {
    if (isHidden(path) || keys.has(path)) continue;
    orphans.push({ path, sizeBytes, ageMs: nowMs - modifiedMs });
  }
  if (orphans.length === 0) return { orphans, finding: null };
  orphans.sort((a, b) => b.ageMs - a.ageMs);
  const young = orphans.filter(({ ageMs }) => ageMs < YOUNG_MS).length;
  const finding: Found = {
    code: 'ORPHANS',
    severity: 'note',
    message: `files below the table are named by no version: ${some(orphans.map(({ path }) => path))}`,
    cure: 'have them vacuumed once no writer can still be about to commit them; they cost space alone',
    details: {
      files: orphans.length,
      sizeBytes: orphans.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      oldestMs: orphans[0]?.ageMs ?? 0,
      youngerThanADay: young,
    },
  };
  return { orphans: orphans.slice(0, ORPHANS_MAX), finding };
}

function unknownOrphans(): Found {
  return {
    code: 'ORPHANS_UNKNOWN',
    severity: 'note',
    message: 'files that no version names were not looked for, as parts of the log cannot be read',
    cure: 'mend the log first, and look again',
    details: {},
  };
}

/**
 * As Spark's VACUUM sees it: names that begin with `_` or `.` are not the table's data, but for folders of partitions
 * and of change data.
 */
function isHidden(path: string): boolean {
  const parts = path.split('/');
  return parts.some(
    (part, index) =>
      /^[_.]/.test(part) &&
      !(index < parts.length - 1 && (part.includes('=') || part === '_change_data')),
  );
}

function some(paths: readonly string[]): string {
  const more = paths.length - NAMED_MAX;
  return `${paths.slice(0, NAMED_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
