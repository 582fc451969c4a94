/** Columns whose type was widened: by Spark or by us, with files of both types. */

import { expect, it } from 'vitest';
import { type FeatureBed, rowsOf } from './bed.ts';

const ON = { 'delta.enableTypeWidening': 'true' };
const REFUSED = { datafusion: 'TypeWidening' };

export function wideningTests(bed: () => FeatureBed): void {
  it('what we widen, nested and in partitions too, is read and written by Spark', async () => {
    const uri = bed().place('alargada por nos');
    const table = await bed().create(uri, {
      schema: `id int, b tinyint, s smallint, i int, f float, d decimal(5,2), dia date, x int, y bigint,
        dados struct<n:int,l:array<smallint>>, mapa map<int,array<float>>, parte tinyint`,
      partitionBy: ['parte'],
      properties: { ...ON, 'delta.feature.timestampNtz': 'supported' },
    });
    const row = { b: -128, s: 32_767, i: -7, f: 1.1, d: '123.45', dia: '1500-01-01', x: 5, y: -3n };
    await table.append({
      rows: [
        { id: 1, ...row, dados: { n: 3, l: [1, null] }, mapa: [[4, [0.1, null]]], parte: -1 },
        { id: 2 },
      ],
    });
    const wider = {
      b: 'int',
      s: 'bigint',
      i: 'double',
      f: 'double',
      d: 'decimal(12,4)',
      dia: 'timestamp_ntz',
      x: 'decimal(15,3)',
      y: 'decimal(20,0)',
      'dados.n': 'bigint',
      'dados.l.element': 'int',
      'mapa.key': 'bigint',
      'mapa.value.element': 'double',
      parte: 'int',
    };
    for (const [column, type] of Object.entries(wider)) await table.widenColumn(column, type);
    await bed().agree(table, REFUSED);
    await bed().sql(
      uri,
      `INSERT INTO {t} SELECT 3, 100000, 1L << 40, 0.5D, 1e300D, 12345678.1234, TIMESTAMP_NTZ '2026-11-23 01:02:03.000004', 123456789.125,
       12345678901234567890, named_struct('n', 1L << 40, 'l', array(70000)), map(1L << 40, array(1e300D)), 70000`,
    );
    await table.refresh();
    await table.append({ rows: [{ id: 4, b: 1, parte: -1, y: '12345678901234567890' }] });
    await bed().agree(table, REFUSED);
    const ids = async (where: string): Promise<readonly unknown[]> =>
      (await rowsOf(table, 'id', { where })).map(({ id }) => id);
    expect(await ids('b < 0')).toEqual([1]);
    expect(await ids('s > 40000')).toEqual([3]);
    expect(await ids("dia < timestamp_ntz '1500-01-01 00:00:01'")).toEqual([1]);
    expect(await ids('parte = -1')).toEqual([1, 4]);
    expect(await ids('dados.n >= 3')).toEqual([1, 3]);
    const all = await table.checksum();
    expect(await table.optimize()).toMatchObject({ kind: 'committed' });
    expect(await bed().agree(table, REFUSED)).toEqual(all);
    await expect(table.widenColumn('id', 'smallint')).rejects.toMatchObject({
      code: 'COLUMN_CHANGE_INVALID',
    });
  });

  it('what Spark widens, step by step, is read and appended to by us', async () => {
    const uri = bed().place('alargada por spark');
    await bed().sql(
      uri,
      `CREATE TABLE {t} (id TINYINT, v SMALLINT, d DECIMAL(4,1), a ARRAY<STRUCT<x: TINYINT>>) USING delta
       TBLPROPERTIES ('delta.enableTypeWidening' = 'true')`,
      'INSERT INTO {t} VALUES (1, 2, 3.5, array(named_struct("x", 1Y)))',
      'ALTER TABLE {t} ALTER COLUMN id TYPE SMALLINT',
      'INSERT INTO {t} VALUES (1000, 2, 3.5, array())',
      'ALTER TABLE {t} ALTER COLUMN id TYPE INT',
      'INSERT INTO {t} VALUES (100000, 2, 3.5, null)',
      'ALTER TABLE {t} ALTER COLUMN id TYPE BIGINT',
      'ALTER TABLE {t} ALTER COLUMN v TYPE DOUBLE',
      'ALTER TABLE {t} ALTER COLUMN d TYPE DECIMAL(30,10)',
      'ALTER TABLE {t} ALTER COLUMN a.element.x TYPE INT',
    );
    const table = await bed().open(uri);
    await bed().agree(table, REFUSED);
    await table.append({
      rows: [{ id: 1n << 40n, v: 0.25, d: '12345678901234567890.0123456789', a: [{ x: 70_000 }] }],
    });
    await table.checkpoint();
    await bed().agree(table, REFUSED);
    const found = await rowsOf(table, 'id', { where: 'id >= 1000 and id <= 100000' });
    expect(found.map(({ id }) => id)).toEqual([1000n, 100_000n]);
  });

  it('a widened column that Spark narrows again by dropping the feature is read as before', async () => {
    const uri = bed().place('alargada e largada');
    const table = await bed().create(uri, { schema: 'id int, v int', properties: ON });
    await table.append({ rows: [{ id: 1, v: 1 }] });
    await table.widenColumn('v', 'bigint');
    await bed().sql(uri, 'ALTER TABLE {t} DROP FEATURE typeWidening');
    await table.refresh();
    await table.append({ rows: [{ id: 2, v: 1n << 40n }] });
    await bed().agree(table, {});
  });
}
