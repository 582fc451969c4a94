import { readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, describe, expect, test } from 'vitest';

import type { BatchReport } from '../../src/jobs/job-context.ts';
import { type JobInput, parseConfig, runJob } from '../../src/jobs/index.ts';
import type { Row } from '../../src/schema/index.ts';
import { openSnapshot, scanRows } from '../../src/table/index.ts';
import type { JobBench } from './bench.ts';
import {
  forgetTopic,
  kafkaConfig,
  openKafkaBench,
  orders,
  record,
  type TopicSource,
  TOPIC,
} from './kafka-bench.ts';

let bench: JobBench;
afterEach(async () => {
  await bench.close();
});

/** `partition/offset` of the rows that the table has, in order. */
async function places(): Promise<string[]> {
  const { openStore, ...context } = bench.context();
  const table = { ...context, store: openStore(`file://${bench.folder}/lake/d/pedidos`) };
  const rows = await Array.fromAsync(scanRows(table, await openSnapshot(table)));
  const place = (row: Row): string =>
    [row['partition'], row['offset']].map((it) => String(Number(it))).join('/');
  return rows.map(place).sort();
}

describe('a job without a checkpoint starts', () => {
  async function startAt(startingOffsets: TopicSource['startingOffsets']): Promise<void> {
    bench = await openKafkaBench(startingOffsets === undefined ? {} : { startingOffsets });
    await record(bench, orders(10, 12));
    await record(bench, orders(0, 2), { partition: 1 });
    await bench.run('pedidos');
  }

  test('at the earliest message unless told otherwise, which is no loss of those before', async () => {
    await startAt(undefined);
    expect(await places()).toEqual(['0/10', '0/11', '0/12', '1/0', '1/1', '1/2']);
  });

  test('after the latest one, and takes what comes then', async () => {
    await startAt('latest');
    expect(await bench.run('pedidos')).toMatchObject({ batches: 0, rowsIn: 0 });
    await record(bench, orders(10, 14));
    expect(await bench.run('pedidos')).toMatchObject({ batches: 1, rowsIn: 2 });
    expect(await places()).toEqual(['0/13', '0/14']);
  });

  test('at a time, which a partition without a later message waits for', async () => {
    await startAt({ timestamp: '1970-01-01T00:00:11Z' });
    expect(await places()).toEqual(['0/11', '0/12']);
    await record(bench, orders(0, 3), { partition: 1 });
    await bench.run('pedidos');
    expect(await places()).toEqual(['0/11', '0/12', '1/3']);
  });

  test('at the offsets given, and at the earliest message of other partitions', async () => {
    await startAt({ offsets: { [TOPIC]: { '0': 12 } } });
    expect(await places()).toEqual(['0/12', '1/0', '1/1', '1/2']);
  });

  test('where the first run began, whatever the configuration says later', async () => {
    await startAt('latest');
    const config = parseConfig(kafkaConfig({ startingOffsets: 'earliest' }), bench.folder);
    expect(await runJob(config, 'pedidos', bench.context())).toMatchObject({ rowsIn: 0 });
  });
});

test('topics of a pattern and partitions that appear while it runs are taken from their first message', async () => {
  bench = await openKafkaBench({ topics: { pattern: 'pedidos-.*' }, startingOffsets: 'latest' });
  await record(bench, orders(0, 1), { topic: 'pedidos-sul' });
  await record(bench, orders(0, 1), { topic: 'antigos-pedidos-sul' });
  await bench.run('pedidos');
  await record(bench, orders(0, 1), { topic: 'pedidos-norte' });
  await record(bench, orders(0, 2), { topic: 'pedidos-sul', partition: 1 });
  expect(await bench.run('pedidos')).toMatchObject({ rowsIn: 5, lostOffsets: 0 });
});

test('batches share their limit, and tell what is left', async () => {
  bench = await openKafkaBench({ maxOffsetsPerBatch: 4 });
  await record(bench, orders(0, 5));
  await record(bench, orders(0, 2), { partition: 1 });
  const reports: BatchReport[] = [];
  await bench.run('pedidos', { onBatch: (report) => reports.push(report) });
  expect(reports.map(({ counts, backlog }) => [counts.rowsIn, backlog])).toEqual([
    [3, 6],
    [3, 3],
    [3, 0],
  ]);
  expect(await places()).toHaveLength(9);
});

