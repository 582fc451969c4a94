/** Catalog entries are one document, the Glue `TableInput`: Glue gets it by API, the file catalog keeps it as JSON. */

export interface CatalogColumn {
  readonly Name: string;
  /** A Hive type: `bigint`, `decimal(10,2)`, `struct<a:int>`. */
  readonly Type: string;
  readonly Comment?: string;
}

export interface StorageDescriptor {
  readonly Columns: readonly CatalogColumn[];
  readonly Location: string;
  readonly InputFormat: string;
  readonly OutputFormat: string;
  readonly Compressed: boolean;
  readonly NumberOfBuckets: number;
  readonly SerdeInfo: {
    readonly SerializationLibrary: string;
    readonly Parameters: Readonly<Record<string, string>>;
  };
  readonly BucketColumns: readonly string[];
  readonly SortColumns: readonly never[];
  readonly Parameters: Readonly<Record<string, string>>;
  readonly StoredAsSubDirectories: boolean;
}

export interface TableInput {
  readonly Name: string;
  readonly Description?: string;
  /** Ours is `EXTERNAL_TABLE`. */
  readonly TableType: string;
  readonly Parameters: Readonly<Record<string, string>>;
  readonly PartitionKeys: readonly CatalogColumn[];
  readonly StorageDescriptor: StorageDescriptor;
}

export interface PartitionInput {
  /** Hive's text of each partition value, in the order of the keys. */
  readonly Values: readonly string[];
  readonly StorageDescriptor: StorageDescriptor;
}

export interface TableName {
  readonly database: string;
  readonly table: string;
}

export type PutTableOutcome = 'created' | 'updated' | 'unchanged';

export interface PartitionChanges {
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
}

/**
 * Names → documents. Every verb may be called again with the same arguments and leaves the same state.
 * Errors: `CATALOG_UNAVAILABLE` (unavailable, retryable), `CATALOG_DENIED` (invalid), `CATALOG_CONFLICT` (conflict),
 * `CATALOG_BAD_ENTRY` (data), `CATALOG_NO_TABLE` (invalid).
 */
export interface Catalog {
  readonly kind: 'file' | 'glue';
  /** Null where the table is not registered. */
  getTable(name: TableName): Promise<TableInput | null>;
  /** Creates the database too where it is missing. Unknown parameters that others set on the entry are kept. */
  putTable(database: string, input: TableInput): Promise<PutTableOutcome>;
  /** By database and name, in the order of their bytes. */
  listTables(
    database?: string,
  ): AsyncIterable<{ readonly database: string; readonly input: TableInput }>;
  listPartitions(name: TableName): AsyncIterable<PartitionInput>;
  /** Makes the partitions of a table exactly these, in batches the service admits; created before deleted. */
  putPartitions(name: TableName, partitions: readonly PartitionInput[]): Promise<PartitionChanges>;
}
