/** The door to Kafka on a real broker; kafkajs writes what we read, and reads what we write. */

import { randomBytes } from 'node:crypto';
import { CompressionTypes } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { systemClock, systemRandom } from '../../src/base/index.ts';
import { memoryStore } from '../../src/store/index.ts';
import {
  type Broker,
  openRecordedBroker,
  type Producer,
  recordTopic,
} from '../../src/stream/kafka/index.ts';
import {
  codeOf,
  KafkaBed,
  produced,
  readAll,
  type ReadRecord,
  readRange,
  restartKafka,
  values,
} from './kafka-bed.ts';

const bed = new KafkaBed();
let broker: Broker;

beforeAll(async () => {
  await bed.admin.connect();
  broker = await bed.open();
});

afterAll(async () => {
  await broker.close();
  await bed.admin.disconnect();
});

async function write(
  topic: string,
  texts: readonly (string | null)[],
  more: { readonly compression?: CompressionTypes; readonly timestamp?: string } = {},
): Promise<void> {
  const { compression = CompressionTypes.None, timestamp } = more;
  const producer = bed.kafkajs.producer();
  await producer.connect();
  const messages = texts.map((value) => ({
    value,
    ...(timestamp === undefined ? {} : { timestamp }),
  }));
  await producer.send({ topic, messages, compression });
  await producer.disconnect();
}

