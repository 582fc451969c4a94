import { describe, expect, test } from 'vitest';

import { LONG, parseDdl, parseType } from '../../src/schema/index.ts';
import { setProperties } from '../../src/table/alter.ts';
import {
  addColumns,
  changeColumnOf,
  dropColumns,
  renameColumn,
  widenType,
} from '../../src/table/columns.ts';
import { clusterBy } from '../../src/table/domains.ts';
import { readHistory } from '../../src/table/history.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { append } from '../../src/table/ops/append.ts';
import { addConstraint } from '../../src/table/ops/constraints.ts';
import { overwrite } from '../../src/table/ops/overwrite.ts';
import type { Snapshot } from '../../src/table/types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './ops/write-table.ts';

const MAPPED = { properties: { 'delta.columnMapping.mode': 'name' } };

async function lastOperation({ ctx }: Bench, snapshot: Snapshot): Promise<unknown> {
  const [entry] = await readHistory(ctx, { metadata: snapshot.metadata, limit: 1 });
  return entry?.operation;
}

describe('addColumns', () => {
  test('puts columns where they are asked for, also inside of others; rows that are there have nulls', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, s struct<x: int>, l array<struct<y: int>>');
      const { snapshot } = await append(bench.ctx, start, {
        rows: [{ a: 1, s: { x: 1 }, l: [{ y: 1 }] }],
      });
      const added = await addColumns(bench.ctx, snapshot, [
        { column: 'b', type: LONG, comment: 'how many', position: 'first' },
        { column: 's.w', type: parseType('string'), position: { after: 'X' } },
        { column: 'l.element.z', type: LONG, position: 'first' },
        { column: 'c', type: parseType('date'), position: { after: 'a' } },
      ]);
      expect(added.snapshot.schema).toEqual(
        parseDdl(
          "b bigint comment 'how many', a int, c date, s struct<x: int, w: string>, l array<struct<z: bigint, y: int>>",
        ),
      );
      expect(await lastOperation(bench, added.snapshot)).toBe('ADD COLUMNS');
      expect(await rowsOf(bench, added.snapshot)).toEqual([
        { b: null, a: 1, c: null, s: { x: 1, w: null }, l: [{ z: null, y: 1 }] },
      ]);
      const more = await append(bench.ctx, added.snapshot, { rows: [{ a: 2, b: 5n }] });
      expect(more.kind).toBe('committed');
    });
  });

  test('refuses names that are taken, odd ones, and places that are not there', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int');
      const add = (column: string, after?: string): Promise<unknown> =>
        addColumns(bench.ctx, start, [
          { column, type: LONG, ...(after === undefined ? {} : { position: { after } }) },
        ]);
      await expect(add('A')).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
      await expect(add('b', 'x')).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
      await expect(add('a.b')).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
      await expect(add('1 + 1')).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
      await expect(add('`b c`')).rejects.toMatchObject({ code: 'SCHEMA_COLUMN_NAME' });
    });
  });
});

