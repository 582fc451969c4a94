import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tableFromArrays } from 'apache-arrow';
import {
  array,
  assert,
  asyncProperty,
  bigInt,
  dictionary,
  integer,
  option,
  record,
  string,
} from 'fast-check';
import { expect, test } from 'vitest';

import {
  arrowSchemaOf,
  arrowToSchema,
  footerStatistics,
  judgeVerbatim,
  memorySource,
  nanColumns,
  readFooter,
  readRows,
  rowsToArrow,
  type WriteOptions,
  writeParquet,
} from '../../src/parquet/index.ts';
import { parseDdl, type Row, type StructType } from '../../src/schema/index.ts';
import { duckdb, inFolder } from './duckdb.ts';

const ALL_TYPES = parseDdl(
  'flag BOOLEAN, byte TINYINT, short SMALLINT, int INT, long BIGINT, float FLOAT, double DOUBLE, ' +
    'text STRING, blob BINARY, day DATE, at TIMESTAMP, wall TIMESTAMP_NTZ, d9 DECIMAL(9,2), ' +
    'd18 DECIMAL(18,3), d38 DECIMAL(38,10), place STRUCT<x: INT NOT NULL, name: STRING>, ' +
    'tags ARRAY<STRING>, marks MAP<STRING, STRUCT<n: BIGINT>>, grid ARRAY<ARRAY<INT>>',
);

const FULL: Row = {
  flag: true,
  byte: -128,
  short: 32_767,
  int: -2_147_483_648,
  long: 2n ** 63n - 1n,
  float: 1.5,
  double: -0.1,
  text: 'ação 😀 "x"',
  blob: Uint8Array.of(0, 255),
  day: '1582-10-04',
  at: '1500-01-01T00:00:00.000001Z',
  wall: '2024-02-29T23:59:59.999999',
  d9: '-1234567.89',
  d18: '123456789012345.678',
  d38: '-1234567890123456789012345678.0123456789',
  place: { x: 1, name: null },
  tags: ['a', null, ''],
  marks: new Map([
    ['k', { n: 1n }],
    ['', null],
  ]),
  grid: [[1, null], [], null],
};

async function written(
  schema: StructType,
  rows: readonly Row[],
  options: WriteOptions = {},
): Promise<Uint8Array> {
  return writeParquet(await rowsToArrow(schema, rows), options);
}

async function readAll(bytes: Uint8Array): Promise<readonly Record<string, unknown>[]> {
  const source = memorySource('own', bytes);
  return Array.fromAsync(readRows(source, await readFooter(source)));
}

test('a value of every type comes back as its scalar, and so does null', async () => {
  const [full, empty] = await readAll(await written(ALL_TYPES, [FULL, {}]));
  expect(full).toEqual({
    ...FULL,
    day: -141_438,
    at: -14_831_769_599_999_999n,
    wall: 1_709_251_199_999_999n,
    d9: -123456789n,
    d18: 123456789012345678n,
    d38: -12345678901234567890123456780123456789n,
    marks: { k: { n: 1n }, '': null },
  });
  for (const value of Object.values(empty ?? {})) expect(value).toBeNull();
  expect(Object.keys(empty ?? {})).toEqual(ALL_TYPES.fields.map(({ name }) => name));
});

