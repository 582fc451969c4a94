/** Object stores: memory, local disk, S3. */

export type {
  ListOptions,
  ObjectContent,
  ObjectMeta,
  ObjectStore,
  PutMode,
  PutResult,
  StorePath,
} from './types.ts';
