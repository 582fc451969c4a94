import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { parseDdl, parseStatistics, type Row } from '../../../src/schema/index.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import type { CreateSpec } from '../../../src/table/create.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import type { MergeSpec } from '../../../src/table/ops/merge-types.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, dataFiles, rowsOf, shown, tableOf, text, withBench } from './write-table.ts';

const DDL = 'id bigint, name string, n integer';
const UPSERT: Omit<MergeSpec, 'source'> = {
  on: 't.id = s.id',
  whenMatched: [{ update: '*' }],
  whenNotMatched: [{ insert: '*' }],
};

const VECTORS = { properties: { 'delta.enableDeletionVectors': 'true' } };

function row(id: number | null, name: string | null, n: number | null = null): Row {
  return { id, name, n };
}

/** A table with one file for each list of rows. */
async function filled(
  bench: Bench,
  files: readonly (readonly Row[])[],
  ddl = DDL,
  spec: Partial<CreateSpec> = {},
): Promise<Snapshot> {
  let snapshot = await tableOf(bench, ddl, spec);
  for (const rows of files) snapshot = (await append(bench.ctx, snapshot, { rows })).snapshot;
  return snapshot;
}

async function found(bench: Bench, snapshot: Snapshot): Promise<readonly string[]> {
  const rows = await rowsOf(bench, snapshot);
  return rows.map(({ id, name, n }) => `${shown(id)} ${shown(name)} ${shown(n)}`).toSorted();
}

