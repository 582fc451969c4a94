/**
 * Which files of a log are past their time. PROTOCOL.md, "Metadata Cleanup", "Checkpoint Protection": everything before a
 * checkpoint goes or nothing does, so that each version from that checkpoint on still can be built.
 */

import { checksumPath } from './file-names.ts';
import type { Listing } from './segment.ts';

export interface CleanupOptions {
  /** Commits of this time (milliseconds) and before may go. */
  readonly cutoffMs: number;
  /** The time of each commit. */
  readonly times: ReadonlyMap<number, number>;
  /** Checkpoints before this version are protected, unless all go at once; 0 for none. */
  readonly protectedBefore: number;
}

export type CleanupPlan =
  | {
      readonly kind: 'delete';
      /** The first version that stays, which has a checkpoint, and its commit. */
      readonly keepFrom: number;
      /** In the order in which they are to be deleted: what a checkpoint hides goes before the checkpoint. */
      readonly paths: readonly string[];
    }
  | { readonly kind: 'nothing'; readonly reason: string };

/** The plan, from a listing of the whole log. */
export function planCleanup(listing: Listing, options: CleanupOptions): CleanupPlan {
  const { cutoffMs, times, protectedBefore } = options;
  const latest = listing.commits.at(-1)?.version ?? -1;
  const old = listing.commits.findLast(
    ({ version }) => version < latest && (times.get(version) ?? Infinity) <= cutoffMs,
  );
  if (old === undefined) return nothing('no commit is older than the log is to be kept');
  const kept = listing.checkpoints.findLast(({ version }) => version <= old.version);
  if (kept === undefined) return nothing('no checkpoint is old enough to begin the log anew from');
  const keepFrom = kept.version;
  if (keepFrom < protectedBefore) {
    return nothing(
      `checkpoints before version ${protectedBefore} are protected, and the log can only be cleaned up to ${keepFrom} yet`,
    );
  }
  const gap = firstGap(listing, keepFrom, latest);
  if (gap !== null)
    return nothing(`the commit of version ${gap} is missing, so nothing is touched`);
  const commits = listing.commits.filter(({ version }) => version < keepFrom);
  const compacted = listing.compacted.filter(({ version }) => version < keepFrom);
  const checkpoints = listing.checkpoints.filter(({ version }) => version < keepFrom);
  const paths = [
    ...[...commits, ...compacted].map(({ path }) => path),
    ...listing.checksums.filter((version) => version < keepFrom).map(checksumPath),
    ...checkpoints.flatMap(({ files }) => files.map(({ path }) => path)),
  ];
  return paths.length === 0
    ? nothing('the log begins at its last old checkpoint already')
    : { kind: 'delete', keepFrom, paths };
}

/** The commit of the checkpoint's own version stays: it alone has the time that it carries. */
function firstGap({ commits }: Listing, from: number, to: number): number | null {
  const there = new Set(commits.map(({ version }) => version));
  for (let version = from; version <= to; version += 1) if (!there.has(version)) return version;
  return null;
}

function nothing(reason: string): CleanupPlan {
  return { kind: 'nothing', reason };
}
