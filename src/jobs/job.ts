/** What a configuration comes to, checked: the lake, its connections, and jobs with their sources and sinks. */

import type { Codec } from '../parquet/index.ts';
import type { EvolveMode, StructType } from '../schema/index.ts';
import type { DynamoDbOptions } from '../store/index.ts';
import type { BatchLimits, TopicSelection } from '../stream/index.ts';
import type { MatchedClause, NotMatchedClause, Transform } from '../table/index.ts';

/** A checked configuration: every location an absolute URI, every expression parsed. */
export interface Config {
  readonly lake: {
    readonly location: string;
    /** Where commits to tables on S3 are decided, for whoever opens stores; left out where S3 itself decides. */
    readonly dynamoDb?: DynamoDbOptions;
  };
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
  /** What of the rows that come in the table takes on: columns that it lacks; and wider types. */
  readonly evolve: EvolveMode;
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
