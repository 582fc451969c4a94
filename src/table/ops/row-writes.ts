/** What takes the place of rows that change: files written again without them, vectors that hide them, and files of new rows. */

import { identifier, relationSql, type Session, translateCondition } from '../../engine/index.ts';
import type { AddFile } from '../../log/index.ts';
import type { Codec } from '../../parquet/index.ts';
import { type Expression, unusedName } from '../../schema/index.ts';
import { type RowsToHide, writeVectors } from '../deletion-vectors.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { discardFiles, moveTarget, type StagedFile } from './append-file.ts';
import { type SelectWriter, stageInto, stageSelect } from './append-select.ts';
import { ENGINE_STATEMENTS_MAX, runsBySize, stageAll } from './append-stage.ts';
import { CHANGE_TYPE } from './change-columns.ts';
import { type ChangeType, recordsChanges, stageChanges } from './change-files.ts';
import { LocalStage } from './input-stage.ts';
import { mappingOf, tableRelations } from './input-table.ts';
import type { RowChangeMode } from './row-change-mode.ts';
import { rowIdColumnsOf } from './row-ids.ts';
import { type FileRows, ROW, rowScope } from './row-matches.ts';
import { planSplice, stageSplice } from './splice-file.ts';

export interface RowWrite {
  readonly ctx: TableContext;
  readonly snapshot: Snapshot;
  /** From `openOrderedSession`; asked for only where rows must be written. */
  readonly session: () => Promise<Session>;
  readonly mode: RowChangeMode;
  /** The rows that change; null for all. */
  readonly where: Expression | null;
  /** Their new values by column, in the engine's SQL over the row; null where they go. */
  readonly values: ReadonlyMap<string, string> | null;
  readonly codec: Codec | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface WrittenRows {
  /** Data files, new to the table. */
  readonly files: readonly StagedFile[];
  /** Files of changed rows. */
  readonly changes: readonly StagedFile[];
  /** Files that stay in the table with a new vector. */
  readonly vectors: readonly AddFile[];
  /** Keys of the files of vectors. */
  readonly vectorKeys: readonly string[];
}

/** What becomes of a file with rows that change. */
export type FileFate = 'remove' | 'rewrite' | 'vector';

/** A file without a row that stays as it is leaves the table, however the others are changed. */
export function fateOf(
  { mode, values }: Pick<RowWrite, 'mode' | 'values'>,
  { rows }: Pick<FileRows, 'rows'>,
): FileFate {
  if (mode === 'deletion-vectors') return rows === null ? 'remove' : 'vector';
  return values === null && rows === null ? 'remove' : 'rewrite';
}

/** Files of new rows are cut where what they are made of has so many bytes. */
const INPUT_BYTES_MAX = 128 * 1024 * 1024;

/**
 * Writes all of it, or takes back what was written. Rows keep their order in files that are written again.
 * Errors: `NULL_NOT_ALLOWED`, `ENGINE_VALUE` (data), those of the store and of Parquet.
 */
export async function writeRows(write: RowWrite, files: readonly FileRows[]): Promise<WrittenRows> {
  const rewritten = files.filter((file) => fateOf(write, file) === 'rewrite');
  const data = await stageAll(write.ctx, rewritten, ENGINE_STATEMENTS_MAX, (file) =>
    rewriteFile(write, file),
  );
  let written: WrittenRows = { files: data, changes: [], vectors: [], vectorKeys: [] };
  try {
    const runs = runsBySize(files, {
      sizeOf: ({ add, count, storedCount }) => (add.size * count) / storedCount,
      sizeMax: INPUT_BYTES_MAX,
      countMin: 1,
    });
    const fresh = await stageAll(write.ctx, runs, ENGINE_STATEMENTS_MAX, (run) =>
      writeNewRows(write, run),
    );
    written = { ...written, files: [...data, ...fresh] };
    if (tellsChanges(write, files)) {
      const changes = await stageAll(write.ctx, runs, ENGINE_STATEMENTS_MAX, (run) =>
        writeChanges(write, run),
      );
      written = { ...written, changes };
    }
    const hidden = files.flatMap((file) =>
      fateOf(write, file) === 'vector' ? rowsToHide(file) : [],
    );
    const { adds, keys } = await writeVectors(write.ctx, write.snapshot.metadata, hidden);
    return { ...written, vectors: adds, vectorKeys: keys };
  } catch (error) {
    await discardRows(write.ctx, written);
    throw error;
  }
}

/** Takes back what no commit names. Best effort, as for `discardFiles`. */
export async function discardRows(
  ctx: TableContext,
  { files, changes, vectorKeys }: WrittenRows,
): Promise<void> {
  await discardFiles(ctx, [...files, ...changes]);
  try {
    await ctx.store.delete(vectorKeys);
  } catch {
    // Nobody reads files that the log does not name; a vacuum finds them.
  }
}

/** Files that only leave, and rows that only get hidden, tell by themselves what was deleted. */
function tellsChanges(write: RowWrite, files: readonly FileRows[]): boolean {
  if (!recordsChanges(write.snapshot.metadata) || files.length === 0) return false;
  return write.values !== null || files.some((file) => fateOf(write, file) === 'rewrite');
}

function rowsToHide({ add, storedCount, rows }: FileRows): readonly RowsToHide[] {
  return rows === null ? [] : [{ add, rowCount: storedCount, rows }];
}

/** The file without the rows that go, or with the new values of those that stay in its partition. */
async function rewriteFile(write: RowWrite, file: FileRows): Promise<readonly StagedFile[]> {
  const { snapshot, where, values, codec } = write;
  const changes = conditionSql(write);
  const moves = movesSql(write);
  const gone = values === null ? changes : moves;
  const kept = gone === null ? '' : ` WHERE (${gone}) IS NOT TRUE`;
  const row =
    newColumns(write, where === null ? null : changes) +
    rowIdSql(write, values === null ? 'FALSE' : changes);
  const select = (rows: string): string => `SELECT ${row} FROM (${rows}) AS ${ROW}${kept}`;
  return withStage(write, async (stage, writer) => {
    const step = {
      snapshot,
      stage,
      writer,
      codec,
      rowNumber: unusedName(snapshot.schema, 'row number'),
    };
    const columns = gone === null && values !== null ? new Set(values.keys()) : null;
    const splice = await planSplice(step, { ...file, columns });
    const spliced = splice === null ? null : await stageSplice(step, splice, select);
    if (spliced !== null) return spliced;
    const rows = await relationOf(write, stage, [file.add]);
    return stageInto(writer, file.partitionValues, select(rows));
  });
}

/** New rows that no file written again holds: those that move to another partition, or whose old ones are hidden. */
async function writeNewRows(
  write: RowWrite,
  run: readonly FileRows[],
): Promise<readonly StagedFile[]> {
  const { mode, values } = write;
  const moves = movesSql(write);
  if (values === null || (mode === 'copy-on-write' && moves === null)) return [];
  const files = run.map(({ add }) => add);
  return withRelation(write, files, (relation, writer) => {
    const moving = mode === 'copy-on-write' ? ` AND ${String(moves)}` : '';
    return stageSelect(
      writer,
      `SELECT ${newColumns(write, null)}${rowIdSql(write, 'TRUE')} FROM (${relation}) AS ${ROW} ` +
        `WHERE ${conditionSql(write)}${moving}`,
    );
  });
}

async function writeChanges(
  write: RowWrite,
  run: readonly FileRows[],
): Promise<readonly StagedFile[]> {
  const files = run.map(({ add }) => add);
  return withRelation(write, files, (relation, writer) => {
    const old = oldColumns(write);
    const told: readonly (readonly [string, ChangeType])[] =
      write.values === null
        ? [[old, 'delete']]
        : [
            [old, 'update_preimage'],
            [newColumns(write, null), 'update_postimage'],
          ];
    const selects = told.map(
      ([columns, type]) =>
        `SELECT ${columns}, '${type}' AS ${identifier(CHANGE_TYPE.name)} ` +
        `FROM (${relation}) AS ${ROW} WHERE ${conditionSql(write)}`,
    );
    return stageChanges(writer, selects.join(' UNION ALL '));
  });
}

/** Runs `work` on the rows of some files, staged as long as it takes. */
function withRelation<T>(
  write: RowWrite,
  files: readonly AddFile[],
  work: (relation: string, writer: SelectWriter) => Promise<T>,
): Promise<T> {
  return withStage(write, async (stage, writer) =>
    work(await relationOf(write, stage, files), writer),
  );
}

async function withStage<T>(
  { ctx, snapshot, session, codec, signal }: RowWrite,
  work: (stage: LocalStage, writer: SelectWriter) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const stage = await LocalStage.open();
  try {
    const target = moveTarget(snapshot, codec);
    return await work(stage, { ctx, session: await session(), target, signal });
  } finally {
    await stage.close();
  }
}

async function relationOf(
  { ctx, snapshot }: RowWrite,
  stage: LocalStage,
  files: readonly AddFile[],
): Promise<string> {
  const { schema, partitionColumns } = snapshot;
  const rowIds = rowIdColumnsOf(snapshot);
  const columns = { files, columns: schema, rowIds };
  const relations = await tableRelations(ctx, stage, snapshot, columns);
  return relationSql(relations, { schema, partitionColumns, mapping: mappingOf(snapshot), rowIds });
}

/** Further columns of a SELECT: a row keeps its id, and its commit version unless it is updated. */
function rowIdSql({ snapshot }: RowWrite, isUpdated: string): string {
  const rowIds = rowIdColumnsOf(snapshot);
  if (rowIds === null) return '';
  const { id, commitVersion } = rowIds;
  const kept = `CASE WHEN ${isUpdated} THEN NULL ELSE ${columnSql(commitVersion.name)} END`;
  return `, ${columnSql(id.name)}, ${kept} AS ${identifier(commitVersion.name)}`;
}

function conditionSql({ where, snapshot }: RowWrite): string {
  return where === null ? 'TRUE' : translateCondition(where, rowScope(snapshot.schema));
}

/**
 * Whether a row changes and leaves its partition; null where none can. Of a row that does not change no value is made, which
 * might fail: of what AND joins, the engine may take either first.
 */
function movesSql(write: RowWrite): string | null {
  const { snapshot, values } = write;
  const moves = snapshot.partitionColumns.flatMap((name) => {
    const sql = values?.get(name);
    return sql === undefined ? [] : [`${sql} IS DISTINCT FROM ${columnSql(name)}`];
  });
  if (moves.length === 0) return null;
  return `(CASE WHEN ${conditionSql(write)} THEN ${moves.join(' OR ')} ELSE FALSE END)`;
}

function oldColumns({ snapshot }: RowWrite): string {
  return snapshot.schema.fields.map(({ name }) => columnSql(name)).join(', ');
}

function columnSql(name: string): string {
  return `${ROW}.${identifier(name)}`;
}

/** The columns after the change; with a condition, of rows that it need not be true for. */
function newColumns({ snapshot, values }: RowWrite, condition: string | null): string {
  const columns = snapshot.schema.fields.map(({ name }) => {
    const old = columnSql(name);
    const sql = values?.get(name);
    if (sql === undefined) return old;
    const value = condition === null ? sql : `CASE WHEN ${condition} THEN ${sql} ELSE ${old} END`;
    return `${value} AS ${identifier(name)}`;
  });
  return columns.join(', ');
}
