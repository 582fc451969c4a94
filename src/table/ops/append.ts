/** Appends: rows, Arrow data or Parquet files, as one commit that reads nothing and so never loses to another one. */

import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import type { RecordBatch, Table } from 'apache-arrow';

import { unreachable } from '../../base/index.ts';
import { checkWritable } from '../../log/index.ts';
import { type Codec, writeParquet } from '../../parquet/index.ts';
import type { Row } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import {
  commitOptions,
  commitStaged,
  isApplied,
  totalOf,
  writeMetrics,
  type WriteOptions,
} from './append-commit.ts';
import { fileTarget, type FileTarget, type StagedFile } from './append-file.ts';
import { stageParquet } from './append-parquet.ts';
import { stageRows } from './append-rows.ts';
import { writeConflict } from './errors.ts';
import { LocalStage } from './input-stage.ts';

export type AppendSource =
  /** Taken as they come; no more of them are in memory than a file holds. */
  | { readonly rows: Iterable<Row> | AsyncIterable<Row> }
  | { readonly arrow: Table | readonly RecordBatch[] }
  /** URIs of Parquet files. Where one fits byte for byte, its bytes are copied. */
  | { readonly parquet: readonly string[] };

export interface AppendOptions extends WriteOptions {
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
 * `WRITE_CONFLICT` where the table was changed into another one meanwhile, those of `commitTransaction`.
 */
export async function append(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions = {},
): Promise<AppendResult> {
  if (isApplied(snapshot, options.txn)) return result('applied', snapshot, []);
  checkWritable(snapshot.protocol, snapshot.metadata);
  const files = await stageSource(ctx, fileTarget(snapshot, options.codec), source, options);
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
      actions: files.map(({ add }) => ({ kind: 'add', add })),
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
      throw writeConflict(outcome.code, outcome.reason);
    default:
      return unreachable(outcome);
  }
}

async function stageSource(
  ctx: TableContext,
  target: FileTarget,
  source: AppendSource,
  { targetFileSizeBytes = FILE_SIZE_BYTES, signal }: AppendOptions,
): Promise<readonly StagedFile[]> {
  const options = { targetFileSizeBytes, ...(signal === undefined ? {} : { signal }) };
  if ('rows' in source) return stageRows(ctx, target, source.rows, options);
  if ('parquet' in source) return stageParquet(ctx, target, source.parquet, options);
  const stage = await LocalStage.open();
  try {
    const file = stage.freshFile('.parquet');
    await writeFile(file, await writeParquet(await toTable(source.arrow)));
    return await stageParquet(ctx, target, [pathToFileURL(file).href], options);
  } finally {
    await stage.close();
  }
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
