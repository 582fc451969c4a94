import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createTable, type DeltaTable, openTable, type Row } from 'deltawright';
import { describe, expect, it } from 'vitest';
import { EngineBed } from './engine-bed.ts';

const run = promisify(execFile);
const bed = new EngineBed('engines');
const { folder } = bed;

const EVERY_TYPE = `chave bigint not null, texto string, inteiro int, curto smallint, minimo tinyint, real float, duplo double,
  logico boolean, bytes binary, dia date, instante timestamp, valor decimal(18,4), grande decimal(38,10),
  lista array<int>, mapa map<string,bigint>, dados struct<a:string,b:array<struct<c:int>>>, parte string`;

/** Rows with the values that engines trip over: zeros of both signs, infinities, bounds, years before 1582, text beyond the BMP. */
const ROWS: readonly Row[] = [
  {
    chave: 1n,
    texto: 'São João 😀 "aspas"\n',
    inteiro: 2_147_483_647,
    curto: -32_768,
    minimo: 127,
    real: 1.5,
    duplo: -0,
    logico: true,
    bytes: new Uint8Array([0, 255, 16]),
    dia: '1500-01-31',
    instante: '2026-11-20T12:34:56.123456Z',
    valor: '-12345678901234.5678',
    grande: '1234567890123456789012345678.0123456789',
    lista: [1, null, 3],
    mapa: [
      ['ç', 9_007_199_254_740_993n],
      ['a', null],
    ],
    dados: { a: 'x', b: [{ c: 1 }, { c: null }] },
    parte: 'São Paulo/SP=1 %25 + a:b',
  },
  { chave: 2n, duplo: Number.POSITIVE_INFINITY, real: Number.NaN, parte: null },
  { chave: 9_223_372_036_854_775_807n, texto: '', lista: [], mapa: [], parte: 'p' },
  { chave: -5n, texto: 'zzz', duplo: 5e-324, instante: '1969-12-31T23:59:59.999999Z', parte: 'p' },
];

async function everyEngineAgrees(table: DeltaTable, uri: string): Promise<void> {
  const ours = await table.checksum();
  expect(await bed.peers.checksum({ engine: 'deltars', uri }), 'delta-rs').toEqual(ours);
  expect(await bed.peers.checksum({ engine: 'duckdb', uri }), 'DuckDB').toEqual(ours);
  expect(await bed.spark.checksum({ uri }), 'Spark').toEqual(ours);
}

async function refreshed(table: DeltaTable): Promise<DeltaTable> {
  await table.refresh();
  return table;
}

