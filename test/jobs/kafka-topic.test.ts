import { unlink } from 'node:fs/promises';
import { join } from 'node:path';

import avsc from 'avsc';
import { afterEach, describe, expect, test } from 'vitest';

import type { KafkaTopicSink } from '../../src/jobs/job.ts';
import type { Run } from '../../src/jobs/job-context.ts';
import { openPost } from '../../src/jobs/kafka-post.ts';
import { KafkaTopic } from '../../src/jobs/kafka-topic.ts';
import { parseDdl } from '../../src/schema/index.ts';
import type { JobBench } from './bench.ts';
import {
  avroSchema,
  messagesOf,
  openRunOf,
  openTopicBench,
  putRows,
  rowsIn,
  total,
  TOTALS,
  TOTALS_SINK,
} from './topic-bench.ts';

const TOPIC = 'relatorio-transmissao';

let bench: JobBench;
afterEach(async () => {
  await bench.close();
});

/** As if the last run had been killed before it noted the batch. */
async function forgetCommit(): Promise<void> {
  await unlink(join(bench.folder, 'lake/_checkpoints/totals/commits/0'));
}

test('rows become Avro in the envelope of the registered schema, with key and headers', async () => {
  bench = await openTopicBench(TOTALS_SINK);
  await putRows(bench, '1.jsonl', [total('E1', 'P1', 4), total('E|2', 'P\\1', 9_007_199_254_740)]);
  const result = await bench.run('totals');
  expect(result).toMatchObject({ sink: TOPIC, inserted: 2, posted: 2, rowsIn: 2, version: null });
  const messages = await messagesOf(bench, TOPIC);
  expect(messages.map(({ key }) => key)).toEqual(['E1|P1', 'E\\|2|P\\\\1']);
  // The registry that ships knows the schema by this id.
  expect(messages.map(({ value }) => value.readUInt32BE(1))).toEqual([3, 3]);
  const type = avsc.Type.forSchema(await avroSchema());
  expect(messages.map(({ value }) => ({ ...type.fromBuffer(value.subarray(5)) }))).toEqual([
    {
      codigo_empresa: 'E1',
      codigo_produto_operacional: 'P1',
      quantidade_eventos_transmitidos: 4,
      quantidade_eventos_transmitidos_sucesso: 3,
      quantidade_eventos_transmitidos_erro: 1,
      percentual_erro: 25,
      data_hora_ultimo_evento: Date.parse('2026-11-22T10:00:00.123Z') * 1000 + 456,
    },
    expect.objectContaining({ quantidade_eventos_transmitidos: 9_007_199_254_740 }),
  ]);
  const { id } = JSON.parse(await bench.text('lake/_checkpoints/totals/metadata')) as {
    id: string;
  };
  expect(messages[0]?.headers).toEqual({
    specversion: '1.0',
    type: 'relatorio',
    source: '/relatorio',
    id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
    time: new Date(bench.clock.now()).toISOString(),
    transactionid: `${id}/0`,
  });
  expect(new Set(messages.map(({ headers }) => headers['id'])).size).toBe(2);
});

test('a batch that is sent again has the same messages with the same ids and time', async () => {
  bench = await openTopicBench({ ...TOTALS_SINK, value: { format: 'json' } });
  await putRows(bench, '1.jsonl', [
    total('E1', 'P1', 4),
    total('E1', 'P1', 5),
    total('E2', 'P1', 6),
  ]);
  await bench.run('totals');
  await forgetCommit();
  bench.clock.advance(86_400_000);
  expect(await bench.run('totals')).toMatchObject({ posted: 3 });
  const messages = await messagesOf(bench, TOPIC);
  const facts = messages.map(({ key, value, headers }) => ({ key, value, headers }));
  expect(facts.slice(3)).toEqual(facts.slice(0, 3));
  expect(new Set(messages.map(({ headers }) => headers['id'])).size).toBe(3);
  expect((messages[3]?.timestampMs ?? 0) - (messages[0]?.timestampMs ?? 0)).toBeGreaterThan(
    80_000_000,
  );
});

test('headers of the definition win over those that are made', async () => {
  const headers = { id: 'one', time: 'now', transactionid: 't' };
  bench = await openTopicBench({ ...TOTALS_SINK, headers });
  await putRows(bench, '1.jsonl', [total('E1', 'P1', 4)]);
  await bench.run('totals');
  expect((await messagesOf(bench, TOPIC)).map((it) => it.headers)).toEqual([headers]);
});

