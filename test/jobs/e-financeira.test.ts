import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import avro from 'avsc';
import { beforeAll, describe, expect, test } from 'vitest';

import { recount, type RelatorioTransmissao } from '../../scripts/e-financeira/recount.ts';
import { shippedMessages } from '../../scripts/e-financeira/shipped-topic.ts';
import { isDeltaError, ManualClock } from '../../src/base/index.ts';
import { type ConfigInput, runJob } from '../../src/jobs/index.ts';
import { readFooter, readRows, storeSource } from '../../src/parquet/index.ts';
import type { Row } from '../../src/schema/index.ts';
import { crashAtWrite, faultyStore, type ObjectStore } from '../../src/store/index.ts';
import { SinkLogReader } from '../../src/stream/index.ts';
import { openSnapshot, scanRows } from '../../src/table/index.ts';
import { JobBench } from './bench.ts';

const fixtures = new URL('../../fixtures/', import.meta.url);
const expected = recount(shippedMessages(), { partitionCount: 3 });

const JOBS = [
  'capturar-eventos',
  'consolidar-base-eventos',
  'gerar-relatorio-transmissao',
] as const;
/** More writes than the batches of a job make. */
const WRITES_MAX = 120;

let template = '';
const LAKE = '/__lake__';

beforeAll(async () => {
  process.env['DELTAWRIGHT_LAKE'] = LAKE;
  const module = (await import('../../fixtures/deltawright.config.ts')) as { default: ConfigInput };
  delete process.env['DELTAWRIGHT_LAKE'];
  template = JSON.stringify(module.default).replaceAll(
    '"e-financeira/',
    `"${fixtures.pathname}e-financeira/`,
  );
});

/** The shipped jobs, over a lake of their own. */
async function openBench(maxOffsetsPerBatch: number): Promise<JobBench> {
  const config = JSON.parse(template.replaceAll(LAKE, 'lake')) as ConfigInput;
  const capture = config.jobs['capturar-eventos'];
  if (capture?.source.kind !== 'kafka') throw new TypeError('the capture reads a topic');
  const source = { ...capture.source, maxOffsetsPerBatch };
  const jobs = { ...config.jobs, 'capturar-eventos': { ...capture, source } };
  return JobBench.open({ ...config, jobs });
}

async function rowsOf(store: ObjectStore, path: string, sizeBytes: number): Promise<Row[]> {
  const source = storeSource(store, path, { sizeBytes });
  const rows: Row[] = [];
  for await (const row of readRows(source, await readFooter(source))) rows.push(row as Row);
  return rows;
}

/** The source of record, as readers of its log see it. */
async function recordRows(bench: JobBench): Promise<Row[]> {
  const store = bench.store(`file://${bench.folder}/lake/e_financeira/eventos`);
  const log = await SinkLogReader.open(store);
  const { files } = (await log?.read()) ?? { files: [] };
  const rows = files.map(({ path, sizeBytes }) => rowsOf(store, path, sizeBytes));
  return (await Promise.all(rows)).flat();
}

async function deadLetters(bench: JobBench): Promise<Row[]> {
  const store = bench.store(`file://${bench.folder}/lake/_rejected/capturar-eventos`);
  const rows: Row[] = [];
  for await (const { path, sizeBytes } of store.list('', { recursive: true })) {
    rows.push(...(await rowsOf(store, path, sizeBytes)));
  }
  return rows;
}

async function tableRows(bench: JobBench, name: string): Promise<Row[]> {
  const { openStore, ...context } = bench.context();
  const table = {
    ...context,
    store: openStore(`file://${bench.folder}/lake/e_financeira/${name}`),
  };
  return Array.fromAsync(scanRows(table, await openSnapshot(table)));
}

