import { expect, test } from 'vitest';

import { footerStatistics, type ParquetFooter } from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { duckdbFooter } from './duckdb.ts';
import { fixtureFooter } from './fixture.ts';

const TYPES_DDL =
  'flag BOOLEAN, byte TINYINT, short SMALLINT, int INT, long BIGINT, float FLOAT, double DOUBLE, ' +
  'text STRING, blob BINARY, day DATE, at TIMESTAMP, wall TIMESTAMP_NTZ, d9 DECIMAL(9,2), ' +
  'd38 DECIMAL(38,2), place STRUCT<x: INT, name: STRING>, tags ARRAY<STRING>, marks MAP<STRING, BIGINT>';

const BOUNDS = {
  byte: [-2, 1],
  short: [-2, 1],
  int: [-2, 1],
  long: [-(2n ** 60n), 2n ** 60n],
  text: ['ação', 'zebra'],
  day: [-1, 19_723],
  at: [-1n, 1_709_294_400_123_456n],
  wall: [-1n, 1_709_294_400_123_456n],
  d9: [-150n, 225n],
  d38: [-1234567890123456789012n, 9876543210987654321034n],
};

for (const name of ['types.parquet', 'types-v2-gzip.parquet']) {
  test(`bounds and null counts of every type come from the footer of ${name}`, async () => {
    const { rowCount, columns } = footerStatistics(await fixtureFooter(name), parseDdl(TYPES_DDL));
    expect(rowCount).toBe(3);
    for (const [column, [min, max]] of Object.entries(BOUNDS)) {
      expect([column, columns.get(column)]).toEqual([
        column,
        { min, max, nullCount: 1, fields: null },
      ]);
    }
    for (const column of ['flag', 'blob', 'float', 'double']) {
      expect(columns.get(column)).toEqual({ min: null, max: null, nullCount: 1, fields: null });
    }
    for (const column of ['tags', 'marks']) {
      expect(columns.get(column)).toEqual({ min: null, max: null, nullCount: null, fields: null });
    }
    const place = columns.get('place')?.fields;
    expect(place?.get('x')).toEqual({ min: 1, max: 5, nullCount: 1, fields: null });
    expect(place?.get('name')).toEqual({ min: 'a', max: 'a', nullCount: 2, fields: null });
  });
}

test('float bounds need the promise of the caller, or a writer that hides no NaN', async () => {
  const schema = parseDdl('float FLOAT, double DOUBLE');
  const footer = await fixtureFooter('types.parquet');
  const promised = footerStatistics(footer, schema, { nanColumns: new Set() });
  expect(promised.columns.get('float')).toMatchObject({ min: -0, max: 1.5 });
  expect(promised.columns.get('double')).toMatchObject({ min: -1.5, max: 0 });
  const written = await duckdbFooter(
    `SELECT x::DOUBLE AS a, CASE WHEN x = 1 THEN 'nan'::DOUBLE ELSE x END AS b, 0.0::FLOAT AS c
     FROM range(3) t(x)`,
  );
  const { columns } = footerStatistics(written, parseDdl('a DOUBLE, b DOUBLE, c FLOAT'));
  expect(columns.get('a')).toEqual({ min: -0, max: 2, nullCount: 0, fields: null });
  expect(columns.get('b')).toMatchObject({ min: null, max: null });
  expect(columns.get('c')).toEqual({ min: -0, max: 0, nullCount: 0, fields: null });
});

test('a maximum in nanoseconds rounds up, a minimum down; milliseconds widen', async () => {
  const nanos = footerStatistics(await fixtureFooter('nanos.parquet'), parseDdl('at TIMESTAMP'));
  expect(nanos.columns.get('at')).toMatchObject({
    min: 1_709_294_400_123_456n,
    max: 1_709_294_400_123_457n,
  });
  const millis = footerStatistics(await fixtureFooter('millis.parquet'), parseDdl('at TIMESTAMP'));
  expect(millis.columns.get('at')).toMatchObject({ min: -5000n, max: 1_709_294_400_123_000n });
});

