/**
 * Overwrites: what comes in takes the place of the whole table, of the rows that a condition selects, of the partitions that
 * it has rows for, or of the rows that have its keys; one commit.
 */

import { unreachable } from '../../base/index.ts';
import { translateCondition, scopeOf } from '../../engine/index.ts';
import { type Action, appendOnly, checkWritable, isAppendOnly } from '../../log/index.ts';
import {
  columnsRead,
  type Expression,
  findField,
  printExpression,
  resolveColumns,
} from '../../schema/index.ts';
import { columnUnknown } from '../errors.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { AppendResult } from './append.ts';
import { commitOptions, commitStaged, isApplied, removalOf, totalOf } from './append-commit.ts';
import { discardFiles, type StagedFile } from './append-file.ts';
import {
  type AppendOptions,
  type AppendSource,
  isRepeatable,
  type StagedSource,
  stageSource,
} from './append-source.ts';
import { changeAction } from './change-files.ts';
import { writeConflict } from './errors.ts';
import { withEvolution } from './evolve.ts';
import { asExpression } from './files.ts';
import { LazySession } from './input-session.ts';
import { type Replaced, type Replacement, replaceRows } from './overwrite-replace.ts';
import { redefined } from './overwrite-schema.ts';
import { findViolation } from './row-rules.ts';
import { overwriteInvalid, replaceMismatch } from './rule-errors.ts';

/** At most one of `replaceWhere`, `partitionOverwriteMode` and `replaceUsing`; without them the whole table goes. */
export interface OverwriteOptions extends AppendOptions {
  /** Spark's SQL: only rows for which it is true are replaced, and all that come in must be such. */
  readonly replaceWhere?: string | Expression;
  /** `dynamic`: only partitions that rows come in for are replaced; of a table without partitions, all. Default `static`. */
  readonly partitionOverwriteMode?: 'static' | 'dynamic';
  /** Columns: rows that have the key of a row that comes in are replaced. A key with a null in it is like no other. */
  readonly replaceUsing?: readonly string[];
  /** The table takes the columns of the source, whatever it had; only where all of it is replaced. Default false. */
  readonly overwriteSchema?: boolean;
  /** With `overwriteSchema`: the partition columns. Default: those of the table that the source still has. */
  readonly partitionBy?: readonly string[];
}

export interface OverwriteResult extends AppendResult {
  readonly removedCount: number;
}

/**
 * Replaces with all of the source, or does nothing. Where another writer changed what is to be replaced, the source is taken
 * again on what that one left, unless it is rows that can be taken only once.
 * Errors: those of `append`; `APPEND_ONLY`, `OVERWRITE_INVALID`, `COLUMN_UNKNOWN`, those of parsing the condition (invalid),
 * `REPLACE_MISMATCH` (data) for a row that `replaceWhere` does not select.
 */
export async function overwrite(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: OverwriteOptions = {},
): Promise<OverwriteResult> {
  const work = (latest: Snapshot): Promise<OverwriteResult> =>
    overwriteIn(ctx, latest, source, options);
  if (!isRepeatable(source)) return work(snapshot);
  return withEvolution(ctx, snapshot, { ...options, conflicts: 'all' }, work);
}

async function overwriteIn(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: OverwriteOptions,
): Promise<OverwriteResult> {
  if (isApplied(snapshot, options.txn)) return result('applied', snapshot, [], null);
  checkWritable(snapshot.protocol, snapshot.metadata, 'checked');
  if (isAppendOnly(snapshot.metadata)) throw appendOnly();
  const replacement = replacementOf(snapshot, options);
  const session = new LazySession(ctx);
  try {
    const start =
      options.overwriteSchema === true
        ? await redefined(ctx, snapshot, source, options)
        : { table: snapshot, actions: [] };
    const staged = await stageSource(ctx, start.table, source, options);
    const replaced = await replacedBy(ctx, staged, replacement, { options, session });
    const files = [...staged.files, ...replaced.kept];
    const actions = withLatest(start.actions, staged.actions);
    if (isNothing(actions, files, replaced) && options.txn === undefined) {
      return result('unchanged', snapshot, [], null);
    }
    return await commit(ctx, snapshot, { options, replacement, actions, staged, replaced });
  } finally {
    await session.close();
  }
}

/** A commit describes the table once: what came later has in it what came before. */
function withLatest(before: readonly Action[], later: readonly Action[]): readonly Action[] {
  const isDescribed = later.some(({ kind }) => kind === 'metaData');
  return [...before.filter(({ kind }) => !isDescribed || kind !== 'metaData'), ...later];
}

function isNothing(
  actions: readonly Action[],
  files: readonly StagedFile[],
  { removed }: Replaced,
): boolean {
  return actions.length + files.length + removed.length === 0;
}

/** What is to be replaced, of the table as it is. */
function replacementOf(snapshot: Snapshot, options: OverwriteOptions): Replacement {
  const { replaceWhere, replaceUsing, partitionOverwriteMode = 'static', partitionBy } = options;
  const isDynamic = partitionOverwriteMode === 'dynamic';
  const ways = [replaceWhere !== undefined, replaceUsing !== undefined, isDynamic];
  if (ways.filter(Boolean).length > 1) {
    throw overwriteInvalid('replaceWhere, replaceUsing and dynamic partitions exclude each other');
  }
  if (options.overwriteSchema === true && ways.includes(true)) {
    throw overwriteInvalid(
      'overwriteSchema replaces the whole table, and part of it was asked for',
    );
  }
  if (partitionBy !== undefined && options.overwriteSchema !== true) {
    throw overwriteInvalid('partitionBy changes the partitioning, which overwriteSchema is for');
  }
  const where = asExpression(replaceWhere);
  if (where !== null) {
    const predicate = resolveColumns(where, snapshot.schema);
    translateCondition(predicate, scopeOf(snapshot.schema));
    return { kind: 'where', predicate };
  }
  if (replaceUsing !== undefined) return keysOf(snapshot, replaceUsing);
  return isDynamic && snapshot.partitionColumns.length > 0
    ? { kind: 'partitions' }
    : { kind: 'all' };
}

