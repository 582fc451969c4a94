import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { present } from '../../src/base/index.ts';
import {
  canPatch,
  isAlike,
  memorySource,
  type ParquetFooter,
  type ParquetNode,
  patchFile,
  readFooter,
  readRows,
  rowsToArrow,
  writeParquet,
} from '../../src/parquet/index.ts';
import { parseDdl, type Row, type StructType } from '../../src/schema/index.ts';
import { duckdb, duckdbFile, duckdbFooter } from './duckdb.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patch-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const DDL =
  'id bigint, nome string, valor decimal(25,2), x double, lista array<string>, ' +
  'ponto struct<a:int,b:array<bigint>>, mapa map<string,int>';
const SCHEMA = parseDdl(DDL);

interface Part {
  readonly bytes: Uint8Array;
  readonly source: ReturnType<typeof memorySource>;
  readonly footer: ParquetFooter;
}

async function partOf(bytes: Uint8Array): Promise<Part> {
  const source = memorySource('part', bytes);
  return { bytes, source, footer: await readFooter(source) };
}

async function encoded(
  rows: readonly Row[],
  schema: StructType = SCHEMA,
  rowGroupRowsMax = 1000,
): Promise<Part> {
  return partOf(await writeParquet(await rowsToArrow(schema, rows), { rowGroupRowsMax }));
}

const nested = {
  lista: fc.array(fc.constantFrom('a', 'bb', null), { maxLength: 3 }),
  ponto: fc.record({
    a: fc.option(fc.integer()),
    b: fc.option(fc.array(fc.constantFrom(0n, 9n, null), { maxLength: 2 })),
  }),
  mapa: fc.uniqueArray(fc.constantFrom('k', 'l'), { maxLength: 2 }),
};

const row: fc.Arbitrary<Row> = fc
  .record({
    id: fc.bigInt({ min: -3n, max: 5n }),
    nome: fc.constantFrom(null, 'Inês', '', 'São Paulo 🌎', 'x'.repeat(90)),
    valor: fc.constantFrom(null, '0.00', '-1.25', '99999999999999999999999.99'),
    x: fc.constantFrom(null, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY),
    lista: fc.option(nested.lista),
    ponto: fc.option(nested.ponto),
    mapa: fc.option(nested.mapa),
  })
  .map(({ mapa, ...rest }): Row => ({
    ...rest,
    mapa: mapa === null ? null : mapa.map((key, index) => [key, index === 0 ? 7 : null]),
  }));

/** What becomes of a row group: it stays, other rows take its place, or some of its columns change. */
type Change =
  | { readonly kind: 'kept' }
  | { readonly kind: 'replaced'; readonly rows: readonly Row[] }
  | { readonly kind: 'columns'; readonly names: readonly string[]; readonly rows: readonly Row[] };

const NAMES = SCHEMA.fields.map(({ name }) => name);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.constant({ kind: 'kept' } as const),
  fc.record({ kind: fc.constant('replaced' as const), rows: fc.array(row, { maxLength: 12 }) }),
  fc.record({
    kind: fc.constant('columns' as const),
    names: fc.subarray(NAMES, { minLength: 1, maxLength: NAMES.length - 1 }),
    rows: fc.array(row, { minLength: 8, maxLength: 8 }),
  }),
);

const GROUP_ROWS = 8;

/** The rows of a file as `parquet-wasm` reads them, and as DuckDB does. */
async function readTwice(part: Part): Promise<readonly string[]> {
  const rows = await Array.fromAsync(readRows(part.source, part.footer));
  const file = join(folder, 'read.parquet');
  await writeFile(file, part.bytes);
  const found = await duckdb(`SELECT * FROM read_parquet('${file}')`);
  return [shown(rows), shown(found)];
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item === 'bigint') return `${String(item)}n`;
    return typeof item === 'number' &&
      (Number.isNaN(item) || !Number.isFinite(item) || Object.is(item, -0))
      ? `number ${Object.is(item, -0) ? '-0' : String(item)}`
      : item;
  });
}

