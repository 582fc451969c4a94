/**
 * Takeovers of real Spark Structured Streaming jobs, in both directions, each on one checkpoint and one sink: stateful ones of
 * Spark's that were killed in the middle, and ours that a stateless one of Spark's goes on with and hands back.
 */

import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

import { EVENT_SCHEMAS } from '../../scripts/e-financeira/encode.ts';
import { type EventMessage, generate } from '../../scripts/e-financeira/events.ts';
import { registerSchema, sendAll } from '../../scripts/e-financeira/live.ts';
import { type Recount, recount } from '../../scripts/e-financeira/recount.ts';
import { present, systemClock } from '../../src/base/index.ts';
import type { ConfigInput, JobInput } from '../../src/jobs/index.ts';
import type { Row } from '../../src/schema/index.ts';
import { checksum } from '../../src/table/ops/checksum.ts';
import { JobBench } from '../jobs/bench.ts';
import { required } from './engines.ts';
import { KafkaBed } from './kafka-bed.ts';
import { SparkBed } from './spark-bed.ts';

const PARTITIONS = 3;
const WAIT_MS_MAX = 400_000;
/** Messages of a batch of ours. */
const LIMIT = 300;
/** Of the jobs that Spark begins: so many batches that it is killed in the middle. */
const SPARK_LIMIT = 100;
/** Messages of the topic, sent one part after the other. */
const PARTS = [2400, 600, 600] as const;

const HEADERS = ['specversion', 'type', 'source', 'id', 'correlationid', 'datacontenttype'];
const HEADERS_DDL = `${HEADERS.map((name) => `${name} STRING`).join(', ')}, time TIMESTAMP`;
const ENVELOPE = `topic STRING, partition INT, offset LONG, timestamp TIMESTAMP, key BINARY, ${HEADERS_DDL}`;
const PAYLOAD =
  'codigo_empresa: STRING, codigo_produto_operacional: STRING, cnpj_declarante: STRING, tipo_evento: STRING, ' +
  'id_evento: STRING, situacao: STRING, codigo_retorno: INT, descricao_retorno: STRING, ' +
  'data_hora_processamento: TIMESTAMP, numero_recibo: STRING, ' +
  'ocorrencias: ARRAY<STRUCT<tipo: STRING, codigo: STRING, descricao: STRING, localizacao: STRING>>';
const EVENT = `${ENVELOPE}, date DATE, payload STRUCT<${PAYLOAD}>`;
const DETAIL = ['topic', 'partition', 'offset', 'timestamp', 'key', ...HEADERS, 'time', 'date'];
/** A name that each log and engine escapes in its own way. */
const RECORD = 'registro de eventos ç+1';

// Spark takes its time where others want the machine too.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 900_000 });

const bed = new KafkaBed();
let topic = '';
let bench: JobBench;
let spark: SparkBed;
let messages: readonly EventMessage[] = [];
let sentCount = 0;

beforeAll(async () => {
  await bed.admin.connect();
  topic = await bed.topic(PARTITIONS);
  const registry = required('SCHEMA_REGISTRY_URL');
  const schemaId = await registerSchema(registry, `${topic}-value`, EVENT_SCHEMAS[0]);
  messages = [
    ...generate({
      seed: 11,
      count: PARTS[0] + PARTS[1] + PARTS[2],
      companies: 20,
      partitions: PARTITIONS,
      startMs: Date.parse('2026-11-20T23:30:00Z'),
      ratePerSecond: 1,
      duplicateShare: 0.1,
      // Spark's programs have no place for such messages.
      brokenShare: 0,
      schemaIds: [schemaId],
    }),
  ];
  bench = await JobBench.open(configOf(registry));
  spark = new SparkBed({ topic, schema: EVENT_SCHEMAS[0], headers: HEADERS });
});

afterAll(async () => {
  await spark.stop();
  await bed.admin.disconnect();
  await bench.close();
});

