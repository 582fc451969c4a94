import { describe, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { openCheckpoint } from '../../src/stream/checkpoint.ts';
import {
  behind,
  type KafkaOffsets,
  parseKafkaOffsets,
  planRanges,
  printKafkaOffsets,
  rangesBetween,
  readInitialOffsets,
  readKafkaOffsets,
  withUndecided,
  writeInitialOffsets,
} from '../../src/stream/kafka-offsets.ts';

function offsets(topics: Readonly<Record<string, Readonly<Record<number, number>>>>): KafkaOffsets {
  return new Map(
    Object.entries(topics).map(([topic, partitions]) => [
      topic,
      new Map(Object.entries(partitions).map(([partition, at]) => [Number(partition), at])),
    ]),
  );
}

function newStore(): ObjectStore {
  return memoryStore({ clock: new ManualClock(0) }).at('checkpoint');
}

/** The offsets of topic `t` after a plan. */
function endOf(spec: Parameters<typeof planRanges>[0]): Record<string, number> {
  const end = planRanges(spec).end.get('t') ?? new Map<number, number>();
  return Object.fromEntries(end);
}

test("offsets are Spark's text, topics and partitions in order", () => {
  const text = '{"a":{"0":100,"2":99,"10":7},"b":{"0":0}}';
  const shuffled = new Map([
    ['b', new Map([[0, 0]])],
    [
      'a',
      new Map([
        [10, 7],
        [2, 99],
        [0, 100],
      ]),
    ],
  ]);
  expect(printKafkaOffsets(shuffled)).toBe(text);
  expect(parseKafkaOffsets(text)).toEqual(offsets({ a: { 0: 100, 2: 99, 10: 7 }, b: { 0: 0 } }));
  expect(parseKafkaOffsets('{"7":{"0":1}}')).toEqual(offsets({ '7': { 0: 1 } }));
});

test.each([
  '{"t":{"0":-1}}',
  '{"t":{"0":-2}}',
  '{"t":{"0":1.5}}',
  '{"t":{"0":9007199254740993}}',
  '{"t":{"x":1}}',
  '{"t":[1]}',
  '{"logOffset":4}',
  '4',
  'x',
])('%s is no progress of a Kafka source', async (text) => {
  const checkpoint = await openCheckpoint(newStore(), seededRandom(1));
  expect(parseKafkaOffsets(text)).toBeNull();
  expect(() => readKafkaOffsets(checkpoint, 3, { sources: [text] })).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_BROKEN' }),
  );
});

test("the beginning of the first batch is Spark's file, with its zero byte, and is written once", async () => {
  const store = newStore();
  expect(await readInitialOffsets(store)).toBeNull();
  await writeInitialOffsets(store, offsets({ ev1m: { 0: 0, 1: 0 } }));
  expect(Buffer.from((await store.get('sources/0/0')).bytes).toString('latin1')).toBe(
    '\0v1\n{"ev1m":{"0":0,"1":0}}',
  );
  expect(await readInitialOffsets(store)).toEqual(offsets({ ev1m: { 0: 0, 1: 0 } }));
  await writeInitialOffsets(store, offsets({ ev1m: { 0: 0, 1: 0 } }));
  await expect(writeInitialOffsets(store, offsets({ ev1m: { 0: 5 } }))).rejects.toMatchObject({
    code: 'JOB_CONCURRENT',
  });
});

test.each([
  ['a later version', '\0v2\n{}', 'CHECKPOINT_VERSION'],
  ['a file source', 'v1\n{"path":"file:///a.json","timestamp":1,"batchId":0}', 'CHECKPOINT_BROKEN'],
])('initial offsets of %s are refused', async (_case, content, code) => {
  const store = newStore();
  await store.put('sources/0/0', Buffer.from(content), { kind: 'create' });
  await expect(readInitialOffsets(store)).rejects.toMatchObject({ code });
});

test('without a limit a batch takes all there is', () => {
  const plan = planRanges({
    from: offsets({ t: { 0: 5, 1: 7 } }),
    bounds: { earliest: offsets({ t: { 0: 0, 1: 0 } }), latest: offsets({ t: { 0: 9, 1: 7 } }) },
  });
  expect(plan).toEqual({
    end: offsets({ t: { 0: 9, 1: 7 } }),
    ranges: [{ topic: 't', partition: 0, start: 5, end: 9 }],
    losses: [],
  });
});

