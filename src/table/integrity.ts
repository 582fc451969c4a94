/** Whether a version of a table is what its writer saw. PROTOCOL.md, "State Validation". */

import { checksumDifferences, fileDifferences } from '../log/index.ts';
import { atTable } from './errors.ts';
import { readChecksum } from './load.ts';
import { tableSnapshot } from './snapshot.ts';
import type { Snapshot, TableContext } from './types.ts';

export interface Integrity {
  /** Whether the version has a checksum file that can be read; without one nothing is known. */
  readonly isChecked: boolean;
  /** Members of the checksum file that the snapshot disagrees with, by their names there. */
  readonly differences: readonly string[];
}

/**
 * Holds a snapshot against the checksum file of its version, member by member. A difference means that the log was
 * changed after it was written, or that a writer counted wrong. Looks at every live file. Errors: the store's.
 */
export async function checkIntegrity(ctx: TableContext, snapshot: Snapshot): Promise<Integrity> {
  const { state } = tableSnapshot(snapshot);
  const checksum = await atTable(ctx.store.uri, () => readChecksum(ctx.store, state.version));
  if (checksum === null) return { isChecked: false, differences: [] };
  const differences = [
    ...checksumDifferences(state, checksum),
    ...fileDifferences(state, checksum),
  ];
  return { isChecked: true, differences };
}
