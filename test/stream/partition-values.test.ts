import { expect, test } from 'vitest';

import { partitionPath } from '../../src/schema/index.ts';
import { partitionValuesOf } from '../../src/stream/index.ts';

test('values of folders come back as they went in', () => {
  const columns = ['date', 'n:a=me', 'empty'];
  const values = ['2026-11-22', 'a:b %ç/=', null];
  const path = `${partitionPath(columns, values)}/part-0.parquet`;
  expect([...partitionValuesOf(path)]).toEqual(columns.map((name, i) => [name, values[i] ?? null]));
});

test('folders that name no value and the file itself are passed over', () => {
  expect([...partitionValuesOf('a/x=1/=y/b%zz=%4/c=d.parquet')]).toEqual([
    ['x', '1'],
    ['b%zz', '%4'],
  ]);
});
