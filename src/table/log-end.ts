/**
 * A log on the local disk that is asked for again: what came since is found version by version, since listing a folder costs more the
 * longer the log is. What only a listing can tell is left to a listing.
 */

import * as fs from 'node:fs';

import {
  checkpointPath,
  checksumPath,
  commitPath,
  type ListedFile,
  type Listing,
  LOG_FOLDER,
  readListing,
} from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { listLog } from './log-files.ts';

/** What is known to be at the version from which on a log is wanted. */
export type KnownStart = 'checkpoint' | 'commit';

/** Of more commits a listing may know a newer checkpoint. */
const COMMITS_MAX = 256;
/** Versions behind the last one that nobody may have: a commit there would show a hole. */
const ABSENT_COUNT = 16;
/** From when a file was written to when its name is in the folder, and what is written beside it. */
const SETTLE_MS_MAX = 10_000;

/** Where the logs end that this process has seen, by folder: up to there without a hole, and with nothing behind. */
const ends = new Map<string, { readonly inode: number; readonly version: number }>();
const ENDS_MAX = 1_000;

/**
 * As `listLog`; where this process knows the log already, mostly without listing it, and then without compacted files. Errors: the
 * store's.
 */
export async function followLog(
  store: ObjectStore,
  from: number,
  start: KnownStart,
): Promise<Listing> {
  const folder = store.localFile(LOG_FOLDER);
  if (folder === null) return listLog(store, from);
  const listing = (await findEnd(store, { folder, from, start })) ?? (await listLog(store, from));
  const inode = fs.statSync(folder, { throwIfNoEntry: false })?.ino;
  const version = endOf(listing);
  if (ends.size >= ENDS_MAX) ends.clear();
  if (inode === undefined || version === null) ends.delete(folder);
  else ends.set(folder, { inode, version });
  return listing;
}

/**
 * Null where the end is in doubt: nobody has listed the folder, the start is not as known, a version is missing before one that is
 * there, or the folder has changed since the last file that was found, so that there may be others, or some were deleted.
 */
async function findEnd(
  store: ObjectStore,
  log: { readonly folder: string; readonly from: number; readonly start: KnownStart },
): Promise<Listing | null> {
  const { folder, from, start } = log;
  const seen = ends.get(folder);
  if (seen === undefined) return null;
  const files: ListedFile[] = [];
  const isThere = async (path: string): Promise<boolean> => {
    const file = await store.head(path);
    if (file !== null) files.push(file);
    return file !== null;
  };
  if (start === 'checkpoint' && !(await isThere(checkpointPath(from)))) return null;
  let next = from;
  for (; await isThere(commitPath(next)); next += 1) {
    if (next - from === COMMITS_MAX) return null;
    await isThere(checksumPath(next));
  }
  if (next === from || next <= seen.version) return null;
  for (let ahead = 1; ahead <= ABSENT_COUNT; ahead += 1) {
    if (await isThere(commitPath(next + ahead))) return null;
  }
  const lastMs = Math.max(...files.map(({ modifiedMs }) => modifiedMs));
  const now = fs.statSync(folder, { throwIfNoEntry: false });
  const isSame = now?.ino === seen.inode && now.mtimeMs <= lastMs + SETTLE_MS_MAX;
  return isSame ? readListing(files) : null;
}

/** The last version of a log without a hole; null for others. */
function endOf({ commits, checkpoints }: Listing): number | null {
  const [first, last] = [commits[0]?.version, commits.at(-1)?.version];
  if (first === undefined || last === undefined || last - first !== commits.length - 1) return null;
  return (checkpoints.at(-1)?.version ?? 0) <= last ? last : null;
}
