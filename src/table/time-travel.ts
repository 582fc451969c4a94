/** Which version was the newest at a time. */

import { assert, isDeltaError } from '../base/index.ts';
import {
  type CommitFile,
  earliestVersion,
  hasInCommitTimestamps,
  type Listing,
  type Metadata,
  tableNotFound,
} from '../log/index.ts';
import { TIMESTAMP, toScalar } from '../schema/index.ts';
import { listVersions } from './commit-source.ts';
import { timestampTooEarly } from './errors.ts';
import { commitTimes, readInCommitTimestamp } from './log-files.ts';
import type { TableContext } from './types.ts';

/**
 * The last version committed at `timestampMs` or before, of those that can still be built, of a table whose newest
 * metadata is `metadata`. Times are those of the commit files, made to rise; where the table has in-commit timestamps,
 * those count from the version on that enabled them. PROTOCOL.md, "Recommendations for Readers of Tables with In-Commit
 * Timestamps". Errors: `TABLE_NOT_FOUND`, `TIMESTAMP_TOO_EARLY`, those of listing and reading commits.
 */
export async function versionAt(
  ctx: TableContext,
  timestampMs: number,
  metadata: Metadata,
): Promise<number> {
  let listing = await listVersions(ctx, 0);
  for (;;) {
    try {
      return await lastVersionBy(ctx, listing, { timestampMs, metadata });
    } catch (error) {
      if (!isDeltaError(error, 'STORE_NOT_FOUND')) throw error;
      // Cleaned up since it was listed, as those before it are or soon will be; a listing may still show it.
      const { path } = error.details;
      const place = listing.commits.findIndex((commit) => commit.path === path);
      const first = listing.commits[place + 1];
      if (place < 0 || first === undefined) throw error;
      const now = await listVersions(ctx, 0);
      listing = { ...now, commits: now.commits.filter(({ version }) => version >= first.version) };
    }
  }
}

async function lastVersionBy(
  ctx: TableContext,
  listing: Listing,
  { timestampMs, metadata }: { readonly timestampMs: number; readonly metadata: Metadata },
): Promise<number> {
  const times = commitTimes(listing.commits);
  const earliest = earliestVersion(listing);
  const commits = listing.commits.filter(({ version }) => version >= earliest);
  const { version: enabledAt, timestampMs: enabledMs } = inCommitTimesSince(metadata);
  const timeOf = async (commit: CommitFile): Promise<number> => {
    const fileTimeMs = times.get(commit.version) ?? commit.modifiedMs;
    if (commit.version < enabledAt) return fileTimeMs;
    return (await readInCommitTimestamp(ctx.store, commit)) ?? fileTimeMs;
  };
  // File times before the enabling version need not be before its timestamp: each side is searched by itself.
  const isOwn = enabledMs === null || timestampMs >= enabledMs;
  const candidates =
    enabledMs === null ? commits : commits.filter(({ version }) => version >= enabledAt === isOwn);
  const found = await lastBy(candidates, timestampMs, timeOf);
  if (found !== null) return found.version;
  const [first] = commits;
  if (first === undefined) throw tableNotFound();
  throw timestampTooEarly(timestampMs, await timeOf(first));
}

/** A time as people give it, in milliseconds since the epoch: UTC where the text names no zone. Errors: those of `toScalar`. */
export function timeOf(timestamp: Date | string): number {
  const micros = toScalar(timestamp, TIMESTAMP);
  assert(typeof micros === 'bigint', 'a timestamp is held as a bigint');
  return Number(micros / 1000n);
}

/** Where in-commit timestamps begin to count. */
export interface Enablement {
  /** Infinite where none do. */
  readonly version: number;
  /** Null where no commit is older, or where the table does not tell. */
  readonly timestampMs: number | null;
}

/** Since when the times in commits count, by the newest metadata: the first version where the table does not tell. */
export function inCommitTimesSince(metadata: Metadata): Enablement {
  if (!hasInCommitTimestamps(metadata)) {
    return { version: Number.POSITIVE_INFINITY, timestampMs: null };
  }
  const version = propertyNumber(metadata, 'delta.inCommitTimestampEnablementVersion') ?? 0;
  const timestampMs = propertyNumber(metadata, 'delta.inCommitTimestampEnablementTimestamp');
  return { version, timestampMs: version === 0 ? null : timestampMs };
}

function propertyNumber({ configuration }: Metadata, key: string): number | null {
  const text = configuration[key];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The last commit that is early enough, found by halving, as times rise with versions. */
async function lastBy(
  commits: readonly CommitFile[],
  timestampMs: number,
  timeOf: (commit: CommitFile) => Promise<number>,
): Promise<CommitFile | null> {
  let low = 0;
  let high = commits.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const commit = commits[middle];
    if (commit !== undefined && (await timeOf(commit)) <= timestampMs) low = middle + 1;
    else high = middle;
  }
  return commits[low - 1] ?? null;
}
