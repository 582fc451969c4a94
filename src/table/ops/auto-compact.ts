/** Compaction that follows commits by itself where the table asks for it (`delta.autoOptimize.autoCompact`). */

import { isDeltaError } from '../../base/index.ts';
import type { PartitionValues } from '../../log/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { cubeOf } from './cube-marks.ts';
import { compactNow } from './optimize.ts';

/** So many small files of a partition are packed. As Spark has it. */
const FILES_MIN = 50;
/** What they are packed to, at most. As Spark has it. */
const FILE_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Packs the small files of the partitions that a commit touched, where they have become many; nothing where the table has a
 * feature for which files cannot be written anew, or where others are changing the same files. Errors: as of `optimize`.
 */
export async function autoCompact(
  ctx: TableContext,
  snapshot: Snapshot,
  touched: Iterable<PartitionValues>,
): Promise<void> {
  if (snapshot.fileCount < FILES_MIN) return;
  const partitions = new Set(Array.from(touched, keyOf));
  const files = snapshot.files({ partition: (values) => partitions.has(keyOf(values)) });
  try {
    await compactNow(ctx, snapshot, {
      // What is clustered would lose its order beside what is not.
      files: Array.from(files).filter((add) => cubeOf(add) === null),
      minFileCount: FILES_MIN,
      targetFileSizeBytes: FILE_BYTES_MAX,
    });
  } catch (error) {
    // Nobody asked for it: what cannot be done now may be later, or never.
    const isPassed =
      isDeltaError(error, 'FEATURE_UNSUPPORTED') || isDeltaError(error, 'WRITE_CONFLICT');
    if (!isPassed) throw error;
  }
}

function keyOf(values: PartitionValues): string {
  return JSON.stringify(Object.entries(values).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
