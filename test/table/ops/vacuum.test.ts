import { join } from 'node:path';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type Action, commitPath, parseCommit } from '../../../src/log/index.ts';
import { decodePath, encodePath } from '../../../src/schema/index.ts';
import type { ObjectStore } from '../../../src/store/index.ts';
import { writeCheckpoint } from '../../../src/table/checkpoint.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { restore } from '../../../src/table/ops/restore.ts';
import { vacuum } from '../../../src/table/ops/vacuum.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { addAction, commit, memoryContext, newTable, readText, writeText } from '../context.ts';
import { withBench } from './write-table.ts';

const LIVE = { partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
type Context = ReturnType<typeof memoryContext>;

function removal(path: string, deletionTimestamp: number): Action {
  return { kind: 'remove', remove: { path, deletionTimestamp, dataChange: true, size: 3 } };
}

/** Writes the files and commits them, in the place of others. */
async function change(
  ctx: Context,
  snapshot: Snapshot,
  {
    add = [],
    remove = [],
  }: { readonly add?: readonly string[]; readonly remove?: readonly string[] },
): Promise<Snapshot> {
  for (const key of add) await writeText(ctx.store, key, 'abc');
  const actions = [
    ...add.map((key) => addAction(encodePath(key), { size: 3 })),
    ...remove.map((key) => removal(encodePath(key), ctx.clock.now())),
  ];
  const spec = { operation: 'WRITE', actions, reads: { kind: 'nothing' } } as const;
  return (await commit(ctx, snapshot, spec)).snapshot;
}

async function keys(store: ObjectStore): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path } of store.list('', { recursive: true })) {
    if (!path.startsWith('_delta_log/')) found.push(path);
  }
  return found;
}

async function commitOf({ store }: Context, version: number): Promise<readonly Action[]> {
  const path = commitPath(version);
  return parseCommit((await store.get(path)).bytes, path);
}

