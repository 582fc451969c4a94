/** Reads all of a log that is there, each file by itself, so that a broken one is a finding and not the end. */

import pLimit from 'p-limit';

import { type DeltaError, isDeltaError, summaryOf } from '../base/index.ts';
import {
  type Action,
  checkpointPath,
  type CommitFile,
  type CommitInfo,
  LOG_FOLDER,
  parseCommit,
  pathKey,
  tableNotFound,
  vectorPlace,
} from '../log/index.ts';
import type { ObjectMeta } from '../store/index.ts';
import { readCheckpoint } from './checkpoint-read.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { listVersions } from './commit-source.ts';
import type { CommitSeen, Found, LogSeen } from './doctor-types.ts';
import { readIfThere } from './log-files.ts';
import { openSnapshot } from './open.ts';
import type { Snapshot, TableContext } from './types.ts';

const READS_MAX = 16;

/** Everything, and what is broken by itself. Errors: `TABLE_NOT_FOUND`, those of the store and of a catalog. */
export async function readLog(
  ctx: TableContext,
): Promise<{ readonly log: LogSeen; readonly found: readonly Found[] }> {
  const listing = await listVersions(ctx, 0);
  if (listing.commits.length === 0 && listing.checkpoints.length === 0) throw tableNotFound();
  const objects: ObjectMeta[] = [];
  for await (const object of ctx.store.list(LOG_FOLDER, { recursive: true })) objects.push(object);
  const named = new Set<string>();
  const found: Found[] = [];
  const opened = await tryOpen(ctx);
  if (opened.error !== null) found.push(unopened(opened.error));
  const read = await pLimit(READS_MAX).map(listing.commits, (file) => readOne(ctx, file, named));
  const there = read.filter((it) => it !== null);
  found.push(...there.flatMap((it) => ('found' in it ? [it.found] : [])));
  const commits = there.flatMap((it) => ('found' in it ? [] : [it]));
  const sound = new Map<string, number>();
  for (const [index, files] of listing.checkpoints.entries()) {
    const path = files.files[0]?.path ?? '';
    try {
      let count = 0;
      for await (const actions of readCheckpoint(ctx.store, { files, copy: null })) {
        for (const action of actions) noteFiles(action, named);
        count += actions.length;
      }
      sound.set(path, count);
    } catch (error) {
      if (!isDeltaError(error) || error.kind === 'unavailable') throw error;
      const isNewest = index === listing.checkpoints.length - 1;
      const snapshot = isNewest ? opened.snapshot : null;
      found.push(brokenCheckpoint(ctx, { version: files.version, path, error }, snapshot));
    }
  }
  const nowMs = ctx.clock.now();
  const { snapshot } = opened;
  return { log: { ctx, nowMs, listing, objects, commits, named, sound, snapshot }, found };
}

async function tryOpen(
  ctx: TableContext,
): Promise<{ readonly snapshot: Snapshot | null; readonly error: DeltaError | null }> {
  try {
    return { snapshot: await openSnapshot(ctx), error: null };
  } catch (error) {
    if (!isDeltaError(error) || error.kind === 'unavailable') throw error;
    return { snapshot: null, error };
  }
}

function unopened(error: DeltaError): Found {
  return {
    code: error.code,
    severity: 'error',
    message: `the table cannot be opened: ${summaryOf(error)}`,
    cure: 'restore what is missing or broken from a copy; what else was found may tell what that is',
    details: error.details,
  };
}

/** Null of one that was cleaned up since it was listed. */
async function readOne(
  ctx: TableContext,
  file: CommitFile,
  named: Set<string>,
): Promise<CommitSeen | { readonly found: Found } | null> {
  try {
    const bytes = file.bytes ?? (await readIfThere(ctx.store, file.path));
    if (bytes === null) return null;
    const actions = parseCommit(bytes, file.path);
    let info: CommitInfo = {};
    for (const action of actions) {
      noteFiles(action, named);
      if (action.kind === 'commitInfo') info = action.commitInfo;
    }
    const { engineInfo, timestamp, inCommitTimestamp } = info;
    return {
      file,
      engine: typeof engineInfo === 'string' ? engineInfo : 'unknown',
      toldMs: typeof timestamp === 'number' ? timestamp : null,
      inCommitMs: typeof inCommitTimestamp === 'number' ? inCommitTimestamp : null,
    };
  } catch (error) {
    if (!isDeltaError(error) || error.kind === 'unavailable') throw error;
    const found: Found = {
      code: 'COMMIT_BROKEN',
      severity: 'error',
      message: `the commit of version ${file.version} cannot be read: ${summaryOf(error)}`,
      cure: 'restore the file from a copy; versions after the next checkpoint can be read without it',
      details: { version: file.version, path: file.path },
    };
    return { found };
  }
}

/** The data and vector files that an action names. */
function noteFiles(action: Action, named: Set<string>): void {
  if (action.kind === 'cdc') named.add(pathKey(action.cdc.path));
  const file =
    action.kind === 'add' ? action.add : action.kind === 'remove' ? action.remove : undefined;
  if (file === undefined) return;
  named.add(pathKey(file.path));
  if (file.deletionVector === undefined) return;
  const place = vectorPlace(file.deletionVector);
  if (place.kind === 'inline') return;
  named.add(place.path.kind === 'key' ? place.path.key : pathKey(place.path.path));
}

/** `snapshot`: of the newest version, where a new checkpoint of it would mend this. */
function brokenCheckpoint(
  ctx: TableContext,
  checkpoint: { readonly version: number; readonly path: string; readonly error: DeltaError },
  snapshot: Snapshot | null,
): Found {
  const { version, path, error } = checkpoint;
  const found: Found = {
    code: 'CHECKPOINT_BROKEN',
    severity: 'warning',
    message: `the checkpoint of version ${version} cannot be read: ${summaryOf(error)}`,
    cure: 'have a new checkpoint written; readers that do not look for another one fail at this one',
    details: { version, path },
  };
  if (snapshot === null) return found;
  const mend = async (): Promise<string> => {
    await writeCheckpoint(ctx, snapshot);
    return `wrote ${checkpointPath(snapshot.version)}, and the hint at it`;
  };
  return { ...found, mend };
}
