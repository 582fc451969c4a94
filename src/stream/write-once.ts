/** Files that are written once and never changed: what decides between two processes that run one job. */

import { isDeltaError } from '../base/index.ts';
import type { ObjectStore, StorePath } from '../store/index.ts';
import { jobConcurrent } from './errors.ts';

/**
 * Puts `text` at `path` if nothing is there. Where something is, and after an answer that never came, the file is read
 * back: the same bytes are as good as ours, other bytes are `JOB_CONCURRENT`.
 */
export async function writeOnce(store: ObjectStore, path: StorePath, text: string): Promise<void> {
  if (await putIfAbsent(store, path, text)) return;
  if ((await readText(store, path)) !== text) throw jobConcurrent(store.uri, path);
}

/** False where something is there already, which may be what this very call wrote: its answer can get lost. */
export async function putIfAbsent(
  store: ObjectStore,
  path: StorePath,
  text: string,
): Promise<boolean> {
  try {
    const result = await store.put(path, Buffer.from(text, 'utf8'), { kind: 'create' });
    return result.kind === 'written';
  } catch (error) {
    if (!isDeltaError(error, 'STORE_OUTCOME_UNKNOWN')) throw error;
    if ((await store.head(path)) !== null) return false;
    throw error;
  }
}

/** The text of a file, or null where there is none. */
export async function readText(store: ObjectStore, path: StorePath): Promise<string | null> {
  try {
    const found = await store.get(path);
    return Buffer.from(found.bytes).toString('utf8');
  } catch (error) {
    if (isDeltaError(error, 'STORE_NOT_FOUND')) return null;
    throw error;
  }
}
