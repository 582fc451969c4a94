/** Cleaning up the log: what is older than the table keeps goes, after it was shown that all the rest still loads. */

import { checkWritable, type Listing, planCleanup, SIDECAR_FOLDER } from '../log/index.ts';
import type { ObjectStore } from '../store/index.ts';
import { atTable } from './errors.ts';
import { commitTimes, listLog } from './log-files.ts';
import { openSnapshot, refreshSnapshot } from './open.ts';
import { isLogCleanupEnabled, logRetentionMs, protectedBefore } from './properties.ts';
import { referencedSidecars } from './sidecar-references.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface CleanupResult {
  /** `planned`: a dry run, with what would be deleted. */
  readonly kind: 'deleted' | 'planned' | 'nothing';
  /** Why nothing is to be deleted, in a sentence; null where something is. */
  readonly reason: string | null;
  /** The first version that can still be opened, where something goes; else null. */
  readonly keepFrom: number | null;
  /** Files of the log, in the order in which they go. */
  readonly paths: readonly string[];
}

/** Sidecars that no checkpoint names may belong to one that is just being written. */
const SIDECAR_AGE_MS_MIN = 86_400_000;
const DAY_MS = 86_400_000;

/**
 * Deletes commits, checkpoints, checksum files and compacted files that are older than `delta.logRetentionDuration`, up to the
 * last checkpoint of that age, and sidecars that no remaining checkpoint names. Before anything goes, the oldest version that
 * stays is loaded from what stays alone. Checkpoints that the feature `checkpointProtection` protects are not touched, and
 * nothing is where `delta.enableExpiredLogCleanup` is false. Errors: `FEATURE_UNSUPPORTED`, those of opening, the store's.
 */
export async function cleanUpLog(
  ctx: TableContext,
  snapshot: Snapshot,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<CleanupResult> {
  return atTable(ctx.store.uri, async () => {
    const latest = await refreshSnapshot(ctx, snapshot);
    checkWritable(latest.protocol, latest.metadata, 'description');
    const plan = await planFor(ctx, latest);
    if (plan.kind === 'nothing') return plan;
    const { commitCount, ...planned } = plan;
    if (dryRun) return planned;
    await ctx.store.delete(planned.paths.slice(0, commitCount));
    // Only then: as long as a commit is there, the checkpoints that hide it are.
    await ctx.store.delete(planned.paths.slice(commitCount));
    return { ...planned, kind: 'deleted' };
  });
}

type Planned =
  | (CleanupResult & { readonly kind: 'nothing' })
  | (CleanupResult & { readonly kind: 'planned'; readonly commitCount: number });

async function planFor(ctx: TableContext, { metadata }: Snapshot): Promise<Planned> {
  if (!isLogCleanupEnabled(metadata)) return nothing('delta.enableExpiredLogCleanup is false');
  const nowMs = ctx.clock.now();
  const oldMs = nowMs - logRetentionMs(metadata);
  const listing = await listLog(ctx.store, 0);
  const plan = planCleanup(listing, {
    // The start of the day, as in Spark: so that a table is cleaned up once a day at most.
    cutoffMs: Math.floor(oldMs / DAY_MS) * DAY_MS,
    times: commitTimes(listing.commits),
    protectedBefore: protectedBefore(metadata),
  });
  if (plan.kind === 'nothing') return nothing(plan.reason);
  const { keepFrom, paths } = plan;
  const gone = new Set(paths);
  await openSnapshot({ ...ctx, store: without(ctx.store, gone) }, { version: keepFrom });
  const sidecars = await orphanedSidecars(ctx, remaining(listing, keepFrom), nowMs);
  return {
    kind: 'planned',
    reason: null,
    keepFrom,
    paths: [...paths, ...sidecars],
    commitCount: listing.commits.filter(({ path }) => gone.has(path)).length,
  };
}

function remaining({ checkpoints }: Listing, keepFrom: number): Listing['checkpoints'] {
  return checkpoints.filter(({ version }) => version >= keepFrom);
}

async function orphanedSidecars(
  { store }: TableContext,
  checkpoints: Listing['checkpoints'],
  nowMs: number,
): Promise<readonly string[]> {
  const old: string[] = [];
  for await (const { path, modifiedMs } of store.list(SIDECAR_FOLDER)) {
    if (modifiedMs < nowMs - SIDECAR_AGE_MS_MIN) old.push(path);
  }
  if (old.length === 0) return [];
  const named = await referencedSidecars(store, checkpoints);
  return old.filter((path) => !named.has(path));
}

/** The store as it will be: nothing that is listed is among the paths. */
export function without(store: ObjectStore, gone: ReadonlySet<string>): ObjectStore {
  return {
    uri: store.uri,
    get: (path) => store.get(path),
    getRange: (path, range) => store.getRange(path, range),
    head: async (path) => (gone.has(path) ? null : store.head(path)),
    put: (path, bytes, mode) => store.put(path, bytes, mode),
    putFile: (path, write) => store.putFile(path, write),
    copyFrom: (source, path) => store.copyFrom(source, path),
    async *list(prefix, options) {
      for await (const meta of store.list(prefix, options)) if (!gone.has(meta.path)) yield meta;
    },
    delete: (paths) => store.delete(paths),
    localFile: (path) => store.localFile(path),
    at: (prefix) => store.at(prefix),
  };
}

function nothing(reason: string): CleanupResult & { readonly kind: 'nothing' } {
  return { kind: 'nothing', reason, keepFrom: null, paths: [] };
}
