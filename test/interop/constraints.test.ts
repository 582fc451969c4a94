import { join } from 'node:path';
import { createTable, isDeltaError, openTable } from 'deltawright';
import { describe, expect, it } from 'vitest';
import { EngineBed } from './engine-bed.ts';

const bed = new EngineBed('constraints', { engines: ['spark'], fewRows: true });
const { folder } = bed;

async function inSpark(...statements: readonly string[]): Promise<unknown> {
  return (await bed.spark.ask({ op: 'sql', statements }))['rows'];
}

/** Whether Spark takes the row. */
async function sparkTakes(statement: string): Promise<boolean> {
  try {
    await inSpark(statement);
    return true;
  } catch {
    // What it says of it differs by the kind of rule; that it refuses is what counts.
    return false;
  }
}

describe('constraints', () => {
  it.each([
    ['id > 0', ['1', '0', 'NULL']],
    ["id > 0 OR nome = 'livre'", ['1', '0', 'NULL']],
    ['id IS NULL OR id BETWEEN 2 AND 3', ['2', '4', 'NULL']],
    ['length(nome) <= 5 AND id % 2 = 0', ['2', '3', 'NULL']],
    ['CASE WHEN id = 1 THEN NULL ELSE true END', ['1', '2']],
  ])('%s refuses and takes the same rows there and here', async (expression, ids) => {
    for (const [index, id] of ids.entries()) {
      const uri = join(folder, `check-${String(index)}-${encodeURIComponent(expression)}`);
      const table = await createTable(uri, { schema: 'id bigint, nome string' });
      await table.addConstraint('regra', expression);
      const takes = await sparkTakes(`INSERT INTO delta.\`${uri}\` VALUES (${id}, 'abc')`);
      await table.refresh();
      const row = { id: id === 'NULL' ? null : BigInt(id), nome: 'abc' };
      const ours = await table.append({ rows: [row] }).then(
        () => true,
        (error: unknown) => !isDeltaError(error, 'RULE_VIOLATED'),
      );
      expect({ id, takes }).toEqual({ id, takes: ours });
      await table.close();
    }
  });

  it('of Spark hold our rows, and go when Spark drops them', async () => {
    const uri = join(folder, 'de-spark');
    await inSpark(
      `CREATE TABLE delta.\`${uri}\` (id BIGINT NOT NULL, d STRUCT<a: INT NOT NULL, b: STRING>) USING delta`,
      `ALTER TABLE delta.\`${uri}\` ADD CONSTRAINT faixa CHECK (d.a BETWEEN 1 AND 9)`,
    );
    const table = await openTable(uri);
    await table.append({ rows: [{ id: 1n, d: { a: 5 } }] });
    await expect(table.append({ rows: [{ id: 2n, d: { a: 10 } }] })).rejects.toMatchObject({
      code: 'RULE_VIOLATED',
      details: { rule: 'CHECK faixa' },
    });
    await expect(table.append({ rows: [{ id: null, d: { a: 1 } }] })).rejects.toThrow();
    await inSpark(`ALTER TABLE delta.\`${uri}\` DROP CONSTRAINT faixa`);
    await table.refresh();
    await table.append({ rows: [{ id: 2n, d: { a: 10 } }] });
    expect(await inSpark(`SELECT count(*) FROM delta.\`${uri}\``)).toEqual([['2']]);
    await table.close();
  });
});

