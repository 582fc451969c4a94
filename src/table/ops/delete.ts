/** DELETE: the rows that a condition selects leave the table. */

import type { Snapshot, TableContext } from '../types.ts';
import { changeRows, type RowChangeOptions, type RowChangeResult } from './row-changes.ts';

export type DeleteOptions = RowChangeOptions;

/**
 * Deletes the rows for which the condition is true, in one commit; without a condition, all. A file that loses all of its
 * rows is removed without being written again, and one whose partition decides is not even read.
 * Errors: as for `changeRows`.
 */
export async function deleteRows(
  ctx: TableContext,
  snapshot: Snapshot,
  options: DeleteOptions = {},
): Promise<RowChangeResult> {
  return changeRows(ctx, snapshot, {
    operation: 'DELETE',
    options,
    values: () => null,
  });
}
