/** Jobs whose rows go to a recorded topic, and what is in it then. */

import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Schema } from 'avsc';

import { type ConfigInput, findJob, type JobInput } from '../../src/jobs/index.ts';
import type { Run } from '../../src/jobs/job-context.ts';
import type { SinkRows } from '../../src/jobs/job-sink.ts';
import { type Row, parseDdl } from '../../src/schema/index.ts';
import { openCheckpoint, openRecordedBroker, writeOffsets } from '../../src/stream/index.ts';
import { inspectInputs } from '../../src/table/index.ts';
import { JobBench } from './bench.ts';

const FIXTURES = new URL('../../fixtures/e-financeira/', import.meta.url).pathname;

/** Not in the order of the message's fields, nor in their case. */
export const TOTALS =
  'Codigo_Empresa STRING, codigo_produto_operacional STRING, quantidade_eventos_transmitidos LONG, ' +
  'quantidade_eventos_transmitidos_sucesso LONG, percentual_erro DOUBLE, quantidade_eventos_transmitidos_erro LONG, ' +
  'data_hora_ultimo_evento TIMESTAMP, more STRING';

export type TopicSink = Extract<JobInput['sink'], { readonly kind: 'kafka' }>;

export const TOTALS_SINK: TopicSink = {
  kind: 'kafka',
  topic: 'relatorio-transmissao',
  key: ['codigo_empresa', 'codigo_produto_operacional'],
  headers: { specversion: '1.0', type: 'relatorio', source: '/relatorio' },
  value: { format: 'avro', schema: 'relatorio-transmissao-value.avsc' },
};

/** Total `n` of a company. */
export function total(empresa: string | null, produto: string | null, n: number): Row {
  return {
    Codigo_Empresa: empresa,
    codigo_produto_operacional: produto,
    quantidade_eventos_transmitidos: n,
    quantidade_eventos_transmitidos_sucesso: n - 1,
    quantidade_eventos_transmitidos_erro: 1,
    percentual_erro: 100 / n,
    data_hora_ultimo_evento: '2026-11-22T10:00:00.123456Z',
    more: 'is no field',
  };
}

/** Lines of `TOTALS` in `samples` go to the topic. The registry is a copy of the one that ships. */
export async function openTopicBench(
  sink: TopicSink,
  job: Partial<JobInput> = {},
  config: Partial<ConfigInput> = {},
): Promise<JobBench> {
  const bench = await JobBench.open({
    lake: { location: 'lake' },
    database: 'e_financeira',
    kafka: { recorded: 'recorded', produced: 'produced' },
    registry: { url: 'registro' },
    jobs: {
      totals: { source: { kind: 'files', location: 'samples', schema: TOTALS }, sink, ...job },
    },
    ...config,
  });
  await cp(join(FIXTURES, 'registro'), join(bench.folder, 'registro'), { recursive: true });
  const schema = 'relatorio-transmissao-value.avsc';
  await cp(join(FIXTURES, schema), join(bench.folder, schema));
  return bench;
}

export async function putRows(bench: JobBench, file: string, rows: readonly Row[]): Promise<void> {
  await bench.putBytes(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

export interface Message {
  readonly key: string | null;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestampMs: number;
}

/** What was produced to the topic's first partition, the only one that a new recorded topic has. */
export async function messagesOf(bench: JobBench, topic: string): Promise<Message[]> {
  const store = bench.store(`file://${bench.folder}/produced`);
  const broker = await openRecordedBroker({ read: store, write: null });
  const topics = await broker.topics({ pattern: /.*/ });
  if (!topics.some((it) => it.topic === topic)) return [];
  const [end = 0] = await broker.offsets([{ topic, partition: 0 }], 'latest');
  const found: Message[] = [];
  await broker.fetch({ topic, partition: 0, start: 0, end }, (records) => {
    for (const { key, value, headers, timestampMs } of records) {
      const texts = headers.map(([name, bytes]) => [textOf(name), textOf(bytes ?? [])] as const);
      found.push({
        key: key === null ? null : textOf(key),
        value: Buffer.from(value ?? []),
        headers: Object.fromEntries(texts),
        timestampMs,
      });
    }
  });
  return found;
}

/** A run of the job, as `runJob` opens it, with batch 0 planned where nothing is. */
export async function openRunOf(bench: JobBench, name = 'totals'): Promise<Run> {
  const context = bench.context();
  const job = findJob(bench.config, name);
  const checkpoint = await openCheckpoint(context.openStore(job.checkpoint), context.random);
  if (checkpoint.planned === null) {
    await writeOffsets(checkpoint, context.clock, {
      batch: 0,
      sources: ['{"logOffset":0}'],
      previous: null,
    });
  }
  return {
    job,
    config: bench.config,
    context,
    strict: false,
    signal: undefined,
    report: () => {},
    rejected: context.openStore(job.rejected),
    checkpoint,
  };
}

/** All samples as the rows of a batch. */
export async function rowsIn(bench: JobBench): Promise<SinkRows & { close(): Promise<void> }> {
  const store = bench.store(`file://${bench.folder}/samples`);
  const files = (await Array.fromAsync(store.list(''))).map((meta) => ({
    ...meta,
    store,
    format: 'jsonl' as const,
  }));
  const schema = parseDdl(TOTALS);
  const ctx = bench.table('none');
  const { accepted, close } = await inspectInputs(ctx, files, { schema, keyColumns: [] });
  return { inputs: accepted, schema, close };
}

export async function avroSchema(): Promise<Schema> {
  const text = await readFile(join(FIXTURES, 'relatorio-transmissao-value.avsc'), 'utf8');
  return JSON.parse(text) as Schema;
}

function textOf(bytes: Uint8Array | readonly number[]): string {
  return Buffer.from(bytes).toString('utf8');
}
