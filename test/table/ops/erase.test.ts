import { readdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { describe, expect, test } from 'vitest';

import { commitPath, LOG_FOLDER } from '../../../src/log/index.ts';
import { crashAtWrite, faultyStore, type ObjectStore } from '../../../src/store/index.ts';
import { isDeltaError, type ManualClock } from '../../../src/base/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { setProperties } from '../../../src/table/alter.ts';
import { writeCheckpoint } from '../../../src/table/checkpoint.ts';
import { cleanUpLog } from '../../../src/table/cleanup.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { clone } from '../../../src/table/ops/clone.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { erase, type EraseOptions } from '../../../src/table/ops/erase.ts';
import type { EraseResult } from '../../../src/table/ops/erase-report.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import { overwrite } from '../../../src/table/ops/overwrite.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { tableContext, tableTools } from '../../../src/table/table-tools.ts';
import type { Snapshot, TableContext } from '../../../src/table/types.ts';
import { cleanedAtRead } from '../context.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

/** A name that stands nowhere else. */
const NAME = 'Zenóbia-4711';
const WHERE = `nome = '${NAME}'`;
const ALONE = { where: WHERE, writerHours: 0 } as const;
const DAY_MS = 86_400_000;

type Rows = readonly { readonly id: bigint; readonly nome: string; readonly uf?: string }[];

async function appended(
  { ctx }: Pick<Bench, 'ctx'>,
  snapshot: Snapshot,
  rows: Rows,
): Promise<Snapshot> {
  return (await append(ctx, snapshot, { rows })).snapshot;
}

function checkpointPath(version: number): string {
  return `${LOG_FOLDER}/${String(version).padStart(20, '0')}.checkpoint.parquet`;
}

/** Three versions of rows: one with her beside another, one without her, one with her alone. */
async function filled(
  bench: Bench,
  spec: { readonly properties?: Readonly<Record<string, string>> } = {},
): Promise<Snapshot> {
  let snapshot = await tableOf(bench, 'id bigint, nome string', spec);
  snapshot = await appended(bench, snapshot, [
    { id: 1n, nome: 'Ana' },
    { id: 2n, nome: NAME },
  ]);
  snapshot = await appended(bench, snapshot, [{ id: 3n, nome: 'Bia' }]);
  return appended(bench, snapshot, [{ id: 4n, nome: NAME }]);
}

/** Objects below the table whose bytes or names have the text. Parquet here is small and plain enough for that. */
async function quoting({ store }: TableContext, text = NAME): Promise<readonly string[]> {
  const found: string[] = [];
  const wanted = Buffer.from(text);
  for await (const { path } of store.list('', { recursive: true })) {
    const { bytes } = await store.get(path);
    if (path.includes(text) || Buffer.from(bytes).includes(wanted)) found.push(path);
  }
  return found;
}

async function namesIn(bench: Bench, snapshot: Snapshot): Promise<readonly unknown[]> {
  return (await rowsOf(bench, snapshot)).map(({ nome }) => nome);
}

function totals(searched: EraseResult['before']): Record<string, readonly [number, number]> {
  return Object.fromEntries(
    searched.map(({ kind, fileCount, rowCount }) => [kind, [fileCount, rowCount]]),
  );
}

describe.each(['memory', 'disk'] as const)('in a table %s', (kind) => {
  test('no byte of a row is left, in no version and no entry of the log', async () => {
    await withBench(kind, async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      expect((await quoting(ctx)).length).toBeGreaterThan(2);
      const planned = await erase(ctx, start, { ...ALONE, dryRun: true });
      expect(planned).toMatchObject({
        kind: 'planned',
        clean: false,
        deleted: [],
        versionsLost: [{ from: 1, to: 3 }],
      });
      expect(planned.rewritten).toHaveLength(2);
      expect((await openSnapshot(ctx)).version).toBe(3);

      const done = await erase(ctx, start, ALONE);
      expect(done).toMatchObject({ kind: 'erased', clean: true, left: [] });
      expect(totals(done.before)).toEqual({ live: [3, 2] });
      expect(totals(done.after)).toEqual({ live: [2, 0] });
      expect(done.rewritten).toHaveLength(2);
      expect([...done.deleted].sort()).toEqual([...done.rewritten].sort());
      expect(done.versionsLost).toEqual([{ from: 0, to: 4 }]);
      expect(done.log).toMatchObject({ quotingAfter: 0 });
      expect(await quoting(ctx)).toEqual([]);
      const latest = await openSnapshot(ctx);
      expect(latest.version).toBe(5);
      expect(await namesIn(bench, latest)).toEqual(['Ana', 'Bia']);
      await expect(openSnapshot(ctx, { version: 4 })).rejects.toMatchObject({
        code: 'VERSION_NOT_FOUND',
      });
      expect((await appended(bench, latest, [{ id: 5n, nome: 'Eva' }])).version).toBe(6);

      const again = await erase(ctx, await openSnapshot(ctx), ALONE);
      expect(again).toMatchObject({ clean: true, rewritten: [], deleted: [], versionsLost: [] });
      expect(again.snapshot.version).toBe(6);
    });
  });

  test('files of older versions, of changes, and behind vectors are found and deleted', async () => {
    await withBench(kind, async (bench) => {
      const { ctx } = bench;
      const properties = {
        'delta.enableDeletionVectors': 'true',
        'delta.enableChangeDataFeed': 'true',
      };
      const start = await filled(bench, { properties });
      const hidden = await deleteRows(ctx, start, { where: 'id = 2' });
      expect(hidden.mode).toBe('deletion-vectors');
      const changed = await deleteRows(ctx, hidden.snapshot, {
        where: 'id = 4',
        mode: 'copy-on-write',
      });
      const merged = await merge(ctx, changed.snapshot, {
        source: { rows: [{ id: 3n, nome: NAME }] },
        on: 't.id = s.id',
        whenMatched: [{ update: '*' }],
      });
      const done = await erase(ctx, merged.snapshot, ALONE);
      expect(done).toMatchObject({ clean: true, left: [] });
      const before = totals(done.before);
      expect(before['live']?.[1]).toBe(2);
      expect(before['older']?.[1]).toBe(1);
      expect(before['changes']?.[1]).toBeGreaterThan(0);
      expect(Object.values(totals(done.after)).every(([, rows]) => rows === 0)).toBe(true);
      expect(done.changesLost.length).toBeGreaterThan(0);
      expect(await quoting(ctx)).toEqual([]);
      expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana']);
    });
  });
});

