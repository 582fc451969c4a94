/**
 * MERGE by copy-on-write: rows of the table that match a row of the source are updated or deleted, source rows that
 * match none are inserted, as one commit. Only files with a row that really changes are written again, in the order of
 * their rows. A merge that loses its race is computed again on what won.
 */

import { backoffMs, unreachable } from '../../base/index.ts';
import {
  type Action,
  appendOnly,
  checkKeepsRowIds,
  checkWritable,
  isAppendOnly,
} from '../../log/index.ts';
import { openOrderedSession, type Session } from '../../engine/index.ts';
import { commitTransaction } from '../commit.ts';
import { refreshSnapshot } from '../open.ts';
import type { CommitOutcome, Snapshot, TableContext } from '../types.ts';
import { commitOptions, isApplied, removalOf, totalOf } from './append-commit.ts';
import { discardFiles, fileTarget, type StagedFile } from './append-file.ts';
import { stageSelect } from './append-select.ts';
import { ENGINE_STATEMENTS_MAX, stageAll } from './append-stage.ts';
import { writeConflict } from './errors.ts';
import { evolvedTable } from './evolve.ts';
import { LocalStage } from './input-stage.ts';
import { findCandidates, findMatches, type MergeTry } from './merge-match.ts';
import { incomingColumns, planMerge } from './merge-plan.ts';
import {
  insertedRows,
  movedRows,
  rewriteFiles,
  type TouchedFile,
  withRealChanges,
} from './merge-rewrite.ts';
import { type LoadedSource, loadSource } from './merge-source.ts';
import type { MergeResult, MergeSpec } from './merge-types.ts';

const FILE_SIZE_BYTES = 128 * 1024 * 1024;
/** Each lost try means that another writer's commit went through. */
const TRIES_MAX = 1_000;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/**
 * Merges all of the source, or nothing. Where nothing changes there is no commit, unless there is a `txn` to remember.
 * Errors: `FEATURE_UNSUPPORTED`, `APPEND_ONLY`, `MERGE_AMBIGUOUS`, `NULL_NOT_ALLOWED`, `ENGINE_VALUE` (data: a value that does
 * not fit its column), `EVOLUTION_REFUSED`, `MERGE_CLAUSE`, `MERGE_COLUMN`, `EXPRESSION_…` (invalid), `WRITE_CONFLICT` after very many lost
 * races, those of loading the source and of `commitTransaction`.
 */
export async function merge(
  ctx: TableContext,
  snapshot: Snapshot,
  spec: MergeSpec,
): Promise<MergeResult> {
  if (isApplied(snapshot, spec.txn)) return { ...NOTHING, kind: 'applied', snapshot };
  checkWritable(snapshot.protocol, snapshot.metadata);
  const changesRows = (spec.whenMatched ?? []).length > 0;
  if (changesRows && isAppendOnly(snapshot.metadata)) throw appendOnly();
  if (changesRows) checkKeepsRowIds(snapshot, 'MERGE');
  const session = await openOrderedSession(await ctx.engine());
  const stage = await LocalStage.open();
  try {
    const loading = { session, stage, tableSchema: snapshot.schema };
    const source = await loadSource(ctx, spec.source, loading);
    return await mergeUntilCommitted(ctx, snapshot, { spec, session, source });
  } finally {
    await session.close();
    await stage.close();
  }
}

interface Merging {
  readonly spec: MergeSpec;
  readonly session: Session;
  readonly source: LoadedSource;
}

async function mergeUntilCommitted(
  ctx: TableContext,
  start: Snapshot,
  merging: Merging,
): Promise<MergeResult> {
  let snapshot = start;
  let lost: Lost | null = null;
  for (let attempt = 1; attempt <= TRIES_MAX; attempt += 1) {
    merging.spec.signal?.throwIfAborted();
    const stage = await LocalStage.open();
    try {
      const result = await tryMerge(ctx, snapshot, { ...merging, stage });
      if (result.kind !== 'conflict') return result;
      lost = result;
    } finally {
      await stage.close();
    }
    await ctx.clock.sleep(backoffMs(ctx.random, BACKOFF, attempt), merging.spec.signal);
    snapshot = await refreshSnapshot(ctx, snapshot);
    if (isApplied(snapshot, merging.spec.txn)) return { ...NOTHING, kind: 'applied', snapshot };
  }
  throw writeConflict(lost?.code ?? '', lost?.reason ?? '', lost?.error);
}

type Lost = Extract<CommitOutcome, { kind: 'conflict' }>;

