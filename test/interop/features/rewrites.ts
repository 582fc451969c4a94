/** What we delete, update, merge, overwrite and restore: the same rows, and the same changes, to all. */

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { DeltaTable, Row } from '../../../src/index.ts';
import type { FeatureBed, Refusals } from './bed.ts';
import { WRONG_ROWS } from './bed.ts';
import { sameChanges } from './changes.ts';

const FEED = { 'delta.enableChangeDataFeed': 'true' };
const VECTORS = { 'delta.enableDeletionVectors': 'true' };
const MAPPED = { 'delta.columnMapping.mode': 'name' };

interface Case {
  readonly name: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly refusals: Refusals;
}

const CASES: readonly Case[] = [
  { name: 'files written again', properties: FEED, refusals: {} },
  { name: 'deletion vectors', properties: { ...FEED, ...VECTORS }, refusals: {} },
  {
    name: 'deletion vectors of mapped columns',
    properties: { ...FEED, ...VECTORS, ...MAPPED },
    // It takes partition values by the names of columns.
    refusals: { duckdb: WRONG_ROWS },
  },
];

function row(id: number): Row {
  return {
    id: BigInt(id),
    n: id,
    s: { a: `a${id}`, b: null },
    p: id % 4 === 0 ? null : `p ${id % 4}%=`,
  };
}

async function changeAll(table: DeltaTable): Promise<void> {
  await table.append({ rows: Array.from({ length: 60 }, (_, id) => row(id)) });
  await table.delete({ where: 'id % 5 = 0' });
  await table.update({ where: 'id < 10', set: { n: 'n + 1000', 's.b': "concat('b', s.a)" } });
  await table.update({ where: 'id = 11', set: { p: "'outra'" } });
  await table.merge({
    source: { rows: [{ ...row(12), n: -1 }, row(13), row(600)] },
    on: 't.id = s.id',
    whenMatched: [{ condition: 's.n < 0', delete: true }, { update: { n: 's.n * 2' } }],
    whenNotMatched: [{ insert: '*' }],
  });
  await table.delete({ where: "p = 'p 1%='" });
}

export function rewriteTests(bed: () => FeatureBed): void {
  for (const { name, properties, refusals } of CASES) {
    it(`by ${name}, in partitions, and Spark goes on from there`, async () => {
      const uri = bed().place(`mudada com ${name}`);
      const table = await bed().create(uri, {
        schema: 'id bigint, n int, s struct<a:string,b:string>, p string',
        partitionBy: ['p'],
        properties,
      });
      await changeAll(table);
      await bed().agree(table, refusals);
      await bed().sql(
        uri,
        'DELETE FROM {t} WHERE id = 14',
        'UPDATE {t} SET n = 7 WHERE id IN (18, 19)',
        "MERGE INTO {t} t USING (SELECT 22L AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET p = 'dele'",
      );
      await table.refresh();
      await table.delete({ where: 'id in (18, 23)' });
      const all = await bed().agree(table, refusals);
      const { version } = table.snapshot;
      expect(await sameChanges(bed(), table, { from: 1, to: version })).toBeGreaterThan(100);
      expect(await table.optimize()).toMatchObject({ kind: 'committed' });
      expect(await bed().agree(table, refusals)).toEqual(all);
    });
  }

  it('an overwrite, of all, of a condition and of partitions, and a restore', async () => {
    const table = await bed().create(bed().place('substituida'), {
      schema: 'id int, p string',
      partitionBy: ['p'],
      properties: { ...FEED, ...VECTORS },
    });
    const rows = (from: number, p: string): Row[] => [0, 1, 2].map((i) => ({ id: from + i, p }));
    await table.append({ rows: [...rows(0, 'a'), ...rows(10, 'b')] });
    await table.delete({ where: 'id = 1' });
    const before = await bed().agree(table);
    await table.overwrite({ rows: rows(20, 'b') }, { partitionOverwriteMode: 'dynamic' });
    await table.overwrite({ rows: [{ id: 2, p: 'a' }] }, { replaceWhere: "p = 'a'" });
    await bed().agree(table);
    await table.overwrite({ rows: rows(30, 'c') });
    expect((await bed().agree(table)).rows).toBe(3);
    const { version } = table.snapshot;
    await sameChanges(bed(), table, { from: 1, to: version });
    await table.restore({ version: 2 });
    expect(await bed().agree(table)).toEqual(before);
    await bed().sql(fileURLToPath(table.uri), "INSERT INTO {t} VALUES (99, 'z')");
    await bed().agree(table);
  });

  it('a shallow and a deep clone of ours are read, and Spark deletes in them', async () => {
    const source = await bed().create(bed().place('de onde'), {
      schema: 'id int, p string',
      partitionBy: ['p'],
      properties: VECTORS,
    });
    await source.append({
      rows: Array.from({ length: 20 }, (_, id) => ({ id, p: `á ${id % 2}` })),
    });
    await source.delete({ where: 'id = 3' });
    const before = await source.checksum();
    for (const kind of ['shallow', 'deep'] as const) {
      const uri = bed().place(`para onde ${kind}`);
      await source.clone(uri, { kind });
      const refusals = kind === 'shallow' ? { duckdb: 'Cannot open file' } : {};
      const table = await bed().open(uri);
      expect(await bed().agree(table, refusals)).toEqual(before);
      await bed().sql(uri, 'DELETE FROM {t} WHERE id = 4');
      await table.refresh();
      await table.append({ rows: [{ id: 100, p: null }] });
      expect((await bed().agree(table, refusals)).rows).toBe(19);
    }
    expect(await bed().agree(source)).toEqual(before);
  });
}
