/** What a transaction read, as the log's conflict rules ask for it. */

import type { ReadScope } from '../log/index.ts';
import type { ReadSet, Snapshot } from './types.ts';

/** `snapshot` gives the schema by which the predicate and the statistics of new files are understood. */
export function readScope(reads: ReadSet, _snapshot: Snapshot): ReadScope {
  if (reads.kind !== 'rows') return reads;
  return { kind: 'rows', paths: reads.paths, mayHold: () => true };
}