describe('vacuum', () => {
  test('deletes what no version within the retention needs, and says so in the history', async () => {
    const ctx = memoryContext();
    const first = await change(ctx, await newTable(ctx), { add: ['a', 'b', 'p=x y%/c'] });
    ctx.clock.advance(DAY_MS);
    await writeText(ctx.store, 'orphan', 'xyz');
    const second = await change(ctx, first, { add: ['d'], remove: ['a', 'p=x y%/c'] });
    ctx.clock.advance(8 * DAY_MS);
    const third = await change(ctx, second, { add: ['e'], remove: ['b'] });
    await writeText(ctx.store, 'fresh', 'xyz');
    ctx.clock.advance(DAY_MS);

    const planned = await vacuum(ctx, third, { dryRun: true });
    expect(planned).toMatchObject({ kind: 'planned', sizeBytes: 9, keptForOthers: 0 });
    expect(planned.files.map(({ path }) => path)).toEqual(['a', 'orphan', 'p=x y%/c']);
    expect((await openSnapshot(ctx)).version).toBe(3);

    const done = await vacuum(ctx, third);
    expect(done.files).toEqual(planned.files);
    expect(await keys(ctx.store)).toEqual(['b', 'd', 'e', 'fresh']);
    expect(await commitOf(ctx, 4)).toMatchObject([
      {
        commitInfo: {
          operation: 'VACUUM START',
          operationParameters: {
            retentionCheckEnabled: 'true',
            defaultRetentionMillis: String(7 * DAY_MS),
          },
          operationMetrics: { numFilesToDelete: '3', sizeOfDataToDelete: '9' },
        },
      },
    ]);
    expect(await commitOf(ctx, 5)).toMatchObject([
      {
        commitInfo: {
          operation: 'VACUUM END',
          operationParameters: { status: 'COMPLETED' },
          operationMetrics: { numDeletedFiles: '3', numVacuumedDirectories: '2' },
        },
      },
    ]);
    expect(await readText(ctx.store, '_delta_log/_last_vacuum_info')).toBe(
      '{"latestCommitVersionOutsideOfRetentionWindow":2}\n',
    );
    expect((await vacuum(ctx, done.snapshot)).files).toEqual([]);
  });

  test('leaves hidden names, other tables below and the log, and takes change data and partitions', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { partitionBy: ['id'] });
    const odd = await newTable({ ...ctx, store: ctx.store.at('inner') }, { partitionBy: ['id'] });
    expect(odd.version).toBe(0);
    const hidden = [
      '.x',
      '_x/a',
      '_symlink_format_manifest/extra',
      'a/.hidden/b',
      '_id/c',
      '_n=1/q',
    ];
    const others = ['inner/data', 'inner/id=1/data'];
    const deletable = [
      '_change_data/a',
      '_change_data/id=1/b',
      'id=_1/a',
      'id=1/b',
      'deletion_vector_1.bin',
    ];
    for (const path of [...hidden, ...others, ...deletable]) await writeText(ctx.store, path, 'x');
    ctx.clock.advance(8 * DAY_MS);
    const { files } = await vacuum(ctx, table);
    expect(files.map(({ path }) => path).sort()).toEqual(deletable.toSorted());
    expect((await keys(ctx.store)).filter((path) => !path.includes('_delta_log')).sort()).toEqual(
      [...hidden, ...others].sort(),
    );
  });

  test('a partition column that begins with _ has folders like any other', async () => {
    const ctx = memoryContext();
    const { parseDdl } = await import('../../../src/schema/index.ts');
    const schema = parseDdl('_p string, n bigint');
    const table = await newTable(ctx, { schema, partitionBy: ['_p'] });
    await writeText(ctx.store, '_p=1/a', 'x');
    ctx.clock.advance(8 * DAY_MS);
    expect((await vacuum(ctx, table)).files).toEqual([{ path: '_p=1/a', sizeBytes: 1 }]);
  });

  test('a shorter retention is refused unless it is asked for by name', async () => {
    const ctx = memoryContext();
    const table = await change(ctx, await newTable(ctx), { add: ['a'] });
    const latest = await change(ctx, table, { remove: ['a'] });
    ctx.clock.advance(HOUR_MS);
    await expect(vacuum(ctx, latest, { retentionHours: 1 })).rejects.toMatchObject({
      code: 'VACUUM_RETENTION_SHORT',
    });
    await expect(vacuum(ctx, latest, { retentionHours: -1 })).rejects.toMatchObject({
      code: 'VACUUM_INVALID',
    });
    expect(await keys(ctx.store)).toEqual(['a']);
    const done = await vacuum(ctx, latest, { retentionHours: 0.5, retentionCheck: false });
    expect(done.files).toHaveLength(1);
    expect(await keys(ctx.store)).toEqual([]);
  });

  test('files whose removal the checkpoint has forgotten stay as long as their version does', async () => {
    const ctx = memoryContext();
    const table = await change(ctx, await newTable(ctx), { add: ['a'] });
    ctx.clock.advance(10 * DAY_MS);
    const removed = await change(ctx, table, { remove: ['a'] });
    ctx.clock.advance(8 * DAY_MS);
    await writeCheckpoint(ctx, await change(ctx, removed, { add: ['b'] }));
    const opened = await openSnapshot(ctx);
    expect((await vacuum(ctx, opened, { retentionHours: 24 * 9 })).files).toEqual([]);
    expect((await vacuum(ctx, opened)).files.map(({ path }) => path)).toEqual(['a']);
  });

  test('deletion vectors stay as long as a version needs them, absolute paths elsewhere are left alone', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.enableDeletionVectors': 'true' } });
    const vector = {
      storageType: 'u',
      pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
      offset: 1,
      sizeInBytes: 40,
      cardinality: 1,
    };
    const file = 'ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin';
    await writeText(ctx.store, file, 'x');
    await writeText(ctx.store, 'f', 'x');
    const added = await commit(ctx, table, {
      operation: 'WRITE',
      actions: [
        addAction('f', { deletionVector: vector, stats: '{"numRecords":9}' }),
        addAction('memory://other/data', { stats: '{"numRecords":9}' }),
      ],
      scope: 'description',
      reads: { kind: 'nothing' },
    });
    ctx.clock.advance(8 * DAY_MS);
    expect((await vacuum(ctx, added.snapshot)).files).toEqual([]);
    const remove = { path: 'f', deletionVector: vector, deletionTimestamp: ctx.clock.now() };
    const gone = await commit(ctx, await openSnapshot(ctx), {
      operation: 'DELETE',
      actions: [{ kind: 'remove', remove: { ...remove, dataChange: true } }],
      reads: { kind: 'nothing' },
      scope: 'description',
    });
    expect((await vacuum(ctx, gone.snapshot)).files).toEqual([]);
    ctx.clock.advance(8 * DAY_MS);
    const { files } = await vacuum(ctx, await openSnapshot(ctx));
    expect(files.map(({ path }) => path)).toEqual([file, 'f']);
  });

  test('change data stays as long as its version does, however early it was written', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.enableChangeDataFeed': 'true' } });
    const path = '_change_data/c.parquet';
    await writeText(ctx.store, path, 'x');
    ctx.clock.advance(8 * DAY_MS);
    const cdc = { path, partitionValues: {}, size: 1, dataChange: false } as const;
    const changed = await commit(ctx, table, {
      operation: 'UPDATE',
      actions: [{ kind: 'cdc', cdc }],
      scope: 'update',
      reads: { kind: 'nothing' },
    });
    expect((await vacuum(ctx, changed.snapshot)).files).toEqual([]);
    ctx.clock.advance(8 * DAY_MS);
    const { files } = await vacuum(ctx, await openSnapshot(ctx));
    expect(files).toMatchObject([{ path }]);
  });

  test('a manifest is brought up to date first, and what manifests name stays', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx);
    const latest = await change(ctx, await change(ctx, table, { add: ['a'] }), {
      add: ['b'],
      remove: ['a'],
    });
    const line = `${ctx.store.uri}/a\n`;
    await writeText(ctx.store, '_symlink_format_manifest/manifest', line);
    ctx.clock.advance(8 * DAY_MS);
    expect(await vacuum(ctx, latest)).toMatchObject({ files: [], keptForOthers: 1 });
    const { setProperties } = await import('../../../src/table/alter.ts');
    await setProperties(ctx, await openSnapshot(ctx), {
      set: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
    });
    await writeText(ctx.store, '_symlink_format_manifest/manifest', line);
    expect(await vacuum(ctx, await openSnapshot(ctx))).toMatchObject({
      files: [{ path: 'a' }],
      keptForOthers: 0,
    });
  });

  test('what a writer takes into the table again meanwhile is not deleted', async () => {
    const ctx = memoryContext();
    const table = await change(ctx, await newTable(ctx), { add: ['a', 'b'] });
    const latest = await change(ctx, table, { remove: ['a', 'b'] });
    ctx.clock.advance(8 * DAY_MS);
    let waiting = true;
    const store: ObjectStore = new Proxy(ctx.store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'put') {
          return (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
        }
        return async (...args: readonly unknown[]): Promise<unknown> => {
          if (waiting && args[0] === commitPath(3)) {
            waiting = false;
            await commit(ctx, latest, {
              operation: 'RESTORE',
              actions: [addAction('a')],
              reads: { kind: 'nothing' },
            });
          }
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
    const done = await vacuum({ ...ctx, store }, latest);
    expect(done.files.map(({ path }) => path)).toEqual(['b']);
    expect(await keys(ctx.store)).toEqual(['a']);
  });

  test('lite goes by the log alone, on from where the last one stopped', async () => {
    const ctx = memoryContext();
    const table = await change(ctx, await newTable(ctx), { add: ['a', 'b', 'c'] });
    const latest = await change(ctx, table, { remove: ['a'] });
    await writeText(ctx.store, 'orphan', 'x');
    ctx.clock.advance(8 * DAY_MS);
    const first = await vacuum(ctx, latest, { mode: 'lite' });
    expect(first.files).toEqual([{ path: 'a', sizeBytes: 3 }]);
    const next = await change(ctx, first.snapshot, { remove: ['b'] });
    ctx.clock.advance(8 * DAY_MS);
    const checkpointed = await change(ctx, next, { remove: ['c'] });
    await writeCheckpoint(ctx, checkpointed);
    await ctx.store.delete([commitPath(0), commitPath(1), commitPath(2)]);
    const second = await vacuum(ctx, checkpointed, { mode: 'lite' });
    expect(second.files.map(({ path }) => path)).toEqual(['b']);
    expect(await keys(ctx.store)).toEqual(['c', 'orphan']);
    await ctx.store.delete(['_delta_log/_last_vacuum_info']);
    await expect(vacuum(ctx, checkpointed, { mode: 'lite' })).rejects.toMatchObject({
      code: 'VACUUM_LITE_INCOMPLETE',
    });
  });

  test.each(['jsonl', 'parquet'])(
    'an inventory takes the place of a listing (%s)',
    async (format) => {
      await withBench('memory', async ({ ctx, folder, text, parquet }) => {
        const table = await newTable(ctx);
        const live = { kind: 'add', add: { ...LIVE, path: 'live' } } as const;
        const spec = { operation: 'WRITE', actions: [live], reads: { kind: 'nothing' } } as const;
        const { snapshot } = await commit(ctx, table, spec);
        for (const path of ['a%b', 'x y', 'live', '_x/hidden', 'not-in-it']) {
          await writeText(ctx.store, path, 'x');
        }
        await ctx.clock.sleep(8 * DAY_MS);
        await writeText(ctx.store, 'fresh', 'x');
        const rows = ['a%25b', 'x y', 'live', '_x/hidden', 'fresh', 'gone', '_delta_log/x'].map(
          (path) => ({ path: `memory://t/${path}`, length: 1, isDir: false, modificationTime: 1 }),
        );
        const lines = [...rows, { ...rows[0], path: 'memory://t/p', isDir: true }].map((row) =>
          JSON.stringify(row),
        );
        await text('list.jsonl', `${lines.join('\n')}\n`);
        const file = join(folder, 'list.jsonl');
        const inventory =
          format === 'jsonl' ? file : await parquet('list.parquet', `FROM read_json('${file}')`);
        const { files } = await vacuum(ctx, snapshot, { inventory });
        expect(files.map(({ path }) => path).sort()).toEqual(['a%b', 'x y']);
        const left = (await keys(ctx.store)).toSorted();
        expect(left).toEqual(['_x/hidden', 'fresh', 'live', 'not-in-it']);
        await text('bad.jsonl', '{"pfad":"x"}\n');
        for (const name of ['bad.jsonl', 'missing.jsonl']) {
          await expect(
            vacuum(ctx, snapshot, { inventory: join(folder, name) }),
          ).rejects.toMatchObject({ code: 'VACUUM_INVENTORY' });
        }
        await expect(vacuum(ctx, snapshot, { inventory, mode: 'lite' })).rejects.toMatchObject({
          code: 'VACUUM_INVALID',
        });
      });
    },
  );

  test('deletions that fail leave a commit that says so, and the rest to the next vacuum', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx);
    await writeText(ctx.store, 'orphan', 'x');
    ctx.clock.advance(8 * DAY_MS);
    const { DeltaError } = await import('../../../src/base/index.ts');
    const store: ObjectStore = new Proxy(ctx.store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'delete') {
          return (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
        }
        return async (paths: readonly string[]): Promise<void> => {
          if (paths.includes('orphan')) {
            throw new DeltaError({ kind: 'unavailable', code: 'STORE_UNAVAILABLE', message: 'no' });
          }
          await target.delete(paths);
        };
      },
    });
    await expect(vacuum({ ...ctx, store }, table)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await commitOf(ctx, 2)).toMatchObject([
      { commitInfo: { operation: 'VACUUM END', operationParameters: { status: 'FAILED' } } },
    ]);
    expect((await vacuum(ctx, table)).files).toHaveLength(1);
  });
});

