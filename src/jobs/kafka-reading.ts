/** A job's topics: which partitions there are and how far they go, and the messages of planned ranges, taken to a sink. */

import type { SchemaRegistry } from '../avro/index.ts';
import { present, unreachable } from '../base/index.ts';
import {
  avroPayloads,
  behind,
  type Broker,
  DATE_COLUMN,
  jsonPayloads,
  type KafkaBounds,
  type KafkaOffsets,
  type KafkaPlan,
  type MessageReader,
  type MessageSpec,
  openMessageReader,
  type Payloads,
  rawPayloads,
  type TopicPartition,
  withUndecided,
} from '../stream/index.ts';
import type { KafkaSource, ValueFormat } from './job.ts';
import { openBrokerOf, openRegistryOf } from './connect.ts';
import type { DeadLetters } from './dead-letters.ts';
import { deliver } from './deliver.ts';
import { jobRejected, offsetsLost } from './errors.ts';
import { type BatchCounts, NO_COUNTS, type Run } from './job-context.ts';
import type { JobBatch, JobSink, Written } from './job-sink.ts';
import { stageMessages } from './staged-messages.ts';

/** What becomes of the messages of a plan. */
export interface Taking {
  readonly batch: JobBatch;
  readonly sink: JobSink;
  readonly letters: DeadLetters;
  readonly signal: AbortSignal | undefined;
}

export class KafkaReading {
  readonly broker: Broker;
  readonly #run: Run;
  readonly #source: KafkaSource;
  readonly #payloads: Payloads;
  /** For the sink of the job, whose rows have the same columns batch after batch. */
  #reader: MessageReader | null = null;

  private constructor(
    run: Run,
    source: KafkaSource,
    parts: { readonly broker: Broker; readonly payloads: Payloads },
  ) {
    this.#run = run;
    this.#source = source;
    this.broker = parts.broker;
    this.#payloads = parts.payloads;
  }

  static async open(run: Run, source: KafkaSource): Promise<KafkaReading> {
    const isAvro = source.value.format === 'avro';
    const registry = isAvro ? await openRegistryOf(run.config, run.context) : null;
    const payloads = await payloadsOf(source.value, registry);
    const broker = await openBrokerOf(run.config, run.context, source.isolation);
    return new KafkaReading(run, source, { broker, payloads });
  }

  /** All there are now, in the order of topics and numbers. */
  async partitions(): Promise<readonly TopicPartition[]> {
    const topics = await this.broker.topics(this.#source.topics);
    return topics.flatMap(({ topic, partitionCount }) =>
      Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition })),
    );
  }

  /** Of some partitions; of all where none are named. */
  async bounds(partitions?: readonly TopicPartition[]): Promise<KafkaBounds> {
    const some = partitions ?? (await this.partitions());
    const [earliest, latest] = await Promise.all([
      this.offsetsAt(some, 'earliest'),
      this.offsetsAt(some, 'latest'),
    ]);
    return { earliest, latest };
  }

  /** The same bounds, where a checkpoint of Spark's lies beyond what open transactions let us read. */
  async undecided(bounds: KafkaBounds, from: KafkaOffsets): Promise<KafkaBounds> {
    const partitions = behind(from, bounds.latest);
    if (partitions.length === 0) return bounds;
    return withUndecided(bounds, from, await this.offsetsAt(partitions, 'end'));
  }

  async offsetsAt(
    partitions: readonly TopicPartition[],
    at: Parameters<Broker['offsets']>[1],
  ): Promise<KafkaOffsets> {
    const offsets = await this.broker.offsets(partitions, at);
    const topics = new Map<string, Map<number, number>>();
    for (const [index, { topic, partition }] of partitions.entries()) {
      const known = topics.get(topic) ?? new Map<number, number>();
      topics.set(topic, known.set(partition, present(offsets[index], 'the offset asked for')));
    }
    return topics;
  }

  /** Where the job begins, as its definition says it. */
  async startingOffsets({ earliest, latest }: KafkaBounds): Promise<KafkaOffsets> {
    const { startingOffsets } = this.#source;
    if (startingOffsets === 'earliest') return earliest;
    if (startingOffsets === 'latest') return latest;
    if ('timestampMs' in startingOffsets) {
      return this.offsetsAt(partitionsOf(latest), startingOffsets);
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

  /** How many messages were gone before they were read. Errors: `KAFKA_OFFSETS_LOST` where that is not allowed. */
  countLosses({ losses }: KafkaPlan): number {
    const [first] = losses;
    if (first === undefined) return 0;
    if (this.#source.onDataLoss === 'fail') throw offsetsLost(this.#run.job.name, first);
    return losses.reduce(
      (sum, loss) => sum + (loss.kind === 'expired' ? loss.end - loss.start : 0),
      0,
    );
  }

  /** Takes the messages of a plan to the sink; those that make no row are written before it commits. */
  async take(plan: KafkaPlan, { batch, sink, letters, signal }: Taking): Promise<BatchCounts> {
    const { strict, job } = this.#run;
    this.#reader ??= await openMessageReader({
      broker: this.broker,
      spec: this.#spec(sink),
      payloads: this.#payloads,
    });
    const reader = this.#reader;
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
    signal?.throwIfAborted();
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

  async close(): Promise<void> {
    await this.broker.close();
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
      codec: sink.messages?.codec ?? 'snappy',
    };
  }
}

/** The partitions that the offsets are of. */
export function partitionsOf(offsets: KafkaOffsets): TopicPartition[] {
  return [...offsets].flatMap(([topic, partitions]) =>
    [...partitions.keys()].map((partition) => ({ topic, partition })),
  );
}

/** How many offsets the ranges of a plan span. */
export function offsetCount({ ranges }: Pick<KafkaPlan, 'ranges'>): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
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
