import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { convertTable, createTable, type DeltaTable, openTable } from 'deltawright';
import { describe, expect, it } from 'vitest';
import { EngineBed } from './engine-bed.ts';

const bed = new EngineBed('housekeeping', { fewRows: true });
const { folder } = bed;

async function inSpark(source: string): Promise<unknown> {
  return (await bed.spark.ask({ op: 'program', source }))['answer'];
}

/** A table with files that were removed: in partitions with names that are encoded twice. */
async function made(name: string, properties: Record<string, string> = {}): Promise<DeltaTable> {
  const spec = { schema: 'id bigint, parte string', partitionBy: ['parte'], properties };
  const table = await createTable(join(folder, name), spec);
  for (let id = 0; id < 4; id += 1) {
    await table.append({ rows: [{ id: BigInt(id), parte: id === 0 ? null : `São %2${id}/:` }] });
  }
  await table.delete({ where: 'id = 1' });
  await table.update({ set: { id: 'id + 10' }, where: 'id = 2' });
  return table;
}

/** Spark, delta-rs and DuckDB; the latter two do not follow paths to other tables. */
async function agree(table: DeltaTable, { isClone = false } = {}): Promise<void> {
  await table.refresh();
  const ours = await table.checksum();
  const { uri } = table;
  expect(await bed.spark.checksum({ uri }), 'Spark').toEqual(ours);
  if (isClone) return;
  expect(await bed.peers.checksum({ engine: 'deltars', uri }), 'delta-rs').toEqual(ours);
  expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'DuckDB').toEqual(ours);
}

function dataFiles(table: DeltaTable): number {
  const names = readdirSync(new URL(`${table.uri}/`), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.parquet') && !name.includes('_delta_log')).length;
}

const NOW = { retentionHours: 0, retentionCheck: false };

describe('ours, read by others', () => {
  it.each([{}, { 'delta.enableDeletionVectors': 'true' }] as Record<string, string>[])(
    'a vacuumed table, and its history: %o',
    async (properties) => {
      const table = await made(`limpa-${Object.keys(properties).length}`, properties);
      const { files } = await table.vacuum(NOW);
      expect(files.length).toBeGreaterThan(0);
      if (Object.keys(properties).length === 0) await agree(table);
      else await agree(table, { isClone: true });
      const path = table.uri;
      const operations = await inSpark(`
answer = [[r["operation"], r["operationMetrics"].get("numDeletedFiles")] for r in
  spark.sql("DESCRIBE HISTORY delta.\`${path}\` LIMIT 2").collect()]
`);
      expect(operations).toEqual([
        ['VACUUM END', String(files.length)],
        ['VACUUM START', null],
      ]);
      await table.close();
    },
  );

  it('a restored table', async () => {
    const table = await made('restaurada');
    const before = await openTable(table.uri, { version: 4 });
    await table.restore({ version: 4 });
    expect(await table.checksum()).toEqual(await before.checksum());
    await agree(table);
    const metrics = await inSpark(`
row = spark.sql("DESCRIBE HISTORY delta.\`${table.uri}\` LIMIT 1").collect()[0]
answer = [row["operation"], row["operationParameters"]["version"], row["operationMetrics"]["numRestoredFiles"]]
`);
    expect(metrics).toEqual(['RESTORE', '4', '2']);
    await table.close();
  });

  it('a shallow clone, which Spark goes on with, and which our vacuum of the source spares', async () => {
    const table = await made('fonte %C3 ç', { 'delta.enableDeletionVectors': 'true' });
    const { table: uri } = await table.clone(join(folder, 'raso'), { kind: 'shallow' });
    const clone = await openTable(uri);
    await agree(clone, { isClone: true });
    await inSpark(`
spark.sql("DELETE FROM delta.\`${uri}\` WHERE id = 3")
spark.sql("INSERT INTO delta.\`${uri}\` VALUES (77, 'x')")
answer = 0
`);
    await table.delete();
    await table.vacuum(NOW);
    await agree(clone, { isClone: true });
    await clone.close();
    await table.close();
  });

  it('a deep clone, with the times of all versions', async () => {
    const table = await made('original');
    const { table: uri } = await table.clone(join(folder, 'fundo'), { kind: 'deep' });
    const copy = await openTable(uri);
    await agree(copy);
    const times = (place: string): Promise<unknown> =>
      inSpark(`
answer = [str(r["timestamp"]) for r in spark.sql("DESCRIBE HISTORY delta.\`${place}\`").collect()]
`);
    expect(await times(uri)).toEqual(await times(table.uri));
    await copy.close();
    await table.close();
  });

  it('a folder that Spark wrote, converted: timestamps as INT96 and partitions', async () => {
    const uri = join(folder, 'pasta');
    await inSpark(`
spark.sql("SELECT id, concat('p ', id % 3, '/%') AS uf, TIMESTAMP '2026-01-01 00:00:00' AS quando, CAST(id AS DECIMAL(10,2)) AS v FROM range(20)") \\
  .write.partitionBy("uf").parquet("${uri}")
answer = 0
`);
    const table = await convertTable(uri);
    expect(table.snapshot.partitionColumns).toEqual(['uf']);
    await agree(table);
    await table.close();
  });
});

describe("others', read by us", () => {
  it('after VACUUM, RESTORE and a shallow CLONE by Spark', async () => {
    const table = await made('deles');
    const { uri } = table;
    const clone = join(folder, 'raso-de-spark');
    await inSpark(`
spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", "2")
spark.sql("RESTORE TABLE delta.\`${uri}\` TO VERSION AS OF 4")
spark.sql("CREATE TABLE delta.\`${clone}\` SHALLOW CLONE delta.\`${uri}\`")
spark.sql("VACUUM delta.\`${uri}\` RETAIN 0 HOURS")
spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
answer = 0
`);
    await agree(table);
    expect(dataFiles(table)).toBe(table.snapshot.fileCount);
    const theirs = await openTable(clone);
    await agree(theirs, { isClone: true });
    expect(await theirs.checksum()).toEqual(await table.checksum());
    expect((await table.vacuum(NOW)).files).toEqual([]);
    await theirs.close();
    await table.close();
  });
});
