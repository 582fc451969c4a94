import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { localStore, memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { FileSource, type Probe } from '../../src/stream/file-source.ts';
import { SinkLogWriter } from '../../src/stream/sink-log.ts';

const NO_LIMIT = { filesMax: Infinity, bytesMax: Infinity };
const READY: Probe = { kind: 'ready' };
const TORN: Probe = { kind: 'unreadable', code: 'TORN', reason: 'it ends early' };
const clock = new ManualClock(1000);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deltawright-'));
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

interface Place {
  readonly samples: ObjectStore;
  readonly checkpoint: ObjectStore;
}

function newPlace(root: ObjectStore = memoryStore({ clock })): Place {
  return { samples: root.at('in'), checkpoint: root.at('checkpoint') };
}

/** A batch of a sink: its files, then their names in its log. */
async function log(store: ObjectStore, ...paths: string[]): Promise<void> {
  const writer = await SinkLogWriter.open(store);
  for (const path of paths) await store.put(path, Buffer.from(path), { kind: 'overwrite' });
  await writer.append(paths.map((path) => ({ path, sizeBytes: path.length, modifiedMs: 7 })));
}

/** One look of a source that may be kept: what it offers, planned but for `stopAfter`. */
async function look(
  source: FileSource,
  options: { readonly stopAfter?: number; readonly probes?: Readonly<Record<string, Probe>> } = {},
): Promise<string[]> {
  const offered = await source.listNew({ ...NO_LIMIT, filesMax: 2 });
  for (const batch of offered.slice(0, options.stopAfter)) {
    await source.plan(batch.map((file) => ({ file, probe: options.probes?.[file.path] ?? READY })));
  }
  return offered.flat().map(({ path }) => path);
}

/** Counts the reads of a store by their paths. */
function counting(store: ObjectStore): { readonly store: ObjectStore; readonly read: string[] } {
  const read: string[] = [];
  const wrap = (inner: ObjectStore, prefix: string): ObjectStore =>
    new Proxy(inner, {
      get(target, name) {
        if (name === 'at') return (at: string) => wrap(target.at(at), `${prefix}${at}/`);
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]): unknown => {
          if (name === 'get') read.push(`${prefix}${String(args[0])}`);
          return Reflect.apply(value, target, args);
        };
      },
    });
  return { store: wrap(store, ''), read };
}

test('files are those of the log, in its order, whatever else is there', async () => {
  const place = newPlace();
  await log(place.samples, 'date=2/b.parquet', 'date=1/a.parquet');
  await place.samples.put('date=1/half.parquet', Buffer.from('x'), { kind: 'create' });
  const source = await FileSource.open(place.samples, place.checkpoint);
  const [files = []] = await source.listNew(NO_LIMIT);
  expect(files.map(({ path }) => path)).toEqual(['date=2/b.parquet', 'date=1/a.parquet']);
  expect(files.every(({ etag }) => etag !== null)).toBe(true);
});

test('a folder whose first batch is being written has no files', async () => {
  const place = newPlace();
  await place.samples.put('_spark_metadata/.checkpoint', Buffer.from('{}'), { kind: 'create' });
  await place.samples.put('date=1/half.parquet', Buffer.from('x'), { kind: 'create' });
  const source = await FileSource.open(place.samples, place.checkpoint);
  expect(await look(source)).toEqual([]);
  await log(place.samples, 'date=1/a.parquet');
  expect(await look(source)).toEqual(['date=1/a.parquet']);
});

test('a source that is kept and one that is opened anew take each file once, over compact files', async () => {
  for (const isKept of [true, false]) {
    const place = newPlace();
    let source = await FileSource.open(place.samples, place.checkpoint);
    const taken: string[] = [];
    for (let batch = 0; batch < 45; batch += 1) {
      await log(place.samples, `${batch}-a.parquet`, `${batch}-b.parquet`);
      if (batch % 4 === 3) continue;
      if (!isKept) source = await FileSource.open(place.samples, place.checkpoint);
      taken.push(...(await look(source)));
      if (batch % 3 === 0) await source.clean();
    }
    const all = Array.from({ length: 45 }, (_, batch) => [
      `${batch}-a.parquet`,
      `${batch}-b.parquet`,
    ]);
    expect(taken).toEqual(all.flat());
  }
});

test('a look that was broken off offers the rest, and so does the next process', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet', 'b.parquet', 'c.parquet');
  const source = await FileSource.open(place.samples, place.checkpoint);
  await look(source, { stopAfter: 1 });
  await source.clean();
  expect(await look(source, { stopAfter: 0 })).toEqual(['c.parquet']);
  const next = await FileSource.open(place.samples, place.checkpoint);
  expect(await look(next)).toEqual(['c.parquet']);
  await next.clean();
  expect(await look(await FileSource.open(place.samples, place.checkpoint))).toEqual([]);
});

