/** A job's topics: offsets planned, messages read once and in order, what cannot be read put aside. */

import type { SchemaRegistry } from '../avro/index.ts';
import { present, unreachable } from '../base/index.ts';
import {
  avroPayloads,
  type Broker,
  DATE_COLUMN,
  jsonPayloads,
  type KafkaBounds,
  type KafkaOffsets,
  type KafkaPlan,
  openMessageReader,
  type MessageSpec,
  type Payloads,
  planRanges,
  printKafkaOffsets,
  rangesBetween,
  rawPayloads,
  readInitialOffsets,
  readKafkaOffsets,
  type TopicInfo,
  type TopicPartition,
  writeInitialOffsets,
} from '../stream/index.ts';
import type { KafkaSource, ValueFormat } from './config.ts';
import { openBrokerOf, openRegistryOf } from './connect.ts';
import { DeadLetters } from './dead-letters.ts';
import { deliver } from './deliver.ts';
import { jobRejected, offsetsLost } from './errors.ts';
import { type BatchCounts, NO_COUNTS, type Run } from './job-context.ts';
import type { JobBatch, JobSink, Written } from './job-sink.ts';
import type { BatchRange, JobSource, NextBatch, Position } from './job-source.ts';
import { stageMessages } from './staged-messages.ts';

export class KafkaJobSource implements JobSource {
  readonly #run: Run;
  readonly #source: KafkaSource;
  readonly #broker: Broker;
  readonly #payloads: Payloads;
  /** Where the first batch begins; null before it is planned. */
  #initial: KafkaOffsets | null;
  #backlog = 0;

  private constructor(
    run: Run,
    source: KafkaSource,
    parts: {
      readonly broker: Broker;
      readonly payloads: Payloads;
      readonly initial: KafkaOffsets | null;
    },
  ) {
    this.#run = run;
    this.#source = source;
    this.#broker = parts.broker;
    this.#payloads = parts.payloads;
    this.#initial = parts.initial;
  }

  static async open(run: Run, source: KafkaSource): Promise<KafkaJobSource> {
    const initial = await readInitialOffsets(run.checkpoint.store);
    const isAvro = source.value.format === 'avro';
    const registry = isAvro ? await openRegistryOf(run.config, run.context) : null;
    const payloads = await payloadsOf(source.value, registry);
    const broker = await openBrokerOf(run.config, run.context, source.isolation);
    return new KafkaJobSource(run, source, { broker, payloads, initial });
  }

  readonly warnings: readonly string[] = [];

  get backlog(): number {
    return this.#backlog;
  }

