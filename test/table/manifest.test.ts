import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import {
  DeltaError,
  ManualClock,
  present,
  type Random,
  seededRandom,
} from '../../src/base/index.ts';
import type { Action, AddFile } from '../../src/log/index.ts';
import { encodePath, parseDdl } from '../../src/schema/index.ts';
import {
  crashAtWrite,
  faultyStore,
  localStore,
  memoryStore,
  type ObjectStore,
} from '../../src/store/index.ts';
import {
  checkManifest,
  commitTransaction,
  createTable,
  manifestPartitions,
  manifestPaths,
  manifestRoot,
  openSnapshot,
  publishManifest,
  removeEmptied,
  type Snapshot,
  type TableContext,
} from '../../src/table/index.ts';

const ROOT = '_symlink_format_manifest';
const clock = new ManualClock();

interface Bed {
  readonly store: ObjectStore;
  close(): Promise<void>;
}

const BEDS: Readonly<Record<string, () => Promise<Bed>>> = {
  memory: () => Promise.resolve({ store: memoryStore({ clock }), close: () => Promise.resolve() }),
  'local disk': async () => {
    const folder = await mkdtemp(join(tmpdir(), 'manifest-'));
    const store = localStore(join(folder, 'a table'), {
      clock,
      random: seededRandom(5),
      durable: false,
    });
    return { store, close: () => rm(folder, { recursive: true }) };
  },
};

