/**
 * What the three jobs of *e-Financeira* have come to, held against a recount: tables as delta-rs reads them, messages as kafkajs
 * does, Parquet files as DuckDB does.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import avsc from 'avsc';
import { type IHeaders, Kafka, logLevel } from 'kafkajs';

import { ENVELOPE_SIZE_BYTES, REPORT_SCHEMA } from '../e-financeira/encode.ts';
import type { SentEvent } from '../e-financeira/events.ts';
import type { Position, RelatorioTransmissao } from '../e-financeira/recount.ts';
import { fail, readByPeer, rowsByPeer } from './judge.ts';

export const REPORT_TOPIC = 'relatorio-transmissao';

export interface Expected {
  /** By id; `sent` is null where it is not known at which offsets it stands. */
  readonly detail: ReadonlyMap<
    string,
    { readonly event: SentEvent; readonly sent: readonly Position[] | null }
  >;
  readonly report: readonly RelatorioTransmissao[];
  readonly deadLetters: readonly Position[];
}

/** Exclusive end of each partition, by batch. */
export type BatchEnds = ReadonlyMap<number, ReadonlyMap<number, number>>;

const HEADERS = ['source', 'eventversion', 'transactionid', 'correlationid'] as const;
const FIXED_HEADERS: readonly (readonly [string, string])[] = [
  ['specversion', '1.0'],
  ['type', 'br.com.efinanceira.transmissao-efetuada'],
  ['messageversion', '1.0'],
  ['datacontenttype', 'application/avro'],
];
const TIMES = ['time', 'data_hora_processamento'] as const;
const FIELDS = [
  'codigo_empresa',
  'codigo_produto_operacional',
  'cnpj_declarante',
  'tipo_evento',
  'id_evento',
  'situacao',
  'codigo_retorno',
  'descricao_retorno',
  'numero_recibo',
  'ocorrencias',
  'canal_transmissao',
] as const;

/** Every event once, with all that was sent of it. Gives the number of rows. */
export async function checkDetail(lake: string, { detail }: Expected): Promise<number> {
  const columns = ['id', 'partition', 'offset', 'date', ...TIMES];
  const others = [...FIXED_HEADERS.map(([name]) => name), ...HEADERS, ...FIELDS];
  const uri = `${lake}/e_financeira/evento_transmitido`;
  const seen = new Set<string>();
  for await (const row of rowsByPeer(uri, [...columns, ...others])) {
    const [id, partition, offset, date, time, processed, ...rest] = row;
    const name = String(id);
    if (seen.has(name)) fail(`event ${name} is doubled in the detail`);
    seen.add(name);
    const { event, sent } = detail.get(name) ?? fail(`event ${name} was never sent`);
    if (sent !== null && !sent.some((it) => it.partition === partition && it.offset === offset)) {
      fail(`event ${name} was not sent as ${String(partition)}/${String(offset)}`);
    }
    const expected = [
      new Date(event.timeMs).toISOString().slice(0, 10),
      event.timeMs,
      event.value.data_hora_processamento,
      ...FIXED_HEADERS.map(([, value]) => value),
      ...HEADERS.map((header) => event[header]),
      ...FIELDS.map((field) => event.value[field]),
    ];
    const found = [date, millis(time), millis(processed), ...rest];
    const [a, b] = [JSON.stringify(found), JSON.stringify(expected)];
    if (a !== b) fail(`event ${name} is ${a}, not ${b}`);
  }
  for (const id of detail.keys()) if (!seen.has(id)) fail(`event ${id} is lost in the detail`);
  return seen.size;
}

/** The report's table, and the last message of each key on its topic. Gives the number of messages. */
export async function checkReport(
  lake: string,
  brokers: string,
  { report }: Expected,
): Promise<number> {
  const wanted = new Map(report.map((row) => [keyOf(row), row]));
  const columns = Object.keys(report[0] ?? {});
  const rows = readByPeer(`${lake}/e_financeira/relatorio_transmissao`, columns).map((values) => {
    const row = Object.fromEntries(columns.map((name, index) => [name, values[index]]));
    return { ...row, data_hora_ultimo_evento: millis(row['data_hora_ultimo_evento']) };
  });
  checkRows('the table of the report', rows as RelatorioTransmissao[], wanted);
  const posted = await lastMessages(brokers);
  checkRows('the topic of the report', [...posted.latest.values()], wanted);
  return posted.count;
}

/** The rejected messages are the broken ones, each once. */
export async function checkDeadLetters(lake: string, { deadLetters }: Expected): Promise<number> {
  const files = `${lake}/_rejected/capturar-eventos/**/*.parquet`;
  const rows =
    deadLetters.length === 0 && !existsSync(join(lake, '_rejected'))
      ? []
      : await query(`SELECT "partition", "offset" FROM read_parquet('${files}')`);
  const found = rows.map(([partition, offset]) => `${String(partition)}/${String(offset)}`);
  const broken = new Set(deadLetters.map(({ partition, offset }) => `${partition}/${offset}`));
  for (const place of found) if (!broken.has(place)) fail(`${place} is rejected and not broken`);
  if (found.length !== new Set(found).size) fail('broken messages are doubled');
  if (found.length !== broken.size) fail(`${broken.size - found.length} broken messages are lost`);
  return found.length;
}

/**
 * The source of record: what its log names is there, and nothing else; one file for each batch, topic partition and date.
 * Gives the number of files.
 */
