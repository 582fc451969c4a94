import { expect, test } from 'vitest';

import {
  fileSchema,
  judgeVerbatim,
  memorySource,
  type ParquetFooter,
  type ParquetNode,
  readFooter,
  rowsToArrow,
  writeParquet,
} from '../../src/parquet/index.ts';
import { parseDdl, type Row, type StructType, typeName } from '../../src/schema/index.ts';
import { duckdbFooter } from './duckdb.ts';
import { fixtureFooter } from './fixture.ts';

const VERBATIM = { kind: 'verbatim' };

async function ownFooter(schema: StructType, rows: readonly Row[]): Promise<ParquetFooter> {
  return readFooter(memorySource('own', await writeParquet(await rowsToArrow(schema, rows))));
}

/** `verbatim`, the one reason to decode, or the code of the rejection. */
function verdictOf(footer: ParquetFooter, ddl: string, options = {}): string {
  const verdict = judgeVerbatim(footer, parseDdl(ddl), options);
  if (verdict.kind === 'verbatim') return 'verbatim';
  return verdict.kind === 'reject' ? verdict.code : verdict.reasons.join('; ');
}

const TYPES_DDL =
  'flag BOOLEAN, byte TINYINT, short SMALLINT, int INT, long BIGINT, float FLOAT, double DOUBLE, ' +
  'text STRING, blob BINARY, day DATE, at TIMESTAMP, wall TIMESTAMP_NTZ, d9 DECIMAL(9,2), ' +
  'd38 DECIMAL(38,2), place STRUCT<x: INT, name: STRING>, tags ARRAY<STRING>, marks MAP<STRING, BIGINT>';

test('files of every Delta type pass, with v2 pages, gzip and decimals as integers too', async () => {
  const schema = parseDdl(TYPES_DDL);
  expect(judgeVerbatim(await fixtureFooter('types.parquet'), schema)).toEqual(VERBATIM);
  expect(judgeVerbatim(await fixtureFooter('types-v2-gzip.parquet'), schema)).toEqual(VERBATIM);
  expect(judgeVerbatim(await ownFooter(schema, [{ int: 1 }]), schema)).toEqual(VERBATIM);
});

test('other order, extra columns, missing nullable ones and wider types of the table pass', async () => {
  const footer = await fixtureFooter('types.parquet');
  expect(verdictOf(footer, 'text STRING, late DATE, flag BOOLEAN')).toBe('verbatim');
  expect(verdictOf(footer, 'byte INT, short BIGINT, int BIGINT, float DOUBLE')).toBe('verbatim');
  expect(verdictOf(footer, 'd9 DECIMAL(20,4), place STRUCT<name: STRING>')).toBe('verbatim');
  const unsigned = await fixtureFooter('rare.parquet');
  expect(verdictOf(unsigned, 'late STRING')).toBe('verbatim');
  expect(verdictOf(await fixtureFooter('millis.parquet'), 'at TIMESTAMP')).toBe('verbatim');
  expect(verdictOf(await duckdbFooter('SELECT 1::UINTEGER AS u'), 'u BIGINT')).toBe('verbatim');
});

test('what some engine reads otherwise is decoded', async () => {
  const types = await fixtureFooter('types.parquet');
  const rare = await fixtureFooter('rare.parquet');
  const nanos = await fixtureFooter('nanos.parquet');
  const cases: readonly (readonly [ParquetFooter, string, RegExp])[] = [
    [types, 'Text STRING', /other case/],
    [types, 'wall TIMESTAMP', /no zone/],
    [types, 'at TIMESTAMP_NTZ', /in UTC/],
    [types, 'day TIMESTAMP', /dates/],
    [types, 'int DOUBLE', /integers/],
    [types, 'long DECIMAL(20,0)', /integers/],
    [types, 'place STRUCT<y: INT>', /none of its fields/],
    [nanos, 'at TIMESTAMP', /nanoseconds/],
    [rare, 'big BIGINT', /no sign/],
    [rare, 'small INT', /no sign/],
    [rare, 'none STRING', /null/],
    [rare, 'half FLOAT', /16 bits/],
    [rare, 'fixed BINARY', /fixed length/],
    [rare, 'wide BIGINT', /brotli/],
    [rare, 'split DOUBLE', /BYTE_STREAM_SPLIT/],
  ];
  for (const [footer, ddl, reason] of cases) expect(verdictOf(footer, ddl)).toMatch(reason);
});

