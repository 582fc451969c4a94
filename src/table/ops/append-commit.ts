/** The commit of an operation, from staged files to its outcome. */

import type { Action, AddFile, CommitInfo } from '../../log/index.ts';
import { commitTransaction } from '../commit.ts';
import type { CommitOutcome, Snapshot, TableContext, TransactionSpec } from '../types.ts';
import { discardFiles, type StagedFile } from './append-file.ts';

/** What every operation that writes takes. */
export interface WriteOptions {
  /** Idempotence: a table that has this version of `appId` or a later one is left as it is. */
  readonly txn?: { readonly appId: string; readonly version: number };
  /** Further members of `commitInfo`. */
  readonly commitInfo?: CommitInfo;
  /**
   * Stops between steps; `run` rejects with the signal's reason. Unless the commit was already under way, nothing is in
   * the table, and files that were written do not stay behind.
   */
  readonly signal?: AbortSignal;
}

/** Whether the table has the transaction already. */
export function isApplied(snapshot: Snapshot, txn: WriteOptions['txn']): boolean {
  const held = txn === undefined ? null : snapshot.txnVersion(txn.appId);
  return txn !== undefined && held !== null && held >= txn.version;
}

/**
 * Commits; where nothing was committed, the staged files are taken back. After an error the outcome may be open, so
 * that the files stay.
 */
export async function commitStaged(
  ctx: TableContext,
  snapshot: Snapshot,
  spec: TransactionSpec,
  files: readonly StagedFile[],
): Promise<CommitOutcome> {
  const outcome = await (ctx.commitGroup === undefined
    ? commitTransaction(ctx, snapshot, spec)
    : ctx.commitGroup.commit(snapshot, spec));
  if (outcome.kind !== 'committed') await discardFiles(ctx, files);
  return outcome;
}

/** The part of the options that a transaction takes. */
export function commitOptions({ txn, commitInfo, signal }: WriteOptions): WriteOptions {
  return {
    ...(txn === undefined ? {} : { txn }),
    ...(commitInfo === undefined ? {} : { commitInfo }),
    ...(signal === undefined ? {} : { signal }),
  };
}

/** The action that takes a file out of the table; without `dataChange` its rows stay, in other files. */
export function removalOf(
  ctx: TableContext,
  { path, partitionValues, size, tags, deletionVector }: AddFile,
  { dataChange }: { readonly dataChange: boolean },
): Action {
  const remove = {
    path,
    deletionTimestamp: ctx.clock.now(),
    dataChange,
    extendedFileMetadata: true,
    partitionValues,
    size,
    ...(tags === undefined ? {} : { tags }),
    ...(deletionVector === undefined ? {} : { deletionVector }),
  };
  return { kind: 'remove', remove };
}

/** Rows, files and bytes as Spark names them in `operationMetrics` of a write. */
export function writeMetrics(files: readonly StagedFile[]): Readonly<Record<string, string>> {
  return {
    numFiles: String(files.length),
    numOutputRows: String(totalOf(files, (file) => file.rowCount)),
    numOutputBytes: String(totalOf(files, (file) => file.add.size)),
  };
}

export function totalOf<T>(items: Iterable<T>, count: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += count(item);
  return total;
}