describe('messages that are gone before they were read', () => {
  async function expire(onDataLoss: TopicSource['onDataLoss']): Promise<void> {
    bench = await openKafkaBench(onDataLoss === undefined ? {} : { onDataLoss });
    await record(bench, orders(0, 2));
    await bench.run('pedidos');
    await record(bench, orders(5, 6));
  }

  test('are an error that names them, before anything is planned', async () => {
    await expire(undefined);
    await expect(bench.run('pedidos')).rejects.toMatchObject({
      kind: 'data',
      code: 'KAFKA_OFFSETS_LOST',
      message: expect.stringContaining('set source.onDataLoss to "count"') as unknown,
      details: { topic: TOPIC, partition: 0, start: 3, end: 5, kind: 'expired' },
    });
    expect(await bench.names('lake/_checkpoints/pedidos/offsets')).toEqual(['0']);
    expect(await places()).toHaveLength(3);
  });

  test('are counted where that is asked for, once', async () => {
    await expire('count');
    expect(await bench.run('pedidos')).toMatchObject({ lostOffsets: 2, rowsIn: 2 });
    expect(await bench.run('pedidos')).toMatchObject({ lostOffsets: 0, batches: 0 });
    expect(await places()).toEqual(['0/0', '0/1', '0/2', '0/5', '0/6']);
  });

  test.each([
    ['fail', { code: 'KAFKA_OFFSETS_LOST', details: { start: 0, end: 1 } }],
    ['count', { lostOffsets: 1, rowsIn: 2 }],
  ] as const)('count for a batch that was planned before: %s', async (onDataLoss, outcome) => {
    bench = await openKafkaBench({ onDataLoss });
    await record(bench, [{ offset: 0, value: 'no JSON' }, ...orders(1, 2)]);
    await expect(bench.run('pedidos', { strict: true })).rejects.toMatchObject({
      code: 'JOB_REJECTED',
      message: expect.stringContaining('pedidos, partition 0, offset 0') as unknown,
    });
    await record(bench, orders(1, 2));
    const again = await bench.run('pedidos').catch((error: unknown) => error);
    expect(again).toMatchObject(outcome);
  });

  test('a topic that was made anew is told from one that lost its oldest messages', async () => {
    bench = await openKafkaBench({ onDataLoss: 'count' });
    await record(bench, orders(0, 6));
    await bench.run('pedidos');
    await record(bench, orders(0, 1));
    expect(await bench.run('pedidos')).toMatchObject({ rowsIn: 2 });
    expect(await places()).toHaveLength(9);
  });

  test('a partition that is gone stops the job', async () => {
    bench = await openKafkaBench({ topics: { pattern: 'pedidos.*' } });
    await record(bench, orders(0, 1));
    await record(bench, orders(0, 1), { topic: 'pedidos-sul' });
    await bench.run('pedidos');
    await forgetTopic(bench, 'pedidos-sul');
    await expect(bench.run('pedidos')).rejects.toMatchObject({
      code: 'KAFKA_OFFSETS_LOST',
      details: { kind: 'removed', topic: 'pedidos-sul', start: 2 },
    });
  });
});

test('a topic that is not there is refused by name', async () => {
  bench = await openKafkaBench();
  await expect(bench.run('pedidos')).rejects.toMatchObject({
    code: 'KAFKA_TOPIC_MISSING',
    details: { topic: TOPIC },
  });
});

describe('dead letters', () => {
  const letters = 'lake/_rejected/pedidos/batch-0';
  const toTopic: Partial<JobInput> = {
    sink: { kind: 'kafka', topic: 'saida', value: { format: 'json' } },
  };

  async function runTwice(change: () => Promise<unknown>): Promise<[Buffer, Buffer]> {
    bench = await openKafkaBench({ headers: 'id STRING, at TIMESTAMP' }, toTopic);
    await record(bench, [
      { offset: 0, value: { id: 1 }, headers: { id: 'a', at: '2026-11-22T10:00:00Z' } },
      { offset: 1, value: '{"id":', headers: { id: 'b' } },
      { offset: 2, value: { id: 3 }, headers: { id: 'c', at: 'ontem' } },
    ]);
    const file = join(bench.folder, letters, 'pedidos-0.parquet');
    expect(await bench.run('pedidos')).toMatchObject({ rowsIn: 3, posted: 1, rejectedRows: 2 });
    const first = await readFile(file);
    await change();
    // As if the run had been killed before it noted the batch.
    await unlink(join(bench.folder, 'lake/_checkpoints/pedidos/commits/0'));
    expect(await bench.run('pedidos')).toMatchObject({ batches: 1, rejectedRows: 2 });
    return [first, await readFile(file)];
  }

  test('are the same file where the batch is run again', async () => {
    const [first, second] = await runTwice(() => Promise.resolve());
    expect(second.equals(first)).toBe(true);
  });

  test('of an earlier try that this one does not have are taken away', async () => {
    const stale = (): string => join(bench.folder, letters, 'pedidos-7.parquet');
    await runTwice(() => writeFile(stale(), 'left by a try that ended early'));
    expect(await bench.names(letters)).toEqual(['pedidos-0.parquet']);
  });

  test('of a strict job stay in the topic: it takes nothing', async () => {
    bench = await openKafkaBench({ tombstones: 'reject' }, { strict: true });
    await record(bench, [...orders(0, 1), { offset: 2, value: null }]);
    await expect(bench.run('pedidos')).rejects.toMatchObject({
      code: 'JOB_REJECTED',
      message: expect.stringContaining('offset 2: the message has no value') as unknown,
    });
    expect(await bench.names(letters)).toEqual([]);
    await record(bench, orders(0, 2));
    expect(await bench.run('pedidos')).toMatchObject({ inserted: 3 });
  });
});

test('a secret whose variable is not set is refused by its name, before the registry is asked', async () => {
  bench = await openKafkaBench(
    { value: { format: 'avro' } },
    {},
    { registry: { url: 'http://127.0.0.1:1', auth: { token: { env: 'REGISTRY_TOKEN' } } } },
  );
  await record(bench, orders(0, 0));
  await expect(bench.run('pedidos')).rejects.toMatchObject({
    kind: 'invalid',
    code: 'SECRET_MISSING',
    details: { variable: 'REGISTRY_TOKEN' },
  });
});

test('a certificate that is not there is refused by its file', async () => {
  const tls = { ca: 'certs/none.pem' };
  bench = await openKafkaBench({}, {}, { kafka: { brokers: '127.0.0.1:1', tls } });
  await expect(bench.run('pedidos')).rejects.toMatchObject({
    code: 'CONFIG_FILE_MISSING',
    details: { file: join(bench.folder, 'certs/none.pem') },
  });
});
