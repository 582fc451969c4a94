/**
 * Ingest: prepared inputs into a table where a key enters once, ever. Files without a duplicate are copied byte for
 * byte, the others are encoded again without those rows, in their order.
 */

import { unreachable } from '../../base/index.ts';
import { type Action, checkWritable } from '../../log/index.ts';
import type { Codec, ParquetFooter } from '../../parquet/index.ts';
import { BOOLEAN, type Expression } from '../../schema/index.ts';
import { commitTransaction, staleStep } from '../commit.ts';
import type { Snapshot, TableContext, TxnStep, Winners } from '../types.ts';
import {
  commitOptions,
  isApplied,
  totalOf,
  writeMetrics,
  type WriteOptions,
} from './append-commit.ts';
import { discardFiles, fileTarget, type StagedFile } from './append-file.ts';
import { advanced, type ColumnFills, fieldsToFill, fillsOf } from './column-fills.ts';
import { writeConflict } from './errors.ts';
import {
  type EvolvedTable,
  evolvedTable,
  type EvolveOptions,
  incomingSchemas,
  withEvolution,
} from './evolve.ts';
import { IngestBatch } from './ingest-batch.ts';
import type { PreparedInput } from './input-types.ts';
import { columnGiven } from './rule-errors.ts';
import { checkRules, rulesOf, type TableRule } from './table-rules.ts';

export interface IngestOptions extends WriteOptions, EvolveOptions {
  /** The columns of the key. Without any, all rows enter. */
  readonly dropDuplicates: readonly string[];
  /** Columns without whose value a row does not enter: those that the inputs were inspected with. Default none. */
  readonly keyColumns?: readonly string[];
  /** Whether keys that the table has already are duplicates too, or only those within the batch. Default `table`. */
  readonly against?: 'table' | 'batch';
  /** Of files that are encoded again. Default: the table's, or snappy. */
  readonly codec?: Codec;
  /** Bytes of input that go into one file where rows are encoded again. Default 128 MiB. */
  readonly targetFileSizeBytes?: number;
  /** Progress that the commit moves, as in `TransactionSpec`; also where no row is new. Default none. */
  readonly steps?: readonly TxnStep[];
}

export interface IngestResult {
  /**
   * `applied`: the table had this `txn` already; `stale`: one of the `steps` did not begin where the table's progress
   * stands, and nothing was committed; `unchanged`: no row was new.
   */
  readonly kind: 'committed' | 'applied' | 'stale' | 'unchanged';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** As in `CommitOutcome`: the commit stands. */
  readonly postCommitErrors: readonly Error[];
  /** Inputs. */
  readonly inputCount: number;
  /** Rows of the inputs, those with bad keys included. */
  readonly rowCount: number;
  readonly duplicateCount: number;
  /** Rows without a key. */
  readonly rejectedCount: number;
  readonly insertedCount: number;
  /** Files and bytes that entered. */
  readonly fileCount: number;
  readonly sizeBytes: number;
}

const FILE_SIZE_BYTES = 128 * 1024 * 1024;

/**
 * Of rows with one key, the one in the lowest path (by bytes) and row enters, unless the table has the key. A commit of
 * somebody else in between is looked through for the same keys before this one goes in. Without new rows nothing is
 * committed but the `txn` and the `steps`, where there are any. With `evolve: 'add'` columns of the inputs that the table lacks come with the
 * same commit; without, they are left out. Values are made for columns that an input does not bring, and rows held to what the
 * table asks of them.
 * Errors: `FEATURE_UNSUPPORTED`, `RULE_UNSUPPORTED`, `RULE_VIOLATED`, `NULL_NOT_ALLOWED`, `STORE_SOURCE_CHANGED` (data),
 * `COLUMN_GIVEN`, `IDENTITY_EXHAUSTED`, `EVOLUTION_REFUSED` (invalid), `WRITE_CONFLICT`, and those of the engine.
 */
export async function ingest(
  ctx: TableContext,
  snapshot: Snapshot,
  inputs: readonly PreparedInput[],
  options: IngestOptions,
): Promise<IngestResult> {
  return withEvolution(ctx, snapshot, options, (latest) =>
    ingestInto(ctx, latest, inputs, options),
  );
}

async function ingestInto(
  ctx: TableContext,
  snapshot: Snapshot,
  inputs: readonly PreparedInput[],
  options: IngestOptions,
): Promise<IngestResult> {
  const counts = inputCounts(inputs);
  const nothing = {
    ...counts,
    postCommitErrors: [],
    duplicateCount: 0,
    insertedCount: 0,
    fileCount: 0,
    sizeBytes: 0,
  };
  if (isApplied(snapshot, options.txn)) return { ...nothing, kind: 'applied', snapshot };
  if (staleStep(snapshot, options.steps ?? []) !== null) {
    return { ...nothing, kind: 'stale', snapshot };
  }
  checkWritable(snapshot.protocol, snapshot.metadata, 'checked');
  const { evolve = 'none' } = options;
  const incoming = evolve === 'none' ? [] : incomingSchemas(footersOf(inputs));
  const evolved = evolvedTable(ctx, snapshot, incoming, options);
  const rules = rulesOf(evolved.table);
  const fills = fillsOf(evolved.table, ctx.clock.now());
  const { table, actions } = fills === null ? evolved : numbered(evolved, inputs, fills);
  const batch = await IngestBatch.open(ctx, inputs, {
    target: fileTarget(evolved.table, options.codec),
    keyColumns: options.dropDuplicates,
    ...(options.keyColumns === undefined ? {} : { required: options.keyColumns }),
    targetFileSizeBytes: options.targetFileSizeBytes ?? FILE_SIZE_BYTES,
    fills,
    signal: options.signal,
  });
  try {
    const againstTable = options.against !== 'batch';
    await batch.drop(againstTable ? { snapshot, files: snapshot.files() } : null);
    const commit = { batch, table, actions, rules };
    return { ...counts, ...(await commitBatch(ctx, snapshot, commit, options)) };
  } finally {
    await batch.close();
  }
}

