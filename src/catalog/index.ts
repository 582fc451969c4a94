/** Names → locations, schema → columns: the file catalog and Glue. */

export type {
  Catalog,
  CatalogColumn,
  PartitionChanges,
  PartitionInput,
  PutTableOutcome,
  StorageDescriptor,
  TableInput,
  TableName,
} from './types.ts';
