/** What a configuration may say of topics, transforms and sinks; a refusal names the key. */

import { expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import { type ConfigInput, findJob, parseConfig } from '../../src/jobs/index.ts';

const CONFIG: ConfigInput = {
  lake: { location: 'lake' },
  database: 'd',
  kafka: {
    brokers: 'a:9092, b:9092',
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'u', password: { env: 'SENHA' } },
    tls: { ca: 'certs/ca.pem' },
  },
  registry: { url: 'https://registry/base', auth: { token: { env: 'TOKEN' } } },
  jobs: {
    folder: {
      source: {
        kind: 'kafka',
        topics: ['t'],
        value: { format: 'avro' },
        headers: 'id STRING, at TIMESTAMP',
        dateFrom: 'at',
      },
      keys: ['id'],
      dropDuplicates: { columns: ['id'], against: 'table', horizonDays: 7 },
      sink: { kind: 'parquet', partitionBy: ['date'] },
    },
    table: {
      source: { kind: 'kafka', topics: { pattern: 't-.*' }, value: { format: 'raw' } },
      transform: { select: ['offset', 'value'], where: 'offset > 1', orderBy: ['offset'] },
      sink: { kind: 'append', table: 'x', evolve: 'add', optimize: { sortBy: ['offset'] } },
    },
    totals: {
      source: { kind: 'files', location: 'in', schema: 'id STRING, n BIGINT' },
      transform: { select: ['id', 'sum(n) AS n'], groupBy: ['id'] },
      sink: {
        kind: 'merge',
        table: 'y',
        on: 't.id = s.id',
        post: { topic: 'out', key: ['id'], value: { format: 'json' } },
      },
    },
    topic: {
      source: { kind: 'files', location: 'in', schema: 'id STRING, n BIGINT' },
      sink: {
        kind: 'kafka',
        topic: 'out',
        value: { format: 'avro', schema: 'out.avsc' },
        exactlyOnce: true,
      },
      trigger: { everySeconds: 5 },
    },
  },
};

/** The configuration with one member, by its path, put to a value; undefined takes it away. */
function changed(path: string, value: unknown): unknown {
  const config: unknown = structuredClone(CONFIG);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let target = config as Record<string, unknown>;
  for (const key of keys) target = target[key] as Record<string, unknown>;
  if (value === undefined) Reflect.deleteProperty(target, last);
  else target[last] = value;
  return config;
}

test('what is left out has its default, and files are below the configuration', () => {
  const config = parseConfig(CONFIG, '/etc/jobs');
  expect(config.kafka).toMatchObject({
    brokers: ['a:9092', 'b:9092'],
    tls: { ca: '/etc/jobs/certs/ca.pem', cert: null, key: null, serverName: null },
  });
  expect(findJob(config, 'folder')).toMatchObject({
    source: {
      startingOffsets: 'earliest',
      onDataLoss: 'fail',
      isolation: 'read_committed',
      maxOffsetsPerBatch: 1_000_000,
      tombstones: true,
    },
    sink: { location: 'file:///etc/jobs/lake/folder', codec: 'snappy' },
    trigger: { kind: 'once' },
  });
  expect(findJob(config, 'table').sink).toMatchObject({
    optimize: { everyBatches: 20, minFileCount: 10 },
  });
  expect(findJob(config, 'topic')).toMatchObject({
    sink: { value: { subject: 'out-value', schemaFile: '/etc/jobs/out.avsc' }, key: [] },
    trigger: { kind: 'interval', everyMs: 5000 },
  });
});

test('a pattern is for whole names of topics', () => {
  const { source } = findJob(parseConfig(CONFIG, '/'), 'table');
  const pattern = source.kind === 'kafka' && 'pattern' in source.topics && source.topics.pattern;
  expect(pattern).toEqual(/^(?:t-.*)$/u);
});

