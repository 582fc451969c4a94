/** Deletion vectors: Spark hides rows of files that we wrote, and of its own. */

import { expect, it } from 'vitest';
import type { DeltaTable } from '../../../src/index.ts';
import { type FeatureBed, rowsOf } from './bed.ts';

const ON = { 'delta.enableDeletionVectors': 'true' };

function hiddenRows(table: DeltaTable): number {
  let count = 0;
  for (const { path } of table.files()) {
    count += table.snapshot.file(path)?.deletionVector?.cardinality ?? 0;
  }
  return count;
}

export function vectorTests(bed: () => FeatureBed): void {
  it('rows that Spark deletes, updates and merges in our files are gone for all, and our appends go on', async () => {
    const uri = bed().place('vectores');
    const table = await bed().create(uri, {
      schema: 'id bigint, n int, p string',
      partitionBy: ['p'],
      properties: ON,
    });
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      id: BigInt(i),
      n: i % 10,
      p: i % 2 === 0 ? 'par á%' : null,
    }));
    await table.append({ rows });
    await bed().agree(table);
    await bed().sql(uri, 'DELETE FROM {t} WHERE id % 3 = 0');
    await bed().agree(table);
    expect(hiddenRows(table)).toBe(1000);
    await bed().sql(
      uri,
      'DELETE FROM {t} WHERE n = 1',
      'UPDATE {t} SET n = 100 WHERE id = 2',
      `MERGE INTO {t} t USING (SELECT 4L AS id UNION ALL SELECT 99999L) s ON t.id = s.id
       WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, n, p) VALUES (s.id, 5, 'novo')`,
    );
    await table.append({ rows: [{ id: 100_000n, n: 7, p: null }] });
    await bed().agree(table);
    expect(hiddenRows(table)).toBeGreaterThan(1000);
    expect(await rowsOf(table, 'id', { where: 'id in (2, 3, 4, 99999)', columns: ['id'] })).toEqual(
      [{ id: 2n }, { id: 99_999n }],
    );
    const all = await table.checksum();
    expect(await table.optimize()).toMatchObject({ kind: 'committed' });
    expect(await bed().agree(table)).toEqual(all);
    await bed().sql(uri, 'DELETE FROM {t} WHERE id = 8');
    await table.refresh();
    const merged = await table.merge({
      source: {
        rows: [
          { id: 5n, n: 0, p: null },
          { id: 8n, n: 1, p: 'volta' },
        ],
      },
      on: 't.id = s.id',
      whenMatched: [{ update: '*' }],
      whenNotMatched: [{ insert: '*' }],
    });
    expect(merged).toMatchObject({ updated: 1, inserted: 1 });
    await bed().agree(table);
  });

  it('vectors are in our checkpoint as in the commits, and the versions before stay as they were', async () => {
    const uri = bed().place('vectores em checkpoint');
    const table = await bed().create(uri, { schema: 'id bigint, n int', properties: ON });
    await table.append({ rows: Array.from({ length: 100 }, (_, i) => ({ id: BigInt(i), n: i })) });
    const before = await table.checksum();
    await bed().sql(uri, 'DELETE FROM {t} WHERE id < 50');
    await table.refresh();
    await table.checkpoint();
    const after = await bed().agree(table);
    await bed().sql(uri, 'INSERT INTO {t} VALUES (1000, 1)', 'DELETE FROM {t} WHERE id >= 90');
    await bed().agree(table);
    const first = await bed().open(uri, { version: 1 });
    expect(await first.checksum()).toEqual(before);
    const second = await bed().open(uri, { version: 2 });
    expect(await second.checksum()).toEqual(after);
    await bed().sql(uri, 'RESTORE {t} TO VERSION AS OF 2');
    expect(await bed().agree(table)).toEqual(after);
    await bed().sql(uri, 'REORG TABLE {t} APPLY (PURGE)');
    expect(await bed().agree(table)).toEqual(after);
    expect(hiddenRows(table)).toBe(0);
    await table.setProperties({ 'delta.enableDeletionVectors': 'false' });
    await bed().sql(uri, 'DELETE FROM {t} WHERE id = 60');
    await bed().agree(table);
    expect(hiddenRows(table)).toBe(0);
  });

  it('vectors of large files, in runs and over several row groups, hide the right rows', async () => {
    const uri = bed().place('vectores grandes');
    await bed().sqlWith(
      uri,
      { 'parquet.block.size': '262144', 'spark.sql.files.maxRecordsPerFile': '0' },
      `CREATE TABLE {t} USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true') AS
       SELECT /*+ COALESCE(1) */ id, cast(id % 7 as string) AS s FROM range(0, 200000, 1, 1)`,
      'DELETE FROM {t} WHERE id BETWEEN 60000 AND 140000',
      'DELETE FROM {t} WHERE id % 5 = 0',
      'DELETE FROM {t} WHERE id = 199999',
    );
    const table = await bed().open(uri);
    expect((await bed().agree(table)).rows).toBe(95_999);
    const found = await rowsOf(table, 'id', {
      where: 'id > 59997 and id < 140003',
      columns: ['id'],
    });
    expect(found).toEqual([59_998n, 59_999n, 140_001n, 140_002n].map((id) => ({ id })));
  });

  it('rows hidden in a mapped table whose columns were renamed and widened are gone', async () => {
    const uri = bed().place('vectores e nomes');
    const table = await bed().create(uri, {
      schema: 'id int, v int',
      properties: {
        ...ON,
        'delta.columnMapping.mode': 'name',
        'delta.enableTypeWidening': 'true',
        'delta.enableRowTracking': 'true',
      },
    });
    await table.append({ rows: Array.from({ length: 20 }, (_, i) => ({ id: i, v: i })) });
    await bed().sql(
      uri,
      'DELETE FROM {t} WHERE id = 3',
      'ALTER TABLE {t} RENAME COLUMN v TO w',
      'ALTER TABLE {t} ALTER COLUMN id TYPE BIGINT',
      'DELETE FROM {t} WHERE w = 4',
      'UPDATE {t} SET w = -1 WHERE id = 5',
    );
    await table.refresh();
    await table.append({ rows: [{ id: 10_000_000_000n, w: 1 }] });
    await bed().agree(table, { datafusion: 'TypeWidening' });
    await bed().sql(uri, 'DELETE FROM {t} WHERE id = 10000000000');
    expect((await bed().agree(table, { datafusion: 'TypeWidening' })).rows).toBe(18);
  });
}
