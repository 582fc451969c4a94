/** What follows a commit. None of it can undo the commit, and each step can be done again later. */

import type { Action, PartitionValues } from '../log/index.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { publishManifest } from './manifest.ts';
import { checkpointInterval, isManifestEnabled } from './properties.ts';
import type { TableSnapshot } from './snapshot.ts';
import type { TableContext } from './types.ts';

export interface Committed {
  /** The version before; null for a new table. */
  readonly before: TableSnapshot | null;
  readonly snapshot: TableSnapshot;
  readonly actions: readonly Action[];
}

/** Writes a checkpoint where one is due, and brings the manifest up to date; gives what failed. */
export async function afterCommit(
  ctx: TableContext,
  committed: Committed,
): Promise<readonly Error[]> {
  const { snapshot } = committed;
  const errors: Error[] = [];
  if (snapshot.version > 0 && snapshot.version % checkpointInterval(snapshot.metadata) === 0) {
    await attempt(errors, () => writeCheckpoint(ctx, snapshot));
  }
  if (isManifestEnabled(snapshot.metadata)) {
    const touched = touchedPartitions(committed);
    await attempt(errors, () => publishManifest(ctx, snapshot, { touched }));
  }
  return errors;
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