describe('the log', () => {
  test('young entries stay, and the report says until when; a later run cleans them', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const clock = ctx.clock as ManualClock;
      const start = await filled(bench);
      clock.advance(DAY_MS + 1);
      const first = await erase(ctx, start, { where: WHERE });
      expect(first).toMatchObject({ clean: false, log: { deleted: [] } });
      expect(first.left.every(({ path }) => path.startsWith(LOG_FOLDER))).toBe(true);
      expect(first.left.map(({ untilMs }) => untilMs)).toContain(clock.now() + DAY_MS);
      // Data files are gone already.
      expect((await quoting(ctx)).every((path) => path.startsWith(LOG_FOLDER))).toBe(true);
      expect(first.versionsLost).toEqual([{ from: 1, to: 3 }]);
      expect(await namesIn(bench, await openSnapshot(ctx, { version: 0 }))).toEqual([]);

      clock.advance(DAY_MS + 1);
      const second = await erase(ctx, first.snapshot, { where: WHERE });
      expect(second).toMatchObject({ clean: true, left: [], rewritten: [], deleted: [] });
      expect(await quoting(ctx)).toEqual([]);
      expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia']);
    });
  });

  test('is kept where that is asked for, or where its table keeps it for ever', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const kept = await erase(ctx, start, { ...ALONE, keepLog: true });
      expect(kept.clean).toBe(false);
      const untilMs = ctx.clock.now() + 30 * DAY_MS;
      expect(kept.left.map((left) => left.untilMs)).toContain(untilMs);
      expect(await namesIn(bench, await openSnapshot(ctx, { version: 0 }))).toEqual([]);
      const forever = await setProperties(ctx, kept.snapshot, {
        set: { 'delta.enableExpiredLogCleanup': 'false' },
      });
      const still = await erase(ctx, forever.snapshot, ALONE);
      expect(still.left[0]?.why).toContain('delta.enableExpiredLogCleanup');
    });
  });

  test('versions after the last that speaks of her stay readable', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const properties = { 'delta.checkpointInterval': '3' };
      const kept = await erase(ctx, await filled(bench, { properties }), {
        ...ALONE,
        keepLog: true,
      });
      expect(kept.snapshot.version).toBe(4);
      let later = await appended(bench, kept.snapshot, [{ id: 5n, nome: 'Eva' }]);
      later = await appended(bench, later, [{ id: 6n, nome: 'Isa' }]);
      later = (await deleteRows(ctx, later, { where: 'id = 5' })).snapshot;
      const done = await erase(ctx, later, ALONE);
      expect(done).toMatchObject({ clean: true, versionsLost: [{ from: 0, to: 4 }] });
      expect(done.snapshot.version).toBe(7);
      expect(await quoting(ctx)).toEqual([]);
      const before = await openSnapshot(ctx, { version: 6 });
      expect(await namesIn(bench, before)).toEqual(['Ana', 'Bia', 'Eva', 'Isa']);
      await ctx.store.put(`${LOG_FOLDER}/odd`, new TextEncoder().encode('?'), { kind: 'create' });
      const again = await erase(ctx, done.snapshot, ALONE);
      expect(again).toMatchObject({ clean: false, versionsLost: [], log: { deleted: [] } });
    });
  });

  test.each([{}, { 'delta.checkpointPolicy': 'v2', 'deltawright.versionChecksums': 'true' }])(
    'checkpoints with tombstones of her files are written anew: %j',
    async (properties) => {
      await withBench('memory', async (bench) => {
        const { ctx } = bench;
        let start = await filled(bench, {
          properties: { ...properties, 'delta.checkpointInterval': '2' },
        });
        start = await setPropertiesOf(ctx, start, 'a', '1');
        start = (await deleteRows(ctx, start, { where: 'id = 4' })).snapshot;
        start = await setPropertiesOf(ctx, start, 'a', '2');
        start = await appended(bench, start, [{ id: 9n, nome: 'Eva' }]);
        const done = await erase(ctx, start, ALONE);
        expect(done).toMatchObject({ clean: true, left: [] });
        expect(await quoting(ctx)).toEqual([]);
        for (const path of done.deleted) expect(await quoting(ctx, path)).toEqual([]);
        expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia', 'Eva']);
      });
    },
  );

  test('conditions of earlier commits that quote her go too', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const deleted = await deleteRows(ctx, start, { where: WHERE });
      expect(await quoting(ctx)).toContain(`${LOG_FOLDER}/00000000000000000004.json`);
      const done = await erase(ctx, deleted.snapshot, ALONE);
      expect(done).toMatchObject({ clean: true });
      expect(await quoting(ctx)).toEqual([]);
    });
  });
});

