/** RESTORE: brings a table back to one of its versions, by a commit of its own, so that it can be undone too. */

import { backoffMs, isDeltaError, unreachable } from '../../base/index.ts';
import {
  type Action,
  type AddFile,
  appendOnly,
  isAppendOnly,
  pathKey,
  supportsFeature,
  vectorId,
  withoutRowIds,
} from '../../log/index.ts';
import { commitTransaction } from '../commit.ts';
import { atTable } from '../errors.ts';
import { openSnapshot, refreshSnapshot } from '../open.ts';
import { pathsOfFile } from '../retained-files.ts';
import { fileAt } from '../stored-file.ts';
import type { CommitOutcome, Snapshot, TableContext } from '../types.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { writeConflict } from './errors.ts';
import {
  restoreFilesMissing,
  restoreFilesVanished,
  restoreInvalid,
} from './housekeeping-errors.ts';
import { countsRowsAnew, restoredDescription } from './restore-description.ts';
import { withRowCount } from './row-backfill.ts';

export interface RestoreOptions {
  /** One of the two. */
  readonly version?: number;
  /** Milliseconds since the epoch, inclusive: the last version committed by then. */
  readonly timestampMs?: number;
  /** Leaves out files that are not in the store any more, with their rows. Default false: they are an error. */
  readonly ignoreMissing?: boolean;
  readonly signal?: AbortSignal;
}

export interface RestoreResult {
  /** `unchanged`: the table has the files and the description of that version. */
  readonly kind: 'committed' | 'unchanged';
  readonly snapshot: Snapshot;
  /** The version whose content the table has now. */
  readonly restoredVersion: number;
  readonly filesRestored: number;
  readonly filesRemoved: number;
  readonly bytesRestored: number;
  readonly bytesRemoved: number;
  /** Files that were left out, as the log spells them. */
  readonly missing: readonly string[];
  /** As in `CommitOutcome`. */
  readonly postCommitErrors: readonly Error[];
}

const ATTEMPTS_MAX = 20;
const BACKOFF = { delayMsMin: 10, delayMsMax: 1_000 } as const;

/**
 * Gives the table the files, the schema and the properties of an older version, in one commit. Rows get back their row ids, or new
 * ones where the feature was dropped since and ids are counted anew; the protocol is never lowered, in-commit timestamps stay as
 * they are, and marks that may only rise (row ids, identity columns, column ids) do not fall. Where another writer changes the
 * table first it is worked out again on what that one left, whose change is undone too.
 * Errors: `RESTORE_INVALID`, `RESTORE_FILES_MISSING`, `RESTORE_FILES_VANISHED`, `APPEND_ONLY`, `WRITE_CONFLICT`, those of opening,
 * of `commitTransaction` and of the store.
 */
export async function restore(
  ctx: TableContext,
  snapshot: Snapshot,
  options: RestoreOptions,
): Promise<RestoreResult> {
  return atTable(ctx.store.uri, async () => {
    const { version, timestampMs } = options;
    if ((version === undefined) === (timestampMs === undefined)) {
      throw restoreInvalid('either a version or a timestamp has to be named');
    }
    const target = await openSnapshot(ctx, {
      ...(version === undefined ? {} : { version }),
      ...(timestampMs === undefined ? {} : { timestampMs }),
    });
    let latest = snapshot;
    let lost: Extract<CommitOutcome, { kind: 'conflict' }> | null = null;
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      options.signal?.throwIfAborted();
      latest = await refreshSnapshot(ctx, latest);
      const work = await plan(ctx, latest, target, options);
      if (work.actions.length === 0) return resultOf('unchanged', latest, target, work);
      const outcome = await commitWork(ctx, latest, target, { ...options, work });
      switch (outcome.kind) {
        case 'committed': {
          const unseen = await checkThere(ctx, target, work);
          const postCommitErrors = [...outcome.postCommitErrors, ...unseen];
          return { ...resultOf('committed', outcome.snapshot, target, work), postCommitErrors };
        }
        case 'applied':
          return resultOf('unchanged', outcome.snapshot, target, work);
        case 'conflict':
          lost = outcome;
          break;
        default:
          return unreachable(outcome);
      }
      await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt), options.signal);
    }
    throw writeConflict(lost?.code ?? '', lost?.reason ?? '', lost?.error);
  });
}

interface Work {
  readonly actions: readonly Action[];
  readonly added: readonly AddFile[];
  readonly removed: readonly AddFile[];
  readonly missing: readonly string[];
}

/** What makes the latest version into the target. */
async function plan(
  ctx: TableContext,
  latest: Snapshot,
  target: Snapshot,
  { ignoreMissing = false }: RestoreOptions,
): Promise<Work> {
  const { coming, removed, unnumbered } = differenceOf(latest, target);
  const [first] = removed;
  if (first !== undefined && isAppendOnly(latest.metadata)) throw appendOnly(first.path);
  const missing = await missingFiles(ctx, coming);
  if (missing.size > 0 && !ignoreMissing) {
    throw restoreFilesMissing(target.version, [...missing.values()].flat());
  }
  const there = coming.filter((file) => !missing.has(file));
  const added = supportsFeature(latest.protocol, 'rowTracking')
    ? await inParallel(there, STORE_REQUESTS_MAX, (file) => withRowCount(ctx, file))
    : there;
  const nowMs = ctx.clock.now();
  const actions: Action[] = [
    ...restoredDescription(latest, target),
    ...removed.map((file): Action => removal(file, nowMs)),
    ...added.map((add): Action => ({ kind: 'add', add: { ...add, dataChange: true } })),
    ...unnumbered.map((add): Action => ({ kind: 'add', add: { ...add, dataChange: false } })),
  ];
  return { actions, added, removed, missing: [...missing.values()].flat() };
}

