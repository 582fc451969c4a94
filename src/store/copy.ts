/** Copies between stores that share no server: the bytes pass through this machine, a bounded piece at a time. */

import { open } from 'node:fs/promises';

import { notFound, sourceChanged } from './errors.ts';
import type { ObjectMeta, ObjectStore, StorePath } from './types.ts';

/** Bytes held in memory at once. */
const CHUNK_BYTES = 8 * 1024 * 1024;

/** What is copied: an object, and the etag its content must have. */
export interface CopySource {
  readonly store: ObjectStore;
  readonly path: StorePath;
  readonly etag: string;
}

/** Fills `localFile` with the source; `STORE_SOURCE_CHANGED` unless its etag is the pinned one before and after. */
export async function download(source: CopySource, localFile: string): Promise<void> {
  const { sizeBytes } = await pinned(source);
  const file = await open(localFile, 'w');
  try {
    for (let start = 0; start < sizeBytes; start += CHUNK_BYTES) {
      const end = Math.min(start + CHUNK_BYTES, sizeBytes);
      await file.writeFile(await source.store.getRange(source.path, { start, end }));
    }
  } finally {
    await file.close();
  }
  await pinned(source);
}

/** What is known of the source; `STORE_SOURCE_CHANGED` where its content is not the pinned one. */
export async function pinned(source: CopySource): Promise<ObjectMeta> {
  const call = { verb: 'copyFrom', uri: source.store.uri, path: source.path };
  const meta = await source.store.head(source.path);
  if (meta === null) throw notFound(call);
  if (meta.etag !== source.etag) throw sourceChanged(call);
  return meta;
}
