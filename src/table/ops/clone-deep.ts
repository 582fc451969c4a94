/**
 * Deep clones: the files of a table and its log, so that every version that can be read can be read there, at its time. The log
 * comes last and its first part last of all: before that there is no table to be opened.
 */

import { utimes } from 'node:fs/promises';

import { assert, isDeltaError } from '../../base/index.ts';
import {
  checkWritable,
  type CommitFile,
  earliestVersion,
  hasInCommitTimestamps,
  type Listing,
  LOG_FOLDER,
  parseLogFileName,
  SIDECAR_FOLDER,
} from '../../log/index.ts';
import type { ObjectMeta } from '../../store/index.ts';
import { writeCheckpoint } from '../checkpoint.ts';
import { tableExists } from '../errors.ts';
import { commitTimes, listLog, readCommits } from '../log-files.ts';
import { openSnapshot } from '../open.ts';
import { pathsOfFile } from '../retained-files.ts';
import { tableSnapshot } from '../snapshot.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { withCommitTime } from './clone-times.ts';
import type { CloneOptions, CloneResult } from './clone.ts';
import { cloneFilesMissing, cloneInvalid } from './housekeeping-errors.ts';

/** Commits that are read at once. */
const READS_MAX = 16;
/** Beginnings beside those who clean up the source: each time something goes that was listed. */
const TRIES_MAX = 8;

/** See `clone`. */
export async function deepClone(
  ctx: TableContext,
  snapshot: Snapshot,
  target: TableContext,
  options: CloneOptions,
): Promise<CloneResult> {
  if (Object.keys(options.properties ?? {}).length > 0) {
    throw cloneInvalid(
      'a copy has the properties of every version as they were; set others on it afterwards',
    );
  }
  checkWritable(snapshot.protocol, snapshot.metadata, 'description');
  for await (const _object of target.store.list(LOG_FOLDER)) throw tableExists(target.store.uri);
  const copying = { ctx, target, signal: options.signal, copied: new Set<string>() };
  const { data, way } = await copyAll(copying, snapshot, options);
  const copy = await openSnapshot(target);
  const isSame = copy.version === snapshot.version && copy.fileCount === snapshot.fileCount;
  assert(isSame && copy.sizeBytes === snapshot.sizeBytes, 'a copied table is not the one copied');
  if (way === 'commits') await writeCheckpoint(target, copy);
  return {
    table: target.store.uri,
    snapshot: copy,
    fileCount: copy.fileCount,
    copiedCount: data.length,
    copiedBytes: data.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    postCommitErrors: [],
  };
}

interface Copying {
  readonly ctx: TableContext;
  readonly target: TableContext;
  readonly signal: AbortSignal | undefined;
  /** Paths that are at the target. */
  readonly copied: Set<string>;
}

interface Copied {
  readonly data: readonly ObjectMeta[];
  readonly way: Way;
}

/** Copies what is there; where something of it is cleaned up meanwhile, what is left then, beside what was copied. */
async function copyAll(
  copying: Copying,
  snapshot: Snapshot,
  { keepTimes = true }: CloneOptions,
): Promise<Copied> {
  const { ctx } = copying;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const listing = upTo(await listLog(ctx.store, 0), snapshot.version);
      const way = wayOf(copying, snapshot, { listing, keepTimes });
      const data = await dataOf(ctx, snapshot, listing);
      await copyObjects(copying, data);
      if (way === 'commits') await writeCommits(copying, listing);
      else await copyLog(copying, { listing, keepsFileTimes: way === 'files' });
      return { data, way };
    } catch (error) {
      const isGone =
        isDeltaError(error, 'STORE_NOT_FOUND') || isDeltaError(error, 'VERSION_NOT_FOUND');
      if (!isGone || attempt === TRIES_MAX) throw error;
    }
  }
}

type Way = 'bytes' | 'files' | 'commits';

/** How the times of versions come along: by the bytes alone, by the times of files, or by commits that get them. */
function wayOf(
  { target }: Copying,
  { metadata }: Snapshot,
  { listing, keepTimes }: { readonly listing: Listing; readonly keepTimes: boolean },
): Way {
  if (target.store.localFile(LOG_FOLDER) !== null) return 'files';
  if (hasInCommitTimestamps(metadata) || !keepTimes) return 'bytes';
  if (listing.commits[0]?.version === 0) return 'commits';
  throw cloneInvalid(
    'its log begins with a checkpoint, and the target cannot keep the times of files: enable delta.enableInCommitTimestamps ' +
      'first, or do without the times of versions by keepTimes: false',
  );
}

function upTo(listing: Listing, version: number): Listing {
  return {
    ...listing,
    commits: listing.commits.filter((it) => it.version <= version),
    checkpoints: listing.checkpoints.filter((it) => it.version <= version),
  };
}

