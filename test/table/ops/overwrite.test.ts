import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { commitPath, parseCommit } from '../../../src/log/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { clusteringPaths } from '../../../src/table/clustering.ts';
import { clusterBy } from '../../../src/table/domains.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { readChanges } from '../../../src/table/ops/changes.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import { overwrite, type OverwriteOptions } from '../../../src/table/ops/overwrite.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { readHistory } from '../../../src/table/history.ts';
import { mapped } from '../../schema/mapped.ts';
import { type Bench, dataFiles, rowsOf, shown, tableOf, text, withBench } from './write-table.ts';

const DDL = 'id bigint, p string, v string';

async function filled(bench: Bench, partitionBy: readonly string[] = ['p']): Promise<Snapshot> {
  const start = await tableOf(bench, DDL, { partitionBy });
  const rows = [
    { id: 1, p: 'a', v: 'old' },
    { id: 2, p: 'b', v: 'old' },
    { id: 3, p: null, v: 'old' },
    { id: 4, p: 'a', v: null },
  ];
  return (await append(bench.ctx, start, { rows })).snapshot;
}

async function shownRows(bench: Bench, snapshot: Snapshot): Promise<readonly string[]> {
  const rows = await rowsOf(bench, snapshot);
  return rows.map((row) => [row['id'], row['p'], row['v']].map(shown).join(' '));
}

describe.each(['memory', 'disk'] as const)('overwrite (%s)', (kind) => {
  test('replaces the whole table, also with nothing', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const rows = [{ id: 9, p: 'c', v: 'new' }];
      const result = await overwrite(bench.ctx, start, { rows });
      expect(result).toMatchObject({ kind: 'committed', rowCount: 1, removedCount: 3 });
      expect(await shownRows(bench, result.snapshot)).toEqual(['9 c new']);
      const [entry] = await readHistory(bench.ctx, { metadata: start.metadata });
      expect(entry?.commitInfo).toMatchObject({
        operation: 'WRITE',
        operationParameters: { mode: 'Overwrite', partitionBy: '["p"]' },
        operationMetrics: { numFiles: '1', numOutputRows: '1', numRemovedFiles: '3' },
      });
      const emptied = await overwrite(bench.ctx, result.snapshot, { rows: [] });
      expect(emptied).toMatchObject({ kind: 'committed', removedCount: 1 });
      expect(emptied.snapshot.fileCount).toBe(0);
      const again = await overwrite(bench.ctx, emptied.snapshot, { rows: [] });
      expect(again.kind).toBe('unchanged');
    });
  });

  test('replaces the partitions that a condition selects, and reads no file for it', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const ctx = { ...bench.ctx, engine: () => Promise.reject(new Error('not needed')) };
      const rows = [{ id: 5, p: 'a', v: 'new' }];
      const result = await overwrite(ctx, start, { rows }, { replaceWhere: "P = 'a'" });
      expect(result).toMatchObject({ fileCount: 1, removedCount: 1 });
      expect(await shownRows(bench, result.snapshot)).toEqual(['2 b old', '3 null old', '5 a new']);
      const [entry] = await readHistory(bench.ctx, { metadata: start.metadata });
      expect(entry?.commitInfo['operationParameters']).toMatchObject({ predicate: "p = 'a'" });
    });
  });

  test('replaces thousands of partitions at once', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, DDL, { partitionBy: ['p'] });
      const rows = Array.from({ length: 2_500 }, (_, id) => ({ id, p: String(id), v: 'old' }));
      const { snapshot } = await append(bench.ctx, start, { rows });
      const dynamic = { partitionOverwriteMode: 'dynamic' } as const;
      const first = await overwrite(bench.ctx, snapshot, { rows }, dynamic);
      expect(first).toMatchObject({ rowCount: rows.length, removedCount: rows.length });
    });
  });

  test('replaces rows by a condition on data, and leaves those for which it is null', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const rows = [{ id: 6, p: 'b', v: 'old' }];
      const result = await overwrite(bench.ctx, start, { rows }, { replaceWhere: "v = 'old'" });
      expect(await shownRows(bench, result.snapshot)).toEqual(['4 a null', '6 b old']);
      const [entry] = await readHistory(bench.ctx, { metadata: start.metadata });
      expect(entry?.commitInfo['operationMetrics']).toMatchObject({
        numDeletedRows: '3',
        numCopiedRows: '1',
      });
    });
  });

  test('refuses rows that the condition does not select, with an example, and leaves nothing', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const before = await dataFiles(bench);
      for (const v of ['new', null]) {
        const rows = [
          { id: 6, p: 'b', v: 'old' },
          { id: 7, p: 'b', v },
        ];
        await expect(
          overwrite(bench.ctx, start, { rows }, { replaceWhere: "v = 'old'" }),
        ).rejects.toMatchObject({
          code: 'REPLACE_MISMATCH',
          details: { example: `v = ${JSON.stringify(v)}` },
        });
      }
      expect(await dataFiles(bench)).toEqual(before);
      expect((await openSnapshot(bench.ctx)).version).toBe(start.version);
    });
  });

  test('replaces the partitions that rows come in for', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const dynamic = { partitionOverwriteMode: 'dynamic' } as const;
      const rows = [
        { id: 7, p: null, v: 'new' },
        { id: 8, p: 'z', v: 'new' },
      ];
      const { snapshot } = await overwrite(bench.ctx, start, { rows }, dynamic);
      expect(await shownRows(bench, snapshot)).toEqual([
        '1 a old',
        '2 b old',
        '4 a null',
        '7 null new',
        '8 z new',
      ]);
      expect((await overwrite(bench.ctx, snapshot, { rows: [] }, dynamic)).kind).toBe('unchanged');
    });
  });

  test('replaces rows by key, and rewrites only files that have one', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const [untouched] = [...start.files()].filter((add) => add.partitionValues['p'] === null);
      const rows = [
        { id: 1, p: 'b', v: 'new' },
        { id: 2, p: 'b', v: 'x' },
        { id: 2, p: 'b', v: 'y' },
        { id: null, p: 'b', v: 'no key' },
      ];
      const { snapshot } = await overwrite(bench.ctx, start, { rows }, { replaceUsing: ['ID'] });
      expect(await shownRows(bench, snapshot)).toEqual([
        '1 b new',
        '2 b x',
        '2 b y',
        '3 null old',
        '4 a null',
        'null b no key',
      ]);
      expect(snapshot.file(untouched?.path ?? '')).toEqual(untouched);
    });
  });

  test('takes the columns of the source where asked to', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench);
      const parquet = [await bench.parquet('n.parquet', "SELECT 1 AS id, 'x' AS w, 'k' AS p")];
      await expect(overwrite(bench.ctx, start, { parquet })).rejects.toMatchObject({
        code: 'APPEND_SOURCE_UNFIT',
      });
      const result = await overwrite(
        bench.ctx,
        start,
        { parquet },
        { overwriteSchema: true, partitionBy: ['w'] },
      );
      expect(result.snapshot.schema).toEqual(parseDdl('id int, w string, p string'));
      expect(result.snapshot.partitionColumns).toEqual(['w']);
      expect(await rowsOf(bench, result.snapshot)).toEqual([{ id: 1, w: 'x', p: 'k' }]);
      const back = await overwrite(
        bench.ctx,
        result.snapshot,
        { rows: [{ n: 1n }], schema: parseDdl('n bigint') },
        { overwriteSchema: true },
      );
      expect(back.snapshot.partitionColumns).toEqual([]);
      expect(await rowsOf(bench, back.snapshot)).toEqual([{ n: 1n }]);
    });
  });
});

