/** Object stores: memory, local disk, S3; commits on S3 that a log table decides. */

export {
  coordinatedStore,
  type Coordination,
  coordinationOf,
  type CoordinationOptions,
} from './coordinated.ts';
export { dynamoDbLogTable, type DynamoDbOptions } from './dynamodb.ts';
export {
  crashAtWrite,
  type Fault,
  type FaultPlan,
  type FaultyCall,
  faultyStore,
  randomFaults,
} from './faulty.ts';
export { limitedStore } from './limited.ts';
export { localStore, type LocalStoreOptions } from './local.ts';
export type { LogEntry, LogTable } from './log-table.ts';
export { memoryStore, type MemoryStoreOptions } from './memory.ts';
export { openStore, type StoreProvider, storeProvider, type StoreProviderOptions } from './open.ts';
export { compareUtf8 } from './paths.ts';
export type { S3Options } from './s3-connection.ts';
export { wasNotSent } from './s3-errors.ts';
export { s3Store, type S3StoreOptions } from './s3.ts';
export type {
  ListOptions,
  ObjectContent,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';
