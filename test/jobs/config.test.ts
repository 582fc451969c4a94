import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  type ConfigInput,
  defineConfig,
  findJob,
  loadConfig,
  parseConfig,
} from '../../src/jobs/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'config-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const orders: ConfigInput = defineConfig({
  lake: { location: 'lake' },
  database: 'sales',
  jobs: {
    orders: {
      source: {
        kind: 'files',
        location: 's3://bucket/in/',
        schema: 'id STRING, n BIGINT, at TIMESTAMP',
      },
      keys: ['id'],
      dropDuplicates: { columns: ['id'], against: 'table' },
      sink: { kind: 'append', table: 'orders_delta', virtualTable: 'orders' },
    },
    newest: {
      source: {
        kind: 'files',
        location: '/in',
        schema: 'id STRING, n BIGINT, at TIMESTAMP',
        maxFilesPerBatch: 7,
      },
      dropDuplicates: { columns: ['id'], against: 'batch' },
      keepLatest: { by: ['id'], orderBy: ['at'] },
      sink: {
        kind: 'merge',
        table: 'newest',
        schema: 'id STRING, at TIMESTAMP',
        on: 't.id = s.id',
        whenMatched: [{ condition: 's.at > t.at', update: '*' }, { delete: true }],
      },
    },
  },
});

/** `orders` with one member, by its path, put to a value; undefined takes it away. */
function changed(path: string, value: unknown): unknown {
  const config: unknown = structuredClone(orders);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let target = config as Record<string, unknown>;
  for (const key of keys) target = target[key] as Record<string, unknown>;
  if (value === undefined) Reflect.deleteProperty(target, last);
  else target[last] = value;
  return config;
}

