/** Rows laid out along curves, cubes of clustered tables, and files rewritten without what is deleted or dropped. */

import { describe, expect, test } from 'vitest';

import { seededRandom } from '../../../src/base/index.ts';
import { type Action, commitPath, parseCommit } from '../../../src/log/index.ts';
import { parseExpression, type Row } from '../../../src/schema/index.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import { writeVectors } from '../../../src/table/deletion-vectors.ts';
import { clusterBy } from '../../../src/table/domains.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { removalOf } from '../../../src/table/ops/append-commit.ts';
import { type Curve, alongCurve } from '../../../src/table/ops/optimize-curve.ts';
import { optimize, reorg } from '../../../src/table/ops/optimize.ts';
import { filesThatMayMatch } from '../../../src/table/ops/input-table.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

async function appended(bench: Bench, start: Snapshot, rows: readonly Row[]): Promise<Snapshot> {
  return (await append(bench.ctx, start, { rows })).snapshot;
}

async function lastCommit({ ctx }: Bench, { version }: Snapshot): Promise<readonly Action[]> {
  const path = commitPath(version);
  return parseCommit((await ctx.store.get(path)).bytes, path);
}

/** Points of a square of side 1,000, in no order. */
function points(count: number, seed: number): Row[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, id) => ({
    id: BigInt(id),
    x: Math.floor(random.float() * 1000),
    y: random.float() * 1000,
  }));
}

/** Files that queries for small squares touch, all together. */
function touched(snapshot: Snapshot): number {
  let count = 0;
  for (let x = 50; x < 1000; x += 200) {
    for (let y = 50; y < 1000; y += 200) {
      const where = `x between ${String(x)} and ${String(x + 50)} and y between ${String(y)} and ${String(y + 50)}`;
      count += filesThatMayMatch(snapshot, parseExpression(where)).length;
    }
  }
  return count;
}

/** A table of files with random points each. */
async function scattered(bench: Bench, properties = {}): Promise<Snapshot> {
  let snapshot = await tableOf(bench, 'id bigint, x int, y double', { properties });
  for (let seed = 1; seed <= 8; seed += 1) {
    snapshot = await appended(bench, snapshot, points(2000, seed));
  }
  return snapshot;
}

/** A size at which the table becomes so many files. */
function sizeFor(snapshot: Snapshot, count: number): number {
  return Math.ceil(snapshot.sizeBytes / count);
}

describe('a curve', () => {
  test.each(['zorder', 'hilbert'] as const)(
    '%s goes through every cell of a grid once, in two to four dimensions',
    async (curve: Curve) => {
      await withBench('memory', async ({ session }) => {
        for (const [dimensions, side] of [
          [2, 16],
          [3, 8],
          [4, 4],
        ] as const) {
          const names = ['a', 'b', 'c', 'd'].slice(0, dimensions);
          const cells = names.map((name) => `range(${String(side)}) AS ${name}(${name})`);
          const sql = alongCurve(`SELECT * FROM ${cells.join(', ')}`, {
            keys: names,
            curve,
            taken: new Set(names),
          });
          const rows = await session.query(sql);
          expect(rows).toHaveLength(side ** dimensions);
          const steps = rows.slice(1).map((row, index) => {
            const before = rows[index];
            return names.reduce(
              (sum, name) => sum + Math.abs(Number(row[name]) - Number(before?.[name])),
              0,
            );
          });
          // Hilbert's curve goes from each cell to a neighbour.
          if (curve === 'hilbert') expect(new Set(steps)).toEqual(new Set([1]));
          else expect(Math.max(...steps)).toBeGreaterThan(1);
        }
      });
    },
  );
});

