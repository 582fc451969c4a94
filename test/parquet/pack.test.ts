import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  type Codec,
  FilePacker,
  memorySource,
  type ParquetFooter,
  readFooter,
  readRows,
  rowsToArrow,
  type SpliceInput,
  writeParquet,
  type WriteOptions,
} from '../../src/parquet/index.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';
import { duckdb, duckdbFile } from './duckdb.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pack-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function inputOf(bytes: Uint8Array): Promise<SpliceInput> {
  const source = memorySource('input', bytes);
  return { source, footer: await readFooter(source) };
}

async function written(
  ddl: string,
  rows: readonly Row[],
  options: WriteOptions = {},
): Promise<SpliceInput> {
  return inputOf(await writeParquet(await rowsToArrow(parseDdl(ddl), rows), options));
}

interface Packed {
  readonly file: string;
  readonly footer: ParquetFooter;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly nanColumns: ReadonlySet<string>;
  readonly gatheredShare: number;
}

let fileCount = 0;

/** Null where one of the inputs is not taken. */
async function pack(
  inputs: readonly SpliceInput[],
  codec: Codec = 'snappy',
): Promise<Packed | null> {
  fileCount += 1;
  const file = join(folder, `${fileCount}.parquet`);
  const out = await FilePacker.open(file, { columns: inputs[0]?.footer.columns ?? [], codec });
  try {
    for (const input of inputs) if (!(await out.add(input))) return null;
    const { nanColumns } = await out.finish();
    const source = memorySource('packed', await readFile(file));
    const footer = await readFooter(source);
    const rows = await Array.fromAsync(readRows(source, footer));
    return { file, footer, rows, nanColumns, gatheredShare: out.gatheredShare };
  } finally {
    await out.close();
  }
}

async function rowsOf(inputs: readonly SpliceInput[]): Promise<readonly unknown[]> {
  const rows = inputs.map(({ source, footer }) => Array.fromAsync(readRows(source, footer)));
  return (await Promise.all(rows)).flat();
}

/** What the row groups of a file say of a column. */
function chunksOf({ rowGroups }: ParquetFooter, column: string) {
  return rowGroups.flatMap(({ columns }) => columns.filter(({ path }) => path[0] === column));
}

const DDL = `id bigint, nome string, cidade string, idade int, ativo boolean, quando timestamp,
  saldo decimal(12,2), longo decimal(30,2), nota double, dados struct<a:int,b:string>, lista array<int>`;

function rowOf(id: number): Row {
  const isKnown = id % 7 !== 0;
  return {
    id: BigInt(id),
    nome: isKnown ? `pessoa ${id} da Conceição` : null,
    cidade: `cidade ${id % 5}`,
    idade: isKnown ? id % 90 : null,
    ativo: id % 3 === 0,
    quando: `2024-06-01T12:${String(id % 60).padStart(2, '0')}:00.${String(id % 1000000).padStart(6, '0')}Z`,
    saldo: `${id - 500}.25`,
    longo: `${id}000000000000000000.50`,
    nota: id / 3,
    dados: isKnown ? { a: id, b: id % 2 === 0 ? null : `b ${id}` } : null,
    lista: id % 4 === 0 ? [] : [id, null],
  };
}

function rowsFrom(start: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, i) => rowOf(start + i));
}

