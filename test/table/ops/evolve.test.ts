/** Writes that add columns: by append, ingest and merge, alone and beside others who change the schema. */

import { describe, expect, test } from 'vitest';

import { parseDdl, printSchema, type RowValue } from '../../../src/schema/index.ts';
import { memoryStore } from '../../../src/store/index.ts';
import { enableFeature, setProperties } from '../../../src/table/alter.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import { createTable } from '../../../src/table/create.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { addConstraint } from '../../../src/table/ops/constraints.ts';
import { ingest } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import type { PreparedInput } from '../../../src/table/ops/input-types.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

async function inputsOf(bench: Bench): Promise<readonly PreparedInput[]> {
  const open = { schema: parseDdl(''), keyColumns: [] };
  const { accepted, close } = await inspectInputs(bench.ctx, await bench.inputs(), open);
  await close();
  return accepted;
}

/** Somebody else adds a column. */
async function addColumn({ ctx }: Bench, snapshot: Snapshot, ddl: string): Promise<void> {
  const schema = {
    ...snapshot.schema,
    fields: [...snapshot.schema.fields, ...parseDdl(ddl).fields],
  };
  const metaData = { ...snapshot.metadata, schemaString: printSchema(schema) };
  const outcome = await commitTransaction(ctx, snapshot, {
    operation: 'ADD COLUMNS',
    actions: [{ kind: 'metaData', metaData }],
    reads: { kind: 'nothing' },
  });
  expect(outcome.kind).toBe('committed');
}

describe.each(['memory', 'disk'] as const)('append (%s)', (kind) => {
  test('adds columns and nested fields in the commit of their rows; old rows have none', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id int, s struct<x:string>');
      const first = await append(bench.ctx, start, { rows: [{ id: 1, s: { x: 'a' } }] });
      const uri = await bench.parquet(
        'new.parquet',
        "SELECT 2::BIGINT::INT AS id, {'x': 'b', 'y': 7} AS s, true AS flag",
      );
      const second = await append(bench.ctx, first.snapshot, { parquet: [uri] }, { evolve: 'add' });
      expect(second.snapshot.version).toBe(2);
      expect(second.snapshot.schema).toEqual(
        parseDdl('id int, s struct<x:string,y:int>, flag boolean'),
      );
      expect(await rowsOf(bench, await openSnapshot(bench.ctx))).toEqual([
        { id: 1, s: { x: 'a', y: null }, flag: null },
        { id: 2, s: { x: 'b', y: 7 }, flag: true },
      ]);
    });
  });

  test('of rows takes the schema that is given with them', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id int');
      const { snapshot } = await append(
        bench.ctx,
        start,
        { rows: [{ id: 1, n: 5n }], schema: parseDdl('n bigint, id int') },
        { evolve: 'add' },
      );
      expect(snapshot.schema).toEqual(parseDdl('id int, n bigint'));
      expect(await rowsOf(bench, snapshot)).toEqual([{ id: 1, n: 5n }]);
    });
  });

  test('goes on where somebody else added the column first, or another one', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id int');
      const uri = await bench.parquet('new.parquet', 'SELECT 1 AS id, 2 AS n');
      await addColumn(bench, start, 'other string, N int');
      const { snapshot } = await append(bench.ctx, start, { parquet: [uri] }, { evolve: 'add' });
      expect(snapshot.schema).toEqual(parseDdl('id int, other string, N int'));
      expect(await rowsOf(bench, snapshot)).toEqual([{ id: 1, other: null, N: 2 }]);
    });
  });
});