test('duplicates of a batch are dropped, rows without a key are rejected, nulls of a key are empty', async () => {
  bench = await openTopicBench(
    { ...TOTALS_SINK, key: ['codigo_produto_operacional', 'more'], value: { format: 'json' } },
    { dropDuplicates: { columns: ['Codigo_Empresa'], against: 'batch' } },
  );
  const rows = [
    total('E1', null, 1),
    total('E1', 'P', 2),
    total(null, 'P', 3),
    total('E2', 'P', 4),
  ];
  await putRows(bench, '1.jsonl', rows);
  const result = await bench.run('totals');
  expect(result).toMatchObject({ inserted: 2, duplicates: 1, rejectedRows: 1, posted: 2 });
  const messages = await messagesOf(bench, TOPIC);
  expect(messages.map(({ key }) => key)).toEqual(['|is no field', 'P|is no field']);
  expect(JSON.parse(messages[1]?.value.toString() ?? '')).toEqual({
    ...total('E2', 'P', 4),
    data_hora_ultimo_evento: '2026-11-22T10:00:00.123456Z',
  });
});

test('without key columns messages have no key, and each an id of its own', async () => {
  const { key: _, ...sink } = TOTALS_SINK;
  bench = await openTopicBench(sink);
  await putRows(bench, '1.jsonl', [total('E1', 'P1', 4), total('E1', 'P1', 4)]);
  await bench.run('totals');
  const messages = await messagesOf(bench, TOPIC);
  expect(messages.map((it) => it.key)).toEqual([null, null]);
  expect(new Set(messages.map((it) => it.headers['id'])).size).toBe(2);
});

test('a transform makes the rows', async () => {
  bench = await openTopicBench(
    { ...TOTALS_SINK, key: ['empresa'], value: { format: 'json' } },
    {
      transform: {
        select: ['codigo_empresa AS empresa', 'sum(quantidade_eventos_transmitidos) AS n'],
        groupBy: ['codigo_empresa'],
        orderBy: ['empresa'],
      },
    },
  );
  await putRows(bench, '1.jsonl', [
    total('E2', 'P1', 4),
    total('E1', 'P1', 4),
    total('E2', 'P2', 5),
  ]);
  await bench.run('totals');
  const messages = await messagesOf(bench, TOPIC);
  expect(messages.map(({ key, value }) => [key, value.toString()])).toEqual([
    ['E1', '{"empresa":"E1","n":4}'],
    ['E2', '{"empresa":"E2","n":9}'],
  ]);
});

test('a schema that the registry does not have is registered', async () => {
  const value = { format: 'avro', subject: 'other-value', schema: 'other.avsc' } as const;
  bench = await openTopicBench({ ...TOTALS_SINK, value });
  const fields = [
    { name: 'MORE', type: ['null', 'string'] },
    { name: 'absent', type: ['null', 'int'] },
  ];
  const schema = JSON.stringify({ type: 'record', name: 'other', fields });
  await bench
    .store(`file://${bench.folder}`)
    .put('other.avsc', Buffer.from(schema), { kind: 'create' });
  await putRows(bench, '1.jsonl', [total('E1', 'P1', 4)]);
  await bench.run('totals');
  const [message] = await messagesOf(bench, TOPIC);
  expect(message?.value.readUInt32BE(1)).toBe(4);
  expect({
    ...avsc.Type.forSchema(JSON.parse(schema)).fromBuffer(
      message?.value.subarray(5) ?? Buffer.of(),
    ),
  }).toEqual({
    MORE: 'is no field',
    absent: null,
  });
  expect(await bench.names('registro/subjects')).toContain('other-value');
});

