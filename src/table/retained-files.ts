/** Which files the versions of a table need that were the newest at some moment since a time. */

import {
  type Action,
  type AddFile,
  type CommitFile,
  type RemoveFile,
  vectorPlace,
} from '../log/index.ts';
import { encodePath } from '../schema/index.ts';
import { listVersions } from './commit-source.ts';
import { commitTimes, readCommitsIfThere } from './log-files.ts';
import { tableSnapshot } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

/** Commits that are read at once. */
const READS_MAX = 16;

/**
 * Paths, as the log spells them and with repeats, of the data files, deletion vectors and change data that are needed to read
 * `snapshot` and every version that was the newest at `sinceMs` or after. A file that such a version has, and `snapshot` has
 * not, was removed by a commit after it: so what is live, what those commits removed or recorded, and tombstones of that
 * age are all of them. Errors: those of reading commits, `DELETION_VECTOR_CORRUPT`.
 */
export async function* retainedPaths(
  ctx: TableContext,
  snapshot: Snapshot,
  sinceMs: number,
): AsyncGenerator<string> {
  for (const file of snapshot.files()) yield* pathsOfFile(file);
  for (const tombstone of tableSnapshot(snapshot).state.tombstones.values()) {
    // PROTOCOL.md, "Add File and Remove File": one without a time is as old as can be.
    if ((tombstone.deletionTimestamp ?? 0) >= sinceMs) yield* pathsOfFile(tombstone);
  }
  for await (const actions of commitsSince(ctx, snapshot.version, sinceMs)) {
    yield* pathsOfActions(actions);
  }
}

/** Paths of the files that a commit takes away or records changes in. */
export function* pathsOfActions(actions: readonly Action[]): Generator<string> {
  for (const action of actions) {
    if (action.kind === 'remove') yield* pathsOfFile(action.remove);
    if (action.kind === 'cdc') yield action.cdc.path;
  }
}

/** The path of a file, and that of the file of its deletion vector. */
export function* pathsOfFile({ path, deletionVector }: AddFile | RemoveFile): Generator<string> {
  yield path;
  const vector = deletionVector === undefined ? null : vectorPlace(deletionVector);
  if (vector?.kind === 'file') {
    yield vector.path.kind === 'key' ? encodePath(vector.path.key) : vector.path.path;
  }
}

/** The last version before `sinceMs`, as the times of the log's files tell; null where all that are there are younger. */
export function versionBefore(commits: readonly CommitFile[], sinceMs: number): number | null {
  const times = commitTimes(commits);
  return commits.findLast(({ version }) => (times.get(version) ?? 0) < sinceMs)?.version ?? null;
}

/**
 * The commits up to a version that were made at `sinceMs` or after, by the time of their files or by what they tell
 * themselves, the newest first. Those that the log has no more cannot be read, nor can the versions before them.
 */
async function* commitsSince(
  ctx: TableContext,
  version: number,
  sinceMs: number,
): AsyncGenerator<readonly Action[]> {
  const { commits } = await listVersions(ctx, 0);
  const times = commitTimes(commits);
  const files = commits.filter((file) => file.version <= version).toReversed();
  for (let start = 0; start < files.length; start += READS_MAX) {
    const batch = files.slice(start, start + READS_MAX);
    const read = await readCommitsIfThere(ctx.store, batch);
    for (const commit of read) {
      if (commit === null) return;
      const fileMs = times.get(commit.version) ?? 0;
      if (Math.max(fileMs, toldMs(commit.actions)) < sinceMs) return;
      yield commit.actions;
    }
  }
}

function toldMs(actions: readonly Action[]): number {
  const info = actions.find(({ kind }) => kind === 'commitInfo');
  const time = info?.kind === 'commitInfo' ? info.commitInfo['inCommitTimestamp'] : undefined;
  return typeof time === 'number' ? time : 0;
}
