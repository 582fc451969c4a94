/** What a merge says about itself: to whoever called it, and in the log. */

import { totalOf } from './append-commit.ts';
import type { Candidate, MergeTry } from './merge-candidates.ts';
import type { TouchedFile } from './merge-rewrite.ts';
import type { LoadedSource } from './merge-source.ts';
import type {
  MatchedClause,
  MergeExplanation,
  MergeResult,
  MergeSpec,
  NotMatchedBySourceClause,
} from './merge-types.ts';
import type { WrittenMerge } from './merge-write.ts';

export type Counts = Omit<MergeResult, 'kind' | 'snapshot' | 'postCommitErrors'>;

export function countsOf(
  source: LoadedSource,
  touched: readonly TouchedFile[],
  { files, changes, vectors, insertedCount }: WrittenMerge,
): Counts {
  return {
    sourceRowCount: source.rowCount,
    insertedCount,
    updatedCount: totalOf(touched, ({ updatedCount }) => updatedCount),
    deletedCount: totalOf(touched, ({ deletedCount }) => deletedCount),
    filesAdded: files.length,
    filesRemoved: touched.length - vectors.length,
    filesHidden: vectors.length,
    changeFilesAdded: changes.length,
    sizeBytes: totalOf(files, ({ add }) => add.size),
  };
}

/** As Spark writes them. */
export function parametersOf({
  on,
  whenMatched = [],
  whenNotMatched = [],
  whenNotMatchedBySource = [],
}: MergeSpec): Record<string, string> {
  const clause = (actionType: string, predicate: string | undefined): object => ({
    actionType,
    ...(predicate === undefined ? {} : { predicate }),
  });
  const rowClauses = (clauses: readonly (MatchedClause | NotMatchedBySourceClause)[]): string =>
    JSON.stringify(clauses.map((it) => clause('delete' in it ? 'delete' : 'update', it.condition)));
  return {
    predicate: JSON.stringify([on]),
    matchedPredicates: rowClauses(whenMatched),
    notMatchedPredicates: JSON.stringify(
      whenNotMatched.map((it) => clause('insert', it.condition)),
    ),
    notMatchedBySourcePredicates: rowClauses(whenNotMatchedBySource),
  };
}

/** As Spark names them. */
export function metricsOf(
  counts: Counts,
  touched: readonly TouchedFile[],
): Readonly<Record<string, string>> {
  const updatedBySource = totalOf(touched, (file) => file.bySourceUpdatedCount);
  const deletedBySource = totalOf(touched, (file) => file.bySourceDeletedCount);
  return {
    numSourceRows: String(counts.sourceRowCount),
    numTargetRowsInserted: String(counts.insertedCount),
    numTargetRowsUpdated: String(counts.updatedCount),
    numTargetRowsMatchedUpdated: String(counts.updatedCount - updatedBySource),
    numTargetRowsNotMatchedBySourceUpdated: String(updatedBySource),
    numTargetRowsDeleted: String(counts.deletedCount),
    numTargetRowsMatchedDeleted: String(counts.deletedCount - deletedBySource),
    numTargetRowsNotMatchedBySourceDeleted: String(deletedBySource),
    numTargetFilesAdded: String(counts.filesAdded),
    numTargetFilesRemoved: String(counts.filesRemoved),
    numTargetDeletionVectorsAdded: String(counts.filesHidden),
    numTargetChangeFilesAdded: String(counts.changeFilesAdded),
    numTargetBytesAdded: String(counts.sizeBytes),
  };
}

/** What the merge would do to the files that it looked into. */
export function explained(
  { snapshot, mode }: MergeTry,
  candidates: readonly Candidate[],
  touched: readonly TouchedFile[],
): MergeExplanation {
  const changes = new Map(touched.map((file) => [file.candidate.add.path, file]));
  const files = candidates.toSorted((left, right) => left.rank - right.rank);
  return {
    version: snapshot.version,
    fileCount: snapshot.fileCount,
    files: files.map(({ add: { path, size } }) => {
      const { updatedCount = 0, deletedCount = 0 } = changes.get(path) ?? {};
      const action = !changes.has(path) ? 'read' : mode === 'copy-on-write' ? 'rewrite' : 'vector';
      return { path, sizeBytes: size, action, updatedCount, deletedCount } as const;
    }),
  };
}
