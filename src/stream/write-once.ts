/** Files that are written once and never changed: what decides between two processes that run one job. */

import { isDeltaError } from '../base/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import { jobConcurrent } from './errors.ts';

/**
 * Puts `content` at `path` if nothing is there. Where something is, and after an answer that never came, the file is read
 * back: the same bytes are as good as ours, other bytes are `JOB_CONCURRENT`.
 */
export async function writeOnce(
  store: ObjectStore,
  path: StorePath,
  content: string | Uint8Array,
): Promise<void> {
  const bytes = bytesOf(content);
  if (await putIfAbsent(store, path, bytes)) return;
  const there = await readBytes(store, path);
  if (there === null || Buffer.compare(there, bytes) !== 0) throw jobConcurrent(store.uri, path);
}

/** False where something is there already, which may be what this very call wrote: its answer can get lost. */
export async function putIfAbsent(
  store: ObjectStore,
  path: StorePath,
  content: string | Uint8Array,
): Promise<boolean> {
  try {
    const result = await store.put(path, bytesOf(content), { kind: 'create' });
    return result.kind === 'written';
  } catch (error) {
    if (!isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) throw error;
    if ((await store.head(path)) !== null) return false;
    throw error;
  }
}

/** The text of a file, or null where there is none. */
export async function readText(store: ObjectStore, path: StorePath): Promise<string | null> {
  const bytes = await readBytes(store, path);
  return bytes === null ? null : Buffer.from(bytes).toString('utf8');
}

async function readBytes(store: ObjectStore, path: StorePath): Promise<Uint8Array | null> {
  try {
    return (await store.get(path)).bytes;
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
    throw error;
  }
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content, 'utf8') : content;
}