test('values that the column cannot hold are refused', async () => {
  const types = await fixtureFooter('types.parquet');
  const rare = await fixtureFooter('rare.parquet');
  const mismatched: readonly (readonly [ParquetFooter, string])[] = [
    [types, 'long INT'],
    [types, 'double FLOAT'],
    [types, 'text BIGINT'],
    [types, 'int STRING'],
    [types, 'blob STRING'],
    [types, 'text TIMESTAMP'],
    [types, 'd38 DECIMAL(20,2)'],
    [types, 'd9 DECIMAL(9,1)'],
    [types, 'place STRING'],
    [types, 'text STRUCT<x: INT>'],
    [types, 'tags MAP<STRING, STRING>'],
    [types, 'tags ARRAY<INT>'],
    [types, 'marks ARRAY<STRING>'],
    [types, 'marks MAP<STRING, STRING>'],
    [types, 'place STRUCT<x: STRING>'],
    [rare, 'hour BIGINT'],
    [rare, 'big INT'],
  ];
  for (const [footer, ddl] of mismatched) {
    expect([ddl, verdictOf(footer, ddl)]).toEqual([ddl, 'INPUT_TYPE_MISMATCH']);
  }
  expect(verdictOf(types, 'late STRING NOT NULL')).toBe('INPUT_MISSING_COLUMN');
});

test('a NOT NULL column passes only where the footer proves that no value is missing', async () => {
  const ddl = 'id BIGINT NOT NULL';
  const none = await duckdbFooter('SELECT x AS id FROM range(3) t(x)');
  expect(verdictOf(none, ddl)).toBe('verbatim');
  const some = await duckdbFooter('SELECT nullif(x, 1) AS id FROM range(3) t(x)');
  expect(verdictOf(some, ddl)).toMatch(/NOT NULL/);
  expect(verdictOf(withoutStatistics(none), ddl)).toMatch(/NOT NULL/);
  const required = await ownFooter(parseDdl(ddl), [{ id: 1 }]);
  expect(verdictOf(withoutStatistics(required), ddl)).toBe('verbatim');
  const nested = await duckdbFooter("SELECT {'a': x, 'b': nullif(x, 1)} AS s FROM range(3) t(x)");
  expect(verdictOf(nested, 's STRUCT<a: BIGINT, b: BIGINT> NOT NULL')).toBe('verbatim');
  expect(verdictOf(nested, 's STRUCT<b: BIGINT NOT NULL>')).toMatch(/s\.b/);
});

test('a table that is read by position takes only its own first columns in order', async () => {
  const footer = await duckdbFooter('SELECT 1 AS a, 2 AS b');
  const options = { columnsInOrder: true };
  expect(verdictOf(footer, 'a INT, b INT', options)).toBe('verbatim');
  expect(verdictOf(footer, 'a INT, b INT, c INT', options)).toBe('verbatim');
  expect(verdictOf(footer, 'b INT, a INT', options)).toMatch(/position/);
  expect(verdictOf(footer, 'a INT', options)).toMatch(/position/);
  expect(verdictOf(footer, 'a INT, c INT, b INT', options)).toMatch(/position/);
  const partitionColumns = ['c'];
  expect(verdictOf(footer, 'a INT, c INT, b INT', { ...options, partitionColumns })).toBe(
    'verbatim',
  );
});

test('a partition column in the file must be proved to have one value', async () => {
  const options = { partitionColumns: ['p'] };
  const one = await duckdbFooter("SELECT x, 'a' AS p FROM range(3) t(x)");
  expect(verdictOf(one, 'x BIGINT, p STRING', options)).toBe('verbatim');
  const many = await duckdbFooter('SELECT x, x::VARCHAR AS p FROM range(3) t(x)');
  expect(verdictOf(many, 'x BIGINT, p STRING', options)).toMatch(/only one value/);
  const long = await duckdbFooter("SELECT x, repeat('a', 100) AS p FROM range(3) t(x)");
  expect(verdictOf(long, 'x BIGINT, p STRING', options)).toMatch(/only one value/);
  const nulls = await duckdbFooter('SELECT x, NULL::VARCHAR AS p FROM range(3) t(x)');
  expect(verdictOf(nulls, 'x BIGINT, p STRING', options)).toBe('verbatim');
});

test("days before 1582 in Spark's old calendar are decoded, later ones pass", async () => {
  const later = await duckdbFooter("SELECT DATE '1582-10-15' AS d");
  const before = await duckdbFooter("SELECT DATE '1582-10-04' AS d");
  const marks = [
    ['org.apache.spark.legacyDateTime', ''],
    ['org.apache.spark.version', '2.4.8'],
  ] as const;
  for (const mark of marks) {
    expect(verdictOf({ ...later, keyValues: new Map([mark]) }, 'd DATE')).toBe('verbatim');
    expect(verdictOf({ ...before, keyValues: new Map([mark]) }, 'd DATE')).toMatch(/calendar/);
  }
  const modern = new Map([['org.apache.spark.version', '3.5.1']]);
  expect(verdictOf({ ...before, keyValues: modern }, 'd DATE')).toBe('verbatim');
  const old = new Map([['org.apache.spark.version', '2.4.8']]);
  const int96 = { ...(await fixtureFooter('int96.parquet')), keyValues: old };
  expect(verdictOf(int96, 'at TIMESTAMP')).toMatch(/calendar/);
});

