/**
 * One of several workers of a job that takes topics into a Delta table, on as many machines as one likes. Kafka's consumer
 * group says which partitions are whose; how far each has come is kept in the table, by the commits that bring the rows
 * (`partition-progress.ts`). A range of a partition is committed only onto the offset where the table says that the
 * partition stands, which is checked on the snapshot and again after every commit of somebody else: so none is taken twice
 * or left out, whoever believes it to be his. A worker that came too late drops its batch and looks again.
 *
 * The checkpoint directory is shared, and holds only what is written once:
 *
 *     metadata       the id that the progress in the table is kept under
 *     sources/0/0    where the partitions begin that were there at first; later ones begin at their first message
 *     table.json     which table it is, and that workers fill it
 *
 * It has no `offsets/N`: there is no plan to repeat, since a batch that was not committed is planned anew from the table.
 */

import { createHash } from 'node:crypto';

import { isDeltaError, present } from '../base/index.ts';
import {
  type Assignment,
  type KafkaBounds,
  type KafkaOffsets,
  type KafkaPlan,
  type Membership,
  planRanges,
  rangesBetween,
  readInitialOffsets,
  type TopicPartition,
  writeInitialOffsets,
} from '../stream/index.ts';
import type { DeltaSink, KafkaSource } from './job.ts';
import { DeltaJobSink } from './delta-sink.ts';
import { checkpointTaken } from './errors.ts';
import {
  addCounts,
  type BatchCounts,
  NO_COUNTS,
  type Run,
  type RunOptions,
  type RunResult,
} from './job-context.ts';
import type { JobBatch, RangeClaim } from './job-sink.ts';
import { KafkaReading, offsetCount } from './kafka-reading.ts';
import { partitionName } from './partition-progress.ts';
import { dropOtherTries, lettersOfRanges } from './range-letters.ts';
import { isStopped, lookAsTriggered, resultOf } from './run-loop.ts';

/** Gives a worker its place; by default one in the consumer group of the job, or of a recorded topic the only one. */
export type Join = (reading: KafkaReading, group: string, purpose: string) => Promise<Membership>;

const joinGroup: Join = (reading, group, purpose) =>
  reading.broker.join({ group, purpose, partitions: () => reading.partitions() });

/**
 * Runs as one worker of the job until its trigger or `stop` ends it; then its partitions are given back.
 * Errors: as of `runJob`; `JOB_CHECKPOINT_TAKEN` where the checkpoint holds batches of runs without workers.
 */
export async function runWorker(
  run: Run,
  options: RunOptions,
  join: Join = joinGroup,
): Promise<RunResult> {
  const startMs = run.context.clock.now();
  const { source, sink: spec } = partsOf(run);
  if (run.checkpoint.planned !== null) throw checkpointTaken(run.checkpoint.store.uri, false);
  const sink = await DeltaJobSink.open(run, spec);
  try {
    const version = await sink.prepare();
    const reading = await KafkaReading.open(run, source);
    try {
      const { id } = run.checkpoint;
      const group = run.job.workers?.group ?? `deltawright-${run.job.name}-${id}`;
      const membership = await join(reading, group, `deltawright-${id}`);
      try {
        const worker = new Worker(run, options, { source, sink, reading, membership, version });
        await lookAsTriggered(run, options, () => worker.takeAll());
        return worker.result(startMs);
      } finally {
        await membership.leave();
      }
    } finally {
      await reading.close();
    }
  } finally {
    await sink.close();
  }
}

/** The parts of a job with workers, as its definition was checked. */
function partsOf({ job }: Run): { readonly source: KafkaSource; readonly sink: DeltaSink } {
  const { source, sink } = job;
  const isTable = sink.kind === 'append' || sink.kind === 'merge';
  if (source.kind === 'kafka' && isTable) return { source, sink };
  throw new TypeError(`a job from ${source.kind} to ${sink.kind} has no workers`);
}

interface Parts {
  readonly source: KafkaSource;
  readonly sink: DeltaJobSink;
  readonly reading: KafkaReading;
  readonly membership: Membership;
  readonly version: number | null;
}

