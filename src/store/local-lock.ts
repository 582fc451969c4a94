/**
 * A lock on a folder that the operating system frees when its holder dies, however it dies. SQLite's exclusive lock on
 * an empty file is one (POSIX record locks, LockFileEx on Windows), and the only one that Node brings along.
 */

import type * as sqlite from 'node:sqlite';

import type { Clock, Random } from '../base/index.ts';
import { backoffMs } from '../base/index.ts';
import { type StoreCall, denied, unavailable } from './errors.ts';
import { RESERVED_PREFIX } from './paths.ts';

const LOCK_FILE = `${RESERVED_PREFIX}lock`;

/** Longest wait for another holder; each holds it for one small write. */
const LOCK_WAIT_MS_MAX = 30_000;
const LOCK_PAUSE_MS = { delayMsMin: 2, delayMsMax: 40 };

const SQLITE_BUSY = 5;
const SQLITE_CANTOPEN = 14;

/** Holders and waiters in this process, by folder: they queue here, so that only processes have to poll. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Runs `work` while no other process, and nothing else in this one, holds the lock of `folder`, which must exist. The
 * lock file stays behind: deleting it would let two holders lock two different files. `STORE_UNAVAILABLE` after 30 s.
 */
export async function withFolderLock<T>(
  folder: string,
  tools: { readonly clock: Clock; readonly random: Random; readonly call: StoreCall },
  work: () => Promise<T>,
): Promise<T> {
  const before = queues.get(folder) ?? Promise.resolve();
  const turn = before.then(() => holdLock(folder, tools, work));
  // The next in the queue waits for this turn, whatever becomes of it; its error goes to its own caller.
  const settled = turn.then(
    () => undefined,
    () => undefined,
  );
  queues.set(folder, settled);
  try {
    return await turn;
  } finally {
    if (queues.get(folder) === settled) queues.delete(folder);
  }
}

async function holdLock<T>(
  folder: string,
  tools: { readonly clock: Clock; readonly random: Random; readonly call: StoreCall },
  work: () => Promise<T>,
): Promise<T> {
  const database = openLockFile(`${folder}/${LOCK_FILE}`, tools.call);
  try {
    const startMs = tools.clock.now();
    for (let attempt = 1; !tryLock(database, tools.call); attempt += 1) {
      if (tools.clock.now() - startMs > LOCK_WAIT_MS_MAX) {
        const reason = new Error(`another process holds ${folder}/${LOCK_FILE}`);
        throw unavailable(tools.call, reason, true);
      }
      await tools.clock.sleep(backoffMs(tools.random, LOCK_PAUSE_MS, attempt));
    }
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(database: sqlite.DatabaseSync, call: StoreCall): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (sqliteCode(error) === SQLITE_BUSY) return false;
    throw unavailable(call, error, false);
  }
}

function openLockFile(file: string, call: StoreCall): sqlite.DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  try {
    return new DatabaseSync(file);
  } catch (error) {
    if (sqliteCode(error) === SQLITE_CANTOPEN) throw denied(call, error);
    throw unavailable(call, error, false);
  }
}

/** Older Node versions warn of an experimental feature on the first load; a user of this package cannot act on it. */
function loadSqlite(): typeof sqlite {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  return typeof error.errcode === 'number' ? error.errcode : null;
}
