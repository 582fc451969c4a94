/** Jobs that take messages: what must not be lost, doubled or stop the rest. */

import { afterEach, describe, expect, test } from 'vitest';

import type { JobBench } from './bench.ts';
import { record } from './kafka-bench.ts';
import {
  folderRows,
  FOLDER,
  JSON_SOURCE,
  openMessagesBench,
  rejectedRows,
  sent,
  tableRows,
  ids,
} from './messages-bench.ts';

let bench: JobBench;
afterEach(async () => {
  await bench.close();
});

const append = { kind: 'append', table: 'eventos' } as const;
const merge = { kind: 'merge', table: 'eventos', on: 't.id = s.id' } as const;
const transform = { select: ['id', 'payload.n AS n'] };
const once = { columns: ['id'], against: 'table' } as const;

describe('a first batch of broken messages alone', () => {
  test.each([
    ['an append', { sink: append }],
    [
      'an append of keys once',
      { sink: append, dropDuplicates: { columns: ['id'], against: 'table' as const } },
    ],
    ['an append with a transform', { sink: append, transform }],
    ['a merge', { sink: merge }],
    ['a merge with a transform', { sink: merge, transform }],
  ])('leaves %s to the rows that follow', async (_, job) => {
    bench = await openMessagesBench({ job: { source: JSON_SOURCE, ...job } });
    const broken = sent(0, 'a', 1, 'no JSON');
    await record(bench, [broken]);
    expect(await bench.run('job')).toMatchObject({ batches: 1, rejectedRows: 1, version: null });
    await record(bench, [broken, sent(1, 'b'), sent(2, 'c')]);
    expect(await bench.run('job')).toMatchObject({ batches: 1, inserted: 2 });
    expect(ids(await tableRows(bench, 'eventos'))).toEqual(['b', 'c']);
    expect(await rejectedRows(bench, 'job')).toHaveLength(1);
  });
});

