/** Versions and times: the same ones for us and for Spark, by the times of files and by those that commits carry. */

import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { FeatureBed } from './bed.ts';

const BASE_MS = Date.UTC(2026, 0, 1);

/** Spark travels no further back than its vacuum leaves files. */
const KEPT = {
  'delta.deletedFileRetentionDuration': 'interval 10000 days',
  'delta.logRetentionDuration': 'interval 10000 days',
};

export function travelTests(bed: () => FeatureBed): void {
  async function sameAt(uri: string, timeMs: number): Promise<number> {
    const timestamp = new Date(timeMs).toISOString();
    const table = await bed().open(uri, { timestamp });
    expect(await table.checksum()).toEqual(await bed().spark.checksum({ uri, timestamp }));
    return table.snapshot.version;
  }

  it('by the times of files, also where these go back, both find the same version', async () => {
    const uri = bed().place('tempos de ficheiros');
    const table = await bed().create(uri, { schema: 'id int', properties: KEPT });
    await table.append({ rows: [{ id: 1 }] });
    await bed().sql(uri, 'INSERT INTO {t} VALUES (2)', 'INSERT INTO {t} VALUES (3)');
    await table.refresh();
    await table.append({ rows: [{ id: 4 }] });
    // Version 2 has a time before that of version 1, and version 3 the same as version 2.
    const times = [0, 60_000, 30_000, 30_000, 120_000];
    for (const name of readdirSync(join(uri, '_delta_log')).filter((n) => n.endsWith('.json'))) {
      const seconds = (BASE_MS + (times[Number(name.slice(0, 20))] ?? 0)) / 1000;
      utimesSync(join(uri, '_delta_log', name), seconds, seconds);
    }
    const found: number[] = [];
    for (const offset of [0, 59_999, 60_000, 60_001, 60_002, 119_999, 120_000]) {
      found.push(await sameAt(uri, BASE_MS + offset));
    }
    expect(found).toEqual([0, 0, 1, 2, 3, 3, 4]);
    for (let version = 0; version <= 4; version += 1) {
      const ours = await bed().open(uri, { version });
      expect(await ours.checksum()).toEqual(await bed().spark.checksum({ uri, version }));
    }
    const early = new Date(BASE_MS - 1).toISOString();
    await expect(bed().open(uri, { timestamp: early })).rejects.toMatchObject({
      code: 'TIMESTAMP_TOO_EARLY',
    });
    await expect(bed().spark.checksum({ uri, timestamp: early })).rejects.toThrow(
      'DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION',
    );
    await expect(bed().open(uri, { version: 5 })).rejects.toMatchObject({
      code: 'VERSION_NOT_FOUND',
    });
    await expect(bed().spark.checksum({ uri, version: 5 })).rejects.toThrow(
      'DELTA_VERSION_NOT_FOUND',
    );
  });

  for (const who of ['we', 'Spark'] as const) {
    it(`by the times that commits carry, from the version on in which ${who} turned them on`, async () => {
      const uri = bed().place(`tempos de ${who}`);
      const table = await bed().create(uri, { schema: 'id int', properties: KEPT });
      await table.append({ rows: [{ id: 1 }] });
      const property = 'delta.enableInCommitTimestamps';
      if (who === 'we') await table.setProperties({ [property]: 'true' });
      else await bed().sql(uri, `ALTER TABLE {t} SET TBLPROPERTIES ('${property}' = 'true')`);
      await bed().sql(uri, 'INSERT INTO {t} VALUES (2)');
      await table.refresh();
      await table.append({ rows: [{ id: 3 }] });
      await bed().sql(uri, 'INSERT INTO {t} VALUES (4)');
      await table.refresh();
      for (const name of readdirSync(join(uri, '_delta_log'))) {
        const version = Number(name.slice(0, 20));
        // Those that carry their time have files from long ago and from the future.
        const seconds = BASE_MS / 1000 + (version < 2 ? version * 60 : (version % 2) * 1e8 - 5e7);
        utimesSync(join(uri, '_delta_log', name), seconds, seconds);
      }
      expect(await sameAt(uri, BASE_MS)).toBe(0);
      expect(await sameAt(uri, BASE_MS + 60_000)).toBe(1);
      const history = (await table.history()).filter(({ version }) => version >= 2);
      for (const { version, timestampMs } of history) {
        expect(await sameAt(uri, timestampMs)).toBe(version);
        expect(await sameAt(uri, timestampMs - 1)).toBe(version - 1);
      }
      const theirs = await bed().sql(uri, 'DESCRIBE HISTORY {t}');
      expect(theirs.map(([version]) => Number(version))).toEqual([5, 4, 3, 2, 1, 0]);
      expect(theirs.slice(0, 4).map(([, time]) => Date.parse(`${time ?? ''}Z`))).toEqual(
        history.map(({ timestampMs }) => timestampMs),
      );
    });
  }
}
