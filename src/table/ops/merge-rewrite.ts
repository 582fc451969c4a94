/** The second half of a merge: the files that take the place of those that change, and the rows that are new. */

import { present } from '../../base/index.ts';
import { identifier, relationSql } from '../../engine/index.ts';
import type { Codec } from '../../parquet/index.ts';
import type { StructField } from '../../schema/index.ts';
import { discardFiles, type FileTarget, type StagedFile } from './append-file.ts';
import { type SelectWriter, stageInto } from './append-select.ts';
import { ENGINE_STATEMENTS_MAX, inParallel, runsBySize, stageAll } from './append-stage.ts';
import { CHANGE_TYPE } from './change-columns.ts';
import { mappingOf, tableRelations } from './input-table.ts';
import type { Candidate, MergeTry } from './merge-candidates.ts';
import { type MatchedFile, PAIRS_TABLE } from './merge-match.ts';
import { CLAUSE, newValueOf, updatedValueOf, updatesFromSource } from './merge-plan.ts';
import { SOURCE, TARGET } from './merge-scope.ts';
import { SOURCE_TABLE } from './merge-source.ts';
import { spliceTouched } from './merge-splice.ts';
import { rowIdColumnsOf } from './row-ids.ts';

/** A candidate with rows that a clause changes. */
export interface TouchedFile extends MatchedFile {
  readonly candidate: Candidate;
  /** Its number in the table of pairs. */
  readonly number: number;
}

/** Without the files in which every update would leave every row as it is. */
export async function withRealChanges(
  merge: MergeTry,
  files: readonly TouchedFile[],
): Promise<readonly TouchedFile[]> {
  const changes = await inParallel(files, ENGINE_STATEMENTS_MAX, async (file) => {
    merge.signal?.throwIfAborted();
    return file.deletedCount > 0 || file.differs || (await isChanged(merge, file));
  });
  return files.filter((_, index) => changes[index]);
}

async function isChanged(merge: MergeTry, file: TouchedFile): Promise<boolean> {
  const changed = merge.plan.changing.map(
    ({ field }) => `${newValue(merge, field)} IS DISTINCT FROM ${oldValue(field)}`,
  );
  if (changed.length === 0) return false;
  const rows = `${await joinedRows(merge, [file], 'JOIN')} WHERE ${changed.join(' OR ')} LIMIT 1`;
  for await (const _ of merge.session.stream(`SELECT 1 ${rows}`)) return true;
  return false;
}

/**
 * Files in the place of the touched ones: their rows, without those that were deleted or moved away, in the order that
 * `openOrderedSession` keeps.
 */
export async function rewriteFiles(
  merge: MergeTry,
  writer: SelectWriter,
  { files, codec, targetFileSizeBytes }: RewriteInput,
): Promise<readonly StagedFile[]> {
  const stays = movingColumns(merge, writer.target).map(
    (field) => `${newValue(merge, field)} IS NOT DISTINCT FROM ${oldValue(field)}`,
  );
  const where = [isKept(merge), ...stays].join(' AND ');
  const row = `${newRow(merge)}${rowIdSql(merge)}`;
  const { spliced, others } = await spliceTouched(merge, writer, {
    files,
    codec,
    movesRows: stays.length > 0,
    select: (rows, file) =>
      `SELECT ${row} ${joinedTo(merge, rows, [file], 'LEFT JOIN')} WHERE ${where}`,
  });
  try {
    const runs = neighbourRuns(others, targetFileSizeBytes);
    const rewritten = await stageAll(merge.ctx, runs, ENGINE_STATEMENTS_MAX, async (run) => {
      merge.signal?.throwIfAborted();
      const rows = await joinedRows(merge, run, 'LEFT JOIN');
      const { partitionValues } = present(run[0], 'the first file of a run').candidate;
      return stageInto(writer, partitionValues, `SELECT ${row} ${rows} WHERE ${where}`);
    });
    return [...spliced, ...rewritten];
  } catch (error) {
    await discardFiles(merge.ctx, spliced);
    throw error;
  }
}

export interface RewriteInput {
  readonly files: readonly TouchedFile[];
  /** One that was asked for. */
  readonly codec: Codec | undefined;
  readonly targetFileSizeBytes: number;
}

