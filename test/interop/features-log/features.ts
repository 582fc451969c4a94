/** Features that are taken away again, and logs that are cleaned up. */

import { expect, it } from 'vitest';
import type { DeltaTable } from '../../../src/index.ts';
import { supportedFeatures } from '../../../src/log/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { ageLog, agreeAnew, logNames, sparkProgram } from './log-bed.ts';

/** Properties that put features to use, where these have one, by what is dropped. */
const DROPPED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  deletionVectors: { 'delta.enableDeletionVectors': 'true' },
  inCommitTimestamp: { 'delta.enableInCommitTimestamps': 'true' },
  typeWidening: { 'delta.enableTypeWidening': 'true' },
  v2Checkpoint: { 'delta.checkpointPolicy': 'v2', 'delta.checkpointInterval': '2' },
  vacuumProtocolCheck: { 'delta.feature.vacuumProtocolCheck': 'supported' },
  rowTracking: { 'delta.enableRowTracking': 'true' },
};

async function appendIds(table: DeltaTable, ...ids: readonly bigint[]): Promise<void> {
  for (const id of ids) await table.append({ rows: [{ id }] });
}

/**
 * Features and properties that are left. Of properties Spark leaves some behind, switched off; and it walls off older versions
 * for a feature that leaves no trace in them but its name.
 */
function leftOf({ snapshot }: DeltaTable, dropped: string): readonly string[] {
  const { protocol, metadata } = snapshot;
  const properties = Object.entries(metadata.configuration)
    .filter(([, value]) => !/^(false|classic)$/.test(value))
    .map(([key]) => key);
  const walls = /^(checkpointProtection|delta\.requireCheckpointProtectionBeforeVersion)$/;
  return [...supportedFeatures(protocol), ...properties]
    .filter((name) => dropped !== 'vacuumProtocolCheck' || !walls.test(name))
    .toSorted();
}

/** Each version from one on, as we, Spark and delta-rs read it. */
async function everyVersionIsAlike(bed: FeatureBed, uri: string, from: number): Promise<void> {
  await sparkProgram(bed, uri, 'DeltaLog.clearCache()');
  const { version: latest } = (await bed.open(uri)).snapshot;
  for (let version = from; version <= latest; version += 1) {
    const ours = await (await bed.open(uri, { version })).checksum();
    expect(await bed.spark.checksum({ uri, version }), `Spark ${version}`).toEqual(ours);
    const asked = { engine: 'datafusion', uri, version };
    expect(await bed.peers.checksum(asked), `delta-rs ${version}`).toEqual(ours);
  }
}