/** By key, the values of the last message. */
async function posted(bench: JobBench): Promise<Map<string, RelatorioTransmissao>> {
  const file = join(bench.folder, 'lake/_topics/topics/relatorio-transmissao/0.ndjson');
  const decoder = avro.Type.forSchema(
    JSON.parse(
      await readFile(new URL('e-financeira/relatorio-transmissao-value.avsc', fixtures), 'utf8'),
    ) as avro.Schema,
  );
  const latest = new Map<string, RelatorioTransmissao>();
  for (const line of (await readFile(file, 'utf8')).trim().split('\n')) {
    const { key, value } = JSON.parse(line) as { key: string; value: string };
    const report = decoder.fromBuffer(
      Buffer.from(value, 'base64').subarray(5),
    ) as RelatorioTransmissao;
    latest.set(Buffer.from(key, 'base64').toString(), report);
  }
  return latest;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const millis = (time: unknown): number => Date.parse(String(time));

const reportOf = (row: Row): RelatorioTransmissao => ({
  codigo_empresa: text(row['codigo_empresa']),
  codigo_produto_operacional: text(row['codigo_produto_operacional']),
  quantidade_eventos_transmitidos: Number(row['quantidade_eventos_transmitidos']),
  quantidade_eventos_transmitidos_sucesso: Number(row['quantidade_eventos_transmitidos_sucesso']),
  quantidade_eventos_transmitidos_erro: Number(row['quantidade_eventos_transmitidos_erro']),
  percentual_erro: Number(row['percentual_erro']),
  data_hora_ultimo_evento: millis(row['data_hora_ultimo_evento']),
});

const byKey = (a: RelatorioTransmissao, b: RelatorioTransmissao): number =>
  keyOf(a) < keyOf(b) ? -1 : 1;
const keyOf = (row: RelatorioTransmissao): string =>
  `${row.codigo_empresa}|${row.codigo_produto_operacional}`;

/** The places of messages, as text, in order. */
const places = (rows: readonly Row[]): string[] =>
  rows.map((row) => `${Number(row['partition'])}/${Number(row['offset'])}`).sort();

async function expectRecount(bench: JobBench): Promise<void> {
  const record = await recordRows(bench);
  expect(record.map((row) => text(row['id'])).sort()).toEqual([...expected.detail.keys()].sort());
  expect(places(await deadLetters(bench))).toEqual(
    places(expected.deadLetters.map((it) => ({ ...it }))),
  );

  const detail = await tableRows(bench, 'evento_transmitido');
  expect(detail).toHaveLength(expected.detail.size);
  for (const row of detail) {
    const { event, sent } = expected.detail.get(text(row['id'])) ?? { sent: [] };
    expect(sent).toContainEqual({ partition: row['partition'], offset: Number(row['offset']) });
    const { data_hora_processamento, ...fields } = event?.value ?? {};
    expect(row).toMatchObject({ correlationid: event?.correlationid, ...fields });
    expect(millis(row['data_hora_processamento'])).toBe(data_hora_processamento);
    expect(millis(row['time'])).toBe(event?.timeMs);
  }

  const report = (await tableRows(bench, 'relatorio_transmissao')).map(reportOf).sort(byKey);
  expect(report).toEqual([...expected.report].sort(byKey));
  const messages = await posted(bench);
  expect([...messages.keys()].sort()).toEqual(report.map(keyOf).sort());
  for (const { data_hora_ultimo_evento: last, ...line } of report) {
    expect(messages.get(`${line.codigo_empresa}|${line.codigo_produto_operacional}`)).toEqual({
      ...line,
      data_hora_ultimo_evento: last * 1000,
    });
  }
}

describe('the pipeline e-Financeira, on the recorded topic', () => {
  test('takes each event once, puts aside what is broken, and counts as the recount does', async () => {
    const bench = await openBench(1000);
    const captured = await bench.run('capturar-eventos');
    expect(captured).toMatchObject({
      batches: 1,
      rowsIn: 640,
      duplicates: expected.duplicateCount,
      inserted: expected.detail.size,
      rejectedRows: expected.deadLetters.length,
    });
    await bench.run('consolidar-base-eventos');
    await bench.run('gerar-relatorio-transmissao');
    await expectRecount(bench);
    for (const job of JOBS) {
      expect(await bench.run(job)).toMatchObject({ batches: 0, rowsIn: 0, inserted: 0, posted: 0 });
    }
    await bench.close();
  });

  test('comes to the same in small batches, with the jobs taking turns', async () => {
    const bench = await openBench(60);
    for (let round = 0; round < 3; round += 1) {
      for (const job of JOBS) await bench.run(job);
    }
    expect(
      (await bench.names('lake/_checkpoints/capturar-eventos/commits')).length,
    ).toBeGreaterThan(9);
    await expectRecount(bench);
    await bench.close();
  });

  test('has one file for each topic partition, date and batch', async () => {
    const bench = await openBench(200);
    await bench.run('capturar-eventos');
    const store = bench.store(`file://${bench.folder}/lake/e_financeira/eventos`);
    const seen = new Set<string>();
    for (const batch of await bench.names('lake/e_financeira/eventos/_spark_metadata')) {
      const lines = (await bench.text(`lake/e_financeira/eventos/_spark_metadata/${batch}`)).split(
        '\n',
      );
      for (const line of lines.slice(1)) {
        const { path } = JSON.parse(line) as { path: string };
        const place = /(date=[^/]+)\/part-(\d{5})-/.exec(path)?.slice(1).join(' ') ?? '';
        expect(seen.has(`${batch} ${place}`)).toBe(false);
        seen.add(`${batch} ${place}`);
      }
    }
    expect(seen.size).toBeGreaterThan(10);
    expect(store.uri).toContain('eventos');
    await bench.close();
  });

  test('killed before any of its writes and run again, ends as if it had not been', async () => {
    let writeIndex = 0;
    for (let crashed = true; crashed; writeIndex += 5) {
      const bench = await openBench(400);
      crashed = false;
      for (const job of JOBS) {
        const disk = faultyStore(bench.store(`file://${bench.folder}`), {
          clock: new ManualClock(),
          plan: crashAtWrite(writeIndex, 'crash'),
        });
        try {
          await runJob(bench.config, job, bench.context(disk));
        } catch (error) {
          if (!isDeltaError(error, 'STORE_CRASHED')) throw error;
          crashed = true;
        }
        await bench.run(job);
      }
      await expectRecount(bench);
      await bench.close();
      expect(writeIndex).toBeLessThan(WRITES_MAX);
    }
    expect(writeIndex).toBeGreaterThan(10);
  }, 240_000);
});