describe('what we write on local disk', () => {
  it('every type, in partitions with special characters, is read alike by delta-rs, DuckDB and Spark', async () => {
    const uri = join(folder, 'todos os tipos');
    const table = await createTable(uri, { schema: EVERY_TYPE, partitionBy: ['parte'] });
    await table.append({ rows: ROWS });
    await everyEngineAgrees(table, uri);
    await table.close();
  });

  it('a MERGE of updates, deletes and inserts is read alike', async () => {
    const uri = join(folder, 'merge');
    const table = await createTable(uri, { schema: 'id bigint, nome string, n int' });
    const rows = Array.from({ length: 1000 }, (_, i) => ({ id: BigInt(i), nome: `n${i}`, n: i }));
    await table.append({ rows });
    const source = Array.from({ length: 300 }, (_, i) => ({
      id: BigInt(i * 5),
      nome: `novo ${i}`,
      n: -i,
    }));
    const result = await table.merge({
      source: { rows: source },
      on: 't.id = s.id',
      whenMatched: [
        { condition: 's.n % 2 = 0', delete: true },
        { condition: 't.id < 900', update: { nome: "concat(s.nome, '!')" } },
      ],
      whenNotMatched: [{ condition: 's.n < -210', insert: '*' }],
    });
    expect(result).toMatchObject({ deleted: 100, updated: 90, inserted: 89 });
    await everyEngineAgrees(table, uri);
    await table.close();
  });

  it('small files packed by OPTIMIZE are read alike, and so is the version before', async () => {
    const uri = join(folder, 'miudos');
    const table = await createTable(uri, { schema: EVERY_TYPE, partitionBy: ['parte'] });
    for (let i = 0; i < 20; i += 1) {
      await table.append({ rows: ROWS.map((row) => ({ ...row, chave: BigInt(i), inteiro: i })) });
    }
    const before = await table.checksum();
    const { version } = table.snapshot;
    expect(await table.optimize({ sortBy: ['texto'] })).toMatchObject({
      filesRemoved: 60,
      filesAdded: 3,
    });
    expect(await table.checksum()).toEqual(before);
    await everyEngineAgrees(table, uri);
    expect(await bed.peers.checksum({ engine: 'deltars', uri, version }), 'delta-rs').toEqual(
      before,
    );
    expect(await bed.spark.checksum({ uri, version }), 'Spark').toEqual(before);
    const { answer } = await bed.spark.ask({
      op: 'program',
      source: `
entry = spark.sql("DESCRIBE HISTORY delta.\`${uri}\` LIMIT 1").collect()[0]
answer = [entry["operation"], entry["operationMetrics"]["numRemovedFiles"]]
`,
    });
    expect(answer).toEqual(['OPTIMIZE', '60']);
    await table.close();
  });

  it('large row groups copied by OPTIMIZE are read alike', async () => {
    const uri = join(folder, 'emendados');
    const table = await createTable(uri, { schema: 'id bigint, nome string, n int' });
    for (let file = 0; file < 2; file += 1) {
      const rows = Array.from({ length: 100_000 }, (_, i) => {
        const id = file * 100_000 + i;
        return { id: BigInt(id), nome: id % 7 === 0 ? null : `nome ${id % 1000}`, n: id % 13 };
      });
      await table.append({ rows });
    }
    const before = await table.checksum();
    await table.optimize();
    expect(table.snapshot.fileCount).toBe(1);
    expect(await table.checksum()).toEqual(before);
    await everyEngineAgrees(table, uri);
    await table.close();
  });

  for (const count of [1, 100, 10_000]) {
    it(`the checkpoint of a table of ${count} files is what the others load`, async () => {
      const uri = join(folder, `ficheiros-${count}`);
      const table = await createTable(uri, { schema: 'id bigint, nome string' });
      await table.append({ rows: [{ id: 1n, nome: 'um' }] });
      const first = await firstFile(table);
      if (count > 1) {
        await table.append({ parquet: Array.from({ length: count - 1 }, () => join(uri, first)) });
      }
      await table.checkpoint();
      const version = table.snapshot.version;
      for (const name of readdirSync(join(uri, '_delta_log'))) {
        if (/^\d+\.(json|crc)$/.test(name) && Number(name.slice(0, 20)) < version) {
          rmSync(join(uri, '_delta_log', name));
        }
      }
      expect(await bed.peers.ask({ op: 'files', uri })).toEqual({ files: count, version });
      await everyEngineAgrees(table, uri);
      await table.close();
    });
  }
});

