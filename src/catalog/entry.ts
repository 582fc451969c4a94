/** Entries as they come back from a catalog: parsed at the border, merged with what we want, compared. */

import stringify from 'fast-json-stable-stringify';

import { badEntry, nameTaken } from './errors.ts';
import type {
  CatalogColumn,
  PartitionInput,
  StorageDescriptor,
  TableInput,
  TableName,
} from './types.ts';

/** The same text for the same document, whatever the order of its members. */
export function documentText(value: TableInput | PartitionInput | PartitionsDocument): string {
  return stringify(value);
}

export interface PartitionsDocument {
  readonly Partitions: readonly PartitionInput[];
}

/** Services leave members out or send null; a table without a location (a view) is `CATALOG_BAD_ENTRY`. */
export function parseTableInput(name: TableName, value: unknown): TableInput {
  const entry = object(name, value, 'it is not an object');
  const description = entry['Description'];
  return {
    Name: text(entry['Name'], name.table),
    ...(typeof description === 'string' && description !== '' ? { Description: description } : {}),
    TableType: text(entry['TableType'], 'EXTERNAL_TABLE'),
    Parameters: parameters(entry['Parameters']),
    PartitionKeys: columns(entry['PartitionKeys']),
    StorageDescriptor: parseStorage(name, entry['StorageDescriptor']),
  };
}

export function parsePartitionInput(name: TableName, value: unknown): PartitionInput {
  const entry = object(name, value, 'a partition is not an object');
  return {
    Values: array(entry['Values']).map((item) => text(item, '')),
    StorageDescriptor: parseStorage(name, entry['StorageDescriptor']),
  };
}

export function parsePartitions(name: TableName, value: unknown): readonly PartitionInput[] {
  const document = object(name, value, 'its partitions are not an object');
  return array(document['Partitions']).map((item) => parsePartitionInput(name, item));
}

/**
 * What an update writes: all that we manage as `wanted` has it, and what others put there (parameters, description,
 * comments of columns) as it was.
 */
export function mergeTableInput(found: TableInput, wanted: TableInput): TableInput {
  const description = wanted.Description ?? found.Description;
  return {
    Name: wanted.Name,
    ...(description === undefined ? {} : { Description: description }),
    TableType: wanted.TableType,
    Parameters: mergeParameters(found.Parameters, wanted.Parameters),
    PartitionKeys: mergeColumns(found.PartitionKeys, wanted.PartitionKeys),
    StorageDescriptor: mergeStorage(found.StorageDescriptor, wanted.StorageDescriptor),
  };
}

export function mergePartitionInput(found: PartitionInput, wanted: PartitionInput): PartitionInput {
  return {
    Values: wanted.Values,
    StorageDescriptor: mergeStorage(found.StorageDescriptor, wanted.StorageDescriptor),
  };
}

/** Throws `CATALOG_NAME_TAKEN` for an entry that is no file table of ours or Hive's. */
export function assertReplaceable(name: TableName, value: unknown): void {
  const entry = object(name, value, 'it is not an object');
  if (entry['TableType'] === 'VIRTUAL_VIEW') throw nameTaken(name, 'a view');
  const format = parameters(entry['Parameters'])['table_type']?.toUpperCase();
  if (format !== undefined && format !== 'DELTA') throw nameTaken(name, `a table of ${format}`);
}

/** Members of `Parameters` that say what the entry is: one that is not wanted would make it another thing. */
const MANAGED_PARAMETERS: ReadonlySet<string> = new Set([
  'EXTERNAL',
  'table_type',
  'spark.sql.sources.provider',
  'classification',
  'path',
  'serialization.format',
]);

type Parameters = Readonly<Record<string, string>>;

function mergeParameters(found: Parameters, wanted: Parameters): Parameters {
  const others = Object.entries(found).filter(([key]) => !MANAGED_PARAMETERS.has(key));
  return { ...Object.fromEntries(others), ...wanted };
}

function mergeColumns(
  found: readonly CatalogColumn[],
  wanted: readonly CatalogColumn[],
): readonly CatalogColumn[] {
  const comments = new Map(found.map((column) => [column.Name, column.Comment]));
  return wanted.map((column) => {
    const comment = column.Comment ?? comments.get(column.Name);
    return comment === undefined ? column : { ...column, Comment: comment };
  });
}

function mergeStorage(found: StorageDescriptor, wanted: StorageDescriptor): StorageDescriptor {
  return {
    ...wanted,
    Columns: mergeColumns(found.Columns, wanted.Columns),
    Parameters: mergeParameters(found.Parameters, wanted.Parameters),
    SerdeInfo: {
      SerializationLibrary: wanted.SerdeInfo.SerializationLibrary,
      Parameters: mergeParameters(found.SerdeInfo.Parameters, wanted.SerdeInfo.Parameters),
    },
  };
}

function parseStorage(name: TableName, value: unknown): StorageDescriptor {
  const storage = object(name, value, 'it has no storage descriptor');
  const location = storage['Location'];
  if (typeof location !== 'string' || location === '') throw badEntry(name, 'it has no location');
  const serde = members(storage['SerdeInfo']);
  const buckets = storage['NumberOfBuckets'];
  return {
    Columns: columns(storage['Columns']),
    Location: location,
    InputFormat: text(storage['InputFormat'], ''),
    OutputFormat: text(storage['OutputFormat'], ''),
    Compressed: storage['Compressed'] === true,
    // Not the value that we write, so that an entry without one is mended by the next update.
    NumberOfBuckets: typeof buckets === 'number' ? buckets : 0,
    SerdeInfo: {
      SerializationLibrary: text(serde['SerializationLibrary'], ''),
      Parameters: parameters(serde['Parameters']),
    },
    BucketColumns: array(storage['BucketColumns']).map((item) => text(item, '')),
    SortColumns: [],
    Parameters: parameters(storage['Parameters']),
    StoredAsSubDirectories: storage['StoredAsSubDirectories'] === true,
  };
}

function columns(value: unknown): readonly CatalogColumn[] {
  return array(value).map((item) => {
    const column = members(item);
    const comment = column['Comment'];
    return {
      Name: text(column['Name'], ''),
      Type: text(column['Type'], ''),
      ...(typeof comment === 'string' && comment !== '' ? { Comment: comment } : {}),
    };
  });
}

function parameters(value: unknown): Parameters {
  const entries = Object.entries(members(value));
  return Object.fromEntries(
    entries.flatMap(([key, item]) => (typeof item === 'string' ? [[key, item]] : [])),
  );
}

function object(name: TableName, value: unknown, why: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badEntry(name, why);
  }
  return { ...value };
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function array(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
