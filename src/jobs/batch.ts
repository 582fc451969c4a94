/** One batch: its files looked at, what is bad in them listed, the rest committed to the table once. */

import { isDeltaError, isJsonObject } from '../base/index.ts';
import {
  type Failure,
  type PlannedFile,
  type Probe,
  type Probed,
  type SourceFile,
  toPathUri,
} from '../stream/index.ts';
import {
  type InputFile,
  type InspectedInputs,
  inspectInputs,
  openSnapshot,
  readHistory,
  type Rejection,
} from '../table/index.ts';
import { batchMismatch, jobRejected } from './errors.ts';
import { type BatchCounts, NO_COUNTS, type Run } from './job-context.ts';
import { type RejectedLine, writeRejectedList } from './rejected-list.ts';
import { BATCH_MEMBER, NO_ROWS, writeToSink } from './sink-write.ts';

/** Tries on files that change or vanish while they are read. */
const ATTEMPTS_MAX = 5;

/** Commits that are looked through for the one of a batch that is applied already. */
const HISTORY_MAX = 100;

export interface Batch {
  readonly batch: number;
  /** Of `offsets/N`. */
  readonly digest: string;
  readonly files: readonly PlannedFile[];
}

/** Looks at files before they are planned; those that were not listed again are left out. Close the result. */
export async function inspectFiles(
  run: Run,
  files: readonly SourceFile[],
): Promise<InspectedInputs> {
  const { source, keys } = run.job;
  return inspectInputs(
    run.table,
    files.flatMap((file) => inputOf(run, file)),
    {
      schema: source.schema,
      keyColumns: keys,
      required: source.schema.fields.map((field) => field.name),
      ...(run.signal === undefined ? {} : { signal: run.signal }),
    },
  );
}

/** What a look said of each file as a whole. Errors: `JOB_REJECTED` where the job is strict and anything is rejected. */
export function probesOf(
  run: Run,
  files: readonly SourceFile[],
  inspected: InspectedInputs,
): Probed[] {
  const whole = wholeRejections(inspected);
  const probed = files.map((file) => ({ file, probe: probeOf(file, whole.get(file.path)) }));
  if (run.strict) checkStrict(run, probed, inspected.rejected.filter(isOfRow));
  return probed;
}

/**
 * Takes a batch to the table; nothing is done where the table has it already. `inspected` is what a look at the files
 * said before they were planned, or null. The list of what is rejected is written before the commit.
 * Errors: `JOB_REJECTED` (strict), `JOB_BATCH_MISMATCH`, those of reading and committing.
 */
export async function applyBatch(
  run: Run,
  batch: Batch,
  inspected: InspectedInputs | null,
): Promise<BatchCounts> {
  const snapshot = await openSnapshot(run.table);
  if ((snapshot.txnVersion(run.checkpoint.id) ?? -1) >= batch.batch) {
    await checkApplied(run, batch);
    return NO_COUNTS;
  }
  for (let attempt = 1; ; attempt += 1) {
    const fresh = inspected === null || attempt > 1;
    const look = fresh ? await inspectPlanned(run, batch.files) : { inspected, failed: [] };
    try {
      return await commitBatch(run, batch, look);
    } catch (error) {
      const changed =
        isDeltaError(error, 'STORE_NOT_FOUND') || isDeltaError(error, 'STORE_SOURCE_CHANGED');
      if (!changed || attempt >= ATTEMPTS_MAX) throw error;
    } finally {
      if (fresh) await look.inspected.close();
    }
  }
}

/** A look at planned files: those that cannot be read any more are for the next run. */
interface Look {
  readonly inspected: InspectedInputs;
  readonly failed: readonly Failure[];
}

async function inspectPlanned(run: Run, planned: readonly PlannedFile[]): Promise<Look> {
  const files = new Map<string, SourceFile>();
  for (const { path, modifiedMs, rejected } of planned) {
    if (rejected !== null || files.has(path)) continue;
    const meta = await run.samples.head(path);
    files.set(path, meta ?? { path, modifiedMs, sizeBytes: 0, etag: null });
  }
  const inspected = await inspectFiles(run, [...files.values()]);
  const probed = probesOf(run, [...files.values()], inspected);
  const failed = probed.flatMap(({ file, probe }) =>
    probe.kind === 'ready' ? [] : [{ file, code: probe.code, reason: probe.reason }],
  );
  return { inspected, failed };
}