/** Rows of touched files that an update takes to another partition; null where none can. */
export async function movedRows(
  merge: MergeTry,
  target: FileTarget,
  files: readonly TouchedFile[],
): Promise<string | null> {
  const moves = movingColumns(merge, target).map(
    (field) => `${newValue(merge, field)} IS DISTINCT FROM ${oldValue(field)}`,
  );
  if (moves.length === 0 || files.length === 0) return null;
  const rows = await joinedRows(merge, files, 'JOIN');
  const row = `${updatedRow(merge)}${rowIdSql(merge)}`;
  return `SELECT ${row} ${rows} WHERE ${isKept(merge)} AND (${moves.join(' OR ')})`;
}

/** The new rows of all that are updated; null where none can be. */
export async function updatedRows(
  merge: MergeTry,
  files: readonly TouchedFile[],
): Promise<string | null> {
  if (files.every(({ updatedCount }) => updatedCount === 0)) return null;
  const { plan, snapshot } = merge;
  const fromSource = rowIdColumnsOf(snapshot) === null && updatesFromSource(plan, snapshot.schema);
  const rows = fromSource ? sourceRows(files) : await joinedRows(merge, files, 'JOIN');
  return `SELECT ${updatedRow(merge)}${rowIdSql(merge)} ${rows} WHERE ${isKept(merge)}`;
}

/** Of all rows that a clause acts on: as they were, and those that stay as they are now. PROTOCOL.md, "Change Data Files". */
export async function changedRows(merge: MergeTry, files: readonly TouchedFile[]): Promise<string> {
  const rows = await joinedRows(merge, files, 'JOIN');
  const type = identifier(CHANGE_TYPE.name);
  const old = merge.snapshot.schema.fields.map(oldValue).join(', ');
  const kept = isKept(merge);
  return (
    `SELECT ${old}, CASE WHEN ${kept} THEN 'update_preimage' ELSE 'delete' END AS ${type} ${rows} ` +
    `UNION ALL SELECT ${updatedRow(merge)}, 'update_postimage' AS ${type} ${rows} WHERE ${kept}`
  );
}

/** Rows of the source that match nothing and that a clause inserts, so many rows of the source at a time. */
export function insertedRows(
  { plan, snapshot }: MergeTry,
  sourceRowCount: number,
  rowsAtATime: number,
): readonly string[] {
  const { inserts } = plan;
  if (inserts === null) return [];
  const values = snapshot.schema.fields.map(
    ({ name }) =>
      `${present(inserts.values.get(name), 'the value of a column')} AS ${identifier(name)}`,
  );
  const isMatched = `${SOURCE}.rowid IN (SELECT source FROM ${PAIRS_TABLE} WHERE source IS NOT NULL)`;
  // A condition may fail on rows that it is not for, and of what AND joins the engine may take either first.
  const rows =
    `SELECT ${values.join(', ')} FROM ${SOURCE_TABLE} AS ${SOURCE} ` +
    `WHERE CASE WHEN ${isMatched} THEN FALSE ELSE ${inserts.condition} END`;
  const selects: string[] = [];
  for (let start = 0; start < sourceRowCount; start += rowsAtATime) {
    const end = start + rowsAtATime;
    selects.push(`${rows} AND ${SOURCE}.rowid BETWEEN ${String(start)} AND ${String(end - 1)}`);
  }
  return selects;
}

/** A FROM clause: rows of the table, and beside each the source row and the clause that it takes, or null for both. */
async function joinedRows(
  merge: MergeTry,
  files: readonly TouchedFile[],
  join: 'JOIN' | 'LEFT JOIN',
): Promise<string> {
  const { ctx, stage, snapshot, fileNumber, rowNumber } = merge;
  const rowIds = rowIdColumnsOf(snapshot);
  const relations = await tableRelations(ctx, stage, snapshot, {
    files: files.map(({ candidate }) => candidate.add),
    columns: snapshot.schema,
    rowIds,
  });
  const rows = relationSql(relations, {
    schema: snapshot.schema,
    partitionColumns: snapshot.partitionColumns,
    mapping: mappingOf(snapshot),
    fileIndex: fileNumber,
    rowNumber,
    rowIds,
  });
  return joinedTo(merge, rows, files, join);
}

/**
 * A FROM clause: the source rows by which rows of the table change, more or less in the order of these, and the clauses.
 */
function sourceRows(files: readonly TouchedFile[]): string {
  const numbers = files.map(({ number }) => String(number)).join(', ');
  const pairs =
    `SELECT source, ${CLAUSE} FROM ${PAIRS_TABLE} ` +
    `WHERE ${CLAUSE} IS NOT NULL AND file IN (${numbers}) ORDER BY file, row`;
  return (
    `FROM (SELECT p.${CLAUSE}, m.* FROM (${pairs}) AS p ` +
    `JOIN ${SOURCE_TABLE} AS m ON m.rowid = p.source) AS ${SOURCE}`
  );
}