test('a stateful Spark job into a Parquet folder, killed in a batch, is taken over: each event once', async () => {
  await sendPart(0);
  await spark.run(`
held = events(${SPARK_LIMIT}).withWatermark("time", "30 days").dropDuplicates(["id"])
write(held.select(*${JSON.stringify(DETAIL)}, "payload.*"), "delta", ${tablePlace('detalhe')}, ${checkpointOf('detalhar')})`);
  await until(() => progressOf('detalhar').committed > 0);
  await spark.run(`
once = events(${SPARK_LIMIT}).dropDuplicates(["id"])
write(once, "parquet", ${place(RECORD)}, ${checkpointOf('registrar')}, ["date"])`);
  await until(() => progressOf('registrar').committed > 1 && isInBatch('registrar'));
  await spark.kill();
  expect(isInBatch('registrar')).toBe(true);
  const { end } = await offsetsOf('registrar', progressOf('registrar').committed);
  expect(end).toBeLessThan(PARTS[0] / 2);

  const run = await bench.run('registrar');
  expect(run.rowsIn).toBe(PARTS[0] - end);
  expect(run.duplicates).toBeGreaterThan(0);
  expect(await bench.run('registrar')).toMatchObject({ batches: 0 });
  await bench.run('consolidar');
  await expectEvents('evento');
});

test('a stateful Spark job into Delta, killed between commit and checkpoint, is taken over: no row twice', async () => {
  const id = await idOf('detalhar');
  const before = await bench.snapshot('detalhe');
  const applied = before.txnVersion(id) ?? -1;
  expect(applied).toBeGreaterThan(0);
  await forget('detalhar', applied);
  const { watermark, end } = await offsetsOf('detalhar', applied);
  expect(watermark).toBeGreaterThan(0);

  const run = await bench.run('detalhar');
  expect(run).toMatchObject({ rowsIn: PARTS[0] - end });
  const { committed } = progressOf('detalhar');
  const after = await bench.snapshot('detalhe');
  // The batch that was applied is none of the commits.
  expect(after.version - before.version).toBe(committed - applied);
  expect(after.txnVersion(id)).toBe(committed);
  expect(await offsetsOf('detalhar', committed)).toMatchObject({ watermark, end: PARTS[0] });
  await expectEvents('detalhe');
});

test('Spark reads the folder by its log: the same rows as our table of it', async () => {
  expect(await spark.run(`answer = summary(spark.read.parquet(${place(RECORD)}))`)).toEqual(
    await summaryOf('evento'),
  );
});

describe('our job, stopped in a batch, that a stateless Spark job goes on with, is taken back', () => {
  beforeAll(async () => {
    await stopIn('arquivar', 3);
    await stopIn('espelhar', 3);
    expect(isInBatch('arquivar') && isInBatch('espelhar')).toBe(true);
    await stopIn('copiar', 1);
    // The table has the batch.
    await forget('copiar', 1);
    await sendPart(1);
    await bench.run('registrar');
    const id = JSON.stringify(await idOf('espelhar'));
    await spark.run(`
def once(frame, batch):
    session = frame.sparkSession
    session.conf.set("spark.databricks.delta.write.txnAppId", ${id})
    session.conf.set("spark.databricks.delta.write.txnVersion", batch)
    table = DeltaTable.forPath(session, ${tablePlace('espelho')})
    table.alias("t").merge(frame.dropDuplicates(["id"]).alias("s"), "t.id = s.id").whenNotMatchedInsertAll().execute()

write(messages(900), "parquet", ${place('arquivo')}, ${checkpointOf('arquivar')}).awaitTermination()
mirror = messages(900).writeStream.foreachBatch(once).option("checkpointLocation", ${checkpointOf('espelhar')})
mirror.trigger(availableNow=True).start().awaitTermination()
files = spark.readStream.schema(${JSON.stringify(EVENT)}).option("maxFilesPerTrigger", 8).parquet(${place(RECORD)})
write(files, "delta", ${tablePlace('copia')}, ${checkpointOf('copiar')}).awaitTermination()`);
    for (const [job, stopped] of Object.entries({ arquivar: 3, espelhar: 3, copiar: 1 })) {
      const { committed } = progressOf(job);
      expect(committed, job).toBeGreaterThan(stopped);
      // As it is where Spark dies after its sink.
      await forget(job, committed);
    }
    await sendPart(2);
    await bench.run('registrar');
  });

  test('into a Parquet folder: each message once', async () => {
    expect(await bench.run('arquivar')).toMatchObject({ rowsIn: PARTS[2], inserted: PARTS[2] });
    await bench.run('conferir');
    const places = (await bench.rows('conferencia')).map(placeOf);
    expect(places.sort()).toEqual(sentPlaces());
  });

  test('into Delta, by foreachBatch in Spark: each event once', async () => {
    const { rowsIn } = await bench.run('espelhar');
    expect(rowsIn).toBe(PARTS[2]);
    const ids = (await bench.rows('espelho')).map((row) => textOf(row['id']));
    expect(ids.sort()).toEqual([...expected().detail.keys()].sort());
  });

  test('from files, by the log of their folder: each row once', async () => {
    expect((await bench.run('copiar')).files).toBeGreaterThan(0);
    await bench.run('consolidar');
    await expectEvents('evento');
    expect(await summaryOf('copia')).toEqual(await summaryOf('evento'));
    expect(await spark.run(`answer = summary(spark.read.parquet(${place(RECORD)}))`)).toEqual(
      await summaryOf('evento'),
    );
  });
});

