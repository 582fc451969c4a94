/** Tables that are laid out anew, as other engines read them and go on with them. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTable, type DeltaTable, openTable, type Row } from '../../src/index.ts';
import { describe, expect, it } from 'vitest';
import { type Checksum } from './engines.ts';
import { EngineBed } from './engine-bed.ts';

const bed = new EngineBed('optimize', { fewRows: true });
const { folder } = bed;

const SCHEMA = 'id bigint, x int, y double, nome string, s struct<a:int,b:array<string>>';

function rowsOf(from: number, count: number): readonly Row[] {
  return Array.from({ length: count }, (_, index) => {
    const id = from + index;
    return {
      id: BigInt(id),
      x: (id * 7919) % 1000,
      y: id % 50 === 0 ? null : ((id * 104_729) % 1000) / 3,
      nome: id % 3 === 0 ? null : `n😀${String(id % 100)}`,
      s: id % 5 === 0 ? null : { a: id, b: [`b${String(id)}`, null] },
    };
  });
}

async function scattered(uri: string, properties = {}): Promise<DeltaTable> {
  const table = await createTable(uri, { schema: SCHEMA, properties });
  for (let file = 0; file < 6; file += 1) await table.append({ rows: rowsOf(file * 500, 500) });
  return table;
}

/** The checksum that all engines have; delta-rs does not read deletion vectors. */
async function agreed(table: DeltaTable, uri: string): Promise<Checksum> {
  await table.refresh();
  const ours = await table.checksum();
  expect(await bed.peers.checksum({ engine: 'deltars', uri }), 'delta-rs').toEqual(ours);
  expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'DuckDB').toEqual(ours);
  expect(await bed.spark.checksum({ uri }), 'Spark').toEqual(ours);
  return ours;
}

function sizeFor(table: DeltaTable, count: number): number {
  return Math.ceil(table.snapshot.sizeBytes / count);
}

/** A value of each type from Spark, with nulls, few different ones and many. */
const OF_EACH_TYPE = `
  SELECT id, id % 3 = 0 AS b, tinyint(id % 100) AS t, smallint(id) AS sm, int(id * 7919) AS i, float(id / 7) AS f,
    IF(id % 10 = 0, double('NaN'), id / 3) AS d, CAST(id * 1.25 AS DECIMAL(10,2)) AS n, CAST(-id * 1.125 AS DECIMAL(25,3)) AS g,
    concat('texto ', id % 5) AS poucos, IF(id % 4 = 0, NULL, md5(string(id))) AS muitos, IF(id % 6 = 0, NULL, unhex(md5(string(id)))) AS bytes,
    date_add(DATE'2026-01-01', int(id)) AS dia, timestamp_micros(1700000000000000 + id * 1234567) AS quando,
    IF(id % 5 = 0, NULL, array(int(id), NULL, int(id % 3))) AS lista, IF(id % 7 = 0, NULL, map('k', id, concat('l', id % 2), NULL)) AS mapa,
    IF(id % 11 = 0, NULL, named_struct('a', int(id), 'b', named_struct('c', string(id % 8)))) AS pt FROM range`;

async function packed(table: DeltaTable, uri: string): Promise<void> {
  const before = await agreed(table, uri);
  const { fileCount } = table.snapshot;
  const result = await table.optimize();
  expect(result).toMatchObject({ kind: 'committed', filesRemoved: fileCount, filesAdded: 1 });
  expect(await agreed(table, uri)).toEqual(before);
}

/** Who wrote the only file, to its footer. */
async function writerOf(table: DeltaTable): Promise<unknown> {
  const [file] = [...table.files()];
  const source = `
import pyarrow.parquet as pq
answer = pq.ParquetFile(${JSON.stringify(fileURLToPath(file?.uri ?? ''))}).metadata.created_by
`;
  return (await bed.peers.ask({ op: 'program', source }))['answer'];
}