test('INT96 timestamps are decoded: some readers refuse the table for one before 1677', async () => {
  const footer = await fixtureFooter('int96.parquet');
  expect(verdictOf(footer, 'at TIMESTAMP')).toMatch(/INT96/);
  expect(verdictOf(footer, 'id BIGINT')).toBe('verbatim');
});

test('encrypted columns and unknown codecs are refused, but only where they are needed', async () => {
  const footer = await duckdbFooter('SELECT 1 AS a, 2 AS b');
  const changed = (change: object): ParquetFooter => ({
    ...footer,
    rowGroups: footer.rowGroups.map((rowGroup) => ({
      ...rowGroup,
      columns: rowGroup.columns.map((it) => (it.path[0] === 'b' ? { ...it, ...change } : it)),
    })),
  });
  expect(verdictOf(changed({ encrypted: true }), 'a INT, b INT')).toBe('PARQUET_ENCRYPTED');
  expect(verdictOf(changed({ codec: 'lzo' }), 'a INT, b INT')).toBe('INPUT_UNREADABLE');
  expect(verdictOf(changed({ encodings: ['UNKNOWN_42'] }), 'b INT')).toBe('INPUT_UNREADABLE');
  expect(verdictOf(changed({ encrypted: true }), 'a INT')).toBe('verbatim');
  const levels = changed({ encodings: ['BIT_PACKED', 'PLAIN'] });
  expect(verdictOf(levels, 'b INT')).toMatch(/BIT_PACKED/);
  const createdBy = 'parquet-mr version 1.10.1 (build a89df8f)';
  expect(verdictOf({ ...levels, createdBy }, 'b INT')).toBe('verbatim');
});

test('names that differ only by case, and lists in old layouts, are decoded', async () => {
  const footer = await duckdbFooter('SELECT 1 AS a, 2 AS b');
  const renamed = footer.columns.map((node) => (node.name === 'b' ? { ...node, name: 'A' } : node));
  expect(verdictOf({ ...footer, columns: renamed }, 'a INT')).toMatch(/only by case/);
  const int: ParquetNode = {
    name: 'array',
    repetition: 'REPEATED',
    physicalType: 'INT32',
    typeLength: null,
    logicalType: null,
    fieldId: null,
    children: [],
  };
  const list: ParquetNode = {
    ...int,
    name: 'l',
    repetition: 'OPTIONAL',
    physicalType: null,
    logicalType: { kind: 'list' },
    children: [int],
  };
  const twoLevels = { ...footer, rowGroups: [], rowCount: 0, columns: [list] };
  expect(verdictOf(twoLevels, 'l ARRAY<INT>')).toMatch(/old layout/);
  expect(verdictOf(twoLevels, 'l ARRAY<STRING>')).toBe('INPUT_TYPE_MISMATCH');
  const bare = { ...twoLevels, columns: [{ ...int, name: 'l' }] };
  expect(verdictOf(bare, 'l ARRAY<INT>')).toMatch(/old layout/);
  expect(verdictOf(bare, 'l INT')).toBe('INPUT_TYPE_MISMATCH');
  expect(typesOf(bare)).toEqual({ l: 'array<int>' });
});

test('the schema that a file suggests holds every value of it', async () => {
  const types = parseDdl(TYPES_DDL);
  const suggested = fileSchema(await fixtureFooter('types.parquet'));
  expect(suggested.omitted).toEqual([]);
  expect(suggested.schema).toEqual(types);
  const rare = await fixtureFooter('rare.parquet');
  expect(typesOf(rare)).toEqual({
    big: 'decimal(20,0)',
    half: 'float',
    small: 'int',
    wide: 'bigint',
    fixed: 'binary',
    split: 'double',
  });
  expect(fileSchema(rare).omitted.map(({ column }) => column)).toEqual(['hour', 'none']);
  expect(typesOf(await fixtureFooter('int96.parquet'))).toEqual({ id: 'bigint', at: 'timestamp' });
});

function typesOf(footer: ParquetFooter): Record<string, string> {
  const { fields } = fileSchema(footer).schema;
  return Object.fromEntries(fields.map(({ name, type }) => [name, typeName(type)]));
}

function withoutStatistics(footer: ParquetFooter): ParquetFooter {
  const rowGroups = footer.rowGroups.map((rowGroup) => ({
    ...rowGroup,
    columns: rowGroup.columns.map((chunk) => ({ ...chunk, statistics: null })),
  }));
  return { ...footer, rowGroups };
}
