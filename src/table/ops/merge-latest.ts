/** Events as the source of a merge: each event once, and of each key only the newest one. */

import { pathToFileURL } from 'node:url';

import { copyToParquet, identifier } from '../../engine/index.ts';
import type { StructType } from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { readLocalFooter } from './append-file.ts';
import { totalOf } from './append-commit.ts';
import { openRowBatch } from './input-rows.ts';
import { LocalStage } from './input-stage.ts';
import type { PreparedInput } from './input-types.ts';
import type { MergeSource } from './merge-types.ts';
import { ROW } from './row-matches.ts';

export interface PrepareOptions {
  /** What the rows of the inputs are read as; the columns of the source. */
  readonly schema: StructType;
  /** Columns without whose value a row does not enter: those that the inputs were inspected with. Default none. */
  readonly keyColumns?: readonly string[];
  /** The columns that tell one event from another: of several alike the one in the lowest path and row stays. Default none. */
  readonly dropDuplicates?: readonly string[];
  /** Which row of each key stays. Default: all rows do. */
  readonly keepLatest?: KeepLatest;
  readonly signal?: AbortSignal;
}

export interface KeepLatest {
  /** The columns of the key. */
  readonly by: readonly string[];
  /** The greatest wins; of equal ones the greatest by the next column. Null is the least; texts go by their bytes. */
  readonly orderBy: readonly string[];
}

export interface PreparedSource {
  readonly source: MergeSource;
  /** Rows of the inputs, those with bad keys included. */
  readonly inputRowCount: number;
  readonly rejectedCount: number;
  readonly duplicateCount: number;
  /** Rows of the source. */
  readonly rowCount: number;
  /** Removes what the source is kept in; after the merge. */
  readonly close: () => Promise<void>;
}

/** Errors: those of reading the inputs and of the engine. */
export async function prepareMergeSource(
  ctx: TableContext,
  inputs: readonly PreparedInput[],
  options: PrepareOptions,
): Promise<PreparedSource> {
  const { keepLatest, signal } = options;
  const stage = await LocalStage.open();
  const batch = await openRowBatch(ctx, inputs, options);
  try {
    await batch.dropWithin();
    const { session, select } = await batch.rowsLeft();
    const rows = keepLatest === undefined ? select : latestOf(select, keepLatest);
    const file = stage.freshFile('.parquet');
    await copyToParquet(session, rows, {
      file,
      codec: 'snappy',
      ...(signal === undefined ? {} : { signal }),
    });
    return {
      source: { parquet: [pathToFileURL(file).href] },
      inputRowCount: totalOf(inputs, ({ footer }) => footer.rowCount),
      rejectedCount: totalOf(inputs, ({ badKeyCount }) => badKeyCount),
      duplicateCount: (await batch.dropped()).count,
      rowCount: (await readLocalFooter(file)).rowCount,
      close: () => stage.close(),
    };
  } catch (error) {
    await stage.close();
    throw error;
  } finally {
    await batch.close();
  }
}

function latestOf(select: string, { by, orderBy }: KeepLatest): string {
  const keys = by.map((name) => `${ROW}.${identifier(name)}`).join(', ');
  // Whether there is a value comes first: among the members of a struct the engine takes null for the greatest.
  const order = orderBy
    .flatMap((name) => [`${ROW}.${identifier(name)} IS NOT NULL`, `${ROW}.${identifier(name)}`])
    .join(', ');
  return `SELECT unnest(latest) FROM (SELECT arg_max(${ROW}, row(${order})) AS latest FROM (${select}) AS ${ROW} GROUP BY ${keys})`;
}
