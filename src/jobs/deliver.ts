/** Rows from a source to a sink, through the job's transform where it has one. */

import { transformInputs } from '../table/index.ts';
import { type Run, tableAt } from './job-context.ts';
import { type JobBatch, type JobSink, NO_ROWS, type SinkRows, type Written } from './job-sink.ts';

/**
 * Takes the rows of a batch to the sink. One without any, as where every message was rejected, has no columns that a
 * table could be made of: nothing is committed but the progress of a worker. Errors: those of the transform and of the sink.
 */
export async function deliver(
  run: Run,
  sink: JobSink,
  batch: JobBatch,
  rows: SinkRows,
): Promise<Written> {
  if (rows.inputs.length === 0) {
    return batch.claims === undefined ? NO_ROWS : sink.write(batch, rows);
  }
  const { transform, keys } = run.job;
  if (transform === null) return sink.write(batch, rows);
  const table = tableAt(run.context, run.job.checkpoint);
  const result = await transformInputs(table, rows.inputs, transform, {
    schema: rows.schema,
    sourceKeys: keys,
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  });
  try {
    return await sink.write(batch, result);
  } finally {
    await result.close();
  }
}