/** The refusal names the value's key or one inside of it, or another where a fourth element says so. */
test.each<[path: string, value: unknown, reason: string, key?: string]>([
  ['kafka', undefined, 'is missing: the job folder has a topic'],
  ['kafka', { broker: 'a:9092' }, 'must have "brokers", or "recorded"'],
  ['kafka.sasl', { mechanism: 'GSSAPI' }, 'mechanism must be "PLAIN"', 'kafka.sasl.mechanism'],
  ['kafka.sasl.password', undefined, 'is missing'],
  ['kafka.clientID', 'x', 'is not known here (did you mean "clientId"?)'],
  ['kafka.tls.cacert', 'x', 'is not known here'],
  ['kafka.sasl.password', { envs: 'SENHA' }, 'must be a text, or { env }'],
  ['kafka.tls', 'yes', 'must be true, or an object'],
  ['registry', undefined, 'is missing: the job folder has messages in Avro'],
  ['registry.auth', { user: 'u' }, 'must have username and password, or token'],
  ['views', { 'a view': 'SELECT 1' }, 'must be a name'],
  ['jobs.folder.source.topics', [], 'must name a topic'],
  ['jobs.folder.source.topics', 't', 'must be a list of names, or { pattern }'],
  ['jobs.table.source.topics.pattern', '(', 'must be a regular expression'],
  ['jobs.folder.source.value', { format: 'xml' }, 'format must be "avro", "json" or "raw"'],
  ['jobs.folder.source.value', { format: 'json' }, 'is missing'],
  ['jobs.folder.source.startingOffsets', 'first', 'must be "earliest", "latest"'],
  ['jobs.folder.source.startingOffsets', { timestamp: 'ontem' }, 'must be a time (ISO 8601)'],
  ['jobs.folder.source.startingOffsets', { offsets: { t: { '0': -1 } } }, 'at least 0'],
  [
    'jobs.folder.source.startingOffsets',
    { offsets: { u: { '0': 1 } } },
    'u is not among the topics',
  ],
  ['jobs.folder.source.startingOffsets', { offsets: { t: { um: 1 } } }, 'numbers of partitions'],
  ['jobs.totals.checkpoint', 'lake/_checkpoints/folder/', 'is the place of jobs.folder.checkpoint'],
  ['jobs.folder.source.maxOffsetsPerBatch', 0, 'must be at least 1'],
  ['jobs.folder.source.onDataLoss', 'ignore', 'must be "fail" or "count"'],
  ['jobs.folder.source.isolation', 'committed', 'must be "read_committed"'],
  ['jobs.folder.source.tombstones', 'drop', 'must be "keep" or "reject"'],
  ['jobs.folder.source.headers', 'id INT', 'a header can be STRING, BINARY or TIMESTAMP'],
  ['jobs.folder.source.headers', 'Offset STRING', 'the column Offset is there already'],
  ['jobs.folder.source.dateFrom', 'id', 'a header that is a TIMESTAMP'],
  ['jobs.folder.keys', ['uuid'], 'there is no column "uuid"'],
  [
    'jobs.folder.transform',
    { select: ['id'] },
    'takes the messages of a topic as they are',
    'jobs.folder.sink.kind',
  ],
  ['jobs.folder.sink.partitionBy', ['id'], 'must be of "topic", "partition" and "date"'],
  [
    'jobs.folder.sink.partitionBy',
    ['partition'],
    'needs a sink that is partitioned by "date"',
    'jobs.folder.dropDuplicates.horizonDays',
  ],
  ['jobs.folder.sink.codec', 'lz4', 'snappy'],
  ['jobs.folder.dropDuplicates.columns', ['at'], 'must be one header that is a STRING'],
  ['jobs.folder.dropDuplicates.columns', ['id', 'at'], 'must be one header that is a STRING'],
  ['jobs.folder.dropDuplicates.horizonDays', 0, 'must be at least 1'],
  [
    'jobs.folder.dropDuplicates.against',
    'batch',
    'needs against',
    'jobs.folder.dropDuplicates.horizonDays',
  ],
  [
    'jobs.table.dropDuplicates',
    { columns: ['offset'], against: 'table', horizonDays: 7 },
    'others look through all they hold',
  ],
  [
    'jobs.table.dropDuplicates',
    { columns: ['key'], against: 'table' },
    'must be headers',
    'jobs.table.keys',
  ],
  ['jobs.totals.dropDuplicates', { columns: ['id'], against: 'batch' }, 'a transform and a merge'],
  ['jobs.totals.sink.post.key', undefined, 'is missing'],
  [
    'jobs.totals.sink.schema',
    'codigo STRING, n BIGINT',
    'there is no column "id"',
    'jobs.totals.sink.post.key',
  ],
  ['jobs.table.transform.select', [], 'must select something'],
  ['jobs.table.transform.select', ['offset +'], "must be an item of Spark's SELECT"],
  ['jobs.table.transform.where', 'offset >', "must be an expression of Spark's SQL"],
  ['jobs.totals.transform.groupBy', [], 'must not be empty'],
  ['jobs.table.sink.evolve', 'all', 'must be "none", "add" or "widen"'],
  ['jobs.table.sink.optimize', { everyBatches: 0 }, 'must be at least 1'],
  ['jobs.totals.sink.post.value', { format: 'raw' }, 'format must be "avro" or "json"'],
  ['jobs.topic.sink.value', { format: 'avro' }, 'is missing'],
  ['jobs.topic.dropDuplicates', { columns: ['id'], against: 'table' }, 'must be "batch"'],
  ['jobs.topic.keepLatest', { by: ['id'], orderBy: ['n'] }, 'is for a merge'],
  ['jobs.folder.workers', {}, 'are for a source "kafka" and a sink "append" or "merge"'],
  ['jobs.totals.workers', {}, 'are for a source "kafka" and a sink "append" or "merge"'],
  [
    'jobs.table',
    {
      ...CONFIG.jobs['totals'],
      source: {
        kind: 'kafka',
        topics: ['t'],
        value: { format: 'json', schema: 'id STRING, n INT' },
      },
      workers: {},
    },
    'do not go with "post"',
    'jobs.table.workers',
  ],
  ['jobs.topic.trigger', { everySeconds: 0 }, 'must be at least 0.1'],
  ['jobs.topic.trigger', 'hourly', 'must be "once", "continuous" or { everySeconds }'],
])('%s = %j is refused', (path, value, reason, key = path) => {
  let error: unknown = null;
  try {
    parseConfig(changed(path, value), '/');
  } catch (caught) {
    error = caught;
  }
  if (!isDeltaError(error)) throw error ?? new TypeError('it was taken');
  expect(error.kind).toBe('invalid');
  expect(`${String(error.details['key'])}.`).toMatch(
    new RegExp(`^${key.replaceAll('.', '\\.')}\\.`),
  );
  expect(error.code).toMatch(/^CONFIG_(INVALID|UNKNOWN_KEY)$/);
  expect(error.message).toContain(reason);
});