describe('exactly once', () => {
  const exactly = { ...TOTALS_SINK, exactlyOnce: true };

  test('a batch whose commit was lost is not sent again', async () => {
    bench = await openTopicBench(exactly);
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4)]);
    expect(await bench.run('totals')).toMatchObject({ posted: 1, inserted: 1 });
    await forgetCommit();
    expect(await bench.run('totals')).toMatchObject({ posted: 0, inserted: 0, batches: 1 });
    await putRows(bench, '2.jsonl', [total('E2', 'P1', 4)]);
    expect(await bench.run('totals')).toMatchObject({ posted: 1, batches: 1 });
    expect((await messagesOf(bench, TOPIC)).map(({ key }) => key)).toEqual(['E1|P1', 'E2|P1']);
  });

  test('a run that began earlier is refused, and leaves nothing', async () => {
    bench = await openTopicBench(exactly);
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4)]);
    const batch = { batch: 0, digest: '' };
    const run = await openRunOf(bench);
    const rows = await rowsIn(bench);
    const older = await KafkaTopic.open(run, sinkOf(run));
    const newer = await KafkaTopic.open(run, sinkOf(run));
    expect(await codeOf(older.write(batch, rows))).toBe('KAFKA_FENCED');
    expect(await newer.isApplied(batch)).toBe(false);
    expect(await newer.write(batch, rows)).toMatchObject({ inserted: 1 });
    expect(await newer.isApplied(batch)).toBe(true);
    await Promise.all([older.close(), newer.close(), rows.close()]);
    expect(await messagesOf(bench, TOPIC)).toHaveLength(1);
  });

  test('a batch with a row that is refused is not there at all', async () => {
    bench = await openTopicBench(exactly);
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4), total(null, 'P1', 4)]);
    expect(await codeOf(bench.run('totals'))).toBe('AVRO_BAD_VALUE');
    expect(await messagesOf(bench, TOPIC)).toEqual([]);
    // The batch was planned with the file as it was.
    await bench.remove('lake/_checkpoints/totals');
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4), total('E2', 'P1', 4)]);
    expect(await bench.run('totals')).toMatchObject({ posted: 2 });
  });
});

describe('before anything is sent', () => {
  test('a key column that the rows lack is refused', async () => {
    bench = await openTopicBench({ ...TOTALS_SINK, key: ['cnpj'] });
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4)]);
    await expect(bench.run('totals')).rejects.toMatchObject({
      code: 'MESSAGE_KEY_MISSING',
      details: { column: 'cnpj', topic: TOPIC },
    });
  });

  test('a field that must be there and has no column is refused by name', async () => {
    bench = await openTopicBench(TOTALS_SINK, {
      transform: { select: ['Codigo_Empresa', 'codigo_produto_operacional'] },
    });
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4)]);
    await expect(bench.run('totals')).rejects.toMatchObject({
      code: 'MESSAGE_FIELD_MISSING',
      details: { field: 'quantidade_eventos_transmitidos' },
    });
    expect(await messagesOf(bench, TOPIC)).toEqual([]);
  });

  test('a null that a field cannot hold is refused by name', async () => {
    bench = await openTopicBench(TOTALS_SINK);
    await putRows(bench, '1.jsonl', [total('E1', 'P1', 4), total('E1', null, 4)]);
    await expect(bench.run('totals')).rejects.toMatchObject({
      code: 'AVRO_BAD_VALUE',
      details: { field: 'codigo_produto_operacional' },
    });
    expect(await messagesOf(bench, TOPIC)).toEqual([]);
  });

  test('a schema file that is not there is refused by name', async () => {
    bench = await openTopicBench({
      ...TOTALS_SINK,
      value: { format: 'avro', schema: 'absent.avsc' },
    });
    await expect(bench.run('totals')).rejects.toMatchObject({
      code: 'CONFIG_FILE_MISSING',
      details: { file: join(bench.folder, 'absent.avsc') },
    });
  });
});

test('posts go out in the order of their rows, with the same ids each time', async () => {
  bench = await openTopicBench(TOTALS_SINK);
  const run = await openRunOf(bench);
  const post = await openPost(run, sinkOf(run));
  const rows = [total('E2', 'P1', 7), total('E1', 'P1', 8)];
  expect(post.keyIn(parseDdl(TOTALS))).toEqual(['Codigo_Empresa', 'codigo_produto_operacional']);
  expect(await post.send(0, rows, parseDdl(TOTALS))).toBe(2);
  expect(await post.send(0, rows.toReversed(), parseDdl(TOTALS))).toBe(2);
  expect(await post.send(0, [], parseDdl(TOTALS))).toBe(0);
  await post.close();
  const messages = await messagesOf(bench, TOPIC);
  expect(messages.map(({ key }) => key)).toEqual(['E2|P1', 'E1|P1', 'E1|P1', 'E2|P1']);
  const ids = messages.map(({ headers }) => headers['id']);
  expect(ids.slice(2)).toEqual(ids.slice(0, 2).toReversed());
});

function sinkOf({ job }: Run): KafkaTopicSink {
  if (job.sink.kind !== 'kafka') throw new TypeError('the job has another sink');
  return job.sink;
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  );
}
