/**
 * What the local store does to the disk. Calls that touch only metadata or a few bytes are synchronous: each takes
 * microseconds, where the way through Node's thread pool takes tens of them; what waits for the disk is asynchronous.
 */

import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { RESERVED_PREFIX } from './paths.ts';
import type { ByteRange, ObjectMeta, StorePath } from './types.ts';

const fsync = promisify(fs.fsync);
const read = promisify(fs.read);
const write = promisify(fs.write);

/** Up to here bytes are read and written in one synchronous call. */
const SYNC_BYTES_MAX = 256 * 1024;

/** The part of a store that its folders depend on; shared by all views of one root. */
export interface FolderContext {
  readonly root: string;
  readonly durable: boolean;
  /** Folders made or seen, whose names in the folders above are on the disk. */
  readonly known: Set<string>;
}

/** Makes `folder` and all above it; when this resolves, their names are on the disk too (where `durable`). */
export async function makeFolder(folder: string, context: FolderContext): Promise<void> {
  const { root, durable, known } = context;
  if (known.has(folder)) {
    if (fs.existsSync(folder)) return;
    // Somebody has deleted it, and maybe folders above it.
    known.clear();
  }
  if (folder === root) {
    const firstMade = fs.mkdirSync(folder, { recursive: true });
    if (durable && firstMade !== undefined) await syncParents(folder, dirname(firstMade));
  } else {
    await makeFolder(dirname(folder), context);
    fs.mkdirSync(folder, { recursive: true });
    // Also where it was there already: whoever made it may not have come to this line yet.
    if (durable) await syncFolder(dirname(folder));
  }
  known.add(folder);
}

/** Writes a new file, on the disk when this resolves (where `durable`); gives what is known of it. */
export async function writeNewFile(
  file: string,
  bytes: Uint8Array,
  options: { readonly durable: boolean; readonly newerThan?: fs.BigIntStats },
): Promise<fs.BigIntStats> {
  const fd = fs.openSync(file, 'wx');
  try {
    let offset = 0;
    while (offset < bytes.length) {
      offset += isSmall(bytes)
        ? fs.writeSync(fd, bytes, offset)
        : (await write(fd, bytes, offset, bytes.length - offset, null)).bytesWritten;
    }
    if (options.newerThan !== undefined) ensureNewer(fd, options.newerThan);
    if (options.durable) await fsync(fd);
    return fs.fstatSync(fd, { bigint: true });
  } finally {
    fs.closeSync(fd);
  }
}

/** Writes take moments: the writer of one as old as this is gone. */
const UNFINISHED_MS_MAX = 3_600_000;
/** Not the lock, which stays for ever. */
const UNFINISHED = new RegExp(`^\\${RESERVED_PREFIX}[0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}$`);

/** When folders were last looked through: also by other stores of this process, which may open a table again and again. */
const sweptMs = new Map<string, number>();
const SWEPT_MAX = 1_000;

/**
 * Removes what writers that were killed left in a folder, unless it was just looked through. Best effort: nobody reads it, so that
 * it is only waste.
 */
export function sweepUnfinished(folder: string, nowMs: number): void {
  if (nowMs - (sweptMs.get(folder) ?? -Infinity) <= UNFINISHED_MS_MAX) return;
  if (sweptMs.size >= SWEPT_MAX) sweptMs.clear();
  sweptMs.set(folder, nowMs);
  try {
    for (const name of fs.readdirSync(folder)) {
      if (!UNFINISHED.test(name)) continue;
      const stats = fs.statSync(`${folder}/${name}`, { throwIfNoEntry: false });
      if (stats !== undefined && nowMs - stats.mtimeMs > UNFINISHED_MS_MAX) {
        discardFile(`${folder}/${name}`);
      }
    }
  } catch {
    // The write at hand does not depend on it.
  }
}

