/** What follows a commit. None of it can undo the commit, and each step can be done again later. */

import {
  type Action,
  adoptFileCounts,
  carryFileCounts,
  checksumPath,
  hasFileCounts,
  type PartitionValues,
  printVersionChecksum,
} from '../log/index.ts';
import { moveToCheckpoint } from './checkpoint.ts';
import { compactLog } from './compact-log.ts';
import { readChecksum } from './load.ts';
import { publishManifest } from './manifest.ts';
import {
  checkpointInterval,
  hasChecksums,
  isAutoCompacted,
  isManifestEnabled,
  logCompactionInterval,
} from './properties.ts';
import { tableSnapshot, type TableSnapshot } from './snapshot.ts';
import type { TableContext } from './types.ts';

export interface Committed {
  /** The version before; null for a new table. */
  readonly before: TableSnapshot | null;
  readonly snapshot: TableSnapshot;
  readonly actions: readonly Action[];
}

/**
 * Writes a checkpoint, a checksum file and a compacted file where one is due, brings the manifest up to date, and packs small
 * files where the table asks for it. Gives the version as it is to be gone on from, and what failed.
 */
export async function afterCommit(
  ctx: TableContext,
  committed: Committed,
): Promise<{ readonly snapshot: TableSnapshot; readonly errors: readonly Error[] }> {
  let { snapshot } = committed;
  const errors: Error[] = [];
  const { version, metadata } = snapshot;
  if (version > 0 && version % checkpointInterval(metadata) === 0) {
    await attempt(errors, async () => {
      snapshot = tableSnapshot(await moveToCheckpoint(ctx, snapshot));
    });
  } else if (hasChecksums(metadata)) {
    await attempt(errors, () => writeChecksum(ctx, committed));
  }
  const interval = logCompactionInterval(metadata);
  if (interval !== null && version >= interval && version % interval === 0) {
    await attempt(errors, () => compactLog(ctx, { from: version - interval + 1, to: version }));
  }
  if (isManifestEnabled(snapshot.metadata)) {
    const touched = touchedPartitions(committed);
    await attempt(errors, () => publishManifest(ctx, snapshot, { touched }));
  }
  // What compaction itself adds changes no data, so that it is not followed by another.
  if (isAutoCompacted(metadata) && committed.actions.some(bringsRows)) {
    await attempt(errors, async () => {
      const { autoCompact } = await import('./ops/auto-compact.ts');
      await autoCompact(ctx, snapshot, touchedPartitions(committed));
    });
  }
  return { snapshot, errors };
}

function bringsRows(action: Action): boolean {
  return action.kind === 'add' && action.add.dataChange;
}

/** Files up to which a table's are all looked at where nobody counted them before. */
const COUNTED_MAX = 10_000;

/** What takes a look at every file is told where the version before tells it, from there on, or where the files are few. */
async function writeChecksum(
  { store }: TableContext,
  { before, snapshot: { version, state }, actions }: Committed,
): Promise<void> {
  if (before !== null && !hasFileCounts(before.state)) {
    const checksum = await readChecksum(store, before.version);
    if (checksum !== null) adoptFileCounts(before.state, checksum);
  }
  carryFileCounts(before?.state ?? null, state, actions);
  const counted = hasFileCounts(state) || state.files.size <= COUNTED_MAX;
  const bytes = printVersionChecksum(state, { counted });
  await store.put(checksumPath(version), bytes, { kind: 'create' });
}

/** Values of the partitions whose files changed, with repeats. */
function touchedPartitions({ before, actions }: Committed): PartitionValues[] {
  const touched: PartitionValues[] = [];
  for (const action of actions) {
    if (action.kind === 'add') touched.push(action.add.partitionValues);
    if (action.kind === 'remove') {
      const { path, partitionValues = before?.file(path)?.partitionValues } = action.remove;
      if (partitionValues !== undefined) touched.push(partitionValues);
    }
  }
  return touched;
}

/** The commit stands whatever happens here, so a failure is handed on with the outcome, not thrown. */
async function attempt(errors: Error[], work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    errors.push(error instanceof Error ? error : new Error(String(error)));
  }
}
