/** Tables as they come about elsewhere: cloned, converted, in other time zones, with partitions of any type, by other writers. */

import { expect, it } from 'vitest';
import { createTable } from '../../../src/index.ts';
import { type FeatureBed, rowsOf } from './bed.ts';
import { changedTexts, sortedTexts } from './changes.ts';

export function wildTests(bed: () => FeatureBed): void {
  it('a shallow clone of our table, its deleted rows and its own files are read, and appended to', async () => {
    const uri = bed().place('origem');
    const table = await bed().create(uri, {
      schema: 'id int, p string',
      partitionBy: ['p'],
      properties: { 'delta.enableDeletionVectors': 'true' },
    });
    await table.append({
      rows: Array.from({ length: 50 }, (_, id) => ({ id, p: id % 2 === 0 ? 'a b/%' : null })),
    });
    await bed().sql(uri, 'DELETE FROM {t} WHERE id < 3');
    const clone = bed().place('clone');
    await bed().sql(
      clone,
      `CREATE TABLE {t} SHALLOW CLONE delta.\`${uri}\``,
      'DELETE FROM {t} WHERE id > 45',
      "INSERT INTO {t} VALUES (100, 'novo')",
    );
    const opened = await bed().open(clone);
    await opened.append({ rows: [{ id: 101, p: 'a b/%' }] });
    await bed().agree(opened, { duckdb: 'Cannot open file' });
    expect((await bed().agree(table)).rows).toBe(47);
  });

  it('a folder of Parquet files that Spark converts is read, in partitions of texts that need escapes', async () => {
    const uri = bed().place('convertida');
    await bed().spark.ask({
      op: 'program',
      source: `
df = spark.sql("SELECT id, cast(id AS STRING) AS Nome, CASE id % 3 WHEN 0 THEN 'a=b/c d%' WHEN 1 THEN 'ção:*?' END AS p FROM range(0, 30, 1, 2)")
df.write.partitionBy("p").parquet("${uri}")
spark.sql("CONVERT TO DELTA parquet.\`${uri}\` NO STATISTICS PARTITIONED BY (p STRING)")
`,
    });
    const table = await bed().open(uri);
    await bed().agree(table);
    await table.append({ rows: [{ id: 30n, Nome: 'x', p: 'ção:*?' }] });
    await table.optimize();
    await bed().agree(table);
    const found = await rowsOf(table, 'id', { where: "p = 'a=b/c d%' and nome > '3'" });
    expect(found.map(({ id }) => id)).toEqual([6n, 9n]);
  });

  it('files whose columns are spelled otherwise than the table are found ignoring case', async () => {
    const other = await createTable(bed().place('MAIUSCULAS'), {
      schema: 'ID int, S struct<A:int>, P string',
    });
    await other.append({ rows: [{ ID: 1, S: { A: 2 }, P: 'p' }] });
    const uri = bed().place('minusculas');
    const table = await bed().create(uri, {
      schema: 'id int, s struct<a:int>, p string',
      partitionBy: ['p'],
    });
    await table.append({ parquet: [...other.files()].map((file) => file.uri) });
    await other.close();
    await bed().agree(table);
    expect(await rowsOf(table, 'id')).toEqual([{ id: 1, s: { a: 2 }, p: 'p' }]);
  });

  it('what is written in another time zone means the same instants, in partitions and statistics too', async () => {
    const uri = bed().place('fuso');
    const values = `SELECT 1 AS id, TIMESTAMP '2026-11-23 22:30:00.123456' AS t, TIMESTAMP '2018-11-04 00:30:00' AS p
      UNION ALL SELECT 2, TIMESTAMP '1890-01-01 00:00:00', TIMESTAMP '1890-01-01 00:00:00' UNION ALL SELECT 3, null, null`;
    await bed().sqlWith(
      uri,
      { 'spark.sql.session.timeZone': 'America/Sao_Paulo' },
      `CREATE TABLE {t} USING delta PARTITIONED BY (p) AS ${values}`,
    );
    const table = await bed().open(uri);
    await bed().agree(table);
    const where =
      "t >= timestamp '2026-11-24T01:30:00.123456Z' or p < timestamp '1890-01-01T03:10:00Z'";
    expect((await rowsOf(table, 'id', { where })).map(({ id }) => id)).toEqual([1, 2]);
  });

  const PARTITIONS = {
    boolean: ['true', 'false'],
    tinyint: ['-128', '127'],
    bigint: ['-9223372036854775808', '9007199254740993'],
    float: ['1.1', "'NaN'", "'-Infinity'", '-0.0'],
    double: ['1e300', '0.1', "'Infinity'"],
    'decimal(38,10)': ['-1.5', '1234567890123456789012345678.0123456789'],
    date: ["'1500-03-01'", "'9999-12-31'"],
    timestamp: ["'2026-11-23 01:02:03.000004'", "'1500-03-01 00:00:00'"],
    binary: ["'abc'", "'a/b=%'"],
    string: ["''", "'null'", "'__HIVE_DEFAULT_PARTITION__'", "'\\u0001 \\u007f\\'\"#?'"],
  };

  it('partitions of every type, with odd values, by Spark and by us', async () => {
    const uri = bed().place('partido por tudo');
    const columns = Object.keys(PARTITIONS).map((type, index) => `p${index} ${type}`);
    const names = columns.map((column) => column.replace(/ .*/, ''));
    const row = (at: number): string => {
      const values = Object.entries(PARTITIONS).map(
        ([type, each]) => `cast(${each[at] ?? 'null'} AS ${type})`,
      );
      return `(${[at, ...values].join(', ')})`;
    };
    await bed().sql(
      uri,
      `CREATE TABLE {t} (id INT, ${columns.join(', ')}) USING delta PARTITIONED BY (${names.join(', ')})`,
      `INSERT INTO {t} VALUES ${[0, 1, 2, 3, 4].map(row).join(', ')}`,
    );
    const table = await bed().open(uri);
    expect(await table.checksum()).toEqual(await bed().spark.checksum({ uri }));
    const theirs = await rowsOf(table, 'id');
    const ours = await bed().create(bed().place('nosso por tudo'), {
      schema: `id int, ${columns.join(', ')}`,
      partitionBy: names,
    });
    await ours.append({ rows: theirs });
    expect(await bed().agree(ours)).toEqual(await table.checksum());
  });

  for (const [codec, version, dictionary] of [
    ['zstd', 'v2', 'true'],
    ['lz4_raw', 'v2', 'false'],
    ['gzip', 'v1', 'false'],
  ] as const) {
    it(`Parquet of version ${version} by ${codec} is read, appended to and packed`, async () => {
      const uri = bed().place(`codec ${codec}`);
      await bed().sqlWith(
        uri,
        {
          'spark.sql.parquet.compression.codec': codec,
          'parquet.writer.version': version,
          'parquet.enable.dictionary': dictionary,
        },
        `CREATE TABLE {t} USING delta AS SELECT id, cast(id % 3 AS STRING) AS s, array(id, null) AS l, cast(id AS DECIMAL(30,2)) AS d,
          id % 2 = 0 AS b, timestamp_millis(id) AS t, cast(id AS DOUBLE) AS f FROM range(0, 1000, 1, 1)`,
      );
      const table = await bed().open(uri);
      await table.append({ rows: [{ id: 1000n, s: 'x' }] });
      const before = await bed().agree(table);
      await table.optimize();
      expect(await bed().agree(table)).toEqual(before);
    });
  }

  it('files in the old form of LZ4, which the engine cannot read, are refused by its name', async () => {
    const uri = bed().place('codec lz4');
    await bed().sqlWith(
      uri,
      { 'spark.sql.parquet.compression.codec': 'lz4' },
      'CREATE TABLE {t} USING delta AS SELECT id FROM range(0, 10, 1, 1)',
    );
    const table = await bed().open(uri);
    await expect(table.checksum()).rejects.toThrow('Unsupported compression codec "LZ4"');
    await expect(bed().peers.checksum({ engine: 'duckdb', uri })).rejects.toThrow('"LZ4"');
  });

  it('a column that Spark overwrote with another type is read at each version as it was then', async () => {
    const uri = bed().place('reescrita');
    const table = await bed().create(uri, { schema: 'id int, v string', partitionBy: ['id'] });
    await table.append({ rows: [{ id: 1, v: 'x' }] });
    await bed().spark.ask({
      op: 'program',
      source: `spark.sql("SELECT 2.5 AS v, 'a' AS novo").write.format("delta").mode("overwrite").option("overwriteSchema", "true").option("partitionOverwriteMode", "static").partitionBy("novo").save("${uri}")`,
    });
    await bed().agree(table);
    await table.append({ rows: [{ v: '3.5', novo: 'b' }] });
    await bed().agree(table);
    const before = await bed().open(uri, { version: 1 });
    expect(await before.checksum()).toEqual(await bed().spark.checksum({ uri, version: 1 }));
  });

  it('intervals, which Spark writes only where it is made to, are refused by name', async () => {
    const uri = bed().place('intervalos');
    const statement = "CREATE TABLE {t} USING delta AS SELECT 1 AS id, INTERVAL '1' DAY AS i";
    await expect(bed().sql(uri, statement)).rejects.toThrow('DELTA_UNSUPPORTED_DATA_TYPES');
    const unchecked = { 'spark.databricks.delta.schema.typeCheck.enabled': 'false' };
    await bed().sqlWith(uri, unchecked, statement);
    await expect(bed().open(uri)).rejects.toMatchObject({ code: 'SCHEMA_TYPE_UNSUPPORTED' });
  });

  it('delta-rs and DuckDB append to a table of ours, delta-rs updates and merges, and the changes are read', async () => {
    const uri = bed().place('de outros');
    const table = await bed().create(uri, {
      schema: 'id bigint, n string',
      properties: { 'delta.enableChangeDataFeed': 'true' },
    });
    await table.append({
      rows: [
        { id: 1n, n: 'a' },
        { id: 2n, n: 'b' },
      ],
    });
    await bed().peers.ask({
      op: 'program',
      source: `
table = DeltaTable("${uri}")
write_deltalake(table, pa.table({"id": pa.array([3], pa.int64()), "n": pa.array(["c"], pa.large_string())}), mode="append")
table.update(predicate="id = 1", updates={"n": "'novo'"})
table.delete("id = 2")
source = pa.table({"id": pa.array([3, 4], pa.int64()), "n": ["cc", "d"]})
(table.merge(source, predicate="t.id = s.id", source_alias="s", target_alias="t")
 .when_matched_update_all().when_not_matched_insert_all().execute())
`,
    });
    await bed().agree(table);
    const changes = await Array.fromAsync(table.readChanges({ fromVersion: 1 }));
    const theirs = await bed().sql(
      uri,
      `SELECT _change_type, id, n FROM table_changes_by_path('${uri}', 1)`,
    );
    expect(changedTexts(changes, ['_change_type', 'id', 'n'])).toEqual(sortedTexts(theirs));
  });

  it('DuckDB inserts into tables of ours', async () => {
    const uri = bed().place('de duckdb');
    const table = await bed().create(uri, { schema: 'id bigint, n string' });
    await table.append({ rows: [{ id: 1n, n: 'a' }] });
    await bed().peers.ask({
      op: 'program',
      source: `
connection = duck()
connection.execute("ATTACH '${uri}' AS t (TYPE delta)")
connection.execute("INSERT INTO t VALUES (2, 'ção')")
`,
    });
    await bed().agree(table);
    await table.append({ rows: [{ id: 3n, n: null }] });
    expect((await bed().agree(table)).rows).toBe(3);
  });
}
