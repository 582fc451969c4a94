/**
 * Runs a job. Everything that is there when it looks is taken, in as many batches as needed; with a trigger that is not
 * `once` it looks again until it is stopped. A batch goes through these steps, each put-if-absent or the same when done
 * again, so that a run killed anywhere and started again ends in the same table, manifest and catalog:
 *
 *     sources/… → offsets/N → rejected list → data files → Delta commit with its `txn` → manifest → catalog → commits/N
 *
 * A batch that the sink has already still goes through the steps after it. A job with workers goes another way: `worker.ts`.
 */

import { unreachable } from '../base/index.ts';
import {
  cleanCheckpoint,
  isPending,
  openCheckpoint,
  readOffsets,
  writeCommit,
  writeOffsets,
} from '../stream/index.ts';
import { findJob } from './config.ts';
import type { Config, Job } from './job.ts';
import { DeltaJobSink } from './delta-sink.ts';
import { FilesJobSource } from './files-source.ts';
import {
  addCounts,
  type BatchCounts,
  type JobContext,
  NO_COUNTS,
  type Run,
  type RunOptions,
  type RunResult,
} from './job-context.ts';
import type { JobSink } from './job-sink.ts';
import type { JobSource, Position } from './job-source.ts';
import { isStopped, lookAsTriggered, resultOf } from './run-loop.ts';

/**
 * Runs the job `name`. Its table and virtual table are made and registered before anything is read. A run with nothing
 * new commits nothing, and sees to it that manifest and catalog are current. With an aborted `signal` it stops after the
 * step it is at; the next run goes on from there.
 * Errors: `JOB_UNKNOWN`, `JOB_CONCURRENT`, `JOB_REJECTED` (strict), `JOB_TABLE_MISMATCH`, `JOB_TABLE_REPLACED`, `JOB_CHECKPOINT_LOST`,
 * `JOB_BATCH_MISMATCH`, `CHECKPOINT_BROKEN`, `CHECKPOINT_VERSION`, those of the stores, the broker, the registry, the
 * table and the catalog.
 */
export async function runJob(
  config: Config,
  name: string,
  context: JobContext,
  options: RunOptions = {},
): Promise<RunResult> {
  const startMs = context.clock.now();
  const run = await openRun(config, findJob(config, name), context, options);
  if (run.job.workers !== null) return (await import('./worker.ts')).runWorker(run, options);
  const sink = await openSink(run);
  try {
    const version = await sink.prepare();
    const source = await openSource(run);
    try {
      const runner = new Runner(run, source, sink, { options, version });
      await runner.run();
      return runner.result(startMs);
    } finally {
      await source.close();
    }
  } finally {
    await sink.close();
  }
}

async function openRun(
  config: Config,
  job: Job,
  context: JobContext,
  options: RunOptions,
): Promise<Run> {
  const report = options.onProgress ?? (() => {});
  report({ step: 'prepare', batch: null, files: 0, bytes: 0 });
  return {
    job: options.trigger === undefined ? job : { ...job, trigger: options.trigger },
    config,
    context,
    strict: options.strict ?? job.strict,
    signal: options.signal,
    report,
    rejected: context.openStore(job.rejected),
    checkpoint: await openCheckpoint(context.openStore(job.checkpoint), context.random),
  };
}

async function openSink(run: Run): Promise<JobSink> {
  const { sink } = run.job;
  switch (sink.kind) {
    case 'append':
    case 'merge':
      return DeltaJobSink.open(run, sink);
    case 'parquet':
      return (await import('./parquet-folder.ts')).ParquetFolder.open(run, sink);
    case 'kafka':
      return (await import('./kafka-topic.ts')).KafkaTopic.open(run, sink);
    default:
      return unreachable(sink);
  }
}

async function openSource(run: Run): Promise<JobSource> {
  const { source } = run.job;
  if (source.kind === 'files') return FilesJobSource.open(run, source);
  return (await import('./kafka-source.ts')).KafkaJobSource.open(run, source);
}

/** Batches between two times that the checkpoint is tidied: it is a listing. */
const TIDY_EVERY_BATCHES = 10;