describe('a checkpoint that is gone', () => {
  test.each([
    ['an append that takes all rows', { sink: append }],
    [
      'an append that holds rows against their batch',
      { sink: append, dropDuplicates: { columns: ['id'], against: 'batch' as const } },
    ],
    [
      'a merge that adds',
      { transform, sink: { ...merge, whenMatched: [{ update: { n: 't.n + s.n' } }] } },
    ],
  ])('is refused by %s, until table or checkpoint are put right', async (_, job) => {
    bench = await openMessagesBench({ job: { source: JSON_SOURCE, ...job } });
    await record(bench, [sent(0, 'a'), sent(1, 'b')]);
    await bench.run('job');
    const before = await tableRows(bench, 'eventos');
    await bench.remove('lake/_checkpoints/job');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(bench.run('job')).rejects.toMatchObject({ code: 'JOB_CHECKPOINT_LOST' });
    }
    expect(await tableRows(bench, 'eventos')).toEqual(before);
    await bench.remove('lake/d/eventos');
    expect(await bench.run('job')).toMatchObject({ inserted: 2 });
    expect(await bench.run('job')).toMatchObject({ batches: 0 });
  });

  test('changes nothing where keys enter once, or a merge takes the rows as they are', async () => {
    bench = await openMessagesBench({
      job: { source: JSON_SOURCE, dropDuplicates: { ...once, columns: ['id'] }, sink: append },
      merge: { source: JSON_SOURCE, sink: { ...merge, table: 'ultimos' } },
      folder: { source: JSON_SOURCE, sink: FOLDER },
    });
    await record(bench, [sent(0, 'a'), sent(1, 'b')]);
    for (const job of ['job', 'merge', 'folder']) await bench.run(job);
    await bench.remove('lake/_checkpoints');
    expect(await bench.run('job')).toMatchObject({ duplicates: 2, inserted: 0 });
    expect(await bench.run('merge')).toMatchObject({ rowsIn: 2, updated: 0, inserted: 0 });
    await expect(bench.run('folder')).rejects.toMatchObject({ code: 'SINK_TAKEN' });
    expect(ids(await tableRows(bench, 'eventos'))).toEqual(['a', 'b']);
    expect(ids(await tableRows(bench, 'ultimos'))).toEqual(['a', 'b']);
    expect(ids(await folderRows(bench, 'lake/folder'))).toEqual(['a', 'b']);
  });

  test('put back to a state long ago, it is refused rather than taken for done', async () => {
    const source = { ...JSON_SOURCE, maxOffsetsPerBatch: 1 };
    bench = await openMessagesBench({ job: { source, sink: append } });
    const messages = Array.from({ length: 103 }, (_, offset) => sent(offset, `k${offset}`));
    await record(bench, messages);
    expect(await bench.run('job')).toMatchObject({ batches: 103 });
    // Its first batch, as far as that matters: all that follows is one batch, of a number the table knows.
    const offsets = await bench.text('lake/_checkpoints/job/offsets/102');
    const commit = await bench.text('lake/_checkpoints/job/commits/102');
    for (const folder of ['offsets', 'commits'])
      await bench.remove(`lake/_checkpoints/job/${folder}`);
    const store = bench.store(`file://${bench.folder}/lake/_checkpoints/job`);
    await store.put('offsets/0', Buffer.from(offsets), { kind: 'create' });
    await store.put('commits/0', Buffer.from(commit), { kind: 'create' });
    await record(bench, [...messages, sent(103, 'new')]);
    bench.clock.advance(1000);
    await expect(bench.run('job')).rejects.toMatchObject({ code: 'JOB_BATCH_MISMATCH' });
    expect(await tableRows(bench, 'eventos')).toHaveLength(103);
  });

  test('another job may fill the same table', async () => {
    bench = await openMessagesBench({
      one: { source: JSON_SOURCE, sink: append },
      two: { source: { ...JSON_SOURCE, topics: ['outros'] }, sink: append },
    });
    await record(bench, [sent(0, 'a')]);
    await record(bench, [sent(0, 'b')], { topic: 'outros' });
    await bench.run('one');
    await bench.run('two');
    expect(ids(await tableRows(bench, 'eventos'))).toEqual(['a', 'b']);
  });
});

describe('posts of a merge', () => {
  const post = { topic: 'totais', value: { format: 'json' } } as const;
  const sink = { ...merge, on: 't.ID = s.id', schema: 'ID STRING, n LONG' };

  test('find their rows however the key is spelled, and only those that changed', async () => {
    bench = await openMessagesBench({
      job: { source: JSON_SOURCE, transform, sink: { ...sink, post: { ...post, key: ['id'] } } },
    });
    await record(bench, [sent(0, 'a'), sent(1, 'b')]);
    expect(await bench.run('job')).toMatchObject({ posted: 2 });
    await record(bench, [sent(0, 'a'), sent(1, 'b'), sent(2, 'b')]);
    expect(await bench.run('job')).toMatchObject({ posted: 1 });
    const store = bench.store(`file://${bench.folder}/produced`);
    const lines = Buffer.from((await store.get('topics/totais/0.ndjson')).bytes).toString();
    const keys = lines
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { key: string }).key);
    expect(keys.map((key) => Buffer.from(key, 'base64').toString())).toEqual(['a', 'b', 'b']);
  });

  test('are refused before anything is committed where the rows lack the key', async () => {
    const { schema: _, ...open } = sink;
    bench = await openMessagesBench({
      job: {
        source: JSON_SOURCE,
        transform,
        sink: { ...open, on: 't.id = s.id', post: { ...post, key: ['cnpj'] } },
      },
    });
    await record(bench, [sent(0, 'a')]);
    await expect(bench.run('job')).rejects.toMatchObject({ code: 'MESSAGE_KEY_MISSING' });
    expect(await tableRows(bench, 'eventos')).toEqual([]);
  });
});
