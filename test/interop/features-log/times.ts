/** In-commit timestamps: whoever enabled them and whoever writes, a time is the same version to all. */

import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DeltaTable } from '../../../src/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { agreeAnew, logNames, sparkProgram } from './log-bed.ts';

const ENABLED = { 'delta.enableInCommitTimestamps': 'true' };

/** Versions and their times, oldest first. */
async function historyOf(table: DeltaTable): Promise<readonly (readonly [number, number])[]> {
  const entries = await table.history();
  return entries.map(({ version, timestampMs }) => [version, timestampMs] as const).toReversed();
}

/** The times of versions from one on. */
async function everyTimeIsAlike(bed: FeatureBed, uri: string, from = 0): Promise<void> {
  const table = await bed.open(uri);
  const history = (await historyOf(table)).slice(from);
  const theirs = await sparkProgram(
    bed,
    uri,
    `
DeltaLog.clearCache()
rows = spark.sql(f"DESCRIBE HISTORY {t}").selectExpr("version", "unix_millis(timestamp)").collect()
answer = [list(row) for row in reversed(rows)][${from}:]
`,
  );
  expect(theirs).toEqual(history);
  for (const [version, timestampMs] of history) {
    const before = history.findLast(([, ms]) => ms <= timestampMs - 1);
    if (before !== undefined) {
      const earlier = await bed.open(uri, { timestamp: new Date(timestampMs - 1) });
      expect(earlier.snapshot.version).toBe(before[0]);
    }
    const found = await bed.open(uri, { timestamp: new Date(timestampMs) });
    expect(found.snapshot.version).toBe(version);
    const timestamp = new Date(timestampMs).toISOString().replace('T', ' ').slice(0, -1);
    expect(await bed.spark.checksum({ uri, timestamp })).toEqual(await found.checksum());
  }
}

/** As copying a table does: the times of files are all the same then. */
function touchCommits(uri: string, nowMs: number): void {
  for (const name of logNames(uri)) {
    if (/^\d{20}\.json$/.test(name))
      utimesSync(join(uri, '_delta_log', name), nowMs / 1000, nowMs / 1000);
  }
}

export function timeTests(bed: () => FeatureBed): void {
  it('enabled by us on a table with commits, they are gone on with by Spark, and a copy keeps them', async () => {
    const uri = bed().place('tempos nossos');
    const table = await bed().create(uri, { schema: 'id int' });
    await table.append({ rows: [{ id: 1 }] });
    await table.setProperties(ENABLED);
    await table.append({ rows: [{ id: 2 }] });
    await bed().sql(uri, 'INSERT INTO {t} VALUES (3)');
    await table.refresh();
    await table.append({ rows: [{ id: 4 }] });
    await table.checkpoint();
    await bed().sql(uri, 'INSERT INTO {t} VALUES (5)');
    await everyTimeIsAlike(bed(), uri);
    const before = (await historyOf(await bed().open(uri))).slice(2);
    touchCommits(uri, Date.now());
    expect((await historyOf(await bed().open(uri))).slice(2)).toEqual(before);
    // Before them, times are those of files, which the copy has lost.
    await everyTimeIsAlike(bed(), uri, 2);
    await agreeAnew(bed(), await bed().open(uri));
  });

  it('enabled by Spark on our table, they are gone on with by us, and disabled again', async () => {
    const uri = bed().place('tempos de spark');
    const table = await bed().create(uri, { schema: 'id int' });
    await table.append({ rows: [{ id: 1 }] });
    await bed().sql(
      uri,
      "ALTER TABLE {t} SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')",
      'INSERT INTO {t} VALUES (2)',
    );
    await table.refresh();
    await table.append({ rows: [{ id: 3 }] });
    await table.setProperties({ 'delta.checkpointInterval': '100' });
    await everyTimeIsAlike(bed(), uri);
    await table.setProperties({ 'delta.enableInCommitTimestamps': 'false' });
    await table.append({ rows: [{ id: 4 }] });
    await bed().sql(uri, 'INSERT INTO {t} VALUES (5)');
    await everyTimeIsAlike(bed(), uri);
  });

  it('a table with a time in the future, as a wrong clock leaves it, is gone on with one millisecond at a time', async () => {
    const uri = bed().place('tempos futuros');
    const ahead = Date.now() + 3_600_000;
    await sparkProgram(
      bed(),
      uri,
      `
spark.sql(f"CREATE TABLE {t} (id INT) USING delta TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')")
import re
name = uri + "/_delta_log/00000000000000000000.json"
text = open(name).read()
open(name, "w").write(re.sub(r'"inCommitTimestamp":\\d+', '"inCommitTimestamp":${ahead}', text))
import glob, os
for file in glob.glob(uri + "/_delta_log/*.crc") + glob.glob(uri + "/_delta_log/.*.crc"):
    os.remove(file)
DeltaLog.clearCache()
`,
    );
    const table = await bed().open(uri);
    await table.append({ rows: [{ id: 1 }] });
    await bed().sql(uri, 'INSERT INTO {t} VALUES (2)');
    await table.refresh();
    await table.append({ rows: [{ id: 3 }] });
    expect(await historyOf(table)).toEqual(
      [0, 1, 2, 3].map((version) => [version, ahead + version]),
    );
    await everyTimeIsAlike(bed(), uri);
  });
}