/** Jobs named by what they do; those of Spark's have the same checkpoints and sinks. */
function configOf(registry: string): ConfigInput {
  const kafka = {
    kind: 'kafka',
    topics: [topic],
    headers: HEADERS_DDL,
    maxOffsetsPerBatch: LIMIT,
  } as const;
  const events = {
    ...kafka,
    value: { format: 'avro' },
    dateFrom: 'time',
    tombstones: 'reject',
  } as const;
  const raw = { ...kafka, value: { format: 'raw' } } as const;
  const record = { kind: 'files', location: RECORD, schema: EVENT } as const;
  // What stands in the names of folders is a column where a transform names it.
  const whole = { select: [...DETAIL, 'payload'] };
  const once = { columns: ['id'], against: 'table' } as const;
  const jobs: Record<string, JobInput> = {
    registrar: {
      source: events,
      keys: ['id', 'time'],
      dropDuplicates: once,
      sink: { kind: 'parquet', location: RECORD, partitionBy: ['date'] },
    },
    consolidar: { source: record, transform: whole, sink: { kind: 'append', table: 'evento' } },
    detalhar: {
      source: events,
      keys: ['id', 'time'],
      dropDuplicates: once,
      transform: { select: [...DETAIL, 'payload.*'] },
      sink: { kind: 'append', table: 'detalhe' },
    },
    arquivar: { source: raw, sink: { kind: 'parquet', location: 'arquivo' } },
    conferir: {
      source: { kind: 'files', location: 'arquivo', schema: `${ENVELOPE}, value BINARY` },
      sink: { kind: 'append', table: 'conferencia' },
    },
    espelhar: { source: raw, dropDuplicates: once, sink: { kind: 'append', table: 'espelho' } },
    copiar: {
      source: { ...record, maxFilesPerBatch: 4 },
      transform: whole,
      sink: { kind: 'append', table: 'copia' },
    },
  };
  return {
    lake: { location: 'lake' },
    database: 'usuarios',
    kafka: { brokers: [...bed.brokers] },
    registry: { url: registry },
    jobs,
  };
}

async function sendPart(part: 0 | 1 | 2): Promise<void> {
  const broker = await bed.open();
  const producer = await broker.producer();
  const end = sentCount + PARTS[part];
  await sendAll(producer, messages.slice(sentCount, end), { topic, pace: null });
  sentCount = end;
  await producer.close();
  await broker.close();
}

/** What was sent so far must come to. */
function expected(): Recount {
  return recount(messages.slice(0, sentCount), { partitionCount: PARTITIONS });
}

/** The rows are the events, each once, from one of the places where it was sent, with what it says. */
async function expectEvents(table: string): Promise<void> {
  const rows = await bench.rows(table);
  const { detail } = expected();
  expect(rows.map((row) => textOf(row['id'])).sort()).toEqual([...detail.keys()].sort());
  for (const row of rows) {
    const { event, sent } = present(detail.get(textOf(row['id'])), 'the event of a row');
    expect(sent).toContainEqual({ partition: row['partition'], offset: Number(row['offset']) });
    const { data_hora_processamento: processed, canal_transmissao: _, ...fields } = event.value;
    const values = 'payload' in row ? row['payload'] : row;
    expect(values).toMatchObject(fields);
    expect(values).toHaveProperty('data_hora_processamento', micros(processed));
    expect(row['correlationid']).toBe(event.correlationid);
    expect(Date.parse(textOf(row['time']))).toBe(event.timeMs);
  }
}

