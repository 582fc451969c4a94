/**
 * UPDATE and DELETE: rows of the table that a condition selects get new values, or go, as one commit. Files without such
 * a row stay as they are. What loses its race is computed again on what won.
 */

import { assert, backoffMs, unreachable } from '../../base/index.ts';
import {
  type Action,
  type AddFile,
  appendOnly,
  checkWritable,
  isAppendOnly,
} from '../../log/index.ts';
import type { Codec } from '../../parquet/index.ts';
import { type Expression, printExpression, resolveColumns } from '../../schema/index.ts';
import { commitTransaction } from '../commit.ts';
import { refreshSnapshot } from '../open.ts';
import type { CommitOutcome, Snapshot, TableContext } from '../types.ts';
import {
  commitOptions,
  isApplied,
  removalOf,
  totalOf,
  type WriteOptions,
} from './append-commit.ts';
import { changeAction } from './change-files.ts';
import { writeConflict } from './errors.ts';
import { asExpression } from './files.ts';
import { LazySession } from './input-session.ts';
import { modeOf, type RowChangeMode } from './row-change-mode.ts';
import { changeMetrics } from './row-metrics.ts';
import { type FileRows, findRows } from './row-matches.ts';
import {
  discardRows,
  fateOf,
  type FileFate,
  type RowWrite,
  type WrittenRows,
  writeRows,
} from './row-writes.ts';
import { checkRules, rulesOf, type TableRule } from './table-rules.ts';

export interface RowChangeOptions extends WriteOptions {
  /** Spark's SQL. Only rows for which it is true; where it is null they stay. Default: all rows. */
  readonly where?: string | Expression;
  /**
   * Default: `deletion-vectors` where the table has `delta.enableDeletionVectors` and no symlink manifest, whose readers know
   * no vectors; else `copy-on-write`.
   */
  readonly mode?: RowChangeMode;
  /** Only says what would be done; rows are looked for all the same. Default false. */
  readonly dryRun?: boolean;
  /** Of files written. Default: the table's, or snappy. */
  readonly codec?: Codec;
}

/** What becomes of a file. A type alias, so that it counts as JSON where it is printed. */
export type FileChange = {
  /** As it stands in the log. */
  readonly path: string;
  /** `remove`: it leaves the table; `rewrite`: another file takes its place; `vector`: it stays, and a vector hides rows. */
  readonly fate: FileFate;
  /** Rows of it that change. */
  readonly rowCount: number;
};

export interface RowChangeResult {
  /** `applied`: the table had this `txn` already; `unchanged`: no row was selected; `planned`: a dry run. */
  readonly kind: 'committed' | 'applied' | 'unchanged' | 'planned';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** As in `CommitOutcome`: the commit stands. */
  readonly postCommitErrors: readonly Error[];
  readonly mode: RowChangeMode;
  /** Rows that were updated or deleted, or would be. */
  readonly rowCount: number;
  readonly files: readonly FileChange[];
  /** 0 for a dry run, which cannot know. */
  readonly filesAdded: number;
  /** Files of changed rows. */
  readonly changeFilesAdded: number;
}

/** One of the two, as it is asked for. */
export interface RowChange {
  readonly operation: 'DELETE' | 'UPDATE';
  readonly options: RowChangeOptions;
  /** New values by column, in the engine's SQL over `rowScope`; null where rows go. The schema is that of the try. */
  readonly values: (snapshot: Snapshot, nowMs: number) => ReadonlyMap<string, string> | null;
}

/** Each lost try means that another writer's commit went through. */
const TRIES_MAX = 1_000;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/**
 * Changes all rows that are selected, or none. Errors: `FEATURE_UNSUPPORTED`, `APPEND_ONLY`, `NULL_NOT_ALLOWED`, `RULE_VIOLATED`, `ENGINE_VALUE`
 * (data), `RULE_UNSUPPORTED`, `EXPRESSION_…` (invalid), `WRITE_CONFLICT` after very many lost races, those of `commitTransaction` and the stores.
 */
export async function changeRows(
  ctx: TableContext,
  start: Snapshot,
  change: RowChange,
): Promise<RowChangeResult> {
  const { txn, signal, mode } = change.options;
  const session = new LazySession(ctx);
  let snapshot = start;
  let lost: Lost | null = null;
  try {
    for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
      signal?.throwIfAborted();
      const result = await tryChange(ctx, snapshot, { ...change, session });
      if (result.kind !== 'conflict') return result;
      lost = result;
      await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt), signal);
      snapshot = await refreshSnapshot(ctx, snapshot);
      if (isApplied(snapshot, txn)) break;
    }
  } finally {
    await session.close();
  }
  if (isApplied(snapshot, txn)) {
    return nothing('applied', snapshot, modeOf(snapshot, change.operation, mode));
  }
  throw writeConflict(lost?.code ?? '', lost?.reason ?? '', lost?.error);
}