test('rows, in order, are those of a file written as a whole, for every reader', async () => {
  const groups = fc.array(
    fc.tuple(fc.array(row, { minLength: GROUP_ROWS, maxLength: GROUP_ROWS }), change),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  await fc.assert(
    fc.asyncProperty(groups, async (cases) => {
      const base = await encoded(
        cases.flatMap(([rows]) => rows),
        SCHEMA,
        GROUP_ROWS,
      );
      const patches = new Map<number, Part>();
      const expected: Row[] = [];
      for (const [number, [rows, it]] of cases.entries()) {
        const fields = SCHEMA.fields.filter(
          ({ name }) => it.kind !== 'columns' || it.names.includes(name),
        );
        const schema: StructType = { ...SCHEMA, fields };
        const news = it.kind === 'kept' ? rows : it.rows;
        const own = it.kind === 'columns' ? news.map((from) => only(from, it.names)) : news;
        if (it.kind !== 'kept') patches.set(number, await encoded(own, schema));
        expected.push(
          ...(it.kind === 'columns' ? rows.map((old, i) => ({ ...old, ...own[i] })) : news),
        );
      }
      const file = join(folder, 'patched.parquet');
      await patchFile({ base, columns: NAMES, patches }, file);
      const patched = await partOf(await readFile(file));
      expect(await readTwice(patched)).toEqual(await readTwice(await encoded(expected)));
      for (const [number, [, it]] of cases.entries()) {
        if (it.kind === 'kept') expectCopied(base, patched, number);
      }
    }),
    { numRuns: 40 },
  );
});

function only(from: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.map((name) => [name, from[name] ?? null]));
}

/** Some row group of the new file has the bytes and the statistics of one of the old. */
function expectCopied(base: Part, patched: Part, number: number): void {
  const chunksOf = ({ bytes, footer }: Part, at: number): unknown =>
    footer.rowGroups[at]?.columns.map(({ start, dataStart, ...chunk }) => ({
      ...chunk,
      ahead: dataStart - start,
      pages: Buffer.from(bytes.subarray(start, start + chunk.sizeBytes)).toString('hex'),
    }));
  const all = [...patched.footer.rowGroups.keys()].map((at) => chunksOf(patched, at));
  expect(all).toContainEqual(chunksOf(base, number));
}

test('a column that has no chunk left is as the new chunks have it, and one that the file lacked is added', async () => {
  const base = await encoded([{ id: 1n }, { id: 2n }], parseDdl('id bigint, n int'), 1);
  const patchOf = (n: number): Promise<Part> =>
    duckdbFile(`SELECT ${String(n)}::BIGINT AS n, 'a' AS s`).then(partOf);
  const file = join(folder, 'other.parquet');
  const patches = new Map([
    [0, await patchOf(7)],
    [1, await patchOf(8)],
  ]);
  await patchFile({ base, columns: ['id', 'n', 's', 'unknown'], patches }, file);
  const patched = await partOf(await readFile(file));
  expect(await Array.fromAsync(readRows(patched.source, patched.footer))).toEqual([
    { id: 1n, n: 7n, s: 'a' },
    { id: 2n, n: 8n, s: 'a' },
  ]);
  expect(patched.footer.createdBy).toBe(base.footer.createdBy);
});

test('new chunks of another layout, or of another number of rows, are a bug', async () => {
  const base = await encoded([{ id: 1n }, { id: 2n }], parseDdl('id bigint, n int'), 1);
  const file = join(folder, 'bug.parquet');
  const patched = async (query: string): Promise<unknown> =>
    patchFile(
      {
        base,
        columns: ['id', 'n'],
        patches: new Map([[0, await partOf(await duckdbFile(query))]]),
      },
      file,
    );
  await expect(patched('SELECT 7::BIGINT AS n')).rejects.toThrow('the chunks of n are not alike');
  await expect(patched('SELECT unnest([7, 8])::INTEGER AS n')).rejects.toThrow('have not the rows');
});

