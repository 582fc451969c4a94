/** Touched files of a merge that are written again in part. */

import { identifier } from '../../engine/index.ts';
import type { Codec } from '../../parquet/index.ts';
import type { StagedFile } from './append-file.ts';
import type { SelectWriter } from './append-select.ts';
import { ENGINE_STATEMENTS_MAX, inParallel, stageAll, STORE_REQUESTS_MAX } from './append-stage.ts';
import type { MergeTry } from './merge-candidates.ts';
import type { TouchedFile } from './merge-rewrite.ts';
import { TARGET } from './merge-scope.ts';
import { changingRows } from './merge-vectors.ts';
import { planSplice, stageSplice } from './splice-file.ts';

export interface TouchedInput {
  readonly files: readonly TouchedFile[];
  /** One that was asked for. */
  readonly codec: Codec | undefined;
  /** Whether rows may go to another partition. */
  readonly movesRows: boolean;
  /** A SELECT of the rows of a file after the merge; `rows` is SQL for some of those before. */
  readonly select: (rows: string, file: TouchedFile) => string;
}

/** Writes the files for which it pays; the others, in their order, are left to be written as a whole. */
export async function spliceTouched(
  merge: MergeTry,
  writer: SelectWriter,
  { files, codec, movesRows, select }: TouchedInput,
): Promise<{ readonly spliced: readonly StagedFile[]; readonly others: readonly TouchedFile[] }> {
  const { ctx, snapshot, stage, plan, rowNumber, fileNumber } = merge;
  const step = { snapshot, stage, writer, codec, rowNumber, fileNumber };
  const updated = new Set(plan.changing.map(({ field }) => field.name));
  const rows = new Map(
    (await changingRows(merge, files)).map(({ add, rows: bits }) => [add, bits] as const),
  );
  const planned = await inParallel(files, STORE_REQUESTS_MAX, async (file) => {
    const { add, partitionValues } = file.candidate;
    const columns = movesRows || file.deletedCount > 0 ? null : updated;
    const input = { add, partitionValues, rows: rows.get(add) ?? null, columns };
    const splice = await planSplice(step, input);
    return splice === null ? [] : [{ file, splice }];
  });
  const done = new Set<TouchedFile>();
  const spliced = await stageAll(
    ctx,
    planned.flat(),
    ENGINE_STATEMENTS_MAX,
    async ({ file, splice }) => {
      merge.signal?.throwIfAborted();
      // Rows with a match may overtake others in a join.
      const order = splice.isInPlace ? ` ORDER BY ${TARGET}.${identifier(rowNumber)}` : '';
      const staged = await stageSplice(step, splice, (rows) => `${select(rows, file)}${order}`);
      if (staged !== null) done.add(file);
      return staged ?? [];
    },
  );
  return { spliced, others: files.filter((file) => !done.has(file)) };
}
