import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { KeySet } from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import type { Broker } from '../../src/stream/kafka/index.ts';
import { MessageReader } from '../../src/stream/message-reader.ts';
import {
  avroPayloads,
  jsonPayloads,
  type Payloads,
  rawPayloads,
} from '../../src/stream/message-payloads.ts';
import {
  bytesOf,
  type Evolving,
  evolving,
  footerOf,
  headersOf,
  PLAIN,
  readAll,
  rowGroupsOf,
  rowsOf,
  type Sent,
  topicOf,
} from './message-bench.ts';

const KEYED = { headers: headersOf({ id: 'text' }), required: ['id'], key: 'id' };

function keyed(id: string | null, value: Sent['value'] = id): Sent {
  return { value, headers: id === null ? [] : [['id', id]] };
}

async function values(read: Awaited<ReturnType<typeof readAll>>): Promise<string[]> {
  const rows = await rowsOf(read);
  return rows.map(({ value }) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : 'null',
  );
}

/** Answers of each partition come when those of all later ones have come. */
function delayed(broker: Broker, turnsOf: (partition: number) => number): Broker {
  return {
    name: broker.name,
    topics: (selection) => broker.topics(selection),
    offsets: (partitions, at) => broker.offsets(partitions, at),
    producer: (options) => broker.producer(options),
    join: (spec) => broker.join(spec),
    close: () => broker.close(),
    fetch: async (range, onRecords, signal) => {
      for (let turn = turnsOf(range.partition); turn > 0; turn -= 1) await nextTurn();
      await broker.fetch(
        range,
        async (records) => {
          for (const record of records) await onRecords([record]);
        },
        signal,
      );
    },
  };
}

describe('messages as they are', () => {
  test('become rows with all that the broker says of them', async () => {
    const topic = await topicOf([
      {
        value: 'v',
        key: 'k',
        headers: [
          ['id', 'a'],
          ['at', '1970-01-01T00:00:01Z'],
        ],
        timestampMs: 7,
      },
      { value: null },
    ]);
    const spec = { headers: headersOf({ id: 'text', at: 'time' }), dateFrom: 'at' };
    const read = await readAll(topic, await rawPayloads(), spec);
    expect(await rowsOf(read)).toEqual([
      {
        topic: 't',
        partition: 0,
        offset: 0n,
        timestamp: 7000n,
        key: Uint8Array.from(Buffer.from('k')),
        id: 'a',
        at: 1_000_000n,
        date: 0,
        value: Uint8Array.from(Buffer.from('v')),
      },
      {
        topic: 't',
        partition: 0,
        offset: 1n,
        timestamp: 1_795_000_000_001_000n,
        key: null,
        id: null,
        at: null,
        date: null,
        value: null,
      },
    ]);
    expect(read).toMatchObject({
      messageCount: 2,
      sizeBytes: 2,
      duplicateCount: 0,
      deadLetterCount: 0,
    });
  });

  test('of different days are kept apart, without the columns that folders say', async () => {
    const days = ['2026-11-22', '2026-11-20', '2026-11-22'];
    const topic = await topicOf(
      days.map((day) => ({ value: day, headers: [['at', `${day}T10:00:00Z`] as const] })),
    );
    const read = await readAll(topic, await rawPayloads(), {
      headers: headersOf({ at: 'time' }),
      dateFrom: 'at',
      splitByDate: true,
      omit: new Set(['date', 'topic']),
    });
    expect(read.files.map(({ date, rowCount }) => [date, rowCount])).toEqual([
      [20_777, 1],
      [20_779, 2],
    ]);
    const [row] = await rowsOf(read);
    expect(Object.keys(row ?? {})).toEqual([
      'partition',
      'offset',
      'timestamp',
      'key',
      'at',
      'value',
    ]);
  });

  test('without a value, without their key, or with a header that is broken are put aside as they came', async () => {
    const topic = await topicOf([
      keyed('a', null),
      keyed(null, 'no key'),
      keyed('', 'empty key'),
      {
        value: 'bad',
        key: 'k',
        headers: [
          ['id', Uint8Array.of(0xff)],
          ['x', null],
        ],
      },
      keyed('good'),
    ]);
    const read = await readAll(topic, await rawPayloads(), { ...KEYED, tombstones: false });
    expect(await values(read)).toEqual(['good']);
    expect(read.letters.map(({ code, record }) => [code, record.offset])).toEqual([
      ['MESSAGE_NO_VALUE', 0],
      ['MESSAGE_NO_KEY', 1],
      ['MESSAGE_NO_KEY', 2],
      ['MESSAGE_BAD_HEADER', 3],
    ]);
    const record = read.letters[3]?.record;
    expect(Buffer.from(record?.key ?? []).toString()).toBe('k');
    expect(record?.headers.map(([, value]) => value)).toEqual([Uint8Array.of(0xff), null]);
    expect(read.deadLetterCount).toBe(4);
  });

  test('have texts that repeat, and stop repeating in the middle, with nulls between', async () => {
    const sent = Array.from({ length: 6000 }, (_, n): Sent => ({
      value: n % 11 === 0 ? null : 'v'.repeat(n < 2500 ? n % 4 : n % 200) + (n < 2500 ? '' : n),
      headers: n % 5 === 0 ? [] : [['id', n < 3000 ? 'same' : String(n)]],
    }));
    const topic = await topicOf(sent, sent.slice(0, 40), sent);
    const read = await readAll(topic, await rawPayloads(), { headers: headersOf({ id: 'text' }) });
    const rows = (await rowsOf(read)).map(({ value, id }) => ({ value, id }));
    const expected = [...sent, ...sent.slice(0, 40), ...sent].map(({ value, headers }) => ({
      value: value === null ? null : bytesOf(value),
      id: headers?.[0]?.[1] ?? null,
    }));
    expect(rows).toEqual(expected);
  });

  test('fill one table after another, and nothing is lost between them', async () => {
    const count = 122_880 + 10;
    const topic = await topicOf(Array.from({ length: count }, (_, n) => ({ value: String(n) })));
    const read = await readAll(topic, await rawPayloads());
    expect(await rowGroupsOf(read)).toEqual([122_880, 10]);
    expect(await values(read)).toEqual(Array.from({ length: count }, (_, n) => String(n)));
  });
});

