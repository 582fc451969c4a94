/**
 * Runs a job once: everything that is there at its start is taken, in as many batches as needed. A batch goes through
 * these steps, each put-if-absent or the same when done again, so that a run killed anywhere and started again ends in
 * the same table, manifest and catalog:
 *
 *     sources/… → offsets/N → rejected list → data files → Delta commit with its `txn` → manifest → catalog → commits/N
 *
 * A batch whose commit the table has already still goes through the steps after it.
 */

import { present } from '../base/index.ts';
import {
  type BatchOffsets,
  cleanCheckpoint,
  FileSource,
  isPending,
  openCheckpoint,
  printLogOffset,
  readLogOffset,
  readOffsets,
  type SourceFile,
  writeCommit,
  writeOffsets,
} from '../stream/index.ts';
import { applyBatch } from './batch.ts';
import { type Config, findJob, type Job } from './config.ts';
import {
  addCounts,
  type BatchCounts,
  type JobContext,
  NO_COUNTS,
  type Run,
  type RunOptions,
  type RunResult,
} from './job-context.ts';
import { type Look, lookAt } from './look.ts';
import { publish } from './publish.ts';
import { prepareTable } from './sink-table.ts';

/**
 * Runs the job `name`. Its table and virtual table are made and registered before anything is read. A run with nothing
 * new commits nothing, and sees to it that manifest and catalog are current. With an aborted `signal` it stops after the
 * step it is at; the next run goes on from there.
 * Errors: `JOB_UNKNOWN`, `JOB_CONCURRENT`, `JOB_REJECTED` (strict), `JOB_TABLE_MISMATCH`, `JOB_TABLE_REPLACED`,
 * `JOB_BATCH_MISMATCH`, `CHECKPOINT_BROKEN`, `CHECKPOINT_VERSION`, those of the stores, the table and the catalog.
 */
export async function runJob(
  config: Config,
  name: string,
  context: JobContext,
  options: RunOptions = {},
): Promise<RunResult> {
  const startMs = context.clock.now();
  const run = await openRun(findJob(config, name), context, options);
  const before = await publish(context, run.table, run.job.sink);
  const done = await runBatches(run);
  const { counts } = done;
  run.report({ step: 'done', batch: null, files: counts.files, bytes: counts.bytes });
  return {
    job: name,
    table: `${run.job.sink.database}.${run.job.sink.table}`,
    batches: done.batches,
    ...counts,
    rejectedLocation: counts.rejectedFiles + counts.rejectedRows > 0 ? run.rejected.uri : null,
    version: done.version ?? before,
    timeMs: context.clock.now() - startMs,
  };
}

/** How far a batch goes; before the first one, batch -1. */
interface Position {
  readonly batch: number;
  readonly logOffset: number;
  /** Null before the first batch. */
  readonly offsets: BatchOffsets | null;
}

interface Done {
  readonly batches: number;
  readonly counts: BatchCounts;
  /** The table's version after the last batch; null without any. */
  readonly version: number | null;
}

async function openRun(job: Job, context: JobContext, options: RunOptions): Promise<Run> {
  const { clock, random, engine, resolve, openStore } = context;
  const { sink } = job;
  const report = options.onProgress ?? (() => {});
  report({ step: 'prepare', batch: null, files: 0, bytes: 0 });
  const samples = openStore(job.source.location);
  const table = { store: openStore(sink.location), clock, random, engine, resolve };
  const checkpoint = await openCheckpoint(openStore(job.checkpoint), random);
  await prepareTable(table, sink, checkpoint);
  return {
    job,
    context,
    strict: options.strict ?? job.strict,
    signal: options.signal,
    report,
    table,
    samples,
    rejected: openStore(job.rejected),
    checkpoint,
    source: await FileSource.open(samples, checkpoint.store),
  };
}

async function runBatches(run: Run): Promise<Done> {
  const { source, checkpoint } = run;
  let done: Done = { batches: 0, counts: NO_COUNTS, version: null };
  let position = await positionOf(run, checkpoint.planned);
  const take = async (next: Position, look: Look | null): Promise<void> => {
    const { counts, version } = await runBatch(run, { from: position, next, look });
    done = { batches: done.batches + 1, counts: addCounts(done.counts, counts), version };
    position = next;
  };

  if (isPending(checkpoint)) {
    const pending = position;
    position = await positionOf(run, pending.batch === 0 ? null : pending.batch - 1);
    await take(pending, null);
  }
  // A run that stopped between the two had remembered these files and not planned them.
  if (source.logOffset > position.logOffset) await take(await planBatch(run, position), null);

  const offered = await source.listNew(run.job.source.limits);
  run.report({ step: 'list', batch: null, ...sizeOf(offered.flat()) });
  for (const files of offered) {
    run.signal?.throwIfAborted();
    run.report({ step: 'probe', batch: position.batch + 1, ...sizeOf(files) });
    const look = await lookAt(run, files, {
      // A file that broke a batch by what is in it looks fine from outside.
      thorough: (file) => source.isSecondTry(file),
      mayGrow: (file) => !source.isSecondTry(file),
    });
    try {
      const { deferred } = await source.plan(look.probed);
      done = {
        ...done,
        counts: { ...done.counts, deferredFiles: done.counts.deferredFiles + deferred.length },
      };
      if (source.logOffset > position.logOffset) await take(await planBatch(run, position), look);
    } finally {
      await look.close();
    }
  }
  if (done.batches > 0) await tidy(run, position.batch);
  return done;
}

/** Writes the offsets of the batch that takes all the source has remembered so far. */
async function planBatch(run: Run, last: Position): Promise<Position> {
  const batch = last.batch + 1;
  const { logOffset } = run.source;
  const offsets = await writeOffsets(run.checkpoint, run.context.clock, {
    batch,
    sources: [printLogOffset(logOffset)],
    previous: last.offsets,
  });
  return { batch, logOffset, offsets };
}

async function runBatch(
  run: Run,
  plan: {
    readonly from: Position;
    readonly next: Position;
    /** What a look at the files said before they were planned; null where an earlier run planned them. */
    readonly look: Look | null;
  },
): Promise<{ readonly counts: BatchCounts; readonly version: number }> {
  run.signal?.throwIfAborted();
  const { from, next, look } = plan;
  const { batch } = next;
  const offsets = present(next.offsets, 'the offsets of a planned batch');
  const files = run.source.plannedFiles({ after: from.logOffset, through: next.logOffset });
  const counts = await applyBatch(run, { batch, digest: offsets.digest, files }, look);
  run.report({ step: 'publish', batch, files: counts.files, bytes: counts.bytes });
  const version = await publish(run.context, run.table, run.job.sink);
  await writeCommit(run.checkpoint, batch, offsets);
  return { counts, version };
}

async function positionOf(run: Run, batch: number | null): Promise<Position> {
  if (batch === null) return { batch: -1, logOffset: -1, offsets: null };
  const offsets = await readOffsets(run.checkpoint, batch);
  return { batch, logOffset: readLogOffset(run.checkpoint, batch, offsets), offsets };
}

async function tidy(run: Run, batch: number): Promise<void> {
  try {
    await cleanCheckpoint(run.checkpoint, batch);
    await run.source.clean();
  } catch {
    // What was not deleted is never read, and the next run deletes it.
  }
}

function sizeOf(files: readonly SourceFile[]): { readonly files: number; readonly bytes: number } {
  return { files: files.length, bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0) };
}