/** What the table says of the partitions of an assignment. */
interface Standing {
  readonly assignment: Assignment;
  /** The stored offset of each partition that has one. */
  readonly stored: Map<string, number>;
  /** What the next batch begins after; without the partitions that begin at their first message. */
  readonly from: KafkaOffsets;
}

class Worker {
  readonly #run: Run;
  readonly #options: RunOptions;
  readonly #parts: Parts;
  /** Null where the table must be asked. */
  #standing: Standing | null = null;
  #initial: KafkaOffsets | null = null;
  #counts: BatchCounts = NO_COUNTS;
  #batchCount = 0;
  #backlog = 0;
  #version: number | null;

  constructor(run: Run, options: RunOptions, parts: Parts) {
    this.#run = run;
    this.#options = options;
    this.#parts = parts;
    this.#version = parts.version;
  }

  /** Takes what its partitions hold now; false where that was nothing. */
  async takeAll(): Promise<boolean> {
    const { membership, reading } = this.#parts;
    const { signal, context } = this.#run;
    const beginMs = context.clock.now();
    let found = false;
    let assignment = await membership.assignment(signal);
    let bounds = await reading.bounds(assignment.partitions);
    do {
      const current = await membership.assignment(signal);
      if (current !== assignment) bounds = await reading.bounds(current.partitions);
      assignment = current;
      const standing = await this.#standingOf(assignment);
      const plan = this.#plan(standing, bounds);
      if (plan === null) break;
      found = true;
      await this.#take(plan, standing, bounds);
    } while (!isStopped(this.#run, this.#options));
    if (!found) this.#tell(null, NO_COUNTS, beginMs);
    return found;
  }

  result(startMs: number): RunResult {
    const { files, bytes } = this.#counts;
    this.#run.report({ step: 'done', batch: null, files, bytes });
    return resultOf(this.#run, this.#counts, {
      startMs,
      sink: this.#parts.sink.label,
      batches: this.#batchCount,
      version: this.#version,
      warnings: this.#parts.sink.warnings,
    });
  }

  /** Null where there is nothing to take. */
  #plan({ from }: Standing, bounds: KafkaBounds): KafkaPlan | null {
    const { source, reading } = this.#parts;
    const limit = source.maxOffsetsPerBatch;
    this.#backlog = offsetCount(rangesBetween({ ...bounds, from, end: bounds.latest }));
    const plan = planRanges({ from, bounds, limit });
    reading.countLosses(plan);
    this.#backlog -= offsetCount(plan);
    return plan.ranges.length === 0 ? null : plan;
  }

  async #take(plan: KafkaPlan, standing: Standing, bounds: KafkaBounds): Promise<void> {
    const { context, rejected, report, signal } = this.#run;
    const { reading, sink } = this.#parts;
    const beginMs = context.clock.now();
    const claims = claimsOf(plan, standing, bounds);
    const batch: JobBatch = { batch: this.#batchCount, digest: digestOf(claims), claims };
    const letters = lettersOfRanges(rejected, plan.ranges);
    const { lost } = standing.assignment;
    const until = signal === undefined ? lost : AbortSignal.any([signal, lost]);
    report({ step: 'read', batch: batch.batch, files: 0, bytes: 0 });
    let taken: BatchCounts;
    try {
      taken = await reading.take(plan, { batch, sink, letters, signal: until });
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      // Another worker has it, or will: where things stand is for the table to say.
      this.#standing = null;
      return;
    }
    // Without a table, because there were no rows to make it of, nothing is kept of where things stand.
    this.#standing = movedBy(standing, plan, sink.isThere ? claims : []);
    // What was left says nothing twice where a range has no letters.
    const told = plan.ranges.filter((range) =>
      [...letters.written].some((path) => path.startsWith(`${partitionName(range)}/`)),
    );
    await this.#tidy(told, this.#standing.stored);
    report({ step: 'publish', batch: batch.batch, files: 0, bytes: taken.bytes });
    this.#version = (await sink.publish(batch)).version;
    this.#batchCount += 1;
    const counts = { ...taken, lostOffsets: reading.countLosses(plan) };
    this.#counts = addCounts(this.#counts, counts);
    this.#tell(batch.batch, counts, beginMs);
  }