describe('append', () => {
  test('of two who add columns at once, beside one who changes features, leaves all columns and rows', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id int');
      const { ctx } = bench;
      const evolving = (column: string, value: RowValue, ddl: string): Promise<unknown> =>
        append(
          ctx,
          start,
          { rows: [{ id: 1, [column]: value }], schema: parseDdl(`id int, ${ddl}`) },
          { evolve: 'add' },
        );
      const enabled = { set: { 'delta.enableDeletionVectors': 'true' } };
      await Promise.all([
        evolving('a', 1n, 'a bigint'),
        setProperties(ctx, start, enabled),
        evolving('b', 'x', 'b string'),
        append(ctx, start, { rows: [{ id: 2 }] }),
        enableFeature(ctx, start, 'clustering'),
        evolving('a', 2n, 'a bigint'),
      ]);
      const { schema, protocol, fileCount } = await openSnapshot(ctx);
      expect(new Set(schema.fields.map(({ name }) => name))).toEqual(new Set(['id', 'a', 'b']));
      expect(protocol.writerFeatures).toEqual(
        expect.arrayContaining(['clustering', 'deletionVectors']),
      );
      expect(fileCount).toBe(4);
    });
  });

  test('without it goes on where the schema has changed', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id int');
      await addColumn(bench, start, 'n int');
      const { snapshot } = await append(bench.ctx, start, { rows: [{ id: 1 }] });
      expect(await rowsOf(bench, snapshot)).toEqual([{ id: 1, n: null }]);
    });
  });

  test('adds nothing without rows, and nothing unless asked to', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id int');
      const none = await bench.parquet('none.parquet', 'SELECT 1 AS id, 2 AS n WHERE false');
      const result = await append(bench.ctx, start, { parquet: [none] }, { evolve: 'add' });
      expect(result).toMatchObject({ kind: 'unchanged', snapshot: { version: 0 } });
      const some = await bench.parquet('some.parquet', 'SELECT 1 AS id, 2 AS n');
      await expect(append(bench.ctx, start, { parquet: [some] })).rejects.toMatchObject({
        code: 'APPEND_SOURCE_UNFIT',
      });
    });
  });

  test.each([
    ["SELECT 'x' AS id", 'APPEND_SOURCE_UNFIT'],
    ["SELECT 1 AS id, TIMESTAMP '2024-01-01 00:00:00' AS t", 'EVOLUTION_REFUSED'],
    ['SELECT 1 AS id, 2 AS "a b"', 'SCHEMA_COLUMN_NAME'],
  ])('refuses %s', async (query, code) => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id int');
      const uri = await bench.parquet('a.parquet', query);
      await expect(
        append(bench.ctx, start, { parquet: [uri] }, { evolve: 'add' }),
      ).rejects.toMatchObject({ code });
      expect((await openSnapshot(bench.ctx)).version).toBe(0);
    });
  });
});

describe('ingest', () => {
  test('adds what the inputs have, drops duplicates, and goes on where the schema has changed', async () => {
    await withBench('disk', async (bench) => {
      await bench.parquet('a.parquet', "SELECT 'x' AS id, 1 AS n");
      await bench.parquet('b.parquet', "SELECT * FROM (VALUES ('x', 2), ('y', 3)) v(id, m)");
      const start = await tableOf(bench, 'id string');
      await addColumn(bench, start, 'other string');
      const result = await ingest(bench.ctx, start, await inputsOf(bench), {
        dropDuplicates: ['id'],
        evolve: 'add',
      });
      expect(result).toMatchObject({ kind: 'committed', insertedCount: 2, duplicateCount: 1 });
      expect(result.snapshot.schema).toEqual(parseDdl('id string, other string, n int, m int'));
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { id: 'x', other: null, n: 1, m: null },
        { id: 'y', other: null, n: null, m: 3 },
      ]);
    });
  });

  test('without it leaves out what the table lacks', async () => {
    await withBench('disk', async (bench) => {
      await bench.parquet('a.parquet', "SELECT 'x' AS id, 1 AS n");
      const start = await tableOf(bench, 'id string');
      const { snapshot } = await ingest(bench.ctx, start, await inputsOf(bench), {
        dropDuplicates: ['id'],
      });
      expect(snapshot.schema).toEqual(parseDdl('id string'));
      expect(await rowsOf(bench, snapshot)).toEqual([{ id: 'x' }]);
    });
  });
});

