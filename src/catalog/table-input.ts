/**
 * The two ways a Delta table is registered: natively, for engines that read the log; and as a virtual table over a
 * symlink manifest, for engines that know Hive tables only.
 */

import type { StructType } from '../schema/index.ts';
import { catalogColumns } from './columns.ts';
import { catalogName } from './table-name.ts';
import type { PartitionInput, StorageDescriptor, TableInput } from './types.ts';

export interface NativeTableOptions {
  readonly name: string;
  /** The table's root: `s3://bucket/prefix`, without a slash at the end. */
  readonly location: string;
  readonly schema: StructType;
  readonly description?: string;
}

export interface SymlinkTableOptions {
  readonly name: string;
  /** The folder of the manifests, as a URI. */
  readonly manifestRoot: string;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly description?: string;
}

export interface SymlinkPartition {
  /** Hive's text of each value, in the order of the partition columns. */
  readonly values: readonly string[];
  /** The folder of the partition's manifest, as a URI. */
  readonly location: string;
}

/**
 * The entry that Trino, Presto, Spark and Athena read as a Delta table. Spark and Trino look for
 * `spark.sql.sources.provider` and the SerDe's `path`, Athena for `table_type`; partitions are the log's business, so
 * that all columns stand together.
 */
export function nativeTableInput(options: NativeTableOptions): TableInput {
  return {
    Name: catalogName(options.name),
    ...(options.description === undefined ? {} : { Description: options.description }),
    TableType: 'EXTERNAL_TABLE',
    Parameters: {
      EXTERNAL: 'TRUE',
      table_type: 'DELTA',
      'spark.sql.sources.provider': 'delta',
    },
    PartitionKeys: [],
    StorageDescriptor: {
      ...PLAIN_STORAGE,
      Columns: catalogColumns(options.schema.fields),
      Location: options.location,
      InputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
      OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
      SerdeInfo: {
        SerializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
        Parameters: { path: options.location, 'serialization.format': '1' },
      },
    },
  };
}

/** The entry of the virtual table: a Hive table of Parquet files that are listed in manifests. */
export function symlinkTableInput(options: SymlinkTableOptions): TableInput {
  const isKey = (name: string): boolean => options.partitionColumns.includes(name);
  const keys = options.partitionColumns.flatMap((name) =>
    options.schema.fields.filter((field) => field.name === name),
  );
  return {
    Name: catalogName(options.name),
    ...(options.description === undefined ? {} : { Description: options.description }),
    TableType: 'EXTERNAL_TABLE',
    Parameters: { EXTERNAL: 'TRUE', classification: 'parquet' },
    PartitionKeys: catalogColumns(keys),
    StorageDescriptor: {
      ...PLAIN_STORAGE,
      Columns: catalogColumns(options.schema.fields.filter((field) => !isKey(field.name))),
      Location: options.manifestRoot,
      InputFormat: 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat',
      OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
      SerdeInfo: {
        SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
        Parameters: { 'serialization.format': '1' },
      },
    },
  };
}

/** The partitions of a virtual table: the table's own descriptor, each at its manifest's folder. */
export function symlinkPartitions(
  table: TableInput,
  partitions: readonly SymlinkPartition[],
): readonly PartitionInput[] {
  return partitions.map(({ values, location }) => ({
    Values: values,
    StorageDescriptor: { ...table.StorageDescriptor, Location: location },
  }));
}

// Presto fails on any entry that leaves the number of buckets out, so all of these are always written.
const PLAIN_STORAGE = {
  Compressed: false,
  NumberOfBuckets: -1,
  BucketColumns: [],
  SortColumns: [],
  Parameters: {},
  StoredAsSubDirectories: false,
} as const satisfies Partial<StorageDescriptor>;
