/** Reading rows: the files that matter, the columns that are asked for, the rows that the condition selects. */

import {
  type EngineValue,
  identifier,
  type RowIdColumns,
  scopeOf,
  type Session,
  translateCondition,
} from '../../engine/index.ts';
import {
  columnsRead,
  type Expression,
  findField,
  LONG,
  type Row,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import { columnUnknown } from '../errors.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { rowIdsNotKept } from './errors.ts';
import { asExpression, liveFiles } from './files.ts';
import { ROW_ID_NAMES, rowIdColumnsOf, rowIdFields } from './row-ids.ts';
import { rowReader } from './row-values.ts';
import { relations } from './scan-files.ts';

export interface ScanOptions {
  /** Names of top-level columns, in the order of the result, found ignoring case. Default: all. */
  readonly columns?: readonly string[];
  /** Spark's SQL. Only rows for which it is true. Default: all rows. */
  readonly where?: string | Expression;
  /** At most this many rows. Which ones is not promised. */
  readonly limit?: number;
  /**
   * Adds to each row, behind its columns, `_metadata.row_id`, which the row keeps whatever becomes of it and its file, and
   * `_metadata.row_commit_version`, of the commit that brought or last updated it; each a bigint. Where the table has
   * `delta.enableRowTracking`. Default false.
   */
  readonly rowTracking?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * The rows of a snapshot in batches of at most 2,048, their values in the form that `RowValue` documents first. Files
 * are skipped by partition values and statistics. The engine is loaded when the first batch is asked for, and let go
 * when the loop ends, however it ends.
 * Errors: `TABLE_FILE_MISSING`, `ENGINE_FILE_TYPE`, `ROW_IDS_MISSING` (data), `COLUMN_UNKNOWN`, `EXPRESSION_*`,
 * `ROW_IDS_NOT_KEPT` (invalid), those of the store and of Parquet.
 */
export async function* scan(
  ctx: TableContext,
  snapshot: Snapshot,
  options: ScanOptions = {},
): AsyncGenerator<readonly Row[]> {
  const plan = planScan(snapshot, options, ctx.clock.now());
  const engine = await ctx.engine();
  const session = await engine.openSession();
  try {
    // What a condition selects need not come in the order of the files: see `TAKES_PIECES_TOGETHER`.
    if (plan.condition !== null) await session.run('SET GLOBAL preserve_insertion_order = false');
    yield* readPlan(ctx, snapshot, session, plan);
  } finally {
    await session.close();
  }
}

/** The rows one by one; see `scan`. */
export async function* scanRows(
  ctx: TableContext,
  snapshot: Snapshot,
  options: ScanOptions = {},
): AsyncGenerator<Row> {
  for await (const batch of scan(ctx, snapshot, options)) yield* batch;
}

interface ScanPlan {
  /** Columns of the result. */
  readonly output: StructType;
  /** Columns of the result and of the condition. */
  readonly input: StructType;
  /** Where row ids are asked for: the columns of files that may hold them. */
  readonly rowIds: RowIdColumns | null;
  readonly where: Expression | null;
  /** The condition in the engine's SQL. */
  readonly condition: string | null;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** Everything that can be wrong with the question is found here, before any file is touched. */
function planScan(snapshot: Snapshot, options: ScanOptions, nowMs: number): ScanPlan {
  const { schema } = snapshot;
  const where = asExpression(options.where, nowMs);
  const output = projected(schema, options.columns);
  const filtered = where === null ? [] : columnsRead(where, schema).fields;
  const input = { ...schema, fields: [...new Set([...output.fields, ...filtered])] };
  return {
    output,
    input,
    rowIds: options.rowTracking === true ? rowIdsAskedFor(snapshot) : null,
    where,
    condition: where === null ? null : translateCondition(where, scopeOf(schema)),
    limit: options.limit ?? Number.POSITIVE_INFINITY,
    signal: options.signal,
  };
}

const ROW_ID_FIELDS = ROW_ID_NAMES.map((name): StructField => ({
  name,
  type: LONG,
  nullable: false,
  metadata: {},
}));

function rowIdsAskedFor(snapshot: Snapshot): RowIdColumns {
  const columns = rowIdColumnsOf(snapshot);
  if (columns === null) throw rowIdsNotKept();
  return columns;
}

function projected(schema: StructType, columns: readonly string[] | undefined): StructType {
  if (columns === undefined) return schema;
  const fields = columns.map((name): StructField => {
    const field = findField(schema, name);
    if (field !== null) return field;
    throw columnUnknown(
      name,
      schema.fields.map((candidate) => candidate.name),
    );
  });
  return { ...schema, fields };
}

async function* readPlan(
  ctx: TableContext,
  snapshot: Snapshot,
  session: Session,
  plan: ScanPlan,
): AsyncGenerator<readonly Row[]> {
  const { where, input, output, rowIds, signal } = plan;
  const statement = signal === undefined ? {} : { signal };
  const files = liveFiles(snapshot, { where, statistics: null });
  const toRow = rowReader({
    ...output,
    fields: [...output.fields, ...(rowIds === null ? [] : ROW_ID_FIELDS)],
  });
  let remaining = plan.limit;
  if (remaining <= 0) return;
  const read = { schema: input, rowIds, ...statement };
  for await (const relation of relations(ctx, snapshot, files, read)) {
    const sql = selectSql(relation, plan, remaining);
    for await (const { columns, rowCount } of session.stream(sql, statement)) {
      yield rowsOf(columns, rowCount, toRow);
      remaining -= rowCount;
    }
    if (remaining <= 0) return;
  }
}

/**
 * A condition that the engine cannot take into its reading of files. The filter that stays for it puts small pieces of rows
 * together, where they may come in any order: without it each vector of which a condition selects some rows comes by
 * itself, and to fetch one costs as much as some hundred rows.
 */
const TAKES_PIECES_TOGETHER = 'random() >= 0';

function selectSql(relation: string, plan: ScanPlan, limit: number): string {
  const fields = [...plan.output.fields, ...rowIdFields(plan.rowIds)];
  const list = fields.map((field) => identifier(field.name));
  const where =
    plan.condition === null ? '' : ` WHERE (${plan.condition}) AND ${TAKES_PIECES_TOGETHER}`;
  const first = Number.isFinite(limit) ? ` LIMIT ${String(limit)}` : '';
  return `SELECT ${list.length === 0 ? 'NULL' : list.join(', ')} FROM (${relation}) AS "files"${where}${first}`;
}

function rowsOf(
  columns: readonly (readonly EngineValue[])[],
  rowCount: number,
  toRow: (columns: readonly (readonly EngineValue[])[], index: number) => Row,
): readonly Row[] {
  return Array.from({ length: rowCount }, (_, index) => toRow(columns, index));
}
