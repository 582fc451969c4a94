/** A batch's rows into the sink's table: appended or merged, as one commit that the table takes once. */

import { backoffMs, isDeltaError, type JsonObject, unreachable } from '../base/index.ts';
import {
  ingest,
  merge,
  openSnapshot,
  type PreparedInput,
  prepareMergeSource,
} from '../table/index.ts';
import type { MergeSink } from './config.ts';
import type { Run } from './job-context.ts';

/** The member of `commitInfo` that says which plan a commit was made from. */
export const BATCH_MEMBER = 'deltawrightBatch';

/** What a batch did to the table. */
export interface Written {
  readonly duplicates: number;
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export const NO_ROWS: Written = { duplicates: 0, inserted: 0, updated: 0, deleted: 0 };

export interface SinkBatch {
  readonly batch: number;
  /** Of `offsets/N`. */
  readonly digest: string;
  readonly accepted: readonly PreparedInput[];
}

/** Commits that others make in between, so that the work must be computed again, before giving up. */
const ATTEMPTS_MAX = 100;
const BACKOFF = { delayMsMin: 5, delayMsMax: 1_000 } as const;

/** Commits the rows of a batch, computed again where another writer got in between. */
export async function writeToSink(run: Run, batch: SinkBatch): Promise<Written> {
  const { sink } = run.job;
  for (let attempt = 1; ; attempt += 1) {
    try {
      switch (sink.kind) {
        case 'append':
          return await appendBatch(run, batch);
        case 'merge':
          return await mergeBatch(run, sink, batch);
        default:
          return unreachable(sink);
      }
    } catch (error) {
      if (!isDeltaError(error, 'WRITE_CONFLICT') || attempt >= ATTEMPTS_MAX) throw error;
    }
    await run.context.clock.sleep(backoffMs(run.context.random, BACKOFF, attempt), run.signal);
  }
}

async function appendBatch(run: Run, batch: SinkBatch): Promise<Written> {
  const { dropDuplicates, keys } = run.job;
  const snapshot = await openSnapshot(run.table);
  const result = await ingest(run.table, snapshot, batch.accepted, {
    ...writeOptions(run, batch),
    keyColumns: keys,
    dropDuplicates: dropDuplicates?.columns ?? [],
    against: dropDuplicates?.against ?? 'batch',
  });
  const { duplicateCount, insertedCount } = result;
  return { duplicates: duplicateCount, inserted: insertedCount, updated: 0, deleted: 0 };
}

async function mergeBatch(run: Run, sink: MergeSink, batch: SinkBatch): Promise<Written> {
  const { dropDuplicates, keepLatest, keys, source } = run.job;
  const prepared = await prepareMergeSource(run.table, batch.accepted, {
    schema: source.schema,
    keyColumns: keys,
    dropDuplicates: dropDuplicates?.columns ?? [],
    ...(keepLatest === null ? {} : { keepLatest }),
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  });
  try {
    const snapshot = await openSnapshot(run.table);
    const result = await merge(run.table, snapshot, {
      ...writeOptions(run, batch),
      source: prepared.source,
      on: sink.on,
      whenMatched: sink.whenMatched,
      whenNotMatched: sink.whenNotMatched,
    });
    return {
      duplicates: prepared.duplicateCount,
      inserted: result.insertedCount,
      updated: result.updatedCount,
      deleted: result.deletedCount,
    };
  } finally {
    await prepared.close();
  }
}

function writeOptions(
  run: Run,
  { batch, digest }: SinkBatch,
): {
  readonly txn: { readonly appId: string; readonly version: number };
  readonly commitInfo: JsonObject;
  readonly signal?: AbortSignal;
} {
  const checkpoint = run.checkpoint.id;
  return {
    txn: { appId: checkpoint, version: batch },
    commitInfo: { [BATCH_MEMBER]: { job: run.job.name, checkpoint, batch, offsets: digest } },
    ...(run.signal === undefined ? {} : { signal: run.signal }),
  };
}