/** Bytes `start` (inclusive) to `end` (exclusive) of a file, cut at its end, and what is known of it. */
export async function readFileRange(
  file: string,
  range: ByteRange,
): Promise<{ bytes: Uint8Array; stats: fs.BigIntStats }> {
  const fd = fs.openSync(file, 'r');
  try {
    const stats = fs.fstatSync(fd, { bigint: true });
    const length = Math.max(0, Math.min(range.end, Number(stats.size)) - range.start);
    // Not where it is read while others go on, who may have given it up.
    const room = length <= SYNC_BYTES_MAX ? range.room : undefined;
    const bytes = room?.subarray(0, length) ?? new Uint8Array(length);
    let offset = 0;
    while (offset < length) {
      const target = { offset, length: length - offset, position: range.start + offset };
      const count = isSmall(bytes)
        ? fs.readSync(fd, bytes, target)
        : (await read(fd, { buffer: bytes, ...target })).bytesRead;
      if (count === 0) break;
      offset += count;
    }
    return { bytes: bytes.subarray(0, offset), stats };
  } finally {
    fs.closeSync(fd);
  }
}

/** Gives a written file its name; false where the name is taken. */
export function linkFile(unfinished: string, file: string): boolean {
  try {
    fs.linkSync(unfinished, file);
    return true;
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    // Network file systems may repeat a request whose answer was lost; a second name tells that it had worked.
    return fs.statSync(unfinished).nlink > 1;
  }
}

/** What is known of a file, or null where there is none, or a folder in its place. */
export function statFile(file: string): fs.BigIntStats | null {
  try {
    const stats = fs.statSync(file, { bigint: true, throwIfNoEntry: false });
    return stats?.isFile() === true ? stats : null;
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return null;
    throw error;
  }
}

export async function syncFile(file: string): Promise<void> {
  await sync(file, 'r+');
}

/** Puts the names in a folder on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows neither opens folders for this nor needs it.
  if (process.platform !== 'win32') await sync(folder, 'r');
}

/** Deletes a file; false where there was none. */
export async function removeFile(file: string): Promise<boolean> {
  try {
    await fs.promises.unlink(file);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR') || isFolder(file)) return false;
    throw error;
  }
}

/** Deletes a file of our own that may be gone already. */
export function discardFile(file: string): void {
  try {
    // Several times as fast as `rmSync` with `force`, and every commit comes by here.
    fs.unlinkSync(file);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
  }
}

/** Hadoop's checksum beside a file; it would make the file unreadable for Spark once the file is another. */
export function checksumFile(file: string): string {
  const nameAt = file.lastIndexOf('/') + 1;
  return `${file.slice(0, nameAt)}.${file.slice(nameAt)}.crc`;
}

/**
 * Files are replaced, never changed in place, so that another content is another inode or another time. A number of
 * an inode can come back within one tick of the file system's clock: `ensureNewer` keeps times apart where it matters.
 */
export function metaOf(path: StorePath, stats: fs.BigIntStats): ObjectMeta {
  return {
    path,
    sizeBytes: Number(stats.size),
    modifiedMs: Number(stats.mtimeNs / 1_000_000n),
    etag: `"${stats.ino.toString(36)}-${stats.mtimeNs.toString(36)}-${stats.size.toString(36)}"`,
  };
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Makes the open file's time later than that of the file it will replace, also if the clock stands or goes back. */
function ensureNewer(fd: number, old: fs.BigIntStats): void {
  const stats = fs.fstatSync(fd, { bigint: true });
  if (stats.mtimeNs > old.mtimeNs) return;
  // Seconds as a double are right to a quarter of a microsecond, so two microseconds are certain to be later.
  const seconds = Number(old.mtimeNs) / 1e9 + 2e-6;
  fs.futimesSync(fd, seconds, seconds);
}

async function syncParents(folder: string, last: string): Promise<void> {
  let parent = folder;
  do {
    parent = dirname(parent);
    await syncFolder(parent);
  } while (parent !== last);
}

async function sync(path: string, flags: 'r' | 'r+'): Promise<void> {
  const fd = fs.openSync(path, flags);
  try {
    await fsync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function isSmall(bytes: Uint8Array): boolean {
  return bytes.length <= SYNC_BYTES_MAX;
}

function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