/** The objects that any version names which can be read. Errors: `CLONE_INVALID`, `CLONE_FILES_MISSING`. */
async function dataOf(
  ctx: TableContext,
  snapshot: Snapshot,
  listing: Listing,
): Promise<readonly ObjectMeta[]> {
  const root = encodedRoot(ctx.store);
  const named = new Set<string>();
  const note = (paths: Iterable<string>): void => {
    for (const path of paths) {
      if (/^(?:[a-z][a-z0-9+.-]*:|\/)/i.test(path)) {
        throw cloneInvalid(`its log names ${path}, which a copy of the log would go on to name`);
      }
      const key = keyBelow(root, path, { isOwn: true });
      if (key !== null) named.add(key);
    }
  };
  const earliest = await openSnapshot(ctx, { version: earliestVersion(listing) });
  for (const file of earliest.files()) note(pathsOfFile(file));
  for (const file of tableSnapshot(snapshot).state.tombstones.values()) note(pathsOfFile(file));
  for (let start = 0; start < listing.commits.length; start += READS_MAX) {
    const batch = listing.commits.slice(start, start + READS_MAX);
    for (const { actions } of await readCommits(ctx.store, batch)) {
      for (const action of actions) {
        if (action.kind === 'add') note(pathsOfFile(action.add));
        if (action.kind === 'remove') note(pathsOfFile(action.remove));
        if (action.kind === 'cdc') note([action.cdc.path]);
      }
    }
  }
  const there = new Map<string, ObjectMeta>();
  const skip = (path: string): boolean => !named.has(path);
  for await (const meta of ctx.store.list('', { recursive: true, skip })) {
    there.set(meta.path, meta);
  }
  const missing: string[] = [];
  for (const file of snapshot.files()) {
    for (const path of pathsOfFile(file)) {
      const key = keyBelow(root, path, { isOwn: true });
      if (key !== null && !there.has(key)) missing.push(path);
    }
  }
  if (missing.length > 0) throw cloneFilesMissing(snapshot.version, missing);
  return [...there.values()];
}

async function copyObjects(
  { ctx, target, signal, copied }: Copying,
  objects: readonly ObjectMeta[],
): Promise<void> {
  const missing = objects.filter(({ path }) => !copied.has(path));
  await inParallel(missing, STORE_REQUESTS_MAX, async ({ path, etag }) => {
    signal?.throwIfAborted();
    await target.store.copyFrom({ store: ctx.store, path, etag }, path);
    copied.add(path);
  });
}

/** Sidecars; commits from the newest on; then checkpoints from the newest on, and what goes with them. */
async function copyLog(
  copying: Copying,
  { listing, keepsFileTimes }: { readonly listing: Listing; readonly keepsFileTimes: boolean },
): Promise<void> {
  const { target } = copying;
  const objects = await logObjects(copying, listing);
  const times = commitTimes(listing.commits);
  await copyObjects(copying, objects.sidecars);
  for (const commit of objects.commits.toReversed()) {
    const { path, version } = commit;
    await copyObjects(copying, [commit]);
    const timeMs = times.get(version);
    const file = target.store.localFile(path);
    if (!keepsFileTimes || file === null || timeMs === undefined) continue;
    // Half a millisecond more, as the time goes through a fraction of seconds that may come out below.
    const seconds = (timeMs + 0.5) / 1_000;
    await utimes(file, seconds, seconds);
  }
  for (const object of objects.others.toReversed()) await copyObjects(copying, [object]);
}

interface LogObjects {
  readonly sidecars: readonly ObjectMeta[];
  readonly commits: readonly (ObjectMeta & { readonly version: number })[];
  readonly others: readonly ObjectMeta[];
}

async function logObjects({ ctx }: Copying, { commits }: Listing): Promise<LogObjects> {
  const last = commits.at(-1)?.version ?? -1;
  const found = {
    sidecars: [] as ObjectMeta[],
    commits: [] as (ObjectMeta & { readonly version: number })[],
    others: [] as ObjectMeta[],
  };
  for await (const meta of ctx.store.list(SIDECAR_FOLDER)) found.sidecars.push(meta);
  for await (const meta of ctx.store.list(LOG_FOLDER)) {
    const name = parseLogFileName(meta.path.slice(LOG_FOLDER.length + 1));
    if (name === null) continue;
    const end = name.kind === 'compacted' ? name.endVersion : name.version;
    if (end > last) continue;
    if (name.kind === 'commit') found.commits.push({ ...meta, version: name.version });
    else found.others.push(meta);
  }
  return found;
}

/** Each commit with its time in it, the first one last: then there is a table. */
async function writeCommits(
  { ctx, target, signal, copied }: Copying,
  listing: Listing,
): Promise<void> {
  const times = commitTimes(listing.commits);
  const write = async (file: CommitFile): Promise<void> => {
    signal?.throwIfAborted();
    if (copied.has(file.path)) return;
    const { bytes } = await ctx.store.get(file.path);
    const timeMs = times.get(file.version) ?? file.modifiedMs;
    const copy = withCommitTime(bytes, { path: file.path, timeMs });
    const { kind } = await target.store.put(file.path, copy, { kind: 'create' });
    if (kind !== 'written') throw tableExists(target.store.uri);
    copied.add(file.path);
  };
  const [first, ...rest] = listing.commits;
  await inParallel(rest, STORE_REQUESTS_MAX, write);
  if (first !== undefined) await write(first);
}