test('a new process reads what is new, and neither log as a whole', async () => {
  const place = newPlace();
  for (let batch = 0; batch < 25; batch += 1) {
    await log(place.samples, `${batch}.parquet`);
    const source = await FileSource.open(place.samples, place.checkpoint);
    await look(source);
    await source.clean();
  }
  await log(place.samples, 'new.parquet');
  const samples = counting(place.samples);
  const checkpoint = counting(place.checkpoint);
  const source = await FileSource.open(samples.store, checkpoint.store);
  expect(await look(source)).toEqual(['new.parquet']);
  expect(samples.read).toEqual(['_spark_metadata/25']);
  expect(checkpoint.read.filter((path) => path.startsWith('sources/'))).toEqual([]);
  expect(await source.plannedFiles({ after: 23, through: 25 })).toHaveLength(2);
  expect(await source.plannedFiles({ after: -1, through: 25 })).toHaveLength(26);
});

test('a deferred file comes back until it is settled', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet', 'b.parquet');
  const first = await FileSource.open(place.samples, place.checkpoint);
  await look(first, { probes: { 'b.parquet': TORN } });
  await first.clean();
  const second = await FileSource.open(place.samples, place.checkpoint);
  expect(await look(second)).toEqual(['b.parquet']);
  await second.clean();
  expect(await look(await FileSource.open(place.samples, place.checkpoint))).toEqual([]);
});

test('a source that goes on rejects a file that it deferred and that has not changed', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet');
  const source = await FileSource.open(place.samples, place.checkpoint);
  const probes = { 'a.parquet': TORN };
  expect(await look(source, { probes })).toEqual(['a.parquet']);
  expect(await look(source, { probes })).toEqual(['a.parquet']);
  expect(await look(source, { probes })).toEqual([]);
  expect(await source.plannedFiles({ after: -1, through: 0 })).toMatchObject([
    { path: 'a.parquet', rejected: { code: 'TORN' } },
  ]);
});

test('a logged file that is gone is offered without an etag', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet');
  await place.samples.delete(['a.parquet']);
  const source = await FileSource.open(place.samples, place.checkpoint);
  expect((await source.listNew(NO_LIMIT)).flat()).toMatchObject([
    { path: 'a.parquet', etag: null },
  ]);
});

test('a position that is not of this checkpoint is not believed', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet', 'b.parquet');
  const source = await FileSource.open(place.samples, place.checkpoint);
  await look(source);
  await source.clean();
  await place.checkpoint.delete(['sources/0/0']);
  const begun = await FileSource.open(place.samples, place.checkpoint);
  expect(await look(begun)).toEqual(['a.parquet', 'b.parquet']);
});

test('a folder that was moved is refused', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet');
  const moved = place.samples.at('elsewhere');
  const bytes = (await place.samples.get('_spark_metadata/0')).bytes;
  await moved.put('_spark_metadata/0', bytes, { kind: 'create' });
  const source = await FileSource.open(moved, place.checkpoint);
  await expect(source.listNew(NO_LIMIT)).rejects.toMatchObject({ code: 'SINK_LOG_MOVED' });
});

test.each([
  ['a line that is no JSON', 'v1\n{"path', 'SINK_LOG_BROKEN'],
  ['a line of another log', 'v1\n{"path":"x","timestamp":1,"batchId":0}', 'SINK_LOG_BROKEN'],
  ['a later version', 'v2\n{}', 'SINK_LOG_VERSION'],
])('a log with %s is refused', async (_case, content, code) => {
  const place = newPlace();
  await place.samples.put('_spark_metadata/0', Buffer.from(content), { kind: 'create' });
  const source = await FileSource.open(place.samples, place.checkpoint);
  await expect(source.listNew(NO_LIMIT)).rejects.toMatchObject({ code });
});

test('files that the log deletes again are not offered', async () => {
  const place = newPlace();
  await log(place.samples, 'a.parquet', 'b.parquet');
  const line = Buffer.from((await place.samples.get('_spark_metadata/0')).bytes)
    .toString()
    .split('\n')[1];
  const deleted = (line ?? '').replace('"add"', '"delete"');
  await place.samples.put('_spark_metadata/1', Buffer.from(`v1\n${deleted}`), { kind: 'create' });
  const source = await FileSource.open(place.samples, place.checkpoint);
  expect(await look(source)).toEqual(['b.parquet']);
});

test('a stale checksum of Hadoop beside a name that is written goes', async () => {
  const root = localStore(folder, { clock, random: seededRandom(1) });
  const place = newPlace(root);
  await place.samples.put('_spark_metadata/.0.crc', Buffer.from('old'), { kind: 'create' });
  await log(place.samples, 'a.parquet');
  expect(await readdir(join(folder, 'in/_spark_metadata'))).toEqual(['0']);
});