describe('messages of one key', () => {
  test('make one row: the first in the order of partitions, however fast each answers', async () => {
    const topic = await topicOf(
      [keyed('a', 'a0'), keyed('b', 'b0')],
      [keyed('a', 'a1'), keyed('c', 'c1'), keyed('c', 'again')],
      [keyed('c', 'c2'), keyed('d', 'd2')],
    );
    const expected = ['a0', 'b0', 'c1', 'd2'];
    for (const turnsOf of [
      () => 0,
      (partition: number) => 10 * (3 - partition),
      (partition: number) => 10 * partition,
      (partition: number) => (partition === 1 ? 30 : 0),
    ]) {
      const broker = delayed(topic.broker, turnsOf);
      const ranges = [...topic.ranges].reverse();
      const read = await readAll({ broker, ranges }, await rawPayloads(), KEYED);
      expect(await values(read)).toEqual(expected);
      expect(read).toMatchObject({ messageCount: 7, duplicateCount: 3, deadLetterCount: 0 });
    }
  });

  test('that entered in an earlier batch make none; those of this batch are noted', async () => {
    const topic = await topicOf([keyed('old'), keyed('new'), keyed('new')]);
    const seen = new KeySet();
    const known = new KeySet();
    known.add(Buffer.from('old'), 0, 3);
    const isKnown = (bytes: Uint8Array, start: number, end: number): boolean =>
      known.find(bytes, start, end) >= 0;
    const read = await readAll(topic, await rawPayloads(), KEYED, { seen, isKnown });
    expect(await values(read)).toEqual(['new']);
    expect(read.duplicateCount).toBe(2);
    expect(seen.size).toBe(1);
  });

  test('are all asked for by readKeys', async () => {
    const topic = await topicOf([keyed('a'), keyed(null, 'x')], [keyed('b'), keyed('a', null)]);
    const reader = await MessageReader.open({
      broker: topic.broker,
      payloads: await rawPayloads(),
      spec: { ...PLAIN, ...KEYED },
    });
    const keys: string[] = [];
    await reader.readKeys(topic.ranges, (key) => keys.push(Buffer.from(key).toString()));
    expect(keys.sort()).toEqual(['a', 'a', 'b']);
  });
});