describe('overwrite', () => {
  test('refuses what does not go together, and tables that rows may only be appended to', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const refused: readonly (readonly [OverwriteOptions, string])[] = [
        [{ replaceWhere: 'id = 1', replaceUsing: ['id'] }, 'OVERWRITE_INVALID'],
        [{ replaceWhere: 'id = 1', overwriteSchema: true }, 'OVERWRITE_INVALID'],
        [{ overwriteSchema: true }, 'OVERWRITE_INVALID'],
        [{ partitionBy: ['id'] }, 'OVERWRITE_INVALID'],
        [{ replaceUsing: [] }, 'OVERWRITE_INVALID'],
        [{ replaceUsing: ['nope'] }, 'COLUMN_UNKNOWN'],
        [{ replaceWhere: 'nope = 1' }, 'EXPRESSION_NO_COLUMN'],
        [{ replaceWhere: 'id' }, 'EXPRESSION_TYPE'],
      ];
      for (const [options, code] of refused) {
        const rows = [{ id: 1 }];
        await expect(overwrite(bench.ctx, start, { rows }, options)).rejects.toMatchObject({
          code,
        });
      }
      const only = await withBench('memory', async (other) => {
        const table = await tableOf(other, DDL, { properties: { 'delta.appendOnly': 'true' } });
        return overwrite(other.ctx, table, { rows: [] }).catch((error: unknown) => error);
      });
      expect(only).toMatchObject({ code: 'APPEND_ONLY' });
    });
  });

  test('is computed again where another writer was first, and once only for an iterator', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      await append(bench.ctx, start, { rows: [{ id: 10, p: 'a', v: 'late' }] });
      const other = { partitionOverwriteMode: 'dynamic' } as const;
      const rows = [{ id: 11, p: 'b', v: 'new' }];
      const passed = await overwrite(bench.ctx, start, { rows: rows.values() }, other);
      expect(passed.kind).toBe('committed');
      await expect(overwrite(bench.ctx, start, { rows: rows.values() })).rejects.toMatchObject({
        code: 'WRITE_CONFLICT',
      });
      const { snapshot } = await overwrite(bench.ctx, start, { rows });
      expect(await shownRows(bench, snapshot)).toEqual(['11 b new']);
    });
  });

  test.each([
    ['rows that a condition selects', { replaceWhere: 'id < 3' }, [1, 2], 9],
    ['rows of keys', { replaceUsing: ['id'] }, [2], 2],
  ] as const)(
    'tells the changes of %s, where files are written again',
    async (_what, options, gone, id) => {
      await withBench('memory', async (bench) => {
        const properties = { 'delta.enableChangeDataFeed': 'true' };
        const start = await tableOf(bench, DDL, { properties });
        const rows = [1, 2, 3].map((each) => ({ id: each, p: 'a', v: 'old' }));
        const { snapshot } = await append(bench.ctx, start, { rows });
        const incoming = [{ id: id === 9 ? 0 : id, p: 'a', v: 'new' }];
        const result = await overwrite(bench.ctx, snapshot, { rows: incoming }, options);
        expect(result).toMatchObject({ kind: 'committed', fileCount: 2, removedCount: 1 });
        const changes = await Array.fromAsync(
          readChanges(bench.ctx, result.snapshot, { fromVersion: 2 }),
        );
        const told = changes.map(
          (row) => `${shown(row['_change_type'])} ${shown(row['id'])} ${shown(row['v'])}`,
        );
        expect(told.toSorted()).toEqual([
          ...gone.map((each) => `delete ${each} old`),
          `insert ${String(incoming[0]?.id)} new`,
        ]);
        const files = await dataFiles(bench);
        expect(files.filter((path) => path.startsWith('_change_data/'))).toHaveLength(1);
        await expect(
          overwrite(
            bench.ctx,
            result.snapshot,
            { rows: [{ id: 50, p: 'a' }] },
            { replaceWhere: 'id < 3' },
          ),
        ).rejects.toMatchObject({ code: 'REPLACE_MISMATCH' });
        expect(await dataFiles(bench)).toEqual(files);
      });
    },
  );

  test('tells the changes of whole files too, once one is written again; whole ones alone tell by themselves', async () => {
    await withBench('memory', async (bench) => {
      const properties = { 'delta.enableChangeDataFeed': 'true' };
      const start = await tableOf(bench, DDL, { properties, partitionBy: ['p'] });
      const rows = [
        { id: 1, p: 'a', v: 'old' },
        { id: 2, p: 'b', v: 'old' },
        { id: 3, p: 'b', v: 'old' },
        { id: 4, p: 'c', v: 'old' },
      ];
      const { snapshot } = await append(bench.ctx, start, { rows });
      const told = async (at: Snapshot): Promise<readonly string[]> => {
        const changes = readChanges(bench.ctx, at, { fromVersion: at.version });
        const found = await Array.fromAsync(changes);
        return found.map((row) => `${shown(row['_change_type'])} ${shown(row['id'])}`).toSorted();
      };
      const mixed = await overwrite(
        bench.ctx,
        snapshot,
        { rows: [{ id: 9, p: 'a', v: 'new' }] },
        { replaceWhere: "p = 'a' OR id = 2" },
      );
      expect(await told(mixed.snapshot)).toEqual(['delete 1', 'delete 2', 'insert 9']);
      const isChange = (path: string): boolean => path.startsWith('_change_data/');
      const before = (await dataFiles(bench)).filter(isChange);
      expect(before.length).toBeGreaterThan(0);
      const whole = await overwrite(
        bench.ctx,
        mixed.snapshot,
        { rows: [{ id: 10, p: 'c', v: 'new' }] },
        { partitionOverwriteMode: 'dynamic' },
      );
      expect(await told(whole.snapshot)).toEqual(['delete 4', 'insert 10']);
      expect((await dataFiles(bench)).filter(isChange)).toEqual(before);
      expect(await shownRows(bench, whole.snapshot)).toEqual(['10 c new', '3 b old', '9 a new']);
    });
  });

  test('leaves the rows that a plain model leaves', async () => {
    const row = fc.record({
      id: fc.option(fc.integer({ min: 0, max: 5 }), { nil: null }),
      p: fc.constantFrom('a', 'b', null),
      v: fc.constantFrom('x', 'y', null),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 12 }),
        fc.array(row, { maxLength: 4 }),
        fc.constantFrom('all', 'partitions', 'keys'),
        fc.constantFrom([], ['p']),
        async (old, incoming, way, partitionBy) => {
          await withBench('memory', async (bench) => {
            const start = await tableOf(bench, 'id int, p string, v string', { partitionBy });
            const { snapshot } = await append(bench.ctx, start, { rows: old });
            const isPartitioned = partitionBy.length > 0;
            const goes = (each: (typeof old)[number]): boolean => {
              if (way === 'all' || (way === 'partitions' && !isPartitioned)) return true;
              if (way === 'partitions') return incoming.some(({ p }) => p === each.p);
              return each.id !== null && incoming.some(({ id }) => id === each.id);
            };
            const options: OverwriteOptions =
              way === 'keys'
                ? { replaceUsing: ['id'] }
                : { partitionOverwriteMode: way === 'all' ? 'static' : 'dynamic' };
            const result = await overwrite(bench.ctx, snapshot, { rows: incoming }, options);
            const expected = [...old.filter((each) => !goes(each)), ...incoming].map(text).sort();
            expect((await rowsOf(bench, result.snapshot)).map(text)).toEqual(expected);
          });
        },
      ),
      { numRuns: 12 },
    );
  });
});

