/** What was done to a table, from the `commitInfo` of its commits. */

import pLimit from 'p-limit';

import { type CommitInfo, parseCommitInfo, tableNotFound } from '../log/index.ts';
import { commitTimes, listLog } from './log-files.ts';
import type { TableContext } from './types.ts';

export interface HistoryEntry {
  readonly version: number;
  /** Milliseconds since the epoch: the commit's own time where it tells one, else that of its file. */
  readonly timestampMs: number;
  /** Null where the writer left none. */
  readonly operation: string | null;
  /** All that the writer told. */
  readonly commitInfo: CommitInfo;
}

/** Commits that are read at once. */
const READS_MAX = 16;

/**
 * The commits that are still in the log, newest first. `limit`: how many at most; default all.
 * Errors: `TABLE_NOT_FOUND`, `LOG_CORRUPT`, the store's.
 */
export async function readHistory(
  ctx: TableContext,
  options: { readonly limit?: number } = {},
): Promise<readonly HistoryEntry[]> {
  const { commits, checkpoints } = await listLog(ctx.store, 0);
  if (commits.length === 0 && checkpoints.length === 0) throw tableNotFound();
  const times = commitTimes(commits);
  const wanted = commits.toReversed().slice(0, options.limit ?? commits.length);
  return pLimit(READS_MAX).map(wanted, async ({ version, path, modifiedMs }) => {
    const { bytes } = await ctx.store.get(path);
    const commitInfo = parseCommitInfo(bytes, path) ?? {};
    const { operation, timestamp, inCommitTimestamp } = commitInfo;
    const told = [inCommitTimestamp, timestamp].find((time) => typeof time === 'number');
    return {
      version,
      timestampMs: told ?? times.get(version) ?? modifiedMs,
      operation: typeof operation === 'string' ? operation : null,
      commitInfo,
    };
  });
}
