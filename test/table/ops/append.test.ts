import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { describe, expect, test } from 'vitest';

import { rowsToArrow, writeParquet } from '../../../src/parquet/index.ts';
import { LONG, parseDdl, parseStatistics, type Row } from '../../../src/schema/index.ts';
import { widenType } from '../../../src/table/columns.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { dataFiles, rowsOf, tableOf, withBench } from './write-table.ts';

const PEOPLE = 'id bigint not null, name string, paid decimal(10,2), at timestamp';

function rowCounts(snapshot: Snapshot): readonly (number | null | undefined)[] {
  return Array.from(
    snapshot.files(),
    ({ stats }) => parseStatistics(stats, snapshot.schema)?.rowCount,
  );
}

describe.each(['memory', 'disk'] as const)('append (%s)', (kind) => {
  test('writes rows without the engine, with statistics', async () => {
    await withBench(kind, async (bench) => {
      const ctx = { ...bench.ctx, engine: () => Promise.reject(new Error('not needed')) };
      const start = await tableOf(bench, PEOPLE);
      const rows = [
        { id: 1, name: 'Ana', paid: '1.50', at: '2024-01-01T00:00:00Z' },
        { id: 2n, name: null, paid: 2, at: null },
      ];
      const result = await append(ctx, start, { rows });
      expect(result).toMatchObject({ kind: 'committed', fileCount: 1, rowCount: 2 });
      const [file] = [...result.snapshot.files()];
      expect(JSON.parse(file?.stats ?? '')).toEqual({
        numRecords: 2,
        minValues: { id: 1, name: 'Ana', paid: 1.5, at: '2024-01-01T00:00:00.000Z' },
        maxValues: { id: 2, name: 'Ana', paid: 2.0, at: '2024-01-01T00:00:00.000Z' },
        nullCount: { id: 0, name: 1, paid: 0, at: 1 },
      });
      expect(file?.path).toMatch(/^part-00000-[0-9a-f-]{36}-c000\.snappy\.parquet$/);
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { id: 1n, name: 'Ana', paid: '1.50', at: '2024-01-01T00:00:00.000000Z' },
        { id: 2n, name: null, paid: '2.00', at: null },
      ]);
    });
  });

  test('splits rows by partition, with awkward and missing values', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint, p string', { partitionBy: ['p'] });
      const rows = [
        { id: 1, p: 'a/b c%' },
        { id: 2, p: null },
        { id: 3, p: 'a/b c%' },
      ];
      const { snapshot } = await append(bench.ctx, start, { rows });
      const values = Array.from(snapshot.files(), ({ partitionValues }) => partitionValues['p']);
      expect(new Set(values)).toEqual(new Set(['a/b c%', null]));
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1n, p: 'a/b c%' },
        { id: 2n, p: null },
        { id: 3n, p: 'a/b c%' },
      ]);
    });
  });

  test('cuts many rows into files as it goes', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint, name string');
      const rows = async function* (): AsyncGenerator<{ id: number; name: string }> {
        for (let id = 0; id < 50_000; id += 1) yield { id, name: `name ${id}` };
      };
      const { snapshot, rowCount } = await append(
        bench.ctx,
        start,
        { rows: rows() },
        { targetFileSizeBytes: 100_000 },
      );
      expect(rowCount).toBe(50_000);
      expect(rowCounts(snapshot).length).toBeGreaterThan(2);
    });
  });

  test('copies Parquet that fits and encodes again what does not', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint, at timestamp');
      const fits = await bench.parquet(
        'fits á +%.parquet',
        "SELECT 1::BIGINT AS id, TIMESTAMPTZ '2024-01-01 00:00:00Z' AS at",
      );
      const other = await bench.parquet(
        'ns.parquet',
        'SELECT 2::INTEGER AS "ID", TIMESTAMP_NS \'2024-01-01 00:00:00.123456789\' AS at',
      );
      const { snapshot, fileCount } = await append(bench.ctx, start, { parquet: [fits, other] });
      expect(fileCount).toBe(2);
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1n, at: '2024-01-01T00:00:00.000000Z' },
        { id: 2n, at: '2024-01-01T00:00:00.123456Z' },
      ]);
    });
  });

  test('copies into the partition that a footer proves, and splits a file that has several', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint, p string', { partitionBy: ['p'] });
      const one = await bench.parquet('1.parquet', "SELECT 1::BIGINT AS id, 'x=1' AS p");
      const two = await bench.parquet(
        '2.parquet',
        "SELECT * FROM (VALUES (2::BIGINT, 'b'), (3, NULL), (4, 'x=1')) AS v(id, p)",
      );
      const { snapshot } = await append(bench.ctx, start, { parquet: [one, two] });
      expect(snapshot.fileCount).toBe(4);
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1n, p: 'x=1' },
        { id: 2n, p: 'b' },
        { id: 3n, p: null },
        { id: 4n, p: 'x=1' },
      ]);
    });
  });

  test('adds to a table whose types were widened, and leaves its old files as they are', async () => {
    await withBench(kind, async (bench) => {
      const table = await tableOf(bench, 'n smallint, m map<string, array<int>>', {
        properties: { 'delta.enableTypeWidening': 'true' },
      });
      const old = await append(bench.ctx, table, { rows: [{ n: 1, m: [['k', [2]]] }] });
      await widenType(bench.ctx, old.snapshot, { column: 'n', type: LONG });
      const wide = await openSnapshot(bench.ctx);
      await widenType(bench.ctx, wide, { column: 'm.value.element', type: LONG });
      const widened = await openSnapshot(bench.ctx);
      const rows = await append(bench.ctx, widened, {
        rows: [{ n: 2n ** 40n, m: [['k', [2n ** 41n]]] }],
      });
      const uri = await bench.parquet('narrow.parquet', `SELECT 7::INT AS n, MAP {'k': [8]} AS m`);
      const files = await append(bench.ctx, rows.snapshot, { parquet: [uri] });
      const all = [
        { n: 2n ** 40n, m: [['k', [2n ** 41n]]] },
        { n: 1n, m: [['k', [2n]]] },
        { n: 7n, m: [['k', [8n]]] },
      ];
      expect(await rowsOf(bench, files.snapshot)).toEqual(all);
      const [first] = files.snapshot.schema.fields;
      expect(first?.metadata['delta.typeChanges']).toHaveLength(1);
      const packed = await optimize(bench.ctx, files.snapshot, {});
      expect(packed).toMatchObject({ filesRemoved: 3, filesAdded: 1 });
      expect(await rowsOf(bench, packed.snapshot)).toEqual(all);
    });
  });

  test('keeps statistics of as many columns as the table asks for, none tighter than the values', async () => {
    await withBench(kind, async (bench) => {
      const long = 'é'.repeat(40);
      const table = await tableOf(bench, 'p int, t string, d double, s struct<f:float,n:int>', {
        partitionBy: ['p'],
        properties: { 'delta.dataSkippingNumIndexedCols': '3' },
      });
      const rows = [
        { p: 1, t: `${long}z`, d: Number.NaN, s: { f: 1.5, n: 1 } },
        { p: 1, t: long, d: 2, s: { f: -0, n: 2 } },
      ];
      const first = await append(bench.ctx, table, { rows });
      const uri = await bench.parquet(
        'in.parquet',
        `SELECT unnest([1, 2])::INT AS p, '${long}z' AS t, 'NaN'::DOUBLE AS d, {'f': 1.5::FLOAT, 'n': 1} AS s`,
      );
      const { snapshot } = await append(bench.ctx, first.snapshot, { parquet: [uri] });
      const written = Array.from(snapshot.files(), ({ stats }): unknown => JSON.parse(stats ?? ''));
      const cut = long.slice(0, 32);
      expect(written).toHaveLength(3);
      // The one that is written here ends with the next letter, the engine's with one that is greater than all.
      expect(written).toContainEqual({
        numRecords: 2,
        // Of `d`, in which there is NaN, no bound is written; of the floats beside it both are.
        minValues: { t: cut, s: { f: -0 } },
        maxValues: { t: `${cut.slice(0, 31)}ê`, s: { f: 1.5 } },
        nullCount: { t: 0, d: 0, s: { f: 0 } },
      });
      expect(written).toContainEqual({
        numRecords: 1,
        minValues: { t: cut, s: { f: 1.5 } },
        maxValues: { t: `${cut}\u{10FFFF}`, s: { f: 1.5 } },
        nullCount: { t: 0, d: 0, s: { f: 0 } },
      });
    });
  });

  test('takes Arrow data', async () => {
    await withBench(kind, async (bench) => {
      const { tableFromArrays } = await import('apache-arrow');
      const start = await tableOf(bench, 'id bigint, x double');
      const arrow = tableFromArrays({ id: [1n, 2n], x: [0.5, Number.NaN] });
      const { snapshot } = await append(bench.ctx, start, { arrow });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1n, x: 0.5 },
        { id: 2n, x: Number.NaN },
      ]);
    });
  });

  test('remembers its transaction, and does not commit without rows', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint');
      expect((await append(bench.ctx, start, { rows: [] })).kind).toBe('unchanged');
      const txn = { appId: 'app', version: 3 };
      const first = await append(bench.ctx, start, { rows: [{ id: 1 }] }, { txn });
      const again = await append(bench.ctx, first.snapshot, { rows: [{ id: 1 }] }, { txn });
      // From the old snapshot the transaction is found when the commit loses its race.
      const late = await append(bench.ctx, start, { rows: [{ id: 1 }] }, { txn });
      expect([first.kind, again.kind, late.kind]).toEqual(['committed', 'applied', 'applied']);
      expect(await rowsOf(bench, late.snapshot)).toEqual([{ id: 1n }]);
      expect(await dataFiles(bench)).toHaveLength(1);
    });
  });

  test('refuses a null where none may be, whatever the source, and leaves nothing behind', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, PEOPLE);
      const uri = await bench.parquet('n.parquet', "SELECT NULL::BIGINT AS id, 'x' AS name");
      await expect(append(bench.ctx, start, { rows: [{ name: 'x' }] })).rejects.toMatchObject({
        code: 'INPUT_BAD_VALUE',
      });
      await expect(append(bench.ctx, start, { parquet: [uri] })).rejects.toMatchObject({
        code: 'NULL_NOT_ALLOWED',
      });
      expect(await dataFiles(bench)).toEqual([]);
    });
  });

  test('refuses rows of which no column is in the files, which nobody could read, and leaves nothing behind', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'parte string, nada void', { partitionBy: ['parte'] });
      const refused = append(bench.ctx, start, { rows: [{ parte: 'x' }] });
      await expect(refused).rejects.toMatchObject({ code: 'TABLE_WITHOUT_COLUMNS' });
      expect(await dataFiles(bench)).toEqual([]);
    });
  });

  test('refuses files that are missing or of another type, all or nothing', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint');
      const good = await bench.parquet('good.parquet', 'SELECT 1::BIGINT AS id');
      const bad = await bench.parquet('bad.parquet', "SELECT 'x' AS id");
      await expect(append(bench.ctx, start, { parquet: [good, bad] })).rejects.toMatchObject({
        code: 'APPEND_SOURCE_UNFIT',
      });
      await expect(
        append(bench.ctx, start, { parquet: [good, `${good}.not`] }),
      ).rejects.toMatchObject({ code: 'APPEND_SOURCE_MISSING' });
      expect(await dataFiles(bench)).toEqual([]);
    });
  });

  test.each(['null', '[1, 2]', '"text"', '7'])('refuses %s as a row by its place', async (json) => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint, p string', { partitionBy: ['p'] });
      const rows: Row[] = JSON.parse(`[{"id": 1, "p": "a"}, ${json}]`);
      await expect(append(bench.ctx, start, { rows })).rejects.toMatchObject({
        code: 'INPUT_BAD_VALUE',
        details: { rowIndex: 1 },
      });
      expect(await dataFiles(bench)).toEqual([]);
    });
  });

  test.each([
    ['extra', 'id bigint, extra int', { id: 1, extra: 2 }],
    ['s.extra', 'id bigint, s struct<a: int, extra: int>', { s: { a: 1, extra: 2 } }],
    ['l.element.extra', 'l array<struct<a: int, extra: int>>', { l: [{ a: 1, extra: 2 }] }],
    [
      'm.value.t.extra',
      'm map<string, struct<t: struct<a: int, extra: int>>>',
      { m: new Map([['k', { t: { a: 1, extra: 2 } }]]) },
    ],
  ])('refuses a value of the unknown column %s, whatever the source', async (path, ddl, row) => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, ddl.replace(/, extra:? int/, ''));
      await expect(append(bench.ctx, start, { rows: [row] })).rejects.toMatchObject({
        code: 'INPUT_BAD_VALUE',
        details: { rowIndex: 0, column: path },
      });
      const arrow = await rowsToArrow(parseDdl(ddl), [row]);
      const unfit = {
        code: 'APPEND_SOURCE_UNFIT',
        message: expect.stringContaining(`no column ${path};`),
        details: { reason: 'INPUT_UNKNOWN_COLUMN' },
      };
      await expect(append(bench.ctx, start, { arrow })).rejects.toMatchObject(unfit);
      await writeFile(join(bench.folder, 'extra.parquet'), await writeParquet(arrow));
      const parquet = [pathToFileURL(join(bench.folder, 'extra.parquet')).href];
      await expect(append(bench.ctx, start, { parquet })).rejects.toMatchObject(unfit);
      expect(await dataFiles(bench)).toEqual([]);
    });
  });

  test('keeps the order of rows that it encodes again', async () => {
    await withBench(kind, async (bench) => {
      const start = await tableOf(bench, 'id bigint');
      const uris = await Promise.all(
        [0, 1, 2, 3].map((k) =>
          bench.parquet(
            `${k}.parquet`,
            `SELECT (range + ${k * 5000})::UBIGINT AS id FROM range(5000)`,
          ),
        ),
      );
      const { snapshot } = await append(bench.ctx, start, { parquet: uris });
      const bounds = Array.from(snapshot.files(), ({ stats }) => {
        const column = parseStatistics(stats, snapshot.schema)?.columns.get('id');
        return [column?.min, column?.max];
      });
      expect(bounds).toEqual([
        [0n, 9_999n],
        [10_000n, 19_999n],
      ]);
    });
  });
});
