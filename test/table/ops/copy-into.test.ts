import { cp, rename, rm, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { commitPath, LOG_FOLDER, parseCommit } from '../../../src/log/index.ts';
import { crashAtWrite, faultyStore } from '../../../src/store/index.ts';
import { setProperties } from '../../../src/table/alter.ts';
import { writeCheckpoint } from '../../../src/table/checkpoint.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { addConstraint } from '../../../src/table/ops/constraints.ts';
import { copyInto, type CopyIntoOptions } from '../../../src/table/ops/copy-into.ts';
import { pathPattern } from '../../../src/table/ops/input-list.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, dataFiles, rowsOf, tableOf, withBench } from './write-table.ts';

async function three(bench: Bench): Promise<Snapshot> {
  for (const id of [1, 2, 3]) {
    await bench.parquet(`dia ${String(id)}/é.parquet`, row(id));
  }
  return tableOf(bench, 'id bigint, nome string');
}

function row(id: number): string {
  return `SELECT ${String(id)}::BIGINT AS id, 'n${String(id)}' AS nome`;
}

async function ids(bench: Bench, snapshot: Snapshot): Promise<readonly unknown[]> {
  return (await rowsOf(bench, snapshot)).map(({ id }) => id);
}

describe.each(['memory', 'disk'] as const)('into a table %s', (kind) => {
  test('each file is loaded once, whatever else comes, and remembered by the table alone', async () => {
    await withBench(kind, async (bench) => {
      const { ctx, folder: from } = bench;
      const table = await three(bench);
      await bench.parquet('_temporary/4.parquet', row(4));
      await bench.text('note.txt', 'x');
      const first = await copyInto(ctx, table, { from });
      expect(first).toMatchObject({
        kind: 'committed',
        commitCount: 1,
        loadedCount: 3,
        rowCount: 3,
        skippedCount: 0,
        rejected: [],
        filesAdded: 3,
      });
      expect(await ids(bench, first.snapshot)).toEqual([1n, 2n, 3n]);

      await bench.parquet('5.parquet', row(5));
      await writeCheckpoint(ctx, first.snapshot);
      const opened = await openSnapshot(ctx);
      const second = await copyInto(ctx, opened, { from: `${from}/` });
      expect(second).toMatchObject({ loadedCount: 1, skippedCount: 3, changedCount: 0 });
      expect(await ids(bench, second.snapshot)).toEqual([1n, 2n, 3n, 5n]);
      const third = await copyInto(ctx, second.snapshot, { from });
      expect(third).toMatchObject({ kind: 'unchanged', loadedCount: 0, skippedCount: 4 });
      expect(third.snapshot.version).toBe(2);
      // From another prefix a file is the same.
      const part = await copyInto(ctx, third.snapshot, { from: join(from, 'dia 1') });
      expect(part).toMatchObject({ kind: 'unchanged', skippedCount: 1 });
    });
  });

  test('JSON lines, with what the table makes of them itself', async () => {
    await withBench(kind, async (bench) => {
      const { ctx, folder: from } = bench;
      const table = await tableOf(bench, 'id bigint, nome string');
      await bench.text('a.jsonl', '{"id":9007199254740993,"nome":"Inês"}\n\n{"id":2}\n');
      await bench.text('b.json', '{"NOME":"Eva","id":3}');
      const done = await copyInto(ctx, table, { from });
      expect(done).toMatchObject({ loadedCount: 2, rowCount: 3, rejected: [] });
      expect(await ids(bench, done.snapshot)).toEqual([2n, 3n, 9007199254740993n]);
      expect(await copyInto(ctx, done.snapshot, { from })).toMatchObject({ skippedCount: 2 });
    });
  });

  test('a run that ends at any write is made good by the next', async () => {
    for (let write = 0; write < 12; write += 1) {
      const isWhole = await withBench(kind, async (bench) => {
        const { ctx, folder: from } = bench;
        const table = await three(bench);
        const plan = crashAtWrite(write, 'crash');
        const store = faultyStore(ctx.store, { clock: ctx.clock, plan });
        const options = { from, filesMax: 2 };
        const ended = await copyInto({ ...ctx, store }, table, options).then(
          () => true,
          () => false,
        );
        const done = await copyInto(ctx, await openSnapshot(ctx), options);
        expect(await ids(bench, done.snapshot)).toEqual([1n, 2n, 3n]);
        return ended;
      });
      if (isWhole) return;
    }
    expect.unreachable('the run does not end');
  });
});

test('many runs at once, with lost answers, load each file once', async () => {
  await withBench('memory', async (bench) => {
    const { ctx, folder: from } = bench;
    const table = await three(bench);
    for (const id of [4, 5, 6, 7]) await bench.parquet(`${String(id)}.parquet`, row(id));
    let commits = 0;
    const store = faultyStore(ctx.store, {
      clock: ctx.clock,
      plan: ({ verb, path }) => {
        if (verb !== 'put' || !path.startsWith(`${LOG_FOLDER}/0`)) return { kind: 'none' };
        commits += 1;
        return { kind: commits % 3 === 1 ? 'lose-answer' : 'none' };
      },
    });
    const runs = Array.from({ length: 4 }, () =>
      copyInto({ ...ctx, store }, table, { from, filesMax: 2 }),
    );
    const results = await Promise.all(runs);
    const latest = await openSnapshot(ctx);
    expect(await ids(bench, latest)).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n]);
    expect(results.reduce((sum, { loadedCount }) => sum + loadedCount, 0)).toBe(7);
    expect(new Set(await dataFiles(bench)).size).toBe(latest.fileCount);
  });
});

