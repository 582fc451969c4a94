/** How far a file source has come, as `offsets/N` records it: `{"logOffset":4}`, the last file of its log. */

import { isJsonObject, parseJson } from '../base/index.ts';
import type { BatchOffsets, Checkpoint } from './checkpoint.ts';
import { checkpointBroken } from './errors.ts';

export function printLogOffset(logOffset: number): string {
  return `{"logOffset":${logOffset}}`;
}

/** Errors: `CHECKPOINT_BROKEN` where the batch is not one of a single file source. */
export function readLogOffset(
  checkpoint: Checkpoint,
  batch: number,
  offsets: Pick<BatchOffsets, 'sources'>,
): number {
  const [text = null] = offsets.sources;
  const logOffset = text === null || offsets.sources.length > 1 ? null : parseLogOffset(text);
  if (logOffset !== null) return logOffset;
  throw checkpointBroken(
    checkpoint.store.uri,
    `offsets/${batch}`,
    'it is not the progress of a single file source',
  );
}

function parseLogOffset(text: string): number | null {
  try {
    const value = parseJson(text);
    const logOffset = isJsonObject(value) ? value['logOffset'] : value;
    return typeof logOffset === 'number' && Number.isSafeInteger(logOffset) ? logOffset : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
