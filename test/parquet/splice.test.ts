import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  canSplice,
  memorySource,
  type ParquetFooter,
  readFooter,
  readRows,
  rowsToArrow,
  spliceFiles,
  type SpliceInput,
  writeParquet,
  type WriteOptions,
} from '../../src/parquet/index.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'splice-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const DDL = 'id bigint, nome string, lista array<int>';

async function inputOf(
  rows: readonly Row[],
  options: WriteOptions & { readonly ddl?: string } = {},
): Promise<SpliceInput> {
  const table = await rowsToArrow(parseDdl(options.ddl ?? DDL), rows);
  const source = memorySource('input', await writeParquet(table, options));
  return { source, footer: await readFooter(source) };
}

function rowsFrom(start: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, i) => ({
    id: BigInt(start + i),
    nome: i % 7 === 0 ? null : `nome ${start + i}`,
    lista: i % 3 === 0 ? [] : [i, null],
  }));
}

test('the rows of all files in order, with row groups, bounds and bytes as they were', async () => {
  const inputs = [
    await inputOf(rowsFrom(0, 1_000), { rowGroupRowsMax: 400 }),
    await inputOf([]),
    await inputOf(rowsFrom(5_000, 10), { codec: 'zstd' }),
  ];
  const file = join(folder, 'spliced.parquet');
  await spliceFiles(inputs, file);
  const source = memorySource('spliced', await readFile(file));
  const footer = await readFooter(source);
  expect(footer.rowGroups.map(({ rowCount }) => rowCount)).toEqual([400, 400, 200, 10]);
  const chunksOf = ({ rowGroups }: ParquetFooter): readonly unknown[] =>
    rowGroups.flatMap(({ columns }) =>
      columns.map(({ start, dataStart, ...rest }) => ({ ...rest, ahead: dataStart - start })),
    );
  expect(chunksOf(footer)).toEqual(inputs.flatMap((input) => chunksOf(input.footer)));
  const rows = await Array.fromAsync(readRows(source, footer));
  expect(rows.map((row) => row['id'])).toEqual(
    [...rowsFrom(0, 1_000), ...rowsFrom(5_000, 10)].map((row) => row['id']),
  );
  expect(rows[8]).toEqual({ id: 8n, nome: 'nome 8', lista: [8, null] });
});

test('files whose schemas differ, or whose writers readers treat apart, are not spliced', async () => {
  const { footer } = await inputOf(rowsFrom(0, 3));
  const other = await inputOf([{ id: 1n }], { ddl: 'id bigint' });
  const from = (createdBy: string | null, more: Partial<ParquetFooter> = {}): ParquetFooter => ({
    ...footer,
    createdBy,
    ...more,
  });
  expect(canSplice([footer, footer])).toBe(true);
  expect(canSplice([footer, from('DuckDB version v1.5.5')])).toBe(true);
  expect(canSplice([from('parquet-mr version 1.8.0'), from('parquet-mr version 1.8.0')])).toBe(
    true,
  );
  expect(canSplice([])).toBe(false);
  expect(canSplice([footer, other.footer])).toBe(false);
  expect(canSplice([footer, from('parquet-mr version 1.8.0')])).toBe(false);
  expect(canSplice([from(null), from(null)])).toBe(false);
  expect(canSplice([footer, from(footer.createdBy, { typeDefinedOrder: false })])).toBe(false);
});

test('key-value metadata stays where it is that of all files, but for what one file says of itself', async () => {
  const { source, footer } = await inputOf(rowsFrom(0, 3));
  const withKeys = (...entries: readonly [string, string][]): SpliceInput => ({
    source,
    footer: { ...footer, keyValues: new Map(entries) },
  });
  const file = join(folder, 'keys.parquet');
  await spliceFiles(
    [
      withKeys(['a', '1'], ['b', '1'], ['ARROW:schema', 'x']),
      withKeys(['a', '1'], ['b', '2'], ['ARROW:schema', 'x']),
    ],
    file,
  );
  const spliced = await readFooter(memorySource('spliced', await readFile(file)));
  expect([...spliced.keyValues]).toEqual([['a', '1']]);
});

test('a file that is shorter than its footer says, and a place that cannot be written, are told', async () => {
  const { footer } = await inputOf(rowsFrom(0, 100));
  const short = { source: memorySource('short', new Uint8Array(20)), footer };
  await expect(spliceFiles([short], join(folder, 'short.parquet'))).rejects.toMatchObject({
    code: 'PARQUET_TRUNCATED',
  });
  const input = await inputOf(rowsFrom(0, 1));
  await expect(spliceFiles([input], join(folder, 'no/such/folder'))).rejects.toMatchObject({
    code: 'PARQUET_UNWRITABLE',
  });
});