function keysOf({ schema }: Snapshot, names: readonly string[]): Replacement {
  if (names.length === 0) throw overwriteInvalid('replaceUsing names no column');
  const columns = names.map((name) => {
    const field = findField(schema, name);
    if (field !== null) return field;
    throw columnUnknown(
      name,
      schema.fields.map((candidate) => candidate.name),
    );
  });
  return { kind: 'keys', columns: [...new Set(columns)] };
}

async function replacedBy(
  ctx: TableContext,
  { table, files }: StagedSource,
  replacement: Replacement,
  { options, session }: { readonly options: OverwriteOptions; readonly session: LazySession },
): Promise<Replaced> {
  const { codec, signal } = options;
  try {
    if (replacement.kind === 'where') {
      await checkMatches(ctx, table, replacement.predicate, { files, session, signal });
    }
    return await replaceRows(ctx, table, replacement, { staged: files, session, codec, signal });
  } catch (error) {
    await discardFiles(ctx, files);
    throw error;
  }
}

interface Incoming {
  readonly files: readonly StagedFile[];
  readonly session: LazySession;
  readonly signal: AbortSignal | undefined;
}

/** Else rows would stand beside those of their kind that were there, and nobody could tell them apart. */
async function checkMatches(
  ctx: TableContext,
  table: Snapshot,
  predicate: Expression,
  { files, ...options }: Incoming,
): Promise<void> {
  const rule = {
    sql: translateCondition(predicate, scopeOf(table.schema)),
    expression: predicate,
    columns: columnsRead(predicate, table.schema),
  };
  const adds = files.map(({ add }) => add);
  const found = await findViolation(ctx, table, { files: adds, rules: [rule] }, options);
  if (found !== null) throw replaceMismatch(printExpression(predicate), found.row);
}

interface Writing {
  readonly options: OverwriteOptions;
  readonly replacement: Replacement;
  readonly actions: readonly Action[];
  readonly staged: StagedSource;
  readonly replaced: Replaced;
}

async function commit(
  ctx: TableContext,
  snapshot: Snapshot,
  { options, replacement, actions, staged, replaced }: Writing,
): Promise<OverwriteResult> {
  const { removed, kept, changes, reads } = replaced;
  const files = [...staged.files, ...kept];
  const outcome = await commitStaged(
    ctx,
    snapshot,
    {
      ...commitOptions(options),
      operation: 'WRITE',
      operationParameters: parametersOf(staged.table, replacement),
      operationMetrics: metricsOf(staged.files, replaced),
      actions: [
        ...actions,
        ...removed.map((add) => removalOf(ctx, add, { dataChange: true })),
        ...files.map(({ add }) => ({ kind: 'add', add }) as const),
        ...changes.map(changeAction),
      ],
      reads,
      keepsRowIds: true,
      scope: 'checked',
    },
    [...files, ...changes],
  );
  switch (outcome.kind) {
    case 'committed': {
      const { postCommitErrors } = outcome;
      return { ...result('committed', outcome.snapshot, staged.files, replaced), postCommitErrors };
    }
    case 'applied':
      return result('applied', outcome.snapshot, [], null);
    case 'conflict':
      throw writeConflict(outcome.code, outcome.reason, outcome.error);
    default:
      return unreachable(outcome);
  }
}

/** As Spark writes them. */
function parametersOf(table: Snapshot, replacement: Replacement): Record<string, string> {
  return {
    mode: 'Overwrite',
    partitionBy: JSON.stringify(table.partitionColumns),
    ...(replacement.kind === 'where' ? { predicate: printExpression(replacement.predicate) } : {}),
    ...(replacement.kind === 'partitions' ? { isDynamicPartitionOverwrite: 'true' } : {}),
    ...(replacement.kind === 'keys'
      ? { replaceUsing: JSON.stringify(replacement.columns.map(({ name }) => name)) }
      : {}),
  };
}

/** As Spark names them. */
function metricsOf(
  incoming: readonly StagedFile[],
  { removed, kept, deletedRowCount }: Replaced,
): Record<string, string> {
  const written = [...incoming, ...kept];
  const rowCount = totalOf(written, (file) => file.rowCount);
  return {
    numFiles: String(written.length),
    numOutputRows: String(rowCount),
    numOutputBytes: String(totalOf(written, ({ add }) => add.size)),
    numRemovedFiles: String(removed.length),
    numRemovedBytes: String(totalOf(removed, ({ size }) => size)),
    ...(deletedRowCount === null
      ? {}
      : {
          numDeletedRows: String(deletedRowCount),
          numCopiedRows: String(totalOf(kept, (file) => file.rowCount)),
        }),
  };
}

function result(
  kind: OverwriteResult['kind'],
  snapshot: Snapshot,
  files: readonly StagedFile[],
  replaced: Replaced | null,
): OverwriteResult {
  return {
    kind,
    snapshot,
    postCommitErrors: [],
    fileCount: files.length + (replaced?.kept.length ?? 0),
    rowCount: totalOf(files, (file) => file.rowCount),
    sizeBytes: totalOf([...files, ...(replaced?.kept ?? [])], ({ add }) => add.size),
    removedCount: replaced?.removed.length ?? 0,
  };
}