/** What happens to a table: numbers choose files. */
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('add'), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rewrite'), count: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('wait'), count: fc.integer({ min: 1, max: 200 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('orphan'), count: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore'), count: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('checkpoint'), count: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('full', 'lite'), count: fc.nat(300) }),
  },
);

interface World {
  readonly ctx: Context;
  snapshot: Snapshot;
  /** When each version was committed. */
  readonly times: Map<number, number>;
  fileCount: number;
}

async function take(world: World, { kind, count }: { kind: string; count: number }): Promise<void> {
  const { ctx } = world;
  const live = Array.from(world.snapshot.files(), ({ path }) => decodePath(path)).sort();
  const fresh = (): string => `part %${(world.fileCount += 1)}`;
  switch (kind) {
    case 'wait':
      ctx.clock.advance(count * HOUR_MS);
      return;
    case 'orphan':
      return writeText(ctx.store, fresh(), 'abc');
    case 'checkpoint':
      return writeCheckpoint(ctx, world.snapshot).then(() => undefined);
    case 'add':
      world.snapshot = await change(ctx, world.snapshot, {
        add: Array.from({ length: count }, fresh),
      });
      break;
    case 'rewrite': {
      const remove = live.slice(count % 3, (count % 3) + 2);
      world.snapshot = await change(ctx, world.snapshot, { add: [fresh()], remove });
      break;
    }
    case 'restore': {
      const version = Math.max(0, world.snapshot.version - count);
      const options = { version, ignoreMissing: true };
      world.snapshot = (await restore(ctx, world.snapshot, options)).snapshot;
      break;
    }
    default: {
      const mode = kind === 'lite' ? 'lite' : 'full';
      const before = await keys(ctx.store);
      const result = await vacuum(ctx, world.snapshot, {
        mode,
        retentionHours: count,
        retentionCheck: false,
      });
      world.snapshot = result.snapshot;
      await everyRetainedVersionReads(world, { before, retentionHours: count, mode });
    }
  }
}