test('a file that changed since is told of, and loaded again only by force', async () => {
  await withBench('memory', async (bench) => {
    const { ctx, folder: from } = bench;
    const loaded = await copyInto(ctx, await three(bench), { from });
    const file = join(from, 'dia 1', 'é.parquet');
    await bench.parquet('dia 1/é.parquet', row(8));
    await utimes(file, new Date(), new Date(Date.UTC(2031, 0, 1)));
    const again = await copyInto(ctx, loaded.snapshot, { from });
    expect(again).toMatchObject({ kind: 'unchanged', skippedCount: 3, changedCount: 1 });
    const forced = await copyInto(ctx, loaded.snapshot, { from, pattern: 'dia 1/*', force: true });
    expect(forced).toMatchObject({ loadedCount: 1, skippedCount: 0 });
    expect(await ids(bench, forced.snapshot)).toEqual([1n, 2n, 3n, 8n]);
    const after = await copyInto(ctx, forced.snapshot, { from });
    expect(after).toMatchObject({ skippedCount: 3, changedCount: 0 });
  });
});

test('a file that changes while it is loaded is loaded as it is then, once', async () => {
  await withBench('memory', async (bench) => {
    const { ctx, folder: from } = bench;
    const table = await three(bench);
    await bench.parquet('new/é.parquet', row(9), ', CODEC zstd');
    let waiting = true;
    const store = faultyStore(ctx.store, {
      clock: ctx.clock,
      plan: () => ({ kind: 'none' }),
    });
    const put = store.copyFrom.bind(store);
    store.copyFrom = async (source, path) => {
      const meta = await put(source, path);
      if (waiting) {
        waiting = false;
        await cp(join(from, 'new/é.parquet'), join(from, 'x'));
        await rename(join(from, 'x'), join(from, 'dia 1/é.parquet'));
        await rm(join(from, 'dia 2/é.parquet'));
      }
      return meta;
    };
    const done = await copyInto({ ...ctx, store }, table, { from, pattern: 'dia*/**' });
    expect(done).toMatchObject({
      loadedCount: 2,
      rejected: [{ path: 'dia 2/é.parquet', code: 'INPUT_VANISHED' }],
    });
    expect(await ids(bench, done.snapshot)).toEqual([3n, 9n]);
  });
});

describe('bad files', () => {
  async function withBad(
    work: (
      bench: Bench,
      load: (options?: Partial<CopyIntoOptions>) => ReturnType<typeof copyInto>,
    ) => Promise<void>,
  ): Promise<void> {
    await withBench('memory', async (bench) => {
      const { ctx, folder: from } = bench;
      const table = await three(bench);
      const constrained = await addConstraint(ctx, table, { name: 'few', expression: 'id < 100' });
      await bench.text('a torn.parquet', 'PAR1 and no more');
      await bench.text('empty.parquet', '');
      await bench.parquet('many.parquet', row(100));
      await bench.parquet('more.parquet', `SELECT 1::BIGINT AS id, 2 AS quantos`);
      await bench.parquet('type.parquet', `SELECT 'x' AS id`);
      await work(bench, (options) => copyInto(ctx, constrained.snapshot, { from, ...options }));
    });
  }

  test('stop it by default: nothing of the batch is loaded', async () => {
    await withBad(async (bench, load) => {
      await expect(load()).rejects.toMatchObject({
        code: 'COPY_INTO_REJECTED',
        details: { path: 'a torn.parquet', files: 5 },
      });
      expect(await dataFiles(bench)).toEqual([]);
      expect((await openSnapshot(bench.ctx)).version).toBe(1);
    });
  });

  test('are left out and told of where that is asked for, and tried again by the next call', async () => {
    await withBad(async (bench, load) => {
      const done = await load({ onBadFile: 'skip' });
      expect(done).toMatchObject({ loadedCount: 3, skippedCount: 0 });
      expect(done.rejected.map(({ path, code }) => [path, code])).toEqual([
        ['a torn.parquet', expect.stringContaining('PARQUET_')],
        ['empty.parquet', 'INPUT_EMPTY'],
        ['many.parquet', 'RULE_VIOLATED'],
        ['more.parquet', 'INPUT_UNKNOWN_COLUMN'],
        ['type.parquet', 'INPUT_TYPE_MISMATCH'],
      ]);
      expect(await ids(bench, done.snapshot)).toEqual([1n, 2n, 3n]);
      await bench.parquet('many.parquet', row(99));
      const next = await load({ onBadFile: 'skip', evolve: 'add' });
      expect(next).toMatchObject({ loadedCount: 2, skippedCount: 3 });
      expect(next.rejected).toHaveLength(3);
      expect(next.snapshot.schema.fields.map(({ name }) => name)).toEqual([
        'id',
        'nome',
        'quantos',
      ]);
    });
  });

  test('JSON is as bad as one of its lines', async () => {
    await withBench('memory', async (bench) => {
      const { ctx, folder: from } = bench;
      const table = await tableOf(bench, 'id bigint');
      await bench.text('a.json', '{"id":1}\n');
      await bench.text('b.json', '{"id":2}\n{"id":');
      await bench.text('c.json', '{"id":"x"}\n');
      const done = await copyInto(ctx, table, { from, onBadFile: 'skip' });
      expect(done.rejected.map(({ path, code }) => [path, code])).toEqual([
        ['b.json', 'INPUT_BAD_LINE'],
        ['c.json', 'INPUT_BAD_VALUE'],
      ]);
      expect(await ids(bench, done.snapshot)).toEqual([1n]);
    });
  });
});

