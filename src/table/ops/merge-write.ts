/** All that a merge writes before it commits: new files, files of changed rows, and vectors. */

import { identifier } from '../../engine/index.ts';
import type { Codec } from '../../parquet/index.ts';
import { totalOf } from './append-commit.ts';
import { moveTarget, type StagedFile } from './append-file.ts';
import { type SelectWriter, stageSelect } from './append-select.ts';
import { ENGINE_STATEMENTS_MAX, stageAll } from './append-stage.ts';
import { CHANGE_TYPE } from './change-columns.ts';
import { recordsChanges, stageChanges } from './change-files.ts';
import type { MergeTry } from './merge-candidates.ts';
import {
  changedRows,
  insertedRows,
  movedRows,
  rewriteFiles,
  type TouchedFile,
  updatedRows,
} from './merge-rewrite.ts';
import type { LoadedSource } from './merge-source.ts';
import { hideRows } from './merge-vectors.ts';
import { discardRows, type WrittenRows } from './row-writes.ts';

export interface MergeWrite {
  readonly touched: readonly TouchedFile[];
  readonly source: LoadedSource;
  readonly codec: Codec | undefined;
  readonly targetFileSizeBytes: number | undefined;
}

export interface WrittenMerge extends WrittenRows {
  readonly insertedCount: number;
}

const FILE_SIZE_BYTES = 128 * 1024 * 1024;

/** Writes all of it, or takes back what was written. Errors: those of `stageSelect`, `stageChanges` and `writeVectors`. */
export async function writeMerge(
  step: MergeTry,
  { touched, source, codec, targetFileSizeBytes = FILE_SIZE_BYTES }: MergeWrite,
): Promise<WrittenMerge> {
  const { ctx, session, signal, snapshot } = step;
  const writer = { ctx, session, target: moveTarget(snapshot, codec), signal };
  const hides = step.mode === 'deletion-vectors';
  let written: WrittenRows = { files: [], changes: [], vectors: [], vectorKeys: [] };
  try {
    if (!hides) {
      const files = await rewriteFiles(step, writer, {
        files: touched,
        codec,
        targetFileSizeBytes,
      });
      written = { ...written, files };
    }
    const others = hides
      ? await updatedRows(step, touched)
      : await movedRows(step, writer.target, touched);
    const inserts = insertedRows(step, source.rowCount, rowsPerFile(source, targetFileSizeBytes));
    const fresh = await writeFresh(writer, others, inserts);
    written = { ...written, files: [...written.files, ...fresh.files] };
    if (touched.length > 0 && recordsChanges(snapshot.metadata)) {
      const changes = await writeChanges(step, writer, { touched, inserts });
      written = { ...written, changes };
    }
    if (hides) {
      const { adds, keys } = await hideRows(step, touched);
      written = { ...written, vectors: adds, vectorKeys: keys };
    }
    return { ...written, insertedCount: fresh.insertedCount };
  } catch (error) {
    await discardRows(ctx, written);
    throw error;
  }
}

function rowsPerFile({ rowCount, sizeBytes }: LoadedSource, targetFileSizeBytes: number): number {
  return Math.ceil(rowCount / Math.max(1, Math.ceil(sizeBytes / targetFileSizeBytes)));
}

async function writeFresh(
  writer: SelectWriter,
  others: string | null,
  inserts: readonly string[],
): Promise<{ readonly files: readonly StagedFile[]; readonly insertedCount: number }> {
  const inserter = { ...writer, target: { ...writer.target, rowIds: null } };
  let insertedCount = 0;
  const selects = [
    ...(others === null ? [] : [{ select: others, isInsert: false }]),
    ...inserts.map((select) => ({ select, isInsert: true })),
  ];
  const files = await stageAll(writer.ctx, selects, ENGINE_STATEMENTS_MAX, async (rows) => {
    const staged = await stageSelect(rows.isInsert ? inserter : writer, rows.select);
    if (rows.isInsert) insertedCount += totalOf(staged, ({ rowCount }) => rowCount);
    return staged;
  });
  return { files, insertedCount };
}

/** A commit with any file of changed rows must tell all of its changes by them, new rows too. */
async function writeChanges(
  step: MergeTry,
  writer: SelectWriter,
  rows: { readonly touched: readonly TouchedFile[]; readonly inserts: readonly string[] },
): Promise<readonly StagedFile[]> {
  const selects = [
    await changedRows(step, rows.touched),
    ...rows.inserts.map(
      (select) => `SELECT *, 'insert' AS ${identifier(CHANGE_TYPE.name)} FROM (${select})`,
    ),
  ];
  return stageAll(step.ctx, selects, ENGINE_STATEMENTS_MAX, (select) =>
    stageChanges(writer, select),
  );
}
