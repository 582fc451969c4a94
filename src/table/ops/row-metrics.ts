/** What a change of rows did, in numbers as Spark names them. */

import { totalOf } from './append-commit.ts';
import type { FileRows } from './row-matches.ts';
import { fateOf, type RowWrite, type WrittenRows } from './row-writes.ts';

/** The `operationMetrics` of DELETE and UPDATE. */
export function changeMetrics(
  write: RowWrite,
  changed: readonly FileRows[],
  { files, changes, vectors }: WrittenRows,
): Readonly<Record<string, string>> {
  const hidden = changed.filter((file) => fateOf(write, file) === 'vector');
  const gone = changed.filter((file) => fateOf(write, file) !== 'vector');
  const replaced = changed.filter(({ add }) => add.deletionVector !== undefined);
  const updated = hidden.filter(({ add }) => add.deletionVector !== undefined);
  const rowCount = totalOf(changed, ({ count }) => count);
  const writtenCount = totalOf(files, (file) => file.rowCount);
  const counts = {
    numRemovedFiles: gone.length,
    numRemovedBytes: totalOf(gone, ({ add }) => add.size),
    numAddedFiles: files.length,
    numAddedBytes: totalOf(files, ({ add }) => add.size),
    numAddedChangeFiles: changes.length,
    numDeletionVectorsAdded: vectors.length,
    numDeletionVectorsUpdated: updated.length,
    numDeletionVectorsRemoved: replaced.length,
    ...(write.values === null
      ? { numDeletedRows: rowCount, numCopiedRows: writtenCount }
      : { numUpdatedRows: rowCount, numCopiedRows: writtenCount - rowCount }),
  };
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
}
