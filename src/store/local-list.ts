/** Listing a folder of the local disk as an object store would: flat paths, in the order of their UTF-8 bytes. */

import * as fs from 'node:fs';

import { isErrno, metaOf, statFile } from './local-disk.ts';
import { compareUtf8, joinPath, RESERVED_PREFIX } from './paths.ts';
import type { ObjectMeta, StorePath } from './types.ts';

export interface LocalListing {
  readonly recursive: boolean;
  /** Exclusive lower bound, a whole path; `''` for none. */
  readonly startAfter: StorePath;
  readonly skip: (path: StorePath) => boolean;
}

/** Files in `folder`, the disk's place for `prefix`, and null for one that is skipped; the store's own are left out. */
export function* listFolder(
  folder: string,
  prefix: StorePath,
  listing: LocalListing,
): Generator<ObjectMeta | null> {
  for (const { name, path, isFolder } of sortedEntries(folder, prefix, listing)) {
    if (isFolder) {
      yield* listFolder(`${folder}/${name}`, path, listing);
    } else {
      // It may have been deleted since the folder was read.
      const stats = listing.skip(path) ? null : statFile(`${folder}/${name}`);
      yield stats === null ? null : metaOf(path, stats);
    }
  }
}

interface Entry {
  readonly name: string;
  readonly path: StorePath;
  readonly isFolder: boolean;
}

/**
 * What is listed of a folder, without what comes before: of a long log that is nearly all, and sorting it would cost most.
 * A folder takes the place that its files' paths have: `a.b` comes before `a/b`, as `.` is less than `/`.
 */
function sortedEntries(
  folder: string,
  prefix: StorePath,
  { recursive: withFolders, startAfter }: LocalListing,
): readonly Entry[] {
  const keyed: (Entry & { readonly key: string })[] = [];
  const start = prefix === '' ? '' : `${prefix}/`;
  // A name is compared alone where it can be: paths would have to be made of very many.
  const nameAfter = startAfter.startsWith(start) ? startAfter.slice(start.length) : null;
  for (const { name, isFolder } of withFolders ? typedNames(folder) : plainNames(folder)) {
    if (!isFolder && nameAfter !== null && compareUtf8(name, nameAfter) <= 0) continue;
    if (name.startsWith(RESERVED_PREFIX)) continue;
    const path = joinPath(prefix, name);
    const isListed = isFolder ? mayHoldLater(path, startAfter) : compareUtf8(path, startAfter) > 0;
    if (isListed) keyed.push({ name, path, isFolder, key: isFolder ? `${name}/` : name });
  }
  return keyed.sort((a, b) => compareUtf8(a.key, b.key));
}

/** What is in a folder, each with whether it is a folder. */
function* typedNames(folder: string): Generator<Pick<Entry, 'name' | 'isFolder'>> {
  const entries = read(() => fs.readdirSync(folder, { withFileTypes: true }));
  for (const entry of entries ?? []) {
    const { name } = entry;
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && isLinkedFolder(folder, name));
    yield { name, isFolder };
  }
}

/** As `typedNames`, with folders among the files: where these alone are wanted, each is asked about anyway, and types cost. */
function* plainNames(folder: string): Generator<Pick<Entry, 'name' | 'isFolder'>> {
  for (const name of read(() => fs.readdirSync(folder)) ?? []) yield { name, isFolder: false };
}

/** Null where there is no folder. */
function read<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return null;
    throw error;
  }
}

function isLinkedFolder(folder: string, name: string): boolean {
  const stats = fs.statSync(`${folder}/${name}`, { throwIfNoEntry: false });
  return stats?.isDirectory() === true;
}

function mayHoldLater(folderPath: StorePath, startAfter: StorePath): boolean {
  const start = `${folderPath}/`;
  return startAfter.startsWith(start) || compareUtf8(start, startAfter) > 0;
}