  /** Deletes what tries left that were not committed, by where the partitions stand in the table. */
  async #tidy(
    partitions: readonly TopicPartition[],
    stored: ReadonlyMap<string, number>,
  ): Promise<void> {
    for (const place of partitions) {
      const offset = stored.get(partitionName(place));
      if (offset !== undefined) await dropOtherTries(this.#run.rejected, place, offset);
    }
  }

  /** Asks the table, but where this worker alone has moved it since it last did. */
  async #standingOf(assignment: Assignment): Promise<Standing> {
    if (this.#standing?.assignment === assignment) return this.#standing;
    const initial = await this.#initialOffsets();
    const stored = await this.#parts.sink.progress(assignment.partitions);
    await this.#tidy(assignment.partitions, stored);
    const from = new Map<string, Map<number, number>>();
    for (const place of assignment.partitions) {
      const { topic, partition } = place;
      const offset = stored.get(partitionName(place)) ?? initial.get(topic)?.get(partition);
      if (offset === undefined) continue;
      const known = from.get(topic) ?? new Map<number, number>();
      from.set(topic, known.set(partition, offset));
    }
    this.#standing = { assignment, stored, from };
    return this.#standing;
  }

  /** Where the job begins, as the first worker to look wrote it down. */
  async #initialOffsets(): Promise<KafkaOffsets> {
    const { store } = this.#run.checkpoint;
    this.#initial ??= await readInitialOffsets(store);
    if (this.#initial !== null) return this.#initial;
    const { reading } = this.#parts;
    const begin = await reading.startingOffsets(await reading.bounds());
    try {
      await writeInitialOffsets(store, begin);
    } catch (error) {
      if (!isDeltaError(error, 'JOB_CONCURRENT')) throw error;
    }
    this.#initial = present(await readInitialOffsets(store), 'where the job begins');
    return this.#initial;
  }

  #tell(batch: number | null, counts: BatchCounts, beginMs: number): void {
    this.#options.onBatch?.({
      job: this.#run.job.name,
      batch,
      counts,
      backlog: this.#backlog,
      version: this.#version,
      timeMs: this.#run.context.clock.now() - beginMs,
    });
  }
}

/** What the batch moves: also partitions that have lost messages and no others. */
function claimsOf(
  { end, ranges }: KafkaPlan,
  { stored, from }: Standing,
  { earliest }: KafkaBounds,
): readonly RangeClaim[] {
  const claims: RangeClaim[] = [];
  const starts = new Map(ranges.map((range) => [partitionName(range), range.start]));
  for (const [topic, partitions] of end) {
    for (const [partition, offset] of partitions) {
      const place = { topic, partition };
      const before = from.get(topic)?.get(partition) ?? earliest.get(topic)?.get(partition) ?? 0;
      if (offset === before) continue;
      const start = starts.get(partitionName(place)) ?? offset;
      claims.push({
        ...place,
        start,
        end: offset,
        expected: stored.get(partitionName(place)) ?? null,
      });
    }
  }
  return claims;
}

/** Where the partitions stand after the claims were committed. */
function movedBy(
  { assignment, stored, from }: Standing,
  { end }: KafkaPlan,
  claims: readonly RangeClaim[],
): Standing {
  const moved = new Map(claims.map((claim) => [partitionName(claim), claim.end]));
  const next = new Map([...from].map(([topic, partitions]) => [topic, new Map(partitions)]));
  for (const [topic, partitions] of end) {
    next.set(topic, new Map([...(next.get(topic) ?? []), ...partitions]));
  }
  return { assignment, stored: new Map([...stored, ...moved]), from: next };
}

/** Whether the batch is another worker's by now. */
function isOvertaken(error: unknown): boolean {
  return isDeltaError(error, 'JOB_RANGE_STALE') || isDeltaError(error, 'KAFKA_PARTITION_LOST');
}

function digestOf(claims: readonly RangeClaim[]): string {
  const hash = createHash('sha256');
  for (const { start, end, expected, ...place } of claims) {
    hash.update(`${partitionName(place)} ${start} ${end} ${expected}\n`);
  }
  return hash.digest('hex');
}
