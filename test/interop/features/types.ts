/** Types beyond the plain ones, and Parquet files as Spark's settings shape them. */

import { expect, it } from 'vitest';
import type { DataType } from '../../../src/index.ts';
import { type FeatureBed, needs, rowsOf, WRONG_ROWS } from './bed.ts';

const OTHERS_KNOW_ONE_CALENDAR = { datafusion: WRONG_ROWS, duckdb: WRONG_ROWS };
/** DuckDB reads them, and cannot hand them out. */
const VARIANTS = { duckdb: 'Unsupported Arrow type VARIANT' };
const VARIANT: DataType = { kind: 'primitive', name: 'variant' };

export function typeTests(bed: () => FeatureBed): void {
  it('timestamps without a zone are written and read alike, in columns, in lists and as partitions', async () => {
    const uri = bed().place('sem fuso');
    const table = await bed().create(uri, {
      schema: 'id int, t timestamp_ntz, l array<timestamp_ntz>, z timestamp, p timestamp_ntz',
      partitionBy: ['p'],
    });
    await table.append({
      rows: [
        {
          id: 1,
          t: '2026-11-23T01:02:03.000004',
          l: ['1500-01-01T00:00:00', null],
          z: '2026-11-23T01:02:03.000004Z',
          p: '2026-11-23T00:00:00',
        },
        { id: 2, t: '0001-01-01T00:00:00', p: null },
        { id: 3, t: '9999-12-31T23:59:59.999999', p: '1969-12-31T23:59:59.123456' },
      ],
    });
    await bed().agree(table);
    await bed().sql(
      uri,
      `INSERT INTO {t} VALUES (4, TIMESTAMP_NTZ '2020-02-29 12:00:00.5', array(), TIMESTAMP '2020-02-29 12:00:00.5', TIMESTAMP_NTZ '2020-02-29 00:00:00.123')`,
    );
    await bed().agree(table);
    const where =
      "t > timestamp_ntz '2020-01-01 00:00:00' and p < timestamp_ntz '2026-11-23 00:00:01'";
    expect((await rowsOf(table, 'id', { where })).map(({ id }) => id)).toEqual([1, 3, 4]);
  });

  it('a table of Spark that gets timestamp_ntz later takes our appends', async () => {
    const uri = bed().place('sem fuso depois');
    await bed().sql(
      uri,
      'CREATE TABLE {t} (id INT) USING delta',
      'INSERT INTO {t} VALUES (1)',
      `ALTER TABLE {t} SET TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported')`,
      'ALTER TABLE {t} ADD COLUMN t TIMESTAMP_NTZ',
      "INSERT INTO {t} VALUES (2, TIMESTAMP_NTZ '2026-01-01 00:00:00')",
    );
    const table = await bed().open(uri);
    await table.append({ rows: [{ id: 3, t: '2026-01-01T00:00:00.000001' }] });
    await bed().agree(table);
  });

  it('variants of Spark have the same bytes here, shredded or not, and are not written', async () => {
    const uri = bed().place('variantes');
    const values = `SELECT id, CASE id % 5
        WHEN 0 THEN parse_json('{"a": 1, "b": {"c": [1, 2.5, "x", null, true]}, "data": "2026-11-23"}')
        WHEN 1 THEN parse_json('{"a": "texto ção 😀", "b": {"d": 12345678901234567890}}')
        WHEN 2 THEN to_variant_object(named_struct('a', 1L, 'd', DATE '1500-01-01', 't', TIMESTAMP '2026-11-23 01:02:03.000004', 'x', X'00FF', 'f', 1.5F))
        WHEN 3 THEN CAST(id AS VARIANT) END AS v,
        array(parse_json('[1, {"k": "v"}]'), null) AS l, named_struct('v', parse_json('-0.0')) AS s FROM range(0, 50, 1, 1)`;
    await bed().sql(uri, `CREATE TABLE {t} USING delta AS ${values}`);
    const table = await bed().open(uri);
    await bed().agree(table, VARIANTS);
    await expect(table.append({ rows: [{ id: 1n }] })).rejects.toMatchObject(needs('variantType'));
    const shredded = bed().place('variantes em pedaços');
    await bed().sqlWith(
      shredded,
      { 'spark.sql.variant.writeShredding.enabled': 'true' },
      `CREATE TABLE {t} (id BIGINT, v VARIANT, l ARRAY<VARIANT>, s STRUCT<v: VARIANT>) USING delta
       TBLPROPERTIES ('delta.enableVariantShredding' = 'true')`,
      `INSERT INTO {t} ${values}`,
    );
    await bed().agree(await bed().open(shredded), { ...VARIANTS, datafusion: 'VariantShredding' });
  });

  it('a table with variants that we make takes those of Spark', async () => {
    const uri = bed().place('variantes nossas');
    const table = await bed().create(uri, {
      schema: {
        kind: 'struct',
        fields: [{ name: 'v', type: VARIANT, nullable: true, metadata: {} }],
      },
    });
    await bed().sql(uri, `INSERT INTO {t} SELECT parse_json('{"a": [1, null]}')`);
    await bed().agree(table, VARIANTS);
    expect(await rowsOf(table, 'v')).toEqual([{ v: '{"a":[1,null]}' }]);
  });

  it('void columns are read as null and stay out of the files that we append', async () => {
    const uri = bed().place('vazio');
    await bed().sql(
      uri,
      'CREATE TABLE {t} (id INT, nada VOID, s STRUCT<a: INT, n: VOID>) USING delta',
      "INSERT INTO {t} (id, s) VALUES (1, named_struct('a', 1, 'n', null))",
    );
    const table = await bed().open(uri);
    expect(await rowsOf(table, 'id')).toEqual([{ id: 1, nada: null, s: { a: 1, n: null } }]);
    await table.append({ rows: [{ id: 2, s: { a: 2 } }] });
    await bed().agree(table, { duckdb: "Unsupported Delta table type: 'void'" });
  });

  for (const [kind, refusals, ids] of [
    // Nanoseconds of 64 bits, which delta-rs makes of INT96, end in 2262.
    ['INT96', { datafusion: WRONG_ROWS }, [1, 3]],
    ['TIMESTAMP_MILLIS', {}, [3]],
    ['TIMESTAMP_MICROS', {}, [1, 3]],
  ] as const) {
    it(`instants that Spark writes as ${kind} are read as they are, whatever the year`, async () => {
      const uri = bed().place(`instantes ${kind}`);
      await bed().sqlWith(
        uri,
        { 'spark.sql.parquet.outputTimestampType': kind },
        `CREATE TABLE {t} USING delta AS SELECT * FROM VALUES
          (1, TIMESTAMP '2026-11-23 01:02:03.000004Z', array(TIMESTAMP '1500-01-01 00:00:00Z')),
          (2, TIMESTAMP '0001-01-01 00:00:00Z', array()), (3, TIMESTAMP '9999-12-31 23:59:59.999999Z', null),
          (4, TIMESTAMP '1969-12-31 23:59:59.999999Z', null), (5, null, null) AS t(id, t, l)`,
      );
      const table = await bed().open(uri);
      await table.append({ rows: [{ id: 6, t: '1677-09-21T00:12:43.145224Z', l: [] }] });
      await bed().agree(table, refusals);
      const found = await rowsOf(table, 'id', {
        where: "t >= timestamp '2026-11-23 01:02:03.000004Z'",
      });
      expect(found.map(({ id }) => id)).toEqual(ids);
    });
  }

  it('dates and times that Spark wrote in the old calendar are those that Spark reads', async () => {
    const uri = bed().place('calendario antigo');
    const legacy = 'LEGACY';
    await bed().sqlWith(
      uri,
      {
        'spark.sql.parquet.datetimeRebaseModeInWrite': legacy,
        'spark.sql.parquet.int96RebaseModeInWrite': legacy,
      },
      `CREATE TABLE {t} USING delta AS SELECT * FROM VALUES
        (1, DATE '0001-01-01', TIMESTAMP '0001-01-01 00:00:00Z'), (2, DATE '1582-10-15', TIMESTAMP '1582-10-15 00:00:00Z'),
        (3, DATE '1500-03-01', TIMESTAMP '1500-03-01 12:00:00Z'), (4, DATE '2026-11-23', TIMESTAMP '1899-12-30 00:00:00Z') AS t(id, d, t)`,
    );
    await bed().agree(await bed().open(uri), OTHERS_KNOW_ONE_CALENDAR);
  });

  it('lists, maps and decimals in the legacy layout of Parquet are read alike', async () => {
    const uri = bed().place('listas antigas');
    await bed().sqlWith(
      uri,
      { 'spark.sql.parquet.writeLegacyFormat': 'true' },
      `CREATE TABLE {t} USING delta AS SELECT 1 AS id, array(1, null, 3) AS l, array(named_struct('a', 1)) AS ls, array(array('x'), array(), null) AS ll,
        map('k', array(1.5D)) AS m, 12.34BD AS d, 1234567890123456789.01BD AS g
       UNION ALL SELECT 2, array(), null, array(), map(), null, -0.5BD`,
    );
    const table = await bed().open(uri);
    await table.append({
      rows: [{ id: 3, l: [4], ls: [{ a: null }], ll: [['y', null]], m: [['z', null]] }],
    });
    await bed().agree(table, { duckdb: 'INTERNAL Error' });
  });

  it('deep nesting, with nulls at every level, is the same in both directions', async () => {
    const uri = bed().place('fundo');
    const type =
      'array<struct<a:map<string,array<struct<b:struct<c:array<array<int>>>>>>,n:struct<x:decimal(20,5),y:binary>>>';
    const table = await bed().create(uri, { schema: `id int, v ${type}` });
    const deep = [{ b: { c: [[1, null], [], null] } }, { b: null }, { b: { c: null } }, null];
    await table.append({
      rows: [
        { id: 1, v: [{ a: [['k', deep]], n: { x: '1.50000', y: new Uint8Array([1]) } }, null] },
        { id: 2, v: [] },
        { id: 3, v: null },
        {
          id: 4,
          v: [
            { a: [], n: null },
            { a: null, n: { x: null, y: null } },
          ],
        },
      ],
    });
    await bed().agree(table);
    const copy = bed().place('fundo por spark');
    await bed().sql(copy, `CREATE TABLE {t} USING delta AS SELECT * FROM delta.\`${uri}\``);
    const opened = await bed().open(copy);
    expect(await bed().agree(opened)).toEqual(await table.checksum());
    await opened.append({ rows: [{ id: 5, v: [{ a: [['k', deep]], n: null }] }] });
    await bed().agree(opened);
  });

  it('char and varchar are texts to the protocol: as they stand in the file, where Spark is told not to pad them', async () => {
    const uri = bed().place('char');
    await bed().sql(
      uri,
      'CREATE TABLE {t} (id INT, c CHAR(5), v VARCHAR(3)) USING delta',
      "INSERT INTO {t} VALUES (1, 'ab', 'ção'), (2, null, '')",
    );
    const table = await bed().open(uri);
    await table.append({ rows: [{ id: 3, c: 'abc', v: 'x' }] });
    await bed().agree(table, { spark: WRONG_ROWS });
    await bed().sql(uri, 'SET spark.sql.readSideCharPadding=false');
    await bed().agree(table);
    await bed().sql(uri, 'RESET spark.sql.readSideCharPadding');
    const found = await rowsOf(table, 'id', { where: "v = 'ção' or c = 'abc'" });
    expect(found.map(({ c }) => c)).toEqual(['ab', 'abc']);
    const theirs = await bed().sql(uri, "SELECT id FROM {t} WHERE c = 'abc' AND v < 'y'");
    expect(theirs).toEqual([['3']]);
  });
}
