/** Checkpoints of every kind, and log compaction: the commits that they stand for are gone, or left unread. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DeltaTable, Row } from '../../../src/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { agreeAnew, cutLog, fileName, logNames, peersProgram, sparkProgram } from './log-bed.ts';

const SCHEMA = 'id bigint, nome string, dia date';
const V2 = { 'delta.checkpointPolicy': 'v2', 'delta.checkpointInterval': '3' };

function row(id: number): Row {
  return { id: BigInt(id), nome: `ção ${id}`, dia: '2026-11-23' };
}

async function appendEach(table: DeltaTable, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id += 1) {
    const { postCommitErrors } = await table.append({ rows: [row(id)] });
    expect(postCommitErrors).toEqual([]);
  }
}

function checkpointName(uri: string, version: number): string {
  const names = logNames(uri).filter((it) => it.startsWith(`${fileName(version)}.checkpoint.`));
  expect(names).toHaveLength(1);
  return names[0] ?? '';
}

/** Files that the JSON checkpoint of a version names. */
function sidecarsOf(uri: string, version: number): readonly string[] {
  const text = readFileSync(join(uri, '_delta_log', checkpointName(uri, version)), 'utf8');
  return [...text.matchAll(/"sidecar":\{"path":"([^"]+)"/g)].map((match) => match[1] ?? '');
}

export function checkpointTests(bed: () => FeatureBed): void {
  it('V2 checkpoints of ours, whose sidecars go from one to the next, are all that the others need', async () => {
    const uri = bed().place('v2 nosso');
    const table = await bed().create(uri, {
      schema: SCHEMA,
      partitionBy: ['dia'],
      properties: { ...V2, 'delta.enableRowTracking': 'true' },
    });
    await appendEach(table, 1, 3);
    const first = sidecarsOf(uri, 3);
    cutLog(uri, 3);
    await agreeAnew(bed(), table);
    await appendEach(table, 4, 6);
    expect(sidecarsOf(uri, 6)).toEqual(expect.arrayContaining([...first]));
    expect(sidecarsOf(uri, 6).length).toBeGreaterThan(first.length);
    cutLog(uri, 6);
    await agreeAnew(bed(), table);
    await bed().sql(
      uri,
      "INSERT INTO {t} VALUES (7, 'sete', DATE '2026-11-24')",
      'DELETE FROM {t} WHERE id = 2',
    );
    await table.refresh();
    await appendEach(table, 9, 9);
    expect(table.snapshot.version).toBe(9);
    cutLog(uri, 9);
    await agreeAnew(bed(), table);
    await agreeAnew(bed(), await bed().open(uri));
  });

  for (const format of ['json', 'parquet']) {
    it(`a V2 checkpoint of Spark in ${format} is opened without its commits, and followed by ours`, async () => {
      const uri = bed().place(`v2 de spark ${format}`);
      await sparkProgram(
        bed(),
        uri,
        `
with conf({"checkpointV2.topLevelFileFormat": "${format}", "checkpoint.partSize": 2}):
    spark.sql(f"CREATE TABLE {t} (id BIGINT, nome STRING, dia DATE) USING delta PARTITIONED BY (dia) TBLPROPERTIES ('delta.checkpointPolicy' = 'v2', 'delta.checkpointInterval' = '3')")
    spark.sql(f"INSERT INTO {t} SELECT /*+ REPARTITION(4) */ id, 'n', DATE '2026-11-23' FROM range(8)")
    spark.sql(f"DELETE FROM {t} WHERE id = 3")
    spark.sql(f"INSERT INTO {t} VALUES (100, 'cem', null)")
`,
      );
      expect(checkpointName(uri, 3)).toMatch(new RegExp(`\\.[0-9a-f-]{36}\\.${format}$`));
      cutLog(uri, 3);
      const table = await bed().open(uri);
      expect((await agreeAnew(bed(), table)).rows).toBe(8);
      await appendEach(table, 4, 6);
      cutLog(uri, 6);
      expect((await agreeAnew(bed(), await bed().open(uri))).rows).toBe(11);
    });
  }

  it('a checkpoint of Spark in parts is opened without its commits, and followed by ours in one file', async () => {
    const uri = bed().place('em partes');
    await sparkProgram(
      bed(),
      uri,
      `
with conf({"checkpoint.partSize": 3}):
    spark.sql(f"CREATE TABLE {t} (id BIGINT, nome STRING, dia DATE) USING delta TBLPROPERTIES ('delta.checkpointInterval' = '2')")
    spark.sql(f"INSERT INTO {t} SELECT /*+ REPARTITION(8) */ id, 'n', DATE '2026-11-23' FROM range(16)")
    spark.sql(f"DELETE FROM {t} WHERE id < 4")
`,
    );
    const parts = logNames(uri).filter((it) => /^\d{20}\.checkpoint\.\d{10}\.\d{10}\.p/.test(it));
    expect(parts.length).toBeGreaterThan(1);
    cutLog(uri, 2);
    const table = await bed().open(uri);
    expect((await agreeAnew(bed(), table)).rows).toBe(12);
    await appendEach(table, 101, 102);
    expect(checkpointName(uri, 4)).toBe(`${fileName(4)}.checkpoint.parquet`);
    cutLog(uri, 4);
    expect((await agreeAnew(bed(), await bed().open(uri))).rows).toBe(14);
  });

  it('a classic checkpoint of each is written over by the other, and by delta-rs, and still read', async () => {
    const uri = bed().place('um sobre o outro');
    const table = await bed().create(uri, { schema: SCHEMA });
    await appendEach(table, 1, 3);
    await sparkProgram(bed(), uri, 'log_of(uri).checkpoint()');
    await table.checkpoint();
    cutLog(uri, 3);
    await agreeAnew(bed(), await bed().open(uri));
    await peersProgram(bed(), uri, 'DeltaTable(uri).create_checkpoint()');
    await agreeAnew(bed(), await bed().open(uri));
    await sparkProgram(bed(), uri, 'log_of(uri).checkpoint()');
    await agreeAnew(bed(), await bed().open(uri));
    await appendEach(table, 4, 4);
    await agreeAnew(bed(), table);
  });

  it('compacted files of ours stand for their commits in Spark', async () => {
    const uri = bed().place('compactado');
    const table = await bed().create(uri, {
      schema: SCHEMA,
      properties: { 'deltawright.logCompactionInterval': '3' },
    });
    await appendEach(table, 1, 3);
    await bed().sql(uri, 'DELETE FROM {t} WHERE id = 2', "INSERT INTO {t} VALUES (5, 'c', null)");
    await table.refresh();
    await table.append({ rows: [row(6)] }, { txn: { appId: 'a', version: 1 } });
    const compacted = [1, 4].map(
      (from) => `${fileName(from)}.${fileName(from + 2)}.compacted.json`,
    );
    expect(logNames(uri)).toEqual(expect.arrayContaining(compacted));
    const read = await sparkProgram(
      bed(),
      uri,
      'answer = [file.getPath().getName() for file in items(snapshot_of(uri).logSegment().deltas())]',
    );
    expect(read).toEqual(expect.arrayContaining(compacted));
    expect((await agreeAnew(bed(), table)).rows).toBe(4);
    await agreeAnew(bed(), await bed().open(uri));
  });

  it("a compacted file of Delta's kernel on Spark's commits is read as they are", async () => {
    const uri = bed().place('compactado por kernel');
    await sparkProgram(
      bed(),
      uri,
      `
spark.sql(f"CREATE TABLE {t} (id BIGINT, nome STRING) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
spark.sql(f"INSERT INTO {t} SELECT /*+ COALESCE(1) */ id, 'n' FROM range(10)")
spark.sql(f"DELETE FROM {t} WHERE id = 3")
spark.sql(f"DELETE FROM {t} WHERE id = 4")
jvm = spark._jvm
kernel = jvm.io.delta.kernel
engine = kernel.defaults.engine.DefaultEngine.create(spark._jsc.hadoopConfiguration())
path = jvm.io.delta.kernel.internal.fs.Path
kernel.internal.compaction.LogCompactionWriter(path("file:" + uri), path("file:" + uri + "/_delta_log"), 1, 3, 0).writeLogCompactionFile(engine)
`,
    );
    expect(readdirSync(join(uri, '_delta_log'))).toContain(
      `${fileName(1)}.${fileName(3)}.compacted.json`,
    );
    const table = await bed().open(uri);
    expect((await agreeAnew(bed(), table)).rows).toBe(8);
    await table.append({ rows: [{ id: 11n, nome: 'onze' }] });
    expect((await agreeAnew(bed(), await bed().open(uri))).rows).toBe(9);
  });
}