test('of floats, bounds that may leave out a NaN are named', async () => {
  const schema = parseDdl('id bigint, x double, s struct<y:float>, z double');
  const rows = [
    { id: 1n, x: 1, s: { y: 1 }, z: 1 },
    { id: 2n, x: 2, s: { y: 2 }, z: 2 },
  ];
  const base = await encoded(rows, schema, 1);
  const z = await encoded([{ z: 5 }], parseDdl('z double'));
  const columns = schema.fields.map(({ name }) => name);
  const file = join(folder, 'floats.parquet');
  const patches = new Map([
    [0, z],
    [1, z],
  ]);
  const from = (createdBy: string): Part => ({ ...base, footer: { ...base.footer, createdBy } });
  const ours = await patchFile(
    { base: from('parquet-cpp-arrow version 21.0.0'), columns, patches },
    file,
  );
  expect(ours).toEqual({ nanColumns: new Set(['x', 's']) });
  const duck = await patchFile({ base: from('DuckDB version v1.5.5'), columns, patches }, file);
  expect(duck).toEqual({ nanColumns: new Set() });
});

describe('canPatch', () => {
  test.each([
    ['deltawright version 0.1.0', true],
    ['DuckDB version v1.5.5', true],
    ['parquet-mr version 1.13.1 (build db4183109d5b734ec5930d870cdae161e408ddba)', true],
    ['parquet-mr version 1.8.1', false],
    ['parquet-mr', false],
    ['parquet-cpp-arrow version 21.0.0', true],
    ['parquet-cpp-arrow version 2.0.0', false],
    ['impala version 2.9.0', false],
    [null, false],
  ])('of a file by %s: %s', async (createdBy, expected) => {
    const { footer } = await encoded([{ id: 1n }]);
    expect(canPatch({ ...footer, createdBy })).toBe(expected);
  });

  test('not without an order of bounds, nor with days of the old calendar', async () => {
    const { footer } = await encoded([{ id: 1n }]);
    expect(canPatch({ ...footer, typeDefinedOrder: false })).toBe(false);
    const keyValues = new Map([['org.apache.spark.legacyDateTime', '']]);
    expect(canPatch({ ...footer, keyValues })).toBe(false);
  });
});

test('columns are alike where the same bytes mean the same', async () => {
  const { footer } = await encoded([{ id: 1n, ponto: { a: 1, b: [2n] } }]);
  const query =
    "SELECT 1::BIGINT AS id, 'a' AS nome, 1::DECIMAL(25,2) AS valor, 1::DOUBLE AS x, ['a'] AS lista, " +
    "{'a': 1::INTEGER, 'b': [2::BIGINT]} AS ponto, MAP {'a': 1::INTEGER} AS mapa";
  const other = await duckdbFooter(query);
  const alike = footer.columns.map((column, index) => isAlike(column, at(other, index)));
  // The engine takes sixteen bytes for every wide decimal.
  expect(Object.fromEntries(NAMES.map((name, index) => [name, alike[index]]))).toEqual({
    id: true,
    nome: true,
    valor: false,
    x: true,
    lista: true,
    ponto: true,
    mapa: true,
  });
  const id = at(footer, 0);
  expect(isAlike(id, { ...id, repetition: 'REQUIRED' })).toBe(false);
  expect(isAlike(id, { ...id, name: 'ID' })).toBe(false);
  expect(isAlike(id, { ...id, fieldId: 7 })).toBe(true);
  const logicalType = { kind: 'integer', bitWidth: 64, signed: false } as const;
  expect(isAlike(id, { ...id, logicalType })).toBe(false);
  expect(isAlike(id, { ...id, logicalType: { ...logicalType, signed: true } })).toBe(true);
});

function at({ columns }: ParquetFooter, index: number): ParquetNode {
  return present(columns[index], 'a column of the file');
}