describe('merge', () => {
  const clauses = {
    on: 't.id = s.id',
    whenMatched: [{ update: '*' }],
    whenNotMatched: [{ insert: '*' }],
    evolve: 'add',
  } as const;

  test('by * adds what the source has; columns that it lacks stay as they are', async () => {
    await withBench('disk', async (bench) => {
      const start = await tableOf(bench, 'id int, s struct<x:string>, kept string');
      const rows = [1, 2].map((id) => ({ id, s: { x: 'old' }, kept: 'k' }));
      const { snapshot } = await append(bench.ctx, start, { rows });
      await addColumn(bench, snapshot, 'other int');
      const uri = await bench.parquet(
        'new.parquet',
        "SELECT * FROM (VALUES (2, {'y': 5, 'X': 'new'}, 7.5::DOUBLE), (3, NULL, 8)) v(ID, s, d)",
      );
      const result = await merge(bench.ctx, snapshot, { ...clauses, source: { parquet: [uri] } });
      expect(result).toMatchObject({ kind: 'committed', insertedCount: 1, updatedCount: 1 });
      expect(result.snapshot.schema).toEqual(
        parseDdl('id int, s struct<x:string,y:int>, kept string, other int, d double'),
      );
      expect(result.snapshot.version).toBe(3);
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { id: 1, s: { x: 'old', y: null }, kept: 'k', other: null, d: null },
        { id: 2, s: { x: 'new', y: 5 }, kept: 'k', other: null, d: 7.5 },
        { id: 3, s: null, kept: null, other: null, d: 8 },
      ]);
    });
  });

  test('by name adds only what a clause assigns', async () => {
    await withBench('disk', async (bench) => {
      const start = await tableOf(bench, 'id int');
      const { snapshot } = await append(bench.ctx, start, { rows: [{ id: 1 }] });
      const uri = await bench.parquet('new.parquet', "SELECT 1 AS id, 5 AS n, 'x' AS t");
      const result = await merge(bench.ctx, snapshot, {
        ...clauses,
        source: { parquet: [uri] },
        whenMatched: [{ update: { n: 's.n + 1' } }],
        whenNotMatched: [],
      });
      expect(result.snapshot.schema).toEqual(parseDdl('id int, n int'));
      expect(await rowsOf(bench, result.snapshot)).toEqual([{ id: 1, n: 6 }]);
    });
  });

  test('never takes a nested value away that the source does not know of', async () => {
    await withBench('disk', async (bench) => {
      const start = await tableOf(bench, 'id int, s struct<x:string,y:int>');
      const { snapshot } = await append(bench.ctx, start, {
        rows: [{ id: 1, s: { x: 'a', y: 1 } }],
      });
      const parquet = [await bench.parquet('new.parquet', "SELECT 1 AS id, {'x': 'b'} AS s")];
      const { snapshot: merged } = await merge(bench.ctx, snapshot, {
        ...clauses,
        source: { parquet },
      });
      expect(await rowsOf(bench, merged)).toEqual([{ id: 1, s: { x: 'b', y: 1 } }]);
      await expect(
        merge(bench.ctx, merged, { ...clauses, evolve: 'none', source: { parquet } }),
      ).rejects.toMatchObject({ code: 'EXPRESSION_TYPE', message: expect.stringContaining('y') });
    });
  });

  test('by * takes fields one by one, of structs in structs too; what is null in both stays null', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'id int, s struct<i:struct<a:int,b:int>,k:string>');
      const { snapshot } = await append(bench.ctx, start, {
        rows: [
          { id: 1, s: { i: { a: 1, b: 2 }, k: 'k' } },
          { id: 2, s: null },
          { id: 3, s: { i: null, k: 'k' } },
          { id: 4, s: null },
        ],
      });
      const source =
        "SELECT * FROM (VALUES (1, {'I': {'c': 9, 'B': 5}}), (2, NULL), (3, NULL), " +
        "(4, {'I': {'c': 7, 'B': NULL}})) v(id, s)";
      const parquet = [await bench.parquet('new.parquet', source)];
      const result = await merge(bench.ctx, snapshot, { ...clauses, source: { parquet } });
      expect(result.snapshot.schema).toEqual(
        parseDdl('id int, s struct<i:struct<a:int,b:int,c:int>,k:string>'),
      );
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { id: 1, s: { i: { a: 1, b: 5, c: 9 }, k: 'k' } },
        { id: 2, s: null },
        { id: 3, s: { i: null, k: 'k' } },
        { id: 4, s: { i: { a: null, b: null, c: 7 }, k: null } },
      ]);
    });
  });

  test('by name gives a struct the fields of the source, by their names, and null for those that it lacks', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(
        bench,
        'id int, s struct<x:string,y:bigint>, l array<struct<a:int,b:int>>',
      );
      const { snapshot } = await append(bench.ctx, start, {
        rows: [{ id: 1, s: { x: 'a', y: 1 }, l: [] }],
      });
      const rows =
        "SELECT 1 AS id, {'Y': 7, 'X': 'b'} AS s, [{'b': 2, 'a': 1}] AS l, {'X': 'c'} AS part";
      const spec = {
        source: { parquet: [await bench.parquet('new.parquet', rows)] },
        on: 't.id = s.id',
      };
      const update = { s: 's.s', l: 's.l' };
      const named = await merge(bench.ctx, snapshot, { ...spec, whenMatched: [{ update }] });
      expect(await rowsOf(bench, named.snapshot)).toEqual([
        { id: 1, s: { x: 'b', y: 7n }, l: [{ a: 1, b: 2 }] },
      ]);
      const part = [{ update: { s: 's.part' } }];
      await expect(
        merge(bench.ctx, named.snapshot, { ...spec, whenMatched: part }),
      ).rejects.toMatchObject({ code: 'EXPRESSION_TYPE' });
      const evolved = await merge(bench.ctx, named.snapshot, {
        ...spec,
        whenMatched: part,
        evolve: 'add',
      });
      expect(await rowsOf(bench, evolved.snapshot)).toMatchObject([{ s: { x: 'c', y: null } }]);
    });
  });

  test('without a row that changes, adds nothing', async () => {
    await withBench('disk', async (bench) => {
      const start = await tableOf(bench, 'id int');
      const uri = await bench.parquet('new.parquet', 'SELECT 1 AS id, 2 AS n');
      const result = await merge(bench.ctx, start, {
        ...clauses,
        source: { parquet: [uri] },
        whenNotMatched: [],
      });
      expect(result).toMatchObject({ kind: 'unchanged', snapshot: { version: 0 } });
    });
  });
});

