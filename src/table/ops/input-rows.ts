/** The rows of files from outside, one by one: what goes elsewhere than into a table. */

import type { Row } from '../../schema/index.ts';
import type { TableContext } from '../types.ts';
import { IngestBatch } from './ingest-batch.ts';
import type { PreparedInput } from './input-types.ts';
import type { PrepareOptions } from './merge-latest.ts';
import { rowReader } from './row-values.ts';

export interface InputRows {
  /** In the order of the inputs, their values in the form that `RowValue` documents first. */
  readonly rows: AsyncIterable<Row>;
  readonly duplicateCount: number;
  /** Ends the reading; `rows` gives nothing afterwards. */
  readonly close: () => Promise<void>;
}

/** The inputs as rows that go into no file of a table; within them duplicates are not dropped yet. */
export async function openRowBatch(
  ctx: TableContext,
  inputs: readonly PreparedInput[],
  { schema, keyColumns = [], dropDuplicates = [], signal }: Omit<PrepareOptions, 'keepLatest'>,
): Promise<IngestBatch> {
  return IngestBatch.open(ctx, inputs, {
    target: {
      schema,
      fileSchema: schema,
      partitionColumns: [],
      configuration: {},
      isMapped: false,
      codec: 'snappy',
    },
    keyColumns: dropDuplicates,
    required: keyColumns,
    targetFileSizeBytes: Number.POSITIVE_INFINITY,
    fills: null,
    signal,
  });
}

/** The same inputs in the same order give the same rows in the same order. Errors: those of reading the inputs and of the engine. */
export async function openInputRows(
  ctx: TableContext,
  inputs: readonly PreparedInput[],
  options: Omit<PrepareOptions, 'keepLatest'>,
): Promise<InputRows> {
  const batch = await openRowBatch(ctx, inputs, options);
  try {
    await batch.dropWithin();
    return {
      rows: rowsOf(batch, options),
      duplicateCount: (await batch.dropped()).count,
      close: () => batch.close(),
    };
  } catch (error) {
    await batch.close();
    throw error;
  }
}

async function* rowsOf(
  batch: IngestBatch,
  { schema, signal }: Pick<PrepareOptions, 'schema' | 'signal'>,
): AsyncGenerator<Row> {
  const { session, select } = await batch.rowsLeft();
  const toRow = rowReader(schema);
  const statement = signal === undefined ? {} : { signal };
  for await (const { columns, rowCount } of session.stream(select, statement)) {
    for (let index = 0; index < rowCount; index += 1) yield toRow(columns, index);
  }
}
