/**
 * The rejected place: what was not taken, and why, one JSON line each in `batch-N.jsonl`. The list is written before its
 * batch is committed, and again with the same lines where the batch runs again.
 */

import { printJson } from '../base/index.ts';
import type { ObjectStore } from '../store/index.ts';

export interface RejectedLine {
  /** The file's URI. */
  readonly path: string;
  /** From 0, in the file; null where the whole file was rejected. */
  readonly row: number | null;
  /** Stable. */
  readonly code: string;
  readonly reason: string;
}

/** Makes the list of batch `batch` exactly `lines`; without any, there is none. */
export async function writeRejectedList(
  store: ObjectStore,
  batch: number,
  lines: readonly RejectedLine[],
): Promise<void> {
  const path = `batch-${batch}.jsonl`;
  if (lines.length === 0) {
    await store.delete([path]);
    return;
  }
  const text = lines.map(({ path, row, code, reason }) => printJson({ path, row, code, reason }));
  await store.put(path, Buffer.from(`${text.join('\n')}\n`, 'utf8'), { kind: 'overwrite' });
}
