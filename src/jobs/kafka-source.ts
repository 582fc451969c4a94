/** A job's topics: offsets planned, messages read once and in order, what cannot be read put aside. */

import { present } from '../base/index.ts';
import {
  type KafkaBounds,
  type KafkaOffsets,
  planRanges,
  printKafkaOffsets,
  rangesBetween,
  readInitialOffsets,
  readKafkaOffsets,
  writeInitialOffsets,
} from '../stream/index.ts';
import type { KafkaSource } from './job.ts';
import { DeadLetters } from './dead-letters.ts';
import { type BatchCounts, NO_COUNTS, type Run } from './job-context.ts';
import type { JobSink } from './job-sink.ts';
import type { BatchRange, JobSource, NextBatch, Position } from './job-source.ts';
import { KafkaReading, offsetCount, partitionsOf } from './kafka-reading.ts';

export class KafkaJobSource implements JobSource {
  readonly warnings: readonly string[] = [];
  readonly #run: Run;
  readonly #source: KafkaSource;
  readonly #reading: KafkaReading;
  /** Where the first batch begins; null before it is planned. */
  #initial: KafkaOffsets | null;
  #backlog = 0;

  private constructor(
    run: Run,
    source: KafkaSource,
    parts: { readonly reading: KafkaReading; readonly initial: KafkaOffsets | null },
  ) {
    this.#run = run;
    this.#source = source;
    this.#reading = parts.reading;
    this.#initial = parts.initial;
  }

  static async open(run: Run, source: KafkaSource): Promise<KafkaJobSource> {
    const initial = await readInitialOffsets(run.checkpoint.store);
    const reading = await KafkaReading.open(run, source);
    return new KafkaJobSource(run, source, { reading, initial });
  }

  get backlog(): number {
    return this.#backlog;
  }

  async *nextBatches(from: Position | null): AsyncGenerator<NextBatch> {
    const decided = await this.#reading.bounds();
    let position = from === null ? await this.#begin(decided) : this.#offsetsOf(from);
    const bounds = await this.#reading.undecided(decided, position);
    for (;;) {
      const { maxOffsetsPerBatch: limit } = this.#source;
      const plan = planRanges({ from: position, bounds, limit });
      this.#backlog = offsetCount(rangesBetween({ ...bounds, from: position, end: bounds.latest }));
      if (plan.ranges.length === 0 && plan.losses.length === 0) return;
      this.#reading.countLosses(plan);
      if (plan.ranges.length === 0) return;
      position = plan.end;
      this.#backlog -= offsetCount(plan);
      yield { end: printKafkaOffsets(plan.end), deferredFiles: 0 };
    }
  }

  async take({ from, to }: BatchRange, sink: JobSink): Promise<BatchCounts> {
    const batch = { batch: to.batch, digest: to.offsets.digest };
    if ((await sink.isApplied(batch)) && !sink.needsRowsAgain) return NO_COUNTS;
    const end = this.#offsetsOf(to);
    const start =
      from === null
        ? present(this.#initial, 'where the first batch begins')
        : this.#offsetsOf(from);
    const earliest = await this.#reading.offsetsAt(partitionsOf(end), 'earliest');
    const plan = rangesBetween({ from: start, end, earliest });
    const lostOffsets = this.#reading.countLosses(plan);
    const { rejected, signal, report } = this.#run;
    report({ step: 'read', batch: batch.batch, files: 0, bytes: 0 });
    const letters = DeadLetters.ofBatch(rejected, batch.batch);
    return { ...(await this.#reading.take(plan, { batch, sink, letters, signal })), lostOffsets };
  }

  clean(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#reading.close();
  }

  /** Where the first batch begins, written down once. */
  async #begin(bounds: KafkaBounds): Promise<KafkaOffsets> {
    if (this.#initial !== null) return this.#initial;
    const begin = await this.#reading.startingOffsets(bounds);
    await writeInitialOffsets(this.#run.checkpoint.store, begin);
    this.#initial = begin;
    return begin;
  }

  #offsetsOf({ batch, offsets }: Position): KafkaOffsets {
    return readKafkaOffsets(this.#run.checkpoint, batch, offsets);
  }
}
