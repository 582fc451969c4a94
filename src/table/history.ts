/** What was done to a table, from the `commitInfo` of its commits. */

import pLimit from 'p-limit';

import { type CommitInfo, type Metadata, parseCommitInfo, tableNotFound } from '../log/index.ts';
import { listVersions } from './commit-source.ts';
import { atTable } from './errors.ts';
import { commitTimes, readIfThere } from './log-files.ts';
import { inCommitTimesSince } from './time-travel.ts';
import type { TableContext } from './types.ts';

export interface HistoryEntry {
  readonly version: number;
  /** Milliseconds since the epoch, as time travel counts: the in-commit timestamp, or the time of the commit's file. */
  readonly timestampMs: number;
  /** Null where the writer left none. */
  readonly operation: string | null;
  /** All that the writer told. */
  readonly commitInfo: CommitInfo;
}

export interface HistoryOptions {
  /** Commits at most. Default all. */
  readonly limit?: number;
  /** The newest, which says since when the times in commits count. Default: every commit is believed. */
  readonly metadata?: Metadata;
}

/** Commits that are read at once. */
const READS_MAX = 16;

/**
 * The commits that are still in the log, newest first.
 * Errors: `TABLE_NOT_FOUND`, `LOG_CORRUPT`, the store's.
 */
export async function readHistory(
  ctx: TableContext,
  options: HistoryOptions = {},
): Promise<readonly HistoryEntry[]> {
  return atTable(ctx.store.uri, () => readEntries(ctx, options));
}

async function readEntries(
  ctx: TableContext,
  options: HistoryOptions,
): Promise<readonly HistoryEntry[]> {
  const { commits, checkpoints } = await listVersions(ctx, 0);
  if (commits.length === 0 && checkpoints.length === 0) throw tableNotFound();
  const times = commitTimes(commits);
  const { metadata } = options;
  const ownFrom = metadata === undefined ? 0 : inCommitTimesSince(metadata).version;
  const wanted = commits.toReversed().slice(0, options.limit ?? commits.length);
  const entries = await pLimit(READS_MAX).map(wanted, async (file) => {
    const { version, path, modifiedMs } = file;
    const bytes = file.bytes ?? (await readIfThere(ctx.store, path));
    // Cleaned up since it was listed.
    if (bytes === null) return null;
    const commitInfo = parseCommitInfo(bytes, path) ?? {};
    const { operation, inCommitTimestamp } = commitInfo;
    const isTold = version >= ownFrom && typeof inCommitTimestamp === 'number';
    const told = isTold ? inCommitTimestamp : undefined;
    return {
      version,
      timestampMs: told ?? times.get(version) ?? modifiedMs,
      operation: typeof operation === 'string' ? operation : null,
      commitInfo,
    };
  });
  return entries.filter((entry) => entry !== null);
}