describe('small files put together without the engine', () => {
  it('that we wrote are read alike', async () => {
    const uri = join(folder, 'nossos');
    const table = await scattered(uri);
    await packed(table, uri);
    expect(await writerOf(table)).toMatch(/deltawright/);
    await table.close();
  });

  it.each(['snappy', 'zstd', 'uncompressed'])('that Spark wrote in %s are too', async (codec) => {
    const uri = join(folder, `deles ${codec}`);
    await bed.spark.ask({
      op: 'sql',
      statements: [
        'SET spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS',
        `SET spark.sql.parquet.compression.codec=${codec}`,
        `CREATE TABLE delta.\`${uri}\` USING delta AS ${OF_EACH_TYPE}(0, 3000, 1, 1)`,
        ...[3000, 3500, 3501, 4000].map(
          (from) =>
            `INSERT INTO delta.\`${uri}\` ${OF_EACH_TYPE}(${from}, ${from + 1 + (from % 700)}, 1, 1)`,
        ),
        'RESET spark.sql.parquet.compression.codec',
        'RESET spark.sql.parquet.outputTimestampType',
      ],
    });
    const table = await openTable(uri);
    await packed(table, uri);
    expect(await writerOf(table)).toMatch(/deltawright/);
    await table.close();
  });

  it("that are ours and Spark's are too", async () => {
    const uri = join(folder, 'de ambos');
    const table = await scattered(uri);
    for (const more of [10_000, 20_000]) {
      await bed.spark.ask({
        op: 'sql',
        statement: `INSERT INTO delta.\`${uri}\` SELECT id + ${more}, x, y, nome, s FROM delta.\`${uri}\` WHERE id < 700`,
      });
    }
    await table.refresh();
    await packed(table, uri);
    await table.close();
  });
});

describe('a table laid out anew', () => {
  it('along a Z-curve is read alike, also the version before', async () => {
    const uri = join(folder, 'z');
    const table = await scattered(uri);
    const before = await agreed(table, uri);
    const { version } = table.snapshot;
    const result = await table.optimize({
      zOrderBy: ['x', 'y', 's.a'],
      targetFileSizeBytes: sizeFor(table, 4),
    });
    expect(result).toMatchObject({ kind: 'committed', filesRemoved: 6 });
    expect(await agreed(table, uri)).toEqual(before);
    expect(await bed.spark.checksum({ uri, version })).toEqual(before);
    await table.close();
  });

  it('by its clustering columns is left alone by OPTIMIZE of Spark, and we go on with what Spark clustered', async () => {
    const uri = join(folder, 'clustered');
    const table = await scattered(uri);
    await table.clusterBy('x', 'y');
    const before = await agreed(table, uri);
    await table.optimize({ targetFileSizeBytes: sizeFor(table, 4) });
    expect(await agreed(table, uri)).toEqual(before);
    const own = table.snapshot.version;
    await bed.spark.ask({ op: 'sql', statement: `OPTIMIZE delta.\`${uri}\`` });
    await table.refresh();
    expect(table.snapshot.version).toBe(own);
    // What is new becomes part of a cube of Spark's, with ours, which it takes for one that is not full yet.
    await table.append({ rows: rowsOf(10_000, 100) });
    await bed.spark.ask({ op: 'sql', statement: `OPTIMIZE delta.\`${uri}\`` });
    const after = await agreed(table, uri);
    expect(after.rows).toBe(before.rows + 100);
    expect(await table.optimize()).toMatchObject({ kind: 'unchanged' });
    await table.append({ rows: rowsOf(20_000, 10) });
    expect(await table.optimize()).toMatchObject({ kind: 'committed', filesRemoved: 1 });
    expect((await agreed(table, uri)).rows).toBe(before.rows + 110);
    await table.close();
  });

  it('without the rows that Spark deleted and the columns that it dropped is read alike', async () => {
    const uri = join(folder, 'purged');
    const table = await scattered(uri, {
      'delta.enableDeletionVectors': 'true',
      'delta.columnMapping.mode': 'name',
    });
    await bed.spark.ask({
      op: 'sql',
      statement: `DELETE FROM delta.\`${uri}\` WHERE id % 100 = 1`,
    });
    await bed.spark.ask({ op: 'sql', statement: `ALTER TABLE delta.\`${uri}\` DROP COLUMN nome` });
    await table.refresh();
    const before = await table.checksum();
    expect(await bed.spark.checksum({ uri })).toEqual(before);
    expect(await table.reorg()).toMatchObject({ kind: 'committed', filesRemoved: 6 });
    expect(await table.checksum()).toEqual(before);
    expect(await bed.spark.checksum({ uri })).toEqual(before);
    const { version } = table.snapshot;
    await bed.spark.ask({ op: 'sql', statement: `REORG TABLE delta.\`${uri}\` APPLY (PURGE)` });
    await table.refresh();
    expect(table.snapshot.version).toBe(version);
    await table.close();
  });
});