test('a table that is described anew is described once in its commit, with numbers that were given away', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const start = await tableOf(bench, 'id int');
    const schema = parseDdl('k bigint GENERATED ALWAYS AS IDENTITY, v int');
    const rows = [{ v: 1 }, { v: 2 }];
    const { snapshot } = await overwrite(ctx, start, { rows, schema }, { overwriteSchema: true });
    const path = commitPath(snapshot.version);
    const actions = parseCommit((await ctx.store.get(path)).bytes, path);
    expect(actions.filter(({ kind }) => kind === 'metaData')).toHaveLength(1);
    const later = await append(ctx, await openSnapshot(ctx), { rows: [{ v: 3 }] });
    expect((await rowsOf(bench, later.snapshot)).map(({ k }) => k)).toEqual([1n, 2n, 3n]);
  });
});

test.each([
  ['c int, b int', [['b']]],
  ['c int', []],
])('a clustered table with other columns (%s) is clustered by what is left', async (ddl, left) => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const start = await clusterBy(ctx, await tableOf(bench, 'a int, b int'), ['a', 'b']);
    const source = { rows: [{ c: 1 }], schema: parseDdl(ddl) };
    const replaced = await overwrite(ctx, start.snapshot, source, { overwriteSchema: true });
    expect(clusteringPaths(replaced.snapshot)).toEqual(left);
    const second = await append(ctx, replaced.snapshot, { rows: [{ c: 1 }] });
    expect((await optimize(ctx, second.snapshot)).kind).toBe('committed');
  });
});