test('a column that comes from another table leaves what that one makes of it behind', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const context = { ...ctx, store: memoryStore({ clock: ctx.clock, name: 'source' }) };
    const schema = parseDdl(
      "id int, k bigint GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (id + 1), d int DEFAULT 5 COMMENT 'x'",
    );
    const made = await createTable(context, { schema });
    const { snapshot } = await append(context, made.snapshot, { rows: [{ id: 1 }] });
    const merged = await merge(ctx, await tableOf(bench, 'id int'), {
      source: { opened: { context, snapshot } },
      on: 't.id = s.id',
      evolve: 'add',
      whenNotMatched: [{ insert: '*' }],
    });
    expect(merged.snapshot.schema).toEqual(parseDdl("id int, k bigint, g int, d int COMMENT 'x'"));
    expect(await rowsOf(bench, merged.snapshot)).toEqual([{ id: 1, k: 1n, g: 2, d: 5 }]);
  });
});

test('a type from which a constraint is computed does not grow', async () => {
  await withBench('memory', async (bench) => {
    const { ctx } = bench;
    const properties = { 'delta.enableTypeWidening': 'true' };
    const table = await tableOf(bench, 'n int, m int', { properties });
    const rule = { name: 'k', expression: 'n / 2 > 0' };
    const { snapshot } = await addConstraint(ctx, table, rule);
    const wide = await bench.parquet('n.parquet', 'SELECT 5::BIGINT AS n, 1::INT AS m');
    await expect(
      append(ctx, snapshot, { parquet: [wide] }, { evolve: 'widen' }),
    ).rejects.toMatchObject({
      code: 'EVOLUTION_REFUSED',
      message: expect.stringContaining('the constraint k'),
    });
    const other = await bench.parquet('m.parquet', 'SELECT 1::INT AS n, 5::BIGINT AS m');
    const grown = await append(ctx, snapshot, { parquet: [other] }, { evolve: 'widen' });
    expect(await rowsOf(bench, grown.snapshot)).toEqual([{ n: 1, m: 5n }]);
  });
});