describe('what others write into our table', () => {
  it('Spark and delta-rs append, update and checkpoint, and we read the same rows', async () => {
    const uri = join(folder, 'a varias maos');
    const table = await createTable(uri, {
      schema: 'id bigint, nome string',
      partitionBy: ['nome'],
    });
    await table.append({ rows: [{ id: 1n, nome: 'a b%c' }] });
    await bed.spark.ask({
      op: 'program',
      source: `
from pyspark.sql import Row
df = spark.createDataFrame([(2, "São"), (3, None)], "id long, nome string")
df.write.format("delta").mode("append").save("${uri}")
spark.sql("UPDATE delta.\`${uri}\` SET id = id + 100 WHERE id = 1")
`,
    });
    await bed.peers.ask({ op: 'append', uri, ipc: await arrowStream([{ id: 4n, nome: 'x=y' }]) });
    await table.refresh();
    await table.append({ rows: [{ id: 5n, nome: 'a b%c' }] });
    await everyEngineAgrees(await refreshed(table), uri);
    expect(table.snapshot.version).toBe(5);
    await table.close();
  });

  it('a table that Spark made, with its own checkpoint, takes our appends and merges', async () => {
    const uri = join(folder, 'de spark');
    await bed.spark.ask({
      op: 'program',
      source: `
spark.sql("CREATE TABLE delta.\`${uri}\` (codigo STRING, nome STRING, quando TIMESTAMP) USING delta TBLPROPERTIES ('delta.checkpointInterval' = '3')")
for i in range(5):
    spark.sql(f"INSERT INTO delta.\`${uri}\` VALUES ('c{i}', 'n{i}', TIMESTAMP '2026-01-0{i + 1} 10:00:00')")
`,
    });
    const table = await openTable(uri);
    await table.append({ rows: [{ codigo: 'c9', nome: 'nove', quando: '2026-02-01T00:00:00Z' }] });
    await table.merge({
      source: { rows: [{ codigo: 'c1', nome: 'outro', quando: '2026-03-01T00:00:00Z' }] },
      on: 't.codigo = s.codigo',
      whenMatched: [{ condition: 's.quando > t.quando', update: '*' }],
      whenNotMatched: [{ insert: '*' }],
    });
    await everyEngineAgrees(table, uri);
    await table.close();
  });

  it('after a commit of delta-rs the script brings the manifest up to date', async () => {
    const uri = join(folder, 'com manifesto');
    const table = await createTable(uri, {
      schema: 'id bigint, nome string',
      properties: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
    });
    await table.append({ rows: [{ id: 1n, nome: 'um' }] });
    await bed.peers.ask({ op: 'append', uri, ipc: await arrowStream([{ id: 2n, nome: 'dois' }]) });
    expect(await manifestOf(table)).toHaveLength(1);
    await run(process.execPath, ['scripts/regenerate-manifest.ts', uri]);
    await table.refresh();
    expect(await manifestOf(table)).toEqual([...table.files()].map((file) => file.uri).sort());
    await table.close();
  });

  it('usuario_delta that Spark made without data_hora_evento is evolved, and null counts as oldest', async () => {
    const lake = join(folder, 'lago');
    const samples = join(folder, 'amostras');
    const uri = join(lake, 'usuarios', 'usuario_delta');
    await bed.spark.ask({
      op: 'program',
      source: `
spark.sql("CREATE TABLE delta.\`${uri}\` (codigo_usuario STRING, nome_usuario STRING) USING delta")
spark.sql("INSERT INTO delta.\`${uri}\` VALUES ('U1', 'velho'), ('U2', 'fica')")
`,
    });
    mkdirSync(samples);
    const event = {
      id: 'e1',
      data_hora_evento: '1990-01-01 00:00:00',
      codigo_usuario: 'U1',
      nome_usuario: 'João',
    };
    writeFileSync(join(samples, 'a.jsonl'), `${JSON.stringify(event)}\n`);
    const config = ['--config', 'fixtures/deltawright.config.ts'];
    await run(process.execPath, ['dist/cli/main.js', 'run', 'usuario-merge', ...config], {
      env: { ...process.env, DELTAWRIGHT_LAKE: lake, DELTAWRIGHT_SAMPLES: samples },
    });
    const table = await openTable(uri);
    const rows: Row[] = [];
    for await (const row of table.scan()) rows.push(row);
    expect(rows).toHaveLength(2);
    expect(rows).toEqual(
      expect.arrayContaining([
        {
          codigo_usuario: 'U1',
          nome_usuario: 'João',
          data_hora_evento: '1990-01-01T00:00:00.000000Z',
        },
        { codigo_usuario: 'U2', nome_usuario: 'fica', data_hora_evento: null },
      ]),
    );
    await everyEngineAgrees(table, uri);
    await table.close();
  });
});

async function manifestOf(table: DeltaTable): Promise<string[]> {
  const paths: string[] = [];
  for await (const path of table.manifestPaths()) paths.push(path);
  return paths.sort();
}

async function firstFile(table: DeltaTable): Promise<string> {
  for (const file of table.files()) return file.path;
  throw new Error('the table has no file');
}

async function arrowStream(rows: readonly { id: bigint; nome: string }[]): Promise<string> {
  const arrow = await import('apache-arrow');
  const table = new arrow.Table({
    id: arrow.vectorFromArray(
      rows.map((row) => row.id),
      new arrow.Int64(),
    ),
    nome: arrow.vectorFromArray(
      rows.map((row) => row.nome),
      new arrow.Utf8(),
    ),
  });
  return Buffer.from(arrow.tableToIPC(table, 'stream')).toString('base64');
}
