/**
 * A topic as the sink of a job. With `exactlyOnce` a batch is one transaction, which also notes the batch's number: it is
 * there as a whole and once, for readers of committed records. A run that begins shuts out those before it. Kafka
 * forgets the number some days after it was noted (`offsets.retention.minutes`): a batch that was cut short must be taken
 * up before. Otherwise a batch that is run again is sent again, with the same ids.
 */

import { findField } from '../schema/index.ts';
import type { Broker, ProducedRecord, Producer } from '../stream/index.ts';
import { openInputRows } from '../table/index.ts';
import type { KafkaTopicSink } from './job.ts';
import { openBrokerOf } from './connect.ts';
import { keyNotInSink } from './errors.ts';
import { type Run, tableAt } from './job-context.ts';
import {
  type JobBatch,
  type JobSink,
  NO_ROWS,
  type Published,
  type SinkRows,
  type Written,
} from './job-sink.ts';
import { checkTopic } from './kafka-post.ts';
import { MessageMaker } from './message-maker.ts';

interface TopicParts {
  readonly run: Run;
  readonly sink: KafkaTopicSink;
  readonly maker: MessageMaker;
  readonly broker: Broker;
  readonly producer: Producer;
  /** Null where batches are no transactions. */
  readonly transactionalId: string | null;
}

export class KafkaTopic implements JobSink {
  readonly label: string;
  readonly needsRowsAgain = false;
  readonly #parts: TopicParts;
  /** Of the batch that was just written. */
  #posted = 0;

  private constructor(parts: TopicParts) {
    this.label = parts.sink.topic;
    this.#parts = parts;
  }

  /** Errors: those of the broker, the registry and the schema's file. */
  static async open(run: Run, sink: KafkaTopicSink): Promise<KafkaTopic> {
    const maker = await MessageMaker.open(run, sink);
    const broker = await openBrokerOf(run.config, run.context);
    const transactionalId = sink.exactlyOnce ? `deltawright-${run.checkpoint.id}` : null;
    try {
      const producer = await broker.producer(transactionalId === null ? {} : { transactionalId });
      return new KafkaTopic({ run, sink, maker, broker, producer, transactionalId });
    } catch (error) {
      await broker.close();
      throw error;
    }
  }

  /** Errors: `KAFKA_TOPIC_MISSING`. */
  async prepare(): Promise<null> {
    const { run, broker, sink } = this.#parts;
    await checkTopic(run, broker, sink.topic);
    return null;
  }

  async isApplied({ batch }: JobBatch): Promise<boolean> {
    const { producer, sink, transactionalId } = this.#parts;
    if (transactionalId === null) return false;
    return ((await producer.marker(sink.topic, transactionalId)) ?? -1) >= batch;
  }

  /**
   * Errors: `KAFKA_FENCED` where a later run has begun, those of the broker; of rows `MESSAGE_KEY_MISSING`,
   * `MESSAGE_FIELD_MISSING`, `AVRO_BAD_VALUE`. Without transactions, whole portions may have been sent then.
   */
  async write({ batch }: JobBatch, { inputs, schema }: SinkRows): Promise<Written> {
    if (inputs.length === 0) return NO_ROWS;
    const { run, maker } = this.#parts;
    const { context, job, signal } = run;
    const dropDuplicates = job.dropDuplicates?.columns ?? [];
    const missing = dropDuplicates.find((name) => findField(schema, name) === null);
    if (missing !== undefined) throw keyNotInSink(job.name, missing);
    const rows = await openInputRows(tableAt(context, job.checkpoint), inputs, {
      schema,
      // A transform's rows come from rows whose keys were looked at.
      keyColumns: job.transform === null ? job.keys : [],
      dropDuplicates,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      const posted = await this.#send(batch, maker.portions(batch, rows.rows, schema));
      this.#posted = posted;
      return { ...NO_ROWS, inserted: posted, duplicates: rows.duplicateCount };
    } finally {
      await rows.close();
    }
  }

  publish(): Promise<Published> {
    const posted = this.#posted;
    this.#posted = 0;
    return Promise.resolve({ version: null, posted });
  }

  async close(): Promise<void> {
    await this.#parts.producer.close();
    await this.#parts.broker.close();
  }

  async #send(batch: number, portions: AsyncIterable<readonly ProducedRecord[]>): Promise<number> {
    const { producer, sink, transactionalId } = this.#parts;
    let count = 0;
    async function* counted(): AsyncGenerator<readonly ProducedRecord[]> {
      for await (const portion of portions) {
        count += portion.length;
        yield portion;
      }
    }
    if (transactionalId === null) {
      for await (const portion of counted()) await producer.send(sink.topic, portion);
    } else {
      const marker = { group: transactionalId, value: batch };
      await producer.transact(sink.topic, counted(), marker);
    }
    return count;
  }
}
