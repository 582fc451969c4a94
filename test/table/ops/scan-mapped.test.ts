import { describe, expect, test } from 'vitest';

import { parseDdl, type Row } from '../../../src/schema/index.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import { listFiles } from '../../../src/table/ops/files.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { mapped } from '../../schema/mapped.ts';
import { type EngineTable, type TableSpec, withTable } from './engine-table.ts';

const DDL =
  'id bigint, p int, s struct<a:int,b:int>, l array<struct<a:int,b:int>>, m map<string,struct<a:int>>';

/** Physical names: id 1, p 2, s 3 (4, 5), l 6 (7, 8), m 9 (10). */
function spec(mode: 'name' | 'id', query: string): TableSpec {
  const stats = (id: number): object => ({
    numRecords: 1,
    minValues: { 'col-1': id },
    maxValues: { 'col-1': id },
    nullCount: { 'col-1': 0 },
  });
  return {
    ddl: DDL,
    schema: mapped(parseDdl(DDL)),
    configuration: { 'delta.columnMapping.mode': mode },
    protocol: { minReaderVersion: 2, minWriterVersion: 5 },
    partitionColumns: ['p'],
    files: [
      { key: 'a.parquet', query, partitionValues: { 'col-2': '7' }, stats: stats(1) },
      {
        key: 'b.parquet',
        query: `SELECT 2::BIGINT AS "col-1", 9 AS p`,
        partitionValues: { 'col-2': '8', p: '9' },
        stats: stats(2),
      },
    ],
  };
}

const BY_NAME =
  `SELECT 1::BIGINT AS "col-1", {'col-4': 3, 'col-5': 4} AS "col-3", ` +
  `[{'col-7': 5, 'col-8': 6}] AS "col-6", MAP {'k': {'col-10': 7}} AS "col-9"`;

const FIRST: Row = {
  id: 1n,
  p: 7,
  s: { a: 3, b: 4 },
  l: [{ a: 5, b: 6 }],
  m: [['k', { a: 7 }]],
};

async function rows(table: EngineTable, where?: string): Promise<readonly Row[]> {
  return Array.fromAsync(scanRows(table.ctx, table.snapshot, where === undefined ? {} : { where }));
}

describe('column mapping', () => {
  test('by name finds columns, partition values and statistics by their physical names', async () => {
    await withTable('memory', spec('name', BY_NAME), async (table) => {
      expect(await rows(table)).toEqual([FIRST, { id: 2n, p: 8, s: null, l: null, m: null }]);
      expect([...listFiles(table.snapshot, { where: 'id = 1' })].map(({ path }) => path)).toEqual([
        'a.parquet',
      ]);
      table.touched.clear();
      expect(await rows(table, 'id >= 1 AND p = 7 AND s.b = 4')).toEqual([FIRST]);
      expect(table.touched.has('b.parquet')).toBe(false);
      expect((await checksum(table.ctx, table.snapshot)).rowCount).toBe(2);
    });
  });

  test('finds fields that have been given the names of others since', async () => {
    const query = `SELECT 1::BIGINT AS "col-1", {'a': 3, 'b': 4} AS "col-3", [{'a': 5, 'b': 6}] AS "col-6"`;
    const table = spec('name', query);
    const swapped = JSON.stringify(mapped(parseDdl(DDL))).replace(
      /"name":"([ab])"(.*?"delta.columnMapping.physicalName":)"[^"]*"/g,
      (_, name: string, between: string) =>
        `"name":"${name}"${between}"${name === 'a' ? 'b' : 'a'}"`,
    );
    const schema = JSON.parse(swapped) as ReturnType<typeof mapped>;
    await withTable('memory', { ...table, schema }, async (opened) => {
      const s = { a: 4, b: 3 };
      expect(await rows(opened, 'id = 1')).toMatchObject([{ s, l: [{ a: 6, b: 5 }] }]);
    });
  });
});