class Runner {
  readonly #run: Run;
  readonly #source: JobSource;
  readonly #sink: JobSink;
  readonly #options: RunOptions;
  #position: Position | null = null;
  #counts: BatchCounts = NO_COUNTS;
  #batchCount = 0;
  #version: number | null;

  constructor(
    run: Run,
    source: JobSource,
    sink: JobSink,
    { options, version }: { readonly options: RunOptions; readonly version: number | null },
  ) {
    this.#run = run;
    this.#source = source;
    this.#sink = sink;
    this.#options = options;
    this.#version = version;
  }

  async run(): Promise<void> {
    await this.#resume();
    await lookAsTriggered(this.#run, this.#options, () => this.#takeAll());
    if (this.#batchCount > 0) await this.#tidy();
  }

  result(startMs: number): RunResult {
    const { files, bytes } = this.#counts;
    this.#run.report({ step: 'done', batch: null, files, bytes });
    return resultOf(this.#run, this.#counts, {
      startMs,
      sink: this.#sink.label,
      batches: this.#batchCount,
      version: this.#version,
      warnings: [...this.#source.warnings, ...(this.#sink.warnings ?? [])],
    });
  }

  /** Finishes the batch that an earlier run planned and did not finish. */
  async #resume(): Promise<void> {
    const { checkpoint } = this.#run;
    const { planned } = checkpoint;
    if (planned === null) return;
    const last = await this.#positionOf(planned);
    if (!isPending(checkpoint)) {
      this.#position = last;
      return;
    }
    this.#position = planned === 0 ? null : await this.#positionOf(planned - 1);
    await this.#take(last);
  }

  /** Takes what is there now; false where nothing was. */
  async #takeAll(): Promise<boolean> {
    const beginMs = this.#run.context.clock.now();
    let found = false;
    for await (const { end, deferredFiles } of this.#source.nextBatches(this.#position)) {
      this.#counts = { ...this.#counts, deferredFiles: this.#counts.deferredFiles + deferredFiles };
      if (end === null) continue;
      await this.#take(await this.#plan(end));
      found = true;
      if (isStopped(this.#run, this.#options)) break;
    }
    if (!found) this.#tell(null, NO_COUNTS, beginMs);
    return found;
  }

  async #plan(end: string): Promise<Position> {
    const batch = (this.#position?.batch ?? -1) + 1;
    const { checkpoint, context } = this.#run;
    const offsets = await writeOffsets(checkpoint, context.clock, {
      batch,
      sources: [end],
      previous: this.#position?.offsets ?? null,
    });
    return { batch, offsets };
  }

  async #take(to: Position): Promise<void> {
    const { signal, context, report, checkpoint } = this.#run;
    signal?.throwIfAborted();
    const beginMs = context.clock.now();
    const { batch, offsets } = to;
    const counts = await this.#source.take({ from: this.#position, to }, this.#sink);
    report({ step: 'publish', batch, files: counts.files, bytes: counts.bytes });
    const { version, posted } = await this.#sink.publish({ batch, digest: offsets.digest });
    await writeCommit(checkpoint, batch, offsets);
    this.#position = to;
    this.#version = version;
    this.#batchCount += 1;
    const done = { ...counts, posted: counts.posted + posted };
    this.#counts = addCounts(this.#counts, done);
    if (this.#batchCount % TIDY_EVERY_BATCHES === 0) await this.#tidy();
    this.#tell(batch, done, beginMs);
  }

  #tell(batch: number | null, counts: BatchCounts, beginMs: number): void {
    this.#options.onBatch?.({
      job: this.#run.job.name,
      batch,
      counts,
      backlog: this.#source.backlog,
      version: this.#version,
      timeMs: this.#run.context.clock.now() - beginMs,
    });
  }

  async #positionOf(batch: number): Promise<Position> {
    return { batch, offsets: await readOffsets(this.#run.checkpoint, batch) };
  }

  async #tidy(): Promise<void> {
    try {
      await cleanCheckpoint(this.#run.checkpoint, this.#position?.batch ?? 0);
      await this.#source.clean();
    } catch {
      // What was not deleted is never read, and the next time it is.
    }
  }
}