describe('dropColumns and renameColumn', () => {
  test('need column mapping, and say so', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, b int');
      for (const refused of [
        dropColumns(bench.ctx, start, ['a']),
        renameColumn(bench.ctx, start, { column: 'a', name: 'c' }),
      ]) {
        await expect(refused).rejects.toMatchObject({
          code: 'COLUMN_CHANGE_INVALID',
          message: expect.stringContaining('delta.columnMapping.mode'),
        });
      }
    });
  });

  test('leave files as they are, and a column that comes again is a new one', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, b int, s struct<x: int, y: int>, p string', {
        ...MAPPED,
        partitionBy: ['p'],
      });
      const { snapshot } = await append(bench.ctx, start, {
        rows: [{ a: 1, b: 2, s: { x: 3, y: 4 }, p: 'q' }],
      });
      const dropped = await dropColumns(bench.ctx, snapshot, ['b', 's.x']);
      const renamed = await renameColumn(bench.ctx, dropped.snapshot, { column: 'A', name: 'k' });
      const partition = await renameColumn(bench.ctx, renamed.snapshot, { column: 'p', name: 'r' });
      const again = await addColumns(bench.ctx, partition.snapshot, [{ column: 'b', type: LONG }]);
      expect(again.snapshot.partitionColumns).toEqual(['r']);
      expect([...again.snapshot.files()]).toEqual([...snapshot.files()]);
      expect(await rowsOf(bench, again.snapshot)).toEqual([{ k: 1, s: { y: 4 }, r: 'q', b: null }]);
      const more = await append(bench.ctx, again.snapshot, { rows: [{ k: 5, r: 'q', b: 6n }] });
      expect(await rowsOf(bench, more.snapshot)).toHaveLength(2);
      const replaced = await overwrite(
        bench.ctx,
        more.snapshot,
        { rows: [{ k: 7, r: 'z' }] },
        { replaceWhere: 'k = 5 OR k = 7' },
      );
      expect(await rowsOf(bench, replaced.snapshot)).toMatchObject([{ k: 1 }, { k: 7 }]);
    });
  });

  test('refuse columns that something rests on', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, b int, s struct<x: int>, p string', {
        ...MAPPED,
        partitionBy: ['p'],
      });
      const { snapshot } = await addConstraint(bench.ctx, start, {
        name: 'c',
        expression: 'a > 0 AND s.x > 0',
      });
      for (const column of ['a', 's', 's.x', 'p', 'nope']) {
        await expect(dropColumns(bench.ctx, snapshot, [column])).rejects.toMatchObject({
          code: 'COLUMN_CHANGE_INVALID',
        });
      }
      await expect(
        renameColumn(bench.ctx, snapshot, { column: 'b', name: 'A' }),
      ).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
    });
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, b int', MAPPED);
      const { snapshot } = await clusterBy(bench.ctx, start, ['a']);
      await expect(dropColumns(bench.ctx, snapshot, ['a'])).rejects.toMatchObject({
        message: expect.stringContaining('clustered'),
      });
      const renamed = await renameColumn(bench.ctx, snapshot, { column: 'a', name: 'z' });
      expect(renamed.kind).toBe('committed');
    });
    await withBench('memory', async (bench) => {
      const properties = {
        ...MAPPED.properties,
        'delta.dataSkippingStatsColumns': 'a, `b.c`, `d,e`',
      };
      const start = await tableOf(bench, 'a int, `b.c` int, `d,e` int, f int', { properties });
      for (const column of ['a', '`b.c`', '`D,e`']) {
        await expect(dropColumns(bench.ctx, start, [column])).rejects.toMatchObject({
          message: expect.stringContaining('delta.dataSkippingStatsColumns'),
        });
      }
    });
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'p string, a int, b int', {
        ...MAPPED,
        partitionBy: ['p'],
      });
      const { snapshot } = await dropColumns(bench.ctx, start, ['a']);
      await expect(dropColumns(bench.ctx, snapshot, ['b'])).rejects.toMatchObject({
        code: 'COLUMN_CHANGE_INVALID',
        message: expect.stringContaining('no column would be left'),
      });
    });
  });
});