test("a limit is shared by lag and rounded as Spark's", () => {
  const earliest = offsets({ t: { 0: 0, 1: 0, 2: 0 } });
  const from = earliest;
  // Seen from Spark: 300,000 records a trigger of 1,000,000 in three partitions.
  const latest = offsets({ t: { 0: 333_334, 1: 333_333, 2: 333_333 } });
  expect(endOf({ from, bounds: { earliest, latest }, limit: 300_000 })).toEqual({
    0: 100_000,
    1: 99_999,
    2: 99_999,
  });
  // A share below one record is one record, so that no partition starves.
  const uneven = offsets({ t: { 0: 1_000_000, 1: 3, 2: 0 } });
  expect(endOf({ from, bounds: { earliest, latest: uneven }, limit: 10 })).toEqual({
    0: 9,
    1: 1,
    2: 0,
  });
  expect(endOf({ from, bounds: { earliest, latest }, limit: 1 })).toEqual({ 0: 1, 1: 1, 2: 1 });
});

test('under a limit, batch after batch ends at the latest record and no range is taken twice', () => {
  const earliest = offsets({ t: { 0: 0, 1: 0, 2: 0 } });
  const bounds = { earliest, latest: offsets({ t: { 0: 1000, 1: 17, 2: 1 } }) };
  let from: KafkaOffsets = earliest;
  const taken = new Map<number, number>();
  for (let batch = 0; batch < 100; batch += 1) {
    const { end, ranges } = planRanges({ from, bounds, limit: 100 });
    for (const { partition, start, end: stop } of ranges) {
      expect(start).toBe(taken.get(partition) ?? 0);
      taken.set(partition, stop);
    }
    from = end;
  }
  expect(from).toEqual(bounds.latest);
});

test('a partition that is new is taken from its first record', () => {
  const plan = planRanges({
    from: offsets({ t: { 0: 10 } }),
    bounds: {
      earliest: offsets({ t: { 0: 0, 1: 0 }, u: { 0: 4 } }),
      latest: offsets({ t: { 0: 10, 1: 3 }, u: { 0: 6 } }),
    },
  });
  expect(plan.ranges).toEqual([
    { topic: 't', partition: 1, start: 0, end: 3 },
    { topic: 'u', partition: 0, start: 4, end: 6 },
  ]);
  // It was made after the last look, and retention has eaten its beginning.
  expect(plan.losses).toEqual([{ kind: 'expired', topic: 'u', partition: 0, start: 0, end: 4 }]);
});

test('what expired, was made anew or is gone is told, and the rest is planned', () => {
  const plan = planRanges({
    from: offsets({ t: { 0: 10, 1: 50, 2: 5, 3: 1 } }),
    bounds: {
      earliest: offsets({ t: { 0: 20, 1: 2, 3: 9 } }),
      latest: offsets({ t: { 0: 30, 1: 8, 3: 9 } }),
    },
  });
  expect(plan.ranges).toEqual([
    { topic: 't', partition: 0, start: 20, end: 30 },
    { topic: 't', partition: 1, start: 2, end: 8 },
  ]);
  expect(plan.losses).toEqual([
    { kind: 'expired', topic: 't', partition: 0, start: 10, end: 20 },
    { kind: 'rewound', topic: 't', partition: 1, start: 50, end: 8 },
    { kind: 'expired', topic: 't', partition: 3, start: 1, end: 9 },
    { kind: 'removed', topic: 't', partition: 2, start: 5 },
  ]);
});

test('a planned batch that is run again has its ranges, less what expired meanwhile', () => {
  const spec = { from: offsets({ t: { 0: 10 } }), end: offsets({ t: { 0: 30, 1: 5 } }) };
  expect(rangesBetween({ ...spec, earliest: offsets({ t: { 0: 0, 1: 0 } }) })).toMatchObject({
    ranges: [
      { topic: 't', partition: 0, start: 10, end: 30 },
      { topic: 't', partition: 1, start: 0, end: 5 },
    ],
    losses: [],
  });
  expect(rangesBetween({ ...spec, earliest: offsets({ t: { 0: 40, 1: 0 } }) })).toMatchObject({
    ranges: [{ topic: 't', partition: 1, start: 0, end: 5 }],
    losses: [{ kind: 'expired', topic: 't', partition: 0, start: 10, end: 30 }],
  });
});

describe('an open transaction', () => {
  const of = (offset: number): KafkaOffsets => new Map([['t', new Map([[0, offset]])]]);
  const decided = { earliest: of(0), latest: of(100) };

  test('before what was taken is nothing lost: there is nothing to take until it is decided', () => {
    const from = of(120);
    expect(behind(from, decided.latest)).toMatchObject([{ topic: 't', partition: 0 }]);
    const bounds = withUndecided(decided, from, of(150));
    expect(planRanges({ from, bounds })).toEqual({ end: from, ranges: [], losses: [] });
  });

  test('does not hide a topic that was made anew, and ends before what was taken', () => {
    const from = of(120);
    const { losses } = planRanges({ from, bounds: withUndecided(decided, from, of(110)) });
    expect(losses).toMatchObject([{ kind: 'rewound' }]);
  });

  test('leaves partitions alone that are not behind', () => {
    const from = of(80);
    expect(behind(from, decided.latest)).toEqual([]);
    expect(withUndecided(decided, from, of(150))).toEqual(decided);
  });
});
