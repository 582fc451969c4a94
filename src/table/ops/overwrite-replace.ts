/**
 * What an overwrite takes out of a table: whole files, and rows of files that are written again without them. Files that only leave
 * tell by themselves what was deleted; where others are written again, all that changes is written beside.
 */

import { identifier, relationSql, scopeOf, translateCondition } from '../../engine/index.ts';
import type { AddFile, PartitionValues } from '../../log/index.ts';
import {
  columnsRead,
  evaluatePredicate,
  type Expression,
  parsePartitionValue,
  printPartitionValue,
  type Scalar,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import type { ReadSet, Snapshot, TableContext } from '../types.ts';
import { discardFiles, moveTarget, type StagedFile } from './append-file.ts';
import { type SelectWriter, stageInto } from './append-select.ts';
import {
  ENGINE_STATEMENTS_MAX,
  inParallel,
  runsBySize,
  stageAll,
  STORE_REQUESTS_MAX,
} from './append-stage.ts';
import { CHANGE_TYPE } from './change-columns.ts';
import { recordsChanges, stageChanges } from './change-files.ts';
import { liveFiles, partitionFields, partitionValuesOf } from './files.ts';
import type { LazySession } from './input-session.ts';
import { LocalStage } from './input-stage.ts';
import {
  allOf,
  between,
  filesThatMayMatch,
  mappingOf,
  type TableRelationOptions,
  tableRelations,
} from './input-table.ts';
import { type Bounds, widened } from './key-range.ts';
import type { Codec } from '../../parquet/index.ts';

/** Which rows make room for those that come in. */
export type Replacement =
  | { readonly kind: 'all' }
  | { readonly kind: 'where'; readonly predicate: Expression }
  /** Those of the partitions that rows come in for. */
  | { readonly kind: 'partitions' }
  /** Those with a key that comes in; rows with a null in it have none. */
  | { readonly kind: 'keys'; readonly columns: readonly StructField[] };

export interface Replaced {
  readonly removed: readonly AddFile[];
  /** The rows that stay of removed files. */
  readonly kept: readonly StagedFile[];
  /** Files of changed rows. */
  readonly changes: readonly StagedFile[];
  readonly reads: ReadSet;
  /** Null where whole files went, and nobody counted. */
  readonly deletedRowCount: number | null;
}

export interface ReplaceOptions {
  /** The rows that come in. */
  readonly staged: readonly StagedFile[];
  readonly session: LazySession;
  readonly codec?: Codec | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The files that go, and new ones with what stays of them, which no commit names yet. `table` has the columns that rows will
 * have. Errors: those of the engine and of the stores.
 */
export async function replaceRows(
  ctx: TableContext,
  table: Snapshot,
  replacement: Replacement,
  options: ReplaceOptions,
): Promise<Replaced> {
  switch (replacement.kind) {
    case 'all':
      return whole([...table.files()], null);
    case 'partitions':
      return replacePartitions(table, options.staged);
    case 'where':
      return replaceWhere(ctx, table, replacement.predicate, options);
    default:
      return replaceKeys(ctx, table, replacement.columns, options);
  }
}

function whole(removed: readonly AddFile[], predicate: Expression | null): Replaced {
  const paths = new Set(removed.map(({ path }) => path));
  return {
    removed,
    kept: [],
    changes: [],
    reads: { kind: 'rows', predicate, paths },
    deletedRowCount: null,
  };
}

function replacePartitions(table: Snapshot, staged: readonly StagedFile[]): Replaced {
  const fields = partitionFields(table);
  const valuesOf = (partitionValues: PartitionValues): readonly (Scalar | null)[] => {
    const texts = partitionValuesOf({ partitionValues }, fields);
    return fields.map(({ name, type }) => parsePartitionValue(texts[name] ?? null, type));
  };
  const keyOf = (values: readonly (Scalar | null)[]): string =>
    JSON.stringify(
      fields.map(({ type }, index) => printPartitionValue(values[index] ?? null, type)),
    );
  const partitions = new Map(
    staged.map(({ add }) => {
      const values = valuesOf(add.partitionValues);
      return [keyOf(values), values] as const;
    }),
  );
  const conditions = Array.from(partitions.values(), (values) => isPartition(fields, values));
  const isReplaced = (values: PartitionValues): boolean => partitions.has(keyOf(valuesOf(values)));
  const removed = partitions.size === 0 ? [] : table.files({ partition: isReplaced });
  return whole([...removed], anyOf(conditions) ?? NEVER);
}

const NEVER: Expression = {
  kind: 'literal',
  value: false,
  type: { kind: 'primitive', name: 'boolean' },
};

function isPartition(
  fields: readonly StructField[],
  values: readonly (Scalar | null)[],
): Expression {
  const conditions = fields.map(({ name, type }, index): Expression => ({
    kind: 'binary',
    operator: '<=>',
    left: { kind: 'column', path: [name] },
    right: { kind: 'literal', value: values[index] ?? null, type },
  }));
  return allOf(conditions) ?? NEVER;
}

/** By halves: what goes through a chain of thousands, one within the other, would come to the end of its stack. */
function anyOf(conditions: readonly Expression[]): Expression | null {
  const [first = null] = conditions;
  if (conditions.length < 2) return first;
  const middle = Math.ceil(conditions.length / 2);
  const [left, right] = [anyOf(conditions.slice(0, middle)), anyOf(conditions.slice(middle))];
  return left === null || right === null
    ? (left ?? right)
    : { kind: 'binary', operator: 'or', left, right };
}

async function replaceWhere(
  ctx: TableContext,
  table: Snapshot,
  predicate: Expression,
  options: ReplaceOptions,
): Promise<Replaced> {
  const candidates = filesThatMayMatch(table, predicate);
  const fields = partitionFields(table);
  const isWhole = (add: AddFile): boolean => {
    const facts = { schema: table.schema, partitionValues: partitionValuesOf(add, fields) };
    return evaluatePredicate(predicate, facts) === 'true';
  };
  const files = candidates.filter(isWhole);
  const doubtful = candidates.filter((add) => !isWhole(add));
  const reads: ReadSet = {
    kind: 'rows',
    predicate,
    paths: new Set(candidates.map(({ path }) => path)),
  };
  if (doubtful.length === 0) return { ...whole(files, predicate), reads };
  const { deletedRowCount, ...without } = await withoutRows(ctx, table, options, {
    whole: files,
    files: doubtful,
    columns: columnsRead(predicate, table.schema),
    condition: translateCondition(predicate, scopeOf(table.schema, ROWS)),
  });
  return { ...without, reads, deletedRowCount: files.length === 0 ? deletedRowCount : null };
}

async function replaceKeys(
  ctx: TableContext,
  table: Snapshot,
  columns: readonly StructField[],
  options: ReplaceOptions,
): Promise<Replaced> {
  if (options.staged.length === 0) return whole([], NEVER);
  const engine = await options.session.open();
  const name = identifier(`keys-${ctx.random.uuid()}`);
  const stage = await LocalStage.open();
  try {
    const incoming = await relationOf(ctx, stage, table, {
      files: options.staged.map(({ add }) => add),
      columns: { ...table.schema, fields: columns },
    });
    const list = columns.map((field, index) => `${identifier(field.name)} AS k${String(index)}`);
    await engine.run(
      `CREATE TABLE ${name} AS SELECT DISTINCT ${list.join(', ')} FROM (${incoming})`,
    );
    const predicate = allOf(columns.map((field) => spanOf(field, options.staged, table)).flat());
    const files = filesThatMayMatch(table, predicate);
    const same = columns.map(
      (field, index) => `k.k${String(index)} = ${identifier(ROWS)}.${identifier(field.name)}`,
    );
    const without = await withoutRows(ctx, table, options, {
      whole: [],
      files,
      columns: { ...table.schema, fields: columns },
      condition: `EXISTS (SELECT 1 FROM ${name} AS k WHERE ${same.join(' AND ')})`,
    });
    const paths = new Set(files.map(({ path }) => path));
    return { ...without, reads: { kind: 'rows', predicate, paths } };
  } finally {
    await stage.close();
    await engine.run(`DROP TABLE IF EXISTS ${name}`);
  }
}

/** Each is held against each file of the table. */
const SPANS_MAX = 100;
const NO_BOUNDS = { min: null, max: null };

/** That the column lies between the bounds of what comes in, where its files tell both. */
function spanOf(
  field: StructField,
  staged: readonly StagedFile[],
  table: Snapshot,
): readonly Expression[] {
  const columns: StructType = { ...table.schema, fields: [field] };
  const adds = staged.map(({ add }) => add);
  const found = liveFiles(table, { where: null, statistics: columns, files: adds });
  const spans: Bounds[] = [];
  for (const { partition, statistics } of found) {
    const value = partition.get(field.name) ?? null;
    const bounds = statistics?.columns.get(field.name) ?? null;
    const { min, max } = value === null ? (bounds ?? NO_BOUNDS) : { min: value, max: value };
    if (min === null || max === null) return [];
    spans.push({ min, max });
  }
  const [first, ...others] = spans;
  const few =
    first === undefined || spans.length <= SPANS_MAX ? spans : [others.reduce(widened, first)];
  const any = anyOf(few.map((span) => between(field, span)));
  return any === null ? [] : [any];
}

/** The alias of a file's rows. */
const ROWS = 'r';

interface Leaving {
  /** Files of which all rows go. */
  readonly whole: readonly AddFile[];
  readonly files: readonly AddFile[];
  /** What the condition reads. */
  readonly columns: StructType;
  /** In the engine's SQL: rows for which it is true go. */
  readonly condition: string;
}

/** Files with a row that goes, and one in the place of each that has others: rows keep their order. */
async function withoutRows(
  ctx: TableContext,
  table: Snapshot,
  { session, staged, codec, signal }: ReplaceOptions,
  { whole: wholeFiles, files, columns, condition }: Leaving,
): Promise<Omit<Replaced, 'reads' | 'deletedRowCount'> & { readonly deletedRowCount: number }> {
  const engine = await session.open();
  const target = moveTarget(table, codec);
  const { rowIds = null } = target;
  const writer = { ctx, session: engine, target, signal };
  const fields = partitionFields(table);
  const statement = signal === undefined ? {} : { signal };
  const rewritten: AddFile[] = [];
  let deletedRowCount = 0;
  const stage = await LocalStage.open();
  try {
    const kept = await stageAll(ctx, files, ENGINE_STATEMENTS_MAX, async (add) => {
      signal?.throwIfAborted();
      const judged = await relationOf(ctx, stage, table, { files: [add], columns });
      const count = `SELECT count(*) FROM (${judged}) AS ${ROWS} WHERE ${condition}`;
      let leaving = 0;
      for await (const chunk of engine.stream(count, statement)) {
        leaving += Number(chunk.columns[0]?.[0] ?? 0);
      }
      if (leaving === 0) return [];
      deletedRowCount += leaving;
      rewritten.push(add);
      const all = { files: [add], columns: table.schema, rowIds };
      const rows = await relationOf(ctx, stage, table, all);
      const select = `SELECT * FROM (${rows}) AS ${ROWS} WHERE NOT coalesce(${condition}, FALSE)`;
      return stageInto(writer, partitionValuesOf(add, fields), select);
    });
    const removed = [...wholeFiles, ...rewritten];
    const changes =
      kept.length > 0 && recordsChanges(table.metadata)
        ? await tellChanges(writer, table, { removed, condition, staged, kept })
        : [];
    return { removed, kept, changes, deletedRowCount };
  } finally {
    await stage.close();
  }
}

interface Told extends Pick<Leaving, 'condition'>, Pick<ReplaceOptions, 'staged'> {
  readonly removed: readonly AddFile[];
  /** Taken back where the changes cannot be written. */
  readonly kept: readonly StagedFile[];
}

/** Of what one statement tells the changes, in bytes. */
const CHANGES_BYTES_MAX = 128 * 1024 * 1024;

/** Files of all rows that go and come. PROTOCOL.md, "Change Data Files". */
async function tellChanges(
  writer: SelectWriter,
  table: Snapshot,
  { removed, condition, staged, kept }: Told,
): Promise<readonly StagedFile[]> {
  const { ctx } = writer;
  const told = [
    ...removed.map((add) => ({ add, type: 'delete', where: condition }) as const),
    ...staged.map(({ add }) => ({ add, type: 'insert', where: 'TRUE' }) as const),
  ];
  const limits = { sizeMax: CHANGES_BYTES_MAX, countMin: 1 };
  const runs = runsBySize(told, { ...limits, sizeOf: ({ add }) => add.size });
  const stage = await LocalStage.open();
  try {
    return await stageAll(ctx, runs, ENGINE_STATEMENTS_MAX, async (run) => {
      const selects = await inParallel(run, STORE_REQUESTS_MAX, async ({ add, type, where }) => {
        const rows = await relationOf(ctx, stage, table, { files: [add], columns: table.schema });
        const change = `'${type}' AS ${identifier(CHANGE_TYPE.name)}`;
        return `SELECT *, ${change} FROM (${rows}) AS ${ROWS} WHERE ${where}`;
      });
      return stageChanges(writer, selects.join(' UNION ALL '));
    });
  } catch (error) {
    await discardFiles(ctx, kept);
    throw error;
  } finally {
    await stage.close();
  }
}

async function relationOf(
  ctx: TableContext,
  stage: LocalStage,
  table: Snapshot,
  what: TableRelationOptions,
): Promise<string> {
  const relations = await tableRelations(ctx, stage, table, what);
  return relationSql(relations, {
    schema: what.columns,
    partitionColumns: table.partitionColumns,
    mapping: mappingOf(table),
    rowIds: what.rowIds ?? null,
  });
}