describe('rows of small files put together', () => {
  test('are those of the files in order, whoever reads them', async () => {
    const inputs = [
      await written(DDL, rowsFrom(0, 1_500)),
      await written(DDL, []),
      await written(DDL, rowsFrom(5_000, 3)),
      await written(DDL, rowsFrom(9_000, 2_000), { rowGroupRowsMax: 700 }),
      await written(DDL, rowsFrom(20_000, 600), { codec: 'zstd' }),
      await written(DDL, rowsFrom(30_000, 600), { codec: 'uncompressed' }),
    ];
    for (const codec of ['snappy', 'zstd', 'uncompressed'] as const) {
      const packed = await pack(inputs, codec);
      expect(packed?.rows).toEqual(await rowsOf(inputs));
      expect(packed?.footer.rowGroups).toHaveLength(1);
      const [{ n, ids } = {}] = await duckdb(
        `SELECT count(*) AS n, sum(id)::BIGINT AS ids FROM '${packed?.file ?? ''}' WHERE nome IS NOT NULL`,
      );
      const known = (packed?.rows ?? []).filter(({ nome }) => nome !== null);
      expect(n).toBe(BigInt(known.length));
      const sum = known.reduce((all, { id }) => all + (typeof id === 'bigint' ? id : 0n), 0n);
      expect(ids).toBe(sum);
    }
  });

  test('stay as they are compressed where nearly all values differ, and have the bounds of all', async () => {
    const select = (start: number): string =>
      `SELECT i AS id, 'pessoa ' || i AS nome, CASE WHEN i % 50 = 0 THEN NULL ELSE 'e' || i END AS email,
        'cidade ' || i % 5 AS cidade, (i * 7919 % 1000)::DECIMAL(12,2) AS saldo FROM range(${start}, ${start + 1000}) t(i)`;
    const inputs = await Promise.all(
      [0, 1_000, 2_000].map(async (start) => inputOf(await duckdbFile(select(start)))),
    );
    const packed = await pack(inputs);
    expect(packed?.rows).toEqual(await rowsOf(inputs));
    expect(packed?.gatheredShare).toBeLessThan(0.2);
    const [id] = chunksOf(present(packed).footer, 'id');
    expect(id?.encodings).toEqual(['PLAIN', 'RLE']);
    expect(id?.statistics?.nullCount).toBe(0n);
    expect(Buffer.from(id?.statistics?.max ?? []).readBigInt64LE()).toBe(2_999n);
    const [email] = chunksOf(present(packed).footer, 'email');
    expect(email?.statistics?.nullCount).toBe(60n);
    const [cidade] = chunksOf(present(packed).footer, 'cidade');
    expect(cidade?.encodings).toContain('RLE_DICTIONARY');
    expect(cidade?.sizeBytes).toBeLessThan(2_500);
  });

  test('of values that repeat a little come with the dictionaries of all files', async () => {
    const inputs = await Promise.all(
      [0, 1_000].map(async (start) => {
        const select = `SELECT 'pessoa ' || (i - i % 10 // 9) AS nome FROM range(${start}, ${start + 1000}) t(i)`;
        return inputOf(await duckdbFile(select));
      }),
    );
    const packed = await pack(inputs);
    expect(packed?.rows).toEqual(await rowsOf(inputs));
    expect(packed?.footer.rowGroups[0]?.rowCount).toBe(2_000);
  });

  test('whose bounds nobody gave, or that hold a NaN, have none', async () => {
    const ddl = 'nota double, nome string';
    const rows = (nota: number): readonly Row[] =>
      Array.from({ length: 600 }, (_, i) => ({ nota: i === 300 ? nota : i, nome: `n ${i}` }));
    const inputs = [await written(ddl, rows(1)), await written(ddl, rows(Number.NaN))];
    const clear = await pack(inputs.slice(0, 1));
    expect(clear?.nanColumns).toEqual(new Set());
    expect(chunksOf(present(clear).footer, 'nota')[0]?.statistics?.max).not.toBeNull();
    const packed = await pack(inputs);
    expect(packed?.nanColumns).toEqual(new Set(['nota']));
    expect(chunksOf(present(packed).footer, 'nota')[0]?.statistics).toMatchObject({
      min: null,
      max: null,
    });
  });
});

test('large row groups are copied, and between them small ones become one', async () => {
  const range = (start: number, count: number): string =>
    `SELECT i AS id FROM range(${start}, ${start + count}) t(i)`;
  const inputs = [
    await inputOf(await duckdbFile(range(0, 600))),
    await inputOf(await duckdbFile(range(600, 600))),
    await inputOf(await duckdbFile(range(1_200, 100_000))),
    await inputOf(await duckdbFile(range(101_200, 5))),
  ];
  const packed = await pack(inputs);
  expect(packed?.footer.rowGroups.map(({ rowCount }) => rowCount)).toEqual([1_200, 100_000, 5]);
  expect(packed?.rows).toEqual(await rowsOf(inputs));
});

test('numbers without a sign, whose order is another, and other columns are not taken', async () => {
  const unsigned = await inputOf(await duckdbFile('SELECT 4000000000::UINTEGER AS id'));
  expect(await pack([unsigned])).toBeNull();
  const one = await written('id bigint', [{ id: 1n }]);
  expect(await pack([one, await written('id int', [{ id: 1 }])])).toBeNull();
});

test('a stream of Snappy that is cut off is refused, so that no rows of others are shifted', async () => {
  const bytes = await duckdbFile(`SELECT 'pessoa ' || i AS nome FROM range(1000) t(i)`);
  const { footer } = await inputOf(bytes);
  const [chunk] = footer.rowGroups[0]?.columns ?? [];
  const broken = bytes.slice();
  // The last element, and so the length of what the page gives.
  const last = present(chunk).start + present(chunk).sizeBytes - 12;
  broken.fill(0, last, last + 8);
  const input = { source: memorySource('broken', broken), footer };
  await expect(pack([input])).rejects.toMatchObject({ code: 'PARQUET_CORRUPT_DATA' });
});

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('nothing is there');
  return value;
}
