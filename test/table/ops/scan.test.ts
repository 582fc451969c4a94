import { readdir } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import type { Row } from '../../../src/schema/index.ts';
import { scan, type ScanOptions, scanRows } from '../../../src/table/ops/scan.ts';
import { type EngineTable, type TableSpec, withTable } from './engine-table.ts';

const PEOPLE: TableSpec = {
  ddl: 'id bigint, name string, day date, born timestamp, pay decimal(10,2), country string',
  partitionColumns: ['country'],
  files: [
    {
      key: 'country=BR/a b.parquet',
      path: 'country=BR/a%20b.parquet',
      partitionValues: { country: 'BR' },
      stats: { numRecords: 2, minValues: { id: 1 }, maxValues: { id: 2 }, nullCount: { id: 0 } },
      query: `SELECT * FROM (VALUES (1::BIGINT, 'Ana', DATE '2024-02-29', TIMESTAMPTZ '2024-02-29 10:00:00+00', 12.34::DECIMAL(10,2)),
        (2, 'São', NULL, NULL, NULL)) t(id, name, day, born, pay)`,
    },
    {
      key: 'country=PT/c.parquet',
      partitionValues: { country: 'PT' },
      stats: { numRecords: 1, minValues: { id: 30 }, maxValues: { id: 30 }, nullCount: { id: 0 } },
      query: `SELECT 30::INTEGER AS id, 'Rui' AS name`,
    },
    { key: 'n.parquet', partitionValues: { country: null }, query: `SELECT 400::BIGINT AS id` },
  ],
};

async function rows(table: EngineTable, options?: ScanOptions): Promise<readonly Row[]> {
  return Array.fromAsync(scanRows(table.ctx, table.snapshot, options));
}

describe.each(['memory', 'disk'] as const)('a table (%s)', (kind) => {
  test('is read whole, in the forms of rows', async () => {
    await withTable(kind, PEOPLE, async (table) => {
      const empty = { name: null, day: null, born: null, pay: null };
      expect(await rows(table)).toEqual([
        {
          id: 1n,
          name: 'Ana',
          day: '2024-02-29',
          born: '2024-02-29T10:00:00.000000Z',
          pay: '12.34',
          country: 'BR',
        },
        { ...empty, id: 2n, name: 'São', country: 'BR' },
        { ...empty, id: 30n, name: 'Rui', country: 'PT' },
        { ...empty, id: 400n, country: null },
      ]);
    });
  });

  test('gives the columns that are asked for, in that order', async () => {
    await withTable(kind, PEOPLE, async (table) => {
      const found = await rows(table, { columns: ['Country', 'id'], where: "name = 'Rui'" });
      expect(found).toEqual([{ country: 'PT', id: 30n }]);
      expect(Object.keys(found[0] ?? {})).toEqual(['country', 'id']);
      expect(await rows(table, { columns: [] })).toEqual([{}, {}, {}, {}]);
    });
  });

  test('is skipped where partition values or statistics prove that nothing matches', async () => {
    await withTable(kind, PEOPLE, async (table) => {
      expect(await rows(table, { columns: ['id'], where: "country = 'PT' AND id > 5" })).toEqual([
        { id: 30n },
      ]);
      expect([...table.touched].filter((key) => key.endsWith('.parquet'))).toEqual([
        'country=PT/c.parquet',
      ]);
      expect(await rows(table, { columns: ['id'], where: 'id BETWEEN 3 AND 29' })).toEqual([]);
      expect(table.touched.has('country=BR/a b.parquet')).toBe(false);
    });
  });

  test('gives at most the rows of the limit, and leaves nothing staged', async () => {
    await withTable(kind, PEOPLE, async (table) => {
      expect(await rows(table, { limit: 2 })).toHaveLength(2);
      expect(await rows(table, { limit: 0 })).toHaveLength(0);
      for await (const batch of scan(table.ctx, table.snapshot)) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
      expect(
        (await readdir(table.folder)).filter((name) => name.startsWith('deltawright-')),
      ).toEqual([]);
    });
  });

  test('names a data file that is not there', async () => {
    const [file] = PEOPLE.files;
    if (file === undefined) throw new Error('no file');
    const spec = { ...PEOPLE, files: [{ ...file, missing: true }] };
    await withTable(kind, spec, async (table) => {
      await expect(rows(table)).rejects.toMatchObject({
        code: 'TABLE_FILE_MISSING',
        details: { path: 'country=BR/a b.parquet' },
      });
    });
  });

  test('stops when it is told to', async () => {
    await withTable(kind, PEOPLE, async (table) => {
      const controller = new AbortController();
      controller.abort(new Error('enough'));
      await expect(rows(table, { signal: controller.signal })).rejects.toThrow('enough');
    });
  });

  test('of many files and row groups keeps rows and files in order', async () => {
    const files = Array.from({ length: 70 }, (_, index) => ({
      key: `f${String(index).padStart(3, '0')}.parquet`,
      query: `SELECT ${String(index * 3000)} + range AS id, 'k' || (range % 7) AS k FROM range(3000)`,
    }));
    await withTable(kind, { ddl: 'id bigint, k string', files }, async (table) => {
      const found = await rows(table, { columns: ['id'] });
      expect(found).toHaveLength(210_000);
      expect(found.every((row, index) => row['id'] === BigInt(index))).toBe(true);
      const some = await rows(table, { where: "k = 'k3' AND id >= 150000 AND id < 150010" });
      expect(some).toEqual([{ id: 150_003n, k: 'k3' }]);
    });
  });

  test('of which a condition selects some rows everywhere come in few batches', async () => {
    const query = `SELECT range AS id, if(range % 100 = 7, 'a', 'b') AS k FROM range(200000)`;
    const files = [{ key: 'f.parquet', query }];
    await withTable(kind, { ddl: 'id bigint, k string', files }, async ({ ctx, snapshot }) => {
      const batches = await Array.fromAsync(scan(ctx, snapshot, { where: "k = 'a'" }));
      const ids = batches.flat().map((row) => Number(row['id']));
      expect(ids.sort((a, b) => a - b)).toEqual(
        Array.from({ length: 2_000 }, (_, i) => i * 100 + 7),
      );
      expect(batches.length).toBeLessThan(10);
    });
  });
});

describe('questions that cannot be answered', () => {
  test('are refused before a file is touched', async () => {
    await withTable('memory', PEOPLE, async (table) => {
      await expect(rows(table, { columns: ['nope'] })).rejects.toMatchObject({
        code: 'COLUMN_UNKNOWN',
      });
      await expect(rows(table, { where: 'nope = 1' })).rejects.toMatchObject({
        code: 'EXPRESSION_NO_COLUMN',
      });
      await expect(rows(table, { where: 'id + 1' })).rejects.toMatchObject({
        code: 'EXPRESSION_TYPE',
      });
      await expect(rows(table, { where: 'id = ' })).rejects.toMatchObject({
        code: 'EXPRESSION_SYNTAX',
      });
      expect([...table.touched].some((key) => key.endsWith('.parquet'))).toBe(false);
    });
  });

  test('a table without files has no rows', async () => {
    await withTable('disk', { ddl: 'a int', files: [] }, async (table) => {
      expect(await rows(table)).toEqual([]);
    });
  });
});