describe('a read that fails', () => {
  test.each([0, 1, 2])(
    'where partition %i does ends as a whole, with its error, and takes nothing after',
    async (failing) => {
      const topic = await topicOf([keyed('a')], [keyed('b')], [keyed('c')]);
      let running = 0;
      const broker: Broker = {
        ...delayed(topic.broker, (partition) => (partition === failing ? 5 : 20)),
        fetch: async (range, onRecords, signal) => {
          running += 1;
          try {
            for (let turn = 0; turn < 5 * (1 + range.partition); turn += 1) await nextTurn();
            if (range.partition === failing) throw new Error(`partition ${failing} is gone`);
            await topic.broker.fetch(range, onRecords, signal);
          } finally {
            running -= 1;
          }
        },
      };
      const read = readAll({ broker, ranges: topic.ranges }, await rawPayloads(), KEYED);
      await expect(read).rejects.toThrow(`partition ${failing} is gone`);
      expect(running).toBe(0);
    },
  );

  test('because a letter cannot be kept, or because it is told to stop, ends with that', async () => {
    const topic = await topicOf([keyed(null, 'x')], [keyed('b')]);
    const onDeadLetter = (): Promise<void> => Promise.reject(new Error('no room'));
    await expect(readAll(topic, await rawPayloads(), KEYED, { onDeadLetter })).rejects.toThrow(
      'no room',
    );
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(readAll(topic, await rawPayloads(), KEYED, { signal })).rejects.toThrow('stopped');
  });
});

describe('JSON', () => {
  const schema = parseDdl('n INT, deep STRUCT<tags: ARRAY<STRING>>');

  test('objects become rows by the columns; a value that is none, or does not fit, is put aside', async () => {
    const topic = await topicOf([
      { value: '{"n": 1, "deep": {"tags": ["a", null]}, "other": true}' },
      { value: '{}' },
      { value: null },
      ...['', ' ', '[1]', '{"n": 1', '{"n": "x"}', '{"n": 3000000000}', '"text"'].map((value) => ({
        value,
      })),
      { value: Uint8Array.of(0x7b, 0xff, 0x7d) },
    ]);
    const read = await readAll(topic, await jsonPayloads(schema));
    expect((await rowsOf(read)).map(({ payload }) => payload)).toEqual([
      { n: 1, deep: { tags: ['a', null] } },
      { n: null, deep: null },
      null,
    ]);
    expect(read.letters).toHaveLength(8);
    expect(new Set(read.letters.map(({ code }) => code))).toEqual(new Set(['JSON_BAD_VALUE']));
  });
});

