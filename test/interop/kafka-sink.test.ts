/** A topic as a sink, on a real broker and registry, with kafkajs as the reader. */

import { unlink } from 'node:fs/promises';
import { join } from 'node:path';

import avsc from 'avsc';
import type { IHeaders, KafkaMessage } from 'kafkajs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import type { KafkaTopicSink } from '../../src/jobs/job.ts';
import type { Run } from '../../src/jobs/job-context.ts';
import { KafkaTopic } from '../../src/jobs/kafka-topic.ts';
import type { JobBench } from '../jobs/bench.ts';
import {
  avroSchema,
  openRunOf,
  openTopicBench,
  putRows,
  rowsIn,
  total,
  TOTALS_SINK,
  type TopicSink,
} from '../jobs/topic-bench.ts';
import { required } from './engines.ts';
import { codeOf, KafkaBed } from './kafka-bed.ts';

const bed = new KafkaBed();
const registry = required('SCHEMA_REGISTRY_URL');

beforeAll(() => bed.admin.connect());
afterAll(() => bed.admin.disconnect());

async function withBench(
  sink: Partial<TopicSink>,
  work: (bench: JobBench) => Promise<void>,
): Promise<void> {
  const job: TopicSink = { ...TOTALS_SINK, ...sink };
  const kafka = { brokers: [...bed.brokers] };
  const bench = await openTopicBench(job, {}, { kafka, registry: { url: registry } });
  // A broker that has just started loads its coordinators in real time: tries must not be over before.
  vi.spyOn(bench.clock, 'sleep').mockImplementation((ms, signal) => systemClock.sleep(ms, signal));
  try {
    await work(bench);
  } finally {
    await bench.close();
  }
}

