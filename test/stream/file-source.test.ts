import { expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { memoryStore, type ObjectStore } from '../../src/store/index.ts';
import { FileSource, type Probe, type SourceFile } from '../../src/stream/index.ts';

const NO_LIMIT = { filesMax: Infinity, bytesMax: Infinity };
const READY: Probe = { kind: 'ready' };
const TORN: Probe = { kind: 'unreadable', code: 'TORN', reason: 'it ends early' };
const UNFIT: Probe = { kind: 'unfit', code: 'UNFIT', reason: 'a column is missing' };

interface Place {
  readonly clock: ManualClock;
  readonly samples: ObjectStore;
  readonly checkpoint: ObjectStore;
}

function newPlace(): Place {
  const clock = new ManualClock(1000);
  const root = memoryStore({ clock });
  return { clock, samples: root.at('in'), checkpoint: root.at('checkpoint') };
}

async function put(place: Place, path: string, content = path): Promise<void> {
  await place.samples.put(path, Buffer.from(content), { kind: 'overwrite' });
}

function paths(batches: readonly (readonly SourceFile[])[]): string[][] {
  return batches.map((batch) => batch.map((file) => file.path));
}

/** One run: lists, probes as told (ready unless named), plans; what was offered and how it was taken. */
async function run(
  place: Place,
  probes: Readonly<Record<string, Probe>> = {},
): Promise<{ offered: string[]; taken: string[]; rejected: string[]; deferred: string[] }> {
  const source = await FileSource.open(place.samples, place.checkpoint);
  const offered = (await source.listNew(NO_LIMIT)).flat();
  const after = source.logOffset;
  const plan = await source.plan(
    offered.map((file) => ({ file, probe: probes[file.path] ?? READY })),
  );
  const planned = await source.plannedFiles({ after, through: plan.logOffset });
  return {
    offered: offered.map((file) => file.path),
    taken: planned.filter((file) => file.rejected === null).map((file) => file.path),
    rejected: planned.filter((file) => file.rejected !== null).map((file) => file.path),
    deferred: plan.deferred.map(({ file }) => file.path),
  };
}

test('visible files of the readable kinds are found at any depth, in the order of their bytes', async () => {
  const place = newPlace();
  const visible = ['a b/ç=1+%.parquet', 'b.jsonl', 'c.json', 'd/e.ndjson', 'z.PARQUET'];
  const hidden = ['_SUCCESS', '_tmp/a.parquet', '.a.parquet', 'x/.b/c.jsonl', 'notes.txt', 'a.csv'];
  for (const path of [...visible, ...hidden]) await put(place, path);
  const source = await FileSource.open(place.samples, place.checkpoint);
  expect(paths(await source.listNew(NO_LIMIT))).toEqual([visible]);
});

test('limits cut what is there into batches, and a batch takes one file at least', async () => {
  const place = newPlace();
  for (const path of ['a.json', 'b.json', 'c.json', 'd.json'])
    await put(place, path, 'x'.repeat(10));
  const source = await FileSource.open(place.samples, place.checkpoint);
  expect(paths(await source.listNew({ filesMax: 3, bytesMax: Infinity }))).toEqual([
    ['a.json', 'b.json', 'c.json'],
    ['d.json'],
  ]);
  expect(paths(await source.listNew({ filesMax: 9, bytesMax: 20 }))).toEqual([
    ['a.json', 'b.json'],
    ['c.json', 'd.json'],
  ]);
  expect((await source.listNew({ filesMax: 9, bytesMax: 1 })).length).toBe(4);
});

test('a file is handed out once, also after it was written anew', async () => {
  const place = newPlace();
  await put(place, 'a.json');
  expect((await run(place)).taken).toEqual(['a.json']);
  place.clock.advance(1000);
  await put(place, 'a.json', 'other');
  await put(place, 'b.json');
  expect((await run(place)).taken).toEqual(['b.json']);
  expect((await run(place)).offered).toEqual([]);
});

test("the log of the source is Spark's, with a compact file every tenth", async () => {
  const place = newPlace();
  for (let index = 0; index < 11; index += 1) {
    await put(place, `f${index} é.json`);
    await run(place);
  }
  const log = place.checkpoint.at('sources/0');
  const text = async (path: string): Promise<string> =>
    Buffer.from((await log.get(path)).bytes).toString();
  expect(await text('0')).toBe(
    'v1\n{"path":"memory://memory/in/f0%20é.json","timestamp":1000,"batchId":0}',
  );
  expect((await text('9.compact')).split('\n')).toHaveLength(11);
  expect(await log.head('9')).toBeNull();
  expect(await text('10')).toContain('"batchId":10');
  expect((await run(place)).offered).toEqual([]);
});

test('deltas that a compact file holds are cleaned away after a hundred, and nothing is forgotten', async () => {
  const place = newPlace();
  for (let index = 0; index < 121; index += 1) {
    await put(place, `f${index}.json`);
    await run(place);
  }
  await (await FileSource.open(place.samples, place.checkpoint)).clean();
  const log = place.checkpoint.at('sources/0');
  expect(await log.head('18')).toBeNull();
  expect(await log.head('9.compact')).toBeNull();
  expect(await log.head('19.compact')).not.toBeNull();
  const source = await FileSource.open(place.samples, place.checkpoint);
  expect(await source.listNew(NO_LIMIT)).toEqual([]);
  expect(await source.plannedFiles({ after: -1, through: 120 })).toHaveLength(121);
});

test('a file that cannot be read yet is deferred, tried again, then rejected', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  await put(place, 'b.parquet');
  expect(await run(place, { 'a.parquet': TORN })).toMatchObject({
    taken: ['b.parquet'],
    rejected: [],
    deferred: ['a.parquet'],
  });
  expect(await run(place, { 'a.parquet': TORN })).toMatchObject({
    taken: [],
    rejected: ['a.parquet'],
    deferred: [],
  });
  expect((await run(place)).offered).toEqual([]);
});

