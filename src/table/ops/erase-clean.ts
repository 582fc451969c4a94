/**
 * The log without what speaks of erased files. All before a checkpoint goes or nothing does, as in every cleanup; and no commit that
 * a writer under way may still be about to make: it would find the place of its version free.
 */

import { assert } from '../../base/index.ts';
import { type CheckpointFiles, checksumPath, earliestVersion, vectorId } from '../../log/index.ts';
import { writeCheckpoint } from '../checkpoint.ts';
import { without } from '../cleanup.ts';
import { listVersions } from '../commit-source.ts';
import { openSnapshot, refreshSnapshot } from '../open.ts';
import { isLogCleanupEnabled, logRetentionMs, protectedBefore } from '../properties.ts';
import { referencedSidecars } from '../sidecar-references.ts';
import { encodedRoot, keyBelow } from '../stored-file.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { isCleanedUp, isUnreadable } from './erase-files.ts';
import { type LogPart, type LogSearch, sidecarsOf } from './erase-log.ts';
import type { EraseLeft } from './erase-report.ts';
import { record } from './vacuum.ts';

export interface CleanOptions {
  /** The first version that could be opened. */
  readonly earliest: number;
  /** Searches the log as it is then. */
  readonly search: () => Promise<LogSearch>;
  /** What is younger may be of a writer under way; 0 where there is none. */
  readonly writerMs: number;
  /** By the clock of the store. */
  readonly nowMs: number;
  readonly keepLog: boolean;
}

export interface CleanedLog {
  readonly snapshot: Snapshot;
  /** Files of the log that were deleted. */
  readonly deleted: readonly string[];
  /** Versions before this one cannot be opened any more; null where nothing was deleted. */
  readonly keepFrom: number | null;
  readonly left: readonly EraseLeft[];
  readonly postCommitErrors: readonly Error[];
}

/**
 * Cleans the log where that can be proved safe, and tells what is left where not. Before anything is deleted, the first and the last
 * version that stay are opened from what stays alone, and have the files that they had. Errors: those of opening versions, of
 * writing checkpoints and of the store.
 */
export async function cleanQuotes(
  ctx: TableContext,
  snapshot: Snapshot,
  found: LogSearch,
  options: CleanOptions,
): Promise<CleanedLog> {
  const unchanged = { snapshot, deleted: [], keepFrom: null, postCommitErrors: [] };
  const quoting = found.quoting.filter(({ kind }) => kind !== 'other');
  if (quoting.length === 0) return { ...unchanged, left: restOf(found, options) };
  const kept = keptBy(snapshot, options);
  if (kept !== null) return { ...unchanged, left: found.quoting.flatMap(kept) };
  const last = quoting.reduce(
    (version, part) => (part.kind === 'commit' ? Math.max(version, part.version ?? -1) : version),
    -1,
  );
  // The commit of the first version that stays is never deleted.
  const marked = last === snapshot.version ? await record(ctx, snapshot, MARK) : null;
  const end = marked?.snapshot ?? snapshot;
  const postCommitErrors = marked?.postCommitErrors ?? [];
  const listing = await listVersions(ctx, 0);
  const youngestMs = listing.commits.reduce(
    (latestMs, { version, modifiedMs }) =>
      version > last ? latestMs : Math.max(latestMs, modifiedMs),
    Number.NEGATIVE_INFINITY,
  );
  if (!isOld(youngestMs, options)) {
    const left = found.quoting.flatMap(leftBy(YOUNG, youngestMs + options.writerMs));
    return { ...unchanged, snapshot: end, left, postCommitErrors };
  }
  const from = Math.max(last + 1, options.earliest, earliestVersion(listing));
  if (from < protectedBefore(snapshot.metadata)) {
    const left = found.quoting.flatMap(leftBy('the feature checkpointProtection holds it', null));
    return { ...unchanged, snapshot: end, left, postCommitErrors };
  }
  const ready = await prepare(ctx, { from, end, suspects: found.suspects }, options);
  if (ready.kind === 'unproved') {
    const left = found.quoting.flatMap(leftBy(ready.why, null));
    return { ...unchanged, snapshot: end, left, postCommitErrors };
  }
  if (ready.kind === 'cleaned') {
    const latest = await refreshSnapshot(ctx, end);
    const cleaned = await cleanQuotes(ctx, latest, await options.search(), options);
    return { ...cleaned, postCommitErrors: [...postCommitErrors, ...cleaned.postCommitErrors] };
  }
  const { plan, again } = ready;
  await ctx.store.delete(plan.commits);
  // Only then: as long as a commit is there, the checkpoints that hide it are.
  await ctx.store.delete(plan.others);
  const deleted = [...plan.commits, ...plan.others];
  const gone = new Set(deleted);
  const rest = again.quoting.filter(({ paths }) => !paths.every((path) => gone.has(path)));
  const left = restOf({ ...again, quoting: rest }, options);
  return { snapshot: end, deleted, keepFrom: from, left, postCommitErrors };
}

type Prepared =
  | {
      readonly kind: 'ready';
      readonly plan: DeletionPlan;
      /** The log, when the checkpoints of what stays were in it. */
      readonly again: LogSearch;
    }
  /** A clean-up beside this one took the first version that was to stay. */
  | { readonly kind: 'cleaned' }
  | { readonly kind: 'unproved'; readonly why: string };

