/** Configurations: where the lake and its catalog are, and the jobs that fill it. */

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { unreachable } from '../base/index.ts';
import type { Codec } from '../parquet/index.ts';
import { parseDdl, type StructType } from '../schema/index.ts';
import type { BatchLimits, TopicSelection } from '../stream/index.ts';
import type { MatchedClause, NotMatchedClause, Transform } from '../table/index.ts';
import { checkConnections, checkJob, checkPlaces } from './check-job.ts';
import { type ConfigInput, fitShape, type JobInput, type PostInput } from './config-shape.ts';
import { filesSource, kafkaSource, resolveKafka, resolveRegistry } from './config-source.ts';
import { configInvalid, configUnknownKey, unknownJob } from './errors.ts';
import { didYouMean } from './near-name.ts';

/** A checked configuration: every location an absolute URI, every expression parsed. */
export interface Config {
  readonly lake: { readonly location: string };
  readonly catalog: CatalogConfig;
  readonly database: string;
  /** Where jobs with a topic find it; null where there is none. */
  readonly kafka: KafkaConfig | null;
  readonly registry: RegistryConfig | null;
  /** SELECTs that `sql` knows by name. */
  readonly views: ReadonlyMap<string, string>;
  readonly jobs: ReadonlyMap<string, Job>;
}

export type CatalogConfig =
  | { readonly kind: 'file'; readonly location: string }
  | { readonly kind: 'glue'; readonly region: string | null };

/** A secret as it is written in a configuration: itself, or the environment variable that holds it. */
export type Secret = string | { readonly env: string };

export type KafkaConfig =
  | {
      readonly kind: 'brokers';
      readonly brokers: readonly string[];
      readonly clientId: string | null;
      readonly sasl: SaslConfig | null;
      readonly tls: TlsConfig | null;
    }
  /** Topics kept as files; what is produced goes to a second folder. */
  | { readonly kind: 'recorded'; readonly recorded: string; readonly produced: string };

export type SaslConfig =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: Secret;
      readonly password: Secret;
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: Secret };

/** Files in PEM, by absolute paths; null for the system's certificates, or no client certificate. */
export interface TlsConfig {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  readonly serverName: string | null;
}

export interface RegistryConfig {
  readonly url: string;
  readonly auth:
    { readonly username: Secret; readonly password: Secret } | { readonly token: Secret } | null;
}

export interface Job {
  readonly name: string;
  readonly source: FilesSource | KafkaSource;
  /** Columns whose null or empty value rejects a row; those of `dropDuplicates` always are. */
  readonly keys: readonly string[];
  readonly dropDuplicates: {
    readonly columns: readonly string[];
    /** `table`: a row enters once, ever; `batch`: once in what is taken together. */
    readonly against: 'table' | 'batch';
    /** With a sink partitioned by a date: how many days before the newest one are looked through; null for all. */
    readonly horizonDays: number | null;
  } | null;
  /** What becomes of the rows between source and sink; null where they go on as they are. */
  readonly transform: Transform | null;
  /** Of the rows that are equal in `by`, the one that is greatest in `orderBy` stays; nulls are least. */
  readonly keepLatest: {
    readonly by: readonly string[];
    readonly orderBy: readonly string[];
  } | null;
  readonly sink: Sink;
  readonly checkpoint: string;
  /** Rows and files that were not taken are listed below it, in the job's own folder. */
  readonly rejected: string;
  readonly strict: boolean;
  readonly trigger: Trigger;
  /**
   * Whether several processes run the job at once, each with partitions of its own, and keep their progress in the table;
   * null for one process. `group` is the consumer group that shares the partitions out; null for one named by the checkpoint.
   */
  readonly workers: { readonly group: string | null } | null;
}

/** When a batch is planned: `once`: what is there at the start, then the end; otherwise until it is stopped. */
export type Trigger =
  | { readonly kind: 'once' }
  | { readonly kind: 'interval'; readonly everyMs: number }
  | { readonly kind: 'continuous' };

export interface FilesSource {
  readonly kind: 'files';
  readonly location: string;
  /** What is read from each file, by name. */
  readonly schema: StructType;
  readonly limits: BatchLimits;
}

export interface KafkaSource {
  readonly kind: 'kafka';
  readonly topics: TopicSelection;
  readonly startingOffsets: StartingOffsets;
  /** Offsets that are gone before they were read: an error, or counted and passed over. */
  readonly onDataLoss: 'fail' | 'count';
  readonly isolation: 'read_committed' | 'read_uncommitted';
  /** Of all partitions together. */
  readonly maxOffsetsPerBatch: number;
  readonly value: ValueFormat;
  /** Headers that become columns. */
  readonly headers: StructType;
  /** The header whose UTC day is the column `date`; null for no such column. */
  readonly dateFrom: string | null;
  /** Whether a message without a value makes a row; else it is rejected. */
  readonly tombstones: boolean;
}

export type StartingOffsets =
  | 'earliest'
  | 'latest'
  | { readonly timestampMs: number }
  /** Partitions that are not named start at their earliest record. */
  | { readonly offsets: ReadonlyMap<string, ReadonlyMap<number, number>> };

export type ValueFormat =
  | { readonly format: 'avro' }
  | { readonly format: 'json'; readonly schema: StructType }
  | { readonly format: 'raw' };

export type Sink = DeltaSink | ParquetFolderSink | KafkaTopicSink;

export type DeltaSink = AppendSink | MergeSink;

export interface AppendSink extends SinkTable {
  readonly kind: 'append';
}

export interface MergeSink extends SinkTable {
  readonly kind: 'merge';
  /** `t` is the table, `s` the rows that come in; as are the clauses, in Spark's SQL, checked. */
  readonly on: string;
  readonly whenMatched: readonly MatchedClause[];
  readonly whenNotMatched: readonly NotMatchedClause[];
  /** The rows that a batch changed go to a topic, as they are in the table then; null where they don't. */
  readonly post: Post | null;
}

export interface SinkTable {
  readonly database: string;
  readonly table: string;
  /** The table over the manifest, or null where none is kept. */
  readonly virtualTable: string | null;
  readonly location: string;
  /** The columns it has from the start; null where it takes those of the first rows. */
  readonly schema: StructType | null;
  readonly partitionColumns: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  /** Whether columns that come in and the table has not are added to it. */
  readonly evolve: 'none' | 'add';
  /** How small files are packed while the job runs; null where they are left. */
  readonly optimize: {
    readonly everyBatches: number;
    readonly minFileCount: number;
    readonly sortBy: readonly string[];
  } | null;
}

/** A folder of Parquet files with Spark's log of what is in it. */
export interface ParquetFolderSink {
  readonly kind: 'parquet';
  readonly location: string;
  readonly partitionColumns: readonly string[];
  readonly codec: Codec;
}

/** What messages are made of. */
export interface Post {
  readonly topic: string;
  /** Columns whose values, joined by `|`, are the key. */
  readonly key: readonly string[];
  /** Constant ones; `id` and `time` are made for each message. */
  readonly headers: Readonly<Record<string, string>>;
  readonly value:
    | { readonly format: 'json' }
    /** The text of an Avro schema, registered under `subject`. */
    | { readonly format: 'avro'; readonly subject: string; readonly schemaFile: string };
}

export interface KafkaTopicSink extends Post {
  readonly kind: 'kafka';
  /** Each batch is one transaction, and taken once. */
  readonly exactlyOnce: boolean;
}

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
    lake: { location: lake },
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
