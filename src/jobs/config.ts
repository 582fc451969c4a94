/** Configurations: where the lake and its catalog are, and the jobs that fill it. */

import { pathToFileURL } from 'node:url';
import { resolve } from 'node:path';

import { parseDdl, type StructType } from '../schema/index.ts';
import type { BatchLimits } from '../stream/index.ts';
import type { MatchedClause, NotMatchedClause } from '../table/index.ts';
import { checkJob } from './check-job.ts';
import { type ConfigInput, fitShape, type JobInput } from './config-shape.ts';
import { configInvalid, configUnknownKey, unknownJob } from './errors.ts';
import { didYouMean } from './near-name.ts';

/** A checked configuration: every location an absolute URI, every expression parsed. */
export interface Config {
  readonly lake: { readonly location: string };
  readonly catalog: CatalogConfig;
  readonly database: string;
  readonly jobs: ReadonlyMap<string, Job>;
}

export type CatalogConfig =
  | { readonly kind: 'file'; readonly location: string }
  | { readonly kind: 'glue'; readonly region: string | null };

export interface Job {
  readonly name: string;
  readonly source: {
    readonly kind: 'files';
    readonly location: string;
    /** What is read from each file, by name. */
    readonly schema: StructType;
    readonly limits: BatchLimits;
  };
  /** Columns whose null or empty value rejects a row; those of `dropDuplicates` always are. */
  readonly keys: readonly string[];
  readonly dropDuplicates: {
    readonly columns: readonly string[];
    /** `table`: a row enters once, ever; `batch`: once in what is taken together. */
    readonly against: 'table' | 'batch';
  } | null;
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
}

export type Sink = AppendSink | MergeSink;

export interface AppendSink extends SinkTable {
  readonly kind: 'append';
}

export interface MergeSink extends SinkTable {
  readonly kind: 'merge';
  /** `t` is the table, `s` the rows that come in; as are the clauses, in Spark's SQL, checked. */
  readonly on: string;
  readonly whenMatched: readonly MatchedClause[];
  readonly whenNotMatched: readonly NotMatchedClause[];
}

export interface SinkTable {
  readonly database: string;
  readonly table: string;
  /** The table over the manifest, or null where none is kept. */
  readonly virtualTable: string | null;
  readonly location: string;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
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
  const jobs = Object.entries(input.jobs).map(
    ([name, job]) =>
      [name, resolveJob(name, job, { database: input.database, lake, locate })] as const,
  );
  return {
    lake: { location: lake },
    catalog: resolveCatalog(input.catalog, lake, locate),
    database: input.database,
    jobs: new Map(jobs),
  };
}

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
  const { source, checkpoint, rejected } = input;
  const schema = parseDdl(source.schema);
  const job: Job = {
    name,
    source: {
      kind: 'files',
      location: place.locate(source.location),
      schema,
      limits: {
        filesMax: source.maxFilesPerBatch ?? Infinity,
        bytesMax: source.maxBytesPerBatch ?? Infinity,
      },
    },
    // A row without a value there is equal to no other: it cannot be held apart from its duplicates.
    keys: [...new Set([...(input.dropDuplicates?.columns ?? []), ...(input.keys ?? [])])],
    dropDuplicates: input.dropDuplicates ?? null,
    keepLatest: input.keepLatest ?? null,
    sink: resolveSink(input.sink, schema, place),
    checkpoint:
      checkpoint === undefined ? `${place.lake}/_checkpoints/${name}` : place.locate(checkpoint),
    rejected: `${rejected === undefined ? `${place.lake}/_rejected` : place.locate(rejected)}/${name}`,
    strict: input.strict ?? false,
  };
  checkJob(job);
  return job;
}

function resolveSink(input: JobInput['sink'], sourceSchema: StructType, place: Place): Sink {
  const { database, lake, locate } = place;
  const virtualTable = input.virtualTable ?? null;
  const manifest =
    virtualTable === null ? {} : { 'delta.compatibility.symlinkFormatManifest.enabled': 'true' };
  const table: SinkTable = {
    database,
    table: input.table,
    virtualTable,
    location:
      input.location === undefined ? `${lake}/${database}/${input.table}` : locate(input.location),
    schema: input.schema === undefined ? sourceSchema : parseDdl(input.schema),
    partitionColumns: input.partitionBy ?? [],
    properties: { ...manifest, ...input.properties },
  };
  if (input.kind === 'append') return { kind: 'append', ...table };
  return {
    kind: 'merge',
    ...table,
    on: input.on,
    whenMatched: (input.whenMatched ?? [{ update: '*' }]).map(resolveMatched),
    whenNotMatched: (input.whenNotMatched ?? [{ insert: '*' }]).map(({ condition, insert }) => ({
      ...optionalCondition(condition),
      insert,
    })),
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