describe.each(Object.entries(BEDS))('the manifest of a table on %s', (_name, open) => {
  let bed: Bed;
  let ctx: TableContext;
  beforeEach(async () => {
    bed = await open();
    ctx = contextOf(bed.store, seededRandom(1));
  });
  afterEach(() => bed.close());

  test('a table without partitions has one manifest, empty as long as the table is', async () => {
    const created = await makeTable(ctx, []);
    const published = await publishManifest(ctx, created);
    expect(published).toMatchObject({ kind: 'published', writtenCount: 1, emptied: [] });
    expect(await manifestsOf(ctx)).toEqual({ '': [] });
    await add(ctx, [{}, {}]);
    await publishManifest(ctx, created);
    await expectCurrent(ctx);
    expect(manifestPartitions(ctx.store, await openSnapshot(ctx))).toEqual([]);
  });

  test('each partition has a manifest; only the touched ones are written again', async () => {
    const created = await makeTable(ctx, ['p']);
    await add(ctx, [{ p: 'a' }, { p: 'b' }, { p: null }]);
    expect(await publishManifest(ctx, created)).toMatchObject({ writtenCount: 3 });
    const before = await etags(ctx);
    await add(ctx, [{ p: 'b' }]);
    const latest = await publishManifest(ctx, created);
    expect(latest).toMatchObject({ kind: 'published', writtenCount: 1 });
    const after = await etags(ctx);
    const changed = [...after].filter(([path, etag]) => before.get(path) !== etag);
    expect(changed.map(([path]) => path)).toEqual([`${ROOT}/p=b/manifest`]);
    await expectCurrent(ctx);
    const root = manifestRoot(ctx.store.uri, latest.snapshot.version);
    expect(manifestPartitions(ctx.store, latest.snapshot)).toEqual([
      {
        values: ['__HIVE_DEFAULT_PARTITION__'],
        location: `${root}/p=__HIVE_DEFAULT_PARTITION__`,
      },
      { values: ['a'], location: `${root}/p=a` },
      { values: ['b'], location: `${root}/p=b` },
    ]);
  });

  test('a current manifest is known by one read, and publishing it again writes nothing', async () => {
    await makeTable(ctx, ['p']);
    const latest = await add(ctx, [{ p: 'a' }]);
    const table = { tableId: latest.metadata.id, version: latest.version, isPartitioned: true };
    expect(await checkManifest(ctx, table)).toBe('stale');
    await publishManifest(ctx, latest);
    const verbs: string[] = [];
    const watched = contextOf(
      interposed(ctx.store, (verb) => {
        verbs.push(verb);
        return Promise.resolve();
      }),
      seededRandom(2),
    );
    expect(await checkManifest(watched, table)).toBe('current');
    expect(verbs).toEqual(['get']);
    expect(await publishManifest(watched, latest)).toMatchObject({ kind: 'current' });
    expect(verbs.filter((verb) => verb === 'put' || verb === 'delete')).toEqual([]);
    await add(ctx, [{ p: 'a' }]);
    expect(await checkManifest(ctx, { ...table, version: table.version + 1 })).toBe('stale');
  });

  test.each([[[]], [['p']]])(
    'what overwrote a manifest is noticed and replaced (%j)',
    async (by) => {
      await makeTable(ctx, by);
      const latest = await add(ctx, [{ p: 'a' }]);
      await publishManifest(ctx, latest);
      const table = { tableId: latest.metadata.id, version: latest.version };
      const path = by.length === 0 ? `${ROOT}/manifest` : `${ROOT}/p=a/manifest`;
      await ctx.store.put(path, new TextEncoder().encode('junk\n'), { kind: 'overwrite' });
      if (by.length === 0) {
        expect(await checkManifest(ctx, { ...table, isPartitioned: false })).toBe('stale');
      }
      const restored = await publishManifest(ctx, latest, { restore: true });
      expect(restored).toMatchObject({ kind: 'published', writtenCount: 1 });
      await expectCurrent(ctx);
      expect(await checkManifest(ctx, { ...table, isPartitioned: by.length > 0 })).toBe('current');
      expect(await publishManifest(ctx, latest, { restore: true })).toMatchObject({
        kind: 'current',
      });
    },
  );

  test('a partition that empties has an empty manifest first, and none after its removal', async () => {
    await makeTable(ctx, ['p']);
    const files = await add(ctx, [{ p: 'a' }, { p: 'b' }]);
    await publishManifest(ctx, files);
    const emptied = await remove(ctx, (file) => file.partitionValues['p'] === 'a');
    const published = await publishManifest(ctx, files);
    expect(published.emptied).toEqual(['p=a']);
    expect((await manifestsOf(ctx))['p=a']).toEqual([]);
    const table = { tableId: emptied.metadata.id, version: emptied.version, isPartitioned: true };
    expect(await checkManifest(ctx, table)).toBe('stale');
    await removeEmptied(ctx, emptied, published.emptied);
    expect(Object.keys(await manifestsOf(ctx))).toEqual(['p=b']);
    expect(await checkManifest(ctx, table)).toBe('current');
  });

  test('an emptied partition that has files again is not removed', async () => {
    await makeTable(ctx, ['p']);
    await publishManifest(ctx, await add(ctx, [{ p: 'a' }, { p: 'b' }]));
    const { snapshot, emptied } = await publishManifest(
      ctx,
      await remove(ctx, (file) => file.partitionValues['p'] === 'a'),
    );
    await add(ctx, [{ p: 'a' }]);
    await removeEmptied(ctx, snapshot, emptied);
    await publishManifest(ctx, snapshot);
    await expectCurrent(ctx);
    expect((await manifestsOf(ctx))['p=a']).toHaveLength(1);
  });

  test('files that come while the manifest of their partition is deleted are not lost', async () => {
    await makeTable(ctx, ['p']);
    await publishManifest(ctx, await add(ctx, [{ p: 'a' }, { p: 'b' }]));
    const { snapshot, emptied } = await publishManifest(
      ctx,
      await remove(ctx, (file) => file.partitionValues['p'] === 'a'),
    );
    const slow = interposed(ctx.store, async (verb) => {
      if (verb === 'delete') await publishManifest(ctx, await add(ctx, [{ p: 'a' }]));
    });
    await removeEmptied(contextOf(slow, seededRandom(3)), snapshot, emptied);
    await expectCurrent(ctx);
    expect((await manifestsOf(ctx))['p=a']).toHaveLength(1);
  });

  test('a writer held up at any step does not bring back what a faster one replaced', async () => {
    for (let step = 0; ; step += 1) {
      const own = contextOf(bed.store.at(`${step}`), seededRandom(step));
      const created = await makeDrift(own);
      const held = heldUp(own.store, step, async () => {
        await publishAndRemove(own, await add(own, [{ p: 'a' }, { p: 'b' }]));
      });
      await publishAndRemove(contextOf(held.store, seededRandom(3)), created);
      if (!held.wasHeld()) break;
      await expectCurrent(own);
    }
  });

  test('nor does one that dies before it learns that it lost', async () => {
    for (const write of [0, 1, 2]) {
      for (let step = 0; ; step += 1) {
        const own = contextOf(bed.store.at(`${write}-${step}`), seededRandom(step));
        const created = await makeDrift(own);
        const held = heldUp(own.store, step, async () => {
          await publishManifest(own, await add(own, [{ p: 'a' }, { p: 'b' }]));
        });
        const plan = crashAtWrite(write, 'crash-after');
        const dying = contextOf(faultyStore(held.store, { clock, plan }), seededRandom(3));
        await publishManifest(dying, created).catch(ignoreCrash);
        if (!held.wasHeld()) break;
        await expectCurrent(own);
      }
    }
  });

  test('nor one to whom the same content looks like the same object, as on S3', async () => {
    for (let step = 0; ; step += 1) {
      const own = contextOf(withContentEtags(bed.store.at(`${step}`)), seededRandom(step));
      const created = await makeTable(own, ['p']);
      await publishManifest(own, await add(own, [{ p: 'a' }]));
      const added = await add(own, [{ p: 'a' }]);
      const newest = [...added.files()]
        .map((file) => file.path)
        .sort(byNumber)
        .at(-1);
      const held = heldUp(own.store, step, async () => {
        await publishAndRemove(own, await remove(own, (file) => file.path === newest));
      });
      await publishAndRemove(contextOf(held.store, seededRandom(3)), created);
      if (!held.wasHeld()) break;
      await expectCurrent(own);
    }
  });

  test('what another writer committed and never published is published too', async () => {
    const created = await makeTable(ctx, ['p']);
    await publishManifest(ctx, await add(ctx, [{ p: 'a' }, { p: 'b' }]));
    await add(ctx, [{ p: 'a' }]);
    await remove(ctx, (file) => file.partitionValues['p'] === 'b');
    const own = await add(ctx, [{ p: 'c' }]);
    await publishManifest(ctx, own, { touched: [{ p: 'c' }] });
    await expectCurrent(ctx);
    expect(created.version).toBe(0);
  });

  test('a full publication finds manifests of partitions that never were', async () => {
    await makeTable(ctx, ['p']);
    const latest = await add(ctx, [{ p: 'a' }]);
    await publishManifest(ctx, latest);
    const foreign = `${ROOT}/p=gone%20%2F/manifest`;
    await ctx.store.put(foreign, new TextEncoder().encode('s3://x/y\n'), { kind: 'create' });
    await publishManifest(ctx, latest);
    expect((await manifestsOf(ctx))['p=gone%20%2F']).toEqual(['s3://x/y']);
    const published = await publishManifest(ctx, latest, { full: true });
    await removeEmptied(ctx, latest, published.emptied);
    expect(Object.keys(await manifestsOf(ctx))).toEqual(['p=a']);
    await expectCurrent(ctx);
  });

  test('a state that is torn, of another table or of another place, counts for nothing', async () => {
    await makeTable(ctx, ['p']);
    const latest = await add(ctx, [{ p: 'a' }]);
    const table = { tableId: latest.metadata.id, version: latest.version, isPartitioned: true };
    const { version } = table;
    const good = { ...table, tableUri: ctx.store.uri, emptied: [] };
    const texts = [
      '{"tableId"',
      '[]',
      JSON.stringify({ ...good, tableId: 'other' }),
      JSON.stringify({ ...good, tableUri: 's3://elsewhere' }),
      JSON.stringify({ ...good, emptied: [{}] }),
      JSON.stringify({ ...good, version: version + 5 }),
    ];
    for (const text of texts) {
      await ctx.store.put(`${ROOT}.state.json`, new TextEncoder().encode(text), {
        kind: 'overwrite',
      });
      await ctx.store.delete([`${ROOT}/p=a/manifest`]);
      expect(await checkManifest(ctx, table)).toBe('stale');
      expect(await publishManifest(ctx, latest)).toMatchObject({ writtenCount: 1 });
      await expectCurrent(ctx);
    }
  });

  test('values keep their two layers of escaping apart', async () => {
    await makeTable(ctx, ['p', 't'], 'p string, t timestamp, n int');
    const strange = ['a/b c', 'ção=%', "it's: 50%25?", 'x+y', 'plain'];
    const latest = await add(
      ctx,
      strange.map((p) => ({ p, t: '2024-01-01T10:20:30.000000Z' })),
    );
    await publishManifest(ctx, latest);
    const found = await manifestsOf(ctx);
    expect(Object.keys(found).sort()).toEqual(
      [
        'p=a%2Fb c/t=2024-01-01 10%3A20%3A30',
        'p=ção%3D%25/t=2024-01-01 10%3A20%3A30',
        'p=it%27s%3A 50%2525%3F/t=2024-01-01 10%3A20%3A30',
        'p=x+y/t=2024-01-01 10%3A20%3A30',
        'p=plain/t=2024-01-01 10%3A20%3A30',
      ].sort(),
    );
    await expectCurrent(ctx);
    const [plain] = found['p=plain/t=2024-01-01 10%3A20%3A30'] ?? [];
    const file = [...latest.files()].find((each) => each.partitionValues['p'] === 'plain');
    const key = decodeURIComponent(present(file, 'the file').path);
    const local = ctx.store.localFile(key);
    expect(plain).toBe(local === null ? `${ctx.store.uri}/${key}` : `file:${local}`);
    const values = manifestPartitions(ctx.store, latest).map((partition) => partition.values);
    expect(values).toContainEqual(["it's: 50%25?", '2024-01-01 10:20:30']);
  });

  test('two spellings of one value share a manifest', async () => {
    await makeTable(ctx, ['t'], 't timestamp, n int');
    const latest = await add(ctx, [
      { t: '2024-01-01 00:00:00' },
      { t: '2024-01-01T00:00:00.000000Z' },
    ]);
    expect(await publishManifest(ctx, latest)).toMatchObject({ writtenCount: 1 });
    expect(await publishManifest(ctx, latest)).toMatchObject({ kind: 'current' });
    expect((await manifestsOf(ctx))['t=2024-01-01 00%3A00%3A00']).toHaveLength(2);
  });

  test('absolute paths of the log stay absolute, s3a as s3', async () => {
    await makeTable(ctx, []);
    const paths = ['s3a://other/a%20b.parquet', 'file:///data/c%2520d.parquet', 's3://x/e.parquet'];
    const latest = await commit(
      ctx,
      paths.map((path) => ({ kind: 'add', add: addFile(path, {}) })),
    );
    await publishManifest(ctx, latest);
    const found: string[] = [];
    for await (const path of manifestPaths(ctx, latest.version)) found.push(path);
    expect(found.sort()).toEqual([
      'file:/data/c%20d.parquet',
      's3://other/a b.parquet',
      's3://x/e.parquet',
    ]);
  });

  test('a crash at any step is mended by the next run', async () => {
    for (const when of ['crash', 'crash-after'] as const) {
      for (let step = 0; ; step += 1) {
        const own = contextOf(bed.store.at(`${when}-${step}`), seededRandom(step));
        await makeTable(own, ['p']);
        const before = await add(own, [{ p: 'a' }, { p: 'b' }, { p: 'c' }]);
        await publishManifest(own, before);
        await add(own, [{ p: 'b' }, { p: 'd' }]);
        await remove(own, ({ partitionValues: { p } }) => p === 'a' || p === 'c');
        const plan = crashAtWrite(step, when);
        const dying = contextOf(faultyStore(own.store, { clock, plan }), seededRandom(step));
        const survived = await publishAndRemove(dying, before).then(() => true, ignoreCrash);
        await publishAndRemove(own, before);
        await expectCurrent(own);
        // A deletion whose owner died is taken over when no request of his can come any more.
        clock.advance(3_600_000);
        const { snapshot } = await publishAndRemove(own, before);
        expect(Object.keys(await manifestsOf(own)).sort()).toEqual(['p=b', 'p=d']);
        const table = {
          tableId: snapshot.metadata.id,
          version: snapshot.version,
          isPartitioned: true,
        };
        expect(await checkManifest(own, table)).toBe('current');
        if (survived) break;
      }
    }
  });

  test('a partition that revives behind a deleter who died gets its manifest back', async () => {
    await makeTable(ctx, ['p']);
    await publishManifest(ctx, await add(ctx, [{ p: 'a' }, { p: 'b' }]));
    const emptied = await remove(ctx, (file) => file.partitionValues['p'] === 'a');
    const published = await publishManifest(ctx, emptied);
    // The claim is the first write, the deletion the second: it takes effect after others have published.
    const dying = faultyStore(
      interposed(ctx.store, async (verb) => {
        if (verb === 'delete') await publishManifest(ctx, await add(ctx, [{ p: 'a' }]));
      }),
      { clock, plan: crashAtWrite(1, 'crash-after') },
    );
    const removal = removeEmptied(contextOf(dying, seededRandom(9)), emptied, published.emptied);
    await expect(removal).rejects.toMatchObject({ code: 'STORE_CRASHED' });
    expect((await manifestsOf(ctx))['p=a']).toBeUndefined();
    await publishManifest(ctx, emptied);
    await expectCurrent(ctx);
    expect((await manifestsOf(ctx))['p=a']).toHaveLength(1);
  });
});