describe('values that tables make', () => {
  it('are made alike by both, in turn', async () => {
    const uri = join(folder, 'feitos');
    const name = 'feitos_aqui';
    await inSpark(
      `CREATE TABLE ${name} (k BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 10 INCREMENT BY 5), id INT, ` +
        `dobro BIGINT GENERATED ALWAYS AS (CAST(id * 2 AS BIGINT)), nome STRING DEFAULT 'sem nome') ` +
        `USING delta LOCATION '${uri}' TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')`,
      `INSERT INTO ${name} (id) VALUES (1)`,
    );
    const table = await openTable(uri);
    await table.append({ rows: [{ id: 2 }, { id: 3, nome: 'x' }] });
    await inSpark(`REFRESH TABLE ${name}`, `INSERT INTO ${name} (id) VALUES (4)`);
    await table.refresh();
    await table.append({ rows: [{ id: 5, nome: null }] });
    const found = await inSpark(
      `REFRESH TABLE ${name}`,
      `SELECT id, dobro, nome, (k - 10) % 5 FROM ${name} ORDER BY id`,
    );
    expect(found).toEqual([
      ['1', '2', 'sem nome', '0'],
      ['2', '4', 'sem nome', '0'],
      ['3', '6', 'x', '0'],
      ['4', '8', 'sem nome', '0'],
      ['5', '10', null, '0'],
    ]);
    expect(await inSpark(`SELECT count(DISTINCT k) FROM ${name}`)).toEqual([['5']]);
    await expect(table.append({ rows: [{ id: 6, dobro: 1n }] })).rejects.toMatchObject({
      code: 'RULE_VIOLATED',
    });
    expect(await sparkTakes(`INSERT INTO ${name} (id, dobro) VALUES (6, 1)`)).toBe(false);
    await table.close();
  });
});

describe('columns', () => {
  it('that we and Spark change in turn are read alike', async () => {
    const uri = join(folder, 'colunas');
    const table = await createTable(uri, {
      schema: 'id bigint, a int, d struct<x: int, y: int>, velho string',
      properties: { 'delta.columnMapping.mode': 'name' },
    });
    await table.append({ rows: [{ id: 1n, a: 1, d: { x: 1, y: 2 }, velho: 'v' }] });
    await table.addColumns(
      { column: 'novo', type: 'date', position: { after: 'id' } },
      { column: 'd.z', type: 'string', position: 'first' },
    );
    await table.dropColumns('velho');
    await table.renameColumn('a', 'b');
    await table.changeColumn('b', { comment: 'era a' });
    await inSpark(
      `ALTER TABLE delta.\`${uri}\` ADD COLUMNS (w DOUBLE FIRST)`,
      `ALTER TABLE delta.\`${uri}\` RENAME COLUMN b TO c`,
      `ALTER TABLE delta.\`${uri}\` DROP COLUMN d.y`,
      `INSERT INTO delta.\`${uri}\` SELECT 2.5, 2, DATE'2026-11-23', 7, named_struct('z', 'q', 'x', 3)`,
    );
    await table.refresh();
    await table.append({ rows: [{ w: 1.5, id: 3n, c: 8, d: { z: 'r', x: 4 } }] });
    const names = table.snapshot.schema.fields.map((field) => field.name);
    expect(names).toEqual(['w', 'id', 'novo', 'c', 'd']);
    expect(await bed.spark.checksum({ uri })).toEqual(await table.checksum());
    await table.close();
  });

  it('overwritten by part are what Spark reads', async () => {
    const uri = join(folder, 'trocas');
    const table = await createTable(uri, { schema: 'id bigint, p string', partitionBy: ['p'] });
    await table.append({
      rows: Array.from({ length: 100 }, (_, id) => ({ id, p: `p${String(id % 4)}` })),
    });
    await table.overwrite({ rows: [{ id: 1000, p: 'p1' }] }, { replaceWhere: "p = 'p1'" });
    await table.overwrite({ rows: [{ id: 7000, p: 'p0' }] }, { replaceWhere: 'id >= 90' });
    await table.overwrite({ rows: [{ id: 5, p: 'p3' }] }, { replaceUsing: ['id'] });
    await table.overwrite({ rows: [{ id: 9, p: 'p2' }] }, { partitionOverwriteMode: 'dynamic' });
    expect(await bed.spark.checksum({ uri })).toEqual(await table.checksum());
    const [last] = (await table.history({ limit: 1 })).map(({ commitInfo }) => commitInfo);
    expect(last).toMatchObject({ operation: 'WRITE', operationParameters: { mode: 'Overwrite' } });
    await table.close();
  });
});
