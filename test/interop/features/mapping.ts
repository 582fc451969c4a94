/** Column mapping: names that change, in tables that we make, that Spark makes, and that both write to. */

import { expect, it } from 'vitest';
import type { Row } from '../../../src/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { type FeatureBed, rowsOf, WRONG_ROWS } from './bed.ts';

const NESTED = `id bigint not null, texto string, dados struct<a:string,b:array<struct<c:int,d:date>>>,
  mapa map<string,struct<n:bigint>>, parte string`;

/** DuckDB's reader takes partition values by the names of columns, also where files have others: they are null to it. */
const PARTITIONED = { duckdb: WRONG_ROWS };

function nestedRow(id: number): Row {
  return {
    id: BigInt(id),
    texto: `t${id}`,
    dados: { a: 'x', b: [{ c: id, d: '2026-11-23' }, { c: null, d: null }, null] },
    mapa: [['k', { n: 9_007_199_254_740_993n }]],
    parte: id % 2 === 0 ? 'São Paulo/SP=1 %25' : null,
  };
}

export function mappingTests(bed: () => FeatureBed): void {
  for (const mode of ['name', 'id'] as const) {
    it(`by ${mode}: a nested, partitioned table is written, renamed, dropped and added to by both`, async () => {
      const uri = bed().place(`por ${mode}`);
      const table = await bed().create(uri, {
        schema: NESTED,
        partitionBy: ['parte'],
        properties: { 'delta.columnMapping.mode': mode },
      });
      await table.append({ rows: [nestedRow(1), nestedRow(2), { id: 3n, parte: '' }] });
      await bed().agree(table, PARTITIONED);
      await bed().sql(
        uri,
        `INSERT INTO {t} SELECT 4, 'de spark', named_struct('a', 'y', 'b', array(named_struct('c', 7, 'd', DATE '1500-01-01'))), map('z', named_struct('n', -1L)), 'p'`,
        `ALTER TABLE {t} RENAME COLUMN texto TO \`nome; com, espaço\``,
        `ALTER TABLE {t} RENAME COLUMN parte TO zona`,
        `ALTER TABLE {t} RENAME COLUMN dados.b.element.c TO cc`,
        `ALTER TABLE {t} RENAME COLUMN mapa.value.n TO m`,
        `ALTER TABLE {t} DROP COLUMN dados.a`,
        `ALTER TABLE {t} ADD COLUMNS (dados.a INT, novo DECIMAL(20,3) AFTER id)`,
        `INSERT INTO {t} BY NAME SELECT 5 AS id, 1.5 AS novo, 'q' AS zona, named_struct('b', array(), 'a', 3) AS dados`,
      );
      await bed().agree(table, PARTITIONED);
      const row = { id: 6n, novo: '7.125', 'nome; com, espaço': 'nosso', zona: 'q' };
      await table.append({
        rows: [{ ...row, dados: { b: [{ cc: 1, d: null }], a: 9 }, mapa: [['m', { m: 1n }]] }],
      });
      await bed().agree(table, PARTITIONED);
      const found = await rowsOf(table, 'id', { where: "`nome; com, espaço` >= 't2' or novo > 7" });
      expect(found.map(({ id, zona }) => [id, zona])).toEqual([
        [2n, 'São Paulo/SP=1 %25'],
        [6n, 'q'],
      ]);
      const before = await bed().open(uri, { version: 1 });
      expect(await before.checksum()).toEqual(await bed().spark.checksum({ uri, version: 1 }));
      const all = await table.checksum();
      expect(await table.optimize()).toMatchObject({ kind: 'committed' });
      expect(await bed().agree(table, PARTITIONED)).toEqual(all);
      await bed().sql(uri, 'DELETE FROM {t} WHERE id = 1');
      await bed().agree(table, PARTITIONED);
    });
  }

  it('a table that gets mapping when it has files is read by name in old and new ones', async () => {
    const uri = bed().place('mapeada depois');
    const table = await bed().create(uri, { schema: 'id bigint, a string, b string' });
    await table.append({ rows: [{ id: 1n, a: 'a1', b: 'b1' }] });
    await table.setProperties({ 'delta.columnMapping.mode': 'name' });
    await table.append({ rows: [{ id: 2n, a: 'a2', b: 'b2' }] });
    await bed().sql(
      uri,
      'ALTER TABLE {t} RENAME COLUMN a TO x',
      'ALTER TABLE {t} RENAME COLUMN b TO a',
      'ALTER TABLE {t} RENAME COLUMN x TO b',
      "INSERT INTO {t} (id, a, b) VALUES (3, 'b3', 'a3')",
    );
    await bed().agree(table);
    await table.append({ rows: [{ id: 4n, a: 'b4', b: 'a4' }] });
    await bed().agree(table);
    expect(await rowsOf(table, 'id', { where: "a > 'b1' and b < 'a4'" })).toEqual([
      { id: 2n, b: 'a2', a: 'b2' },
      { id: 3n, b: 'a3', a: 'b3' },
    ]);
  });

  it('a table of Spark that was mapped later takes our appends, and a dropped column stays away', async () => {
    const uri = bed().place('mapeada por spark');
    await bed().sql(
      uri,
      'CREATE TABLE {t} (id BIGINT, velho STRING, n INT) USING delta PARTITIONED BY (n)',
      "INSERT INTO {t} VALUES (1, 'some', 10)",
      `ALTER TABLE {t} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')`,
      'ALTER TABLE {t} DROP COLUMN velho',
      'ALTER TABLE {t} ADD COLUMN velho STRING',
      "INSERT INTO {t} VALUES (2, 20, 'novo')",
    );
    const table = await bed().open(uri);
    await bed().agree(table);
    await table.append({ rows: [{ id: 3n, n: 30, velho: 'nosso' }] });
    const schema = parseDdl('id bigint, n int, mais struct<a:int>');
    await table.append({ rows: [{ id: 4n, n: 30, mais: { a: 1 } }], schema }, { evolve: 'add' });
    await bed().sql(uri, "INSERT INTO {t} VALUES (5, 50, 'dele', named_struct('a', 2))");
    await bed().agree(table);
    expect(await rowsOf(table, 'id', { columns: ['velho', 'id'], limit: 3 })).toEqual([
      { velho: null, id: 1n },
      { velho: 'novo', id: 2n },
      { velho: 'nosso', id: 3n },
    ]);
  });

  it('names that only mapping allows are made by us and read by all', async () => {
    const uri = bed().place('nomes');
    const table = await bed().create(uri, {
      schema: 'id bigint, `a b` string, `x.y` int, `c(=)` struct<`d;e`:int>, `{p}` string',
      partitionBy: ['{p}'],
      properties: { 'delta.columnMapping.mode': 'name' },
    });
    await table.append({
      rows: [{ id: 1n, 'a b': 'x', 'x.y': 2, 'c(=)': { 'd;e': 3 }, '{p}': 'q' }],
    });
    await bed().sql(uri, "INSERT INTO {t} VALUES (2, 'y', 3, named_struct('d;e', 4), 'r')");
    await bed().agree(table, PARTITIONED);
    const found = await rowsOf(table, 'id', { where: '`x.y` = 3 and `c(=)`.`d;e` = 4' });
    expect(found.map(({ id }) => id)).toEqual([2n]);
  });
}