type Lost = Extract<CommitOutcome, { kind: 'conflict' }>;

async function tryChange(
  ctx: TableContext,
  snapshot: Snapshot,
  change: RowChange & { readonly session: LazySession },
): Promise<RowChangeResult | Lost> {
  const { options, operation, session } = change;
  const mode = modeOf(snapshot, operation, options.mode);
  if (isApplied(snapshot, options.txn)) return nothing('applied', snapshot, mode);
  const scope = operation === 'DELETE' ? 'delete' : 'update';
  checkWritable(snapshot.protocol, snapshot.metadata, scope);
  if (isAppendOnly(snapshot.metadata)) throw appendOnly();
  const nowMs = ctx.clock.now();
  const condition = asExpression(options.where, nowMs);
  const where = condition === null ? null : resolveColumns(condition, snapshot.schema);
  const values = change.values(snapshot, nowMs);
  const { signal, codec } = options;
  const step = { ctx, snapshot, session: () => session.open(), where, signal };
  const found = await findRows(step);
  const write: RowWrite = { ...step, mode, values, codec };
  if (options.dryRun === true) return { ...summary(write, found.files), kind: 'planned' };
  if (found.files.length === 0 && options.txn === undefined) {
    return nothing('unchanged', snapshot, mode);
  }
  const rules = rulesThatMatter(write);
  const written = await writeRows(write, found.files);
  await checkWritten(write, written, rules);
  const outcome = await commitTransaction(ctx, snapshot, {
    ...commitOptions(options),
    operation,
    operationParameters: {
      predicate: JSON.stringify(where === null ? [] : [printExpression(where)]),
    },
    operationMetrics: changeMetrics(write, found.files, written),
    actions: actionsOf(write, found.files, written),
    reads: {
      kind: 'rows',
      predicate: where,
      paths: new Set(found.candidates.map(({ path }) => path)),
    },
    keepsRowIds: true,
    scope,
  });
  if (outcome.kind !== 'committed') await discardRows(ctx, written);
  switch (outcome.kind) {
    case 'committed':
      return {
        ...summary(write, found.files),
        ...outcome,
        filesAdded: written.files.length,
        changeFilesAdded: written.changes.length,
      };
    case 'applied':
      return nothing('applied', outcome.snapshot, mode);
    case 'conflict':
      return outcome;
    default:
      return unreachable(outcome);
  }
}

/** What the table asks of columns that get new values. Errors: `RULE_UNSUPPORTED`. */
function rulesThatMatter({ snapshot, values }: RowWrite): readonly TableRule[] {
  if (values === null) return [];
  return rulesOf(snapshot).filter(({ columns }) =>
    columns.fields.some(({ name }) => values.has(name)),
  );
}

async function checkWritten(
  { ctx, snapshot, signal }: RowWrite,
  written: WrittenRows,
  rules: readonly TableRule[],
): Promise<void> {
  try {
    const options = signal === undefined ? { rules } : { rules, signal };
    await checkRules(ctx, snapshot, written.files, options);
  } catch (error) {
    await discardRows(ctx, written);
    throw error;
  }
}

function actionsOf(
  { ctx, snapshot }: RowWrite,
  found: readonly FileRows[],
  { files, changes, vectors }: WrittenRows,
): readonly Action[] {
  const added = (add: AddFile): Action => ({ kind: 'add', add });
  return [
    ...found.map(({ add }) => removalOf(ctx, add, { dataChange: true })),
    ...vectors.map((add) => {
      assert(snapshot.file(add.path) !== null, 'a file with a vector is one of the table');
      return added(add);
    }),
    ...files.map(({ add }) => added(add)),
    ...changes.map(changeAction),
  ];
}

function summary(write: RowWrite, files: readonly FileRows[]): Omit<RowChangeResult, 'kind'> {
  return {
    snapshot: write.snapshot,
    postCommitErrors: [],
    mode: write.mode,
    rowCount: totalOf(files, ({ count }) => count),
    files: files.map((file) => ({
      path: file.add.path,
      fate: fateOf(write, file),
      rowCount: file.count,
    })),
    filesAdded: 0,
    changeFilesAdded: 0,
  };
}

function nothing(
  kind: 'applied' | 'unchanged',
  snapshot: Snapshot,
  mode: RowChangeMode,
): RowChangeResult {
  return {
    kind,
    snapshot,
    mode,
    postCommitErrors: [],
    rowCount: 0,
    files: [],
    filesAdded: 0,
    changeFilesAdded: 0,
  };
}