async function commitBatch(run: Run, batch: Batch, look: Look): Promise<BatchCounts> {
  const { inspected, failed } = look;
  const rejectedRows = inspected.rejected.filter(isOfRow);
  await run.source.settle({ seen: batch.files, failed });
  await writeRejectedList(run.rejected, batch.batch, [
    ...batch.files.flatMap(lineOfFile),
    ...rejectedRows.map((rejection) => lineOfRow(run, rejection)),
  ]);
  const files = inspected.accepted.map(({ file }) => file);
  const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  run.report({ step: 'read', batch: batch.batch, files: files.length, bytes });
  const written = files.length === 0 ? NO_ROWS : await writeToSink(run, { ...batch, inspected });
  const lineCount = badLineCount(inspected);
  const { accepted } = inspected;
  return {
    ...written,
    rowsIn: lineCount + accepted.reduce((sum, { footer }) => sum + footer.rowCount, 0),
    rejectedRows: lineCount + accepted.reduce((sum, { badKeyCount }) => sum + badKeyCount, 0),
    files: files.length,
    bytes,
    rejectedFiles: batch.files.filter((file) => file.rejected !== null).length,
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

function checkStrict(run: Run, probed: readonly Probed[], rows: readonly Rejection[]): void {
  const files = probed.flatMap(({ file: { path }, probe }) =>
    probe.kind === 'ready' ? [] : [{ path, row: null, reason: probe.reason }],
  );
  const bad = [...files, ...rows];
  const [first] = bad;
  if (first === undefined) return;
  const row = first.row === null ? '' : `, row ${first.row}`;
  const text = `${toPathUri(run.samples.uri, first.path)}${row}: ${first.reason}`;
  throw jobRejected(run.job.name, bad.length, text);
}

function inputOf(run: Run, { path, sizeBytes, modifiedMs, etag }: SourceFile): InputFile[] {
  if (etag === null) return [];
  const format = /\.parquet$/i.test(path) ? 'parquet' : 'jsonl';
  return [{ store: run.samples, path, sizeBytes, modifiedMs, etag, format }];
}

function wholeRejections(inspected: InspectedInputs): ReadonlyMap<string, Rejection> {
  const taken = new Set(inspected.accepted.map(({ file }) => file.path));
  const whole = inspected.rejected.filter(({ row, path }) => row === null && !taken.has(path));
  return new Map(whole.map((rejection) => [rejection.path, rejection]));
}

function probeOf(file: SourceFile, rejection: Rejection | undefined): Probe {
  if (file.etag === null) {
    return {
      kind: 'unreadable',
      code: 'INPUT_VANISHED',
      reason: 'the file is gone since it was listed',
    };
  }
  if (rejection === undefined) return { kind: 'ready' };
  const { code, reason, retryLater } = rejection;
  return { kind: retryLater ? 'unreadable' : 'unfit', code, reason };
}

/** What says that there were more, in a file that is taken, is listed with the rows. */
function isOfRow(this: void, rejection: Rejection): boolean {
  return rejection.row !== null || rejection.code === 'INPUT_MORE';
}

function lineOfFile({ uri, rejected }: PlannedFile): RejectedLine[] {
  return rejected === null
    ? []
    : [{ path: uri, row: null, code: rejected.code, reason: rejected.reason }];
}

function lineOfRow(run: Run, { path, row, code, reason }: Rejection): RejectedLine {
  return { path: toPathUri(run.samples.uri, path), row, code, reason };
}

// Lines that do not fit never come to the Parquet file that a text file is converted to.
function badLineCount({ accepted, rejected }: InspectedInputs): number {
  const texts = new Set(
    accepted.flatMap(({ file }) => (file.format === 'jsonl' ? [file.path] : [])),
  );
  return rejected.filter(({ path, row }) => row !== null && texts.has(path)).length;
}