describe('zOrderBy', () => {
  test('a query for a small square touches a fraction of the files, and the rows are the same', async () => {
    await withBench('memory', async (bench) => {
      const start = await scattered(bench);
      const rows = await rowsOf(bench, start);
      const targetFileSizeBytes = sizeFor(start, 16);
      const result = await optimize(bench.ctx, start, {
        zOrderBy: ['x', 'Y'],
        targetFileSizeBytes,
      });
      expect(result.snapshot.fileCount).toBeGreaterThanOrEqual(14);
      expect(touched(start)).toBe(25 * 8);
      expect(touched(result.snapshot) / 25 / result.snapshot.fileCount).toBeLessThan(0.25);
      expect(await rowsOf(bench, result.snapshot)).toEqual(rows);
      expect(
        await rowsOf(bench, await openSnapshot(bench.ctx, { version: start.version })),
      ).toEqual(rows);
      const [info] = await lastCommit(bench, result.snapshot);
      expect(info).toMatchObject({
        commitInfo: {
          operation: 'OPTIMIZE',
          operationParameters: { zOrderBy: '["x","y"]', clusterBy: '[]', predicate: '[]' },
        },
      });
    });
  });

  test('nested columns, nulls and each chosen partition by itself', async () => {
    await withBench('memory', async (bench) => {
      let snapshot = await tableOf(bench, 'p int, s struct<a:int,b:string>, t string', {
        partitionBy: ['p'],
      });
      for (let p = 0; p < 3; p += 1) {
        const rows = Array.from({ length: 20 }, (_, id) => ({
          p,
          s: id % 7 === 0 ? null : { a: id % 5 === 0 ? null : id, b: `b${String(id)}` },
          t: id % 3 === 0 ? null : `t${String(id)}`,
        }));
        snapshot = await appended(bench, snapshot, rows);
      }
      const rows = await rowsOf(bench, snapshot);
      const result = await optimize(bench.ctx, snapshot, {
        zOrderBy: ['s.a', 't'],
        where: 'p < 2',
      });
      expect(result).toMatchObject({ filesRemoved: 2, filesAdded: 2 });
      expect(await rowsOf(bench, result.snapshot)).toEqual(rows);
    });
  });

  test('what rows cannot be laid out by is refused', async () => {
    await withBench('memory', async (bench) => {
      const snapshot = await tableOf(bench, 'p int, l array<int>, id bigint', {
        partitionBy: ['p'],
      });
      const code = async (zOrderBy: readonly string[], more = {}): Promise<unknown> =>
        optimize(bench.ctx, snapshot, { zOrderBy, ...more }).catch((error: unknown) => error);
      expect(await code(['nada'])).toMatchObject({ code: 'COLUMN_UNKNOWN' });
      expect(await code(['p'])).toMatchObject({ code: 'OPTIMIZE_INVALID' });
      expect(await code(['l'])).toMatchObject({ code: 'OPTIMIZE_INVALID' });
      expect(await code(['id'], { sortBy: ['id'] })).toMatchObject({ code: 'OPTIMIZE_INVALID' });
      expect(await code([], { full: true })).toMatchObject({ code: 'OPTIMIZE_INVALID' });
    });
  });
});

describe('a clustered table', () => {
  test('is laid out by its columns, marked as Spark marks it, and only what is new is laid out again', async () => {
    await withBench('memory', async (bench) => {
      const scatter = await scattered(bench, { 'delta.columnMapping.mode': 'name' });
      const start = (await clusterBy(bench.ctx, scatter, ['x', 'y'])).snapshot;
      const rows = await rowsOf(bench, start);
      const targetFileSizeBytes = sizeFor(start, 16);
      const first = await optimize(bench.ctx, start, { targetFileSizeBytes });
      expect(first).toMatchObject({ kind: 'committed', filesRemoved: 8 });
      expect(touched(first.snapshot) / 25 / first.snapshot.fileCount).toBeLessThan(0.25);
      expect(await rowsOf(bench, first.snapshot)).toEqual(rows);
      const cubes = new Set(Array.from(first.snapshot.files(), ({ tags }) => tags?.['ZCUBE_ID']));
      expect(cubes.size).toBe(1);
      for (const { tags, clusteringProvider } of first.snapshot.files()) {
        expect(clusteringProvider).toBe('liquid');
        expect(tags).toMatchObject({ ZCUBE_ZORDER_BY: '["x","y"]' });
      }
      const [info] = await lastCommit(bench, first.snapshot);
      expect(info).toMatchObject({
        commitInfo: { operationParameters: { zOrderBy: '[]', clusterBy: '["x","y"]' } },
      });
      expect(await optimize(bench.ctx, first.snapshot, { targetFileSizeBytes })).toMatchObject({
        kind: 'unchanged',
      });
      // A little that is new leaves the large cube alone.
      const more = await appended(bench, first.snapshot, points(50, 99));
      const second = await optimize(bench.ctx, more, { targetFileSizeBytes });
      expect(second).toMatchObject({ kind: 'committed', filesRemoved: 1, filesAdded: 1 });
      const full = await optimize(bench.ctx, second.snapshot, { targetFileSizeBytes, full: true });
      expect(full.filesRemoved).toBe(first.snapshot.fileCount + 1);
      expect(await rowsOf(bench, full.snapshot)).toHaveLength(rows.length + 50);
    });
  });

  test('takes neither another order nor a choice of partitions', async () => {
    await withBench('memory', async (bench) => {
      const table = await tableOf(bench, 'id bigint');
      const { snapshot } = await clusterBy(bench.ctx, table, ['id']);
      const code = { code: 'OPTIMIZE_INVALID' };
      await expect(optimize(bench.ctx, snapshot, { zOrderBy: ['id'] })).rejects.toMatchObject(code);
      await expect(optimize(bench.ctx, snapshot, { where: 'id = 1' })).rejects.toMatchObject(code);
    });
  });
});

/** The table with the first rows of each of its files deleted. */
async function withVectors(bench: Bench, start: Snapshot, count: number): Promise<Snapshot> {
  const adds = [...start.files()];
  const rows = Uint8Array.of((0xff << (8 - count)) & 0xff);
  const written = await writeVectors(
    bench.ctx,
    start.metadata,
    adds.map((add) => ({ add, rowCount: 8, rows })),
  );
  const outcome = await commitTransaction(bench.ctx, start, {
    operation: 'TEST',
    actions: adds.flatMap((add, index) => {
      const own = written.adds[index] ?? add;
      return [
        removalOf(bench.ctx, add, { dataChange: false }),
        { kind: 'add', add: { ...own, dataChange: false } } as const,
      ];
    }),
    reads: { kind: 'table' },
  });
  if (outcome.kind !== 'committed') throw outcome;
  return outcome.snapshot;
}

