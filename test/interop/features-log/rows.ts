/** What the log says of rows: their ids, that they stay, and how far applications are. */

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { DeltaTable } from '../../../src/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { agreeAnew, peersProgram, sparkProgram } from './log-bed.ts';

/** `[id, row id, commit version]` of each row as Spark has them, in the order of `id`. */
async function rowIds(bed: FeatureBed, uri: string): Promise<readonly (readonly number[])[]> {
  const rows = await bed.sql(
    uri,
    'SELECT id, _metadata.row_id, _metadata.row_commit_version FROM {t} ORDER BY id',
  );
  return rows.map((row) => row.map(Number));
}

async function everyIdIsOnce(bed: FeatureBed, table: DeltaTable): Promise<void> {
  const ids = (await rowIds(bed, fileURLToPath(table.uri))).map((row) => row[1]);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toBeLessThanOrEqual(markOf(table));
}

function markOf(table: DeltaTable): number {
  const { rowIdHighWaterMark } = JSON.parse(table.domain('delta.rowTracking') ?? '{}');
  return Number(rowIdHighWaterMark);
}

export function rowTests(bed: () => FeatureBed): void {
  it('row ids that we give are what Spark shows, stay with its changes, and go on behind the mark', async () => {
    const uri = bed().place('linhas nossas');
    const table = await bed().create(uri, {
      schema: 'id bigint, n int',
      properties: { 'delta.enableRowTracking': 'true' },
    });
    const rows = (...ids: number[]): { id: bigint; n: number }[] =>
      ids.map((id) => ({ id: BigInt(id), n: 0 }));
    await table.append({ rows: rows(1, 2, 3) });
    await table.append({ rows: rows(4, 5) });
    expect(await rowIds(bed(), uri)).toEqual([
      [1, 0, 1],
      [2, 1, 1],
      [3, 2, 1],
      [4, 3, 2],
      [5, 4, 2],
    ]);
    await bed().sql(uri, 'UPDATE {t} SET n = 1 WHERE id = 2', 'DELETE FROM {t} WHERE id = 4');
    await table.refresh();
    const mark = markOf(table);
    await table.append({ rows: rows(6, 7) });
    const { version } = table.snapshot;
    expect(await rowIds(bed(), uri)).toEqual([
      [1, 0, 1],
      [2, 1, 3],
      [3, 2, 1],
      [5, 4, 2],
      [6, mark + 1, version],
      [7, mark + 2, version],
    ]);
    expect(markOf(table)).toBe(mark + 2);
    await table.checkpoint();
    await bed().sql(uri, 'OPTIMIZE {t}', 'INSERT INTO {t} VALUES (8, 0)');
    await table.refresh();
    await table.append({ rows: rows(9) });
    expect((await rowIds(bed(), uri)).slice(0, 4)).toEqual([
      [1, 0, 1],
      [2, 1, 3],
      [3, 2, 1],
      [5, 4, 2],
    ]);
    const before = await rowIds(bed(), uri);
    expect(await table.optimize()).toMatchObject({ kind: 'committed' });
    expect(await rowIds(bed(), uri)).toEqual(before);
    await everyIdIsOnce(bed(), table);
    await agreeAnew(bed(), table);
  });

  it('row ids that Spark gave a table of ours afterwards are gone on with', async () => {
    const uri = bed().place('linhas de spark');
    const table = await bed().create(uri, { schema: 'id bigint' });
    for (const id of [1n, 2n]) await table.append({ rows: [{ id }] });
    await bed().sql(uri, "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableRowTracking' = 'true')");
    await table.refresh();
    await Promise.all([3n, 4n].map((id) => table.append({ rows: [{ id }] })));
    await bed().sql(uri, 'INSERT INTO {t} VALUES (5)');
    await table.refresh();
    await everyIdIsOnce(bed(), table);
    await agreeAnew(bed(), table);
  });

  it('a table that says appendOnly is kept so by Spark, by delta-rs and by us', async () => {
    const uri = bed().place('só acrescentar');
    const table = await bed().create(uri, {
      schema: 'id bigint',
      properties: { 'delta.appendOnly': 'true' },
    });
    for (const id of [1n, 2n]) await table.append({ rows: [{ id }] });
    await expect(bed().sql(uri, 'DELETE FROM {t} WHERE id = 1')).rejects.toThrow('append');
    const deleting = peersProgram(bed(), uri, 'DeltaTable(uri).delete("id = 1")');
    await expect(deleting).rejects.toThrow(/append/i);
    const merge = {
      source: { rows: [{ id: 1n }] },
      on: 't.id = s.id',
      whenMatched: [{ delete: true }],
    } as const;
    await expect(table.merge(merge)).rejects.toMatchObject({ code: 'APPEND_ONLY' });
    await bed().sql(uri, 'OPTIMIZE {t}', 'INSERT INTO {t} VALUES (3)');
    await table.refresh();
    await table.append({ rows: [{ id: 4n }] });
    expect(await table.optimize()).toMatchObject({ kind: 'committed' });
    expect((await agreeAnew(bed(), table)).rows).toBe(4);
    await bed().sql(uri, "ALTER TABLE {t} SET TBLPROPERTIES ('delta.appendOnly' = 'false')");
    await table.refresh();
    expect(await table.merge(merge)).toMatchObject({ kind: 'committed', deleted: 1 });
    await agreeAnew(bed(), table);
  });

  it('what an application has written, by us, Spark or delta-rs, none of the others writes again', async () => {
    const uri = bed().place('aplicações');
    const table = await bed().create(uri, { schema: 'id bigint' });
    const append = async (id: bigint, version: number): Promise<string> => {
      await table.refresh();
      return (await table.append({ rows: [{ id }] }, { txn: { appId: 'app ç/1', version } })).kind;
    };
    const bySpark = (id: number, version: number): Promise<unknown> =>
      sparkProgram(
        bed(),
        uri,
        `spark.createDataFrame([(${id},)], "id long").write.format("delta").mode("append").option("txnAppId", "app ç/1").option("txnVersion", ${version}).save(uri)`,
      );
    expect(await append(1n, 5)).toBe('committed');
    await bySpark(-1, 5);
    await bySpark(2, 6);
    expect(await append(-2n, 6)).toBe('applied');
    await table.checkpoint();
    const answer = await peersProgram(
      bed(),
      uri,
      `
from deltalake import CommitProperties, Transaction
table = DeltaTable(uri)
answer = table.transaction_version("app ç/1")
write_deltalake(table, pa.table({"id": pa.array([3], pa.int64())}), mode="append", commit_properties=CommitProperties(app_transactions=[Transaction("app ç/1", 7)]))
`,
    );
    expect(answer).toBe(6);
    expect(await append(-3n, 7)).toBe('applied');
    await bySpark(-3, 7);
    expect(await append(4n, 8)).toBe('committed');
    const rows = await Array.fromAsync(table.scan());
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set([1n, 2n, 3n, 4n]));
    expect(rows).toHaveLength(4);
    await agreeAnew(bed(), table);
  });

  it('appends that leave as one commit are so many rows to the others', async () => {
    const uri = bed().place('em grupo');
    await bed().create(uri, {
      schema: 'id bigint',
      properties: { 'delta.enableRowTracking': 'true', 'delta.enableInCommitTimestamps': 'true' },
    });
    const table = await bed().open(uri, { groupCommit: true });
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        table.append({ rows: [{ id: BigInt(i) }] }, { txn: { appId: `a${i}`, version: i } }),
      ),
    );
    expect(outcomes.every(({ kind }) => kind === 'committed')).toBe(true);
    expect(table.snapshot.version).toBeLessThan(20);
    expect((await agreeAnew(bed(), table)).rows).toBe(60);
    await everyIdIsOnce(bed(), table);
    const known = await sparkProgram(
      bed(),
      uri,
      'answer = sorted([it.appId(), it.version()] for it in items(snapshot_of(uri).setTransactions()))',
    );
    expect(known).toHaveLength(60);
    expect(known).toContainEqual(['a43', 43]);
  });
}
