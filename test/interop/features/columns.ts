/** Columns and tables that ask something of each row: what we honour, and what we refuse by name. */

import { expect, it } from 'vitest';
import { type FeatureBed, rowsOf } from './bed.ts';

export function columnTests(bed: () => FeatureBed): void {
  it('generated columns are read, also as partitions, and made by our appends', async () => {
    const uri = bed().place('geradas');
    await bed().spark.ask({
      op: 'program',
      source: `
from delta.tables import DeltaTable
(DeltaTable.create(spark).location("${uri}").addColumn("id", "INT").addColumn("t", "TIMESTAMP")
 .addColumn("dia", "DATE", generatedAlwaysAs="CAST(t AS DATE)").addColumn("dobro", "INT", generatedAlwaysAs="id * 2")
 .partitionedBy("dia").execute())
spark.sql("INSERT INTO delta.\`${uri}\` (id, t) VALUES (1, TIMESTAMP '2026-11-23 23:59:59Z'), (2, null)")
`,
    });
    const table = await bed().open(uri);
    await bed().agree(table);
    expect(
      await rowsOf(table, 'id', { where: "dia = date '2026-11-23'", columns: ['dobro'] }),
    ).toEqual([{ dobro: 2 }]);
    const row = { id: 3, t: '2026-01-01T00:00:00Z' };
    await table.append({ rows: [row] });
    await bed().agree(table);
    await expect(table.append({ rows: [{ ...row, dobro: 7 }] })).rejects.toMatchObject({
      code: 'RULE_VIOLATED',
    });
  });

  it('identity columns keep every digit, and are counted on by both', async () => {
    const uri = bed().place('identidade');
    await bed().spark.ask({
      op: 'program',
      source: `
from delta.tables import DeltaTable, IdentityGenerator
from pyspark.sql.types import LongType
(DeltaTable.create(spark).location("${uri}").addColumn("n", "STRING")
 .addColumn("id", LongType(), generatedAlwaysAs=IdentityGenerator(start=9007199254740993, step=2)).execute())
spark.sql("INSERT INTO delta.\`${uri}\` (n) VALUES ('a'), ('b')")
`,
    });
    const table = await bed().open(uri);
    await bed().agree(table);
    const marked = /"delta.identity.highWaterMark":(\d+)/.exec(
      table.snapshot.metadata.schemaString,
    );
    expect(BigInt(marked?.[1] ?? 0)).toBeGreaterThan(9_007_199_254_740_993n);
    const before = table.snapshot.metadata.schemaString;
    await table.setProperties({ dono: 'nos' });
    expect(table.snapshot.metadata.schemaString).toBe(before);
    await table.append({ rows: [{ n: 'c' }] });
    await bed().sql(uri, "INSERT INTO {t} (n) VALUES ('d')");
    await bed().agree(table);
    const ids = (await rowsOf(table, 'id')).map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
  });

  it('defaults are read, and given by our appends while a column has one', async () => {
    const uri = bed().place('por omissao');
    await bed().sql(
      uri,
      `CREATE TABLE {t} (id INT, s STRING DEFAULT 'x') USING delta TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')`,
      'INSERT INTO {t} (id) VALUES (1)',
    );
    const table = await bed().open(uri);
    await bed().agree(table);
    await table.append({ rows: [{ id: 3 }] });
    await bed().agree(table);
    expect(await rowsOf(table, 'id', { where: 'id = 3' })).toEqual([{ id: 3, s: 'x' }]);
    await bed().sql(uri, 'ALTER TABLE {t} ALTER COLUMN s DROP DEFAULT');
    await table.refresh();
    await table.append({ rows: [{ id: 2 }] });
    await bed().agree(table);
  });

  it('a constraint that Spark adds to our table holds our appends, also those of who has not seen it', async () => {
    const uri = bed().place('restricao');
    const table = await bed().create(uri, { schema: 'id int' });
    await table.append({ rows: [{ id: 1 }] });
    await bed().sql(uri, 'ALTER TABLE {t} ADD CONSTRAINT positivo CHECK (id > 0)');
    await expect(table.append({ rows: [{ id: -1 }] })).rejects.toThrow();
    await table.refresh();
    await table.append({ rows: [{ id: 2 }] });
    await expect(table.append({ rows: [{ id: -1 }] })).rejects.toMatchObject({
      code: 'RULE_VIOLATED',
    });
    await expect(
      table.setProperties({ 'delta.constraints.outro': 'id < 10' }),
    ).rejects.toMatchObject({ code: 'PROPERTY_INVALID' });
    await bed().agree(table);
    await bed().sql(uri, 'ALTER TABLE {t} DROP CONSTRAINT positivo');
    await table.refresh();
    await table.append({ rows: [{ id: 2 }] });
    await bed().agree(table);
  });

  it('invariants and NOT NULL are held to by both', async () => {
    const uri = bed().place('invariantes');
    await bed().spark.ask({
      op: 'program',
      source: `
from pyspark.sql.types import StructType, StructField, IntegerType
rule = '{"expression":{"expression":"id > 3"}}'
schema = StructType([StructField("id", IntegerType(), True, {"delta.invariants": rule})])
spark.createDataFrame([(4,)], schema).write.format("delta").save("${uri}")
`,
    });
    const table = await bed().open(uri);
    await bed().agree(table);
    await table.append({ rows: [{ id: 5 }] });
    await expect(table.append({ rows: [{ id: 3 }] })).rejects.toMatchObject({
      code: 'RULE_VIOLATED',
    });
    await bed().agree(table);
    const strict = bed().place('nao nulo');
    const made = await bed().create(strict, {
      schema: 'id int not null, s struct<a:int not null,b:int>',
    });
    await made.append({ rows: [{ id: 1, s: { a: 1 } }, { id: 2 }] });
    await expect(made.append({ rows: [{ id: null }] })).rejects.toMatchObject({
      code: 'INPUT_BAD_VALUE',
    });
    await expect(made.append({ rows: [{ id: 3, s: { b: 1 } }] })).rejects.toMatchObject({
      code: 'INPUT_BAD_VALUE',
    });
    await expect(bed().sql(strict, 'INSERT INTO {t} VALUES (null, null)')).rejects.toThrow(
      'DELTA_NOT_NULL_CONSTRAINT_VIOLATED',
    );
    await bed().sql(strict, "INSERT INTO {t} VALUES (4, named_struct('a', 1, 'b', null))");
    await bed().agree(made);
  });

  it('columns that Spark adds, drops, moves and comments are found again in old and new files', async () => {
    const uri = bed().place('colunas');
    const table = await bed().create(uri, { schema: 'id int, s struct<a:int>, z string' });
    await table.append({ rows: [{ id: 1, s: { a: 1 }, z: 'z' }] });
    await bed().sql(
      uri,
      'ALTER TABLE {t} ADD COLUMNS (n STRING FIRST, s.b ARRAY<INT> FIRST)',
      'ALTER TABLE {t} CHANGE COLUMN z z STRING COMMENT \'dito "assim"\' AFTER n',
      "INSERT INTO {t} SELECT 'n', 'zz', 2, named_struct('b', array(1), 'a', 2)",
    );
    await bed().agree(table);
    await table.append({ rows: [{ id: 3, n: 'x', s: { a: null, b: [null] } }] });
    await bed().agree(table);
    await bed().sql(uri, 'ALTER TABLE {t} ALTER COLUMN id COMMENT "chave"');
    await table.append({ rows: [{ id: 4 }] });
    await bed().agree(table);
  });

  it('texts with a collation, which Delta does not take yet, are read as texts where it was made to', async () => {
    const uri = bed().place('colacao');
    const statements = [
      'CREATE TABLE {t} (id INT, s STRING COLLATE UTF8_LCASE) USING delta',
      "INSERT INTO {t} VALUES (1, 'A'), (2, 'a')",
    ];
    await expect(bed().sql(uri, ...statements)).rejects.toThrow('DELTA_UNSUPPORTED_DATA_TYPES');
    const unchecked = { 'spark.databricks.delta.schema.typeCheck.enabled': 'false' };
    await bed().sqlWith(uri, unchecked, ...statements);
    await bed().agree(await bed().open(uri));
  });
}