const EIGHT = Array.from({ length: 8 }, (_, id) => ({ id: BigInt(id) }));

describe('deleted rows', () => {
  test('are left behind by packing, also in a file by itself', async () => {
    await withBench('memory', async (bench) => {
      const start = await appended(
        bench,
        await tableOf(bench, 'id bigint', {
          properties: { 'delta.enableDeletionVectors': 'true' },
        }),
        EIGHT,
      );
      const deleted = await withVectors(bench, start, 3);
      const rows = await rowsOf(bench, deleted);
      expect(rows).toHaveLength(5);
      const result = await optimize(bench.ctx, deleted);
      expect(result).toMatchObject({ filesRemoved: 1, filesAdded: 1 });
      expect(await rowsOf(bench, result.snapshot)).toEqual(rows);
      const [info, ...actions] = await lastCommit(bench, result.snapshot);
      expect(info).toMatchObject({
        commitInfo: { operationMetrics: { numDeletionVectorsRemoved: '1' } },
      });
      const remove = actions.find(({ kind }) => kind === 'remove');
      expect(remove).toMatchObject({ remove: { deletionVector: { cardinality: 3 } } });
      expect([...result.snapshot.files()][0]?.deletionVector).toBeUndefined();
      expect(await optimize(bench.ctx, result.snapshot)).toMatchObject({ kind: 'unchanged' });
    });
  });

  test('are purged by REORG, from files with many vectors too, and it says so', async () => {
    await withBench('memory', async (bench) => {
      let start = await tableOf(bench, 'p int, id bigint', {
        partitionBy: ['p'],
        properties: { 'delta.enableDeletionVectors': 'true' },
      });
      for (let file = 0; file < 40; file += 1) {
        start = await appended(
          bench,
          start,
          EIGHT.map(({ id }) => ({ p: file % 2, id })),
        );
      }
      const deleted = await withVectors(bench, start, 1);
      const rows = await rowsOf(bench, deleted);
      expect(rows).toHaveLength(280);
      const one = await reorg(bench.ctx, deleted, { where: 'p = 1' });
      expect(one).toMatchObject({ filesRemoved: 20, filesAdded: 1 });
      const all = await reorg(bench.ctx, one.snapshot);
      expect(all).toMatchObject({ filesRemoved: 20, filesAdded: 1 });
      expect(await rowsOf(bench, all.snapshot)).toEqual(rows);
      const [info] = await lastCommit(bench, all.snapshot);
      expect(info).toMatchObject({
        commitInfo: {
          operation: 'REORG',
          operationParameters: { predicate: '[]', applyPurge: 'true' },
        },
      });
      expect(await reorg(bench.ctx, all.snapshot)).toMatchObject({ kind: 'unchanged' });
    });
  });
});

test('rows that are deleted while a file is written again stay deleted', async () => {
  await withBench('memory', async (bench) => {
    const properties = { 'delta.enableDeletionVectors': 'true' };
    let start = await tableOf(bench, 'id bigint', { properties });
    for (let file = 0; file < 2; file += 1) start = await appended(bench, start, EIGHT);
    await withVectors(bench, start, 2);
    const result = await optimize(bench.ctx, start);
    expect(result).toMatchObject({ kind: 'committed', filesRemoved: 2, filesAdded: 1 });
    expect(await rowsOf(bench, result.snapshot)).toHaveLength(12);
  });
});

test('REORG leaves columns behind that were dropped', async () => {
  await withBench('memory', async (bench) => {
    const table = await tableOf(bench, 'id bigint, s struct<a:int,b:int>, nome string', {
      properties: { 'delta.columnMapping.mode': 'name' },
    });
    const start = await appended(bench, table, [{ id: 1n, s: { a: 1, b: 2 }, nome: 'n' }]);
    expect(await reorg(bench.ctx, start)).toMatchObject({ kind: 'unchanged' });
    const { metadata } = start;
    const schema = JSON.parse(metadata.schemaString) as { fields: unknown[] };
    const schemaString = JSON.stringify({ ...schema, fields: schema.fields.slice(0, 2) });
    const outcome = await commitTransaction(bench.ctx, start, {
      operation: 'DROP COLUMNS',
      actions: [{ kind: 'metaData', metaData: { ...metadata, schemaString } }],
      reads: { kind: 'nothing' },
    });
    if (outcome.kind !== 'committed') throw outcome;
    const result = await reorg(bench.ctx, outcome.snapshot);
    expect(result).toMatchObject({ kind: 'committed', filesRemoved: 1, filesAdded: 1 });
    expect(await rowsOf(bench, result.snapshot)).toEqual([{ id: 1n, s: { a: 1, b: 2 } }]);
    expect(await reorg(bench.ctx, result.snapshot)).toMatchObject({ kind: 'unchanged' });
  });
});