async function everyRetainedVersionReads(
  { ctx, times, snapshot }: World,
  how: {
    readonly before: readonly string[];
    readonly retentionHours: number;
    readonly mode: 'full' | 'lite';
  },
): Promise<void> {
  const { before, retentionHours, mode } = how;
  const sinceMs = ctx.clock.now() - retentionHours * HOUR_MS;
  const needed = new Set<string>();
  for (let version = 0; version <= snapshot.version; version += 1) {
    const endedMs = times.get(version + 1) ?? Number.POSITIVE_INFINITY;
    if (endedMs < sinceMs) continue;
    for (const { path } of (await openSnapshot(ctx, { version })).files())
      needed.add(decodePath(path));
  }
  const there = new Map<string, number>();
  for await (const { path, modifiedMs } of ctx.store.list('', { recursive: true })) {
    if (!path.startsWith('_delta_log/')) there.set(path, modifiedMs);
  }
  // A vacuum before may have kept less.
  expect(before.filter((path) => needed.has(path) && !there.has(path))).toEqual([]);
  const old = [...there].filter(([path, ms]) => ms < sinceMs && !needed.has(path));
  if (mode === 'full') expect(old).toEqual([]);
}

test('every version within the retention still reads after any history, and all else that is old is gone', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const ctx = memoryContext();
      const snapshot = await newTable(ctx, { properties: { 'delta.checkpointInterval': '7' } });
      const world: World = { ctx, snapshot, times: new Map(), fileCount: 0 };
      for (const it of [...steps, { kind: 'full', count: 100 }]) {
        const before = world.snapshot.version;
        await take(world, it);
        for (let version = before + 1; version <= world.snapshot.version; version += 1) {
          world.times.set(version, ctx.clock.now());
        }
      }
    }),
    { numRuns: 15 },
  );
});