async function setPropertiesOf(
  ctx: TableContext,
  snapshot: Snapshot,
  key: string,
  value: string,
): Promise<Snapshot> {
  return (await setProperties(ctx, snapshot, { set: { [key]: value } })).snapshot;
}

describe('what else lies below the table', () => {
  test('files of failed writers go once they are old, whole or torn; others are told of', async () => {
    await withBench('memory', async (bench) => {
      const { ctx, folder } = bench;
      const clock = ctx.clock as ManualClock;
      const start = await filled(bench);
      await bench.parquet('her.parquet', `SELECT 8::BIGINT AS id, '${NAME}' AS nome`);
      await bench.parquet('other.parquet', `SELECT 8::BIGINT AS id, 'Eva' AS nome`);
      const [her, other] = await Promise.all(
        ['her', 'other'].map((name) => readFile(`${folder}/${name}.parquet`)),
      );
      const put = (path: string, bytes: Uint8Array): Promise<unknown> =>
        ctx.store.put(path, bytes, { kind: 'create' });
      await put('part-her.parquet', her ?? new Uint8Array());
      await put('_temporary/0/part-her.parquet', her ?? new Uint8Array());
      await put('part-other.parquet', other ?? new Uint8Array());
      await put('part-torn.parquet', (her ?? new Uint8Array()).subarray(0, 100));
      await put('note.txt', new TextEncoder().encode('a note'));
      await put('_SUCCESS', new Uint8Array());

      const young = await erase(ctx, start, { where: WHERE });
      const told = young.left.filter(({ path }) => !path.startsWith(LOG_FOLDER));
      expect(told.map(({ path, untilMs }) => [path, untilMs])).toEqual([
        ['_temporary/0/part-her.parquet', clock.now() + DAY_MS],
        ['note.txt', null],
        ['part-her.parquet', clock.now() + DAY_MS],
        ['part-torn.parquet', clock.now() + DAY_MS],
      ]);
      clock.advance(DAY_MS + 1);
      const old = await erase(ctx, young.snapshot, { where: WHERE });
      expect([...old.deleted].sort()).toEqual([
        '_temporary/0/part-her.parquet',
        'part-her.parquet',
        'part-torn.parquet',
      ]);
      expect(old.left).toMatchObject([{ path: 'note.txt', untilMs: null }]);
      expect(totals(old.after)['orphan']).toEqual([2, 0]);
    });
  });

  test('another table below is named and left alone', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const { ctx } = bench;
      const inner = { ctx: { ...ctx, store: ctx.store.at('inner') } };
      await appended(inner, await tableOf({ ...bench, ...inner }, 'id bigint, nome string'), [
        { id: 1n, nome: NAME },
      ]);
      const done = await erase(ctx, start, ALONE);
      expect(done).toMatchObject({ clean: true, tables: ['inner'] });
      expect(await namesIn({ ...bench, ...inner }, await openSnapshot(inner.ctx))).toEqual([NAME]);
    });
  });

  test('manifests are brought up to date before what they named is deleted', async () => {
    await withBench('disk', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench, {
        properties: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
      });
      const done = await erase(ctx, start, ALONE);
      expect(done).toMatchObject({ clean: true, postCommitErrors: [] });
      const { bytes } = await ctx.store.get('_symlink_format_manifest/manifest');
      const lines = new TextDecoder().decode(bytes).trim().split('\n');
      expect(lines).toHaveLength(2);
      for (const path of done.deleted) expect(lines.join()).not.toContain(path);
    });
  });
});

