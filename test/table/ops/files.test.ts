import { expect, test } from 'vitest';

import { parseExpression } from '../../../src/schema/index.ts';

import { listFiles, liveFiles } from '../../../src/table/ops/files.ts';
import { withTable } from './engine-table.ts';

const SPEC = {
  ddl: 'id bigint, day date, amount decimal(5,2)',
  partitionColumns: ['day', 'amount'],
  files: [
    {
      key: 'a.parquet',
      query: 'SELECT 1::BIGINT AS id',
      partitionValues: { day: '2024-01-02', amount: '1.5' },
      stats: { numRecords: 1, minValues: { id: 1 }, maxValues: { id: 1 }, nullCount: { id: 0 } },
    },
    {
      key: 'b.parquet',
      query: 'SELECT 2::BIGINT AS id',
      partitionValues: { DAY: null, amount: '' },
    },
  ],
};

test('live files have typed partition values, sizes, rows and statistics', async () => {
  await withTable('memory', SPEC, ({ snapshot }) => {
    const [first, second] = [...listFiles(snapshot)];
    expect(first).toMatchObject({
      path: 'a.parquet',
      partition: { day: '2024-01-02', amount: '1.50' },
      rowCount: 1,
      modifiedMs: 1,
    });
    expect(first?.statistics?.columns.get('id')).toMatchObject({ min: 1n, max: 1n, nullCount: 0 });
    expect(second).toMatchObject({ partition: { day: null, amount: null }, rowCount: null });
    return Promise.resolve();
  });
});

test('a condition leaves out the files that are proved to hold nothing of it', async () => {
  await withTable('memory', SPEC, ({ snapshot }) => {
    const paths = (where: string): readonly string[] =>
      [...listFiles(snapshot, { where })].map(({ path }) => path);
    expect(paths("day = '2024-01-02'")).toEqual(['a.parquet']);
    expect(paths('day IS NULL')).toContain('b.parquet');
    expect(paths('id > 5')).toEqual(['b.parquet']);
    return Promise.resolve();
  });
});

test('statistics are read only of files whose partition is not ruled out, and only if they matter', async () => {
  await withTable('memory', SPEC, ({ snapshot }) => {
    const paths = (where: string | null): readonly string[] => {
      const read: string[] = [];
      const files = Array.from(snapshot.files(), (add) =>
        Object.defineProperty({ ...add }, 'stats', {
          get: () => {
            read.push(add.path);
            return add.stats;
          },
        }),
      );
      const condition = where === null ? null : parseExpression(where);
      expect([...liveFiles(snapshot, { where: condition, statistics: null, files })]).not.toEqual(
        [],
      );
      return read;
    };
    expect(paths("day = '2024-01-02' AND id > 0")).toEqual(['a.parquet']);
    expect(paths("day = '2024-01-02'")).toEqual([]);
    expect(paths(null)).toEqual([]);
    return Promise.resolve();
  });
});
