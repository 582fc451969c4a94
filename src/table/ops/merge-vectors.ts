/** The rows of touched files that a merge hides by deletion vectors. */

import { isUint8Array } from 'node:util/types';

import { assert } from '../../base/index.ts';
import { type AddFile, countRows } from '../../log/index.ts';
import { type RowsToHide, writeVectors, type WrittenVectors } from '../deletion-vectors.ts';
import { fileAt } from '../stored-file.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import type { MergeTry } from './merge-candidates.ts';
import { PAIRS_TABLE } from './merge-match.ts';
import { CLAUSE } from './merge-plan.ts';
import type { TouchedFile } from './merge-rewrite.ts';

/** Rows of a file that the engine tells of at a time. */
const BLOCK_ROWS = 65_536;

/**
 * Vectors for the touched files of which a row stays as it is; the others just leave the table. Errors: those of
 * `writeVectors`.
 */
export async function hideRows(
  merge: MergeTry,
  files: readonly TouchedFile[],
): Promise<WrittenVectors> {
  const hidden = await changingRows(merge, files);
  const staying = hidden.filter(
    ({ add, rowCount, rows }) => countRows(rows) < liveCount(add, rowCount),
  );
  return writeVectors(merge.ctx, merge.snapshot.metadata, staying);
}

function liveCount({ deletionVector }: AddFile, storedCount: number): number {
  return storedCount - (deletionVector?.cardinality ?? 0);
}

/** The rows of each file on which a clause acts. Memory: a bit for each row of the touched files. */
export async function changingRows(
  { ctx, session, stage, signal }: MergeTry,
  files: readonly TouchedFile[],
): Promise<readonly RowsToHide[]> {
  const hidden = await inParallel(files, STORE_REQUESTS_MAX, async ({ number, candidate }) => {
    const { add } = candidate;
    const stored = { ...(await fileAt(ctx, add.path)), sizeBytes: add.size };
    const { rowCount } = await stage.footer(stored);
    return { number, add, rowCount, rows: new Uint8Array(Math.ceil(rowCount / 8)) };
  });
  const byNumber = new Map(hidden.map((file) => [file.number, file.rows]));
  const size = String(BLOCK_ROWS);
  const blocks = session.stream(
    `SELECT file, row // ${size} AS block, ` +
      `CAST(bitstring_agg(CAST(row % ${size} AS INTEGER), 0, ${String(BLOCK_ROWS - 1)}) AS BLOB) ` +
      `FROM ${PAIRS_TABLE} WHERE ${CLAUSE} IS NOT NULL GROUP BY ALL`,
    signal === undefined ? {} : { signal },
  );
  for await (const { columns, rowCount } of blocks) {
    for (let index = 0; index < rowCount; index += 1) {
      const [file, block, blob] = columns.map((column) => column[index]);
      assert(isUint8Array(blob), 'the rows of a block come as bytes');
      // A file in which nothing would really change is not among the touched.
      const rows = byNumber.get(Number(file));
      const start = (Number(block) * BLOCK_ROWS) / 8;
      // The last block of a file is longer than the file.
      rows?.set(blob.subarray(0, rows.length - start), start);
    }
  }
  return hidden;
}