export async function checkRecord(
  lake: string,
  ends: BatchEnds,
  { detail }: Expected,
): Promise<number> {
  const folder = `${lake}/e_financeira/eventos`;
  const named = loggedFiles(folder);
  const there = new Set(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => join(folder, name)),
  );
  for (const file of named) if (!there.has(file)) fail(`${file} is named in the log and missing`);
  for (const file of there) if (!named.has(file)) fail(`${file} is not named in the log`);
  const rows = await query(
    `SELECT filename, min("partition"), max("partition"), min("offset"), max("offset"), count(*)
     FROM read_parquet('${folder}/*/*.parquet', filename = true) GROUP BY ALL`,
  );
  const places = new Set<string>();
  let rowCount = 0;
  for (const [name, partition, other, first, last, count] of rows) {
    const file = String(name);
    if (partition !== other) fail(`${file} holds more than one partition`);
    const batch = batchOf(ends, Number(partition), Number(first));
    if (batch !== batchOf(ends, Number(partition), Number(last))) {
      fail(`${file} holds more than one batch`);
    }
    const place = `${batch} ${String(partition)} ${/date=[^/]+/.exec(file)?.[0] ?? ''}`;
    if (places.has(place)) fail(`${file} is the second one of batch, partition and date ${place}`);
    places.add(place);
    rowCount += Number(count);
  }
  if (rowCount !== detail.size) fail(`the source of record has ${rowCount} rows`);
  return places.size;
}

/** Which batch planned an offset of a partition. */
function batchOf(ends: BatchEnds, partition: number, offset: number): number {
  let found = -1;
  for (const [batch, offsets] of ends) {
    const isBefore = offset < (offsets.get(partition) ?? 0);
    if (isBefore && (found === -1 || batch < found)) found = batch;
  }
  return found;
}

/** As Spark reads its log: the last compact file, and what came after it. */
function loggedFiles(folder: string): Set<string> {
  const log = join(folder, '_spark_metadata');
  const names = readdirSync(log).filter((name) => /^\d+(\.compact)?$/.test(name));
  const numberOf = (name: string): number => Number.parseInt(name, 10);
  const compact = Math.max(
    -1,
    ...names.filter((name) => name.endsWith('.compact')).map((name) => numberOf(name)),
  );
  const files = new Set<string>();
  for (const name of names) {
    if (numberOf(name) < compact) continue;
    if (numberOf(name) === compact && !name.endsWith('.compact')) continue;
    for (const line of readFileSync(join(log, name), 'utf8').split('\n').slice(1)) {
      if (line === '') continue;
      const { path } = JSON.parse(line) as { readonly path: string };
      const file = fileURLToPath(path);
      if (files.has(file)) fail(`${file} is named twice in the log`);
      files.add(file);
    }
  }
  return files;
}

function checkRows(
  what: string,
  rows: readonly RelatorioTransmissao[],
  wanted: ReadonlyMap<string, RelatorioTransmissao>,
): void {
  if (rows.length !== wanted.size) fail(`${what} has ${rows.length} lines, not ${wanted.size}`);
  for (const row of rows) {
    const [a, b] = [JSON.stringify(row), JSON.stringify(wanted.get(keyOf(row)))];
    if (a !== b) fail(`${what} says ${a}, not ${b}`);
  }
}

function keyOf(row: RelatorioTransmissao): string {
  return `${row.codigo_empresa} ${row.codigo_produto_operacional}`;
}

interface Posted {
  readonly latest: ReadonlyMap<string, RelatorioTransmissao>;
  readonly count: number;
}

async function lastMessages(brokers: string): Promise<Posted> {
  const kafka = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(REPORT_TOPIC);
  await admin.disconnect();
  const left = new Set(ends.filter(({ high }) => high !== '0').map(({ partition }) => partition));
  const last = new Map(ends.map(({ partition, high }) => [partition, Number(high) - 1]));
  const type = avsc.Type.forSchema(JSON.parse(REPORT_SCHEMA) as avsc.Schema);
  const latest = new Map<string, RelatorioTransmissao>();
  let count = 0;
  const consumer = kafka.consumer({ groupId: 'prove-eventos' });
  await consumer.connect();
  await consumer.subscribe({ topic: REPORT_TOPIC, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachBatch = ({ batch }: Parameters<EachBatch>[0]): Promise<void> => {
      for (const { key, value, headers } of batch.messages) {
        checkHeaders(headers ?? {});
        latest.set(String(key), decode(type, value ?? fail('a line of the report is a tombstone')));
        count += 1;
      }
      if (Number(batch.lastOffset()) >= (last.get(batch.partition) ?? 0)) {
        left.delete(batch.partition);
      }
      if (left.size === 0) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return { latest, count };
}

type EachBatch = NonNullable<
  NonNullable<Parameters<ReturnType<Kafka['consumer']>['run']>[0]>['eachBatch']
>;

function checkHeaders(headers: IHeaders): void {
  for (const name of ['id', 'time', 'specversion', 'type', 'source']) {
    if (headers[name] === undefined) fail(`a message of the report has no header ${name}`);
  }
}

function decode(type: avsc.Type, value: Buffer): RelatorioTransmissao {
  const row = type.fromBuffer(value.subarray(ENVELOPE_SIZE_BYTES)) as RelatorioTransmissao;
  return { ...row, data_hora_ultimo_evento: row.data_hora_ultimo_evento / 1000 };
}

/** Of a time as Python prints it, with its offset. */
function millis(time: unknown): number {
  return Date.parse(String(time).replace(' ', 'T'));
}

async function query(sql: string): Promise<DuckDBValue[][]> {
  const engine = await DuckDBInstance.create();
  const connection = await engine.connect();
  const reader = await connection.runAndReadAll(sql);
  const rows = reader.getRows();
  connection.closeSync();
  engine.closeSync();
  return rows;
}
