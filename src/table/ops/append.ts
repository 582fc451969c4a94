/** Appends: rows, Arrow data or Parquet files, as one commit that reads nothing and so never loses to another one. */

import { unreachable } from '../../base/index.ts';
import { checkWritable } from '../../log/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { commitOptions, commitStaged, isApplied, totalOf, writeMetrics } from './append-commit.ts';
import type { StagedFile } from './append-file.ts';
import {
  type AppendOptions,
  type AppendSource,
  isRepeatable,
  stageSource,
} from './append-source.ts';
import { writeConflict } from './errors.ts';
import { withEvolution } from './evolve.ts';

export interface AppendResult {
  /** `applied`: the table had this `txn` already; `unchanged`: there was nothing to append. */
  readonly kind: 'committed' | 'applied' | 'unchanged';
  /** The table as it is now. */
  readonly snapshot: Snapshot;
  /** As in `CommitOutcome`: the commit stands. */
  readonly postCommitErrors: readonly Error[];
  readonly fileCount: number;
  readonly rowCount: number;
  readonly sizeBytes: number;
}

/**
 * Appends all of the source, or nothing. Without rows there is no commit, unless there is a `txn` to remember.
 * Errors: `FEATURE_UNSUPPORTED`, `INPUT_BAD_VALUE` and `APPEND_SOURCE_…` (invalid), `NULL_NOT_ALLOWED` (data),
 * `EVOLUTION_REFUSED`, `WRITE_CONFLICT` where the table was changed into another one meanwhile, those of `commitTransaction`.
 * `RULE_VIOLATED` (data) for a row that the table's constraints do not allow, `RULE_UNSUPPORTED` where they cannot be evaluated.
 * With `evolve: 'add'` new columns come with the same commit. Where another writer changed the schema, the properties or the
 * features first, the source is taken again, unless it is rows that can be taken only once.
 */
export async function append(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions = {},
): Promise<AppendResult> {
  const work = (latest: Snapshot): Promise<AppendResult> => appendTo(ctx, latest, source, options);
  return isRepeatable(source) ? withEvolution(ctx, snapshot, options, work) : work(snapshot);
}

async function appendTo(
  ctx: TableContext,
  snapshot: Snapshot,
  source: AppendSource,
  options: AppendOptions,
): Promise<AppendResult> {
  if (isApplied(snapshot, options.txn)) return result('applied', snapshot, []);
  checkWritable(snapshot.protocol, snapshot.metadata, 'checked');
  const { files, actions } = await stageSource(ctx, snapshot, source, options);
  if (files.length === 0 && options.txn === undefined) return result('unchanged', snapshot, []);
  const outcome = await commitStaged(
    ctx,
    snapshot,
    {
      ...commitOptions(options),
      operation: 'WRITE',
      operationParameters: {
        mode: 'Append',
        partitionBy: JSON.stringify(snapshot.partitionColumns),
      },
      operationMetrics: writeMetrics(files),
      actions: [...actions, ...files.map(({ add }) => ({ kind: 'add', add }) as const)],
      reads: { kind: 'nothing' },
      scope: 'checked',
    },
    files,
  );
  switch (outcome.kind) {
    case 'committed':
      return {
        ...result('committed', outcome.snapshot, files),
        postCommitErrors: outcome.postCommitErrors,
      };
    case 'applied':
      return result('applied', outcome.snapshot, []);
    case 'conflict':
      throw writeConflict(outcome.code, outcome.reason, outcome.error);
    default:
      return unreachable(outcome);
  }
}

function result(
  kind: AppendResult['kind'],
  snapshot: Snapshot,
  files: readonly StagedFile[],
): AppendResult {
  return {
    kind,
    snapshot,
    postCommitErrors: [],
    fileCount: files.length,
    rowCount: totalOf(files, (file) => file.rowCount),
    sizeBytes: totalOf(files, (file) => file.add.size),
  };
}
