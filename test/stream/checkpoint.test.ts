import { expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { memoryStore, type ObjectStore } from '../../src/store/index.ts';
import {
  cleanCheckpoint,
  isPending,
  isTidyDue,
  openCheckpoint,
  readOffsets,
  writeCommit,
  writeOffsets,
} from '../../src/stream/index.ts';

const clock = new ManualClock(1_795_365_408_760);
const CONF = '"conf":{"spark.sql.shuffle.partitions":"200"}';

function newStore(): ObjectStore {
  return memoryStore({ clock }).at('checkpoint');
}

async function put(store: ObjectStore, path: string, text: string): Promise<void> {
  await store.put(path, Buffer.from(text), { kind: 'overwrite' });
}

async function text(store: ObjectStore, path: string): Promise<string> {
  return Buffer.from((await store.get(path)).bytes).toString();
}

test('a new checkpoint has an id that stays', async () => {
  const store = newStore();
  const first = await openCheckpoint(store, seededRandom(1));
  const second = await openCheckpoint(store, seededRandom(2));
  expect(first).toMatchObject({ planned: null, committed: null });
  expect(second.id).toBe(first.id);
  expect(await text(store, 'metadata')).toBe(`{"id":"${first.id}"}`);
});

test("offsets and commits are Spark's bytes", async () => {
  const store = newStore();
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  const plan = { batch: 0, sources: ['{"logOffset":0}'], previous: null };
  const offsets = await writeOffsets(checkpoint, clock, plan);
  await writeCommit(checkpoint, 0, offsets);
  expect(await text(store, 'offsets/0')).toBe(
    `v1\n{"batchWatermarkMs":0,"batchTimestampMs":1795365408760,${CONF}}\n{"logOffset":0}`,
  );
  expect(await text(store, 'commits/0')).toBe('v1\n{"nextBatchWatermarkMs":0}');
  expect(await readOffsets(checkpoint, 0)).toEqual(offsets);
});

test('a planned batch without a commit is pending, and names that are no numbers are passed over', async () => {
  const store = newStore();
  await put(store, 'metadata', '{"id":"spark"}');
  await put(store, 'offsets/0', 'v1\n{}\n{"logOffset":0}');
  await put(store, 'offsets/1', 'v1\n{}\n{"logOffset":1}\n-');
  await put(store, 'offsets/.1.crc', 'x');
  await put(store, 'offsets/.2.0e1c.tmp', 'x');
  await put(store, 'commits/0', 'v1\n{"nextBatchWatermarkMs":0}');
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  expect(checkpoint).toMatchObject({ id: 'spark', planned: 1, committed: 0 });
  expect(isPending(checkpoint)).toBe(true);
  expect((await readOffsets(checkpoint, 1)).sources).toEqual(['{"logOffset":1}', null]);
});

test("the next batch keeps Spark's conf and watermark", async () => {
  const store = newStore();
  await put(store, 'metadata', '{"id":"spark"}');
  await put(
    store,
    'offsets/0',
    'v1\n{"batchWatermarkMs":7,"batchTimestampMs":1,"conf":{"spark.sql.shuffle.partitions":"3","a":"b"}}\n{"logOffset":0}',
  );
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  const previous = await readOffsets(checkpoint, 0);
  await writeOffsets(checkpoint, clock, { batch: 1, sources: ['{"logOffset":1}'], previous });
  expect(await text(store, 'offsets/1')).toContain(
    '{"batchWatermarkMs":7,"batchTimestampMs":1795365408760,"conf":{"spark.sql.shuffle.partitions":"3","a":"b"}}',
  );
});

test("a stateful query's watermark goes on from its last commit, and its state is passed over", async () => {
  const store = newStore();
  await put(store, 'metadata', '{"id":"spark"}');
  await put(store, 'offsets/0', `v1\n{"batchWatermarkMs":0,${CONF}}\n{"logOffset":0}`);
  await put(store, 'commits/0', 'v1\n{"nextBatchWatermarkMs":1795219200000}');
  await put(store, 'state/0/0/1.delta', 'x');
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  const previous = await readOffsets(checkpoint, 0);
  const plan = { batch: 1, sources: ['{"logOffset":1}'], previous };
  const offsets = await writeOffsets(checkpoint, clock, plan);
  await writeCommit(checkpoint, 1, offsets);
  expect(await text(store, 'offsets/1')).toContain('{"batchWatermarkMs":1795219200000,');
  expect(await text(store, 'commits/1')).toBe('v1\n{"nextBatchWatermarkMs":1795219200000}');
});

test('a batch planned by another process with other files stops this one', async () => {
  const store = newStore();
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  await put(store, 'offsets/0', 'v1\n{}\n{"logOffset":9}');
  const plan = { batch: 0, sources: ['{"logOffset":0}'], previous: null };
  await expect(writeOffsets(checkpoint, clock, plan)).rejects.toMatchObject({
    code: 'JOB_CONCURRENT',
    kind: 'conflict',
  });
});

test.each([
  ['commits ahead of offsets', { metadata: '{"id":"x"}', 'commits/4': 'v1\n{}' }],
  [
    'two batches without a commit',
    { metadata: '{"id":"x"}', 'offsets/4': 'v1\n{}', 'commits/2': 'v1\n{}' },
  ],
  ['batches without an id', { 'offsets/0': 'v1\n{}' }],
  ['metadata that is no JSON', { metadata: 'x' }],
  ['metadata without an id', { metadata: '{}' }],
])('%s is a broken checkpoint', async (_case, files) => {
  const store = newStore();
  for (const [path, content] of Object.entries(files)) await put(store, path, content);
  await expect(openCheckpoint(store, seededRandom(1))).rejects.toMatchObject({
    code: 'CHECKPOINT_BROKEN',
  });
});

test('offsets of a later version are refused by name', async () => {
  const store = newStore();
  await put(store, 'metadata', '{"id":"x"}');
  await put(store, 'offsets/0', 'v2\n{}');
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  await expect(readOffsets(checkpoint, 0)).rejects.toMatchObject({ code: 'CHECKPOINT_VERSION' });
});

test('every tenth batch is one to tidy after', () => {
  const due = Array.from({ length: 30 }, (_, batch) => batch).filter(isTidyDue);
  expect(due).toEqual([9, 19, 29]);
});

test('a hundred batches are kept', async () => {
  const store = newStore();
  const checkpoint = await openCheckpoint(store, seededRandom(1));
  for (let batch = 0; batch <= 120; batch += 1) {
    const plan = { batch, sources: [`{"logOffset":${batch}}`], previous: null };
    await writeCommit(checkpoint, batch, await writeOffsets(checkpoint, clock, plan));
  }
  await cleanCheckpoint(checkpoint, 120);
  for (const folder of ['offsets', 'commits']) {
    const names: string[] = [];
    for await (const { path } of store.list(folder)) names.push(path.slice(folder.length + 1));
    expect(names.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 21),
    );
  }
});