describe('eight writers who commit and publish at once', () => {
  const seeds = Array.from({ length: 5 }, (_, index) => index + 1);
  for (const columns of [[], ['p']]) {
    test.each(seeds)(
      `end with the manifest of the last version: ${columns.join()} seed %i`,
      (seed) => simulate(memoryStore({ clock }), columns, seed),
    );
  }

  test('on local disk as well', async () => {
    const bed = await present(BEDS['local disk'], 'local disk')();
    await simulate(bed.store, ['p'], 99);
    await bed.close();
  });
});

async function simulate(
  store: ObjectStore,
  columns: readonly string[],
  seed: number,
): Promise<void> {
  const ctx = contextOf(store, seededRandom(seed));
  await makeTable(ctx, columns);
  const writers = Array.from({ length: 8 }, (_, index) => {
    const random = seededRandom(seed * 100 + index);
    return runWriter(contextOf(erratic(store, random), random), columns);
  });
  await Promise.all(writers);
  // No clean run in between: the last writer's own publication is enough.
  await expectCurrent(ctx);
}

async function runWriter(ctx: TableContext, columns: readonly string[]): Promise<void> {
  const values = (): Record<string, string> =>
    Object.fromEntries(columns.map((name) => [name, `v${Math.floor(ctx.random.float() * 3)}`]));
  for (let step = 0; step < 4; step += 1) {
    let latest = await openSnapshot(ctx);
    if (ctx.random.float() < 0.6) {
      latest = await add(ctx, [values(), values()]);
    } else {
      const gone = values();
      latest = await remove(ctx, (file) =>
        columns.every((c) => file.partitionValues[c] === gone[c]),
      );
    }
    await publishAndRemove(ctx, latest);
  }
}

