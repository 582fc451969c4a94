/** Checksum files of versions: ours are validated by Spark, those that Spark counts on from there by us. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examineTable } from '../../../src/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { agreeAnew, fileName, sparkProgram } from './log-bed.ts';

/** Spark's own validation of a snapshot that it has just read against the checksum file of its version. */
const VALIDATED = `
snapshot = snapshot_of(uri)
answer = [snapshot.checksumOpt().isDefined(), snapshot.validateChecksum(getattr(snapshot, "validateChecksum$default$1")())]
`;

function crcOf(uri: string, version: number): string {
  return join(uri, '_delta_log', `${fileName(version)}.crc`);
}

/** What the doctor finds wrong with checksum files, and the last version's is there. */
async function findingsOf(uri: string): Promise<readonly string[]> {
  const { version, findings } = await examineTable(uri);
  expect(existsSync(crcOf(uri, version ?? -1))).toBe(true);
  return findings.map(({ code }) => code).filter((code) => code.startsWith('CHECKSUM'));
}

export function checksumTests(bed: () => FeatureBed): void {
  it('ours are validated by Spark at each version, and what Spark derives from them by us', async () => {
    const uri = bed().place('somas');
    const table = await bed().create(uri, {
      schema: 'id bigint, nome string, p int',
      partitionBy: ['p'],
      properties: {
        'delta.enableDeletionVectors': 'true',
        'delta.enableInCommitTimestamps': 'true',
        'delta.enableRowTracking': 'true',
        'deltawright.versionChecksums': 'true',
      },
    });
    const rows = (from: number): { id: bigint; nome: string; p: number }[] =>
      [0, 1, 2].map((i) => ({ id: BigInt(from + i), nome: `n${from}`, p: i }));
    expect(await sparkProgram(bed(), uri, VALIDATED)).toEqual([true, true]);
    await table.append({ rows: rows(1) }, { txn: { appId: 'aplicação', version: 7 } });
    expect(await sparkProgram(bed(), uri, VALIDATED)).toEqual([true, true]);
    await table.setDomain('nosso', '{"a":1}');
    await table.setDomain('passageiro', 'texto');
    await table.setDomain('passageiro', null);
    await table.setProperties({ 'delta.logRetentionDuration': 'interval 60 days' });
    expect(await sparkProgram(bed(), uri, VALIDATED)).toEqual([true, true]);
    await sparkProgram(
      bed(),
      uri,
      `
with conf({"incremental.commit.verify": True, "allFilesInCrc.verificationMode.enabled": True}):
    spark.sql(f"DELETE FROM {t} WHERE id = 2")
    spark.createDataFrame([(50, "c", 0)], "id long, nome string, p int").write.format("delta").mode("append").option("txnAppId", "outra").option("txnVersion", 3).save(uri)
`,
    );
    await table.refresh();
    expect(await findingsOf(uri)).toEqual([]);
    await table.append({ rows: rows(10) });
    await table.checkpoint();
    expect(await sparkProgram(bed(), uri, VALIDATED)).toEqual([true, true]);
    expect(await findingsOf(uri)).toEqual([]);
    await agreeAnew(bed(), table, {});
  });

  it('one that was falsified is found wrong by Spark as by us', async () => {
    const uri = bed().place('soma falsa');
    const table = await bed().create(uri, {
      schema: 'id bigint',
      properties: { 'deltawright.versionChecksums': 'true' },
    });
    await table.append({ rows: [{ id: 1n }] });
    const text = readFileSync(crcOf(uri, 1), 'utf8');
    writeFileSync(crcOf(uri, 1), text.replace('"numFiles":1', '"numFiles":2'));
    await expect(sparkProgram(bed(), uri, VALIDATED)).rejects.toThrow('Number of files');
    expect(await findingsOf(uri)).toContain('CHECKSUM_DISAGREES');
    rmSync(crcOf(uri, 1));
    expect(await sparkProgram(bed(), uri, VALIDATED)).toEqual([false, true]);
    await agreeAnew(bed(), await bed().open(uri));
  });

  it('what Spark counts over updates, deletes and restores is what we read', async () => {
    const uri = bed().place('somas de spark');
    await bed().sql(
      uri,
      `CREATE TABLE {t} (id BIGINT, p INT) USING delta PARTITIONED BY (p)
       TBLPROPERTIES ('delta.enableDeletionVectors' = 'true', 'delta.enableRowTracking' = 'true')`,
      'INSERT INTO {t} SELECT id, id % 3 FROM range(0, 30, 1, 2)',
      'UPDATE {t} SET id = id + 100 WHERE id % 7 = 0',
      'DELETE FROM {t} WHERE p = 1',
      'RESTORE {t} TO VERSION AS OF 1',
      "ALTER TABLE {t} SET TBLPROPERTIES ('a' = 'b')",
    );
    expect(await findingsOf(uri)).toEqual([]);
    const table = await bed().open(uri);
    await table.append({ rows: [{ id: 1000n, p: 5 }] });
    await bed().sql(uri, 'INSERT INTO {t} VALUES (1001, 5)');
    expect(await sparkProgram(bed(), uri, VALIDATED)).toEqual([true, true]);
    expect(await findingsOf(uri)).toEqual([]);
    await agreeAnew(bed(), table);
  });
}