test('DuckDB reads what was written, as the types that Delta asks for', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'own.parquet');
    await writeFile(file, await written(ALL_TYPES, [FULL, {}]));
    const [row] = await duckdb(
      `SELECT long::VARCHAR AS long, text, day::VARCHAR AS day, epoch_us("at") AS "at", wall::VARCHAR AS wall,
       d9::VARCHAR AS d9, d18::VARCHAR AS d18, d38::VARCHAR AS d38, place.x AS x, tags::VARCHAR AS tags,
       marks['k'].n AS n, grid::VARCHAR AS grid FROM '${file}' WHERE int IS NOT NULL`,
    );
    expect(row).toMatchObject({
      long: '9223372036854775807',
      text: 'ação 😀 "x"',
      day: '1582-10-04',
      at: -14_831_769_599_999_999n,
      wall: '2024-02-29 23:59:59.999999',
      d9: '-1234567.89',
      d38: '-1234567890123456789012345678.0123456789',
      x: 1,
      grid: '[[1, NULL], [], NULL]',
    });
    const types = await duckdb(
      `SELECT name, type, converted_type, logical_type FROM parquet_schema('${file}')
       WHERE name IN ('at', 'wall', 'd9', 'd18', 'd38', 'byte', 'key_value', 'element') ORDER BY ALL`,
    );
    const byName = types.map(({ name, type, converted_type: converted }) => [
      name,
      type,
      converted,
    ]);
    expect(byName).toContainEqual(['at', 'INT64', 'TIMESTAMP_MICROS']);
    expect(byName).toContainEqual(['wall', 'INT64', null]);
    expect(byName).toContainEqual(['d9', 'INT32', 'DECIMAL']);
    expect(byName).toContainEqual(['d18', 'INT64', 'DECIMAL']);
    expect(byName).toContainEqual(['d38', 'FIXED_LEN_BYTE_ARRAY', 'DECIMAL']);
    expect(byName).toContainEqual(['byte', 'INT32', 'INT_8']);
    expect(byName).toContainEqual(['key_value', null, null]);
  });
});

test('row groups are cut at the limit, over the borders of tables, in order', async () => {
  const schema = parseDdl('id INT, tags ARRAY<STRING>');
  const tables = [];
  for (let start = 0; start < 1000; start += 100) {
    const rows = Array.from({ length: 100 }, (_, index) => ({
      id: start + index,
      tags: [String(start + index)],
    }));
    tables.push(await rowsToArrow(schema, rows));
  }
  const bytes = await writeParquet(tables, { rowGroupRowsMax: 256, codec: 'zstd' });
  const footer = await readFooter(memorySource('own', bytes));
  expect(footer.rowGroups.map(({ rowCount }) => rowCount)).toEqual([256, 256, 256, 232]);
  expect(footer.rowGroups[0]?.columns[0]?.codec).toBe('zstd');
  const rows = await readAll(bytes);
  expect(rows).toEqual(
    Array.from({ length: 1000 }, (_, index) => ({ id: index, tags: [String(index)] })),
  );
  const { columns } = footerStatistics(footer, schema);
  expect(columns.get('id')).toEqual({ min: 0, max: 999, nullCount: 0, fields: null });
});

test('every codec is written and read', async () => {
  for (const codec of ['snappy', 'zstd', 'gzip', 'uncompressed'] as const) {
    const bytes = await written(parseDdl('id BIGINT'), [{ id: 7 }], { codec });
    const footer = await readFooter(memorySource('own', bytes));
    expect(footer.rowGroups[0]?.columns[0]?.codec).toBe(codec);
    expect(await readAll(bytes)).toEqual([{ id: 7n }]);
  }
});

test('a table without rows makes a file with its columns and no row group', async () => {
  const footer = await readFooter(memorySource('own', await written(ALL_TYPES, [])));
  expect(footer.rowGroups).toEqual([]);
  expect(footer.columns.map(({ name }) => name)).toEqual(ALL_TYPES.fields.map(({ name }) => name));
  expect(judgeVerbatim(footer, ALL_TYPES)).toEqual({ kind: 'verbatim' });
});

test('tables of different columns are refused for one file', async () => {
  const one = await rowsToArrow(parseDdl('a INT'), [{ a: 1 }]);
  const other = await rowsToArrow(parseDdl('a STRING'), [{ a: 'x' }]);
  await expect(writeParquet([one, other], { rowGroupRowsMax: 1 })).rejects.toMatchObject({
    code: 'PARQUET_MIXED_TABLES',
  });
});

