/** Object stores: memory, local disk, S3. */

export { localStore, type LocalStoreOptions } from './local.ts';
export { memoryStore, type MemoryStoreOptions } from './memory.ts';
export { compareUtf8 } from './paths.ts';
export type {
  ListOptions,
  ObjectContent,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';
