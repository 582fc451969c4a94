import { describe, expect, test } from 'vitest';

import { isJsonObject, parseJson } from '../../../src/base/index.ts';
import { LONG, parseDdl, type Row } from '../../../src/schema/index.ts';
import { writeVectors } from '../../../src/table/deletion-vectors.ts';
import { readHistory } from '../../../src/table/history.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { listFiles } from '../../../src/table/ops/files.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { readText } from '../context.ts';
import { withTable } from './engine-table.ts';
import { type Bench, dataFiles, rowsOf, tableOf, withBench } from './write-table.ts';

const GENERATED = { 'delta.generationExpression': 'id + 1' };
/** Every other row, but of the first half only. */
const BITS = new Uint8Array(375).fill(0b1010_1010, 0, 190);
const VECTORS = { 'delta.enableDeletionVectors': 'true' };

async function filled(
  bench: Bench,
  files: readonly (readonly Row[])[],
  spec: Parameters<typeof tableOf>[2] = {},
  ddl = 'id bigint, name string',
): Promise<Snapshot> {
  let snapshot = await tableOf(bench, ddl, spec);
  for (const rows of files) snapshot = (await append(bench.ctx, snapshot, { rows })).snapshot;
  return snapshot;
}

const rows = (from: number, to: number): readonly Row[] =>
  Array.from({ length: to - from }, (_, index) => ({
    id: BigInt(from + index),
    name: (from + index) % 5 === 4 ? null : `n${String(from + index)}`,
  }));

async function ids(bench: Bench, snapshot: Snapshot): Promise<readonly number[]> {
  return (await rowsOf(bench, snapshot)).map(({ id }) => Number(id)).toSorted((a, b) => a - b);
}