/** What readers of committed records see; a last record of our own tells where the topic ends. */
async function committed(topic: string, partitionCount: number): Promise<KafkaMessage[]> {
  const end = `end-${systemRandom.uuid()}`;
  const producer = bed.kafkajs.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  for (let partition = 0; partition < partitionCount; partition += 1) {
    await producer.send({ topic, messages: [{ partition, value: end }] });
  }
  await producer.disconnect();
  const consumer = bed.kafkajs.consumer({ groupId: systemRandom.uuid(), readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const found: KafkaMessage[] = [];
  let ends = 0;
  await new Promise<void>((resolve, reject) => {
    const eachMessage = ({ message }: { readonly message: KafkaMessage }): Promise<void> => {
      if (!(message.value ?? '').toString().startsWith('end-')) found.push(message);
      else if (message.value?.toString() === end && (ends += 1) === partitionCount) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return found;
}

function keysOf(messages: readonly KafkaMessage[]): string[] {
  return messages.map(({ key }) => key?.toString() ?? 'null').sort();
}

function headerOf(headers: IHeaders | undefined, name: string): string | undefined {
  return headers?.[name]?.toString();
}

function sinkOf({ job }: Run): KafkaTopicSink {
  if (job.sink.kind !== 'kafka') throw new TypeError('the job has another sink');
  return job.sink;
}

test('messages are what their schema in the registry says, each with an id of its own', async () => {
  const topic = await bed.topic(3);
  await withBench({ topic }, async (bench) => {
    const rows = Array.from({ length: 300 }, (_, n) => total(`E${String(n % 50)}`, 'P', n + 1));
    await putRows(bench, '1.jsonl', rows);
    expect(await bench.run('totals')).toMatchObject({ posted: 300 });
    const messages = await committed(topic, 3);
    expect(messages).toHaveLength(300);
    const id = messages[0]?.value?.readUInt32BE(1) ?? 0;
    const answer = await fetch(`${registry}/schemas/ids/${String(id)}`);
    const { schema } = (await answer.json()) as { schema: string };
    expect(avsc.Type.forSchema(JSON.parse(schema)).fingerprint()).toEqual(
      avsc.Type.forSchema(await avroSchema()).fingerprint(),
    );
    const type = avsc.Type.forSchema(JSON.parse(schema));
    const counts = messages.map(({ value }) => {
      const { quantidade_eventos_transmitidos } = type.fromBuffer(
        value?.subarray(5) ?? Buffer.of(),
      ) as { quantidade_eventos_transmitidos: number };
      return quantidade_eventos_transmitidos;
    });
    expect(counts.sort((a, b) => a - b)).toEqual(rows.map((_, n) => n + 1));
    expect(new Set(messages.map(({ headers }) => headerOf(headers, 'id'))).size).toBe(300);
    expect(headerOf(messages[0]?.headers, 'specversion')).toBe('1.0');
  });
});

test('exactly once: a batch that is run again is there once', async () => {
  const topic = await bed.topic(3);
  await withBench({ topic, exactlyOnce: true }, async (bench) => {
    await putRows(bench, '1.jsonl', [total('E1', 'P', 1), total('E2', 'P', 2)]);
    expect(await bench.run('totals')).toMatchObject({ posted: 2 });
    await unlink(join(bench.folder, 'lake/_checkpoints/totals/commits/0'));
    expect(await bench.run('totals')).toMatchObject({ posted: 0, batches: 1 });
    await putRows(bench, '2.jsonl', [total('E3', 'P', 3)]);
    expect(await bench.run('totals')).toMatchObject({ posted: 1 });
    expect(keysOf(await committed(topic, 3))).toEqual(['E1|P', 'E2|P', 'E3|P']);
  });
});

test('exactly once: a batch that breaks in the middle leaves nothing to readers of committed records', async () => {
  const topic = await bed.topic();
  await withBench({ topic, exactlyOnce: true }, async (bench) => {
    // More than one portion, so that some of it has gone to the broker when the bad row comes.
    const rows = Array.from({ length: 12_000 }, (_, n) => total(`E${String(n)}`, 'P', 1));
    await putRows(bench, '1.jsonl', [...rows, total(null, 'P', 1)]);
    expect(await codeOf(bench.run('totals'))).toBe('AVRO_BAD_VALUE');
    // This is the end for readers of committed records: it moves once the broker has written the abort, after it answered.
    const end = async () => Number((await bed.admin.fetchTopicOffsets(topic))[0]?.high);
    await expect.poll(end, { timeout: 20_000 }).toBeGreaterThan(5000);
    await bench.remove('lake/_checkpoints/totals');
    await putRows(bench, '1.jsonl', [total('E1', 'P', 1)]);
    expect(await bench.run('totals')).toMatchObject({ posted: 1 });
    expect(keysOf(await committed(topic, 1))).toEqual(['E1|P']);
  });
});

test('exactly once: a process that began earlier is refused', async () => {
  const topic = await bed.topic();
  await withBench({ topic, exactlyOnce: true }, async (bench) => {
    await putRows(bench, '1.jsonl', [total('E1', 'P', 1)]);
    const run = await openRunOf(bench);
    const rows = await rowsIn(bench);
    const older = await KafkaTopic.open(run, sinkOf(run));
    const newer = await KafkaTopic.open(run, sinkOf(run));
    const batch = { batch: 0, digest: '' };
    expect(await codeOf(older.write(batch, rows))).toBe('KAFKA_FENCED');
    expect(await newer.write(batch, rows)).toMatchObject({ inserted: 1 });
    expect(await newer.isApplied(batch)).toBe(true);
    expect(await codeOf(older.write({ ...batch, batch: 1 }, rows))).toBe('KAFKA_FENCED');
    await Promise.all([older.close(), newer.close(), rows.close()]);
    expect(keysOf(await committed(topic, 1))).toEqual(['E1|P']);
  });
});

test('at least once: a batch that is run again has the same ids', async () => {
  const topic = await bed.topic();
  await withBench({ topic }, async (bench) => {
    await putRows(bench, '1.jsonl', [total('E1', 'P', 1), total('E2', 'P', 2)]);
    await bench.run('totals');
    await unlink(join(bench.folder, 'lake/_checkpoints/totals/commits/0'));
    await bench.run('totals');
    const messages = await committed(topic, 1);
    expect(keysOf(messages)).toEqual(['E1|P', 'E1|P', 'E2|P', 'E2|P']);
    const ids = messages.map(({ headers }) => headerOf(headers, 'id'));
    expect(ids.slice(2)).toEqual(ids.slice(0, 2));
  });
});

test('a topic that is not there is refused before anything is read', async () => {
  const topic = `absent-${systemRandom.uuid()}`;
  await withBench({ topic }, async (bench) => {
    await putRows(bench, '1.jsonl', [total('E1', 'P', 1)]);
    await expect(bench.run('totals')).rejects.toMatchObject({
      code: 'KAFKA_TOPIC_MISSING',
      details: { topic },
    });
    expect(await bench.names('lake/_checkpoints/totals/offsets')).toEqual([]);
  });
});
