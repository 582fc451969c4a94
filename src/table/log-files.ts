/** The files of a table's log in its store: listed, and read side by side. */

import pLimit from 'p-limit';

import { isDeltaError } from '../base/index.ts';
import {
  type CheckpointHint,
  type CommitFile,
  LAST_CHECKPOINT_PATH,
  type Listing,
  LOG_FOLDER,
  type CompactedFile,
  isReconciled,
  parseCommit,
  parseCommitInfo,
  parseLastCheckpoint,
  readListing,
  type TailStep,
  versionPrefix,
  type WinnerCommit,
} from '../log/index.ts';
import type { ObjectMeta, ObjectStore } from '../store/index.ts';

/** Commits that are read at once. */
const READS_MAX = 16;

/** Listings of a log that others write to: each further one begins where one version more is known to be there. */
const LISTINGS_MAX = 8;

/**
 * The log's files of version `from` and later. A folder that changes while it is read may show a commit and not the one
 * before it: so a hole is believed when a second listing, which began after all of the first were there, shows it too.
 */
export async function listLog(store: ObjectStore, from: number): Promise<Listing> {
  let listing = await listOnce(store, from);
  for (let count = 1; count < LISTINGS_MAX; count += 1) {
    const hole = firstHole(listing, from);
    if (hole === null) break;
    listing = await listOnce(store, from);
    if (firstHole(listing, from) === hole) break;
  }
  return listing;
}

/** The first version without a commit before one that has one; what a checkpoint stands for may be gone. */
function firstHole({ commits, checkpoints }: Listing, from: number): number | null {
  const begin = from > 0 ? from : (checkpoints[0]?.version ?? 0);
  let next = Math.min(begin, commits[0]?.version ?? begin);
  for (const { version } of commits) {
    if (version !== next) return next;
    next += 1;
  }
  return null;
}

async function listOnce(store: ObjectStore, from: number): Promise<Listing> {
  const listed: ObjectMeta[] = [];
  const options = from === 0 ? {} : { startAfter: versionPrefix(from) };
  for await (const file of store.list(LOG_FOLDER, options)) listed.push(file);
  return readListing(listed);
}

/** What `_last_checkpoint` says, or null where it is missing, torn or not what its checksum says. */
export async function readLastCheckpoint(store: ObjectStore): Promise<CheckpointHint | null> {
  const bytes = await readIfThere(store, LAST_CHECKPOINT_PATH);
  return bytes === null ? null : parseLastCheckpoint(bytes);
}

/** The commits in the order of `files`. */
export async function readCommits(
  store: ObjectStore,
  files: readonly CommitFile[],
): Promise<WinnerCommit[]> {
  const limit = pLimit(READS_MAX);
  return limit.map(files, async (file) => {
    const { path, version } = file;
    return { version, actions: parseCommit(await readCommitBytes(store, file), path) };
  });
}

/** The bytes of a commit, which a catalog may keep itself. */
export async function readCommitBytes(store: ObjectStore, file: CommitFile): Promise<Uint8Array> {
  return file.bytes ?? (await store.get(file.path)).bytes;
}

/** The time that a commit itself carries, or null. PROTOCOL.md, "In-Commit Timestamps". */
export async function readInCommitTimestamp(
  store: ObjectStore,
  file: CommitFile,
): Promise<number | null> {
  const info = parseCommitInfo(await readCommitBytes(store, file), file.path);
  const time = info?.['inCommitTimestamp'];
  return typeof time === 'number' ? time : null;
}

/**
 * The actions of a log's tail, in order, each with the version that they lead to. A compacted file that is gone, cannot
 * be read or is not reconciled is passed over for the commits that it stands for.
 */
export async function readTail(
  store: ObjectStore,
  steps: readonly TailStep[],
): Promise<readonly WinnerCommit[]> {
  const limit = pLimit(READS_MAX);
  const read = await limit.map(steps, async (step): Promise<WinnerCommit | null> => {
    if (step.kind === 'compacted') return readCompacted(store, step.file);
    const { path, version } = step.commit;
    return { version, actions: parseCommit(await readCommitBytes(store, step.commit), path) };
  });
  const tail: WinnerCommit[] = [];
  for (const [index, step] of steps.entries()) {
    const commit = read[index];
    if (commit !== null && commit !== undefined) tail.push(commit);
    else if (step.kind === 'compacted') tail.push(...(await readCommits(store, step.commits)));
  }
  return tail;
}

async function readCompacted(
  store: ObjectStore,
  file: CompactedFile,
): Promise<WinnerCommit | null> {
  try {
    const { bytes } = await store.get(file.path);
    const actions = parseCommit(bytes, file.path);
    return isReconciled(actions) ? { version: file.endVersion, actions } : null;
  } catch (error) {
    // It saves reads and nothing else: the commits themselves say the same.
    if (isDeltaError(error) && error.kind === 'data') return null;
    throw error;
  }
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