test('INT96 has no bounds, and a zoneless timestamp bounds no UTC column', async () => {
  const int96 = footerStatistics(await fixtureFooter('int96.parquet'), parseDdl('at TIMESTAMP'));
  expect(int96.columns.get('at')).toMatchObject({ min: null, max: null });
  const types = await fixtureFooter('types.parquet');
  const { columns } = footerStatistics(types, parseDdl('wall TIMESTAMP, at TIMESTAMP_NTZ'));
  expect(columns.get('wall')).toMatchObject({ min: null, max: null, nullCount: 1 });
  expect(columns.get('at')).toMatchObject({ min: null, max: null, nullCount: 1 });
});

test('narrower columns of the file widen to the type of the table', async () => {
  const footer = await duckdbFooter(
    `SELECT 4000000000::UINTEGER AS u, (-3)::SMALLINT AS s, 1.5::DECIMAL(4,1) AS d`,
  );
  const schema = parseDdl('u BIGINT, s BIGINT, d DECIMAL(10,3)');
  const { columns } = footerStatistics(footer, schema);
  expect(columns.get('u')).toMatchObject({ min: 4_000_000_000n, max: 4_000_000_000n });
  expect(columns.get('s')).toMatchObject({ min: -3n, max: -3n });
  expect(columns.get('d')).toMatchObject({ min: 1500n, max: 1500n });
  const narrower = footerStatistics(footer, parseDdl('u INT, d DECIMAL(4,0)'));
  expect(narrower.columns.get('u')).toMatchObject({ min: null, max: null });
  expect(narrower.columns.get('d')).toMatchObject({ min: null, max: null });
});

test('a column that the file lacks is all null, and a partition column is left out', async () => {
  const footer = await fixtureFooter('millis.parquet');
  const schema = parseDdl('at TIMESTAMP, late STRING, part STRING, s STRUCT<a: INT>');
  const { columns } = footerStatistics(footer, schema, { partitionColumns: ['part'] });
  expect(columns.get('late')).toEqual({ min: null, max: null, nullCount: 3, fields: null });
  expect(columns.get('s')?.fields?.get('a')?.nullCount).toBe(3);
  expect([...columns.keys()]).toEqual(['at', 'late', 's']);
});

test('bounds are those of all row groups; one that is unknown in any is unknown', async () => {
  const footer = await duckdbFooter(
    'SELECT x AS a, CASE WHEN x < 4096 THEN NULL ELSE x END AS b FROM range(10000) t(x)',
    'ROW_GROUP_SIZE 2048',
  );
  expect(footer.rowGroups.length).toBeGreaterThan(3);
  const schema = parseDdl('a BIGINT, b BIGINT');
  const { columns } = footerStatistics(footer, schema);
  expect(columns.get('a')).toEqual({ min: 0n, max: 9999n, nullCount: 0, fields: null });
  expect(columns.get('b')).toEqual({ min: 4096n, max: 9999n, nullCount: 4096, fields: null });
  const blinded = withoutStatistics(footer, 2);
  const unknown = { min: null, max: null, nullCount: null, fields: null };
  expect(footerStatistics(blinded, schema).columns.get('a')).toEqual(unknown);
});

test('bounds without a defined order, or that contradict each other, are left out', async () => {
  const footer = await fixtureFooter('types.parquet');
  const schema = parseDdl('long BIGINT, text STRING');
  const unordered = footerStatistics({ ...footer, typeDefinedOrder: false }, schema);
  expect(unordered.columns.get('long')).toMatchObject({ min: null, max: null, nullCount: 1 });
  const swapped = footerStatistics(withSwappedBounds(footer), schema);
  expect(swapped.columns.get('long')).toMatchObject({ min: null, max: null });
  expect(swapped.columns.get('text')).toMatchObject({ min: null, max: null });
});

function withoutStatistics(footer: ParquetFooter, number: number): ParquetFooter {
  const rowGroups = footer.rowGroups.map((rowGroup, index) => {
    const columns = rowGroup.columns.map((chunk) => ({ ...chunk, statistics: null }));
    return index === number ? { ...rowGroup, columns } : rowGroup;
  });
  return { ...footer, rowGroups };
}

function withSwappedBounds(footer: ParquetFooter): ParquetFooter {
  const rowGroups = footer.rowGroups.map((rowGroup) => ({
    ...rowGroup,
    columns: rowGroup.columns.map((chunk) => {
      const { min = null, max = null, nullCount = null } = chunk.statistics ?? {};
      return { ...chunk, statistics: { min: max, max: min, nullCount } };
    }),
  }));
  return { ...footer, rowGroups };
}
