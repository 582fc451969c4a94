import { expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { crashAtWrite, faultyStore, memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { ParquetSink, type SinkFile } from '../../src/stream/parquet-sink.ts';
import { SinkLogReader } from '../../src/stream/sink-log.ts';

const clock = new ManualClock(1_795_384_131_087);

interface Stand {
  readonly id?: string;
  readonly planned: number | null;
  readonly committed: number | null;
}

function open(store: ObjectStore, stand: Stand): Promise<ParquetSink> {
  return ParquetSink.open(store, { clock, checkpoint: { id: 'checkpoint-1', ...stand } });
}

const START: Stand = { planned: 0, committed: null };

function newStore(): ObjectStore {
  return memoryStore({ clock }).at('out');
}

function file(partition: number, date: string | null): SinkFile {
  return {
    topic: 't',
    partition,
    partitionValues: new Map([['date', date]]),
    bytes: Uint8Array.of(1, 2, 3),
  };
}

async function names(store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of store.list('', { recursive: true })) found.push(path);
  return found;
}

async function text(store: ObjectStore, path: string): Promise<string> {
  return Buffer.from((await store.get(path)).bytes).toString();
}

async function seen(store: ObjectStore): Promise<string[]> {
  const reader = await SinkLogReader.open(store);
  return ((await reader?.read())?.files ?? []).map(({ path }) => path);
}

test("a file for each topic partition and date, named in Spark's log once they are committed", async () => {
  const store = newStore();
  const sink = await open(store, START);
  await sink.write(0, [file(3, '2026-11-22'), file(3, 'a:b'), file(4, null)]);
  expect(await seen(store)).toEqual([]);
  await sink.commit(0);
  const files = await seen(store);
  expect(files.map((path) => path.replace(/[0-9a-f]{8}-[-0-9a-f]{27}/, 'UUID'))).toEqual([
    'date=2026-11-22/part-00003-UUID-c000.snappy.parquet',
    'date=a%3Ab/part-00003-UUID-c000.snappy.parquet',
    'date=__HIVE_DEFAULT_PARTITION__/part-00004-UUID-c000.snappy.parquet',
  ]);
  expect(files.every((path) => /-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/.test(path))).toBe(
    true,
  );
  const bytes = (await store.get(files[0] ?? '')).bytes;
  const [, first = ''] = (await text(store, '_spark_metadata/0')).split('\n');
  expect(first).toBe(
    `{"path":"memory://memory/out/${files[0] ?? ''}","size":${bytes.length},"isDir":false,` +
      '"modificationTime":1795384131087,"blockReplication":1,"blockSize":33554432,"action":"add"}',
  );
  expect([...bytes]).toEqual([1, 2, 3]);
});

test('a batch without rows is committed too', async () => {
  const store = newStore();
  const sink = await open(store, START);
  await sink.write(0, []);
  await sink.commit(0);
  await sink.commit(1);
  expect(await text(store, '_spark_metadata/0')).toBe('v1');
  expect(await text(store, '_spark_metadata/1')).toBe('v1');
  expect([sink.isApplied(1), sink.isApplied(2)]).toEqual([true, false]);
});

test('a batch that is run again leaves the same files', async () => {
  const store = newStore();
  await (await open(store, START)).write(0, [file(0, 'a'), file(1, 'a')]);
  const once = await names(store);
  const again = await open(store, START);
  expect(again.isApplied(0)).toBe(false);
  await again.write(0, [file(0, 'a'), file(1, 'a')]);
  await again.commit(0);
  expect((await names(store)).filter((name) => name !== '_spark_metadata/0')).toEqual(once);
  const other = newStore();
  await (await open(other, { ...START, id: 'checkpoint-2' })).write(0, [file(0, 'a')]);
  expect(once).not.toContain((await names(other)).find((name) => name.endsWith('.parquet')));
});

test('a process that dies at any write is followed by one that ends the batch with nothing doubled', async () => {
  const work = async (target: ObjectStore): Promise<void> => {
    const sink = await open(target, START);
    if (sink.isApplied(0)) return;
    await sink.write(0, [file(0, 'a'), file(1, 'a')]);
    await sink.commit(0);
  };
  for (const when of ['crash', 'crash-after'] as const) {
    // The owner, two files, and the entry of the log.
    for (let write = 0; write < 4; write += 1) {
      const store = newStore();
      const crashing = faultyStore(store, { clock, plan: crashAtWrite(write, when) });
      await expect(work(crashing)).rejects.toThrow();
      await work(store);
      expect(await seen(store)).toHaveLength(2);
      expect((await names(store)).filter((name) => name.endsWith('.parquet'))).toHaveLength(2);
    }
  }
});

test('two files of one name are a mistake of the caller', async () => {
  const sink = await open(newStore(), START);
  await expect(sink.write(0, [file(0, 'a'), file(0, 'a')])).rejects.toMatchObject({ code: 'BUG' });
});

test("a folder of Spark's is continued with its checkpoint, in its spelling", async () => {
  const store = newStore();
  const line = (name: string): string =>
    `{"path":"memory://memory/out/${name}","size":1,"isDir":false,"modificationTime":1,` +
    '"blockReplication":1,"blockSize":33554432,"action":"add"}';
  for (let batch = 0; batch < 9; batch += 1) {
    const content = Buffer.from(`v1\n${line(`f${batch}.parquet`)}`);
    await store.put(`_spark_metadata/${batch}`, content, { kind: 'create' });
    await store.put(`_spark_metadata/.${batch}.crc`, Buffer.from('crc'), { kind: 'create' });
  }
  const sink = await open(store, { planned: 9, committed: 8 });
  await sink.write(9, [file(0, 'a')]);
  await sink.commit(9);
  expect((await text(store, '_spark_metadata/9.compact')).split('\n')).toHaveLength(11);
  expect(await seen(store)).toHaveLength(10);
});

test.each([
  ['another checkpoint', { id: 'checkpoint-2', planned: 0, committed: null }, 'SINK_TAKEN'],
  ['a checkpoint that was begun anew', { planned: null, committed: null }, 'SINK_MISMATCH'],
  ['a checkpoint from an older copy', { planned: 0, committed: 0 }, 'SINK_MISMATCH'],
  ['a checkpoint that is ahead', { planned: 9, committed: 8 }, 'SINK_MISMATCH'],
])('a folder is not written with %s', async (_case, stand, code) => {
  const store = newStore();
  const sink = await open(store, START);
  for (const batch of [0, 1, 2]) await sink.commit(batch);
  await expect(open(store, stand)).rejects.toMatchObject({ code });
  expect((await open(store, { planned: 2, committed: 1 })).isApplied(2)).toBe(true);
  expect((await open(store, { planned: 3, committed: 2 })).isApplied(3)).toBe(false);
});

test('a log that Spark wrote with another checkpoint is not continued', async () => {
  const store = newStore();
  await store.put('_spark_metadata/0', Buffer.from('v1'), { kind: 'create' });
  await expect(open(store, { planned: null, committed: null })).rejects.toMatchObject({
    code: 'SINK_MISMATCH',
  });
  expect(await store.head('_spark_metadata/.checkpoint')).toBeNull();
});

test('a folder with files that no log names is not taken', async () => {
  const store = newStore();
  await store.put('date=1/a.parquet', Buffer.from('x'), { kind: 'create' });
  await expect(open(store, START)).rejects.toMatchObject({ code: 'SINK_TAKEN' });
});
