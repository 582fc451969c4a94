import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../../src/base/index.ts';
import { commitPath } from '../../../src/log/index.ts';
import { memoryStore, type ObjectStore } from '../../../src/store/index.ts';
import { writeCheckpoint } from '../../../src/table/checkpoint.ts';
import { DeltaTable } from '../../../src/table/delta-table.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import { clone } from '../../../src/table/ops/clone.ts';
import { type TableTools, tableTools } from '../../../src/table/table-tools.ts';
import { cleanedAtRead } from '../context.ts';
import { tableOf, withBench } from './write-table.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let root: string;
let clock: ManualClock;
let tools: TableTools;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'clone-test-'));
  clock = new ManualClock();
  tools = tableTools({ clock, random: seededRandom(3), durable: false });
});

afterEach(async () => {
  await tools.close();
  await rm(root, { recursive: true, force: true });
});

async function made(uri: string, properties: Record<string, string> = {}): Promise<DeltaTable> {
  const spec = { schema: 'id bigint, parte string', partitionBy: ['parte'], properties };
  const table = await DeltaTable.create(tools, uri, spec);
  for (let id = 0; id < 3; id += 1) {
    clock.advance(HOUR_MS);
    await table.append({ rows: [{ id: BigInt(id), parte: id === 0 ? null : `São/${id} %25` }] });
  }
  return table;
}

async function ids(table: DeltaTable): Promise<readonly number[]> {
  const rows = await Array.fromAsync(table.scan({ columns: ['id'] }));
  return rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
}

async function objects(store: ObjectStore): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path } of store.list('', { recursive: true })) found.push(path);
  return found;
}

describe('a shallow clone', () => {
  test('reads the files where they are, and goes its own way', async () => {
    const source = await made('memory://a/lago');
    const outcome = await source.clone('memory://b/copia', {
      kind: 'shallow',
      properties: { 'delta.appendOnly': 'false' },
    });
    expect(outcome).toMatchObject({ version: 0, fileCount: 3, copiedCount: 0 });
    const clone = await DeltaTable.open(tools, 'memory://b/copia');
    expect(clone.snapshot.metadata.id).not.toBe(source.snapshot.metadata.id);
    expect(clone.snapshot.metadata.configuration).toEqual({ 'delta.appendOnly': 'false' });
    expect(await ids(clone)).toEqual([0, 1, 2]);
    await clone.append({ rows: [{ id: 9n, parte: 'x' }] });
    await source.delete({ where: 'id = 1' });
    expect([await ids(clone), await ids(source)]).toEqual([
      [0, 1, 2, 9],
      [0, 2],
    ]);
    const [first] = await clone.history({ limit: 5 }).then((it) => it.toReversed());
    expect(first).toMatchObject({
      operation: 'CLONE',
      commitInfo: { operationParameters: { source: 'memory://a/lago', sourceVersion: '3' } },
    });
    await expect(source.clone('memory://b/copia', { kind: 'shallow' })).rejects.toMatchObject({
      code: 'TABLE_EXISTS',
    });
    await expect(source.clone('memory://a/lago', { kind: 'shallow' })).rejects.toMatchObject({
      code: 'TABLE_EXISTS',
    });
    const elsewhere = source.clone(join(root, 'x'), { kind: 'shallow' });
    await expect(elsewhere).rejects.toMatchObject({ code: 'CLONE_INVALID' });
  });

  test('names files as Spark spells them, which compares the texts', async () => {
    const source = await made(join(root, 'de onde [1]'));
    const target = join(root, 'para onde');
    await source.clone(target, { kind: 'shallow' });
    const clone = await DeltaTable.open(tools, target);
    const folders = [...clone.files()].map(({ path }) => path.replace(/\/part-.*/, ''));
    expect(folders.toSorted()).toEqual(
      ['São%252F1%20%252525', 'São%252F2%20%252525', '__HIVE_DEFAULT_PARTITION__'].map(
        (value) => `file:${root}/de%20onde%20%5B1%5D/parte=${value}`,
      ),
    );
    expect(await ids(clone)).toEqual([0, 1, 2]);
  });

  test.each(['memory', 'disk'])(
    'keeps its files from a vacuum of the source (%s)',
    async (kind) => {
      const place = (name: string): string =>
        kind === 'memory' ? `memory://${name}/t %C3` : join(root, name, 't %C3');
      const source = await made(place('a'));
      await source.clone(place('b'), { kind: 'shallow' });
      const clone = await DeltaTable.open(tools, place('b'));
      await clone.clone(place('c'), { kind: 'shallow' });
      const second = await DeltaTable.open(tools, place('c'));
      await source.delete();
      await clone.delete({ where: 'id = 0' });
      // Files on disk have the time of the disk, which is years after that of the test.
      clock.advance(kind === 'disk' ? 200_000 * HOUR_MS : 8 * DAY_MS);
      const kept = await source.vacuum({ dryRun: true });
      expect(kept).toMatchObject({ files: [], keptForOthers: 3 });
      await second.delete({ where: 'id = 0' });
      clock.advance(8 * DAY_MS);
      const gone = await source.vacuum({ dryRun: true });
      expect(gone).toMatchObject({ keptForOthers: 2 });
      expect(gone.files).toHaveLength(1);
      expect([await ids(clone), await ids(second)]).toEqual([
        [1, 2],
        [1, 2],
      ]);
      const store = tools.openStore(place('b'));
      await store.delete(await objects(store));
      await expect(source.vacuum({ dryRun: true })).rejects.toMatchObject({
        code: 'VACUUM_CLONE_UNREADABLE',
      });
      for (const name of [clone.uri, `${place('b')}//`]) {
        const { files } = await source.vacuum({ dryRun: true, forgetClones: [name] });
        expect(files).toHaveLength(3);
      }
    },
  );

  test('of a version whose files are gone is refused, and leaves nothing behind', async () => {
    const source = await made('memory://a/t');
    await source.delete();
    clock.advance(8 * DAY_MS);
    await source.vacuum();
    const before = await DeltaTable.open(tools, 'memory://a/t', { version: 3 });
    await expect(before.clone('memory://b/t', { kind: 'shallow' })).rejects.toMatchObject({
      code: 'CLONE_FILES_MISSING',
    });
    expect(await objects(tools.openStore('memory://b/t'))).toEqual([]);
    expect((await objects(tools.openStore('memory://a/t'))).join()).not.toContain('_clones');
  });
});

