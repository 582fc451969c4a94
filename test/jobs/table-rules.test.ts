/** Jobs into tables that make values of their own, ask something of rows, or take wider types. */

import { afterEach, expect, test } from 'vitest';

import { type ConfigInput, type JobInput, parseConfig, runJob } from '../../src/jobs/index.ts';
import { type Row, typeName } from '../../src/schema/index.ts';
import { addConstraint } from '../../src/table/ops/constraints.ts';
import { JobBench } from './bench.ts';
import { parquetOf } from './parquet-of.ts';

let bench: JobBench;
afterEach(async () => {
  await bench.close();
});

const MADE =
  'id STRING, n BIGINT, k BIGINT GENERATED ALWAYS AS IDENTITY, ' +
  "twice BIGINT GENERATED ALWAYS AS (n * 2), mark STRING DEFAULT 'new'";

type Sink = Extract<JobInput['sink'], { kind: 'append' | 'merge' }>;

const FILES = { kind: 'files', location: 'samples', schema: 'id STRING, n BIGINT' } as const;
const ONCE = { columns: ['id'], against: 'table' } as const;

function configOf(sink: Sink, source: JobInput['source'] = FILES): ConfigInput {
  const append = sink.kind === 'append' ? { dropDuplicates: ONCE } : {};
  const job = { source, keys: ['id'], sink, ...append };
  return { lake: { location: 'lake' }, database: 'usuarios', jobs: { job } };
}

async function rows(): Promise<readonly Row[]> {
  const text = ({ id }: Row): string => JSON.stringify(id);
  const found = await bench.rows('t');
  return found.toSorted((a, b) => (text(a) < text(b) ? -1 : 1));
}

test('an append fills what files lack, and drops duplicates all the same', async () => {
  bench = await JobBench.open(configOf({ kind: 'append', table: 't', schema: MADE }));
  await bench.putBytes('1.parquet', await parquetOf('id STRING, n BIGINT', [{ id: 'a', n: 1n }]));
  await bench.putBytes('2.jsonl', '{"id":"b","n":2}\n{"id":"a","n":3}\n');
  expect(await bench.run('job')).toMatchObject({ inserted: 2, duplicates: 1 });
  await bench.putBytes('3.jsonl', '{"id":"c","n":4}\n');
  expect(await bench.run('job')).toMatchObject({ inserted: 1 });
  const found = await rows();
  expect(found.map(({ id, n, twice, mark }) => [id, n, twice, mark])).toEqual([
    ['a', 1n, 2n, 'new'],
    ['b', 2n, 4n, 'new'],
    ['c', 4n, 8n, 'new'],
  ]);
  expect(new Set(found.map(({ k }) => k)).size).toBe(3);
});

test('a row that breaks a constraint stops the run before its batch is committed; a later run goes on', async () => {
  bench = await JobBench.open(configOf({ kind: 'append', table: 't', schema: MADE }));
  await bench.putBytes('1.jsonl', '{"id":"a","n":1}\n');
  await bench.run('job');
  const added = await addConstraint(bench.table('t'), await bench.snapshot('t'), {
    name: 'positive',
    expression: 'n > 0',
  });
  await bench.putBytes('2.jsonl', '{"id":"b","n":-2}\n');
  await expect(bench.run('job')).rejects.toMatchObject({
    code: 'RULE_VIOLATED',
    details: { rule: 'CHECK positive', example: 'n = -2' },
  });
  expect((await bench.snapshot('t')).version).toBe(added.snapshot.version);
});

test('a merge numbers the rows that it inserts', async () => {
  const sink = { kind: 'merge', table: 't', schema: MADE, on: 't.id = s.id' } as const;
  bench = await JobBench.open(configOf(sink));
  await bench.putBytes('1.jsonl', '{"id":"a","n":1}\n{"id":"b","n":2}\n');
  await bench.run('job');
  await bench.putBytes('2.jsonl', '{"id":"b","n":5}\n{"id":"c","n":6}\n');
  expect(await bench.run('job')).toMatchObject({ inserted: 1, updated: 1 });
  const found = await rows();
  expect(found.map(({ id, n, twice, mark }) => [id, n, twice, mark])).toEqual([
    ['a', 1n, 2n, 'new'],
    ['b', 5n, 10n, 'new'],
    ['c', 6n, 12n, 'new'],
  ]);
  expect(new Set(found.map(({ k }) => k)).size).toBe(3);
});

test.each([
  ['widen', 'bigint'],
  ['add', null],
] as const)('with evolve %s a wider source finds the column %s', async (evolve, type) => {
  const properties = { 'delta.enableTypeWidening': 'true' };
  const sink = { kind: 'append', table: 't', properties, evolve } as const;
  bench = await JobBench.open(configOf(sink, { ...FILES, schema: 'id STRING, n INT' }));
  await bench.putBytes('1.jsonl', '{"id":"a","n":1}\n');
  await bench.run('job');
  await bench.putBytes('2.jsonl', '{"id":"b","n":5000000000}\n');
  const wider = parseConfig(configOf(sink), bench.folder);
  const run = runJob(wider, 'job', bench.context());
  if (type === null) {
    await expect(run).rejects.toMatchObject({ code: 'JOB_TABLE_MISMATCH' });
    return;
  }
  expect(await run).toMatchObject({ inserted: 1 });
  const { schema } = await bench.snapshot('t');
  expect(schema.fields.map((field) => typeName(field.type))).toEqual(['string', type]);
  expect((await rows()).map(({ n }) => n)).toEqual([1n, 5_000_000_000n]);
});