test('of a file of many row groups, those without her are copied, and no other', async () => {
  await withBench('disk', async (bench) => {
    const { ctx } = bench;
    const properties = { 'delta.enableDeletionVectors': 'true' };
    const start = await tableOf(bench, 'id bigint, nome string', { properties });
    const name = `CASE WHEN i IN (5000, 90001) THEN '${NAME}' ELSE 'n' || i END`;
    const rows = `SELECT i::BIGINT AS id, ${name} AS nome FROM range(100000) AS r(i)`;
    const uri = await bench.parquet('many.parquet', rows, ', ROW_GROUP_SIZE 4096');
    let snapshot = (await append(ctx, start, { parquet: [uri] })).snapshot;
    // One of them behind a vector, beside another that is hidden.
    snapshot = (await deleteRows(ctx, snapshot, { where: 'id IN (5000, 40000)' })).snapshot;
    const done = await erase(ctx, snapshot, ALONE);
    expect(done).toMatchObject({ clean: true, left: [] });
    expect(totals(done.before)).toEqual({ live: [1, 2] });
    expect(totals(done.after)).toEqual({ live: [1, 0] });
    const left = await rowsOf(bench, await openSnapshot(ctx));
    expect(left).toHaveLength(99_997);
    expect(new Set(left.map(({ id }) => id)).size).toBe(99_997);
  });
});

test('partitions and column mapping: by values in the log, and names of columns in files', async () => {
  await withBench('disk', async (bench) => {
    const { ctx } = bench;
    let start = await tableOf(bench, 'id bigint, nome string, uf string', {
      partitionBy: ['uf'],
      properties: { 'delta.columnMapping.mode': 'name' },
    });
    start = await appended(bench, start, [
      { id: 1n, nome: 'Ana', uf: 'SP' },
      { id: 2n, nome: NAME, uf: 'SP' },
      { id: 3n, nome: NAME, uf: 'RJ' },
    ]);
    start = (await optimize(ctx, start)).snapshot;
    const some = await erase(ctx, start, { where: `${WHERE} AND uf = 'SP'`, writerHours: 0 });
    expect(some).toMatchObject({ clean: true });
    expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', NAME]);
    const whole = await erase(ctx, some.snapshot, { where: "uf = 'RJ'", writerHours: 0 });
    expect(whole).toMatchObject({ clean: true });
    expect(await quoting(ctx)).toEqual([]);
    expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana']);
  });
});

