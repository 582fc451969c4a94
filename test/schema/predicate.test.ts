import { describe, expect, it } from 'vitest';

import {
  columnsRead,
  evaluatePredicate,
  mayMatch,
  parseDdl,
  parseExpression,
  parseSchema,
  parseStatistics,
} from '../../src/schema/index.ts';

const schema = parseDdl(
  'Id bigint, f float, d double, n decimal(10,2), s string, b boolean, day date, ts timestamp, ' +
    'z timestamp_ntz, st struct<x:int>, p string, q int, r date',
);

const json = JSON.stringify({
  numRecords: 10,
  minValues: {
    Id: 10,
    f: 0.1,
    d: 1,
    n: 1.5,
    s: 'abc',
    b: true,
    day: '2024-01-10',
    ts: '2024-01-10T00:00:00.000Z',
    z: '2024-01-10T00:00:00.000',
    st: { x: 5 },
  },
  maxValues: {
    Id: 20,
    f: 0.1,
    d: 5,
    n: 9.99,
    s: 'abd',
    b: true,
    day: '2024-01-20',
    ts: '2024-01-20T00:00:00.000Z',
    z: '2024-01-20T00:00:00.000',
    st: { x: 9 },
  },
  nullCount: { Id: 0, s: 3, b: 10, st: { x: 0 } },
});

const may = (condition: string, stats: string | null = json): boolean =>
  mayMatch(parseExpression(condition), {
    schema,
    partitionValues: { p: 'a b', q: null, r: '2024-01-15' },
    statistics: parseStatistics(stats, schema),
  });

const truth = (condition: string): string =>
  evaluatePredicate(parseExpression(condition), {
    schema,
    partitionValues: { p: 'a b', q: null, r: '2024-01-15' },
  });

describe('mayMatch', () => {
  it('skips a file that provably holds no such row', () => {
    const conditions = [
      'id = 9',
      'id > 20',
      'id >= 21L',
      'id < 10',
      '5 > id',
      'ID <=> NULL',
      'id IS NULL',
      'id IN (1, 2, 30)',
      'id BETWEEN 21 AND 30',
      'id NOT BETWEEN 5 AND 20',
      'NOT id < 100',
      "id = '9'",
      'id = 9.5',
      'id <> id + 0 AND id = 3',
      'id = NULL',
      'id IN (NULL)',
      'id = 1 OR (id = 2 AND s IS NULL)',
      'NOT (id = 1 OR id < 50)',
      'false',
      'NULL',
      'd < 1',
      'd = 6',
      'd BETWEEN 6 AND 7',
      'f < 0',
      'n > 9.99',
      'n = 1',
      'n < 1.5',
      "s = 'abe'",
      "s LIKE 'ad%'",
      "s LIKE 'aa_'",
      "s NOT LIKE 'ab%'",
      "s LIKE 'xyz'",
      "s < 'abc'",
      "s > 'abd'",
      'b',
      'b IS NOT NULL',
      'NOT b',
      "day > '2024-01-20'",
      "day = DATE '2024-01-09'",
      "ts < '2024-01-10'",
      "ts > TIMESTAMP '2024-01-20 00:00:00.001'",
      "ts >= DATE '2024-01-21'",
      "CAST(ts AS date) = DATE '2024-01-09'",
      "z < TIMESTAMP_NTZ '2024-01-10'",
      'st.x > 9',
      "p = 'a'",
      "p LIKE 'b%'",
      'q = 1',
      'q IS NOT NULL',
      "r > '2024-01-15'",
      "r <> DATE '2024-01-15'",
      "p IN ('x', 'y')",
    ];
    for (const condition of conditions)
      expect([condition, may(condition)]).toEqual([condition, false]);
  });

  it('keeps a file that may hold one', () => {
    const conditions = [
      'id = 10',
      'id <> 15',
      'id IN (1, 20)',
      'NOT id = 10',
      'id <=> 12',
      "id = '12'",
      // NaN is greater than all, and may be hidden from a maximum.
      'd > 100',
      'd >= 100',
      'd <> 3',
      "d = CAST('NaN' AS double)",
      'f <> 0.1F',
      'NOT d < 100',
      'd NOT BETWEEN 0 AND 10',
      // Engines compare a float with a decimal as floats or as doubles.
      'f = 0.1',
      'f = 0.1D',
      'f = 0.1F',
      "s LIKE 'ab%'",
      "s LIKE '%x'",
      "s ILIKE 'X%'",
      "s RLIKE 'x'",
      's IS NULL',
      "s LIKE 'x\\\\x%'",
      'st.x IS NULL',
      'st IS NULL',
      'id + 1 = 3',
      'upper(s) = 1',
      'missing = 1',
      'q IS NULL',
      'CASE WHEN id = 1 THEN false END',
      'q <=> NULL',
      "day = 'not a date'",
      'n = 2',
      'z = ts',
      "id = '9 '",
      "ts = '2024-01-10 10:00:00'",
      'p = 5',
      'b IS NULL',
      'id = -(-3)',
      "TRY_CAST('9999999999' AS int) IS NULL",
      'CAST(id AS int) = 3',
      'p NOT IN (5)',
    ];
    for (const condition of conditions)
      expect([condition, may(condition)]).toEqual([condition, true]);
  });

  it('keeps every file without statistics, but one with no rows', () => {
    expect(may('id = 9', null)).toBe(true);
    expect(may('id = 9', '{"numRecords":5}')).toBe(true);
    expect(may('id = 9', 'garbage')).toBe(true);
    expect(may('id = id', '{"numRecords":0}')).toBe(false);
  });

  it('trusts no order but that of bytes', () => {
    const collated = parseSchema(
      '{"type":"struct","fields":[{"name":"s","type":"string","nullable":true,"metadata":{"__COLLATIONS":{"s":"spark.UTF8_LCASE"}}}]}',
    );
    const facts = {
      schema: collated,
      partitionValues: {},
      statistics: parseStatistics('{"minValues":{"s":"A"},"maxValues":{"s":"B"}}', collated),
    };
    expect(mayMatch(parseExpression("s = 'a'"), facts)).toBe(true);
  });

  it('keeps a file whose partition value it cannot read', () => {
    const facts = { schema, partitionValues: { q: 'x' }, statistics: null };
    expect(mayMatch(parseExpression('q = 1'), facts)).toBe(true);
  });
});

describe('evaluatePredicate', () => {
  it('gives what is the same in every row', () => {
    expect(truth("p = 'a b' AND r >= '2024-01-01'")).toBe('true');
    expect(truth("p LIKE 'a%' AND p NOT LIKE '%x'")).toBe('unknown');
    expect(truth("p IN ('x') OR r IS NULL")).toBe('false');
    expect(truth('q > 1')).toBe('null');
    expect(truth('q > 1 AND false')).toBe('false');
    expect(truth('q > 1 OR id = 1')).toBe('unknown');
    expect(truth('(q IN (1)) IS NULL')).toBe('true');
    expect(truth('1 = 1.0 AND 2L > 1D')).toBe('true');
    expect(truth('id = 1')).toBe('unknown');
  });
});

describe('columnsRead', () => {
  it('gives the top-level columns of a condition as the schema has them', () => {
    const read = columnsRead(parseExpression('ID = 1 AND st.x > d AND nothing = 2'), schema);
    expect(read.fields.map((field) => field.name)).toEqual(['Id', 'd', 'st']);
  });
});