describe.each([
  ['memory', 'copy-on-write', {}],
  ['disk', 'copy-on-write', {}],
  ['memory', 'deletion-vectors', VECTORS],
  ['disk', 'deletion-vectors', VECTORS],
] as const)('delete (%s, %s)', (kind, mode, properties) => {
  test('takes the rows for which the condition is true, and leaves other files alone', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [rows(0, 10), rows(10, 20), rows(20, 30)], { properties });
      const before = [...start.files()].map(({ path }) => path);
      const result = await deleteRows(bench.ctx, start, { where: 'id % 2 = 1 AND id < 15' });
      expect(result).toMatchObject({ kind: 'committed', mode, rowCount: 7 });
      const fate = mode === 'copy-on-write' ? 'rewrite' : 'vector';
      expect(result.files.map((file) => [file.fate, file.rowCount])).toEqual([
        [fate, 5],
        [fate, 2],
      ]);
      const left = rows(0, 30).map(({ id }) => Number(id));
      expect(await ids(bench, result.snapshot)).toEqual(
        left.filter((id) => id % 2 === 0 || id >= 15),
      );
      const after = [...result.snapshot.files()].map(({ path }) => path);
      expect(after.filter((path) => before.includes(path))).toHaveLength(fate === 'vector' ? 3 : 1);
    });
  });

  test('removes a file that loses all of its rows, and no row for which the condition is null', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [rows(0, 3), rows(4, 5), rows(9, 12)], { properties });
      const result = await deleteRows(bench.ctx, start, { where: "id < 3 OR name <> 'n9'" });
      expect(result.files.map(({ fate }) => fate).toSorted()).toEqual(
        mode === 'copy-on-write' ? ['remove', 'rewrite'] : ['remove', 'vector'],
      );
      expect(await ids(bench, result.snapshot)).toEqual([4, 9]);
      const rest = await deleteRows(bench.ctx, result.snapshot);
      expect(rest).toMatchObject({ rowCount: 2, filesAdded: 0 });
      expect([...rest.snapshot.files()]).toEqual([]);
    });
  });

  test('of partitions reads no file, and tells its numbers as Spark does', async () => {
    await withBench(kind, async (bench) => {
      const files = [1, 2].map((p) => rows(0, 4).map((row) => ({ ...row, p })));
      const spec = { properties, partitionBy: ['p'] };
      const start = await filled(bench, files, spec, 'id bigint, name string, p int');
      await bench.ctx.store.delete(
        (await dataFiles(bench)).filter((path) => path.startsWith('p=1/')),
      );
      const result = await deleteRows(bench.ctx, start, { where: 'p < 2' });
      expect(result).toMatchObject({ kind: 'committed', rowCount: 4, filesAdded: 0 });
      const [entry] = await readHistory(bench.ctx, { metadata: start.metadata, limit: 1 });
      expect(entry).toMatchObject({
        operation: 'DELETE',
        commitInfo: {
          operationParameters: { predicate: '["p < 2"]' },
          operationMetrics: { numDeletedRows: '4', numRemovedFiles: '1', numCopiedRows: '0' },
        },
      });
    });
  });

  test('without a match, and as a dry run, writes nothing', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [rows(0, 5), rows(5, 10)], { properties });
      const before = await dataFiles(bench);
      expect(
        await deleteRows(bench.ctx, start, { where: 'id = 3 AND name IS NULL' }),
      ).toMatchObject({ kind: 'unchanged', rowCount: 0 });
      const plan = await deleteRows(bench.ctx, start, {
        where: 'id BETWEEN 3 AND 9',
        dryRun: true,
      });
      expect(plan).toMatchObject({ kind: 'planned', rowCount: 7 });
      expect(plan.files.map((file) => [file.fate, file.rowCount])).toEqual([
        [mode === 'copy-on-write' ? 'rewrite' : 'vector', 2],
        ['remove', 5],
      ]);
      expect(await dataFiles(bench)).toEqual(before);
      expect((await openSnapshot(bench.ctx)).version).toBe(start.version);
    });
  });

  test('is computed again where rows came in meanwhile, or others went', async () => {
    await withBench(kind, async (bench) => {
      const { ctx } = bench;
      const start = await filled(bench, [rows(0, 10)], { properties });
      await append(ctx, start, { rows: rows(10, 12) });
      const second = await deleteRows(ctx, start, { where: 'id % 2 = 0' });
      expect(second).toMatchObject({ kind: 'committed', rowCount: 6 });
      const third = await deleteRows(ctx, start, { where: 'id < 4' });
      expect(third).toMatchObject({ kind: 'committed', rowCount: 2 });
      const [one, other] = await Promise.all([
        deleteRows(ctx, third.snapshot, { where: 'id = 5' }),
        updateRows(ctx, third.snapshot, { set: { name: "'x'" }, where: 'id IN (5, 7)' }),
      ]);
      expect(one.rowCount).toBe(1);
      expect([1, 2]).toContain(other.rowCount);
      const end = await openSnapshot(ctx);
      expect(end.version).toBe(third.snapshot.version + 2);
      expect((await rowsOf(bench, end)).map(({ id, name }) => [id, name])).toEqual([
        [11n, 'n11'],
        [7n, 'x'],
        [9n, null],
      ]);
      // What lost a race leaves nothing behind but what its winner names.
      const named = new Set([...start.files(), ...end.files()].map(({ path }) => path));
      const live = [...named].filter((path) => [...end.files()].some((file) => file.path === path));
      expect((await dataFiles(bench)).filter((path) => live.includes(path))).toHaveLength(
        live.length,
      );
    });
  });

  test('an application that comes again finds its work done', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [rows(0, 3)], { properties });
      const txn = { appId: 'erase', version: 1 };
      const once = await deleteRows(bench.ctx, start, { where: 'id = 1', txn });
      const again = await deleteRows(bench.ctx, once.snapshot, { where: 'id = 2', txn });
      expect(again.kind).toBe('applied');
      const late = await deleteRows(bench.ctx, start, { where: 'id = 2', txn });
      expect(late.kind).toBe('applied');
      expect(await ids(bench, late.snapshot)).toEqual([0, 2]);
    });
  });
});

