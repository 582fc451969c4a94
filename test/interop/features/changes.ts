/** The change data feed: what Spark writes and what follows from our appends, read by both. */

import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { DeltaTable, Row } from '../../../src/index.ts';
import type { FeatureBed } from './bed.ts';

const ON = { 'delta.enableChangeDataFeed': 'true' };

/** Rows as engines print them, sorted. */
export function sortedTexts(rows: readonly (readonly (string | null)[])[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted(byCode);
}

/** Columns of plain types of our rows, in the same form. */
export function changedTexts(rows: readonly Row[], names: readonly string[]): readonly string[] {
  return sortedTexts(rows.map((row) => names.map((name) => plainText(row[name]))));
}

function plainText(value: Row[string]): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function byCode(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The changes of these versions are the same to Spark and to us, with the time of each commit; resolves to their number. */
export async function sameChanges(
  bed: FeatureBed,
  table: DeltaTable,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<number> {
  const uri = fileURLToPath(table.uri);
  await table.refresh();
  const columns = table.snapshot.schema.fields.map(({ name }) => name);
  const own = await Array.fromAsync(table.readChanges({ fromVersion: from, toVersion: to }));
  const names = [...columns, '_change_type', '_commit_version', '_commit_timestamp'];
  const list = table.snapshot.schema.fields.map(({ name, type }) =>
    type.kind === 'struct'
      ? `to_json(\`${name}\`, map('ignoreNullFields', 'false'))`
      : `cast(\`${name}\` AS STRING)`,
  );
  const time = `date_format(_commit_timestamp, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")`;
  const rows = await bed.sql(
    uri,
    `SELECT ${list.join(', ')}, _change_type, _commit_version, ${time} FROM table_changes_by_path('${uri}', ${from}, ${to})`,
  );
  expect(changedTexts(own, names)).toEqual(sortedTexts(rows));
  return own.length;
}

export function changeTests(bed: () => FeatureBed): void {
  for (const [name, properties] of Object.entries({
    'files that are rewritten': ON,
    'deletion vectors': { ...ON, 'delta.enableDeletionVectors': 'true' },
    'in-commit timestamps and row ids': {
      ...ON,
      'delta.enableInCommitTimestamps': 'true',
      'delta.enableRowTracking': 'true',
    },
  })) {
    it(`our appends and Spark's updates, deletes and merges are the same changes to both: ${name}`, async () => {
      const uri = bed().place(`mudanças ${name}`);
      const table = await bed().create(uri, {
        schema: 'id bigint, n int, p string',
        partitionBy: ['p'],
        properties,
      });
      await table.append({
        rows: Array.from({ length: 40 }, (_, i) => ({
          id: BigInt(i),
          n: i,
          p: i % 4 === 0 ? null : `a ${i % 4}%=`,
        })),
      });
      await bed().sql(
        uri,
        'UPDATE {t} SET n = n + 1000 WHERE id < 6',
        'DELETE FROM {t} WHERE id % 5 = 0',
        "DELETE FROM {t} WHERE p = 'a 1%='",
        `MERGE INTO {t} t USING (SELECT 2L AS id, 7 AS n UNION ALL SELECT 3L, -1 UNION ALL SELECT 500L, 8) s ON t.id = s.id
         WHEN MATCHED AND s.n < 0 THEN DELETE WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (id, n, p) VALUES (s.id, s.n, 'novo')`,
        "INSERT OVERWRITE {t} SELECT 1L, 1, 'só'",
        'OPTIMIZE {t}',
      );
      await table.refresh();
      await table.append({ rows: [{ id: 600n, n: null, p: 'só' }] });
      await bed().sql(uri, 'UPDATE {t} SET p = null WHERE id = 600');
      await table.refresh();
      const { version } = table.snapshot;
      expect(await sameChanges(bed(), table, { from: 0, to: version })).toBeGreaterThan(80);
      for (let at = 1; at <= version; at += 1) {
        await sameChanges(bed(), table, { from: at, to: at });
      }
      const before = await bed().agree(table);
      await table.append({ rows: [{ id: 700n, n: 1, p: 'só' }] });
      await table.append({ rows: [{ id: 701n, n: 2, p: 'só' }] });
      expect(await table.optimize()).toMatchObject({ kind: 'committed' });
      expect((await bed().agree(table)).rows).toBe(before.rows + 2);
      expect(await sameChanges(bed(), table, { from: version + 1, to: version + 3 })).toBe(2);
    });
  }

  it('changes of a table that was renamed, added to and widened have the columns of the last version', async () => {
    const uri = bed().place('mudanças de nome');
    const table = await bed().create(uri, {
      schema: 'id int, n int',
      properties: { ...ON, 'delta.columnMapping.mode': 'name', 'delta.enableTypeWidening': 'true' },
    });
    await table.append({
      rows: [
        { id: 1, n: 1 },
        { id: 2, n: 2 },
      ],
    });
    await bed().sql(
      uri,
      'UPDATE {t} SET n = 5 WHERE id = 1',
      'ALTER TABLE {t} ADD COLUMN s STRING',
    );
    await table.refresh();
    await table.append({ rows: [{ id: 3, n: 3, s: 'nosso' }] });
    await bed().sql(uri, "UPDATE {t} SET s = 'dele' WHERE id = 3");
    await sameChanges(bed(), table, { from: 1, to: 5 });
  });

  it('versions before the feed was turned on are refused by both', async () => {
    const uri = bed().place('mudanças depois');
    const table = await bed().create(uri, { schema: 'id int' });
    await table.append({ rows: [{ id: 1 }] });
    await table.setProperties(ON);
    await table.append({ rows: [{ id: 2 }] });
    await bed().sql(uri, 'DELETE FROM {t} WHERE id = 1');
    expect(await sameChanges(bed(), table, { from: 2, to: 4 })).toBe(2);
    const early = Array.fromAsync(table.readChanges({ fromVersion: 1 }));
    await expect(early).rejects.toMatchObject({ code: 'CHANGES_NOT_RECORDED' });
    const theirs = bed().sql(uri, `SELECT * FROM table_changes_by_path('${uri}', 1, 4)`);
    await expect(theirs).rejects.toThrow('DELTA_MISSING_CHANGE_DATA');
    await table.merge({
      source: { rows: [{ id: 2 }] },
      on: 't.id = s.id',
      whenMatched: [{ delete: true }],
    });
    expect(await sameChanges(bed(), table, { from: 2, to: 5 })).toBe(3);
  });
}