test('columns that stay what they were keep their names in files: also changes and clustering go by them', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const properties = {
      'delta.columnMapping.mode': 'name',
      'delta.enableChangeDataFeed': 'true',
    };
    const ddl = 'id int, s struct<x:int,y:string>, v int';
    const table = await tableOf(bench, ddl, { properties });
    const start = (await clusterBy(ctx, table, ['id', 'v'])).snapshot;
    const rows = [{ id: 1, s: { x: 2, y: 'y' }, v: 3 }];
    const first = await append(ctx, start, { rows });
    const schema = parseDdl("ID int, s struct<x:int,y:string> comment 'new', v bigint");
    const source = { rows: [{ ID: 4, s: { x: 5, y: 'z' }, v: 6n }], schema };
    const { snapshot } = await overwrite(ctx, first.snapshot, source, { overwriteSchema: true });
    const [id, s, v] = snapshot.schema.fields;
    expect([id?.name, id?.metadata]).toEqual(['ID', start.schema.fields[0]?.metadata]);
    expect(s).toEqual({
      ...start.schema.fields[1],
      metadata: { ...start.schema.fields[1]?.metadata, comment: 'new' },
    });
    expect(v?.metadata['delta.columnMapping.id']).toBe(6);
    expect(clusteringPaths(snapshot)).toEqual(clusteringPaths(start).slice(0, 1));
    expect(await rowsOf(bench, snapshot)).toEqual(source.rows);
    const changes = await Array.fromAsync(
      readChanges(ctx, snapshot, { fromVersion: snapshot.version }),
    );
    expect(changes.find((row) => row['_change_type'] === 'delete')).toMatchObject({
      ID: 1,
      s: { x: 2, y: 'y' },
    });
  });
});

test('takes no names in files from the table that the schema comes from', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const schema = mapped(parseDdl('id int, s struct<x:int>, p string'));
    const rows = [{ id: 1, s: { x: 2 }, p: 'a' }];
    const start = await tableOf(bench, 'a string');
    const how = { overwriteSchema: true, partitionBy: ['p'] } as const;
    const { snapshot } = await overwrite(ctx, start, { rows, schema }, how);
    expect(await rowsOf(bench, await openSnapshot(ctx))).toEqual(rows);
    expect(snapshot.metadata.schemaString).not.toContain('columnMapping');
  });
});
