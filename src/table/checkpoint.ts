/** Writing checkpoints, so that a table opens without its whole log. PROTOCOL.md, "Checkpoints". */

import { isDeltaError, type JsonObject, printJson } from '../base/index.ts';
import {
  actionJson,
  actionsBesideFiles,
  type CheckpointAction,
  checkpointPath,
  checksumPath,
  checkWritable,
  commitPath,
  LAST_CHECKPOINT_PATH,
  type LastCheckpoint,
  type LogState,
  printLastCheckpoint,
  printVersionChecksum,
  supportsFeature,
  uniqueCheckpointPath,
} from '../log/index.ts';
import { statisticsLayout } from './checkpoint-parsed.ts';
import { sidecarLine, writeSidecars } from './checkpoint-sidecars.ts';
import { adoptCheckpoint, type WrittenCheckpoint } from './checkpoint-state.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { logReplaced, transactionConflict } from './errors.ts';
import { openMetadata } from './open.ts';
import { deletedFileRetentionMs, txnRetentionMs } from './properties.ts';
import { isSameCommit } from './same-commit.ts';
import { tableSnapshot, type TableSnapshot } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface CheckpointOptions {
  /**
   * Tombstones to leave out, of files that are known to be deleted. Then nothing of the checkpoint before is copied either, so that
   * no page of it can hold what only the tombstone told of.
   */
  readonly forgets?: (path: string) => boolean;
}

/**
 * Writes the checkpoint of a version, its checksum file, and the hint at it: of the V2 spec where `delta.checkpointPolicy` says
 * so, with the sidecars of the one before as far as they still hold; else a single Parquet file. Several may do so at once: what
 * they write means the same. Errors: `CONFLICT_REPLACED` where the table was made anew since, whose readers would take this for
 * theirs; `FEATURE_UNSUPPORTED` where the table cannot be written; those of opening; the store's, for the checkpoint alone.
 */
export async function writeCheckpoint(
  ctx: TableContext,
  snapshot: Snapshot,
  options: CheckpointOptions = {},
): Promise<void> {
  const held = tableSnapshot(snapshot);
  if (!(await isOfTable(ctx, held))) throw transactionConflict(logReplaced(held.version));
  await write(ctx, held.state, options);
}

/**
 * As `writeCheckpoint`, for a table that goes on: gives the same version with its files as the checkpoint has them, so that the next
 * one costs what changed since. It reads back what was encoded anew.
 */
export async function moveToCheckpoint(ctx: TableContext, snapshot: Snapshot): Promise<Snapshot> {
  const { state } = tableSnapshot(snapshot);
  const written = await write(ctx, state, {});
  const files =
    written === null ? null : await bestEffort(() => adoptCheckpoint(ctx.store, state, written));
  return files === null ? snapshot : tableSnapshot(snapshot).withFiles(files);
}

async function isOfTable(ctx: TableContext, snapshot: TableSnapshot): Promise<boolean> {
  const found = await ctx.store.head(commitPath(snapshot.version));
  if (found !== null) return isSameCommit(ctx, snapshot, found);
  return (await openMetadata(ctx)).metadata.id === snapshot.metadata.id;
}

/** Null where it is none of a single Parquet file. */
async function write(
  ctx: TableContext,
  state: LogState,
  options: CheckpointOptions,
): Promise<WrittenCheckpoint | null> {
  checkWritable(state.protocol, state.metadata, 'description');
  const isV2 =
    state.metadata.configuration['delta.checkpointPolicy']?.toLowerCase() === 'v2' &&
    supportsFeature(state.protocol, 'v2Checkpoint');
  const [{ hint, written }] = await Promise.all([
    isV2 ? writeV2(ctx, state, options) : writeClassic(ctx, state, options),
    bestEffort(() =>
      ctx.store.put(checksumPath(state.version), printVersionChecksum(state, { counted: true }), {
        kind: 'create',
      }),
    ),
  ]);
  await bestEffort(() =>
    ctx.store.put(LAST_CHECKPOINT_PATH, printLastCheckpoint(hint), { kind: 'overwrite' }),
  );
  return written;
}

