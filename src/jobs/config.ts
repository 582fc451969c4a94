/** Configurations: where the lake and its catalog are, and the jobs that fill it. */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { unreachable } from '../base/index.ts';
import { parseDdl } from '../schema/index.ts';
import type { MatchedClause, Transform } from '../table/index.ts';
import { checkConnections, checkJob, checkPlaces } from './check-job.ts';
import { type ConfigInput, fitShape, type JobInput, type PostInput } from './config-shape.ts';
import { filesSource, kafkaSource, resolveKafka, resolveRegistry } from './config-source.ts';
import { configInvalid, configUnknownKey, unknownJob } from './errors.ts';
import type { CatalogConfig, Config, Job, Post, Sink, SinkTable, Trigger } from './job.ts';
import { didYouMean } from './near-name.ts';

/**
 * Gives a configuration its type, for the editor; it is checked when it is loaded.
 *
 *     export default defineConfig({
 *       lake: { location: 's3://bucket/lake' },
 *       database: 'sales',
 *       jobs: {
 *         orders: {
 *           source: { kind: 'files', location: 's3://bucket/in/orders', schema: 'id STRING, at TIMESTAMP' },
 *           keys: ['id'],
 *           dropDuplicates: { columns: ['id'], against: 'table' },
 *           sink: { kind: 'append', table: 'orders_delta', virtualTable: 'orders' },
 *         },
 *       },
 *     });
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/**
 * Checks a configuration and fills in what it leaves out. Relative locations are below `folder`. Errors, each with the
 * path to the key: `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`.
 */
export function parseConfig(value: unknown, folder: string): Config {
  const shape = fitShape(value);
  if (shape.kind === 'misfits') {
    throw (shape.unknownKey ? configUnknownKey : configInvalid)(shape.key, shape.reason);
  }
  const { input } = shape;
  const locate = (location: string): string => absoluteUri(location, folder);
  const lake = locate(input.lake.location);
  const place = {
    database: input.database,
    lake,
    locate,
    path: (file: string): string => resolve(folder, file),
  };
  const jobs = Object.entries(input.jobs).map(
    ([name, job]) => [name, resolveJob(name, job, place)] as const,
  );
  const config: Config = {
    lake: { location: lake, ...resolveDynamoDb(input.lake.dynamoDb) },
    catalog: resolveCatalog(input.catalog, lake, locate),
    database: input.database,
    kafka: resolveKafka(input.kafka, place),
    registry: resolveRegistry(input.registry, locate),
    views: new Map(Object.entries(input.views ?? {})),
    jobs: new Map(jobs),
  };
  checkConnections(config);
  checkPlaces(config);
  return config;
}

/** Batches between two looks at small files, and how many of a partition are packed. */
const OPTIMIZE_EVERY_BATCHES = 20;
const OPTIMIZE_FILES_MIN = 10;

/** Errors: `JOB_UNKNOWN`, with the names there are. */
export function findJob(config: Config, name: string): Job {
  const job = config.jobs.get(name);
  if (job !== undefined) return job;
  const known = [...config.jobs.keys()];
  throw unknownJob(name, known, didYouMean(name, known));
}

/** A URI as it is, without a slash at its end; a path as a `file:` URI. */
export function absoluteUri(location: string, folder: string): string {
  const uri = /^[a-z][a-z0-9+.-]*:\/\//i.test(location)
    ? location
    : pathToFileURL(resolve(folder, location)).href;
  return uri.replace(/\/+$/, '');
}

interface Place {
  readonly database: string;
  readonly lake: string;
  readonly locate: (location: string) => string;
  /** An absolute path of a file that is named in the configuration. */
  readonly path: (file: string) => string;
}

function resolveCatalog(
  input: ConfigInput['catalog'],
  lake: string,
  locate: Place['locate'],
): CatalogConfig {
  if (input?.kind === 'glue') return { kind: 'glue', region: input.region ?? null };
  return {
    kind: 'file',
    location: input?.location === undefined ? `${lake}/_catalog` : locate(input.location),
  };
}

function resolveDynamoDb(input: ConfigInput['lake']['dynamoDb']): Pick<Config['lake'], 'dynamoDb'> {
  if (input === undefined) return {};
  const { table, region, endpoint, use, scheme } = input;
  return {
    dynamoDb: {
      table,
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(use === undefined ? {} : { use }),
      ...(scheme === undefined ? {} : { scheme }),
    },
  };
}

