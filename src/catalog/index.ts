/** Names → locations, schema → columns: the file catalog and Glue. */

export { fileCatalog, type FileCatalogOptions } from './file-catalog.ts';
export type { GlueApi, GlueConnection } from './glue-api.ts';
export { glueCatalog, type GlueCatalogOptions } from './glue-catalog.ts';
export { syncCatalog, type SyncOptions, type SyncResult, type TableFacts } from './sync.ts';
export {
  nativeTableInput,
  type NativeTableOptions,
  type SymlinkPartition,
  symlinkPartitions,
  symlinkTableInput,
  type SymlinkTableOptions,
} from './table-input.ts';
export { catalogName, tableName } from './table-name.ts';
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