describe('refusals, with nothing done', () => {
  async function refused(
    bench: Bench,
    snapshot: Snapshot,
    code: string,
    options: EraseOptions = ALONE,
  ): Promise<void> {
    const before = await Array.fromAsync(bench.ctx.store.list('', { recursive: true }));
    await expect(erase(bench.ctx, snapshot, options)).rejects.toMatchObject({ code });
    expect(await Array.fromAsync(bench.ctx.store.list('', { recursive: true }))).toEqual(before);
  }

  test('a table that rows are only appended to, and conditions that are none', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench, { properties: { 'delta.appendOnly': 'true' } });
      await refused(bench, start, 'APPEND_ONLY');
    });
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      await refused(bench, start, 'EXPRESSION_NO_COLUMN', { where: 'quem = 1' });
      await refused(bench, start, 'ERASE_INVALID', { where: WHERE, writerHours: -1 });
    });
  });

  test('a file of an older version that cannot be searched', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const { snapshot } = await deleteRows(ctx, start, { where: 'id = 4' });
      const [gone = ''] = Array.from(start.files(), ({ path }) => path).filter(
        (path) => snapshot.file(path) === null,
      );
      await ctx.store.put(gone, new TextEncoder().encode('PAR1 torn'), { kind: 'overwrite' });
      await refused(bench, snapshot, 'ERASE_UNREADABLE');
    });
  });

  test('a shallow clone reads her rows, on record or named; and the clone itself', async () => {
    await withBench('disk', async (bench) => {
      const { ctx, folder } = bench;
      const start = await filled(bench);
      const tools = tableTools({ clock: ctx.clock, random: ctx.random });
      const target = tableContext(tools, tools.openStore(`${folder}/clone`));
      const made = await clone(ctx, start, target, { kind: 'shallow' });
      await refused(bench, start, 'ERASE_CLONE');
      await expect(erase(target, made.snapshot, ALONE)).rejects.toMatchObject({
        code: 'ERASE_ELSEWHERE',
      });
      for await (const { path } of ctx.store.list(`${LOG_FOLDER}/_clones`)) {
        await ctx.store.delete([path]);
      }
      await refused(bench, start, 'ERASE_CLONE', { ...ALONE, clones: [target.store.uri] });
      const freed = await deleteRows(target, made.snapshot, {
        where: WHERE,
        mode: 'copy-on-write',
      });
      expect(await erase(ctx, start, { ...ALONE, clones: [target.store.uri] })).toMatchObject({
        clean: true,
      });
      expect((await Array.fromAsync(scanRows(target, freed.snapshot))).length).toBe(2);
      await tools.close();
    });
  });
});

describe('interrupted and disturbed', () => {
  test('at any write: the table stays sound, and another run ends clean', async () => {
    for (let write = 0; ; write += 1) {
      const isInterrupted = await withBench('memory', async (bench) => {
        const { ctx } = bench;
        const start = await filled(bench, {
          properties: { 'delta.enableChangeDataFeed': 'true', 'delta.checkpointInterval': '2' },
        });
        const plan = crashAtWrite(write, 'crash');
        const store = faultyStore(ctx.store, { clock: ctx.clock, plan });
        const failed = await outcomeOf(() => erase({ ...ctx, store }, start, ALONE));
        const after = await openSnapshot(ctx);
        const names = await namesIn(bench, after);
        expect(names.filter((name) => name !== NAME)).toEqual(['Ana', 'Bia']);
        const done = await erase(ctx, after, ALONE);
        expect(done).toMatchObject({ clean: true, left: [] });
        expect(await quoting(ctx)).toEqual([]);
        expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia']);
        return failed !== null;
      });
      if (isInterrupted) continue;
      expect(write).toBeGreaterThan(6);
      return;
    }
  }, 120_000);

  test('rows that another writer brings before the commit are erased too', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench);
      const store = beforeFirstCommit(ctx.store, async () => {
        await appended(bench, start, [
          { id: 6n, nome: NAME },
          { id: 7n, nome: 'Eva' },
        ]);
      });
      const done = await erase({ ...ctx, store }, start, ALONE);
      expect(done).toMatchObject({ clean: true });
      expect(await quoting(ctx)).toEqual([]);
      expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia', 'Eva']);
    });
  });
});

