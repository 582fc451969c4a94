/** Opens the store that a URI or a path names. */

import { fileURLToPath } from 'node:url';

import pLimit from 'p-limit';

import { type Clock, messageOf, type Random } from '../base/index.ts';
import { coordinatedStore } from './coordinated.ts';
import { dynamoDbLogTable, type DynamoDbOptions } from './dynamodb.ts';
import { badUri } from './errors.ts';
import { limitedBy } from './limited.ts';
import { localStore } from './local.ts';
import { memoryStore } from './memory.ts';
import { s3StoreOn } from './s3.ts';
import { S3Connection, type S3Options } from './s3-connection.ts';
import type { ObjectStore } from './types.ts';

export interface StoreProviderOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** As for `localStore`. Default true. */
  readonly durable?: boolean;
  readonly s3?: S3Options;
  /** A log table for the commits to tables on S3, shared with Spark's `S3DynamoDBLogStore`. Default none. */
  readonly dynamoDb?: DynamoDbOptions;
  /** Requests that all S3 stores of the provider together have under way. Default 32. */
  readonly parallelRequestsMax?: number;
}

/** Opens stores that share one S3 client, one bound on its requests, and memory stores by name. */
export interface StoreProvider {
  /**
   * - `s3://bucket/prefix` (also `s3a://`, `s3n://`), taken as it stands, without percent-decoding
   * - `file:///folder`, percent-decoded as URLs are
   * - `memory://name`, the same objects each time
   * - anything without a scheme: a folder of the local disk
   *
   * No request is made yet. `STORE_BAD_URI` for anything else.
   */
  open(uri: string): ObjectStore;
  /** Lets go of the sockets. Stores opened before must be at rest. */
  close(): Promise<void>;
}

const PARALLEL_REQUESTS_MAX = 32;

export function storeProvider(options: StoreProviderOptions): StoreProvider {
  const { clock, random } = options;
  const tools = { clock, random };
  const s3 = new S3Connection(options.s3 ?? {}, options);
  const limit = pLimit(options.parallelRequestsMax ?? PARALLEL_REQUESTS_MAX);
  const logTable =
    options.dynamoDb === undefined ? null : dynamoDbLogTable(options.dynamoDb, options);
  const memories = new Map<string, ObjectStore>();

  function openMemory(name: string): ObjectStore {
    const store = memories.get(name) ?? memoryStore({ clock, name });
    memories.set(name, store);
    return store;
  }

  function openS3(bucket: string, prefix: string): ObjectStore {
    const store = limitedBy(s3StoreOn(s3, { bucket, prefix }), limit);
    if (logTable === null) return store;
    return coordinatedStore(store, logTable, { ...options.dynamoDb, ...tools });
  }

  return {
    open(uri) {
      const [, scheme = '', rest = uri] = /^([a-zA-Z][a-zA-Z0-9+.-]+):(.*)$/s.exec(uri) ?? [];
      switch (scheme.toLowerCase()) {
        case '':
          if (uri === '') throw badUri(uri, 'it is empty');
          return localStore(uri, options);
        case 'file':
          return localStore(folderOf(uri), options);
        case 'memory': {
          const [name, prefix] = splitAuthority(uri, rest);
          return openMemory(name).at(prefix);
        }
        case 's3':
        case 's3a':
        case 's3n': {
          const [bucket, prefix] = splitAuthority(uri, rest);
          return openS3(bucket, prefix);
        }
        default:
          throw badUri(uri, `"${scheme}:" is not a kind of store`);
      }
    },
    close: async () => {
      await Promise.all([s3.close(), logTable?.close()]);
    },
  };
}

/** A store with a provider of its own. */
export function openStore(uri: string, options: StoreProviderOptions): ObjectStore {
  return storeProvider(options).open(uri);
}

/** `//name/some/prefix/` as its name and its prefix without slashes at the ends. */
function splitAuthority(uri: string, rest: string): readonly [name: string, prefix: string] {
  const [, name = '', prefix = ''] = /^\/\/([^/]+)\/?(.*?)\/?$/s.exec(rest) ?? [];
  if (name === '') throw badUri(uri, 'it names no bucket');
  return [name, prefix];
}

function folderOf(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw badUri(uri, messageOf(error));
  }
}
