/** Writing checkpoints, so that a table opens without its whole log. PROTOCOL.md, "Checkpoints". */

import type { RecordBatch } from 'apache-arrow';

import { isDeltaError } from '../base/index.ts';
import {
  type CheckpointAction,
  checkpointActions,
  checkpointPath,
  checksumPath,
  checkWritable,
  LAST_CHECKPOINT_PATH,
  printLastCheckpoint,
  printVersionChecksum,
} from '../log/index.ts';
import { checkpointRow, checkpointSchema } from './checkpoint-rows.ts';
import { deletedFileRetentionMs, txnRetentionMs } from './properties.ts';
import { tableSnapshot } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

/** Actions that are laid out as columns at once. */
const BATCH_ACTIONS = 16_384;

/**
 * Writes the checkpoint of a version, its checksum file, and the hint at it. Several may do so at once: what they write
 * means the same. Errors: `FEATURE_UNSUPPORTED` where the table cannot be written; the store's, for the checkpoint alone.
 */
export async function writeCheckpoint(ctx: TableContext, snapshot: Snapshot): Promise<void> {
  const { state } = tableSnapshot(snapshot);
  checkWritable(state.protocol, state.metadata, 'description');
  const nowMs = ctx.clock.now();
  const txnMs = txnRetentionMs(state.metadata);
  const actions = [
    ...checkpointActions(state, {
      removedAfterMs: nowMs - deletedFileRetentionMs(state.metadata),
      txnUpdatedAfterMs: txnMs === null ? null : nowMs - txnMs,
    }),
  ];
  const bytes = await encode(actions);
  await Promise.all([
    ctx.store.put(checkpointPath(state.version), bytes, { kind: 'overwrite' }),
    bestEffort(() =>
      ctx.store.put(checksumPath(state.version), printVersionChecksum(state), { kind: 'create' }),
    ),
  ]);
  const hint = printLastCheckpoint({
    version: state.version,
    size: actions.length,
    sizeInBytes: bytes.length,
    numOfAddFiles: state.files.size,
  });
  await bestEffort(() => ctx.store.put(LAST_CHECKPOINT_PATH, hint, { kind: 'overwrite' }));
}

async function encode(actions: readonly CheckpointAction[]): Promise<Uint8Array> {
  const [arrow, { rowsToArrow, writeParquet }] = await Promise.all([
    import('apache-arrow'),
    import('../parquet/index.ts'),
  ]);
  const schema = checkpointSchema();
  const batches: RecordBatch[] = [];
  for (let start = 0; start < actions.length; start += BATCH_ACTIONS) {
    const rows = actions.slice(start, start + BATCH_ACTIONS).map(checkpointRow);
    batches.push(...(await rowsToArrow(schema, rows)).batches);
  }
  return writeParquet(new arrow.Table(batches));
}

/** For caches that readers do without: the checkpoint stands whether or not they could be written. */
async function bestEffort(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isDeltaError(error)) throw error;
  }
}