/** What it failed with, or null. */
async function outcomeOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return null;
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    return error;
  }
}

/** The store, at whose first commit another writer comes first. */
function beforeFirstCommit(store: ObjectStore, work: () => Promise<void>): ObjectStore {
  let waiting = true;
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = (...args: readonly unknown[]): unknown => Reflect.apply(value, target, args);
      if (name !== 'put') return call;
      return async (...args: readonly unknown[]): Promise<unknown> => {
        if (waiting && String(args[0]).startsWith(`${LOG_FOLDER}/0`)) {
          waiting = false;
          await work();
        }
        return call(...args);
      };
    },
  });
}

test('a partition named by her goes with its folder, and its manifest is told of', async () => {
  await withBench('disk', async (bench) => {
    const { ctx } = bench;
    const root = dirname(ctx.store.localFile('x') ?? '');
    let start = await tableOf(bench, 'id bigint, nome string', { partitionBy: ['nome'] });
    start = await appended(bench, start, [
      { id: 1n, nome: 'Ana' },
      { id: 2n, nome: NAME },
    ]);
    start = (await deleteRows(ctx, start, { where: 'id = 2' })).snapshot;
    expect(await readdir(root)).toContain(`nome=${NAME}`);
    const done = await erase(ctx, start, ALONE);
    expect(done).toMatchObject({ clean: true, versionsLost: [{ from: 0, to: 2 }] });
    expect((await readdir(root)).sort()).toEqual([LOG_FOLDER, 'nome=Ana']);
    expect(await quoting(ctx)).toEqual([]);

    const path = `_symlink_format_manifest/nome=${NAME}/manifest`;
    await ctx.store.put(path, new Uint8Array(), { kind: 'create' });
    const told = await erase(ctx, done.snapshot, ALONE);
    expect(told).toMatchObject({ clean: false, left: [{ path }] });
  });
});

test('all rows of a table with a manifest go, and it stays a table', async () => {
  await withBench('disk', async (bench) => {
    const { ctx } = bench;
    const start = await filled(bench, {
      properties: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
    });
    const done = await erase(ctx, start, { where: 'true', writerHours: 0 });
    expect(done).toMatchObject({ clean: true, left: [], snapshot: { fileCount: 0 } });
    expect(done.deleted).toHaveLength(3);
    expect(await quoting(ctx)).toEqual([]);
    const again = await appended(bench, done.snapshot, [{ id: 1n, nome: 'Ana' }]);
    expect(await namesIn(bench, again)).toEqual(['Ana']);
  });
});

test('a log that begins with a checkpoint, and files of another shape before', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const clock = ctx.clock as ManualClock;
    let start = await filled(bench);
    start = (await deleteRows(ctx, start, { where: 'id = 4' })).snapshot;
    const schema = parseDdl('id bigint, cpf string');
    const rows = [{ id: 7n, cpf: NAME }];
    start = (await overwrite(ctx, start, { rows, schema }, { overwriteSchema: true })).snapshot;
    await writeCheckpoint(ctx, start);
    clock.advance(40 * DAY_MS);
    start = await appended(bench, start, []);
    start = await setPropertiesOf(ctx, start, 'a', '1');
    expect(await cleanUpLog(ctx, start)).toMatchObject({ kind: 'deleted', keepFrom: 5 });
    const done = await erase(ctx, start, { where: `cpf = '${NAME}'` });
    // Her old files have no column of that name.
    expect(done.before.reduce((sum, { partialCount }) => sum + partialCount, 0)).toBe(3);
    expect(done.rewritten).toHaveLength(1);
    expect((await namesOfOrphans(ctx)).length).toBe(3);
  });
});

