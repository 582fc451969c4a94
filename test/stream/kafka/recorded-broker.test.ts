import { describe, expect, test } from 'vitest';

import { ManualClock } from '../../../src/base/index.ts';
import { memoryStore, type ObjectStore } from '../../../src/store/index.ts';
import {
  type Broker,
  openRecordedBroker,
  type OffsetRange,
  type RecordFields,
  type ProducedRecord,
  recordTopic,
} from '../../../src/stream/kafka/index.ts';

const clock = new ManualClock();

function newStore(): ObjectStore {
  return memoryStore({ clock });
}

function line(offset: number, value: string | null, timestamp = offset * 10): string {
  const base64 = value === null ? null : Buffer.from(value).toString('base64');
  return `${JSON.stringify({
    offset,
    timestamp,
    key: null,
    value: base64,
    headers: [
      ['id', 'aWQ='],
      ['id', null],
    ],
  })}\n`;
}

async function recorded(files: Readonly<Record<string, string>>): Promise<Broker> {
  const read = newStore();
  for (const [path, text] of Object.entries(files)) {
    await read.put(path, Buffer.from(text), { kind: 'create' });
  }
  return openRecordedBroker({ read, write: null });
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

async function all(broker: Broker, range: OffsetRange): Promise<RecordFields[]> {
  const found: RecordFields[] = [];
  await broker.fetch(range, (records) => {
    for (const { offset, timestampMs, key, value, headers } of records) {
      found.push({ offset, timestampMs, key, value, headers });
    }
  });
  return found;
}

async function everything(store: ObjectStore, topic: string): Promise<string[]> {
  const broker = openRecordedBroker({ read: store, write: null });
  const [info] = await broker.topics({ names: [topic] });
  const found: string[] = [];
  for (let partition = 0; partition < (info?.partitionCount ?? 0); partition += 1) {
    const [end = 0] = await broker.offsets([{ topic, partition }], 'latest');
    for (const { offset, value } of await all(broker, { topic, partition, start: 0, end })) {
      found.push(`${String(partition)}/${String(offset)} ${Buffer.from(value ?? []).toString()}`);
    }
  }
  return found;
}

function produced(value: string, key: string | null = null): ProducedRecord {
  const headers = [['h', Buffer.from('1')] as const];
  const bytes = key === null ? null : Buffer.from(key);
  return { key: bytes, value: Buffer.from(value), headers, timestampMs: 5 };
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}

describe('a recorded topic', () => {
  const files = {
    'topics/b.two/0.ndjson': line(3, 'x') + line(4, null) + line(9, 'y'),
    'topics/b.two/1.ndjson': '',
    'topics/a/0.ndjson': line(0, 'z'),
    'schemas/ids/1.json': '{}',
  };

  test('is found by name and by pattern, which must match the whole name', async () => {
    const broker = await recorded(files);
    const b = { topic: 'b.two', partitionCount: 2 };
    expect(await broker.topics({ names: ['b.two'] })).toEqual([b]);
    expect(await broker.topics({ pattern: /a|b.*/g })).toEqual([
      { topic: 'a', partitionCount: 1 },
      b,
    ]);
    expect(await broker.topics({ pattern: /b/ })).toEqual([]);
    expect(await codeOf(broker.topics({ names: ['a', 'c'] }))).toBe('KAFKA_TOPIC_MISSING');
  });

  test('has offsets with gaps, by time too', async () => {
    const broker = await recorded(files);
    const places = [
      { topic: 'b.two', partition: 0 },
      { topic: 'b.two', partition: 1 },
    ];
    expect(await broker.offsets(places, 'earliest')).toEqual([3, 0]);
    expect(await broker.offsets(places, 'latest')).toEqual([10, 0]);
    expect(await broker.offsets(places, { timestampMs: 35 })).toEqual([4, 0]);
    expect(await broker.offsets(places, { timestampMs: 91 })).toEqual([10, 0]);
  });

  test('hands over the records of a range, with null values and repeated headers', async () => {
    const broker = await recorded(files);
    const place = { topic: 'b.two', partition: 0 };
    const found = await all(broker, { ...place, start: 4, end: 9 });
    expect(found).toEqual([
      {
        offset: 4,
        timestampMs: 40,
        key: null,
        value: null,
        headers: [
          [bytesOf('id'), bytesOf('id')],
          [bytesOf('id'), null],
        ],
      },
    ]);
    expect(await all(broker, { ...place, start: 7, end: 7 })).toEqual([]);
  });

  test('refuses a range that it does not hold', async () => {
    const broker = await recorded(files);
    const place = { topic: 'b.two', partition: 0 };
    expect(await codeOf(all(broker, { ...place, start: 2, end: 5 }))).toBe(
      'KAFKA_OFFSET_OUT_OF_RANGE',
    );
    expect(await codeOf(all(broker, { ...place, start: 5, end: 11 }))).toBe(
      'KAFKA_OFFSET_OUT_OF_RANGE',
    );
    const nowhere = { topic: 'b.two', partition: 2, start: 0, end: 1 };
    expect(await codeOf(all(broker, nowhere))).toBe('KAFKA_TOPIC_MISSING');
  });

  test.each([
    ['{"offset":1', 'not JSON'],
    ['[]', 'not an object'],
    ['{"offset":-1,"timestamp":1}', 'offset'],
    ['{"offset":1}', 'timestamp'],
    ['{"offset":1,"timestamp":1,"key":5}', 'base64'],
    ['{"offset":1,"timestamp":1,"headers":[["a"],7]}', 'headers'],
    ['{"marker":{"group":1}}', 'marker'],
    [line(1, 'a').trim() + '\n' + line(1, 'b').trim(), 'rise'],
  ])('with the broken line %j is refused', async (text, reason) => {
    const broker = await recorded({ 'topics/t/0.ndjson': text });
    const reading = broker.offsets([{ topic: 't', partition: 0 }], 'latest');
    await expect(reading).rejects.toThrow(reason);
    expect(await codeOf(reading)).toBe('KAFKA_RECORDING_BROKEN');
  });

  test('sees what was added since it was read first', async () => {
    const read = newStore();
    await read.put('topics/t/0.ndjson', Buffer.from(line(0, 'a')), { kind: 'overwrite' });
    const broker = openRecordedBroker({ read, write: null });
    const places = [{ topic: 't', partition: 0 }];
    expect(await broker.offsets(places, 'latest')).toEqual([1]);
    await read.put('topics/t/0.ndjson', Buffer.from(line(0, 'a') + line(5, 'b')), {
      kind: 'overwrite',
    });
    expect(await broker.offsets(places, 'latest')).toEqual([6]);
  });

  test('stops between portions when it is told to', async () => {
    const many = Array.from({ length: 2500 }, (_, offset) => line(offset, 'v')).join('');
    const broker = await recorded({ 'topics/t/0.ndjson': many });
    const stop = new AbortController();
    let count = 0;
    const fetching = broker.fetch(
      { topic: 't', partition: 0, start: 0, end: 2500 },
      (records) => {
        count += records.length;
        stop.abort(new Error('enough'));
      },
      stop.signal,
    );
    await expect(fetching).rejects.toThrow('enough');
    expect(count).toBe(1000);
  });
});

describe('producing into a folder', () => {
  test('is refused without one', async () => {
    const broker = openRecordedBroker({ read: newStore(), write: null });
    expect(await codeOf(broker.producer())).toBe('KAFKA_RECORDING_READ_ONLY');
  });

  test('appends with rising offsets, by key to the partitions that the topic is read with', async () => {
    const read = newStore();
    for (const partition of [0, 1, 2]) {
      await read.put(`topics/t/${String(partition)}.ndjson`, Buffer.from(''), { kind: 'create' });
    }
    const write = newStore();
    const producer = await openRecordedBroker({ read, write }).producer();
    await producer.send('t', [produced('a', 'foobar'), produced('b', '21')]);
    await producer.send('t', [produced('c', 'foobar'), { ...produced('d'), partition: 2 }]);
    await producer.send('new', [produced('e')]);
    const found = await everything(write, 't');
    expect(found.toSorted()).toEqual(['0/0 a', '0/1 b', '0/2 c', '2/0 d']);
    expect(await everything(write, 'new')).toEqual(['0/0 e']);
  });

  test('by two producers at once loses nothing', async () => {
    const write = newStore();
    const values = Array.from({ length: 20 }, (_, index) => `v${String(index)}`);
    const producers = await Promise.all(
      values.map(() => openRecordedBroker({ read: newStore(), write }).producer()),
    );
    await Promise.all(
      producers.map((producer, index) => producer.send('t', [produced(values[index] ?? '')])),
    );
    const found = await everything(write, 't');
    expect(found.map((text) => text.split(' ')[0])).toEqual(values.map((_, n) => `0/${String(n)}`));
    expect(found.map((text) => text.split(' ')[1] ?? '').sort()).toEqual(values.toSorted());
  });

  test('in transactions notes the marker with the records, and once only', async () => {
    const write = newStore();
    const broker = openRecordedBroker({ read: newStore(), write });
    const producer = await broker.producer({ transactionalId: 'job' });
    expect(await producer.marker('t', 'totals')).toBeNull();
    await producer.transact('t', [produced('a')], { group: 'totals', value: 0 });
    await producer.transact('t', [produced('a')], { group: 'totals', value: 0 });
    await producer.transact('t', [], { group: 'totals', value: 1 });
    expect(await producer.marker('t', 'totals')).toBe(1);
    expect(await producer.marker('t', 'others')).toBeNull();
    expect(await everything(write, 't')).toEqual(['0/0 a']);
    await producer.send('t', [produced('b')]);
    expect(await everything(write, 't')).toEqual(['0/0 a', '0/1 b']);
  });

  test('fences the producer of the same id that began before', async () => {
    const write = newStore();
    const broker = openRecordedBroker({ read: newStore(), write });
    const first = await broker.producer({ transactionalId: 'job/1' });
    const second = await broker.producer({ transactionalId: 'job/1' });
    const marker = { group: 'g', value: 3 };
    expect(await codeOf(first.transact('t', [produced('a')], marker))).toBe('KAFKA_FENCED');
    await second.transact('t', [produced('b')], marker);
    expect(await everything(write, 't')).toEqual(['0/0 b']);
  });

  test('needs a transactional id for transactions', async () => {
    const broker = openRecordedBroker({ read: newStore(), write: newStore() });
    const producer = await broker.producer();
    const work = producer.transact('t', [], { group: 'g', value: 1 });
    expect(await codeOf(work)).toBe('KAFKA_NOT_TRANSACTIONAL');
  });
});

test('a topic is recorded from another broker as it is', async () => {
  const text = line(3, 'x') + line(4, null) + line(9, 'y');
  const broker = await recorded({ 'topics/t/0.ndjson': text, 'topics/t/1.ndjson': '' });
  const store = newStore();
  await recordTopic(broker, 't', store);
  expect(Buffer.from((await store.get('topics/t/0.ndjson')).bytes).toString()).toBe(text);
  expect((await store.get('topics/t/1.ndjson')).bytes).toHaveLength(0);
});
