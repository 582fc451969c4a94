/** Appends: rows, Arrow data or Parquet files, as one commit that reads nothing and so never loses to another one. */

import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import type { RecordBatch, Table } from 'apache-arrow';

import { unreachable } from '../../base/index.ts';
import { type Action, checkWritable } from '../../log/index.ts';
import { type Codec, writeParquet } from '../../parquet/index.ts';
import type { Row, StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import {
  commitOptions,
  commitStaged,
  isApplied,
  totalOf,
  writeMetrics,
  type WriteOptions,
} from './append-commit.ts';
import { fileTarget, type StagedFile } from './append-file.ts';
import { footerAt, stageParquet } from './append-parquet.ts';
import { stageRows } from './append-rows.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { writeConflict } from './errors.ts';
import { evolvedTable, type EvolveOptions, incomingSchemas, withEvolution } from './evolve.ts';
import { LocalStage } from './input-stage.ts';

export type AppendSource =
  /** Taken as they come; no more of them are in memory than a file holds. */
  | {
      readonly rows: Iterable<Row> | AsyncIterable<Row>;
      /** Of the rows, for `evolve`: without it they have the columns of the table. */
      readonly schema?: StructType;
    }
  | { readonly arrow: Table | readonly RecordBatch[] }
  /** URIs of Parquet files. Where one fits byte for byte, its bytes are copied. */
  | { readonly parquet: readonly string[] };

export interface AppendOptions extends WriteOptions, EvolveOptions {
  /** Of files that are encoded here. Default: the table's, or snappy. */
  readonly codec?: Codec;
  /** Where files that are encoded here are cut, in bytes before compression. Default 128 MiB. */
  readonly targetFileSizeBytes?: number;
}

export interface AppendResult {
  /** `applied`: the table had this `txn` already; `unchanged`: there was nothing to append. */
  readonly kind: 'committed' | 'applied' | 'unchanged';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** As in `CommitOutcome`: the commit stands. */
  readonly postCommitErrors: readonly Error[];
  readonly fileCount: number;
  readonly rowCount: number;
  readonly sizeBytes: number;
}

const FILE_SIZE_BYTES = 128 * 1024 * 1024;

/**
 * Appends all of the source, or nothing. Without rows there is no commit, unless there is a `txn` to remember.
 * Errors: `FEATURE_UNSUPPORTED`, `INPUT_BAD_VALUE` and `APPEND_SOURCE_…` (invalid), `NULL_NOT_ALLOWED` (data),
 * `EVOLUTION_REFUSED`, `WRITE_CONFLICT` where the table was changed into another one meanwhile, those of `commitTransaction`.
 * With `evolve: 'add'` new columns come with the same commit. Where another writer changed the schema, the properties or the
 * features first, the source is taken again, unless it is rows that can be taken only once.
 */
export async function append(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions = {},
): Promise<AppendResult> {
  const work = (latest: Snapshot): Promise<AppendResult> => appendTo(ctx, latest, source, options);
  return isRepeatable(source) ? withEvolution(ctx, snapshot, options, work) : work(snapshot);
}

async function appendTo(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions,
): Promise<AppendResult> {
  if (isApplied(snapshot, options.txn)) return result('applied', snapshot, []);
  checkWritable(snapshot.protocol, snapshot.metadata, 'append');
  const { files, actions } = await stageSource(ctx, snapshot, source, options);
  if (files.length === 0 && options.txn === undefined) return result('unchanged', snapshot, []);
  const outcome = await commitStaged(
    ctx,
    snapshot,
    {
      ...commitOptions(options),
      operation: 'WRITE',
      operationParameters: {
        mode: 'Append',
        partitionBy: JSON.stringify(snapshot.partitionColumns),
      },
      operationMetrics: writeMetrics(files),
      actions: [...actions, ...files.map(({ add }) => ({ kind: 'add', add }) as const)],
      reads: { kind: 'nothing' },
    },
    files,
  );
  switch (outcome.kind) {
    case 'committed':
      return {
        ...result('committed', outcome.snapshot, files),
        postCommitErrors: outcome.postCommitErrors,
      };
    case 'applied':
      return result('applied', outcome.snapshot, []);
    case 'conflict':
      throw writeConflict(outcome.code, outcome.reason, outcome.error);
    default:
      return unreachable(outcome);
  }
}

interface Staged {
  readonly files: readonly StagedFile[];
  /** Of the columns that come with them. */
  readonly actions: readonly Action[];
}

async function stageSource(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions,
): Promise<Staged> {
  if ('arrow' in source) {
    const stage = await LocalStage.open();
    try {
      const file = stage.freshFile('.parquet');
      await writeFile(file, await writeParquet(await toTable(source.arrow)));
      return await stageSource(ctx, snapshot, { parquet: [pathToFileURL(file).href] }, options);
    } finally {
      await stage.close();
    }
  }
  const { targetFileSizeBytes = FILE_SIZE_BYTES, signal, evolve, codec } = options;
  const incoming = evolve === 'add' ? await incomingOf(ctx, source) : [];
  const { table, actions } = evolvedTable(ctx, snapshot, incoming, options);
  const target = fileTarget(table, codec);
  const limits = { targetFileSizeBytes, ...(signal === undefined ? {} : { signal }) };
  const files =
    'rows' in source
      ? await stageRows(ctx, target, source.rows, limits)
      : await stageParquet(ctx, target, source.parquet, limits);
  return { files, actions: files.length === 0 ? [] : actions };
}

async function incomingOf(
  ctx: TableContext,
  source: Exclude<AppendSource, { readonly arrow: unknown }>,
): Promise<readonly StructType[]> {
  if ('rows' in source) return source.schema === undefined ? [] : [source.schema];
  return incomingSchemas(
    await inParallel(source.parquet, STORE_REQUESTS_MAX, (uri) => footerAt(ctx, uri)),
  );
}

/** An iterator of its own can be taken once. */
function isRepeatable(source: AppendSource): boolean {
  return !('rows' in source) || Array.isArray(source.rows);
}

async function toTable(data: Table | readonly RecordBatch[]): Promise<Table> {
  if ('batches' in data) return data;
  const arrow = await import('apache-arrow');
  return new arrow.Table([...data]);
}

function result(
  kind: AppendResult['kind'],
  snapshot: Snapshot,
  files: readonly StagedFile[],
): AppendResult {
  return {
    kind,
    snapshot,
    postCommitErrors: [],
    fileCount: files.length,
    rowCount: totalOf(files, (file) => file.rowCount),
    sizeBytes: totalOf(files, (file) => file.add.size),
  };
}
