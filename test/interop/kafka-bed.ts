/** What the Kafka tests share: kafkajs as an independent client, and topics of their own. */

import { spawn } from 'node:child_process';
import zlib from 'node:zlib';

import {
  type Admin,
  CompressionCodecs,
  CompressionTypes,
  type ITopicConfig,
  Kafka,
  logLevel,
} from 'kafkajs';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import {
  type Broker,
  type BrokerTools,
  type KafkaRecord,
  openBroker,
  type OffsetRange,
  type ProducedRecord,
} from '../../src/stream/kafka/index.ts';
import { required } from './engines.ts';

export const tools: BrokerTools = { clock: systemClock, random: systemRandom };

/** kafkajs packs by gzip only; the codec for zstd is Node's. */
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) =>
    Promise.resolve(zlib.zstdCompressSync(buffer)),
  decompress: (buffer: Buffer) => Promise.resolve(zlib.zstdDecompressSync(buffer)),
});

export class KafkaBed {
  readonly brokers: readonly string[] = [required('KAFKA_BROKERS')];
  readonly kafkajs: Kafka;
  readonly admin: Admin;
  #topics = 0;

  constructor() {
    this.kafkajs = new Kafka({ brokers: [...this.brokers], logLevel: logLevel.NOTHING });
    this.admin = this.kafkajs.admin();
  }

  open(options: Partial<BrokerTools> = {}): Promise<Broker> {
    return openBroker({ brokers: this.brokers }, { ...tools, ...options });
  }

  async topic(
    partitionCount = 1,
    configEntries: NonNullable<ITopicConfig['configEntries']> = [],
  ): Promise<string> {
    this.#topics += 1;
    const topic = `interop-${systemRandom.uuid()}.${String(this.#topics)}`;
    const topics = [{ topic, numPartitions: partitionCount, configEntries }];
    await this.admin.createTopics({ topics, waitForLeaders: false });
    // The broker that answers may hear of the topic a moment later.
    const known = (): Promise<boolean> =>
      this.admin.fetchTopicMetadata({ topics: [topic] }).then(
        ({ topics: [found] }) => found?.partitions.length === partitionCount,
        () => false,
      );
    while (!(await known())) await systemClock.sleep(50);
    return topic;
  }

  /** Deletes the records of partition 0 before `offset`. */
  async deleteRecords(topic: string, offset: number): Promise<void> {
    const { Admin: Administrator } = await import('@platformatic/kafka');
    const admin = new Administrator({ clientId: 'interop', bootstrapBrokers: [...this.brokers] });
    const partitions = [{ partition: 0, offset: BigInt(offset) }];
    await admin.deleteRecords({ topics: [{ name: topic, partitions }] });
    await admin.close();
  }

  /** All values of a partition by kafkajs, up to `end`. */
  async readByKafkajs(topic: string, end: number): Promise<string[]> {
    const consumer = this.kafkajs.consumer({ groupId: systemRandom.uuid() });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const values: string[] = [];
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachBatch: ({ batch }) => {
            for (const { offset, value } of batch.messages) {
              if (Number(offset) < end) values.push(value?.toString() ?? 'null');
            }
            if (Number(batch.lastOffset()) >= end - 1) resolve();
            return Promise.resolve();
          },
        })
        .catch(reject);
    });
    await consumer.disconnect();
    return values;
  }
}

/** A copy of what is handed over, as texts. */
export interface ReadRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

export async function readRange(broker: Broker, range: OffsetRange): Promise<ReadRecord[]> {
  const found: ReadRecord[] = [];
  await broker.fetch(range, (records) => void found.push(...records.map(copy)));
  return found;
}

/** All of a partition, from its earliest to its latest offset. */
export async function readAll(broker: Broker, topic: string, partition = 0): Promise<ReadRecord[]> {
  const place = { topic, partition };
  const [start = 0] = await broker.offsets([place], 'earliest');
  const [end = 0] = await broker.offsets([place], 'latest');
  return readRange(broker, { ...place, start, end });
}

export function values(records: readonly ReadRecord[]): string[] {
  return records.map(({ value }) => value ?? 'null');
}

export function produced(value: string | null, more: Partial<ProducedRecord> = {}): ProducedRecord {
  const bytes = value === null ? null : Buffer.from(value);
  return { key: null, value: bytes, headers: [], timestampMs: systemClock.now(), ...more };
}

export async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

/** Stops the broker cleanly, and starts it again with its data. */
export async function restartKafka(): Promise<void> {
  const script = new URL('../../scripts/testbeds/kafka.sh', import.meta.url).pathname;
  const child = spawn('bash', [script, 'restart'], { stdio: 'ignore' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`kafka.sh restart failed (${String(code)})`);
}

function copy(record: KafkaRecord): ReadRecord {
  return {
    offset: record.offset,
    timestampMs: record.timestampMs,
    key: text(record.key),
    value: text(record.value),
    headers: record.headers.map(([name, value]) => [text(name) ?? '', text(value)] as const),
  };
}

function text(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString();
}