function sentPlaces(): string[] {
  const places = expected().endOffsets.flatMap((end, partition) =>
    Array.from({ length: end }, (_, offset) => placeOf({ partition, offset })),
  );
  return places.sort();
}

/** As rows have it. */
function micros(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z');
}

function textOf(value: unknown): string {
  return String(value);
}

function placeOf(row: Row): string {
  return `${textOf(row['partition'])}/${textOf(row['offset'])}`;
}

async function summaryOf(table: string): Promise<{ rows: number; sha256: string | null }> {
  const { rowCount, sha256 } = await checksum(bench.table(table), await bench.snapshot(table));
  return { rows: rowCount, sha256 };
}

/** Runs a job until it has planned this batch and begun to read it. */
async function stopIn(job: string, batch: number): Promise<void> {
  const stop = new AbortController();
  const run = bench.run(job, {
    signal: stop.signal,
    onProgress: (progress) => {
      if (progress.step === 'read' && progress.batch === batch) stop.abort(new Error('stopped'));
    },
  });
  await expect(run).rejects.toThrow('stopped');
}

interface Progress {
  readonly planned: number;
  readonly committed: number;
}

function progressOf(job: string): Progress {
  const last = (folder: string): number => {
    const path = join(bench.folder, 'lake/_checkpoints', job, folder);
    const names = existsSync(path) ? readdirSync(path) : [];
    return Math.max(-1, ...names.filter((name) => /^\d+$/.test(name)).map(Number));
  };
  // In this order: a batch that ends in between does not look as if it had not begun.
  const planned = last('offsets');
  return { planned, committed: last('commits') };
}

function isInBatch(job: string): boolean {
  const { planned, committed } = progressOf(job);
  return planned > committed;
}

/** The checkpoint as it is when everything of the batch is done but its last step. */
async function forget(job: string, batch: number): Promise<void> {
  const files = ['commits', 'offsets'].flatMap((folder) => {
    const first = folder === 'commits' ? batch : batch + 1;
    return [first, first + 1].flatMap((number) => [
      `${folder}/${String(number)}`,
      `${folder}/.${String(number)}.crc`,
    ]);
  });
  for (const file of files) {
    await rm(join(bench.folder, 'lake/_checkpoints', job, file), { force: true });
  }
  expect(progressOf(job)).toEqual({ planned: batch, committed: batch - 1 });
}

async function idOf(job: string): Promise<string> {
  const text = await readFile(join(bench.folder, 'lake/_checkpoints', job, 'metadata'), 'utf8');
  return (JSON.parse(text) as { id: string }).id;
}

/** What a batch of messages was planned with. */
async function offsetsOf(
  job: string,
  batch: number,
): Promise<{ readonly watermark: number; readonly end: number }> {
  const file = join(bench.folder, 'lake/_checkpoints', job, 'offsets', String(batch));
  const [, head = '', source = ''] = (await readFile(file, 'utf8')).split('\n');
  const { batchWatermarkMs } = JSON.parse(head) as { batchWatermarkMs: number };
  const topics = JSON.parse(source) as Record<string, Record<string, number>>;
  const ends = Object.values(topics[topic] ?? {});
  return { watermark: batchWatermarkMs, end: ends.reduce((sum, offset) => sum + offset, 0) };
}

async function until(isThere: () => boolean): Promise<void> {
  const endMs = systemClock.now() + WAIT_MS_MAX;
  while (!isThere()) {
    if (systemClock.now() > endMs) throw new Error('it did not come to that');
    await systemClock.sleep(5);
  }
}
/** Paths as texts of a Python program. */
function place(path: string): string {
  return JSON.stringify(join(bench.folder, path));
}

function tablePlace(table: string): string {
  return place(join('lake/usuarios', table));
}

function checkpointOf(job: string): string {
  return place(join('lake/_checkpoints', job));
}
