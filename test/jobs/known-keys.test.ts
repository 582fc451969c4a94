import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ManualClock } from '../../src/base/index.ts';
import { KnownKeys, type KnownKeysOptions } from '../../src/jobs/known-keys.ts';
import type { JobBench } from './bench.ts';
import { record, type Recorded } from './kafka-bench.ts';
import { FOLDER, JSON_SOURCE, openMessagesBench, sent } from './messages-bench.ts';

let bench: JobBench;
let messages: readonly Recorded[];
beforeEach(async () => {
  bench = await openMessagesBench({ job: { source: JSON_SOURCE, sink: FOLDER } });
  messages = [];
});
afterEach(async () => {
  await bench.close();
});

/** A batch of the folder: one message for each id. */
async function enter(day: number, ids: readonly string[]): Promise<void> {
  messages = [...messages, ...ids.map((id, index) => sent(messages.length + index, id, day))];
  await record(bench, messages);
  await bench.run('job');
}

function open(options: Partial<KnownKeysOptions> = {}, today = '2026-01-31T00:00:00Z'): KnownKeys {
  const store = bench.store(`file://${bench.folder}/lake/job`);
  return new KnownKeys(store, new ManualClock(Date.parse(today)), {
    column: 'id',
    against: 'table',
    horizonDays: null,
    keptBytesMax: 1024 * 1024,
    ...options,
  });
}

const bytesOf = (id: string): Uint8Array => Buffer.from(id);

/** Which of the ids are known; whether the batch was read for it. */
async function known(
  keys: KnownKeys,
  ids: readonly string[],
): Promise<{ readonly ids: readonly string[]; readonly isReadTwice: boolean }> {
  let isReadTwice = false;
  const { isKnown } = await keys.begin((onKey) => {
    isReadTwice = true;
    for (const id of ids) onKey(bytesOf(id));
    return Promise.resolve();
  });
  return {
    ids: ids.filter((id) => isKnown?.(bytesOf(id), 0, bytesOf(id).length) === true),
    isReadTwice,
  };
}

/** Takes a batch as a sink does: what it saw is in the folder then. */
async function take(keys: KnownKeys, day: number, ids: readonly string[]): Promise<void> {
  const { seen } = await keys.begin((onKey) => {
    for (const id of ids) onKey(bytesOf(id));
    return Promise.resolve();
  });
  for (const id of ids) seen?.add(bytesOf(id), 0, id.length);
  const before = await loggedPaths();
  await enter(day, ids);
  keys.entered((await loggedPaths()).filter((path) => !before.includes(path)));
}

async function loggedPaths(): Promise<string[]> {
  const store = bench.store(`file://${bench.folder}/lake/job`);
  const paths: string[] = [];
  for await (const { path } of store.list('', { recursive: true })) {
    if (path.startsWith('date=')) paths.push(path);
  }
  return paths;
}

describe.each([
  ['with memory for all keys', { keptBytesMax: 1024 * 1024 }, false],
  ['without memory, from the files', { keptBytesMax: 0 }, true],
])('%s', (_, options, isReadTwice) => {
  test('what is in the folder is known, and what comes to it', async () => {
    const keys = open(options);
    expect(await known(keys, ['a', 'b'])).toEqual({ ids: [], isReadTwice: false });
    await enter(1, ['a', 'ção']);
    await enter(2, ['b']);
    expect(await known(keys, ['a', 'b', 'c', 'ção'])).toEqual({
      ids: ['a', 'b', 'ção'],
      isReadTwice,
    });
    await take(keys, 3, ['c', 'd']);
    expect(await known(keys, ['a', 'c', 'd', 'e'])).toEqual({ ids: ['a', 'c', 'd'], isReadTwice });
    // Another process that runs the job.
    await enter(3, ['e']);
    expect((await known(keys, ['a', 'e', 'f'])).ids).toEqual(['a', 'e']);
  });

  test('of files that are further back than the horizon, nothing is known', async () => {
    await enter(1, ['old']);
    await enter(10, ['new']);
    const keys = open({ ...options, horizonDays: 8 });
    expect((await known(keys, ['old', 'new'])).ids).toEqual(['new']);
    expect((await known(open({ ...options, horizonDays: 9 }), ['old', 'new'])).ids).toEqual([
      'old',
      'new',
    ]);
  });

  test('a date to come does not move the horizon beyond today', async () => {
    await enter(10, ['today']);
    await enter(31, ['wrong year']);
    const keys = open({ ...options, horizonDays: 2 }, '2026-01-11T12:00:00Z');
    expect((await known(keys, ['today', 'wrong year'])).ids).toEqual(['today', 'wrong year']);
  });
});

test('keys that outgrow memory while the job runs are looked for in the files from then on', async () => {
  const keys = open({ keptBytesMax: 60_000 });
  const ids = (start: number): string[] =>
    Array.from({ length: 1000 }, (_, index) => `${String(start + index)}-0123456789abcdef`);
  const first = ids(1000);
  const second = ids(2000);
  await take(keys, 1, first);
  expect(await known(keys, ['1000-0123456789abcdef'])).toMatchObject({ isReadTwice: false });
  await take(keys, 2, second);
  await take(keys, 3, ids(3000));
  const all = [...first, ...second, ...ids(3000)];
  expect((await known(keys, [...all, 'new'])).ids).toEqual(all);
});

test('files beyond the horizon are let go while the job runs', async () => {
  const keys = open({ keptBytesMax: 0, horizonDays: 3 });
  await take(keys, 1, ['a']);
  expect((await known(keys, ['a'])).ids).toEqual(['a']);
  await take(keys, 2, ['b']);
  await take(keys, 5, ['c']);
  expect((await known(keys, ['a', 'b', 'c'])).ids).toEqual(['b', 'c']);
});

test('within a batch only, the folder is not looked at', async () => {
  await enter(1, ['a']);
  const { seen, isKnown } = await open({ against: 'batch' }).begin(() => Promise.resolve());
  expect(seen?.size).toBe(0);
  expect(isKnown).toBeNull();
});
