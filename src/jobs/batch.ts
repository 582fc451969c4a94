/** One batch: what is bad in its files listed, the rest committed to the table once. */

import { isJsonObject } from '../base/index.ts';
import type { Failure, PlannedFile, SourceFile } from '../stream/index.ts';
import { openSnapshot, readHistory } from '../table/index.ts';
import { batchMismatch } from './errors.ts';
import { type BatchCounts, NO_COUNTS, type Run } from './job-context.ts';
import { countRows, isAboutData, lineOfRow, type Look, lookAt } from './look.ts';
import { type RejectedLine, writeRejectedList } from './rejected-list.ts';
import { BATCH_MEMBER, NO_ROWS, writeToSink } from './sink-write.ts';

/** Tries on files that change, vanish or turn out broken while they are read. */
const ATTEMPTS_MAX = 4;

/** Commits that are looked through for the one of a batch that is applied already. */
const HISTORY_MAX = 100;

export interface Batch {
  readonly batch: number;
  /** Of `offsets/N`. */
  readonly digest: string;
  readonly files: readonly PlannedFile[];
}

/**
 * Takes a batch to the table; nothing is done where the table has it already. `seen` is the look at the files before
 * they were planned, or null. The list of what is rejected is written before the commit.
 * Errors: `JOB_REJECTED` (strict), `JOB_BATCH_MISMATCH`, those of reading and committing.
 */
export async function applyBatch(run: Run, batch: Batch, seen: Look | null): Promise<BatchCounts> {
  const snapshot = await openSnapshot(run.table);
  if ((snapshot.txnVersion(run.checkpoint.id) ?? -1) >= batch.batch) {
    await checkApplied(run, batch);
    return NO_COUNTS;
  }
  for (let attempt = 1; ; attempt += 1) {
    const first = attempt === 1 ? seen : null;
    const look = first ?? (await lookAgain(run, batch.files, attempt > 1));
    try {
      return await commitBatch(run, batch, {
        look,
        failed: first === null ? failuresOf(look) : [],
      });
    } catch (error) {
      // What is wrong with the data may be wrong with one file: the next look finds it by reading each alone.
      if (!isAboutData(error) || attempt >= ATTEMPTS_MAX) throw error;
    } finally {
      if (look !== seen) await look.close();
    }
  }
}

/** The files of a plan as they are now. */
async function lookAgain(
  run: Run,
  planned: readonly PlannedFile[],
  thorough: boolean,
): Promise<Look> {
  const files = new Map<string, SourceFile>();
  for (const { path, modifiedMs, rejected } of planned) {
    if (rejected !== null || files.has(path)) continue;
    const meta = await run.samples.head(path);
    files.set(path, meta ?? { path, modifiedMs, sizeBytes: 0, etag: null });
  }
  return lookAt(run, [...files.values()], { thorough: () => thorough, mayGrow: () => false });
}

/** Planned files that cannot be read any more: the next run tries them again. */
function failuresOf({ probed }: Look): Failure[] {
  return probed.flatMap(({ file, probe }) =>
    probe.kind === 'ready' ? [] : [{ file, code: probe.code, reason: probe.reason }],
  );
}

async function commitBatch(
  run: Run,
  { batch, digest, files }: Batch,
  { look, failed }: { readonly look: Look; readonly failed: readonly Failure[] },
): Promise<BatchCounts> {
  const { accepted } = look;
  const rejected = files.flatMap(lineOfFile);
  const rows = look.rejectedRows.map((rejection) => lineOfRow(run, rejection));
  await run.source.settle({ seen: files, failed });
  await writeRejectedList(run.rejected, batch, [...rejected, ...rows]);
  const bytes = accepted.reduce((sum, { file }) => sum + file.sizeBytes, 0);
  run.report({ step: 'read', batch, files: accepted.length, bytes });
  const written =
    accepted.length === 0 ? NO_ROWS : await writeToSink(run, { batch, digest, accepted });
  return {
    ...written,
    ...countRows(look),
    files: accepted.length,
    bytes,
    rejectedFiles: rejected.length,
    deferredFiles: failed.length,
  };
}

/** A commit of this batch that was made from another plan is somebody else's. */
async function checkApplied(run: Run, { batch, digest }: Batch): Promise<void> {
  for (const { commitInfo } of await readHistory(run.table, { limit: HISTORY_MAX })) {
    const made = commitInfo[BATCH_MEMBER];
    if (!isJsonObject(made)) continue;
    if (made['checkpoint'] !== run.checkpoint.id || made['batch'] !== batch) continue;
    if (made['offsets'] !== digest) throw batchMismatch(run.table.store.uri, batch);
    return;
  }
}

function lineOfFile({ uri, rejected }: PlannedFile): RejectedLine[] {
  return rejected === null
    ? []
    : [{ path: uri, row: null, code: rejected.code, reason: rejected.reason }];
}