describe.each(['memory', 'disk'] as const)('merge (%s)', (kind) => {
  test('updates what matches and inserts what does not', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a'), row(2, 'b')], [row(10, 'c')]]);
      const result = await merge(bench.ctx, start, {
        ...UPSERT,
        source: { rows: [row(2, 'B', 5), row(3, 'new')] },
      });
      expect(result).toMatchObject({
        kind: 'committed',
        sourceRowCount: 2,
        insertedCount: 1,
        updatedCount: 1,
        deletedCount: 0,
        filesRemoved: 1,
        filesAdded: 2,
      });
      expect(await found(bench, result.snapshot)).toEqual([
        '1 a null',
        '10 c null',
        '2 B 5',
        '3 new null',
      ]);
    });
  });

  test('clauses are tried in order, with conditions over both sides', async () => {
    await withBench(kind, async (bench) => {
      const rows = [row(1, 'a', 1), row(2, 'b', 2), row(3, 'c', 3), row(4, 'd', 4)];
      const start = await filled(bench, [rows]);
      const result = await merge(bench.ctx, start, {
        source: { rows: [1, 2, 3, 4, 5, 6].map((id) => ({ key: id, amount: id * 10 })) },
        targetAlias: 'tgt',
        sourceAlias: 'src',
        on: 'src.key = tgt.ID',
        whenMatched: [
          { condition: 'tgt.n = 1', delete: true },
          { condition: 'amount > 25 AND n < 4', update: { 'tgt.N': 'tgt.n + src.amount' } },
          { condition: "name = 'b'", update: { name: "concat(name, '!')", n: 'null' } },
        ],
        whenNotMatched: [
          { condition: 'key = 5', insert: { id: 'key', name: "'five'" } },
          { condition: 'key > 100', insert: { id: 'key' } },
        ],
      });
      expect(result).toMatchObject({ insertedCount: 1, updatedCount: 2, deletedCount: 1 });
      expect(await found(bench, result.snapshot)).toEqual([
        '2 b! null',
        '3 c 33',
        '4 d 4',
        '5 five null',
      ]);
    });
  });

  test('files without a row that really changes stay as they are', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a')], [row(2, 'b')], [row(3, 'c', 1)]]);
      const same = await merge(bench.ctx, start, {
        ...UPSERT,
        source: { rows: [row(1, 'a'), row(2, 'b')] },
      });
      expect(same).toMatchObject({ kind: 'unchanged', updatedCount: 0 });
      const one = await merge(bench.ctx, start, {
        ...UPSERT,
        source: { rows: [row(1, 'a'), row(2, 'B'), row(3, 'c', 1)] },
      });
      expect(one).toMatchObject({ kind: 'committed', filesRemoved: 1, updatedCount: 1 });
      const refused = await merge(bench.ctx, one.snapshot, {
        ...UPSERT,
        source: { rows: [row(1, 'z', 9)] },
        whenMatched: [{ condition: 's.n < t.n', update: '*' }],
      });
      expect(refused.kind).toBe('unchanged');
    });
  });

  test('a transaction is remembered also where nothing changes', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a')]]);
      const spec = {
        ...UPSERT,
        source: { rows: [row(1, 'a')] },
        txn: { appId: 'job', version: 7 },
      };
      const first = await merge(bench.ctx, start, spec);
      expect(first).toMatchObject({ kind: 'committed', filesAdded: 0, filesRemoved: 0 });
      expect((await merge(bench.ctx, first.snapshot, spec)).kind).toBe('applied');
      expect((await merge(bench.ctx, start, spec)).kind).toBe('applied');
    });
  });

  test('refuses to guess which of several source rows counts', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a', 1), row(2, 'b', 2)]]);
      const source = { rows: [row(1, 'x', 1), row(1, 'y', 2)] };
      await expect(merge(bench.ctx, start, { ...UPSERT, source })).rejects.toMatchObject({
        code: 'MERGE_AMBIGUOUS',
        details: { rows: 1, example: 'id = 1' },
      });
      const settled = await merge(bench.ctx, start, {
        ...UPSERT,
        source,
        whenMatched: [{ condition: 's.n = 2', update: '*' }],
      });
      expect(await found(bench, settled.snapshot)).toEqual(['1 y 2', '2 b 2']);
      const deleted = await merge(bench.ctx, settled.snapshot, {
        source,
        on: 't.id = s.id',
        whenMatched: [{ delete: true }],
      });
      expect(deleted).toMatchObject({ deletedCount: 1 });
      expect(await found(bench, deleted.snapshot)).toEqual(['2 b 2']);
      expect(await dataFiles(bench)).toHaveLength(3);
    });
  });

  test('null keys never match', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(null, 'a')]]);
      const { snapshot } = await merge(bench.ctx, start, {
        ...UPSERT,
        source: { rows: [row(null, 'b')] },
      });
      expect(await found(bench, snapshot)).toEqual(['null a null', 'null b null']);
    });
  });

  test('values that do not fit their column stop it, and nothing is left behind', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a')]]);
      const before = await dataFiles(bench);
      const merging = merge(bench.ctx, start, {
        source: { rows: [{ id: 1n, n: 3_000_000_000n }], schema: parseDdl('id bigint, n bigint') },
        on: 't.id = s.id',
        whenMatched: [{ update: { n: 's.n' } }],
      });
      await expect(merging).rejects.toMatchObject({ code: 'ENGINE_VALUE' });
      expect(await dataFiles(bench)).toEqual(before);
    });
  });

  test('what is no row is refused by its place', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a')]]);
      const rows: Row[] = JSON.parse('[{"id": 1, "name": "b", "n": 2}, null]');
      await expect(merge(bench.ctx, start, { ...UPSERT, source: { rows } })).rejects.toMatchObject({
        code: 'INPUT_BAD_VALUE',
        details: { rowIndex: 1 },
      });
    });
  });

  test('a bad value is told by its place among all rows, however many there are', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a')]]);
      const badRow = 262_150;
      const rows = function* (): Generator<Row> {
        for (let index = 0; index < badRow; index += 1) yield { id: index };
        yield { id: 'x' };
      };
      const merging = merge(bench.ctx, start, {
        source: { rows: rows() },
        on: 't.id = s.id',
        whenMatched: [{ delete: true }],
      });
      await expect(merging).rejects.toMatchObject({
        code: 'INPUT_BAD_VALUE',
        details: { rowIndex: badRow, column: 'id' },
      });
    });
  });

  test('a table that is only appended to takes inserts, and refuses the rest before it reads', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, DDL, { properties: { 'delta.appendOnly': 'true' } });
      const missing = { parquet: ['file:///nowhere/1.parquet'] };
      const refused = merge(bench.ctx, start, { ...UPSERT, source: missing });
      await expect(refused).rejects.toMatchObject({ code: 'APPEND_ONLY' });
      const { whenMatched: _, ...inserts } = UPSERT;
      const source = { rows: [row(1, 'a')] };
      const { snapshot } = await merge(bench.ctx, start, { ...inserts, source });
      expect(await found(bench, snapshot)).toEqual(['1 a null']);
    });
  });

  test('a null may not be put where none may be', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(
        bench,
        [[{ id: 1, name: 'a' }]],
        'id bigint not null, name string',
      );
      const merging = merge(bench.ctx, start, {
        source: { rows: [{ id: 2n }] },
        on: 't.id = s.id',
        whenNotMatched: [{ insert: { name: "'x'" } }],
      });
      await expect(merging).rejects.toMatchObject({ code: 'NULL_NOT_ALLOWED' });
    });
  });

  test.each([
    [{ on: 't.id = s.nothing' }, 'EXPRESSION_NO_COLUMN'],
    [{ on: 'id = 1' }, 'EXPRESSION_AMBIGUOUS'],
    [{ whenMatched: [{ update: { nothing: '1' } }] }, 'MERGE_COLUMN'],
    [{ whenMatched: [{ update: { n: '1', 't.N': '2' } }] }, 'MERGE_COLUMN'],
    [{ source: { rows: [{ id: 1 }] } }, 'MERGE_COLUMN'],
    [{ source: { rows: [{ id: 1, strange: null }] } }, 'MERGE_SOURCE_TYPE'],
    [{ whenMatched: [{ delete: true }, { update: '*' }] }, 'MERGE_CLAUSE'],
    [{ whenMatched: [], whenNotMatched: [] }, 'MERGE_CLAUSE'],
    [{ sourceAlias: 'T' }, 'MERGE_CLAUSE'],
    [{ whenNotMatched: [{ insert: { id: 't.id' } }] }, 'EXPRESSION_NO_COLUMN'],
    [{ on: 't.id = (' }, 'EXPRESSION_SYNTAX'],
  ] satisfies readonly (readonly [Partial<MergeSpec>, string])[])(
    'refuses %j with %s',
    async (part, code) => {
      await withBench(kind, async (bench) => {
        const start = await filled(bench, [[row(1, 'a')]]);
        const spec: MergeSpec = { ...UPSERT, source: { rows: [row(1, 'b')] }, ...part };
        await expect(merge(bench.ctx, start, spec)).rejects.toMatchObject({ code });
      });
    },
  );

  test('only files whose bounds hold a key of the source are read', async () => {
    await withBench(kind, async (bench) => {
      const files = [0, 100, 200, 300].map((id) => [row(id, 'low'), row(id + 50, 'high')]);
      const start = await filled(bench, files);
      const lost = [...start.files()].find(
        ({ stats }) => parseStatistics(stats, start.schema)?.columns.get('id')?.min === 200n,
      );
      await bench.ctx.store.delete([lost?.path ?? '']);
      const { snapshot, filesRemoved } = await merge(bench.ctx, start, {
        ...UPSERT,
        source: { rows: [row(100, 'x'), row(350, 'y'), row(299, 'between')] },
      });
      expect(filesRemoved).toBe(2);
      expect(snapshot.fileCount).toBe(5);
    });
  });

  test('of a hundred files, too, only those around a key of the source are read', async () => {
    await withBench(kind, async (bench) => {
      const rows = Array.from({ length: 200 }, (_, index) => row(index * 10, 'a', index >> 1));
      const start = await filled(bench, [rows], DDL, { partitionBy: ['n'] });
      const others = [...start.files()].filter(
        ({ partitionValues }) => partitionValues['n'] !== '5',
      );
      await bench.ctx.store.delete(others.map(({ path }) => path));
      const source = { rows: [row(100, 'x', 5), row(115, 'new', 5)] };
      const result = await merge(bench.ctx, start, { ...UPSERT, source });
      expect(result).toMatchObject({ filesRemoved: 1, updatedCount: 1, insertedCount: 1 });
      expect(start.fileCount).toBe(100);
    });
  });

  test('what is put together lay together, and keeps its order', async () => {
    await withBench(kind, async (bench) => {
      const files = [3, 1, 2, 0, 5, 4].map((k) =>
        Array.from({ length: 10 }, (_, index) => row(k * 10 + index, 'a')),
      );
      const start = await filled(bench, files);
      const source = { rows: [1, 11, 21, 41, 51].map((id) => row(id, 'b')) };
      const { snapshot } = await merge(bench.ctx, start, { ...UPSERT, source });
      const bounds = Array.from(snapshot.files(), ({ stats }) => {
        const column = parseStatistics(stats, snapshot.schema)?.columns.get('id');
        return [Number(column?.min), Number(column?.max)] as const;
      });
      const ordered = bounds.toSorted(([a], [b]) => a - b);
      expect(ordered.length).toBeLessThan(6);
      for (const [index, [min, max]] of ordered.entries()) {
        expect(min).toBeGreaterThan(index === 0 ? -1 : (ordered[index - 1]?.[1] ?? 0));
        expect(max - min).toBeLessThan(30);
      }
    });
  });

  test('rows that the source has in full take the place of hidden ones', async () => {
    await withBench(kind, async (bench) => {
      const files = [2, 0, 1].map((k) => [0, 1, 2].map((index) => row(k * 10 + index, 'a', k)));
      const start = await filled(bench, files, DDL, VECTORS);
      const { snapshot, filesAdded, filesHidden, filesRemoved } = await merge(bench.ctx, start, {
        ...UPSERT,
        whenMatched: [
          { condition: 't.n = 0', update: { name: "'zero'", n: 's.n' } },
          { condition: 's.n = 7', delete: true },
          { update: '*' },
        ],
        source: { rows: [21, 20, 12, 11, 10, 2, 0].map((id) => row(id, 'b', id === 20 ? 7 : 8)) },
      });
      expect([filesAdded, filesHidden, filesRemoved]).toEqual([1, 2, 1]);
      expect(await found(bench, snapshot)).toEqual([
        '0 zero 8',
        '1 a 0',
        '10 b 8',
        '11 b 8',
        '12 b 8',
        '2 zero 8',
        '21 b 8',
        '22 a 2',
      ]);
    });
  });

  test('rows that no source row matches may all become alike', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(
        bench,
        [[row(1, 'a', 1), row(2, 'b', 2), row(3, 'c', 3)]],
        DDL,
        VECTORS,
      );
      const { snapshot } = await merge(bench.ctx, start, {
        on: 't.id = s.id',
        source: { rows: [row(1, 'x', 9)] },
        whenMatched: [{ update: '*' }],
        whenNotMatchedBySource: [
          { condition: 't.n = 2', update: { id: '0', name: "'gone'", n: 'null' } },
        ],
      });
      expect(await found(bench, snapshot)).toEqual(['0 gone null', '1 x 9', '3 c 3']);
    });
  });

  test('partitioned: rows stay, move and arrive', async () => {
    await withBench(kind, async (bench) => {
      const ddl = 'id bigint, name string, n integer, p string';
      const rows = [
        { id: 1, name: 'a', p: 'x' },
        { id: 2, name: 'b', p: 'x' },
        { id: 3, name: 'c', p: 'y' },
      ];
      const start = await filled(bench, [rows], ddl, { partitionBy: ['p'] });
      const { snapshot } = await merge(bench.ctx, start, {
        ...UPSERT,
        source: {
          rows: [
            { id: 1, name: 'A', n: 1, p: 'x' },
            { id: 2, name: 'B', n: 2, p: 'z' },
            { id: 4, name: 'D', n: 4, p: null },
          ],
        },
      });
      expect((await rowsOf(bench, snapshot)).map(text)).toEqual([
        '{"id":"1n","name":"A","n":1,"p":"x"}',
        '{"id":"2n","name":"B","n":2,"p":"z"}',
        '{"id":"3n","name":"c","n":null,"p":"y"}',
        '{"id":"4n","name":"D","n":4,"p":null}',
      ]);
      const values = Array.from(snapshot.files(), ({ partitionValues }) => partitionValues['p']);
      expect(new Set(values)).toEqual(new Set([null, 'x', 'y', 'z']));
    });
  });

  test('takes Parquet and Arrow as the source', async () => {
    await withBench(kind, async (bench) => {
      const { tableFromArrays } = await import('apache-arrow');
      const start = await filled(bench, [[row(1, 'a')]]);
      const uri = await bench.parquet(
        'source ç.parquet',
        "SELECT 1::SMALLINT AS ID, 'A' AS Name, 1 AS n UNION ALL SELECT 2, 'B', 2",
      );
      const first = await merge(bench.ctx, start, { ...UPSERT, source: { parquet: [uri] } });
      const arrow = tableFromArrays({
        id: BigInt64Array.of(2n, 3n),
        name: ['b', 'c'],
        n: Int32Array.of(7, 8),
      });
      const second = await merge(bench.ctx, first.snapshot, { ...UPSERT, source: { arrow } });
      expect(await found(bench, second.snapshot)).toEqual(['1 A 1', '2 b 7', '3 c 8']);
    });
  });

  test('takes the columns of all files of the source, and the widest of their types', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a', 1)]]);
      const parquet = [
        await bench.parquet('1.parquet', "SELECT 1::SMALLINT AS ID, 'A' AS name"),
        await bench.parquet('2.parquet', 'SELECT 5 AS n, 4_000_000_000 AS id'),
        await bench.parquet(
          '3.parquet',
          "SELECT 3::INTEGER AS id, 'C'::BLOB::VARCHAR AS name, 7 AS n",
        ),
      ];
      const result = await merge(bench.ctx, start, { ...UPSERT, source: { parquet } });
      expect(await found(bench, result.snapshot)).toEqual([
        '1 A null',
        '3 C 7',
        '4000000000 null 5',
      ]);
    });
  });

  test('names the file of the source whose types do not go with those of the others', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a', 1)]]);
      const good = await bench.parquet('1.parquet', "SELECT 1 AS id, 'A' AS name, 1 AS n");
      for (const id of ["'2'", '{a: 1}', "DATE '2024-01-01'"]) {
        const bad = await bench.parquet('bad.parquet', `SELECT ${id} AS id, 'B' AS name, 1 AS n`);
        const source = { parquet: [good, bad] };
        await expect(merge(bench.ctx, start, { ...UPSERT, source })).rejects.toMatchObject({
          code: 'MERGE_SOURCE_MIXED',
          details: { path: bad, column: 'id', others: 'int' },
        });
      }
    });
  });

  test('finds files by their URI, and partitions whose key has another case', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint, p string', { partitionBy: ['p'] });
      const path = await bench.parquet('a%20b.parquet', 'SELECT 1::BIGINT AS id');
      const add = { path, partitionValues: { P: 'x' }, size: 0, modificationTime: 1 };
      const size = (await stat(fileURLToPath(path))).size;
      await commitTransaction(bench.ctx, start, {
        operation: 'WRITE',
        actions: [{ kind: 'add', add: { ...add, size, dataChange: true } }],
        reads: { kind: 'nothing' },
      });
      const { snapshot } = await merge(bench.ctx, await openSnapshot(bench.ctx), {
        source: { rows: [{ id: 1, p: 'x' }] },
        on: 't.id = s.id AND t.p = s.p',
        whenMatched: [{ update: { id: '2' } }],
      });
      expect(await rowsOf(bench, snapshot)).toEqual([{ id: 2n, p: 'x' }]);
    });
  });

  test('a lost race is computed again, also by many at once', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [[row(1, 'a', 0)]]);
      const adding = Array.from({ length: 6 }, (_, index) =>
        merge(bench.ctx, start, {
          source: { rows: [row(1, 'x', 1), row(100 + index, 'new', index)] },
          on: 't.id = s.id',
          whenMatched: [{ update: { n: 't.n + s.n' } }],
          whenNotMatched: [{ insert: '*' }],
        }),
      );
      const appending = [1000, 1001, 1002].map((id) =>
        append(bench.ctx, start, { rows: [row(id, 'appended')] }),
      );
      await Promise.all([...adding, ...appending]);
      const snapshot = await openSnapshot(bench.ctx);
      const rows = await rowsOf(bench, snapshot);
      expect(rows).toHaveLength(10);
      expect(rows.find(({ id }) => id === 1n)?.['n']).toBe(6);
      expect(snapshot.version).toBe(1 + 9);
      expect(await dataFiles(bench)).toHaveLength(snapshot.fileCount + 6);
    });
  });
});