test('a log that is cleaned up while it is read', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const start = await filled(bench);
    const second = commitPath(2);
    let isDone = false;
    const clean = async (): Promise<void> => {
      if (isDone) return;
      isDone = true;
      await writeCheckpoint(ctx, start);
      await ctx.store.delete([0, 1, 2].map((version) => commitPath(version)));
    };
    const beside = { ...ctx, store: cleanedAtRead(ctx.store, second, clean) };
    const done = await erase(beside, start, ALONE);
    expect([isDone, done.before.length > 0]).toEqual([true, true]);
    expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia']);
  });
});

test('a log whose first checkpoint is cleaned up while it is read', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    let start = await filled(bench);
    await writeCheckpoint(ctx, start);
    await ctx.store.delete([0, 1, 2].map((version) => commitPath(version)));
    start = await appended(bench, start, [{ id: 5n, nome: NAME }]);
    await writeCheckpoint(ctx, start);
    start = await appended(bench, start, [{ id: 6n, nome: NAME }]);
    const first = checkpointPath(3);
    const clean = async (): Promise<void> => ctx.store.delete([commitPath(3), first]);
    const done = await erase(
      { ...ctx, store: cleanedAtRead(ctx.store, first, clean) },
      start,
      ALONE,
    );
    expect(done).toMatchObject({ clean: true, left: [] });
    expect(await quoting(ctx)).toEqual([]);
    expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia']);
  });
});

test('a log whose first checkpoint is torn, as a clean-up that was cut short leaves it', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    let start = await filled(bench);
    await ctx.store.put(checkpointPath(2), Buffer.from('torn'), { kind: 'create' });
    await writeCheckpoint(ctx, start);
    await ctx.store.delete([0, 1, 2].map((version) => commitPath(version)));
    start = await appended(bench, start, [{ id: 5n, nome: NAME }]);
    const done = await erase(ctx, start, ALONE);
    expect(done).toMatchObject({ clean: true, left: [] });
    expect(await quoting(ctx)).toEqual([]);
    expect(await namesIn(bench, await openSnapshot(ctx))).toEqual(['Ana', 'Bia']);
  });
});

test('the log stays as it is where a version could not be read without what quotes her', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const start = await filled(bench);
    const torn = new Proxy(ctx.store, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        if (name !== 'put') return member.bind(target) as unknown;
        return async (...[path, bytes, mode]: Parameters<ObjectStore['put']>) => {
          const isCheckpoint = path.endsWith('.checkpoint.parquet');
          return target.put(path, isCheckpoint ? bytes.subarray(0, 40) : bytes, mode);
        };
      },
    });
    const done = await erase({ ...ctx, store: torn }, start, ALONE);
    expect([done.clean, done.log.deleted]).toEqual([false, []]);
    expect(done.left[0]?.why).toMatch(/a version that stays could not be read without it/);
    for (let version = 0; version <= 5; version += 1) await openSnapshot(ctx, { version });
    const again = await erase(ctx, await openSnapshot(ctx), ALONE);
    expect(again).toMatchObject({ clean: true, left: [] });
    expect(await quoting(ctx)).toEqual([]);
  });
});

async function namesOfOrphans({ store }: TableContext): Promise<readonly string[]> {
  const snapshot = await openSnapshot({ store } as TableContext);
  const found: string[] = [];
  for await (const { path } of store.list('')) if (snapshot.file(path) === null) found.push(path);
  return found;
}

test('copies of commits beside the log go with them, and what nobody knows is told of', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const start = await filled(bench);
    const { bytes } = await ctx.store.get(`${LOG_FOLDER}/00000000000000000001.json`);
    const copy = `${LOG_FOLDER}/.tmp/00000000000000000001.json.d1f9a3c0-0000-4000-8000-000000000000`;
    const odd = `${LOG_FOLDER}/odd`;
    for (const path of [copy, odd]) await ctx.store.put(path, bytes, { kind: 'create' });
    const done = await erase(ctx, start, ALONE);
    expect(done.log.deleted).toContain(copy);
    expect(done).toMatchObject({ clean: false, left: [{ path: odd, untilMs: null }] });
  });
});
