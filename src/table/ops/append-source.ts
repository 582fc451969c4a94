/** What comes from outside, as a table's files: the same for appends and overwrites. */

import { writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

import type { RecordBatch, Table } from 'apache-arrow';

import type { Action } from '../../log/index.ts';
import { type Codec, writeParquet } from '../../parquet/index.ts';
import type { Row, StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { WriteOptions } from './append-commit.ts';
import { discardFiles, fileTarget, type StagedFile } from './append-file.ts';
import { footerAt, stageParquet } from './append-parquet.ts';
import { stageRows } from './append-rows.ts';
import { inParallel, STORE_REQUESTS_MAX } from './append-stage.ts';
import { fillsOf } from './column-fills.ts';
import { evolvedTable, type EvolveOptions, incomingSchemas } from './evolve.ts';
import { stageFilledParquet, stageFilledRows } from './filled-source.ts';
import { LocalStage } from './input-stage.ts';
import { checkRules, rulesOf } from './table-rules.ts';

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

type FileSource = Exclude<AppendSource, { readonly arrow: unknown }>;

export interface AppendOptions extends WriteOptions, EvolveOptions {
  /** Of files that are encoded here. Default: the table's, or snappy. */
  readonly codec?: Codec;
  /** Where files that are encoded here are cut, in bytes before compression. Default 128 MiB. */
  readonly targetFileSizeBytes?: number;
}

/** Rows of a source in files of the table that no commit names yet. */
export interface StagedSource {
  readonly files: readonly StagedFile[];
  /** The table as the commit will leave it, as far as its description goes. */
  readonly table: Snapshot;
  /** Of the columns that come with them. */
  readonly actions: readonly Action[];
}

const FILE_SIZE_BYTES = 128 * 1024 * 1024;

/**
 * Stages all of the source, or nothing: values are made for columns that it does not bring, and rows held to what the table
 * asks of them. Errors: `RULE_UNSUPPORTED`, `RULE_VIOLATED`, `COLUMN_GIVEN`, those of `stageRows`, `stageParquet` and `evolvedTable`.
 */
export async function stageSource(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions,
): Promise<StagedSource> {
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
  const { signal, evolve } = options;
  const incoming = evolve === undefined || evolve === 'none' ? [] : await incomingOf(ctx, source);
  const evolved = evolvedTable(ctx, snapshot, incoming, options);
  const rules = rulesOf(evolved.table);
  const { files, table } = await stageInto(ctx, evolved.table, source, options);
  if (files.length === 0) return { files, table: snapshot, actions: [] };
  try {
    await checkRules(ctx, table, files, { rules, ...(signal === undefined ? {} : { signal }) });
  } catch (error) {
    await discardFiles(ctx, files);
    throw error;
  }
  const isAdvanced = table !== evolved.table;
  const actions: readonly Action[] = isAdvanced
    ? [{ kind: 'metaData', metaData: table.metadata }]
    : evolved.actions;
  return { files, table, actions };
}

async function stageInto(
  ctx: TableContext,
  table: Snapshot,
  source: FileSource,
  { targetFileSizeBytes = FILE_SIZE_BYTES, signal, codec }: AppendOptions,
): Promise<Omit<StagedSource, 'actions'>> {
  const target = fileTarget(table, codec);
  const limits = { targetFileSizeBytes, ...(signal === undefined ? {} : { signal }) };
  const fills = fillsOf(table, ctx.clock.now());
  if (fills !== null) {
    const filling = { ...limits, target, fills };
    return 'rows' in source
      ? stageFilledRows(ctx, table, source.rows, filling)
      : stageFilledParquet(ctx, table, source.parquet, filling);
  }
  const files =
    'rows' in source
      ? await stageRows(ctx, target, source.rows, limits)
      : await stageParquet(ctx, target, source.parquet, limits);
  return { files, table };
}

async function incomingOf(ctx: TableContext, source: FileSource): Promise<readonly StructType[]> {
  if ('rows' in source) return source.schema === undefined ? [] : [source.schema];
  return incomingSchemas(
    await inParallel(source.parquet, STORE_REQUESTS_MAX, (uri) => footerAt(ctx, uri)),
  );
}

/** Whether it can be taken again: an iterator of its own can be taken once. */
export function isRepeatable(source: AppendSource): boolean {
  return !('rows' in source) || Array.isArray(source.rows);
}

/** Arrow data as one table. */
export async function toTable(data: Table | readonly RecordBatch[]): Promise<Table> {
  if ('batches' in data) return data;
  const arrow = await import('apache-arrow');
  return new arrow.Table([...data]);
}
