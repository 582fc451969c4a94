/** Files below a prefix that may be inputs: by their names alone. */

import type { StorePath } from '../../store/index.ts';

/** How much one batch takes; it always takes one file. */
export interface BatchLimits {
  readonly filesMax: number;
  readonly bytesMax: number;
}

const READABLE = /\.(?:parquet|json|jsonl|ndjson)$/i;

/** Whether the name ends as that of Parquet or JSON lines does. */
export function isReadable(path: StorePath): boolean {
  return READABLE.test(path);
}

/** As above, and no name on the way begins with `_` or `.`: those are of writers under way, of logs and checksums. */
export function isInput(path: StorePath): boolean {
  return isReadable(path) && !/(?:^|\/)[_.]/.test(path);
}

/** What a name says of its file. */
export function formatOf(path: StorePath): 'parquet' | 'json' {
  return /\.parquet$/i.test(path) ? 'parquet' : 'json';
}

/** The files in their order, cut into batches. */
export function inBatches<T extends { readonly sizeBytes: number }>(
  files: readonly T[],
  limits: BatchLimits,
): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let bytes = 0;
  for (const file of files) {
    const full = batch.length >= limits.filesMax || bytes + file.sizeBytes > limits.bytesMax;
    if (full && batch.length > 0) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.sizeBytes;
  }
  return batch.length === 0 ? batches : [...batches, batch];
}

/**
 * A pattern of paths: `*` and `?` stand for any text and one character within a name, `**` also across folders, `{a,b}` for either.
 * Anything else stands for itself.
 */
export function pathPattern(pattern: string): RegExp {
  let source = '';
  let depth = 0;
  for (const [token] of pattern.matchAll(/\*\*\/?|[^]/gu)) {
    if (token === '**/') source += '(?:.*/)?';
    else if (token === '**') source += '.*';
    else if (token === '*') source += '[^/]*';
    else if (token === '?') source += '[^/]';
    else if (token === '{') {
      source += '(?:';
      depth += 1;
    } else if (token === '}' && depth > 0) {
      source += ')';
      depth -= 1;
    } else if (token === ',' && depth > 0) source += '|';
    else source += token.replace(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`, 'su');
}