async function tryMerge(
  ctx: TableContext,
  snapshot: Snapshot,
  { spec, session, source, stage }: Merging & { readonly stage: LocalStage },
): Promise<MergeResult | Lost> {
  const incoming = incomingColumns(source.schema, spec);
  const { table, actions } = evolvedTable(ctx, snapshot, [incoming], spec);
  const plan = planMerge({ schema: table.schema, source: source.schema, spec });
  const { signal } = spec;
  const step: MergeTry = { ctx, session, stage, snapshot: table, plan, signal };
  const candidates = await findCandidates(step);
  const matched = await findMatches(step, candidates.files);
  const touched = await withRealChanges(
    step,
    candidates.files.flatMap((candidate, number) => {
      const changes = matched.get(number);
      return changes === undefined ? [] : [{ ...changes, candidate, number }];
    }),
  );
  const written = await writeChanges(step, { spec, source, touched });
  const counts = countsOf(source, touched, written);
  if (touched.length + written.files.length === 0 && spec.txn === undefined) {
    return { ...NOTHING, ...counts, kind: 'unchanged', snapshot };
  }
  const fileActions = actionsOf(ctx, touched, written);
  const outcome = await commitTransaction(ctx, snapshot, {
    ...commitOptions(spec),
    operation: 'MERGE',
    operationParameters: parametersOf(spec),
    operationMetrics: metricsOf(counts),
    actions: written.files.length === 0 ? fileActions : [...actions, ...fileActions],
    reads: {
      kind: 'rows',
      predicate: candidates.predicate,
      paths: new Set(candidates.files.map(({ add }) => add.path)),
    },
  });
  if (outcome.kind !== 'committed') await discardFiles(ctx, written.files);
  switch (outcome.kind) {
    case 'committed':
      return { ...counts, ...outcome };
    case 'applied':
      return { ...NOTHING, kind: 'applied', snapshot: outcome.snapshot };
    case 'conflict':
      return outcome;
    default:
      return unreachable(outcome);
  }
}

interface Written {
  readonly files: readonly StagedFile[];
  readonly insertedCount: number;
}

async function writeChanges(
  step: MergeTry,
  { spec, source, touched }: Pick<Merging, 'spec' | 'source'> & { touched: readonly TouchedFile[] },
): Promise<Written> {
  const { ctx, session, signal } = step;
  const { codec, targetFileSizeBytes = FILE_SIZE_BYTES } = spec;
  const target = fileTarget(step.snapshot, codec);
  const writer = { ctx, session, target, signal };
  const rewritten = await rewriteFiles(step, writer, { files: touched, targetFileSizeBytes });
  try {
    const moved = await movedRows(step, target, touched);
    const fileCount = Math.max(1, Math.ceil(source.sizeBytes / targetFileSizeBytes));
    const rowsPerFile = Math.ceil(source.rowCount / fileCount);
    let insertedCount = 0;
    const selects = [
      ...(moved === null ? [] : [{ select: moved, inserts: false }]),
      ...insertedRows(step, source.rowCount, rowsPerFile).map((select) => ({
        select,
        inserts: true,
      })),
    ];
    const others = await stageAll(ctx, selects, ENGINE_STATEMENTS_MAX, async (rows) => {
      const files = await stageSelect(writer, rows.select);
      if (rows.inserts) insertedCount += totalOf(files, ({ rowCount }) => rowCount);
      return files;
    });
    return { files: [...rewritten, ...others], insertedCount };
  } catch (error) {
    await discardFiles(ctx, rewritten);
    throw error;
  }
}

type Counts = Omit<MergeResult, 'kind' | 'snapshot' | 'postCommitErrors'>;

const NOTHING = {
  postCommitErrors: [],
  sourceRowCount: 0,
  insertedCount: 0,
  updatedCount: 0,
  deletedCount: 0,
  filesAdded: 0,
  filesRemoved: 0,
  sizeBytes: 0,
} as const;

function countsOf(
  source: LoadedSource,
  touched: readonly TouchedFile[],
  { files, insertedCount }: Written,
): Counts {
  return {
    sourceRowCount: source.rowCount,
    insertedCount,
    updatedCount: totalOf(touched, ({ updatedCount }) => updatedCount),
    deletedCount: totalOf(touched, ({ deletedCount }) => deletedCount),
    filesAdded: files.length,
    filesRemoved: touched.length,
    sizeBytes: totalOf(files, ({ add }) => add.size),
  };
}

function actionsOf(
  ctx: TableContext,
  touched: readonly TouchedFile[],
  { files }: Written,
): readonly Action[] {
  return [
    ...touched.map(({ candidate }) => removalOf(ctx, candidate.add, { dataChange: true })),
    ...files.map(({ add }) => ({ kind: 'add', add }) as const),
  ];
}

/** As Spark writes them. */
function parametersOf({
  on,
  whenMatched = [],
  whenNotMatched = [],
}: MergeSpec): Record<string, string> {
  const clause = (actionType: string, predicate: string | undefined): object => ({
    actionType,
    ...(predicate === undefined ? {} : { predicate }),
  });
  return {
    predicate: JSON.stringify([on]),
    matchedPredicates: JSON.stringify(
      whenMatched.map((it) => clause('delete' in it ? 'delete' : 'update', it.condition)),
    ),
    notMatchedPredicates: JSON.stringify(
      whenNotMatched.map((it) => clause('insert', it.condition)),
    ),
    notMatchedBySourcePredicates: '[]',
  };
}

/** As Spark names them. */
function metricsOf(counts: Counts): Readonly<Record<string, string>> {
  return {
    numSourceRows: String(counts.sourceRowCount),
    numTargetRowsInserted: String(counts.insertedCount),
    numTargetRowsUpdated: String(counts.updatedCount),
    numTargetRowsDeleted: String(counts.deletedCount),
    numTargetFilesAdded: String(counts.filesAdded),
    numTargetFilesRemoved: String(counts.filesRemoved),
    numTargetBytesAdded: String(counts.sizeBytes),
  };
}