interface Difference {
  readonly coming: readonly AddFile[];
  readonly removed: readonly AddFile[];
  /** Files that stay, and had row ids then which they have lost since. */
  readonly unnumbered: readonly AddFile[];
}

function differenceOf(latest: Snapshot, target: Snapshot): Difference {
  const live = new Map(Array.from(latest.files(), (file) => [keyOf(file), file]));
  const wanted = new Set<string>();
  const coming: AddFile[] = [];
  const unnumbered: AddFile[] = [];
  const isAnew = countsRowsAnew(latest, target);
  for (const old of target.files()) {
    const file = isAnew ? withoutRowIds(old) : old;
    const held = live.get(keyOf(file));
    wanted.add(keyOf(file));
    if (held === undefined) coming.push(file);
    else if (held.baseRowId === undefined && old.baseRowId !== undefined) unnumbered.push(file);
  }
  const removed = [...latest.files()].filter((file) => !wanted.has(keyOf(file)));
  return { coming, removed, unnumbered };
}

/** A file with its deletion vector: with another one it has other rows. */
function keyOf({ path, deletionVector }: AddFile): string {
  return `${pathKey(path)}\u0000${vectorId(deletionVector)}`;
}

function removal(file: AddFile, deletionTimestamp: number): Action {
  const { modificationTime: _written, clusteringProvider: _provider, ...rest } = file;
  const remove = { ...rest, deletionTimestamp, dataChange: true, extendedFileMetadata: true };
  return { kind: 'remove', remove };
}

/** Paths that are not in their stores, by the files that need them. */
async function missingFiles(
  ctx: TableContext,
  files: readonly AddFile[],
): Promise<ReadonlyMap<AddFile, readonly string[]>> {
  const vectors = new Map<string, Promise<boolean>>();
  const isThere = async (path: string): Promise<boolean> => {
    const { store, path: key } = await fileAt(ctx, path);
    return (await store.head(key)) !== null;
  };
  const missing = new Map<AddFile, readonly string[]>();
  await inParallel(files, STORE_REQUESTS_MAX, async (file) => {
    const gone: string[] = [];
    for (const path of pathsOfFile(file)) {
      // Many files share a file of deletion vectors.
      const asked = vectors.get(path) ?? isThere(path);
      if (path !== file.path) vectors.set(path, asked);
      if (!(await asked)) gone.push(path);
    }
    if (gone.length > 0) missing.set(file, gone);
  });
  return missing;
}

function commitWork(
  ctx: TableContext,
  latest: Snapshot,
  target: Snapshot,
  { work, version, timestampMs, signal }: RestoreOptions & { readonly work: Work },
): Promise<CommitOutcome> {
  const { added, removed, actions } = work;
  const left = work.missing.length === 0 ? target : null;
  const [fileCount, sizeBytes] = [
    left?.fileCount ?? latest.fileCount + added.length - removed.length,
    left?.sizeBytes ?? latest.sizeBytes + sizeOf(added) - sizeOf(removed),
  ];
  return commitTransaction(ctx, latest, {
    operation: 'RESTORE',
    operationParameters: {
      ...(version === undefined ? {} : { version: String(version) }),
      ...(timestampMs === undefined ? {} : { timestamp: new Date(timestampMs).toISOString() }),
    },
    operationMetrics: {
      tableSizeAfterRestore: String(sizeBytes),
      numOfFilesAfterRestore: String(fileCount),
      numRemovedFiles: String(removed.length),
      numRestoredFiles: String(added.length),
      removedFilesSize: String(sizeOf(removed)),
      restoredFilesSize: String(sizeOf(added)),
    },
    actions,
    reads: { kind: 'table' },
    keepsRowIds: true,
    // Its rows were held to the rules of that version when they came.
    scope: 'description',
    rebase: async () => {
      const missing = await missingFiles(ctx, added);
      const reason = 'files to restore were deleted in the meantime';
      return missing.size === 0 ? { kind: 'keep' } : { kind: 'conflict', reason };
    },
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * A vacuum that had planned to delete what is older than the retention does not ask what was restored since. Where the store
 * does not tell, the commit stands all the same: its errors are given back.
 */
async function checkThere(
  ctx: TableContext,
  target: Snapshot,
  { added }: Work,
): Promise<readonly Error[]> {
  let missing: ReadonlyMap<AddFile, readonly string[]>;
  try {
    missing = await missingFiles(ctx, added);
  } catch (error) {
    if (!isDeltaError(error) || error.kind !== 'unavailable') throw error;
    return [error];
  }
  if (missing.size === 0) return [];
  throw restoreFilesVanished(target.version, [...missing.values()].flat());
}

function sizeOf(files: readonly AddFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function resultOf(
  kind: RestoreResult['kind'],
  snapshot: Snapshot,
  target: Snapshot,
  { added, removed, missing }: Work,
): RestoreResult {
  return {
    kind,
    snapshot,
    restoredVersion: target.version,
    filesRestored: added.length,
    filesRemoved: removed.length,
    bytesRestored: sizeOf(added),
    bytesRemoved: sizeOf(removed),
    missing,
    postCommitErrors: [],
  };
}