describe('changeColumnOf', () => {
  test('sets a default for rows that come later, and takes it away', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, s struct<x: int>, g int GENERATED ALWAYS AS (a)');
      const first = await append(bench.ctx, start, { rows: [{ a: 1 }] });
      const change = { column: 'A', default: '2 + 3' };
      const { snapshot } = await changeColumnOf(bench.ctx, first.snapshot, change);
      expect(snapshot.protocol.writerFeatures).toContain('allowColumnDefaults');
      expect(snapshot.schema.fields[0]).toMatchObject({ metadata: { CURRENT_DEFAULT: '2 + 3' } });
      const second = await append(bench.ctx, snapshot, { rows: [{ s: null }, { a: null }] });
      expect((await rowsOf(bench, second.snapshot)).map(({ a, g }) => [a, g])).toEqual([
        [1, 1],
        [5, 5],
        [null, null],
      ]);
      const dropped = await changeColumnOf(bench.ctx, second.snapshot, {
        column: 'a',
        default: null,
      });
      expect(dropped.snapshot.schema.fields[0]?.metadata).toEqual({});
      for (const [column, text, code] of [
        ['s.x', '1', 'COLUMN_CHANGE_INVALID'],
        ['g', '1', 'COLUMN_CHANGE_INVALID'],
        ['nope', '1', 'COLUMN_CHANGE_INVALID'],
        ['a', 's.x', 'RULE_UNSUPPORTED'],
        ['a', 'named_struct()', 'RULE_UNSUPPORTED'],
      ] as const) {
        await expect(
          changeColumnOf(bench.ctx, dropped.snapshot, { column, default: text }),
        ).rejects.toMatchObject({ code });
      }
    });
  });

  test('comments, moves, and lets nulls in', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int not null, b int');
      const change = { column: 'a', comment: 'first', nullable: true, position: { after: 'b' } };
      const { snapshot } = await changeColumnOf(bench.ctx, start, change);
      expect(snapshot.schema).toEqual(parseDdl("b int, a int comment 'first'"));
      expect(await lastOperation(bench, snapshot)).toBe('CHANGE COLUMN');
      const none = await changeColumnOf(bench.ctx, snapshot, { column: 'a', comment: null });
      expect(none.snapshot.schema).toEqual(parseDdl('b int, a int'));
      const same = await changeColumnOf(bench.ctx, none.snapshot, { column: 'a', nullable: true });
      expect(same.kind).toBe('unchanged');
    });
  });

  test('shuts nulls out only where there are none, also inside of columns', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int, b int, s struct<x: int>');
      const { snapshot } = await append(bench.ctx, start, {
        rows: [
          { a: 1, b: null, s: { x: 1 } },
          { a: 2, s: { x: null } },
        ],
      });
      for (const column of ['b', 's.x']) {
        await expect(
          changeColumnOf(bench.ctx, snapshot, { column, nullable: false }),
        ).rejects.toMatchObject({ code: 'RULE_VIOLATED' });
      }
      await changeColumnOf(bench.ctx, snapshot, { column: 'a', nullable: false });
      const latest = await openSnapshot(bench.ctx);
      await expect(append(bench.ctx, latest, { rows: [{ b: 1 }] })).rejects.toMatchObject({
        code: 'INPUT_BAD_VALUE',
      });
      await changeColumnOf(bench.ctx, latest, { column: 's', nullable: false });
    });
  });

  test('goes together with wider types', async () => {
    await withBench('memory', async (bench) => {
      const start = await tableOf(bench, 'a int');
      const on = { set: { 'delta.enableTypeWidening': 'true' } };
      const { snapshot } = await setProperties(bench.ctx, start, on);
      const widened = await widenType(bench.ctx, snapshot, { column: '`a`', type: LONG });
      const moved = await changeColumnOf(bench.ctx, widened.snapshot, {
        column: 'a',
        comment: 'c',
      });
      expect(Object.keys(moved.snapshot.schema.fields[0]?.metadata ?? {}).sort()).toEqual([
        'comment',
        'delta.typeChanges',
      ]);
    });
  });
});

test('an append widens the types of columns where it is asked to, and the table allows it', async () => {
  await withBench('memory', async (bench) => {
    const start = await tableOf(bench, 'a int, s struct<x: float>, t string');
    const first = await append(bench.ctx, start, { rows: [{ a: 1, s: { x: 1.5 }, t: 'v' }] });
    const parquet = [
      await bench.parquet(
        'w.parquet',
        "SELECT 5000000000::BIGINT AS a, {'x': 2.5::DOUBLE} AS s, 1 AS n",
      ),
    ];
    const widen = { evolve: 'widen' } as const;
    await expect(append(bench.ctx, first.snapshot, { parquet }, widen)).rejects.toMatchObject({
      code: 'EVOLUTION_REFUSED',
    });
    const on = { set: { 'delta.enableTypeWidening': 'true' } };
    const { snapshot } = await setProperties(bench.ctx, first.snapshot, on);
    const after = await append(bench.ctx, snapshot, { parquet }, widen);
    expect(await rowsOf(bench, after.snapshot)).toEqual([
      { a: 1n, s: { x: 1.5 }, t: 'v', n: null },
      { a: 5000000000n, s: { x: 2.5 }, t: null, n: 1 },
    ]);
  });
});