/** A published table, and commits after it that nobody has published: `p=a` grew, `p=b` emptied. */
async function makeDrift(ctx: TableContext): Promise<Snapshot> {
  const created = await makeTable(ctx, ['p']);
  await publishManifest(ctx, await add(ctx, [{ p: 'a' }, { p: 'b' }]));
  await add(ctx, [{ p: 'a' }]);
  await remove(ctx, (file) => file.partitionValues['p'] === 'b');
  return created;
}

/** The store with `work` done before its call number `step`. */
function heldUp(
  store: ObjectStore,
  step: number,
  work: () => Promise<void>,
): { readonly store: ObjectStore; wasHeld(): boolean } {
  let callsLeft = step;
  const held = interposed(store, async () => {
    callsLeft -= 1;
    if (callsLeft === -1) await work();
  });
  return { store: held, wasHeld: () => callsLeft < 0 };
}

/** The store with etags that are hashes of the content, as most of S3's are. */
function withContentEtags(store: ObjectStore): ObjectStore {
  const etagOf = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
  const get: ObjectStore['get'] = async (path) => {
    const { bytes, meta } = await store.get(path);
    return { bytes, meta: { ...meta, etag: etagOf(bytes) } };
  };
  return {
    ...interposed(store, () => Promise.resolve()),
    get,
    head: async (path) => ((await store.head(path)) === null ? null : (await get(path)).meta),
    list: async function* (prefix, options) {
      for await (const { path } of store.list(prefix, options)) yield (await get(path)).meta;
    },
    put: async (path, bytes, mode) => {
      if (mode.kind !== 'update') return store.put(path, bytes, mode);
      const found = await store.get(path);
      if (etagOf(found.bytes) !== mode.etag) return { kind: 'mismatch' };
      return store.put(path, bytes, { kind: 'update', etag: found.meta.etag });
    },
  };
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

async function publishAndRemove(ctx: TableContext, snapshot: Snapshot) {
  const published = await publishManifest(ctx, snapshot);
  await removeEmptied(ctx, published.snapshot, published.emptied);
  return published;
}

/** A store whose calls wait for others now and then, and lose answers of conditional writes. */
function erratic(store: ObjectStore, random: Random): ObjectStore {
  const wait = async (): Promise<void> => {
    const chance = random.float();
    const turns = random.float() * (chance < 0.02 ? 5_000 : chance < 0.2 ? 300 : 10);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
  };
  return {
    ...interposed(store, wait),
    put: async (path, bytes, mode) => {
      await wait();
      const chance = mode.kind === 'overwrite' ? 1 : random.float();
      const result = chance < 0.03 ? null : await store.put(path, bytes, mode);
      await wait();
      if (chance >= 0.06 && result !== null) return result;
      throw new DeltaError({
        kind: 'unavailable',
        code: 'STORE_OUTCOME_UNKNOWN',
        message: 'the answer was lost',
      });
    },
  };
}

type Verb = 'get' | 'head' | 'put' | 'list' | 'delete';

/** The store, with something done before each call. */
function interposed(
  store: ObjectStore,
  before: (verb: Verb, path: string) => Promise<void>,
): ObjectStore {
  return {
    uri: store.uri,
    get: async (path) => {
      await before('get', path);
      return store.get(path);
    },
    head: async (path) => {
      await before('head', path);
      return store.head(path);
    },
    put: async (path, bytes, mode) => {
      await before('put', path);
      return store.put(path, bytes, mode);
    },
    list: async function* (prefix, options) {
      await before('list', prefix);
      yield* store.list(prefix, options);
    },
    delete: async (paths) => {
      await before('delete', paths[0] ?? '');
      await store.delete(paths);
    },
    getRange: (path, range) => store.getRange(path, range),
    putFile: (path, write) => store.putFile(path, write),
    copyFrom: (source, path) => store.copyFrom(source, path),
    localFile: (path) => store.localFile(path),
    at: (prefix) => interposed(store.at(prefix), before),
  };
}

function contextOf(store: ObjectStore, random: Random): TableContext {
  const refuse = () => Promise.reject(new Error('not needed for a manifest'));
  return { store, clock, random, engine: refuse, resolve: refuse };
}

async function makeTable(
  ctx: TableContext,
  partitionBy: readonly string[],
  ddl = 'p string, n int',
): Promise<Snapshot> {
  return (await createTable(ctx, { schema: parseDdl(ddl), partitionBy })).snapshot;
}

let fileCount = 0;

function addFile(path: string, partitionValues: AddFile['partitionValues']): AddFile {
  return { path, partitionValues, size: 10, modificationTime: 0, dataChange: true };
}

function add(
  ctx: TableContext,
  partitions: readonly Readonly<Record<string, string | null>>[],
): Promise<Snapshot> {
  const actions = partitions.map((values): Action => {
    fileCount += 1;
    // Data may lie anywhere: its folder says nothing of its values.
    return { kind: 'add', add: addFile(encodePath(`data %/${fileCount} é.parquet`), values) };
  });
  return commit(ctx, actions);
}

async function commit(ctx: TableContext, actions: readonly Action[]): Promise<Snapshot> {
  const outcome = await commitTransaction(ctx, await openSnapshot(ctx), {
    operation: 'WRITE',
    actions,
    reads: { kind: 'nothing' },
  });
  return outcome.kind === 'conflict' ? openSnapshot(ctx) : outcome.snapshot;
}

async function remove(ctx: TableContext, which: (file: AddFile) => boolean): Promise<Snapshot> {
  const latest = await openSnapshot(ctx);
  const gone = [...latest.files()].filter(which);
  const outcome = await commitTransaction(ctx, latest, {
    operation: 'DELETE',
    actions: gone.map(({ path, partitionValues }) => ({
      kind: 'remove',
      remove: { path, partitionValues, dataChange: true, deletionTimestamp: clock.now() },
    })),
    reads: { kind: 'rows', predicate: null, paths: new Set(gone.map((file) => file.path)) },
  });
  return outcome.kind === 'conflict' ? openSnapshot(ctx) : outcome.snapshot;
}

/** Lines by folder; what the engines see. */
async function manifestsOf(ctx: TableContext): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for await (const { path } of ctx.store.list(ROOT, { recursive: true })) {
    const text = new TextDecoder().decode((await ctx.store.get(path)).bytes);
    const folder = path.slice(ROOT.length + 1, -'manifest'.length).replace(/\/$/, '');
    found[folder] = text.split('\n').filter((line) => line !== '');
  }
  return found;
}

