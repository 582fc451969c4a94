import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTable, type DeltaTable, openTable, type Row } from 'deltawright';
import { describe, expect, it } from 'vitest';
import { EngineBed } from './engine-bed.ts';

const bed = new EngineBed('delete-update');
const { folder } = bed;

const ROW_COUNT = 70_000;

function rows(start: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => {
    const id = start + index;
    return {
      id: BigInt(id),
      nome: id % 11 === 0 ? null : `nome ${String(id % 100)}`,
      n: id % 7,
      x: id % 13 === 0 ? Number.NaN : id / 4,
      parte: id % 3 === 0 ? 'a:b/c %' : 'São',
    };
  });
}

const SCHEMA = 'id bigint, nome string, n int, x double, parte string';

async function filled(
  uri: string,
  properties: Readonly<Record<string, string>>,
  partitionBy: readonly string[],
): Promise<DeltaTable> {
  const table = await createTable(uri, { schema: SCHEMA, properties, partitionBy });
  await table.append({ rows: rows(0, ROW_COUNT) });
  await table.append({ rows: rows(ROW_COUNT, 10) });
  return table;
}

/** Scattered rows, all rows of a file, a partition, moves between partitions: vectors of all kinds, and one over another. */
async function changed(table: DeltaTable): Promise<void> {
  await table.delete({ where: 'id % 10 = 3' });
  await table.delete({ where: `id >= ${String(ROW_COUNT)} AND id < ${String(ROW_COUNT + 2)}` });
  await table.update({ set: { n: 'n + 100', nome: "concat(nome, '!')" }, where: 'n = 2' });
  await table.update({ set: { parte: "'nova'" }, where: "parte = 'São' AND id < 500" });
  await table.delete({ where: 'id BETWEEN 20000 AND 60000 OR x > 17000' });
}

/** The changes as Spark tells them, with the types that ours have. */
function changesInSpark(uri: string, version: number): string {
  return `SELECT id, nome, n, x, parte, _change_type FROM table_changes_by_path('${uri}', ${String(version)}, ${String(version)})`;
}

describe.each([
  ['copy-on-write', {}, []],
  ['copy-on-write', { 'delta.columnMapping.mode': 'name' }, ['parte']],
  ['deletion-vectors', { 'delta.enableDeletionVectors': 'true' }, []],
  ['deletion-vectors', { 'delta.enableDeletionVectors': 'true' }, ['parte']],
  [
    'deletion-vectors',
    { 'delta.enableDeletionVectors': 'true', 'delta.columnMapping.mode': 'id' },
    ['parte'],
  ],
] as const)(
  'what is deleted and updated by %s (%j, partitioned by %j)',
  (mode, own, partitionBy) => {
    it('is read alike by Spark and DuckDB, and Spark tells the same changes', async () => {
      const uri = join(folder, `${mode} ${Object.keys(own).join()} ${partitionBy.join()}`);
      const properties = { ...own, 'delta.enableChangeDataFeed': 'true' };
      const table = await filled(uri, properties, partitionBy);
      await changed(table);
      const ours = await table.checksum();
      expect(await bed.spark.checksum({ uri }), 'Spark').toEqual(ours);
      // DuckDB's reader has nulls for partition columns under column mapping.
      if (!('delta.columnMapping.mode' in own)) {
        expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'DuckDB').toEqual(ours);
      }
      for (let { version } = table.snapshot; version > 2; version -= 1) {
        const told = await Array.fromAsync(
          table.readChanges({ fromVersion: version, toVersion: version }),
        );
        const byType = Map.groupBy(told, ({ _change_type: type }) =>
          typeof type === 'string' ? type : '',
        );
        const counted = [...byType].map(
          ([type, of]) => `${type} ${String(of.length)} ${String(sumOf(of))}`,
        );
        const { rows: theirs } = await bed.spark.ask({
          op: 'sql',
          statement: `SELECT concat_ws(' ', _change_type, count(*), sum(id + n)) FROM (${changesInSpark(uri, version)}) GROUP BY _change_type`,
        });
        const found = Array.isArray(theirs) ? theirs.map(String) : [];
        expect(found.toSorted()).toEqual(counted.toSorted());
      }
      const { answer } = await bed.spark.ask({
        op: 'program',
        source: `
entry = spark.sql("DESCRIBE HISTORY delta.\`${uri}\` LIMIT 1").collect()[0]
answer = [entry["operation"], int(entry["operationMetrics"]["numDeletedRows"]) > 0]
`,
      });
      expect(answer).toEqual(['DELETE', true]);
      await table.close();
    });
  },
);