describe('Avro', () => {
  const item = (...names: string[]): object => ({
    type: 'record',
    name: 'item',
    fields: names.map((name) => ({ name, type: ['null', 'string'], default: null })),
  });
  const version = (fields: readonly object[]): object => ({ type: 'record', name: 'r', fields });
  const N = { name: 'n', type: 'int' };
  const items = (...names: string[]): object => ({
    name: 'items',
    type: { type: 'array', items: item(...names) },
  });
  let folder: string;
  let schemas: Evolving;
  let payloads: () => Payloads;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'message-reader-'));
    schemas = await evolving(folder, [
      version([N, items('a')]),
      version([N, items('a', 'b'), { name: 'note', type: ['null', 'string'], default: null }]),
      version([{ name: 'n', type: 'string' }]),
    ]);
    payloads = () => avroPayloads(schemas.registry);
  });

  afterAll(() => rm(folder, { recursive: true }));

  test('of a schema that grows within a batch, arrays too, has the columns of all', async () => {
    const { encode } = schemas;
    const first = encode(0, { n: 1, items: [{ a: 'x' }, { a: null }] });
    const second = encode(1, { n: 2, items: [{ a: 'y', b: 'z' }], note: 'new' });
    const topic = await topicOf(
      [{ value: first }, { value: second }],
      [{ value: first }, { value: null }],
    );
    const read = await readAll(topic, payloads());
    const old = {
      n: 1,
      items: [
        { a: 'x', b: null },
        { a: null, b: null },
      ],
      note: null,
    };
    const grown = { n: 2, items: [{ a: 'y', b: 'z' }], note: 'new' };
    const rows = (await rowsOf(read)).map(({ payload }) => payload);
    expect(rows).toEqual([old, grown, old, null]);
    const [one, other] = await Promise.all(read.files.map(footerOf));
    expect(one?.columns).toEqual(other?.columns);
  });

  test('whose arrays are all empty grows too', async () => {
    const { encode } = schemas;
    const topic = await topicOf([
      { value: encode(0, { n: 1, items: [] }) },
      { value: encode(1, { n: 2, items: [], note: null }) },
    ]);
    const read = await readAll(topic, payloads());
    expect((await rowsOf(read)).map(({ payload }) => payload)).toEqual([
      { n: 1, items: [], note: null },
      { n: 2, items: [], note: null },
    ]);
  });

  test('of a schema that does not go with those before it is put aside, and nothing else is', async () => {
    const { encode } = schemas;
    const topic = await topicOf([
      { value: encode(0, { n: 1, items: [] }) },
      { value: encode(2, { n: 'text' }) },
      { value: encode(0, { n: 3, items: [] }) },
    ]);
    const read = await readAll(topic, payloads());
    expect((await rowsOf(read)).map(({ offset }) => offset)).toEqual([0n, 2n]);
    expect(read.letters).toMatchObject([{ code: 'AVRO_INCOMPATIBLE', record: { offset: 1 } }]);
  });

  test('tombstones before any schema is known are rows, with the column if a schema follows', async () => {
    const alone = await readAll(await topicOf([{ value: null }]), payloads());
    expect(Object.keys((await rowsOf(alone))[0] ?? {})).not.toContain('payload');
    const value = schemas.encode(0, { n: 1, items: [] });
    const topic = await topicOf([{ value: null }, { value }, { value: null }]);
    const read = await readAll(topic, payloads());
    // Tables follow each other in the order in which they were begun.
    const rows = (await rowsOf(read)).map(({ offset, payload }) => [offset, payload]);
    expect(rows).toEqual([
      [0n, null],
      [1n, { n: 1, items: [] }],
      [2n, null],
    ]);
  });

  test('that is broken is put aside by why, also where its key has entered, which it never enters by', async () => {
    const good = schemas.encode(0, { n: 1, items: [] });
    const unknown = Buffer.from(good);
    unknown.writeUInt32BE(99, 1);
    const topic = await topicOf([
      keyed('a', good.subarray(0, good.length - 1)),
      keyed('a', good),
      keyed('a', Buffer.concat([good, good])),
      keyed('a', good),
      keyed('b', 'text'),
      keyed('b', unknown),
      keyed('b', ''),
      keyed('b', good),
    ]);
    const read = await readAll(topic, payloads(), KEYED);
    expect((await rowsOf(read)).map(({ offset }) => offset)).toEqual([1n, 7n]);
    expect(read.duplicateCount).toBe(1);
    expect(read.letters.map(({ code, record }) => [record.offset, code])).toEqual([
      [0, 'AVRO_TRUNCATED'],
      [2, 'AVRO_TRAILING_BYTES'],
      [4, 'AVRO_NO_ENVELOPE'],
      [5, 'REGISTRY_UNKNOWN_ID'],
      [6, 'AVRO_NO_ENVELOPE'],
    ]);
  });
});

test('columns that are full are finished, and the message goes on in the next ones', async () => {
  const raw = await rawPayloads();
  const room = 3;
  const small: Payloads = {
    ...raw,
    columns: async (slot) => {
      const columns = await raw.columns(slot);
      let taken = 0;
      return {
        append: (value) => {
          if (taken === room) return { code: 'AVRO_BATCH_FULL', reason: 'no room' };
          taken += 1;
          return columns.append(value);
        },
        forget: () => {
          taken = 0;
          columns.forget();
        },
        finish: () => {
          taken = 0;
          return columns.finish();
        },
      };
    },
  };
  const texts = Array.from({ length: 10 }, (_, n) => String(n));
  const read = await readAll(await topicOf(texts.map((value) => ({ value }))), small);
  expect(await rowGroupsOf(read)).toEqual([3, 3, 3, 1]);
  expect(await values(read)).toEqual(texts);
  expect(read.letters).toEqual([]);
});