test('a value that does not fit names its row and its column', async () => {
  const schema = parseDdl(
    'id BIGINT NOT NULL, n INT, s STRUCT<x: INT NOT NULL, y: ARRAY<INT>>, m MAP<STRING, INT>',
  );
  const cases: readonly (readonly [Row, string])[] = [
    [{ id: null }, 'id'],
    [{}, 'id'],
    [{ id: '1' }, 'id'],
    [{ id: 1, n: 2 ** 31 }, 'n'],
    [{ id: 1, s: { x: null } }, 's.x'],
    [{ id: 1, s: { x: 1, y: [1.5] } }, 's.y.element'],
    [{ id: 1, s: [1] }, 's'],
    [{ id: 1, s: { x: 1, z: 2 } }, 's.z'],
    [{ id: 1, m: [['a']] }, 'm'],
    [{ id: 1, m: [[null, 1]] }, 'm.key'],
    [{ id: 1, m: { a: 1 } }, 'm'],
    [{ id: 1, unknown: 1 }, 'unknown'],
  ];
  for (const [row, column] of cases) {
    await expect(rowsToArrow(schema, [{ id: 0 }, row])).rejects.toMatchObject({
      kind: 'invalid',
      code: 'INPUT_BAD_VALUE',
      details: { rowIndex: 1, column },
    });
  }
});

test('a column named like a member of every object is null where the row lacks it', async () => {
  const schema = parseDdl('constructor STRING, toString STRING');
  expect(await readAll(await written(schema, [{}]))).toEqual([
    { constructor: null, toString: null },
  ]);
});

test('partition columns are accepted in rows and left out of the file', async () => {
  const schema = parseDdl('id INT, day DATE');
  const table = await rowsToArrow(schema, [{ id: 1, day: '2024-01-01' }], {
    partitionColumns: ['day'],
  });
  expect(await readAll(await writeParquet(table))).toEqual([{ id: 1 }]);
});

test('bounds of floats hold where no NaN was written, and it is seen where one was', async () => {
  const schema = parseDdl('x DOUBLE, s STRUCT<y: FLOAT>');
  const clean = await rowsToArrow(schema, [{ x: 0 }, { x: 2.5, s: { y: -1 } }]);
  expect(await nanColumns(clean)).toEqual(new Set());
  const footer = await readFooter(memorySource('own', await writeParquet(clean)));
  const trusted = footerStatistics(footer, schema, { nanColumns: await nanColumns(clean) });
  expect(trusted.columns.get('x')).toMatchObject({ min: -0, max: 2.5 });
  expect(footerStatistics(footer, schema).columns.get('x')).toMatchObject({ min: null });
  expect(await nanColumns(await rowsToArrow(schema, [{ s: { y: Number.NaN } }]))).toEqual(
    new Set(['s']),
  );
});

test('schemas go to Arrow and back, and Arrow data has a Delta schema', async () => {
  expect(await arrowToSchema(await arrowSchemaOf(ALL_TYPES))).toEqual(ALL_TYPES);
  const table = tableFromArrays({ n: Int16Array.of(1), u: Uint32Array.of(1), t: ['a'] });
  const { fields } = await arrowToSchema(table.schema);
  expect(fields.map(({ type }) => type)).toMatchObject([
    { name: 'short' },
    { name: 'long' },
    { name: 'string' },
  ]);
  expect(await readAll(await writeParquet(table))).toEqual([{ n: 1, u: 1, t: 'a' }]);
  const times = tableFromArrays({ big: BigUint64Array.of(1n) });
  await expect(arrowToSchema(times.schema)).rejects.toMatchObject({
    code: 'PARQUET_UNSUPPORTED_TYPE',
  });
});

test('what is written is read again, whatever the values', async () => {
  const schema = parseDdl(
    'a INT, b STRING, c BIGINT, d ARRAY<STRUCT<e: STRING>>, f MAP<STRING, INT>',
  );
  const text = option(string({ unit: 'binary' }));
  const row = record({
    a: option(integer()),
    b: text,
    c: option(bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    d: option(array(option(record({ e: text })), { maxLength: 4 })),
    f: option(dictionary(string(), option(integer()), { maxKeys: 3 })),
  });
  await assert(
    asyncProperty(
      array(row, { maxLength: 20 }),
      integer({ min: 1, max: 7 }),
      async (rows, most) => {
        const input = rows.map((it) => ({ ...it, f: it.f === null ? null : Object.entries(it.f) }));
        const bytes = await written(schema, input, { rowGroupRowsMax: most });
        expect(await readAll(bytes)).toEqual(rows.map((it) => ({ ...it, f: it.f && { ...it.f } })));
      },
    ),
    { numRuns: 40 },
  );
});