/** A transaction of kafkajs with each list as a batch of its own. */
async function transaction(
  topic: string,
  batches: readonly (readonly string[])[],
  commit: boolean,
  transactionalId = systemRandom.uuid(),
): Promise<void> {
  const producer = bed.kafkajs.producer({
    transactionalId,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  const open = await producer.transaction();
  for (const texts of batches) {
    await open.send({ topic, messages: texts.map((value) => ({ value })) });
  }
  await (commit ? open.commit() : open.abort());
  await producer.disconnect();
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}${String(index)}`);
}

/** Texts of about 100 kB that no codec makes smaller by much. */
function large(name: string, count: number): string[] {
  return numbered(name, count).map((text) => `${text} ${randomBytes(75_000).toString('base64')}`);
}

function names(texts: readonly string[]): string[] {
  return texts.map((text) => text.split(' ')[0] ?? '');
}

describe('reading', () => {
  test('gives records with keys, headers, times and tombstones', async () => {
    const topic = await bed.topic();
    const producer = bed.kafkajs.producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: [
        { key: 'k', value: 'v', headers: { id: ['1', '2'], none: '' }, timestamp: '1700000000000' },
        { key: 'k', value: null, timestamp: '1600000000000' },
      ],
    });
    await producer.disconnect();
    expect(await readAll(broker, topic)).toEqual([
      {
        offset: 0,
        timestampMs: 1_700_000_000_000,
        key: 'k',
        value: 'v',
        headers: [
          ['id', '1'],
          ['id', '2'],
          ['none', ''],
        ],
      },
      { offset: 1, timestampMs: 1_600_000_000_000, key: 'k', value: null, headers: [] },
    ]);
  });

  test.each([
    ['none', CompressionTypes.None],
    ['gzip', CompressionTypes.GZIP],
    ['zstd', CompressionTypes.ZSTD],
  ])('cuts ranges out of batches packed by %s', async (_, compression) => {
    const topic = await bed.topic();
    const texts = numbered('v', 50);
    await write(topic, texts.slice(0, 30), { compression });
    await write(topic, texts.slice(30), { compression });
    const place = { topic, partition: 0 };
    for (const [start, end] of [
      [0, 50],
      [7, 9],
      [29, 31],
      [45, 50],
      [12, 12],
    ] as const) {
      const found = await readRange(broker, { ...place, start, end });
      expect(values(found)).toEqual(texts.slice(start, end));
      expect(found.map(({ offset }) => offset)).toEqual(texts.map((__, n) => n).slice(start, end));
    }
  });

  test('finds offsets by time, and the end where nothing is younger', async () => {
    const topic = await bed.topic(2);
    const place = { topic, partition: 0 };
    for (const [index, timestamp] of ['1000', '3000', '2000'].entries()) {
      await writeTo(place.topic, 0, `v${String(index)}`, timestamp);
    }
    expect(await broker.offsets([place], { timestampMs: 1000 })).toEqual([0]);
    expect(await broker.offsets([place], { timestampMs: 1500 })).toEqual([1]);
    expect(await broker.offsets([place], { timestampMs: 3001 })).toEqual([3]);
    const both = [{ topic, partition: 1 }, place];
    expect(await broker.offsets(both, 'latest')).toEqual([0, 3]);
    expect(await broker.offsets(both, 'earliest')).toEqual([0, 0]);
  });

  test('takes several answers for a long range, from several partitions at once', async () => {
    const topic = await bed.topic(3);
    const producer = await broker.producer();
    const texts = large('v', 90);
    await producer.send(
      topic,
      texts.map((text, index) => produced(text, { partition: index % 3 })),
    );
    const found = await Promise.all(
      [0, 1, 2].map((partition) => readAll(broker, topic, partition)),
    );
    expect(found.map((records) => values(records))).toEqual(
      [0, 1, 2].map((partition) => texts.filter((_, index) => index % 3 === partition)),
    );
  });

  test('refuses topics and partitions that are not there', async () => {
    const topic = await bed.topic();
    expect(await codeOf(broker.topics({ names: [topic, 'no-such-topic'] }))).toBe(
      'KAFKA_TOPIC_MISSING',
    );
    const nowhere = { topic, partition: 4 };
    expect(await codeOf(broker.offsets([nowhere], 'latest'))).toBe('KAFKA_TOPIC_MISSING');
    expect(await codeOf(readRange(broker, { ...nowhere, start: 0, end: 1 }))).toBe(
      'KAFKA_TOPIC_MISSING',
    );
  });

  test('sees new topics by pattern and new partitions', async () => {
    const topic = await bed.topic(1);
    const pattern = new RegExp(`${topic.slice(0, 20)}.*`);
    expect(await broker.topics({ pattern })).toEqual([{ topic, partitionCount: 1 }]);
    await bed.admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] });
    await expect
      .poll(() => broker.topics({ names: [topic] }), { timeout: 20_000 })
      .toEqual([{ topic, partitionCount: 3 }]);
    await writeTo(topic, 2, 'new', '5');
    expect(values(await readAll(broker, topic, 2))).toEqual(['new']);
  });

  test('says where a topic begins when records of the range were deleted', async () => {
    const topic = await bed.topic();
    await write(topic, numbered('v', 10));
    await bed.deleteRecords(topic, 6);
    const reading = readRange(broker, { topic, partition: 0, start: 2, end: 10 });
    await expect(reading).rejects.toMatchObject({
      code: 'KAFKA_OFFSET_OUT_OF_RANGE',
      details: { offset: 2, earliest: 6, latest: 10 },
    });
    expect(values(await readAll(broker, topic))).toEqual(['v6', 'v7', 'v8', 'v9']);
  });

  test('refuses an end that the topic does not reach', async () => {
    const topic = await bed.topic();
    await write(topic, ['a']);
    const reading = readRange(broker, { topic, partition: 0, start: 0, end: 5 });
    expect(await codeOf(reading)).toBe('KAFKA_OFFSET_OUT_OF_RANGE');
  });

  test('passes over what compaction took, at the end of the range too', async () => {
    const topic = await bed.topic(1, [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'min.cleanable.dirty.ratio', value: '0.001' },
      { name: 'segment.ms', value: '200' },
      { name: 'delete.retention.ms', value: '0' },
    ]);
    const producer = await broker.producer();
    for (let round = 0; round < 6; round += 1) {
      const keys = numbered('k', 5);
      await producer.send(
        topic,
        keys.map((key) => produced(`${key} of ${String(round)}`, { key: Buffer.from(key) })),
      );
      await systemClock.sleep(250);
    }
    const place = { topic, partition: 0 };
    const [end = 0] = await broker.offsets([place], 'latest');
    expect(end).toBe(30);
    await expect
      .poll(async () => (await readAll(broker, topic)).length, { timeout: 60_000, interval: 500 })
      .toBeLessThan(15);
    const kept = await readAll(broker, topic);
    expect(values(kept).slice(-5)).toEqual(numbered('k', 5).map((key) => `${key} of 5`));
    const first = kept[0]?.offset ?? 0;
    expect(first).toBeGreaterThan(0);
    expect(await readRange(broker, { ...place, start: 0, end: first })).toEqual([]);
  });

  test('records a topic as files that read the same', async () => {
    const topic = await bed.topic(2);
    await write(topic, ['a', null, 'c']);
    const store = memoryStore({ clock: systemClock });
    await recordTopic(broker, topic, store);
    const recorded = openRecordedBroker({ read: store, write: null });
    for (const partition of [0, 1]) {
      expect(await readAll(recorded, topic, partition)).toEqual(
        await readAll(broker, topic, partition),
      );
    }
  });
});

async function writeTo(
  topic: string,
  partition: number,
  value: string,
  timestamp: string,
): Promise<void> {
  const producer = bed.kafkajs.producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ value, partition, timestamp }] });
  await producer.disconnect();
}

/** Reads until the topic begins its values so: a transaction is over a moment before its records can be read. */
async function settled(topic: string, expected: readonly string[]): Promise<ReadRecord[]> {
  const read = async (): Promise<string[]> => names(values(await readAll(broker, topic)));
  await expect.poll(read, { timeout: 20_000 }).toEqual(expected);
  return readAll(broker, topic);
}

describe('transactions of others', () => {
  test('that were aborted are left out, several of one producer in one answer', async () => {
    const topic = await bed.topic();
    const id = systemRandom.uuid();
    await transaction(topic, [['a0', 'a1'], ['a2']], false, id);
    await transaction(topic, [['c0', 'c1']], true, id);
    await transaction(topic, [['a3']], false, id);
    await write(topic, ['p0']);
    await transaction(topic, [['a4', 'a5']], false);
    await transaction(topic, [['c2']], true);
    const committed = ['c0', 'c1', 'p0', 'c2'];
    const found = await settled(topic, committed);
    const end = (found.at(-1)?.offset ?? 0) + 1;
    expect(await bed.readByKafkajs(topic, end)).toEqual(committed);

    const everything = await bed.open({ isolation: 'read_uncommitted' });
    expect(values(await readAll(everything, topic))).toEqual(
      'a0 a1 a2 c0 c1 a3 p0 a4 a5 c2'.split(' '),
    );
    await everything.close();
  });

  test('that go over several answers are left out in each, between others', async () => {
    const topic = await bed.topic();
    const long = systemRandom.uuid();
    const batches = Array.from({ length: 4 }, (_, index) => large(`a${String(index)}-`, 8));
    await transaction(topic, batches, false, long);
    await transaction(topic, [large('c', 12), large('d', 3)], true, long);
    await transaction(topic, batches, false);
    await write(topic, large('p', 3));
    const committed = [...numbered('c', 12), ...numbered('d', 3), ...numbered('p', 3)];
    const found = await settled(topic, committed);
    const end = (found.at(-1)?.offset ?? 0) + 1;
    expect(names(await bed.readByKafkajs(topic, end))).toEqual(committed);
    // A range that begins inside of the aborted transaction, and one that ends there.
    const place = { topic, partition: 0 };
    expect(await readRange(broker, { ...place, start: 5, end: 30 })).toEqual([]);
  });

  test('that are open end what can be read, and one that is aborted later is not in it', async () => {
    const topic = await bed.topic();
    const transactionalId = systemRandom.uuid();
    const producer = bed.kafkajs.producer({
      transactionalId,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    await write(topic, ['p0']);
    const open = await producer.transaction();
    await open.send({ topic, messages: [{ value: 'open' }] });
    await write(topic, ['p1']);
    const place = { topic, partition: 0 };
    expect(await broker.offsets([place], 'latest')).toEqual([1]);
    await open.abort();
    await producer.disconnect();
    await settled(topic, ['p0', 'p1']);
  });
});

describe('producing', () => {
  test.each(['none', 'gzip', 'zstd'] as const)('by %s is read by kafkajs', async (compression) => {
    const topic = await bed.topic();
    const ours = await bed.open({ compression });
    const producer = await ours.producer();
    const texts = numbered('v', 12_000);
    await producer.send(
      topic,
      texts.map((text) => produced(text, { headers: [['h', Buffer.from('1')]] })),
    );
    expect(await bed.readByKafkajs(topic, texts.length)).toEqual(texts);
    await producer.close();
    await ours.close();
  });

  test.each(['snappy', 'lz4'] as const)('by %s is read back', async (compression) => {
    const topic = await bed.topic();
    const ours = await bed.open({ compression });
    const texts = [...numbered('v', 3000), ...large('w', 12)];
    await (
      await ours.producer()
    ).send(
      topic,
      texts.map((text) => produced(text)),
    );
    expect(values(await readAll(broker, topic))).toEqual(texts);
    await ours.close();
  });

  test('puts a key into the partition that kafkajs chooses', async () => {
    const topic = await bed.topic(5);
    const keys = numbered('key ', 40);
    const theirs = bed.kafkajs.producer();
    await theirs.connect();
    await theirs.send({ topic, messages: keys.map((key) => ({ key, value: 'theirs' })) });
    await theirs.disconnect();
    const producer = await broker.producer();
    await producer.send(
      topic,
      keys.map((key) => produced('ours', { key: Buffer.from(key) })),
    );
    for (const partition of [0, 1, 2, 3, 4]) {
      const found = await readAll(broker, topic, partition);
      // Their producer sends again what it is not sure of.
      const of = (who: string): ReadonlySet<string | null> =>
        new Set(found.filter(({ value }) => value === who).map(({ key }) => key));
      expect(of('ours')).toEqual(of('theirs'));
    }
  });

  test('of a record that is too large says so, and the producer goes on', async () => {
    const topic = await bed.topic(1, [{ name: 'max.message.bytes', value: '10000' }]);
    const producer = await broker.producer();
    const work = producer.send(topic, [produced('x'.repeat(20_000))]);
    expect(await codeOf(work)).toBe('KAFKA_RECORD_TOO_LARGE');
    await producer.send(topic, [produced('small')]);
    expect(values(await readAll(broker, topic))).toEqual(['small']);
  });

  test('to a topic that is not there says so', async () => {
    const producer = await broker.producer();
    expect(await codeOf(producer.send('no-such-topic', [produced('x')]))).toBe(
      'KAFKA_TOPIC_MISSING',
    );
  });

  test('in transactions shows records and marker together, over partitions', async () => {
    const topic = await bed.topic(3);
    const group = systemRandom.uuid();
    const producer = await broker.producer({ transactionalId: systemRandom.uuid() });
    expect(await producer.marker(topic, group)).toBeNull();
    const records = numbered('v', 30).map((text) => produced(text, { key: Buffer.from(text) }));
    await producer.transact(topic, records, { group, value: 0 });
    expect(await producer.marker(topic, group)).toBe(0);
    await producer.transact(topic, [], { group, value: 1 });
    expect(await producer.marker(topic, group)).toBe(1);
    const read = async (): Promise<string[]> => {
      const found = await Promise.all([0, 1, 2].map((each) => readAll(broker, topic, each)));
      return found.flatMap((records) => values(records)).sort();
    };
    await expect.poll(read).toEqual(numbered('v', 30).sort());
  });

  test('in a transaction that fails leaves nothing, neither records nor marker', async () => {
    const topic = await bed.topic(1, [{ name: 'max.message.bytes', value: '10000' }]);
    const group = systemRandom.uuid();
    const producer = await broker.producer({ transactionalId: systemRandom.uuid() });
    await producer.transact(topic, [produced('a')], { group, value: 4 });
    const records = [...large('x', 8).map((text) => produced(text)), produced('b')];
    const failing = producer.transact(topic, records, { group, value: 5 });
    expect(await codeOf(failing)).toBe('KAFKA_RECORD_TOO_LARGE');
    expect(await producer.marker(topic, group)).toBe(4);
    await producer.transact(topic, [produced('c')], { group, value: 5 });
    expect(await producer.marker(topic, group)).toBe(5);
    await settled(topic, ['a', 'c']);
  });

  test('is fenced where a producer of the same id began later', async () => {
    const topic = await bed.topic();
    const group = systemRandom.uuid();
    const transactionalId = systemRandom.uuid();
    const first: Producer = await broker.producer({ transactionalId });
    await first.transact(topic, [produced('a')], { group, value: 1 });
    const second = await broker.producer({ transactionalId });
    const late = (): Promise<void> => first.transact(topic, [produced('b')], { group, value: 2 });
    expect(await codeOf(late())).toBe('KAFKA_FENCED');
    await second.transact(topic, [produced('c')], { group, value: 2 });
    expect(await codeOf(late())).toBe('KAFKA_FENCED');
    expect(await second.marker(topic, group)).toBe(2);
    await settled(topic, ['a', 'c']);
  });
});

test('reading and producing go on where the broker was started again in the middle', async () => {
  const topic = await bed.topic();
  const producer = await broker.producer();
  const texts = large('v', 60);
  await producer.send(
    topic,
    texts.map((text) => produced(text)),
  );
  const found: string[] = [];
  let portions = 0;
  await broker.fetch({ topic, partition: 0, start: 0, end: 60 }, async (records) => {
    portions += 1;
    if (portions === 2) await restartKafka();
    for (const { value } of records) found.push(Buffer.from(value ?? []).toString());
  });
  expect(portions).toBeGreaterThan(3);
  expect(names(found)).toEqual(names(texts));
  // The same producer goes on too.
  await producer.send(topic, [produced('after')]);
  expect(values(await readRange(broker, { topic, partition: 0, start: 60, end: 61 }))).toEqual([
    'after',
  ]);
});
