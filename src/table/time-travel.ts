/** Which version was the newest at a time. */

import {
  hasInCommitTimestamps,
  type Metadata,
  parseCommitInfo,
  tableNotFound,
} from '../log/index.ts';
import { timestampTooEarly } from './errors.ts';
import { commitTimes, listLog } from './log-files.ts';
import type { TableContext } from './types.ts';

/**
 * The last version committed at `timestampMs` or before, of a table whose newest metadata is `metadata`. Times are those of the commit files, made to rise; where the
 * table has in-commit timestamps, those count from the version on that enabled them. PROTOCOL.md, "In-Commit
 * Timestamps". Errors: `TABLE_NOT_FOUND`, `TIMESTAMP_TOO_EARLY`.
 */
export async function versionAt(
  ctx: TableContext,
  timestampMs: number,
  metadata: Metadata,
): Promise<number> {
  const { commits } = await listLog(ctx.store, 0);
  const times = commitTimes(commits);
  const enabledAt = hasInCommitTimestamps(metadata)
    ? Number(metadata.configuration['delta.inCommitTimestampEnablementVersion'] ?? 0)
    : Number.POSITIVE_INFINITY;
  const timeOf = async (commit: (typeof commits)[number]): Promise<number> => {
    const fileTimeMs = times.get(commit.version) ?? commit.modifiedMs;
    if (commit.version < enabledAt) return fileTimeMs;
    const { bytes } = await ctx.store.get(commit.path);
    const time = parseCommitInfo(bytes, commit.path)?.['inCommitTimestamp'];
    return typeof time === 'number' ? time : fileTimeMs;
  };
  // Times rise with versions, so the last one that is early enough is found by halving.
  let low = 0;
  let high = commits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const commit = commits[middle];
    if (commit !== undefined && (await timeOf(commit)) <= timestampMs) low = middle + 1;
    else high = middle;
  }
  const found = commits[low - 1];
  if (found !== undefined) return found.version;
  const [first] = commits;
  if (first === undefined) throw tableNotFound();
  throw timestampTooEarly(timestampMs, await timeOf(first));
}
