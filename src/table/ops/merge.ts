/**
 * MERGE: rows of the table are updated or deleted by what matches them in the source, or because nothing does, and source
 * rows that match none are inserted, as one commit. Only files with a row that really changes are written again, in the
 * order of their rows, or get a vector that hides what changed. A merge that loses its race is computed again on what won.
 */

import { backoffMs, unreachable } from '../../base/index.ts';
import { type Action, appendOnly, checkWritable, isAppendOnly } from '../../log/index.ts';
import { openOrderedSession, type Session } from '../../engine/index.ts';
import { unusedName } from '../../schema/index.ts';
import { commitTransaction, staleStep } from '../commit.ts';
import { refreshSnapshot } from '../open.ts';
import { parseSizeBytes } from '../properties.ts';
import type { CommitOutcome, Snapshot, TableContext } from '../types.ts';
import { commitOptions, isApplied, removalOf } from './append-commit.ts';
import { changeAction } from './change-files.ts';
import { advanced } from './column-fills.ts';
import { mergeMemory, writeConflict } from './errors.ts';
import { evolvedTable } from './evolve.ts';
import { LocalStage } from './input-stage.ts';
import {
  type Candidate,
  type Candidates,
  findCandidates,
  type MergeTry,
} from './merge-candidates.ts';
import { findMatches, type MatchedFile } from './merge-match.ts';
import { planMerge } from './merge-plan.ts';
import { countsOf, explained, metricsOf, parametersOf } from './merge-report.ts';
import { type TouchedFile, withRealChanges } from './merge-rewrite.ts';
import { incomingColumns } from './merge-scope.ts';
import { type LoadedSource, loadSource } from './merge-source.ts';
import type { MergeExplanation, MergeResult, MergeSpec } from './merge-types.ts';
import { type WrittenMerge, writeMerge } from './merge-write.ts';
import { modeOf } from './row-change-mode.ts';
import { discardRows } from './row-writes.ts';
import { checkRules, rulesOf } from './table-rules.ts';

/** Each lost try means that another writer's commit went through. */
const TRIES_MAX = 1_000;
const BACKOFF = { delayMsMin: 5, delayMsMax: 500 } as const;

/**
 * Merges all of the source, or nothing. Where nothing changes there is no commit, unless there is a `txn` or a step to remember.
 * Errors: `FEATURE_UNSUPPORTED`, `APPEND_ONLY`, `MERGE_AMBIGUOUS`, `NULL_NOT_ALLOWED`, `ENGINE_VALUE` (data: a value that does
 * not fit its column), `EVOLUTION_REFUSED`, `MERGE_CLAUSE`, `MERGE_COLUMN`, `EXPRESSION_…` (invalid), `WRITE_CONFLICT` after very many lost
 * races, those of loading the source and of `commitTransaction`.
 */
export async function merge(
  ctx: TableContext,
  snapshot: Snapshot,
  spec: MergeSpec,
): Promise<MergeResult> {
  const settled = settledResult(snapshot, spec);
  if (settled !== null) return settled;
  return withSource(ctx, snapshot, spec, (merging) => mergeUntilCommitted(ctx, snapshot, merging));
}

/** What `merge` would do to the files of the table; nothing is written. Errors: as for `merge`, but for those of writing. */
export async function explainMerge(
  ctx: TableContext,
  snapshot: Snapshot,
  spec: MergeSpec,
): Promise<MergeExplanation> {
  return withSource(ctx, snapshot, spec, async (merging) => {
    const stage = await LocalStage.open();
    try {
      const { step } = stepOf(ctx, snapshot, { ...merging, stage });
      const { candidates, touched } = await findChanges(step);
      return explained(step, candidates.files, touched);
    } finally {
      await stage.close();
    }
  });
}

/** Refuses what the table does not allow, and has the source loaded for as long as `work` runs. */
async function withSource<T>(
  ctx: TableContext,
  snapshot: Snapshot,
  spec: MergeSpec,
  work: (merging: Merging) => Promise<T>,
): Promise<T> {
  checkWritable(snapshot.protocol, snapshot.metadata, 'checked');
  const { whenMatched = [], whenNotMatchedBySource = [] } = spec;
  const changesRows = whenMatched.length + whenNotMatchedBySource.length > 0;
  if (changesRows && isAppendOnly(snapshot.metadata)) throw appendOnly();
  const session = await openOrderedSession(await ctx.engine(), memoryOf(spec));
  const stage = await LocalStage.open();
  try {
    const loading = { session, stage, tableSchema: snapshot.schema };
    const source = await loadSource(ctx, spec.source, loading);
    return await work({ spec, session, source });
  } finally {
    await session.close();
    await stage.close();
  }
}

function memoryOf({ maxMemory }: MergeSpec): { readonly memoryLimitBytes?: number } {
  if (maxMemory === undefined) return {};
  const bytes = typeof maxMemory === 'number' ? maxMemory : parseSizeBytes(maxMemory);
  if (bytes === null || !(bytes > 0)) throw mergeMemory(String(maxMemory));
  return { memoryLimitBytes: bytes };
}

interface Merging {
  readonly spec: MergeSpec;
  readonly session: Session;
  readonly source: LoadedSource;
}