describe('refusals', () => {
  test('what is asked has to go together', async () => {
    await withBench('memory', async (bench) => {
      const { ctx, folder: from } = bench;
      const table = await three(bench);
      await bench.text('a.json', '{"id":1}\n');
      const refused = async (options: Partial<CopyIntoOptions>, code: string): Promise<void> => {
        await expect(copyInto(ctx, table, { from, ...options })).rejects.toMatchObject({ code });
      };
      await refused({}, 'COPY_INTO_INVALID');
      await refused({ filesMax: 0 }, 'COPY_INTO_INVALID');
      await refused({ format: 'json', evolve: 'add' }, 'COPY_INTO_INVALID');
      const json = await copyInto(ctx, table, { from, format: 'json' });
      expect(json).toMatchObject({ loadedCount: 1 });
      expect(json.filesAdded).toBe(1);
    });
  });

  test('the files of the table itself are none to load', async () => {
    await withBench('disk', async (bench) => {
      const { ctx, folder } = bench;
      const loaded = await copyInto(ctx, await three(bench), { from: folder });
      const load = (options: CopyIntoOptions): ReturnType<typeof copyInto> =>
        copyInto(ctx, loaded.snapshot, options);
      for (const from of [ctx.store.uri, dirname(folder)]) {
        await expect(load({ from })).rejects.toMatchObject({ code: 'COPY_INTO_INVALID' });
      }
      const some = await load({ from: dirname(folder), pattern: 'inputs/**' });
      expect(some).toMatchObject({ kind: 'unchanged', skippedCount: 3 });
    });
  });

  test('a table that would forget what it has', async () => {
    await withBench('memory', async (bench) => {
      const { ctx, folder: from } = bench;
      const key = 'delta.setTransactionRetentionDuration';
      const { snapshot } = await setProperties(ctx, await three(bench), {
        set: { [key]: 'interval 1 day' },
      });
      await expect(copyInto(ctx, snapshot, { from })).rejects.toMatchObject({
        code: 'COPY_INTO_FORGETS',
      });
      const freed = await setProperties(ctx, snapshot, { unset: [key] });
      expect(await copyInto(ctx, freed.snapshot, { from })).toMatchObject({ loadedCount: 3 });
    });
  });
});

test('a folder that is not there is an error, and an empty one is not', async () => {
  await withBench('memory', async (bench) => {
    const { ctx, folder } = bench;
    const table = await tableOf(bench, 'id bigint');
    expect(await copyInto(ctx, table, { from: folder })).toMatchObject({ kind: 'unchanged' });
    await bench.parquet('a.parquet', row(1));
    for (const from of [join(folder, 'absent'), join(folder, 'a.parquet')]) {
      await expect(copyInto(ctx, table, { from })).rejects.toMatchObject({
        code: 'COPY_INTO_INVALID',
      });
    }
  });
});

test('the commit names each file by a transaction of its own', async () => {
  await withBench('memory', async (bench) => {
    const { ctx, folder: from } = bench;
    await copyInto(ctx, await three(bench), { from });
    const path = commitPath(1);
    const actions = parseCommit((await ctx.store.get(path)).bytes, path);
    const txns = actions.flatMap((action) => (action.kind === 'txn' ? [action.txn] : []));
    expect(txns).toHaveLength(3);
    for (const { appId } of txns) expect(appId).toMatch(/^deltawright\.copyInto\/[\w-]{22}$/);
    expect(new Set(txns.map(({ appId }) => appId)).size).toBe(3);
  });
});

test.each([
  ['*.parquet', ['a.parquet'], ['a/b.parquet', 'a.json']],
  ['**/*.parquet', ['a.parquet', 'a/b/c.parquet'], ['a/b.json']],
  ['dia=2026-1?/**', ['dia=2026-11/x', 'dia=2026-10/a/b'], ['dia=2026-1/x', 'a/dia=2026-11/x']],
  ['{a,b}.json', ['a.json', 'b.json'], ['c.json', 'a,b.json']],
  ['a+(1).json', ['a+(1).json'], ['aa1.json']],
])('the pattern %s', (pattern, fitting, others) => {
  const found = [...fitting, ...others].filter((path) => pathPattern(pattern).test(path));
  expect(found).toEqual(fitting);
});
