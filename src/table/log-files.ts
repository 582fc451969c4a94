/** The files of a table's log in its store: listed, and read side by side. */

import pLimit from 'p-limit';

import { isDeltaError } from '../base/index.ts';
import {
  type CommitFile,
  type LastCheckpoint,
  LAST_CHECKPOINT_PATH,
  type Listing,
  LOG_FOLDER,
  parseCommit,
  parseLastCheckpoint,
  readListing,
  versionPrefix,
  type WinnerCommit,
} from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';

/** Commits that are read at once. */
const READS_MAX = 16;

/** The log's files of version `from` and later. */
export async function listLog(store: ObjectStore, from: number): Promise<Listing> {
  const listed: ObjectMeta[] = [];
  const options = from === 0 ? {} : { startAfter: versionPrefix(from) };
  for await (const file of store.list(LOG_FOLDER, options)) listed.push(file);
  return readListing(listed);
}

/** What `_last_checkpoint` says, or null where it is missing or torn. */
export async function readLastCheckpoint(store: ObjectStore): Promise<LastCheckpoint | null> {
  const bytes = await readIfThere(store, LAST_CHECKPOINT_PATH);
  return bytes === null ? null : parseLastCheckpoint(bytes);
}

/** The commits in the order of `files`. */
export async function readCommits(
  store: ObjectStore,
  files: readonly CommitFile[],
): Promise<WinnerCommit[]> {
  const limit = pLimit(READS_MAX);
  return limit.map(files, async ({ path, version }) => {
    const { bytes } = await store.get(path);
    return { version, actions: parseCommit(bytes, path) };
  });
}

/** The bytes of an object, or null where there is none. */
export async function readIfThere(store: ObjectStore, path: string): Promise<Uint8Array | null> {
  try {
    return (await store.get(path)).bytes;
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
    throw error;
  }
}

/**
 * The time of each commit, in milliseconds: that of its file, but always later than the one before. PROTOCOL.md
 * leaves this to readers; it is what Spark does.
 */
export function commitTimes(commits: readonly CommitFile[]): ReadonlyMap<number, number> {
  const times = new Map<number, number>();
  let last = Number.NEGATIVE_INFINITY;
  for (const { version, modifiedMs } of commits) {
    last = Math.max(last + 1, modifiedMs);
    times.set(version, last);
  }
  return times;
}
