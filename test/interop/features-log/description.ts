/** What a table is told to be: its protocol, properties, domains and clustering, asked for by us and by Spark. */

import { cpSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { DeltaTable } from '../../../src/index.ts';
import { supportedFeatures } from '../../../src/log/index.ts';
import type { FeatureBed } from '../features/bed.ts';
import { agreeAnew, peersProgram, sparkProgram } from './log-bed.ts';

/**
 * What is asked of a new table of reader version 1 and writer version 2; the same of us and of Spark, which gives clustering to
 * nothing but a new table.
 */
const UPGRADES: readonly Readonly<Record<string, string>>[] = [
  { 'delta.minWriterVersion': '3' },
  { 'delta.minWriterVersion': '4' },
  { 'delta.minReaderVersion': '2', 'delta.minWriterVersion': '5' },
  { 'delta.minReaderVersion': '2', 'delta.minWriterVersion': '6' },
  { 'delta.minWriterVersion': '7' },
  { 'delta.minReaderVersion': '3', 'delta.minWriterVersion': '7' },
  { 'delta.appendOnly': 'true' },
  { 'delta.columnMapping.mode': 'name' },
  { 'delta.checkpointPolicy': 'v2' },
  { 'delta.enableDeletionVectors': 'true' },
  { 'delta.enableInCommitTimestamps': 'true' },
  { 'delta.enableRowTracking': 'true' },
  { 'delta.enableTypeWidening': 'true' },
  ...[
    'allowColumnDefaults',
    'appendOnly',
    'changeDataFeed',
    'checkConstraints',
    'checkpointProtection',
    'columnMapping',
    'deletionVectors',
    'domainMetadata',
    'generatedColumns',
    'identityColumns',
    'inCommitTimestamp',
    'invariants',
    'rowTracking',
    'timestampNtz',
    'typeWidening',
    'v2Checkpoint',
    'vacuumProtocolCheck',
    'variantType',
  ].map((feature) => ({ [`delta.feature.${feature}`]: 'supported' })),
];

/**
 * Features, which versions and lists can say in several ways that mean the same (Spark takes the least versions that do), and
 * properties without what writers make up.
 */
function describedBy({ snapshot: { protocol, metadata } }: DeltaTable): object {
  return {
    features: [...supportedFeatures(protocol)].toSorted(),
    configuration: Object.fromEntries(
      Object.entries(metadata.configuration).filter(
        ([key]) => !/materialized|EnablementTimestamp/.test(key),
      ),
    ),
  };
}

export function descriptionTests(bed: () => FeatureBed): void {
  it('every upgrade gives the features that Spark gives, and Spark writes to the table then', async () => {
    const [base, ours, theirs] = ['base', 'subidas', 'subidas de spark'].map((it) =>
      bed().place(it),
    );
    if (base === undefined || ours === undefined || theirs === undefined) throw new Error();
    const made = await bed().create(base, { schema: 'id bigint' });
    expect(made.snapshot.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 });
    for (const [i, properties] of UPGRADES.entries()) {
      for (const place of [ours, theirs]) cpSync(base, `${place} ${i}`, { recursive: true });
      await (await bed().open(`${ours} ${i}`)).setProperties(properties);
    }
    const refused = await sparkProgram(
      bed(),
      theirs,
      `
import json
answer = {}
for i, properties in enumerate(json.loads(${JSON.stringify(JSON.stringify(UPGRADES))})):
    pairs = ", ".join(f"'{k}' = '{v}'" for k, v in properties.items())
    try:
        spark.sql(f"ALTER TABLE delta.\`{uri} {i}\` SET TBLPROPERTIES ({pairs})")
        if i % 4 == 1:
            spark.sql(f"INSERT INTO delta.\`${ours} {i}\` VALUES (1)")
    except Exception as error:
        answer[pairs] = str(error)[:300]
`,
    );
    expect(refused).toEqual({});
    for (const [i, properties] of UPGRADES.entries()) {
      const [own, other] = [await bed().open(`${ours} ${i}`), await bed().open(`${theirs} ${i}`)];
      expect(describedBy(own), JSON.stringify(properties)).toEqual(describedBy(other));
      expect(own.snapshot.fileCount, JSON.stringify(properties)).toBe(i % 4 === 1 ? 1 : 0);
      await own.append({ rows: [{ id: 2n }] });
      await bed().closeTables();
    }
  });

  it('properties that one sets and the other unsets are what both show', async () => {
    const uri = bed().place('propriedades');
    const table = await bed().create(uri, { schema: 'id bigint', properties: { dono: 'João' } });
    await table.setProperties(
      { 'nosso.a': "aspas ' e \\ e 😀", 'delta.logRetentionDuration': 'interval 5 days' },
      { unset: ['dono'] },
    );
    const shown = async (): Promise<object> => {
      const rows = await bed().sql(uri, 'SHOW TBLPROPERTIES {t}');
      return Object.fromEntries(
        rows.filter(([key]) => !/^(delta\.min|Type$|option\.|location)/.test(key ?? '')),
      );
    };
    expect(await shown()).toEqual(table.snapshot.metadata.configuration);
    await bed().sql(
      uri,
      "ALTER TABLE {t} SET TBLPROPERTIES ('dele' = 'x', 'delta.setTransactionRetentionDuration' = 'interval 2 days')",
      "ALTER TABLE {t} UNSET TBLPROPERTIES ('nosso.a')",
    );
    await table.refresh();
    expect(table.snapshot.metadata.configuration).toEqual(await shown());
    await table.unsetProperties('dele', 'nosso.a', 'delta.setTransactionRetentionDuration');
    expect(await shown()).toEqual({ 'delta.logRetentionDuration': 'interval 5 days' });
    await agreeAnew(bed(), table);
  });

  it("domains of ours are kept by Spark, and the protocol's own are not ours to set", async () => {
    const uri = bed().place('domínios');
    const table = await bed().create(uri, { schema: 'id bigint' });
    await table.setDomain('nosso/ç', '{"a":"\\"b\\"\\n"}');
    await table.setDomain('outro', 'x');
    await table.checkpoint();
    await bed().sql(uri, 'INSERT INTO {t} VALUES (1)');
    await table.setDomain('outro', null);
    await table.append({ rows: [{ id: 2n }] });
    const domains = await sparkProgram(
      bed(),
      uri,
      'answer = [[it.domain(), it.configuration()] for it in items(snapshot_of(uri).domainMetadata())]',
    );
    expect(domains).toEqual([['nosso/ç', '{"a":"\\"b\\"\\n"}']]);
    expect(table.domain('outro')).toBeNull();
    await expect(table.setDomain('delta.clustering', '{}')).rejects.toMatchObject({
      code: 'DOMAIN_RESERVED',
    });
    const append =
      'write_deltalake(uri, pa.table({"id": pa.array([3], pa.int64())}), mode="append")';
    await expect(peersProgram(bed(), uri, append)).rejects.toThrow(/domainMetadata/i);
    await agreeAnew(bed(), table);
  });

  it('clustering columns are the same to both, whoever sets them, and rows of both are laid out by Spark', async () => {
    const clustering = async (uri: string): Promise<unknown> =>
      sparkProgram(
        bed(),
        uri,
        'DeltaLog.clearCache()\nanswer = spark.sql(f"DESCRIBE DETAIL {t}").select("clusteringColumns").collect()[0][0]',
      );
    const ours = bed().place('agrupada por nós');
    const table = await bed().create(ours, {
      schema: 'id bigint, `a b` string, s struct<x:int,y:string>',
      properties: { 'delta.columnMapping.mode': 'name' },
    });
    await table.append({ rows: [{ id: 1n, 'a b': 'x', s: { x: 1, y: 'z' } }] });
    await table.clusterBy('id', 's.x');
    expect(await clustering(ours)).toEqual(['id', 's.x']);
    await bed().sql(
      ours,
      "INSERT INTO {t} VALUES (2, 'y', named_struct('x', 2, 'y', 'w'))",
      'OPTIMIZE {t}',
      'ALTER TABLE {t} CLUSTER BY (`a b`)',
    );
    await table.refresh();
    await table.append({ rows: [{ id: 3n, 'a b': 'z', s: null }] });
    await agreeAnew(bed(), table);
    await table.clusterBy();
    expect(await clustering(ours)).toEqual([]);
    await bed().sql(ours, "INSERT INTO {t} VALUES (4, 'y', null)", 'OPTIMIZE {t}');
    await agreeAnew(bed(), table);

    const theirs = bed().place('agrupada por spark');
    await bed().sql(
      theirs,
      'CREATE TABLE {t} (id BIGINT, p STRING) USING delta CLUSTER BY (p)',
      "INSERT INTO {t} VALUES (1, 'a')",
    );
    const made = await bed().open(theirs);
    await made.append({ rows: [{ id: 2n, p: 'b' }] });
    await bed().sql(theirs, 'OPTIMIZE {t} FULL');
    await made.refresh();
    await made.append({ rows: [{ id: 3n, p: 'c' }] });
    expect(await clustering(theirs)).toEqual(['p']);
    await made.clusterBy('id', 'p');
    expect(await clustering(theirs)).toEqual(['id', 'p']);
    await bed().sql(theirs, 'ALTER TABLE {t} CLUSTER BY NONE');
    await made.refresh();
    expect(JSON.parse(made.domain('delta.clustering') ?? '')).toMatchObject({
      clusteringColumns: [],
    });
    await agreeAnew(bed(), made);
  });
}
