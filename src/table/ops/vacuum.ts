/** VACUUM: deletes files below a table that no version within the retention needs. */

import { backoffMs, isDeltaError, unreachable } from '../../base/index.ts';
import { checkWritable, LOG_FOLDER } from '../../log/index.ts';
import { commitTransaction } from '../commit.ts';
import { alterConflict, atTable } from '../errors.ts';
import { publishManifest } from '../manifest.ts';
import { advance, refreshSnapshot } from '../open.ts';
import { deletedFileRetentionMs, isManifestEnabled } from '../properties.ts';
import { pathsOfFile } from '../retained-files.ts';
import { tableSnapshot } from '../snapshot.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { Snapshot, TableContext, TransactionSpec } from '../types.ts';
import { inParallel } from './append-stage.ts';
import { retentionShort, vacuumInvalid } from './housekeeping-errors.ts';
import { writeVacuumedTo } from './vacuum-log.ts';
import { planVacuum, type VacuumedFile, type VacuumPlan } from './vacuum-plan.ts';

export interface VacuumOptions {
  /**
   * `full`, the default: every old file that nothing needs. `lite`: those that commits removed since the last vacuum, from the
   * log alone, without a listing; files of writers that failed stay.
   */
  readonly mode?: 'full' | 'lite';
  /** How long files stay after they were removed from the table. Default: `delta.deletedFileRetentionDuration`, or 7 days. */
  readonly retentionHours?: number;
  /** False allows a shorter retention than the table's own. Default true. */
  readonly retentionCheck?: boolean;
  /** Only says what would be deleted: nothing is written. Default false. */
  readonly dryRun?: boolean;
  /**
   * The URI of a list of the table's files, instead of a listing: Parquet or JSON lines (`.jsonl`) with the columns `path` (a full
   * URI), `length`, `isDir` and `modificationTime` (milliseconds since the epoch).
   */
  readonly inventory?: string;
  /** Requests to delete that are under way at once, each of up to 1,000 files. Default 8. */
  readonly parallelDeletesMax?: number;
  /** Paths or URIs of shallow clones that are gone for good, and need no files any more. Default none. */
  readonly forgetClones?: readonly string[];
  /** Stops between deletions; what was not deleted is found again by the next vacuum. */
  readonly signal?: AbortSignal;
}

