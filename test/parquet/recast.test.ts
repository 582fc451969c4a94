import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import {
  canRecast,
  localFileSource,
  type ParquetFooter,
  type ParquetNode,
  readFooter,
  readRows,
  recastColumns,
} from '../../src/parquet/index.ts';
import { present } from '../../src/base/index.ts';
import { duckdbFile, duckdbFooter, inFolder } from './duckdb.ts';

const DECIMALS: readonly (readonly [text: string, digits: number])[] = [
  ['0.00', 5],
  ['-0.01', 5],
  ['999.99', 5],
  ['-999.99', 5],
  ['9999999999999.99', 15],
  ['-9999999999999.99', 15],
  ['99999999999999999999999.99', 25],
  ['-99999999999999999999999.99', 25],
];

const decimalNode = (digits: number, node: Partial<ParquetNode>): ParquetNode => ({
  name: 'v',
  repetition: 'OPTIONAL',
  physicalType: 'FIXED_LEN_BYTE_ARRAY',
  typeLength: null,
  logicalType: { kind: 'decimal', precision: digits, scale: 2 },
  fieldId: null,
  children: [],
  ...node,
});

/** The values of the column of a query after it was laid out anew, and its chunks. */
async function recast(
  query: string,
  to: ParquetNode,
): Promise<{ readonly values: readonly unknown[]; readonly footer: ParquetFooter } | null> {
  return inFolder(async (folder) => {
    const file = join(folder, 'f.parquet');
    await writeFile(file, await duckdbFile(query));
    const source = await localFileSource(file);
    try {
      const input = { source, footer: await readFooter(source) };
      const footer = await recastColumns(input, [to], { file, codec: 'snappy' });
      if (footer === null) return null;
      const rows = await Array.fromAsync(readRows(source, footer));
      return { values: rows.map((row) => row['v']), footer };
    } finally {
      await source.close();
    }
  });
}

test.each([
  [5, 'INT32', null],
  [5, 'INT64', null],
  [5, 'FIXED_LEN_BYTE_ARRAY', 3],
  [15, 'INT64', null],
  [15, 'FIXED_LEN_BYTE_ARRAY', 7],
  [25, 'FIXED_LEN_BYTE_ARRAY', 11],
  [25, 'FIXED_LEN_BYTE_ARRAY', 16],
] as const)(
  'decimals of %i digits become %s (%s bytes) with the same values',
  async (digits, physicalType, typeLength) => {
    const texts = DECIMALS.flatMap(([text, own]) => (own <= digits ? [text] : []));
    const list = texts.map((text) => `'${text}'::DECIMAL(${String(digits)},2)`).join(', ');
    const query = `SELECT unnest([NULL, ${list}, NULL]) AS v`;
    const to = decimalNode(digits, { physicalType, typeLength });
    const before = await duckdbFooter(query);
    expect(canRecast(present(before.columns[0], 'the column'), to)).toBe(true);
    const found = present(await recast(query, to), 'the column laid out anew');
    const unscaled = texts.map((decimal) => BigInt(decimal.replace('.', '')));
    expect(found.values).toEqual([null, ...unscaled, null]);
    expect(found.footer.columns).toEqual([to]);
    expect(found.footer.rowGroups[0]?.columns[0]?.statistics?.nullCount).toBe(2n);
  },
);

test('a column without nulls becomes one that may have none, and one with some does not', async () => {
  const to: ParquetNode = {
    ...decimalNode(1, { physicalType: 'BYTE_ARRAY', logicalType: { kind: 'string' } }),
    repetition: 'REQUIRED',
  };
  const found = await recast("SELECT unnest(['a', 'ü', '']) AS v", to);
  expect(found?.values).toEqual(['a', 'ü', '']);
  expect(await recast("SELECT unnest(['a', NULL]) AS v", to)).toBeNull();
});

test('nothing is laid out as something that means another thing, or that holds others', async () => {
  const { columns } = await duckdbFooter(
    "SELECT 1::DECIMAL(9,2) AS d, 1::INTEGER AS i, {'a': 1} AS s, [1] AS l",
  );
  const [d, i, s, l] = columns.map((column) => ({ ...column, name: 'v' }));
  const node = (one: ParquetNode | undefined): ParquetNode => present(one, 'a column');
  const wider = decimalNode(10, { physicalType: 'INT64' });
  expect(canRecast(node(d), wider)).toBe(false);
  expect(canRecast(node(i), wider)).toBe(false);
  expect(canRecast(node(s), node(s))).toBe(false);
  expect(canRecast(node(l), node(l))).toBe(false);
  expect(canRecast(node(i), { ...node(i), repetition: 'REQUIRED' })).toBe(true);
  expect(canRecast(node(i), { ...node(i), name: 'w' })).toBe(false);
});