test('a vector takes the place of the one before, with all of its rows', async () => {
  await withBench('memory', async (bench) => {
    const properties = VECTORS;
    let snapshot = await filled(bench, [rows(0, 3000), rows(3000, 3010)], { properties });
    const [path] = [...snapshot.files()].map((file) => file.path);
    for (const where of ['id % 7 = 0', 'id % 3 = 0', 'id >= 3000 AND id < 3002', 'id % 3 = 1']) {
      snapshot = (await deleteRows(bench.ctx, snapshot, { where })).snapshot;
    }
    const left = Array.from({ length: 3000 }, (_, id) => id).filter(
      (id) => id % 7 !== 0 && id % 3 === 2,
    );
    const rest = Array.from({ length: 8 }, (_, index) => 3002 + index).filter(
      (id) => id % 7 !== 0 && id % 3 === 2,
    );
    expect(await ids(bench, snapshot)).toEqual([...left, ...rest].filter((id) => id % 7 !== 0));
    const add = [...snapshot.files()].find((file) => file.path === path);
    expect(add?.deletionVector).toMatchObject({
      storageType: 'u',
      cardinality: 3000 - left.length,
    });
    const stats = parseJson(add?.stats ?? '');
    expect(isJsonObject(stats) ? [stats['numRecords'], stats['tightBounds']] : []).toEqual([
      3000,
      false,
    ]);
    expect(
      [...listFiles(snapshot)].map(({ rowCount, deletedCount }) => [rowCount, deletedCount]),
    ).toEqual(expect.arrayContaining([[left.length, 3000 - left.length]]));
    const adds = [...snapshot.files()].map((file) => ({ add: file, rowCount: 3000, rows: BITS }));
    const configuration = {
      'delta.randomizeFilePrefixes': 'true',
      'delta.randomPrefixLength': '3',
    };
    const { keys } = await writeVectors(bench.ctx, { ...snapshot.metadata, configuration }, adds);
    expect(keys).toEqual([expect.stringMatching(/^\w{3}\/deletion_vector_[-0-9a-f]{36}\.bin$/)]);
    const log = await readText(bench.ctx.store, '_delta_log/00000000000000000005.json');
    expect(log).toMatch(/"remove":\{[^\n]*"deletionVector"/);
  });
});

test('changes are told by the files alone where all of them only leave', async () => {
  await withBench('memory', async (bench) => {
    const properties = { 'delta.enableChangeDataFeed': 'true' };
    const start = await filled(bench, [rows(0, 3), rows(3, 6)], { properties });
    const whole = await deleteRows(bench.ctx, start, { where: 'id < 3' });
    expect(whole.changeFilesAdded).toBe(0);
    const mixed = await deleteRows(bench.ctx, whole.snapshot, { where: 'id < 5' });
    expect(mixed.changeFilesAdded).toBe(1);
    expect(
      (await dataFiles(bench)).filter((path) => path.startsWith('_change_data/cdc-')),
    ).toHaveLength(1);
    const told = await Array.fromAsync(readChanges(bench.ctx, mixed.snapshot, { fromVersion: 3 }));
    expect(told.map((row) => [row['_change_type'], row['id'], row['_commit_version']])).toEqual([
      ['delete', 0n, 3n],
      ['delete', 1n, 3n],
      ['delete', 2n, 3n],
      ['delete', 3n, 4n],
      ['delete', 4n, 4n],
    ]);
  });
});

describe('is refused', () => {
  test('by name where the table has no deletion vectors, or a manifest that cannot show them', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench, [rows(0, 3)]);
      await expect(
        deleteRows(bench.ctx, start, { where: 'id = 1', mode: 'deletion-vectors' }),
      ).rejects.toMatchObject({
        code: 'FEATURE_UNSUPPORTED',
        details: { features: 'deletionVectors' },
      });
    });
    await withBench('memory', async (bench) => {
      const properties = {
        'delta.feature.deletionVectors': 'supported',
        'delta.compatibility.symlinkFormatManifest.enabled': 'true',
      };
      const start = await filled(bench, [rows(0, 3)], { properties });
      expect((await deleteRows(bench.ctx, start, { where: 'id = 1', dryRun: true })).mode).toBe(
        'copy-on-write',
      );
      await expect(
        deleteRows(bench.ctx, start, { where: 'id = 1', mode: 'deletion-vectors' }),
      ).rejects.toMatchObject({ code: 'FEATURE_UNSUPPORTED' });
    });
  });

  test('on tables that only take rows, with unknown columns, and where values do not fit', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench, [rows(0, 3)], {
        properties: { 'delta.appendOnly': 'true' },
      });
      await expect(deleteRows(bench.ctx, start, { where: 'id = 1' })).rejects.toMatchObject({
        code: 'APPEND_ONLY',
      });
    });
    await withBench('memory', async (bench) => {
      const start = await filled(bench, [rows(0, 3)], {}, 'id bigint not null, name string');
      const { ctx } = bench;
      await expect(deleteRows(ctx, start, { where: 'nope = 1' })).rejects.toMatchObject({
        kind: 'invalid',
      });
      await expect(deleteRows(ctx, start, { where: "name + 'x'" })).rejects.toMatchObject({
        kind: 'invalid',
      });
      for (const [set, code] of [
        [{}, 'UPDATE_COLUMN'],
        [{ nope: '1' }, 'UPDATE_COLUMN'],
        [{ 'name.first': '1' }, 'UPDATE_COLUMN'],
        [{ id: '1', ID: '2' }, 'UPDATE_COLUMN'],
        [{ id: 'NULL' }, 'NULL_NOT_ALLOWED'],
        [{ id: 'cast(name AS bigint)' }, 'ENGINE_VALUE'],
      ] as const) {
        const before = await dataFiles(bench);
        await expect(updateRows(ctx, start, { set, where: 'id = 1' })).rejects.toMatchObject({
          code,
        });
        expect(await dataFiles(bench)).toEqual(before);
      }
    });
  });

  test('not by rules for rows; an update that breaks one is, and leaves nothing behind', async () => {
    const spec = {
      ddl: 'id bigint, name string',
      protocol: { minReaderVersion: 1, minWriterVersion: 3 },
      configuration: { 'delta.constraints.positive': 'id >= 0' },
      files: [{ key: 'a.parquet', query: "SELECT range AS id, 'n' AS name FROM range(3)" }],
    };
    await withTable('memory', spec, async (table) => {
      const { ctx, snapshot } = table;
      const result = await deleteRows(ctx, snapshot, { where: 'id = 1' });
      expect(result).toMatchObject({ kind: 'committed', rowCount: 1 });
      await expect(
        updateRows(ctx, result.snapshot, { set: { id: '1 - id' } }),
      ).rejects.toMatchObject({ code: 'RULE_VIOLATED' });
      expect((await openSnapshot(ctx)).version).toBe(result.snapshot.version);
      const kept = await updateRows(ctx, result.snapshot, { set: { id: '2 - id' } });
      expect(kept).toMatchObject({ kind: 'committed', rowCount: 2 });
    });
  });

  test('generated columns follow an update of what they are made of', async () => {
    const day = { name: 'next', type: LONG, nullable: true, metadata: GENERATED };
    const { fields } = parseDdl('id bigint, name string');
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, '', {
        schema: { kind: 'struct', fields: [...fields, day] },
      });
      const filledIn = await append(bench.ctx, start, { rows: rows(0, 3) });
      const { snapshot } = await updateRows(bench.ctx, filledIn.snapshot, {
        set: { ID: 'id * 10' },
        where: 'id > 1',
      });
      expect((await rowsOf(bench, snapshot)).map(({ id, next }) => [id, next])).toEqual([
        [0n, 1n],
        [1n, 2n],
        [20n, 21n],
      ]);
      await expect(updateRows(bench.ctx, snapshot, { set: { next: '7' } })).rejects.toMatchObject({
        code: 'RULE_VIOLATED',
      });
    });
  });
});