/** What MERGE means, row by row. */
function model(target: readonly Row[], source: readonly Row[]): readonly Row[] {
  const left = target.flatMap((old) => {
    const match = source.find(({ id }) => id !== null && id === old['id']);
    if (match === undefined) return [old];
    if (Number(match['n']) > 7) return [];
    return [Number(match['n']) > Number(old['n']) ? { ...match } : old];
  });
  const ids = new Set(target.map(({ id }) => id));
  return [...left, ...source.filter(({ id, n }) => (id === null || !ids.has(id)) && Number(n) > 0)];
}

test.each([{ rows: [] }, { parquet: [] }, { arrow: [] }, { rows: [{}] }])(
  'a source without columns is one with those of the table: %j',
  async (source) => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench, [[row(1, 'a')]]);
      const spec = { ...UPSERT, source, whenNotMatched: [] };
      const result = await merge(bench.ctx, start, spec);
      expect(result).toMatchObject({ kind: 'unchanged', updatedCount: 0 });
    });
  },
);

test('a condition is asked of no row that its clause is not for', async () => {
  await withBench('memory', async (bench) => {
    const start = await filled(bench, [[row(1, 'no number'), row(2, '7'), row(3, '0')]]);
    const isPositive = (column: string): string => `cast(${column} as int) > 0`;
    const { snapshot } = await merge(bench.ctx, start, {
      source: { rows: [row(1, 'none either'), row(4, '5'), row(5, '0')] },
      on: 't.id = s.id',
      whenNotMatched: [{ condition: isPositive('s.name'), insert: '*' }],
      whenNotMatchedBySource: [{ condition: isPositive('t.name'), delete: true }],
    });
    expect(await found(bench, snapshot)).toEqual(['1 no number null', '3 0 null', '4 5 null']);
  });
});