export function featureTests(bed: () => FeatureBed): void {
  for (const [feature, properties] of Object.entries(DROPPED)) {
    it(`${feature} is dropped by us and then by Spark, and the other goes on with what is left`, async () => {
      const ours = bed().place(`largada ${feature}`);
      const table = await bed().create(ours, { schema: 'id bigint', properties });
      await appendIds(table, 1n, 2n);
      await table.dropFeature(feature);
      expect(table.snapshot.protocol.writerFeatures ?? []).not.toContain(feature);
      await sparkProgram(bed(), ours, 'DeltaLog.clearCache()');
      await bed().sql(ours, 'INSERT INTO {t} VALUES (3)');
      await table.refresh();
      await appendIds(table, 4n);
      await agreeAnew(bed(), table);
      const versions = table.snapshot.version;
      for (const version of [1, 2, versions - 1]) {
        const before = await bed().open(ours, { version });
        expect(await bed().spark.checksum({ uri: ours, version })).toEqual(await before.checksum());
      }

      const theirs = bed().place(`largada por spark ${feature}`);
      const made = await bed().create(theirs, { schema: 'id bigint', properties });
      await appendIds(made, 1n, 2n);
      await bed().sql(theirs, `ALTER TABLE {t} DROP FEATURE ${feature}`);
      await made.refresh();
      expect(made.snapshot.protocol.writerFeatures ?? []).not.toContain(feature);
      await appendIds(made, 3n);
      await agreeAnew(bed(), made);
      expect(leftOf(table, feature)).toEqual(leftOf(made, feature));
      const reopened = await bed().open(theirs, { version: 1 });
      expect(await reopened.checksum()).toEqual(
        await bed().spark.checksum({ uri: theirs, version: 1 }),
      );
    });
  }

  it('versions that Spark walled off by checkpoints stay until the log before them is gone', async () => {
    const uri = bed().place('protegida');
    await bed().sql(
      uri,
      `CREATE TABLE {t} (id BIGINT) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'true',
       'delta.logRetentionDuration' = 'interval 1 days', 'delta.deletedFileRetentionDuration' = 'interval 1 days',
       'delta.checkpointInterval' = '100')`,
      'INSERT INTO {t} SELECT id FROM range(10)',
      'DELETE FROM {t} WHERE id = 3',
      'ALTER TABLE {t} DROP FEATURE deletionVectors',
      'INSERT INTO {t} VALUES (20)',
    );
    const table = await bed().open(uri);
    expect(table.snapshot.protocol.writerFeatures).toContain('checkpointProtection');
    await expect(table.dropFeature('checkpointProtection')).rejects.toMatchObject({
      code: 'FEATURE_IN_USE',
    });
    await table.append({ rows: [{ id: 21n }] });
    await table.checkpoint();
    const boundary = Number(
      table.snapshot.metadata.configuration['delta.requireCheckpointProtectionBeforeVersion'],
    );
    const { version } = table.snapshot;
    ageLog(uri, { upTo: version, days: 10, nowMs: Date.now() });
    const cleaned = await table.cleanUpLog();
    expect(cleaned.kind).toBe('deleted');
    expect(cleaned.keepFrom).toBeGreaterThanOrEqual(boundary);
    await table.dropFeature('checkpointProtection');
    expect(table.snapshot.protocol.minReaderVersion).toBe(1);
    expect(table.snapshot.protocol.writerFeatures ?? []).not.toContain('checkpointProtection');
    await sparkProgram(bed(), uri, 'DeltaLog.clearCache()');
    await bed().sql(uri, 'INSERT INTO {t} VALUES (22)');
    expect((await agreeAnew(bed(), table)).rows).toBe(12);
  });

  it('vacuumProtocolCheck is heeded by Spark, and refused by delta-rs', async () => {
    const uri = bed().place('vacuum');
    const table = await bed().create(uri, { schema: 'id bigint' });
    await appendIds(table, 1n);
    await table.enableFeature('vacuumProtocolCheck');
    await appendIds(table, 2n);
    await bed().sql(uri, 'INSERT INTO {t} VALUES (3)', 'VACUUM {t} DRY RUN');
    expect((await agreeAnew(bed(), table, { datafusion: 'VacuumProtocolCheck' })).rows).toBe(3);
  });

  for (const policy of ['classic', 'v2']) {
    it(`a log with ${policy} checkpoints that we cleaned up loads in every version that is left`, async () => {
      const uri = bed().place(`limpa ${policy}`);
      const table = await bed().create(uri, {
        schema: 'id bigint, p int',
        partitionBy: ['p'],
        properties: {
          'delta.checkpointPolicy': policy,
          'delta.checkpointInterval': '4',
          // Spark goes back no further than this.
          'delta.deletedFileRetentionDuration': 'interval 10 days',
          'delta.logRetentionDuration': 'interval 2 days',
          'deltawright.versionChecksums': 'true',
          'deltawright.logCompactionInterval': '3',
        },
      });
      for (let i = 1; i <= 9; i += 1) await table.append({ rows: [{ id: BigInt(i), p: i % 2 }] });
      await bed().sql(uri, 'DELETE FROM {t} WHERE id = 5');
      await table.refresh();
      await table.append({ rows: [{ id: 11n, p: 0 }] });
      ageLog(uri, { upTo: 7, days: 5, nowMs: Date.now() });
      const cleaned = await table.cleanUpLog();
      expect(cleaned).toMatchObject({ kind: 'deleted', keepFrom: 4 });
      expect(logNames(uri).some((name) => name.startsWith('00000000000000000003.'))).toBe(false);
      await everyVersionIsAlike(bed(), uri, 4);
      await expect(bed().open(uri, { version: 3 })).rejects.toMatchObject({
        code: 'VERSION_NOT_FOUND',
      });
      await expect(bed().spark.checksum({ uri, version: 3 })).rejects.toThrow();
      await expect(
        bed().peers.checksum({ engine: 'datafusion', uri, version: 3 }),
      ).rejects.toThrow();
      await agreeAnew(bed(), table);
    });
  }
}