test('a deferred file that has become whole is taken once', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  await run(place, { 'a.parquet': TORN });
  await put(place, 'a.parquet', 'now it is whole');
  expect((await run(place)).taken).toEqual(['a.parquet']);
  expect((await run(place)).offered).toEqual([]);
});

test('a deferred file that still grows is deferred again', async () => {
  const place = newPlace();
  await put(place, 'a.parquet', '1');
  await run(place, { 'a.parquet': TORN });
  await put(place, 'a.parquet', '22');
  expect((await run(place, { 'a.parquet': TORN })).deferred).toEqual(['a.parquet']);
});

test('a file that vanished is looked for by the next run, then rejected', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  await run(place, { 'a.parquet': TORN });
  await place.samples.delete(['a.parquet']);
  expect((await run(place, { 'a.parquet': TORN })).rejected).toEqual(['a.parquet']);
  expect((await run(place)).offered).toEqual([]);
});

test('a rejected path is a new file once its size or time is another', async () => {
  const place = newPlace();
  await put(place, 'a.parquet', 'bad');
  expect((await run(place, { 'a.parquet': UNFIT })).rejected).toEqual(['a.parquet']);
  expect((await run(place)).offered).toEqual([]);
  place.clock.advance(1);
  await put(place, 'a.parquet', 'BAD');
  expect((await run(place, { 'a.parquet': UNFIT })).rejected).toEqual(['a.parquet']);
  await put(place, 'a.parquet', 'good');
  expect((await run(place)).taken).toEqual(['a.parquet']);
});

test('a planned file that failed when it was read comes back in the next run, one that did not fail does not', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  await put(place, 'b.parquet');
  const source = await FileSource.open(place.samples, place.checkpoint);
  const [files = []] = await source.listNew(NO_LIMIT);
  await source.plan(files.map((file) => ({ file, probe: READY })));
  const failed = files.slice(0, 1).map((file) => ({ file, code: 'GONE', reason: 'it is gone' }));
  await source.settle({ seen: files, failed });
  expect((await run(place)).taken).toEqual(['a.parquet']);
  expect((await run(place)).offered).toEqual([]);
});

test('a deferral that was settled before a crash is not open any more', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  await run(place, { 'a.parquet': TORN });
  const stale = await place.checkpoint.get('deferred.json');
  await run(place);
  await place.checkpoint.put('deferred.json', stale.bytes, { kind: 'overwrite' });
  expect((await run(place)).offered).toEqual([]);
});

test('of two processes that plan different files at once, one stops', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  const one = await FileSource.open(place.samples, place.checkpoint);
  const other = await FileSource.open(place.samples, place.checkpoint);
  const [seenByOne = []] = await one.listNew(NO_LIMIT);
  await put(place, 'b.parquet');
  const [seenByOther = []] = await other.listNew(NO_LIMIT);
  await one.plan(seenByOne.map((file) => ({ file, probe: READY })));
  await expect(
    other.plan(seenByOther.map((file) => ({ file, probe: READY }))),
  ).rejects.toMatchObject({ code: 'JOB_CONCURRENT' });
});

test.each([
  ['a line that is no JSON', 'v1\nx'],
  ['an entry without a path', 'v1\n{"timestamp":1,"batchId":0}'],
  ['no version', '{"path":"p","timestamp":1,"batchId":0}'],
])('%s in the log is a broken checkpoint', async (_case, content) => {
  const place = newPlace();
  await place.checkpoint.put('sources/0/0', Buffer.from(content), { kind: 'create' });
  await expect(FileSource.open(place.samples, place.checkpoint)).rejects.toMatchObject({
    code: 'CHECKPOINT_BROKEN',
  });
});

test('a planned file that is not below the source any more is an error that names it', async () => {
  const place = newPlace();
  await put(place, 'a.parquet');
  await run(place);
  const moved = await FileSource.open(place.samples.at('elsewhere'), place.checkpoint);
  await expect(moved.plannedFiles({ after: -1, through: 0 })).rejects.toMatchObject({
    code: 'SOURCE_MOVED',
  });
});

test('a missing file of the log is a broken checkpoint', async () => {
  const place = newPlace();
  await place.checkpoint.put('sources/0/1', Buffer.from('v1'), { kind: 'create' });
  await expect(FileSource.open(place.samples, place.checkpoint)).rejects.toMatchObject({
    code: 'CHECKPOINT_BROKEN',
  });
});
