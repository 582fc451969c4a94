/** What UPDATE and MERGE give to fields inside of columns. */

import { describe, expect, test } from 'vitest';

import { parseDdl } from '../../../src/schema/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const DDL =
  'id int, s struct<a:int,i:struct<x:string,y:string>>, g string GENERATED ALWAYS AS (s.i.x)';

async function filled(bench: Bench): Promise<Snapshot> {
  const rows = [
    { id: 1, s: { a: 1, i: { x: 'x1', y: 'y1' } } },
    { id: 2, s: null },
  ];
  return (await append(bench.ctx, await tableOf(bench, DDL), { rows })).snapshot;
}

describe('UPDATE', () => {
  test('sets fields at any depth, in any case, and what is generated from them', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const set = { 'S.I.X': "concat(s.i.y, '!')", 's.a': 's.a + 1' };
      const { snapshot } = await updateRows(bench.ctx, start, { set });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1, s: { a: 2, i: { x: 'y1!', y: 'y1' } }, g: 'y1!' },
        { id: 2, s: { a: null, i: { x: null, y: null } }, g: null },
      ]);
    });
  });

  test('generates what rests on a field of any expression', async () => {
    await withBench('memory', async (bench) => {
      const set = {
        s: "coalesce(s, named_struct('a', 1, 'i', named_struct('x', 'made', 'y', 'y')))",
      };
      const { snapshot } = await updateRows(bench.ctx, await filled(bench), { set });
      expect((await rowsOf(bench, snapshot)).map(({ g }) => g)).toEqual(['x1', 'made']);
    });
  });

  test('gives a struct fields by their names, in any order and case, and refuses one that lacks some', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const set = { s: "named_struct('I', named_struct('Y', 'b', 'x', 'a'), 'A', 5)" };
      const { snapshot } = await updateRows(bench.ctx, start, { set, where: 'id = 1' });
      expect(await rowsOf(bench, snapshot)).toMatchObject([
        { s: { a: 5, i: { x: 'a', y: 'b' } }, g: 'a' },
        { s: null },
      ]);
      for (const s of ["named_struct('a', 1)", "named_struct('a', 1, 'i', NULL, 'z', 1)"]) {
        await expect(updateRows(bench.ctx, start, { set: { s } })).rejects.toMatchObject({
          code: 'EXPRESSION_TYPE',
        });
      }
    });
  });

  test.each([
    [{ 's.nope': '1' }, /has none of that name/],
    [{ 's.i.x.deep': '1' }, /has none of that name/],
    [{ s: 'NULL', 's.a': '1' }, /set twice/],
    [{ 's.a': '1', S: 'NULL' }, /set twice/],
    [{ 'a + 1': '1' }, /no name of a column/],
    [{}, /name at least one/],
  ])('refuses to set %o', async (set, message) => {
    await withBench('memory', async (bench) => {
      await expect(updateRows(bench.ctx, await filled(bench), { set })).rejects.toMatchObject({
        code: 'UPDATE_COLUMN',
        message: expect.stringMatching(message),
      });
    });
  });
});

describe('MERGE', () => {
  const source = { rows: [{ id: 1, g: 'new' }] };
  const on = 't.id = s.id';

  test('updates fields at any depth, with or without the alias', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const update = { 't.s.i.y': 's.g', 's.a': 't.s.a + 1', 'S.i.X': "'z'" };
      const { snapshot } = await merge(bench.ctx, start, {
        source,
        on,
        whenMatched: [{ update }],
        whenNotMatchedBySource: [{ update: { 't.s.i.x': "'gone'" } }],
      });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1, s: { a: 2, i: { x: 'z', y: 'new' } }, g: 'z' },
        { id: 2, s: { a: null, i: { x: 'gone', y: null } }, g: 'gone' },
      ]);
    });
  });

  test('generates what rests on fields that an evolving source does not have', async () => {
    await withBench('memory', async (bench) => {
      const rows = [
        { id: 2, s: { i: { y: 'y9' } } },
        { id: 3, s: { i: { y: 'y9' } } },
        { id: 4, s: null },
      ];
      const { snapshot } = await merge(bench.ctx, await filled(bench), {
        evolve: 'add',
        source: { rows, schema: parseDdl('id int, s struct<i:struct<y:string>>') },
        on,
        whenMatched: [{ update: '*' }],
        whenNotMatched: [{ insert: '*' }],
      });
      const made = { a: null, i: { x: null, y: 'y9' } };
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1, s: { a: 1, i: { x: 'x1', y: 'y1' } }, g: 'x1' },
        { id: 2, s: made, g: null },
        { id: 3, s: made, g: null },
        { id: 4, s: null, g: null },
      ]);
    });
  });

  test('generates anew from structs of which an evolving source has some fields, or none', async () => {
    await withBench('memory', async (bench) => {
      const start = await filled(bench);
      const { snapshot } = await merge(bench.ctx, start, {
        evolve: 'add',
        source: {
          rows: [
            { id: 1, s: { i: { x: 'x9' } } },
            { id: 2, s: null },
            { id: 3, s: { i: null } },
          ],
          schema: parseDdl('id int, s struct<i:struct<x:string>>'),
        },
        on,
        whenMatched: [{ update: '*' }],
        whenNotMatched: [{ insert: '*' }],
      });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1, s: { a: 1, i: { x: 'x9', y: 'y1' } }, g: 'x9' },
        { id: 2, s: null, g: null },
        { id: 3, s: { a: null, i: null }, g: null },
      ]);
    });
  });

  test.each([
    [{ whenMatched: [{ update: { 's.i.nope': '1' } }] }, /has none of that name/],
    [{ whenMatched: [{ update: { 't.id': '1', id: '2' } }] }, /set twice/],
    [{ whenNotMatched: [{ insert: { 's.a': '1' } }] }, /whole columns/],
  ])('refuses %o', async (clauses, message) => {
    await withBench('memory', async (bench) => {
      await expect(
        merge(bench.ctx, await filled(bench), { source, on, ...clauses }),
      ).rejects.toMatchObject({ code: 'MERGE_COLUMN', message: expect.stringMatching(message) });
    });
  });
});