/** Sees to it that the versions from `from` to `end` stay when the plan is carried out. */
async function prepare(
  ctx: TableContext,
  kept: { readonly from: number; readonly end: Snapshot; readonly suspects: ReadonlySet<string> },
  options: CleanOptions,
): Promise<Prepared> {
  const { from, end, suspects } = kept;
  try {
    const begin = from === end.version ? end : await openSnapshot(ctx, { version: from });
    await writeClean(ctx, [begin, end], suspects);
    const again = await options.search();
    const plan = await planOf(ctx, from, again, options);
    await prove(ctx, [begin, end], plan);
    return { kind: 'ready', plan, again };
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    if (await isCleanedUp(ctx, from)) return { kind: 'cleaned' };
    const why = `a version that stays could not be read without it (${error.message}); erase again`;
    return { kind: 'unproved', why };
  }
}

/** What would be left of the log were nothing done but to delete files, or why that is open. */
export function quotesLeft(found: LogSearch): readonly EraseLeft[] {
  return found.quoting.flatMap(leftBy('it speaks of files with such rows', null));
}

const MARK = { operation: 'ERASE' } as const;
const YOUNG = 'a writer that began before it was written may still be about to commit';
const UNKNOWN = 'it may speak of files with such rows, and nobody can tell what it is for';

type Told = (part: LogPart) => readonly EraseLeft[];

/** Null where the log may be cleaned. */
function keptBy({ metadata }: Snapshot, { keepLog }: CleanOptions): Told | null {
  if (!isLogCleanupEnabled(metadata)) return leftBy('delta.enableExpiredLogCleanup is false', null);
  if (!keepLog) return null;
  const retentionMs = logRetentionMs(metadata);
  return (part) => leftBy('the log was to be kept', part.modifiedMs + retentionMs)(part);
}

function leftBy(why: string, untilMs: number | null): Told {
  return ({ paths }) => paths.map((path) => ({ path, why, untilMs }));
}

/** What nobody can tell the use of, and sidecars that no checkpoint names, of one that may be just being written. */
function restOf({ quoting, strays }: LogSearch, options: CleanOptions): readonly EraseLeft[] {
  const young = strays.flatMap(({ path, modifiedMs }) =>
    isOld(modifiedMs, options)
      ? []
      : [{ path, why: 'a checkpoint under way', untilMs: modifiedMs + options.writerMs }],
  );
  return [...quoting.flatMap(leftBy(UNKNOWN, null)), ...young];
}

function isOld(timeMs: number, { writerMs, nowMs }: CleanOptions): boolean {
  return writerMs === 0 || timeMs < nowMs - writerMs;
}

/** Checkpoints of both versions, the newest last, so that the hint names it. */
async function writeClean(
  ctx: TableContext,
  [begin, end]: readonly [Snapshot, Snapshot],
  suspects: ReadonlySet<string>,
): Promise<void> {
  const root = encodedRoot(ctx.store);
  const forgets = (path: string): boolean => {
    const key = keyBelow(root, path, { isOwn: true });
    return key !== null && suspects.has(key);
  };
  if (begin.version !== end.version) await writeCheckpoint(ctx, begin, { forgets });
  await writeCheckpoint(ctx, end, { forgets });
}

interface DeletionPlan {
  readonly commits: readonly string[];
  readonly others: readonly string[];
}

/** What commits can be read without. */
const STANDS_IN: ReadonlySet<LogPart['kind']> = new Set(['checkpoint', 'compacted', 'checksum']);

/** All before `begin`, and of what is from there on, whatever quotes and stands in for commits. */
async function planOf(
  ctx: TableContext,
  begin: number,
  { quoting, strays }: LogSearch,
  options: CleanOptions,
): Promise<DeletionPlan> {
  const listing = await listVersions(ctx, 0);
  const quotes = new Set(
    quoting.flatMap(({ kind, version, paths }) =>
      STANDS_IN.has(kind) || (kind === 'copy' && (version ?? begin) < begin) ? paths : [],
    ),
  );
  const isGone = ({ version, files }: CheckpointFiles): boolean =>
    version < begin || files.some(({ path }) => quotes.has(path));
  const gone = listing.checkpoints.filter(isGone);
  const kept = listing.checkpoints.filter((checkpoint) => !isGone(checkpoint));
  const needed = await referencedSidecars(ctx.store, kept);
  const sidecars = new Set<string>();
  for (const checkpoint of gone) {
    for (const path of await sidecarsOf(ctx.store, checkpoint)) sidecars.add(path);
  }
  const before = <T extends { readonly version: number }>(items: readonly T[]): readonly T[] =>
    items.filter(({ version }) => version < begin);
  const others = new Set([
    ...before(listing.compacted).map(({ path }) => path),
    ...listing.checksums.filter((version) => version < begin).map(checksumPath),
    ...quotes,
    ...gone.flatMap(({ files }) => files.map(({ path }) => path)),
    ...[...sidecars].filter((path) => !needed.has(path)),
    ...strays.flatMap(({ path, modifiedMs }) => (isOld(modifiedMs, options) ? [path] : [])),
  ]);
  return { commits: before(listing.commits).map(({ path }) => path), others: [...others] };
}

/** Stops with a bug where a version that is to stay would not be what it is. */
async function prove(
  ctx: TableContext,
  versions: readonly Snapshot[],
  { commits, others }: DeletionPlan,
): Promise<void> {
  const store = without(ctx.store, new Set([...commits, ...others]));
  for (const kept of versions) {
    const opened = await openSnapshot({ ...ctx, store }, { version: kept.version });
    const isSame = opened.fileCount === kept.fileCount && holdsAll(opened, kept);
    assert(isSame, `an erase was to break version ${String(kept.version)}`);
  }
}

function holdsAll(opened: Snapshot, kept: Snapshot): boolean {
  for (const { path, deletionVector } of kept.files()) {
    const file = opened.file(path);
    if (file === null || vectorId(file.deletionVector) !== vectorId(deletionVector)) return false;
  }
  return true;
}