it('Spark goes on where we hid rows, and we where Spark did', async () => {
  const uri = join(folder, 'a vez');
  const table = await filled(uri, { 'delta.enableDeletionVectors': 'true' }, ['parte']);
  await table.delete({ where: 'id % 10 = 3' });
  await bed.spark.ask({ op: 'sql', statement: `DELETE FROM delta.\`${uri}\` WHERE id % 10 = 4` });
  await bed.spark.ask({
    op: 'sql',
    statement: `UPDATE delta.\`${uri}\` SET n = -1 WHERE id % 10 = 5`,
  });
  await table.refresh();
  await table.delete({ where: 'id % 100 = 6' });
  await table.update({ set: { n: '-2' }, where: 'n = -1 AND id < 1000' });
  const ours = await table.checksum();
  expect(await bed.spark.checksum({ uri }), 'Spark').toEqual(ours);
  expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'DuckDB').toEqual(ours);
  const past = await openTable(uri, { version: 3 });
  expect(await bed.spark.checksum({ uri, version: 3 }), 'Spark').toEqual(await past.checksum());
  await past.close();
  await bed.spark.ask({ op: 'sql', statement: `REORG TABLE delta.\`${uri}\` APPLY (PURGE)` });
  await table.refresh();
  expect(await table.checksum()).toEqual(ours);
  await table.close();
});

/** A file of Spark's with many row groups, which an overwritten row group or column leaves as they are. */
const SPLICED = `
import glob
spark.range(0, 40000, 1, 1).selectExpr("id", "md5(string(id)) AS nome",
    "element_at(array('SP', 'RJ', NULL), int(1 + id % 3)) AS uf", "CAST(id * 1.25 AS DECIMAL(25,2)) AS valor",
    "IF(id % 13 = 0, double('NaN'), id / 3) AS x", "IF(id % 5 = 0, NULL, array(md5(string(id)), NULL)) AS lista",
    "IF(id % 7 = 0, NULL, named_struct('a', int(id), 'b', md5(string(-id)))) AS ponto",
    "IF(id % 9 = 0, NULL, map('k', int(id), 'l', NULL)) AS mapa"
  ).write.option("parquet.block.size", 1 << 19).parquet(FOLDER)
answer = glob.glob(FOLDER + "/*.parquet")
`;

/** How many row groups a file has. */
async function rowGroupsOf(path: string): Promise<unknown> {
  const source = `
import pyarrow.parquet as pq
answer = pq.ParquetFile(${JSON.stringify(path)}).metadata.num_row_groups
`;
  return (await bed.peers.ask({ op: 'program', source }))['answer'];
}

it.each([
  [' with columns mapped', { 'delta.columnMapping.mode': 'name' }],
  [' with changes recorded', { 'delta.enableChangeDataFeed': 'true' }],
])('row groups and columns that stay are copied, and read alike%s', async (name, properties) => {
  const from = join(folder, `de spark${name}`);
  const source = SPLICED.replaceAll('FOLDER', JSON.stringify(from));
  const { answer } = await bed.spark.ask({ op: 'program', source });
  const uri = join(folder, `emendada${name}`);
  const table = await createTable(uri, {
    schema:
      'id bigint, nome string, uf string, valor decimal(25,2), x double, lista array<string>, ' +
      'ponto struct<a:int,b:string>, mapa map<string,int>',
  });
  await table.append({ parquet: Array.isArray(answer) ? answer.map(String) : [] });
  await table.setProperties(properties);
  const agreed = async (step: string): Promise<unknown> => {
    const [file, ...others] = [...table.files()];
    expect(others, step).toEqual([]);
    const ours = await table.checksum();
    expect(await bed.spark.checksum({ uri }), `Spark, ${step}`).toEqual(ours);
    expect(await bed.peers.checksum({ engine: 'duckdb', uri }), `DuckDB, ${step}`).toEqual(ours);
    return rowGroupsOf(fileURLToPath(file?.uri ?? ''));
  };
  const rowGroups = await agreed('filled');
  expect(rowGroups).toBeGreaterThan(4);
  await table.delete({ where: 'id BETWEEN 100 AND 200' });
  expect(await agreed('rows of a row group go')).toBe(rowGroups);
  await table.update({ set: { x: 'x + 1' }, where: 'id BETWEEN 20000 AND 20100' });
  expect(await agreed('a column of a row group')).toBe(rowGroups);
  await table.update({ set: { uf: "'MG'" }, where: 'id % 3001 = 0' });
  expect(await agreed('a column of all row groups')).toBe(rowGroups);
  await table.update({ set: { 'ponto.b': "'b'", valor: 'valor + 1' }, where: 'id = 39000' });
  expect(await agreed('columns of the last row group')).toBe(rowGroups);
  await table.merge({
    source: { rows: rows(30_000, 20).map(({ id, nome }) => ({ id, nome })) },
    on: 't.id = s.id',
    whenMatched: [
      { condition: 't.id % 2 = 0', update: { nome: 's.nome', lista: 'NULL' } },
      { condition: 't.id % 5 = 0', delete: true },
    ],
  });
  expect(await agreed('a merge')).toBe(rowGroups);
  await table.close();
});

function sumOf(told: readonly Row[]): bigint {
  return told.reduce((sum, { id, n }) => sum + BigInt(Number(id)) + BigInt(Number(n)), 0n);
}
