import { readFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { fitShape } from '../../src/jobs/config-shape.ts';

/** One of each kind, with a key that is not known in every object. */
const EXAMPLES: readonly (readonly [path: string, config: object])[] = [
  ['', {}],
  ['lake', {}],
  ['lake.dynamoDb', { lake: { location: 'l', dynamoDb: { table: 't' } } }],
  ['kafka', { kafka: { brokers: 'a:1' } }],
  ['kafka', { kafka: { recorded: 'r' } }],
  [
    'kafka.sasl',
    { kafka: { brokers: 'a:1', sasl: { mechanism: 'PLAIN', username: 'u', password: 'p' } } },
  ],
  ['kafka.tls', { kafka: { brokers: 'a:1', tls: {} } }],
  ['registry', { registry: { url: 'u' } }],
  ['jobs.j', {}],
  ['jobs.j.source', {}],
  ['jobs.j.source', job({ source: { kind: 'kafka', topics: ['t'], value: { format: 'raw' } } })],
  ['jobs.j.dropDuplicates', job({ dropDuplicates: { columns: ['a'], against: 'batch' } })],
  ['jobs.j.transform', job({ transform: { select: ['a'] } })],
  ['jobs.j.keepLatest', job({ keepLatest: { by: ['a'], orderBy: ['a'] } })],
  ['jobs.j.sink', {}],
  ['jobs.j.sink.optimize', job({ sink: { kind: 'append', table: 't', optimize: {} } })],
  ['jobs.j.sink', job({ sink: { kind: 'merge', table: 't', on: 't.a = s.a' } })],
  ['jobs.j.sink', job({ sink: { kind: 'parquet' } })],
  ['jobs.j.sink', job({ sink: { kind: 'kafka', topic: 't', value: { format: 'json' } } })],
  ['jobs.j.workers', job({ workers: {} })],
];

function job(parts: object): object {
  const source = { kind: 'files', location: 'in', schema: 'a INT' };
  return { jobs: { j: { source, sink: { kind: 'append', table: 't' }, ...parts } } };
}

test('the README lists every key of a configuration', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, reference = ''] = /### All keys[^]*?```text\n([^]*?)```/.exec(readme) ?? [];
  const listed = new Set(reference.match(/\w+/g));
  const missing = EXAMPLES.flatMap(([path, parts]) =>
    keysAt(path, { lake: { location: 'l' }, database: 'd', ...job({}), ...parts }),
  ).filter((key) => !listed.has(key));
  expect(missing).toEqual([]);
});

/** The keys that are allowed where `path` points, as the refusal of another one says. */
function keysAt(path: string, config: unknown): string[] {
  const changed = structuredClone(config) as Record<string, unknown>;
  const keys = path === '' ? [] : path.split('.');
  const target = keys.reduce((at, key) => at[key] as Record<string, unknown>, changed);
  target['xyzzy'] = 1;
  const outcome = fitShape(changed);
  if (outcome.kind === 'fits') throw new TypeError(`${path} takes any key`);
  const [, allowed] = /allowed are: (.*)$/.exec(outcome.reason) ?? [];
  if (allowed === undefined) throw new TypeError(`${path}: ${outcome.reason}`);
  return allowed.split(', ');
}