interface Trying extends Merging {
  readonly stage: LocalStage;
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
    const settled = settledResult(snapshot, merging.spec);
    if (settled !== null) return settled;
  }
  throw writeConflict(lost?.code ?? '', lost?.reason ?? '', lost?.error);
}

/** What the progress that the table holds says of the merge: null where it may go in. */
function settledResult(snapshot: Snapshot, { txn, steps = [] }: MergeSpec): MergeResult | null {
  if (isApplied(snapshot, txn)) return { ...NOTHING, kind: 'applied', snapshot };
  return staleStep(snapshot, steps) === null ? null : { ...NOTHING, kind: 'stale', snapshot };
}

async function checkWritten(
  { ctx, snapshot }: MergeTry,
  written: WrittenMerge,
  options: Parameters<typeof checkRules>[3],
): Promise<void> {
  try {
    await checkRules(ctx, snapshot, written.files, options);
  } catch (error) {
    await discardRows(ctx, written);
    throw error;
  }
}

type Lost = Extract<CommitOutcome, { kind: 'conflict' }>;

interface Step {
  readonly step: MergeTry;
  /** Of the columns that come with the rows. */
  readonly actions: readonly Action[];
}

function stepOf(ctx: TableContext, snapshot: Snapshot, trying: Trying): Step {
  const { spec, session, source, stage } = trying;
  const incoming = incomingColumns(source.schema, spec);
  const { table, actions } = evolvedTable(ctx, snapshot, [incoming], spec);
  const nowMs = ctx.clock.now();
  const plan = planMerge({ schema: table.schema, source: source.schema, spec, nowMs });
  const step = {
    ctx,
    session,
    stage,
    snapshot: table,
    plan,
    mode: modeOf(snapshot, 'MERGE', spec.mode),
    fileNumber: unusedName(table.schema, 'file number'),
    rowNumber: unusedName(table.schema, 'row number'),
    signal: spec.signal,
  };
  return { step, actions };
}

interface Changes {
  readonly candidates: Candidates;
  readonly touched: readonly TouchedFile[];
}

async function findChanges(step: MergeTry): Promise<Changes> {
  const candidates = await findCandidates(step);
  const matched = await findMatches(step, candidates);
  return { candidates, touched: await withRealChanges(step, inRank(candidates.files, matched)) };
}

async function tryMerge(
  ctx: TableContext,
  snapshot: Snapshot,
  trying: Trying,
): Promise<MergeResult | Lost> {
  const { spec, source } = trying;
  const { steps = [] } = spec;
  const { step, actions } = stepOf(ctx, snapshot, trying);
  const numbered = advanced(step.snapshot, step.plan.inserts?.identities ?? [], source.rowCount);
  const rules = rulesOf(step.snapshot);
  const { candidates, touched } = await findChanges(step);
  const { codec, targetFileSizeBytes, signal } = spec;
  const written = await writeMerge(step, { touched, source, codec, targetFileSizeBytes });
  await checkWritten(step, written, { rules, ...(signal === undefined ? {} : { signal }) });
  const counts = countsOf(source, touched, written);
  const isUnchanged = touched.length + written.files.length === 0;
  if (isUnchanged && spec.txn === undefined) {
    return { ...NOTHING, ...counts, kind: 'unchanged', snapshot };
  }
  const isNumbered = written.insertedCount > 0 && numbered !== step.snapshot;
  const described: readonly Action[] = isNumbered
    ? [{ kind: 'metaData', metaData: numbered.metadata }]
    : actions;
  const fileActions = actionsOf(ctx, touched, written);
  const outcome = await commitTransaction(ctx, snapshot, {
    ...commitOptions(spec),
    steps,
    operation: 'MERGE',
    operationParameters: parametersOf(spec),
    operationMetrics: metricsOf(counts, touched),
    actions: isUnchanged ? [] : [...described, ...fileActions],
    reads: {
      kind: 'rows',
      predicate: candidates.predicate,
      paths: new Set(candidates.files.map(({ add }) => add.path)),
    },
    keepsRowIds: true,
    scope: 'checked',
  });
  if (outcome.kind !== 'committed') await discardRows(ctx, written);
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

/** Those of the files in which something may change, by their place in the table. */
function inRank(
  files: readonly Candidate[],
  matched: ReadonlyMap<number, MatchedFile>,
): readonly TouchedFile[] {
  const touched = files.flatMap((candidate, number) => {
    const changes = matched.get(number);
    return changes === undefined ? [] : [{ ...changes, candidate, number }];
  });
  return touched.sort((left, right) => left.candidate.rank - right.candidate.rank);
}

const NOTHING = {
  postCommitErrors: [],
  sourceRowCount: 0,
  insertedCount: 0,
  updatedCount: 0,
  deletedCount: 0,
  filesAdded: 0,
  filesRemoved: 0,
  filesHidden: 0,
  changeFilesAdded: 0,
  sizeBytes: 0,
} as const;

function actionsOf(
  ctx: TableContext,
  touched: readonly TouchedFile[],
  { files, changes, vectors }: WrittenMerge,
): readonly Action[] {
  return [
    ...touched.map(({ candidate }) => removalOf(ctx, candidate.add, { dataChange: true })),
    ...vectors.map((add) => ({ kind: 'add', add }) as const),
    ...files.map(({ add }) => ({ kind: 'add', add }) as const),
    ...changes.map(changeAction),
  ];
}