async function etags(ctx: TableContext): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { path, etag } of ctx.store.list(ROOT, { recursive: true }))
    found.set(path, etag);
  return found;
}

/** The manifests name exactly the files of the newest version, each in the folder of its own partition. */
async function expectCurrent(ctx: TableContext): Promise<void> {
  const snapshot = await openSnapshot(ctx);
  const expected: Record<string, string[]> = {};
  const locations = manifestPartitions(ctx.store, snapshot);
  for (const { path, partitionValues } of snapshot.files()) {
    const key = decodeURIComponent(path);
    const local = ctx.store.localFile(key);
    const values = snapshot.partitionColumns.map((name) => hive(partitionValues[name]));
    const partition = locations.find((each) => each.values.join('|') === values.join('|'));
    const root = manifestRoot(ctx.store.uri, snapshot.version);
    const folder = partition === undefined ? '' : partition.location.slice(root.length + 1);
    (expected[folder] ??= []).push(local === null ? `${ctx.store.uri}/${key}` : `file:${local}`);
  }
  const found = Object.entries(await manifestsOf(ctx)).filter(([, lines]) => lines.length > 0);
  for (const lines of Object.values(expected)) lines.sort();
  expect(Object.fromEntries(found.map(([folder, lines]) => [folder, [...lines].sort()]))).toEqual(
    expected,
  );
}

function hive(value: string | null | undefined): string {
  if (value === null || value === undefined) return '__HIVE_DEFAULT_PARTITION__';
  return value.replace('T', ' ').replace('.000000Z', '');
}

function ignoreCrash(error: unknown): false {
  expect(error).toMatchObject({ code: 'STORE_CRASHED' });
  return false;
}
