/** What a transaction read, as the log's conflict rules ask for it. */

import type { AddFile, ReadScope } from '../log/index.ts';
import { columnsRead, mayMatch, parseStatistics, printExpression } from '../schema/index.ts';
import { partitionFields, partitionValuesOf } from './ops/files.ts';
import type { ReadSet, Snapshot } from './types.ts';

/** `snapshot` gives the schema by which partition values and statistics of new files are understood. */
export function readScope(reads: ReadSet, snapshot: Snapshot): ReadScope {
  if (reads.kind !== 'rows') return reads;
  const { predicate, paths } = reads;
  if (predicate === null) return { kind: 'rows', paths, mayHold: () => true };
  const { schema } = snapshot;
  const columns = columnsRead(predicate, schema);
  const fields = partitionFields(snapshot);
  const mayHold = (add: AddFile): boolean => {
    const partitionValues = partitionValuesOf(add, fields);
    const statistics = parseStatistics(add.stats, columns);
    return mayMatch(predicate, { schema, partitionValues, statistics });
  };
  return { kind: 'rows', paths, mayHold, printed: () => printExpression(predicate) };
}
