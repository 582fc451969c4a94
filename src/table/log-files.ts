/** The files of a table's log in its store: listed, and read side by side. */

import pLimit from 'p-limit';

import { isDeltaError } from '../base/index.ts';
import {
  type Action,
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

/** Of commits that are held at once. */
const BATCH_BYTES = 32 * 1024 * 1024;

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

/** As `readCommits`; null in the place of one that was cleaned up since it was listed. */
export async function readCommitsIfThere(
  store: ObjectStore,
  files: readonly CommitFile[],
): Promise<(WinnerCommit | null)[]> {
  const limit = pLimit(READS_MAX);
  return limit.map(files, async ({ path, version, bytes: own }) => {
    const bytes = own ?? (await readIfThere(store, path));
    return bytes === null ? null : { version, actions: parseCommit(bytes, path) };
  });
}

/** The bytes of a commit, which a catalog may keep itself. */
async function readCommitBytes(store: ObjectStore, file: CommitFile): Promise<Uint8Array> {
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

/** A part of a log's tail: a commit as the bytes of its file, or what a compacted file says. */
export type TailPart =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly path: string }
  | { readonly kind: 'actions'; readonly actions: readonly Action[] };

/**
 * The parts of a log's tail, in order: some are read side by side, and no more of them held than that. A compacted file that is
 * gone, cannot be read or is not reconciled is passed over for the commits that it stands for.
 */
export async function* readTail(
  store: ObjectStore,
  steps: readonly TailStep[],
): AsyncGenerator<TailPart> {
  for (const batch of batchesOf(steps)) {
    const read = await Promise.all(
      batch.map(async (step) =>
        step.kind === 'commit' ? readPart(store, step.commit) : readCompacted(store, step.file),
      ),
    );
    for (const [index, step] of batch.entries()) {
      const part = read[index];
      if (part !== null && part !== undefined) yield part;
      else if (step.kind === 'compacted') {
        yield* readTail(
          store,
          step.commits.map((commit) => ({ kind: 'commit', commit })),
        );
      }
    }
  }
}

/** At most `READS_MAX` and `BATCH_BYTES` each, but for one that has more by itself. */
function* batchesOf(steps: readonly TailStep[]): Generator<readonly TailStep[]> {
  let batch: TailStep[] = [];
  let sizeBytes = 0;
  for (const step of steps) {
    const bytes = (step.kind === 'commit' ? step.commit : step.file).sizeBytes;
    if (batch.length === READS_MAX || (batch.length > 0 && sizeBytes + bytes > BATCH_BYTES)) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
    batch.push(step);
    sizeBytes += bytes;
  }
  if (batch.length > 0) yield batch;
}

async function readPart(store: ObjectStore, commit: CommitFile): Promise<TailPart> {
  return { kind: 'bytes', bytes: await readCommitBytes(store, commit), path: commit.path };
}

async function readCompacted(store: ObjectStore, file: CompactedFile): Promise<TailPart | null> {
  try {
    const { bytes } = await store.get(file.path);
    const actions = parseCommit(bytes, file.path);
    return isReconciled(actions) ? { kind: 'actions', actions } : null;
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