test('locations become absolute, and what is left out gets its place in the lake', () => {
  const config = parseConfig(orders, '/etc/jobs');
  expect(config.lake.location).toBe('file:///etc/jobs/lake');
  expect(config.catalog).toEqual({ kind: 'file', location: 'file:///etc/jobs/lake/_catalog' });
  const job = findJob(config, 'orders');
  expect(job.source).toMatchObject({
    location: 's3://bucket/in',
    limits: { filesMax: Infinity, bytesMax: Infinity },
  });
  expect(job.checkpoint).toBe('file:///etc/jobs/lake/_checkpoints/orders');
  expect(job.rejected).toBe('file:///etc/jobs/lake/_rejected/orders');
  expect(job.sink).toMatchObject({
    kind: 'append',
    location: 'file:///etc/jobs/lake/sales/orders_delta',
    properties: { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' },
  });
});

test('a merge has its clauses parsed, and inserts what is new unless told otherwise', () => {
  const { sink, source } = findJob(parseConfig(orders, '/'), 'newest');
  expect(source).toMatchObject({ limits: { filesMax: 7 } });
  expect(sink).toMatchObject({
    kind: 'merge',
    on: 't.id = s.id',
    whenMatched: [{ condition: 's.at > t.at', update: '*' }, { delete: true }],
    whenNotMatched: [{ insert: '*' }],
    properties: {},
  });
});

test.each([
  [
    'databse',
    'sales',
    'CONFIG_UNKNOWN_KEY',
    'databse: is not known here (did you mean "database"?)',
  ],
  ['jobs.orders.sink.virtual_table', 'x', 'CONFIG_UNKNOWN_KEY', 'did you mean "virtualTable"?'],
  ['jobs.orders.source.xyzzy', 1, 'CONFIG_UNKNOWN_KEY', 'allowed are: kind, location, schema'],
  ['database', undefined, 'CONFIG_INVALID', 'database: is missing'],
  ['database', 'a b', 'CONFIG_INVALID', 'database: must be a name'],
  ['lake', 'here', 'CONFIG_INVALID', 'lake: must be an object with: location'],
  ['catalog', { kind: 'hive' }, 'CONFIG_INVALID', 'kind must be "file" or "glue"'],
  [
    'jobs.orders.sink.kind',
    'upsert',
    'CONFIG_INVALID',
    'kind must be "append", "merge", "parquet" or "kafka"',
  ],
  [
    'jobs.orders.source.schema',
    'id STRNG',
    'CONFIG_INVALID',
    'jobs.orders.source.schema: must be columns',
  ],
  ['jobs.orders.source.maxFilesPerBatch', 0, 'CONFIG_INVALID', 'must be at least 1'],
  ['jobs.orders.keys', ['ID'], 'CONFIG_INVALID', 'there is no column "ID" (did you mean "id"?)'],
  ['jobs.orders.keys', [], 'CONFIG_INVALID', 'must name a column'],
  ['jobs.orders.dropDuplicates.against', 'all', 'CONFIG_INVALID', 'must be "table" or "batch"'],
  ['jobs.orders.sink.partitionBy', ['day'], 'CONFIG_INVALID', 'there is no column "day"'],
  ['jobs.orders.keepLatest', { by: ['id'], orderBy: ['at'] }, 'CONFIG_INVALID', 'is for a merge'],
  [
    'jobs.orders.sink.properties',
    { 'delta.appendOnly': 'si' },
    'CONFIG_INVALID',
    'delta.appendOnly',
  ],
  [
    'jobs.newest.sink.on',
    't.id = = s.id',
    'CONFIG_INVALID',
    "must be an expression of Spark's SQL",
  ],
  ['jobs.newest.sink.on', 't.id = s.ident', 'CONFIG_INVALID', 's has no column "ident"'],
  [
    'jobs.newest.sink.whenMatched',
    [{ condition: 's.n > 1' }],
    'CONFIG_INVALID',
    'either "update" or "delete"',
  ],
  [
    'jobs.newest.sink.whenMatched',
    [{ update: { x: '1' } }],
    'CONFIG_INVALID',
    'there is no column "x"',
  ],
  [
    'jobs.newest.sink.schema',
    'id BIGINT',
    'CONFIG_INVALID',
    'id is bigint here and string in the source',
  ],
  ['jobs.newest.sink.schema', 'z BIGINT', 'CONFIG_INVALID', 'the source has no column "z"'],
  ['jobs.newest.dropDuplicates.against', 'table', 'CONFIG_INVALID', 'must be "batch" with a merge'],
])('%s = %j is %s', (path, value, code, message) => {
  const parse = (): unknown => parseConfig(changed(path, value), '/');
  expect(parse).toThrow(expect.objectContaining({ code }));
  expect(parse).toThrow(message);
});

test('an unknown job is refused with the names there are', () => {
  const config = parseConfig(orders, '/');
  expect(() => findJob(config, 'order')).toThrow(
    'there is no job "order" (did you mean "orders"?); the configuration has: orders, newest',
  );
});

test('a file is loaded with its types, and locations are below its folder', async () => {
  const file = join(folder, 'good.ts');
  await writeFile(
    file,
    `const database: string = 'd';\nexport default { lake: { location: 'l' }, database, jobs: {} };\n`,
  );
  const config = await loadConfig(file);
  expect(config.lake.location).toMatch(/^file:\/\/.*\/config-\w+\/l$/);
});

test.each([
  ['missing.ts', null, 'CONFIG_NOT_FOUND'],
  ['broken.ts', 'export default {', 'CONFIG_BROKEN'],
  ['throws.ts', 'throw new Error("no environment");', 'CONFIG_BROKEN'],
  ['empty.ts', 'export const config = {};', 'CONFIG_NO_EXPORT'],
  ['wrong.ts', 'export default { lake: 1 };', 'CONFIG_INVALID'],
])('%s is refused', async (name, text, code) => {
  const file = join(folder, name);
  if (text !== null) await writeFile(file, text);
  await expect(loadConfig(file)).rejects.toMatchObject({ code });
});