/** The table with its identity columns advanced past the values that the inputs take. Errors: `COLUMN_GIVEN`, `IDENTITY_EXHAUSTED`. */
function numbered(
  evolved: EvolvedTable,
  inputs: readonly PreparedInput[],
  fills: ColumnFills,
): EvolvedTable {
  const missing = inputs.map(({ footer }) => fieldsToFill(fills, footer));
  const used = fills.identities.filter(({ field, allowsGiven }) => {
    const isGiven = missing.some((fields) => !fields.includes(field));
    if (isGiven && !allowsGiven) throw columnGiven(field.name);
    return missing.some((fields) => fields.includes(field));
  });
  const rowCount = totalOf(inputs, ({ footer }) => footer.rowCount);
  const table = advanced(evolved.table, used, rowCount);
  if (table === evolved.table) return evolved;
  return { table, actions: [{ kind: 'metaData', metaData: table.metadata }] };
}

type Outcome = Pick<
  IngestResult,
  | 'kind'
  | 'snapshot'
  | 'postCommitErrors'
  | 'duplicateCount'
  | 'insertedCount'
  | 'fileCount'
  | 'sizeBytes'
>;

interface BatchCommit {
  readonly batch: IngestBatch;
  /** As the commit leaves it, as far as its description goes. */
  readonly table: Snapshot;
  /** Of its description. */
  readonly actions: readonly Action[];
  readonly rules: readonly TableRule[];
}

async function commitBatch(
  ctx: TableContext,
  snapshot: Snapshot,
  { batch, table, actions, rules }: BatchCommit,
  options: IngestOptions,
): Promise<Outcome> {
  const { signal } = options;
  const stage = async (): Promise<readonly StagedFile[]> => {
    const staged = await batch.stage();
    try {
      await checkRules(ctx, table, staged, { rules, ...(signal === undefined ? {} : { signal }) });
    } catch (error) {
      await discardFiles(ctx, staged);
      throw error;
    }
    return staged;
  };
  let files = await stage();
  let latest = snapshot;
  const { steps = [] } = options;
  const movesNothing = options.txn === undefined && steps.length === 0;
  if (files.length === 0 && movesNothing) {
    return outcomeOf('unchanged', snapshot, { batch, files });
  }
  const outcome = await commitTransaction(ctx, snapshot, {
    ...commitOptions(options),
    steps,
    operation: 'WRITE',
    operationParameters: {
      mode: 'Append',
      partitionBy: JSON.stringify(snapshot.partitionColumns),
    },
    operationMetrics: writeMetrics(files),
    actions: addActions(actions, files),
    // It read the keys, so it is no blind append; which of a winner's rows matter is for `rebase` to say.
    reads: { kind: 'rows', predicate: NEVER, paths: new Set() },
    scope: 'checked',
    rebase: async (winners: Winners) => {
      if (options.against === 'batch') return { kind: 'keep' };
      latest = winners.latest;
      const dropped = await batch.dropAgainst({ snapshot: winners.latest, files: winners.added });
      if (dropped === 0) return { kind: 'keep' };
      files = await stage();
      if (files.length === 0 && movesNothing) {
        return { kind: 'conflict', reason: 'the table has all keys now' };
      }
      return { kind: 'replace', actions: addActions(actions, files) };
    },
  });
  switch (outcome.kind) {
    case 'committed':
      return {
        ...(await outcomeOf('committed', outcome.snapshot, { batch, files })),
        postCommitErrors: outcome.postCommitErrors,
      };
    case 'applied':
      await discardFiles(ctx, files);
      return outcomeOf('applied', outcome.snapshot, { batch, files: [] });
    case 'conflict':
      if (outcome.code === 'CONFLICT_PROGRESS') {
        await discardFiles(ctx, files);
        return outcomeOf('stale', latest, { batch, files: [] });
      }
      if (files.length === 0 && movesNothing)
        return outcomeOf('unchanged', latest, { batch, files });
      await discardFiles(ctx, files);
      throw writeConflict(outcome.code, outcome.reason, outcome.error);
    default:
      return unreachable(outcome);
  }
}

const NEVER: Expression = { kind: 'literal', value: false, type: BOOLEAN };

/** Columns come with the first rows that have them, never alone. */
function addActions(evolution: readonly Action[], files: readonly StagedFile[]): readonly Action[] {
  if (files.length === 0) return [];
  return [...evolution, ...files.map(({ add }) => ({ kind: 'add', add }) as const)];
}

function footersOf(inputs: readonly PreparedInput[]): readonly ParquetFooter[] {
  return inputs.map(({ footer }) => footer);
}

function inputCounts(
  inputs: readonly PreparedInput[],
): Pick<IngestResult, 'inputCount' | 'rowCount' | 'rejectedCount'> {
  return {
    inputCount: inputs.length,
    rowCount: totalOf(inputs, ({ footer }) => footer.rowCount),
    rejectedCount: totalOf(inputs, ({ badKeyCount }) => badKeyCount),
  };
}

async function outcomeOf(
  kind: IngestResult['kind'],
  snapshot: Snapshot,
  { batch, files }: { readonly batch: IngestBatch; readonly files: readonly StagedFile[] },
): Promise<Outcome> {
  return {
    kind,
    snapshot,
    postCommitErrors: [],
    duplicateCount: (await batch.dropped()).count,
    insertedCount: totalOf(files, ({ rowCount }) => rowCount),
    fileCount: files.length,
    sizeBytes: totalOf(files, ({ add }) => add.size),
  };
}