interface Written {
  readonly hint: LastCheckpoint;
  /** As for `write`. */
  readonly written: WrittenCheckpoint | null;
}

async function writeClassic(
  ctx: TableContext,
  state: LogState,
  options: CheckpointOptions,
): Promise<Written> {
  const actions = [...actionsOf(ctx, state, options)];
  const statistics = statisticsLayout(state.protocol, state.metadata);
  const writer = await CheckpointWriter.open({ kind: 'checkpoint', statistics });
  await writer.addActions(actions);
  if (options.forgets === undefined) await writer.addFileSet(state.files);
  else await writer.addFiles(state.files.values());
  const bytes = writer.finish();
  const path = checkpointPath(state.version);
  const put = await ctx.store.put(path, bytes, { kind: 'overwrite' });
  const hint = {
    version: state.version,
    size: actions.length + state.files.size,
    sizeInBytes: bytes.length,
    numOfAddFiles: state.files.size,
  };
  const { copied } = writer;
  const written = put.kind === 'written' ? { path, etag: put.etag, actions, copied } : null;
  return { hint, written };
}

/** Actions beside files up to which the hint repeats them, so that the checkpoint's own file need not be read. */
const HINT_ACTIONS_MAX = 30;

async function writeV2(
  ctx: TableContext,
  state: LogState,
  options: CheckpointOptions,
): Promise<Written> {
  const own: JsonObject[] = [];
  const tombstones: CheckpointAction[] = [];
  for (const action of actionsOf(ctx, state, options)) {
    if (action.kind === 'remove') tombstones.push(action);
    else own.push(actionJson(action));
  }
  const isAnew = options.forgets !== undefined;
  const sidecars = await writeSidecars(ctx, state, { tombstones, isAnew });
  const sidecarActions = sidecars.reduce((sum, { actionCount }) => sum + actionCount, 0);
  const sidecarBytes = sidecars.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const tags = {
    numOfAddFiles: String(state.files.size),
    sidecarNumActions: String(sidecarActions),
    sidecarSizeInBytes: String(sidecarBytes),
  };
  own.unshift({ checkpointMetadata: { version: state.version, tags } });
  const sidecarLines = sidecars.map(sidecarLine);
  const bytes = new TextEncoder().encode(
    [...own, ...sidecarLines].map((line) => `${printJson(line)}\n`).join(''),
  );
  const path = uniqueCheckpointPath(state.version, ctx.random.uuid());
  await ctx.store.put(path, bytes, { kind: 'create' });
  const modifiedMs = (await ctx.store.head(path))?.modifiedMs ?? ctx.clock.now();
  const hint = {
    version: state.version,
    size: own.length + sidecars.length + sidecarActions,
    sizeInBytes: bytes.length + sidecarBytes,
    numOfAddFiles: state.files.size,
    v2Checkpoint: {
      path: path.slice(path.lastIndexOf('/') + 1),
      sizeInBytes: bytes.length,
      modificationTime: modifiedMs,
      ...(own.length > HINT_ACTIONS_MAX ? {} : { nonFileActions: own }),
      sidecarFiles: sidecarLines.map(({ sidecar }) => sidecar ?? null),
    },
  };
  return { hint, written: null };
}

/** What the checkpoint holds beside live files. */
function* actionsOf(
  { clock }: TableContext,
  state: LogState,
  { forgets }: CheckpointOptions,
): ReturnType<typeof actionsBesideFiles> {
  const nowMs = clock.now();
  const txnMs = txnRetentionMs(state.metadata);
  const actions = actionsBesideFiles(state, {
    removedAfterMs: nowMs - deletedFileRetentionMs(state.metadata),
    txnUpdatedAfterMs: txnMs === null ? null : nowMs - txnMs,
  });
  for (const action of actions) {
    if (action.kind !== 'remove' || forgets?.(action.remove.path) !== true) yield action;
  }
}

/** For what everybody does without: the checkpoint stands whether or not it could be done. Null where it could not. */
async function bestEffort<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    return null;
  }
}