describe('the time of a statement, and DEFAULT', () => {
  const TABLE =
    "id bigint GENERATED ALWAYS AS IDENTITY, n int DEFAULT 7, t timestamp, l timestamp_ntz, d date, e string DEFAULT 'e'";
  const NOW = { t: 'current_timestamp()', l: 'localtimestamp', d: 'current_date()' };

  /** What the three columns have. */
  function at({ ctx }: Bench): Readonly<Record<string, string>> {
    const time = new Date(ctx.clock.now()).toISOString().slice(0, -1);
    return { t: `${time}000Z`, l: `${time}000`, d: time.slice(0, 10) };
  }

  test('are what UPDATE sets, and conditions compare with', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const rows = [
        { n: 1, t: '2001-01-01T00:00:00Z' },
        { n: 2, t: '9001-01-01T00:00:00Z' },
      ];
      let table = (await append(ctx, await tableOf(bench, TABLE), { rows })).snapshot;
      const set = { ...NOW, n: 'DEFAULT', e: 'default' };
      ({ snapshot: table } = await updateRows(ctx, table, { set, where: 't < now()' }));
      const [first, second] = await rowsOf(bench, table);
      expect(first).toEqual({ id: 1n, n: 7, e: 'e', ...at(bench) });
      expect(second).toMatchObject({ n: 2, d: null });
      const late = await Array.fromAsync(scanRows(ctx, table, { where: 't > current_timestamp' }));
      expect(late.map(({ n }) => n)).toEqual([2]);
      ({ snapshot: table } = await updateRows(ctx, table, { set: { t: 'DEFAULT' } }));
      expect((await rowsOf(bench, table)).map(({ t }) => t)).toEqual([null, null]);
      await expect(updateRows(ctx, table, { set: { id: 'DEFAULT' } })).rejects.toMatchObject({
        code: 'UPDATE_COLUMN',
      });
    });
  });

  test('are what the clauses of MERGE give', async () => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const start = await append(ctx, await tableOf(bench, TABLE), { rows: [{ n: 1 }] });
      const { snapshot } = await merge(ctx, start.snapshot, {
        source: { rows: [{ n: 3 }, { n: 1 }] },
        on: 't.n = s.n AND t.d IS DISTINCT FROM current_date()',
        whenMatched: [{ condition: "now() > '2001-01-01'", update: { ...NOW, n: 'DEFAULT' } }],
        whenNotMatched: [{ insert: { ...NOW, id: 'DEFAULT', n: 's.n', e: 'DEFAULT' } }],
      });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1n, n: 7, e: 'e', ...at(bench) },
        { id: 2n, n: 3, e: 'e', ...at(bench) },
      ]);
    });
  });

  test('a column of that name goes before', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'n int DEFAULT 7, default int');
      const rows = [{ n: 1, default: 2 }];
      const table = (await append(bench.ctx, start, { rows })).snapshot;
      const { snapshot } = await updateRows(bench.ctx, table, { set: { n: 'default' } });
      expect(await rowsOf(bench, snapshot)).toEqual([{ n: 2, default: 2 }]);
    });
  });
});