export interface VacuumResult {
  /** `planned`: a dry run. */
  readonly kind: 'deleted' | 'planned';
  readonly snapshot: Snapshot;
  readonly files: readonly VacuumedFile[];
  readonly sizeBytes: number;
  /** Old files that only a shallow clone, or a published manifest, still needs. */
  readonly keptForOthers: number;
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

const HOUR_MS = 3_600_000;
const PARALLEL_DELETES = 8;
const DELETE_FILES_MAX = 1_000;

/**
 * Deletes files that are older than the retention and that no version needs which was the newest within it: data files, deletion
 * vectors, change data, and what writers that failed left. Never the log, a published manifest or what it names, what a shallow
 * clone needs, other names with `_` or `.` at their start, other tables below, or anything outside of the table. A table with
 * manifests has them brought up to date first. Begin and end are commits without actions (`VACUUM START`, `VACUUM END`).
 * Errors: `VACUUM_RETENTION_SHORT`, `VACUUM_INVALID`, `VACUUM_LITE_INCOMPLETE`, `VACUUM_INVENTORY`, `VACUUM_CLONE_UNREADABLE`,
 * `FEATURE_UNSUPPORTED`, those of manifests, of opening and of the store.
 */
export async function vacuum(
  ctx: TableContext,
  snapshot: Snapshot,
  options: VacuumOptions = {},
): Promise<VacuumResult> {
  return atTable(ctx.store.uri, async () => {
    const latest = await refreshSnapshot(ctx, snapshot);
    // PROTOCOL.md, "VACUUM Protocol Check": who vacuums must know all that writers must.
    checkWritable(latest.protocol, latest.metadata, 'description');
    const retentionMs = retentionOf(latest, options);
    if (options.dryRun === true) {
      const plan = await planFor(ctx, latest, ctx.clock.now() - retentionMs, options);
      return resultOf('planned', latest, plan, { files: plan.files, errors: [] });
    }
    const published = isManifestEnabled(latest.metadata)
      ? (await publishManifest(ctx, latest, { restore: true })).snapshot
      : latest;
    // The times of files are the store's: where its clock is behind, files look older than they are.
    const nowMs = Math.min(ctx.clock.now(), await storeTimeMs(ctx));
    const plan = await planFor(ctx, published, nowMs - retentionMs, options);
    return carryOut(ctx, published, plan, { ...options, retentionMs });
  });
}

async function planFor(
  ctx: TableContext,
  snapshot: Snapshot,
  sinceMs: number,
  options: VacuumOptions,
): Promise<VacuumPlan> {
  const { mode = 'full', inventory = null, forgetClones = [], dryRun = false, signal } = options;
  return planVacuum(ctx, snapshot, {
    mode,
    sinceMs,
    inventory,
    forgetClones,
    dryRun,
    ...(signal === undefined ? {} : { signal }),
  });
}

function retentionOf({ metadata }: Snapshot, options: VacuumOptions): number {
  const { retentionHours, retentionCheck = true, mode = 'full', inventory } = options;
  if (mode === 'lite' && inventory !== undefined) {
    throw vacuumInvalid('a lite vacuum goes by the log, and takes no inventory');
  }
  const configuredMs = deletedFileRetentionMs(metadata);
  if (retentionHours === undefined) return configuredMs;
  if (!Number.isFinite(retentionHours) || retentionHours < 0) {
    throw vacuumInvalid('the retention has to be a number of hours, 0 or more');
  }
  const askedMs = Math.round(retentionHours * HOUR_MS);
  if (retentionCheck && askedMs < configuredMs) throw retentionShort(askedMs, configuredMs);
  return askedMs;
}

/** What the store takes for now. */
export async function storeTimeMs({ store, clock, random }: TableContext): Promise<number> {
  const path = `${LOG_FOLDER}/.vacuum-${random.uuid()}.tmp`;
  await store.put(path, new Uint8Array(1), { kind: 'overwrite' });
  try {
    return (await store.head(path))?.modifiedMs ?? clock.now();
  } finally {
    await store.delete([path]);
  }
}

async function carryOut(
  ctx: TableContext,
  snapshot: Snapshot,
  plan: VacuumPlan,
  options: VacuumOptions & { readonly retentionMs: number },
): Promise<VacuumResult> {
  const { retentionCheck = true, retentionHours, retentionMs } = options;
  const started = await record(ctx, snapshot, {
    operation: 'VACUUM START',
    operationParameters: {
      retentionCheckEnabled: String(retentionCheck),
      defaultRetentionMillis: String(deletedFileRetentionMs(snapshot.metadata)),
      ...(retentionHours === undefined ? {} : { specifiedRetentionMillis: String(retentionMs) }),
    },
    operationMetrics: {
      numFilesToDelete: String(plan.files.length),
      sizeOfDataToDelete: String(sizeOf(plan.files)),
    },
  });
  const end = async (
    status: string,
    metrics: Readonly<Record<string, string>>,
  ): Promise<Recorded> =>
    record(ctx, started.snapshot, {
      operation: 'VACUUM END',
      operationParameters: { status },
      operationMetrics: metrics,
    });
  let files: readonly VacuumedFile[];
  try {
    files = await withoutRevived(ctx, plan.files, { before: snapshot, now: started.snapshot });
    await deleteFiles(ctx, files, options);
  } catch (error) {
    await endFailed(end);
    throw error;
  }
  const ended = await end('COMPLETED', {
    numDeletedFiles: String(files.length),
    numVacuumedDirectories: String(plan.folderCount),
  });
  // Files that were kept for others must be found again by the next one.
  if (plan.coveredTo !== null && plan.keptForOthers === 0 && files.length === plan.files.length) {
    await writeVacuumedTo(ctx.store, plan.coveredTo);
  }
  const errors = [...started.postCommitErrors, ...ended.postCommitErrors];
  return resultOf('deleted', ended.snapshot, plan, { files, errors });
}

/** Best effort: the error itself is what the caller must know. */
async function endFailed(
  end: (status: string, metrics: Readonly<Record<string, string>>) => Promise<unknown>,
): Promise<void> {
  try {
    await end('FAILED', {});
  } catch (error) {
    if (!isDeltaError(error)) throw error;
  }
}

/** The files of the plan but those that commits since took into the table again, as RESTORE does. */
async function withoutRevived(
  ctx: TableContext,
  files: readonly VacuumedFile[],
  { before, now }: { readonly before: Snapshot; readonly now: Snapshot },
): Promise<readonly VacuumedFile[]> {
  if (files.length === 0 || now.version === before.version + 1) return files;
  const came = await advance(ctx, tableSnapshot(before));
  if (came === null) throw vacuumInvalid('its log no longer goes on from where the plan was made');
  const revived = new Set<string | null>();
  for (const action of came.commits.flatMap(({ actions }) => actions)) {
    if (action.kind !== 'add') continue;
    for (const path of pathsOfFile(action.add)) {
      revived.add(keyBelow(encodedRoot(ctx.store), path, { isOwn: true }));
    }
  }
  return files.filter(({ path }) => !revived.has(path));
}

async function deleteFiles(
  { store }: TableContext,
  files: readonly VacuumedFile[],
  { parallelDeletesMax = PARALLEL_DELETES, signal }: VacuumOptions,
): Promise<void> {
  const batches: (readonly string[])[] = [];
  for (let start = 0; start < files.length; start += DELETE_FILES_MAX) {
    batches.push(files.slice(start, start + DELETE_FILES_MAX).map(({ path }) => path));
  }
  await inParallel(batches, Math.max(1, Math.floor(parallelDeletesMax)), async (paths) => {
    signal?.throwIfAborted();
    await store.delete(paths);
  });
}

export interface Recorded {
  readonly snapshot: Snapshot;
  readonly postCommitErrors: readonly Error[];
}

/** Tries at a commit that nothing can be in conflict with but a change of what the table is. */
const ATTEMPTS_MAX = 20;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/** A commit that says what was done and changes nothing. */
export async function record(
  ctx: TableContext,
  snapshot: Snapshot,
  told: Pick<TransactionSpec, 'operation' | 'operationParameters' | 'operationMetrics'>,
): Promise<Recorded> {
  let latest = snapshot;
  let reason = '';
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const spec = { ...told, actions: [], reads: { kind: 'nothing' } } as const;
    const outcome = await commitTransaction(ctx, latest, spec);
    switch (outcome.kind) {
      case 'committed':
        return outcome;
      case 'applied':
        return { snapshot: outcome.snapshot, postCommitErrors: [] };
      case 'conflict':
        ({ reason } = outcome);
        break;
      default:
        return unreachable(outcome);
    }
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt));
    latest = await refreshSnapshot(ctx, latest);
  }
  throw alterConflict(reason, ATTEMPTS_MAX);
}

function sizeOf(files: readonly VacuumedFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function resultOf(
  kind: VacuumResult['kind'],
  snapshot: Snapshot,
  { keptForOthers }: VacuumPlan,
  { files, errors }: { readonly files: readonly VacuumedFile[]; readonly errors: readonly Error[] },
): VacuumResult {
  const sizeBytes = sizeOf(files);
  return { kind, snapshot, files, sizeBytes, keptForOthers, postCommitErrors: errors };
}