  async *nextBatches(from: Position | null): AsyncGenerator<NextBatch> {
    const bounds = await this.#bounds();
    let position = from === null ? await this.#begin(bounds) : this.#offsetsOf(from);
    for (;;) {
      const { maxOffsetsPerBatch: limit } = this.#source;
      const plan = planRanges({ from: position, bounds, limit });
      this.#backlog = recordCount(rangesBetween({ ...bounds, from: position, end: bounds.latest }));
      if (plan.ranges.length === 0 && plan.losses.length === 0) return;
      this.#countLosses(plan);
      if (plan.ranges.length === 0) return;
      position = plan.end;
      this.#backlog -= recordCount(plan);
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
    const earliest = await this.#offsetsAt(partitionsOf(end), 'earliest');
    const plan = rangesBetween({ from: start, end, earliest });
    const lostOffsets = this.#countLosses(plan);
    this.#run.report({ step: 'read', batch: batch.batch, files: 0, bytes: 0 });
    return { ...(await this.#takePlan(plan, batch, sink)), lostOffsets };
  }

  clean(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#broker.close();
  }

  async #takePlan(plan: KafkaPlan, batch: JobBatch, sink: JobSink): Promise<BatchCounts> {
    const { rejected, signal, strict, job } = this.#run;
    const letters = await DeadLetters.open(rejected, batch.batch);
    const reader = await openMessageReader({
      broker: this.#broker,
      spec: this.#spec(sink),
      payloads: this.#payloads,
    });
    const entry = await sink.messages?.begin(plan.ranges, reader, signal);
    const read = await reader.read(plan.ranges, {
      seen: entry?.seen ?? null,
      isKnown: entry?.isKnown ?? null,
      onDeadLetter: (letter) => letters.add(letter),
      signal,
    });
    if (strict && read.deadLetterCount > 0) {
      throw jobRejected(job.name, read.deadLetterCount, letters.first());
    }
    await letters.finish();
    const written =
      sink.messages === undefined
        ? await this.#deliver(read.files, batch, sink)
        : await sink.messages.writeMessages(batch, read.files);
    return {
      ...NO_COUNTS,
      ...written,
      duplicates: written.duplicates + read.duplicateCount,
      rowsIn: read.messageCount,
      bytes: read.sizeBytes,
      rejectedRows: read.deadLetterCount,
    };
  }

  async #deliver(
    files: Parameters<typeof stageMessages>[1],
    batch: JobBatch,
    sink: JobSink,
  ): Promise<Written> {
    const staged = await stageMessages(this.#run.context, files);
    try {
      return await deliver(this.#run, sink, batch, staged);
    } finally {
      await staged.close();
    }
  }

  #spec(sink: JobSink): MessageSpec {
    const { headers, dateFrom, tombstones } = this.#source;
    const { job } = this.#run;
    const names = new Set(headers.fields.map(({ name }) => name));
    const folders = sink.messages?.partitionColumns ?? [];
    return {
      headers,
      dateFrom,
      tombstones,
      required: job.keys.filter((name) => names.has(name)),
      key: sink.messages === undefined ? null : (job.dropDuplicates?.columns[0] ?? null),
      omit: new Set(folders),
      splitByDate: folders.includes(DATE_COLUMN),
    };
  }

  /** Where the first batch begins, written down once. */
  async #begin(bounds: KafkaBounds): Promise<KafkaOffsets> {
    if (this.#initial !== null) return this.#initial;
    const begin = await this.#startingOffsets(bounds);
    await writeInitialOffsets(this.#run.checkpoint.store, begin);
    this.#initial = begin;
    return begin;
  }

  async #startingOffsets({ earliest, latest }: KafkaBounds): Promise<KafkaOffsets> {
    const { startingOffsets } = this.#source;
    if (startingOffsets === 'earliest') return earliest;
    if (startingOffsets === 'latest') return latest;
    if ('timestampMs' in startingOffsets) {
      return this.#offsetsAt(partitionsOf(latest), startingOffsets);
    }
    return new Map(
      [...earliest].map(([topic, partitions]) => {
        const named = startingOffsets.offsets.get(topic);
        const offsets = [...partitions].map(
          ([partition, offset]) => [partition, named?.get(partition) ?? offset] as const,
        );
        return [topic, new Map(offsets)] as const;
      }),
    );
  }

  async #bounds(): Promise<KafkaBounds> {
    const partitions = (await this.#broker.topics(this.#source.topics)).flatMap(partitionsIn);
    const [earliest, latest] = await Promise.all([
      this.#offsetsAt(partitions, 'earliest'),
      this.#offsetsAt(partitions, 'latest'),
    ]);
    return { earliest, latest };
  }

  async #offsetsAt(
    partitions: readonly TopicPartition[],
    at: Parameters<Broker['offsets']>[1],
  ): Promise<KafkaOffsets> {
    const offsets = await this.#broker.offsets(partitions, at);
    const topics = new Map<string, Map<number, number>>();
    for (const [index, { topic, partition }] of partitions.entries()) {
      const known = topics.get(topic) ?? new Map<number, number>();
      topics.set(topic, known.set(partition, present(offsets[index], 'the offset asked for')));
    }
    return topics;
  }

  #offsetsOf({ batch, offsets }: Position): KafkaOffsets {
    return readKafkaOffsets(this.#run.checkpoint, batch, offsets);
  }

  /** How many messages were gone before they were read. Errors: `KAFKA_OFFSETS_LOST` where that is not allowed. */
  #countLosses({ losses }: KafkaPlan): number {
    const [first] = losses;
    if (first === undefined) return 0;
    if (this.#source.onDataLoss === 'fail') throw offsetsLost(this.#run.job.name, first);
    return losses.reduce(
      (sum, loss) => sum + (loss.kind === 'expired' ? loss.end - loss.start : 0),
      0,
    );
  }
}

async function payloadsOf(value: ValueFormat, registry: SchemaRegistry | null): Promise<Payloads> {
  switch (value.format) {
    case 'avro':
      return avroPayloads(present(registry, 'the registry of a job with Avro'));
    case 'json':
      return jsonPayloads(value.schema);
    case 'raw':
      return rawPayloads();
    default:
      return unreachable(value);
  }
}

function partitionsIn({ topic, partitionCount }: TopicInfo): TopicPartition[] {
  return Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition }));
}

function partitionsOf(offsets: KafkaOffsets): TopicPartition[] {
  return [...offsets].flatMap(([topic, partitions]) =>
    [...partitions.keys()].map((partition) => ({ topic, partition })),
  );
}

function recordCount({ ranges }: KafkaPlan): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