function resolveJob(name: string, input: JobInput, place: Place): Job {
  const { checkpoint, rejected, dropDuplicates } = input;
  const source =
    input.source.kind === 'files'
      ? filesSource(input.source, place)
      : kafkaSource(name, input.source);
  const job: Job = {
    name,
    source,
    // A row without a value there is equal to no other: it cannot be held apart from its duplicates.
    keys: [...new Set([...(dropDuplicates?.columns ?? []), ...(input.keys ?? [])])],
    dropDuplicates:
      dropDuplicates === undefined
        ? null
        : { ...dropDuplicates, horizonDays: dropDuplicates.horizonDays ?? null },
    transform: input.transform === undefined ? null : resolveTransform(input.transform),
    keepLatest: input.keepLatest ?? null,
    sink: resolveSink(name, input, source, place),
    checkpoint:
      checkpoint === undefined ? `${place.lake}/_checkpoints/${name}` : place.locate(checkpoint),
    rejected: `${rejected === undefined ? `${place.lake}/_rejected` : place.locate(rejected)}/${name}`,
    strict: input.strict ?? false,
    trigger: resolveTrigger(input.trigger),
    workers: input.workers === undefined ? null : { group: input.workers.group ?? null },
  };
  checkJob(job);
  return job;
}

function resolveTransform({
  select,
  where,
  groupBy,
  orderBy,
}: NonNullable<JobInput['transform']>): Transform {
  return {
    select,
    ...(where === undefined ? {} : { where }),
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(orderBy === undefined ? {} : { orderBy }),
  };
}

function resolveTrigger(input: JobInput['trigger']): Trigger {
  if (input === 'continuous') return { kind: 'continuous' };
  if (input === undefined || input === 'once') return { kind: 'once' };
  return { kind: 'interval', everyMs: input.everySeconds * 1000 };
}

function resolveSink(name: string, job: JobInput, source: Job['source'], place: Place): Sink {
  const input = job.sink;
  switch (input.kind) {
    case 'append':
      return { kind: 'append', ...sinkTable(job, input, source, place) };
    case 'merge':
      return {
        kind: 'merge',
        ...sinkTable(job, input, source, place),
        on: input.on,
        whenMatched: (input.whenMatched ?? [{ update: '*' }]).map(resolveMatched),
        whenNotMatched: (input.whenNotMatched ?? [{ insert: '*' }]).map(
          ({ condition, insert }) => ({ ...optionalCondition(condition), insert }),
        ),
        post: input.post === undefined ? null : resolvePost(input.post, place),
      };
    case 'parquet':
      return {
        kind: 'parquet',
        location:
          input.location === undefined ? `${place.lake}/${name}` : place.locate(input.location),
        partitionColumns: input.partitionBy ?? [],
        codec: input.codec ?? 'snappy',
      };
    case 'kafka':
      return {
        kind: 'kafka',
        ...resolvePost(input, place),
        exactlyOnce: input.exactlyOnce ?? false,
      };
    default:
      return unreachable(input);
  }
}

type TableInput = Extract<JobInput['sink'], { readonly table: string }>;

function sinkTable(
  job: JobInput,
  input: TableInput,
  source: Job['source'],
  place: Place,
): SinkTable {
  const { lake, locate } = place;
  const database = input.database ?? place.database;
  const virtualTable = input.virtualTable ?? null;
  const manifest =
    virtualTable === null ? {} : { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' };
  const known = source.kind === 'files' && job.transform === undefined ? source.schema : null;
  const { optimize } = input;
  return {
    database,
    table: input.table,
    virtualTable,
    location:
      input.location === undefined ? `${lake}/${database}/${input.table}` : locate(input.location),
    schema: input.schema === undefined ? known : parseDdl(input.schema),
    partitionColumns: input.partitionBy ?? [],
    properties: { ...manifest, ...input.properties },
    evolve: input.evolve ?? 'none',
    optimize:
      optimize === undefined
        ? null
        : {
            everyBatches: optimize.everyBatches ?? OPTIMIZE_EVERY_BATCHES,
            minFileCount: optimize.minFiles ?? OPTIMIZE_FILES_MIN,
            sortBy: optimize.sortBy ?? [],
          },
  };
}

function resolvePost(input: PostInput, place: Place): Post {
  const { topic, key = [], headers = {}, value } = input;
  return {
    topic,
    key,
    headers,
    value:
      value.format === 'json'
        ? { format: 'json' }
        : {
            format: 'avro',
            subject: value.subject ?? `${topic}-value`,
            schemaFile: place.path(value.schema),
          },
  };
}

interface MatchedInput {
  readonly condition?: string | undefined;
  readonly update?: '*' | Readonly<Record<string, string>> | undefined;
  readonly delete?: true | undefined;
}

function resolveMatched({ condition, update }: MatchedInput): MatchedClause {
  const clause = update === undefined ? { delete: true as const } : { update };
  return { ...optionalCondition(condition), ...clause };
}

function optionalCondition(condition: string | undefined): { readonly condition?: string } {
  return condition === undefined ? {} : { condition };
}
