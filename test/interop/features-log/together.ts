/** Spark, delta-rs and we commit to one table at once, each in a process of its own. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DeltaTable } from '../../../src/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { agreeAnew, fileName, logNames, peersProgram, sparkProgram } from './log-bed.ts';

const COMMITS = 30;

async function appendOurs(table: DeltaTable): Promise<readonly number[]> {
  const versions: number[] = [];
  for (let n = 0; n < COMMITS; n += 1) {
    const outcome = await table.append({ rows: [{ escritor: 'nós', n }] });
    expect(outcome.postCommitErrors).toEqual([]);
    versions.push(outcome.version);
  }
  return versions;
}

async function sparkCommits(table: DeltaTable): Promise<number> {
  const history = await table.history();
  return history.filter(({ commitInfo }) =>
    JSON.stringify(commitInfo['engineInfo'] ?? '').startsWith('"Apache-Spark/'),
  ).length;
}

export function togetherTests(bed: () => FeatureBed): void {
  it('no row is lost or doubled, and no version is missing', async (context) => {
    const uri = bed().place('juntos');
    const table = await bed().create(uri, {
      schema: 'escritor string, n int',
      properties: { 'delta.checkpointInterval': '7' },
    });
    const [versions] = await Promise.all([
      appendOurs(table),
      sparkProgram(
        bed(),
        uri,
        `
for n in range(${COMMITS}):
    spark.createDataFrame([("spark", n)], "escritor string, n int").coalesce(1).write.format("delta").mode("append").save(uri)
`,
      ),
      peersProgram(
        bed(),
        uri,
        `
from deltalake import CommitProperties
for n in range(${COMMITS}):
    rows = pa.table({"escritor": ["delta-rs"], "n": pa.array([n], pa.int32())})
    write_deltalake(uri, rows, mode="append", commit_properties=CommitProperties(max_commit_retries=1000))
`,
      ),
    ]);
    await table.refresh();
    context.skip(
      table.snapshot.version < 3 * COMMITS && (await sparkCommits(table)) === COMMITS,
      'Spark wrote over a commit: on local disks its log store looks for the file and then renames, and other processes can come between',
    );
    expect(table.snapshot.version).toBe(3 * COMMITS);
    const commits = logNames(uri).filter((name) => /^\d{20}\.json$/.test(name));
    expect(commits).toEqual(
      Array.from({ length: 3 * COMMITS + 1 }, (_, version) => `${fileName(version)}.json`),
    );
    for (const version of versions) {
      const text = readFileSync(join(uri, '_delta_log', `${fileName(version)}.json`), 'utf8');
      expect(text).toContain('"engineInfo":"deltawright/');
    }
    const rows = await Array.fromAsync(table.scan());
    const seen = rows.map(({ escritor, n }) => JSON.stringify([escritor, n])).toSorted();
    const wanted = ['spark', 'delta-rs', 'nós'].flatMap((writer) =>
      Array.from({ length: COMMITS }, (_, n) => JSON.stringify([writer, n])),
    );
    expect(seen).toEqual(wanted.toSorted());
    await agreeAnew(bed(), table);
  });
}