/** As `joinedRows`, of rows that have the places of their files in this list. */
function joinedTo(
  { plan, fileNumber, rowNumber }: MergeTry,
  rows: string,
  files: readonly TouchedFile[],
  join: 'JOIN' | 'LEFT JOIN',
): string {
  const numbers = files.map(({ number }) => String(number)).join(', ');
  // The small side gets the place of its file in this list, so that the large one is joined by what it has.
  const matches =
    `SELECT ${plan.changesMatched && plan.deletesMatched ? 'DISTINCT ON (place, p.row) ' : ''}` +
    `list_position([${numbers}], p.file) - 1 AS place, p.row, p.${CLAUSE}, m.* ` +
    `FROM ${PAIRS_TABLE} AS p ${plan.bySource === null ? '' : 'LEFT '}JOIN ${SOURCE_TABLE} AS m ` +
    `ON m.rowid = p.source ` +
    `WHERE p.${CLAUSE} IS NOT NULL AND p.file IN (${numbers})`;
  return (
    `FROM (${rows}) AS ${TARGET} ${join} (${matches}) AS ${SOURCE} ` +
    `ON ${SOURCE}.place = ${TARGET}.${identifier(fileNumber)} ` +
    `AND ${SOURCE}.row = ${TARGET}.${identifier(rowNumber)}`
  );
}

function oldValue({ name }: StructField): string {
  return `${TARGET}.${identifier(name)}`;
}

/** The clause that a row takes. */
const TAKEN = `${SOURCE}.${CLAUSE}`;

function newValue({ plan }: MergeTry, field: StructField): string {
  return newValueOf(plan, field, TAKEN);
}

function newRow(merge: MergeTry): string {
  return columnList(merge, (field) => newValue(merge, field));
}

/** The new row of one that takes a clause which updates. */
function updatedRow(merge: MergeTry): string {
  return columnList(merge, (field) => updatedValueOf(merge.plan, field, TAKEN));
}

function columnList({ snapshot }: MergeTry, valueOf: (field: StructField) => string): string {
  return snapshot.schema.fields
    .map((field) => `${valueOf(field)} AS ${identifier(field.name)}`)
    .join(', ');
}

/** Further columns of `joinedRows`: a row keeps its id, and its commit version unless a clause updates it. */
function rowIdSql({ snapshot }: MergeTry): string {
  const rowIds = rowIdColumnsOf(snapshot);
  if (rowIds === null) return '';
  const { id, commitVersion } = rowIds;
  const version = identifier(commitVersion.name);
  const kept = `CASE WHEN ${SOURCE}.${CLAUSE} IS NULL THEN ${TARGET}.${version} END`;
  return `, ${TARGET}.${identifier(id.name)}, ${kept} AS ${version}`;
}

function isKept({ plan }: MergeTry): string {
  if (plan.deletes.length === 0) return 'TRUE';
  return `(${SOURCE}.${CLAUSE} IS NULL OR ${SOURCE}.${CLAUSE} NOT IN (${plan.deletes.join(', ')}))`;
}

function movingColumns({ plan }: MergeTry, target: FileTarget): readonly StructField[] {
  return plan.changing
    .map(({ field }) => field)
    .filter(({ name }) => target.partitionColumns.includes(name));
}

/** Files are put together only with what lies next to them in the table: no output spans keys that lie between its inputs. */
function neighbourRuns(
  files: readonly TouchedFile[],
  targetFileSizeBytes: number,
): readonly (readonly TouchedFile[])[] {
  const groups: TouchedFile[][] = [];
  for (const file of files) {
    const before = groups.at(-1)?.at(-1)?.candidate;
    const { rank, partitionValues } = file.candidate;
    const isNext =
      before?.rank === rank - 1 &&
      JSON.stringify(before.partitionValues) === JSON.stringify(partitionValues);
    if (isNext) groups.at(-1)?.push(file);
    else groups.push([file]);
  }
  const sizeOf = ({ candidate }: TouchedFile): number => candidate.add.size;
  const total = files.reduce((sum, file) => sum + sizeOf(file), 0);
  const sizeMax = Math.max(1, Math.min(targetFileSizeBytes, total / ENGINE_STATEMENTS_MAX));
  return groups.flatMap((group) => runsBySize(group, { sizeOf, sizeMax, countMin: 1 }));
}