test.each([
  ['struct<a:int,b:string>', { a: 1, b: null }, { a: 2, b: '' }],
  ['array<int>', [1, null], [2]],
])('finds keys of the type %s', async (type, known, other) => {
  await withBench('memory', async (bench) => {
    const held = [
      { k: known, n: 1 },
      { k: null, n: 2 },
    ];
    const start = await filled(bench, [held], `k ${type}, n int`);
    const { snapshot } = await merge(bench.ctx, start, {
      ...UPSERT,
      source: {
        rows: [
          { k: known, n: 3 },
          { k: other, n: 4 },
          { k: null, n: 5 },
        ],
      },
      on: 't.k = s.k',
    });
    const numbered = (await rowsOf(bench, snapshot)).map(({ k, n }) => [n, k]);
    expect(numbered.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual([
      [2, null],
      [3, known],
      [4, other],
      [5, null],
    ]);
  });
});

test('finds a decimal key beside bounds at the end of its type', async () => {
  await withBench('memory', async (bench) => {
    const edge = '99999999999999999999.999999999999999999';
    const ddl = 'id decimal(38,18), n integer';
    const start = await filled(
      bench,
      [
        [
          { id: edge, n: 1 },
          { id: `-${edge}`, n: 2 },
        ],
      ],
      ddl,
    );
    const result = await merge(bench.ctx, start, {
      ...UPSERT,
      source: { rows: [{ id: edge, n: 3 }] },
    });
    expect(result).toMatchObject({ updatedCount: 1, insertedCount: 0 });
  });
});

test('does to any rows what the definition says', async () => {
  const name = fc.constantFrom('a', 'b', '');
  const rows = (idMax: number): fc.Arbitrary<readonly Row[]> =>
    fc.uniqueArray(
      fc.record({
        id: fc.option(fc.bigInt(0n, BigInt(idMax))),
        name,
        n: fc.integer({ max: 9, min: 0 }),
      }),
      { selector: ({ id }) => shown(id), maxLength: 12 },
    );
  await fc.assert(
    fc.asyncProperty(rows(20), rows(20), rows(25), async (one, two, source) => {
      await withBench('memory', async (bench) => {
        const ids = new Set(one.map(({ id }) => id));
        const target = [one, two.filter(({ id }) => !ids.has(id))];
        const start = await filled(bench, target);
        const { snapshot } = await merge(bench.ctx, start, {
          source: { rows: source, schema: parseDdl(DDL) },
          on: 't.id = s.id',
          whenMatched: [
            { condition: 's.n > 7', delete: true },
            { condition: 's.n > t.n', update: '*' },
          ],
          whenNotMatched: [{ condition: 's.n > 0', insert: '*' }],
        });
        const expected = model(target.flat(), source).map(text).toSorted();
        expect((await rowsOf(bench, snapshot)).map(text).toSorted()).toEqual(expected);
      });
    }),
    { numRuns: 25 },
  );
});
