import { describe, expect, test } from 'vitest';

import { seededRandom, systemClock } from '../../../src/base/index.ts';
import { parseDdl, parseStatistics, typeName } from '../../../src/schema/index.ts';
import { localStore } from '../../../src/store/index.ts';
import { renameColumn } from '../../../src/table/columns.ts';
import { append } from '../../../src/table/ops/append.ts';
import { convert } from '../../../src/table/ops/convert.ts';
import type { TableContext } from '../../../src/table/types.ts';
import { type Bench, rowsOf, withBench } from './write-table.ts';

/** The bench with its folder of files as the place of the table. */
async function withFolder(work: (bench: Bench, ctx: TableContext) => Promise<void>): Promise<void> {
  await withBench('disk', async (bench) => {
    const options = { clock: systemClock, random: seededRandom(2), durable: false };
    const ctx = { ...bench.ctx, store: localStore(bench.folder, options) };
    await work({ ...bench, ctx }, ctx);
  });
}

describe('convert', () => {
  test('files of one folder become a table, with statistics from their footers', async () => {
    await withFolder(async (bench, ctx) => {
      await bench.parquet(
        'um b%25.parquet',
        "SELECT range AS id, 'n' || range AS nome FROM range(5)",
      );
      await bench.parquet(
        'dois.parquet',
        'SELECT range + 10 AS id, 1.5::DOUBLE AS x FROM range(3)',
      );
      await bench.parquet('_x/no.parquet', "SELECT 'x' AS id");
      await bench.text('.hidden', 'x');
      await bench.text('_SUCCESS', '');
      const result = await convert(ctx, { properties: { a: 'b' } });
      expect(result).toMatchObject({ kind: 'committed', fileCount: 2, rowCount: 8 });
      const { schema, version } = result.snapshot;
      expect(version).toBe(0);
      expect(schema.fields.map(({ name, type }) => `${name} ${typeName(type)}`)).toEqual([
        'id bigint',
        'x double',
        'nome string',
      ]);
      const rows = await rowsOf(bench, result.snapshot);
      expect(rows).toHaveLength(8);
      expect(rows).toContainEqual({ id: 4n, x: null, nome: 'n4' });
      const files = Array.from(result.snapshot.files(), ({ stats }) =>
        parseStatistics(stats, schema),
      );
      const bounds = files.map((it) => [it?.rowCount, it?.columns.get('id')?.min]);
      expect(bounds.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual([
        [3, 10n],
        [5, 0n],
      ]);
      expect(await convert(ctx)).toMatchObject({ kind: 'unchanged', fileCount: 0 });
    });
  });

  test('folders as Hive lays them out become partitions, inferred or as they are given', async () => {
    await withFolder(async (bench, ctx) => {
      const folders = ['dia=2026-11-20/uf=São%2FP', 'dia=2026-11-21/uf=007'];
      for (const [index, folder] of folders.entries()) {
        await bench.parquet(`${folder}/a.parquet`, `SELECT ${index} AS n`);
      }
      await bench.parquet('dia=__HIVE_DEFAULT_PARTITION__/uf=x/a.parquet', 'SELECT 9 AS n');
      const { snapshot } = await convert(ctx);
      expect(snapshot.partitionColumns).toEqual(['dia', 'uf']);
      expect(await rowsOf(bench, snapshot)).toEqual([
        { n: 0, dia: '2026-11-20', uf: 'São/P' },
        { n: 1, dia: '2026-11-21', uf: '007' },
        { n: 9, dia: null, uf: 'x' },
      ]);
    });
    await withFolder(async (bench, ctx) => {
      await bench.parquet('_p=1/a.parquet', 'SELECT 1 AS n');
      await bench.parquet('_p=-22/a.parquet', 'SELECT 2 AS n');
      const { snapshot } = await convert(ctx, { partitionSchema: parseDdl('_p int') });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { n: 1, _p: 1 },
        { n: 2, _p: -22 },
      ]);
    });
  });

  test('goes on by the names of columns under column mapping, and not by ids, which files lack', async () => {
    await withFolder(async (bench, ctx) => {
      await bench.parquet('p=1/a.parquet', "SELECT 1 AS n, {'x': 'y'} AS s");
      const mapped = (mode: string): object => ({
        properties: { 'delta.columnMapping.mode': mode },
      });
      await expect(convert(ctx, mapped('id'))).rejects.toMatchObject({ code: 'PROPERTY_INVALID' });
      const { snapshot } = await convert(ctx, mapped('name'));
      expect(await rowsOf(bench, snapshot)).toEqual([{ n: 1, s: { x: 'y' }, p: 1n }]);
      const renamed = await renameColumn(ctx, snapshot, { column: 's.x', name: 'z' });
      const added = await append(ctx, renamed.snapshot, { rows: [{ n: 2, s: { z: 'w' }, p: 1 }] });
      expect(await rowsOf(bench, added.snapshot)).toEqual([
        { n: 1, s: { z: 'y' }, p: 1n },
        { n: 2, s: { z: 'w' }, p: 1n },
      ]);
    });
  });

  test.each([
    ['another type', { 'a.parquet': 'SELECT 1 AS n', 'b.parquet': "SELECT 'x' AS n" }],
    ['another width', { 'a.parquet': 'SELECT 1 AS n', 'b.parquet': 'SELECT 1::BIGINT AS n' }],
    ['other case', { 'a.parquet': 'SELECT 1 AS n', 'b.parquet': 'SELECT 1 AS N' }],
    ['no unsigned', { 'b.parquet': 'SELECT 1::UBIGINT AS n' }],
    ['another partition', { 'p=1/a.parquet': 'SELECT 1 AS n', 'q=1/b.parquet': 'SELECT 1 AS n' }],
    ['no partition', { 'a.parquet': 'SELECT 1 AS n', 'p=1/b.parquet': 'SELECT 1 AS n' }],
    ['a plain folder', { 'x/b.parquet': 'SELECT 1 AS n' }],
    ['the column too', { 'p=1/b.parquet': 'SELECT 1 AS n, 1 AS p' }],
  ])('a file with %s is refused by its name, and nothing is written', async (_why, files) => {
    await withFolder(async (bench, ctx) => {
      for (const [name, query] of Object.entries(files)) await bench.parquet(name, query);
      await expect(convert(ctx)).rejects.toMatchObject({
        code: 'CONVERT_FILE_UNFIT',
        details: { path: expect.stringMatching(/b\.parquet$/) as string },
      });
      expect(await ctx.store.head('_delta_log/00000000000000000000.json')).toBeNull();
    });
  });

  test('what is no Parquet, no file, a value that is none, and a table below are refused', async () => {
    await withFolder(async (bench, ctx) => {
      await expect(convert(ctx)).rejects.toMatchObject({ code: 'CONVERT_INVALID' });
      await bench.parquet('p=x/a.parquet', 'SELECT 1 AS n');
      const partitionSchema = parseDdl('p int');
      await expect(convert(ctx, { partitionSchema })).rejects.toMatchObject({
        code: 'CONVERT_FILE_UNFIT',
      });
      await bench.parquet('t/_delta_log/00000000000000000010.checkpoint.parquet', 'SELECT 1 AS n');
      await expect(convert(ctx)).rejects.toMatchObject({ code: 'CONVERT_INVALID' });
    });
    await withFolder(async (bench, ctx) => {
      await bench.text('a.csv', 'a,b\n1,2\n');
      await expect(convert(ctx)).rejects.toMatchObject({ kind: 'data' });
    });
  });
});