describe('a deep clone', () => {
  test('takes no properties, as it would not have them in any version', async () => {
    const source = await made('memory://a/t');
    const options = { kind: 'deep', properties: { 'delta.appendOnly': 'true' } } as const;
    await expect(source.clone('memory://b/t', options)).rejects.toMatchObject({
      code: 'CLONE_INVALID',
    });
    expect(await objects(tools.openStore('memory://b/t'))).toEqual([]);
  });

  test.each([
    ['disk', 'disk', {}],
    ['disk', 'memory', {}],
    ['memory', 'memory', { 'delta.enableInCommitTimestamps': 'true' }],
    ['memory', 'disk', { 'delta.checkpointPolicy': 'v2', 'delta.checkpointInterval': '2' }],
  ] as const)('from %s to %s has every version, at its time', async (from, to, properties) => {
    const place = (kind: string, name: string): string =>
      kind === 'memory' ? `memory://${name}/t` : join(root, name);
    const source = await made(place(from, 'a'), properties);
    await source.delete({ where: 'id = 1' });
    const { version } = source.snapshot;
    const outcome = await source.clone(place(to, 'b'), { kind: 'deep' });
    expect(outcome).toMatchObject({ version, copiedCount: 3 });
    const copy = await DeltaTable.open(tools, place(to, 'b'));
    for (let at = 0; at <= version; at += 1) {
      const [there, here] = await Promise.all(
        [source, copy].map((it) => DeltaTable.open(tools, it.uri, { version: at })),
      );
      if (there === undefined || here === undefined) throw new Error('both are open');
      expect(await ids(here)).toEqual(await ids(there));
    }
    const times = async (table: DeltaTable): Promise<readonly unknown[]> =>
      (await table.history()).map((it) => [it.version, it.timestampMs, it.operation]);
    expect(await times(copy)).toEqual(await times(source));
    await copy.append({ rows: [{ id: 7n, parte: 'p' }] });
    expect(copy.snapshot.version).toBe(version + 1);
    for (const { path } of copy.files()) expect(path).toMatch(/^parte=/);
  });

  test('is refused where there is a table, and where its log names files elsewhere', async () => {
    const source = await made('memory://a/t');
    await source.clone('memory://b/t', { kind: 'shallow' });
    await expect(source.clone('memory://b/t', { kind: 'deep' })).rejects.toMatchObject({
      code: 'TABLE_EXISTS',
    });
    const clone = await DeltaTable.open(tools, 'memory://b/t');
    await expect(clone.clone('memory://c/t', { kind: 'deep' })).rejects.toMatchObject({
      code: 'CLONE_INVALID',
    });
    expect(await objects(tools.openStore('memory://c/t'))).toEqual([]);
  });
});

test.each([0, 1, 2, 3])(
  'a deep clone beside a clean-up of the log, when version %i is read, has what is left',
  async (version) => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      let source = await tableOf(bench, 'id int');
      for (const id of [1, 2, 3, 4]) {
        ({ snapshot: source } = await append(ctx, source, { rows: [{ id }] }));
      }
      let isDone = false;
      const clean = async (): Promise<void> => {
        if (isDone) return;
        isDone = true;
        await writeCheckpoint(ctx, await openSnapshot(ctx, { version: 3 }));
        await ctx.store.delete([0, 1, 2].map((each) => commitPath(each)));
      };
      const beside = { ...ctx, store: cleanedAtRead(ctx.store, commitPath(version), clean) };
      const target = { ...ctx, store: memoryStore({ clock: ctx.clock, name: 'copy' }) };
      const copy = await clone(beside, source, target, { kind: 'deep', keepTimes: false });
      expect([isDone, copy.fileCount]).toEqual([true, 4]);
      expect(await checksum(target, await openSnapshot(target))).toEqual(
        await checksum(ctx, source),
      );
    });
  },
);
