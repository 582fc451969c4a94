/** Whether a job whose checkpoint is gone would bring rows into its table that are there already. */

import { isDeltaError, isJsonObject } from '../base/index.ts';
import { expressionColumns, parseExpression } from '../schema/index.ts';
import { type Checkpoint, readText } from '../stream/index.ts';
import { readHistory, type TableContext } from '../table/index.ts';
import type { DeltaSink, Job, MergeSink } from './job.ts';
import { checkpointLost } from './errors.ts';
import { IDENTITY_FILE } from './sink-table.ts';

/** The member of `commitInfo` that says which plan a commit was made from. */
export const BATCH_MEMBER = 'deltawrightBatch';

/** Commits that are looked through for those of the same job. */
const HISTORY_MAX = 1000;

/**
 * Refuses to start a job from the beginning of its source where its table holds rows of it and would take them again:
 * an append that does not hold rows against the table, a merge that computes with what is there. Others end in the
 * same rows. Errors: `JOB_CHECKPOINT_LOST`.
 */
export async function checkRefill(
  table: TableContext,
  {
    job,
    sink,
    checkpoint,
  }: { readonly job: Job; readonly sink: DeltaSink; readonly checkpoint: Checkpoint },
): Promise<void> {
  if (checkpoint.planned !== null || !takesRowsAgain(job, sink)) return;
  if ((await readText(checkpoint.store, IDENTITY_FILE)) !== null) return;
  const known = await lastCheckpoint(table, job.name);
  if (known === null || known === checkpoint.id) return;
  throw checkpointLost(table.store.uri, job.name, known);
}

/** The id of the checkpoint by which the job brought its last rows, or null. */
async function lastCheckpoint(table: TableContext, job: string): Promise<string | null> {
  for (const { commitInfo } of await historyOf(table)) {
    const made = commitInfo[BATCH_MEMBER];
    if (!isJsonObject(made) || made['job'] !== job) continue;
    const { checkpoint } = made;
    if (typeof checkpoint === 'string') return checkpoint;
  }
  return null;
}

async function historyOf(table: TableContext): ReturnType<typeof readHistory> {
  try {
    return await readHistory(table, { limit: HISTORY_MAX });
  } catch (error) {
    if (isDeltaError(error, 'TABLE_NOT_FOUND')) return [];
    throw error;
  }
}

function takesRowsAgain({ dropDuplicates }: Job, sink: DeltaSink): boolean {
  return sink.kind === 'append' ? dropDuplicates?.against !== 'table' : readsTable(sink);
}

/** Whether what a row becomes depends on what it was, as `t.n + s.n` does. */
function readsTable({ whenMatched }: MergeSink): boolean {
  return whenMatched.some(
    (clause) =>
      'update' in clause &&
      clause.update !== '*' &&
      Object.values(clause.update).some((text) =>
        expressionColumns(parseExpression(text)).some(
          ([alias = '']) => alias.toLowerCase() === 't',
        ),
      ),
  );
}
