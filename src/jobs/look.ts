/** A look at files before their rows are taken: which can be read and fit, and what of them is rejected. */

import { type DeltaError, isDeltaError } from '../base/index.ts';
import { isFilled, type StructType } from '../schema/index.ts';
import { type Probe, type Probed, type SourceFile, toPathUri } from '../stream/index.ts';
import {
  type InputFile,
  type InspectedInputs,
  inspectInputs,
  prepareMergeSource,
  type PreparedInput,
  type Rejection,
} from '../table/index.ts';
import { jobRejected } from './errors.ts';
import type { FilesRun } from './files-source.ts';
import type { RejectedLine } from './rejected-list.ts';

/** What was seen. `close` removes what was converted; not before what was accepted has been used. */
export interface Look {
  /** Each file as a whole, in the order given. */
  readonly probed: readonly Probed[];
  readonly accepted: readonly PreparedInput[];
  /** Rows of accepted files. */
  readonly rejectedRows: readonly Rejection[];
  close(): Promise<void>;
}

export interface LookOptions {
  /** Files to decode whole, because one may be broken that looks fine by its footer. */
  readonly thorough: (file: SourceFile) => boolean;
  /** Text files that may still be uploading: one that ends inside a line can wait. */
  readonly mayGrow: (file: SourceFile) => boolean;
}

/**
 * Looks at footers, keys and lines. Errors: `JOB_REJECTED` where the job is strict and anything is rejected; those of a
 * store that does not answer.
 */
export async function lookAt(
  run: FilesRun,
  files: readonly SourceFile[],
  { thorough, mayGrow }: LookOptions,
): Promise<Look> {
  const inspected = await inspect(run, files);
  try {
    const broken = new Map([
      ...(await findTorn(inspected, mayGrow)),
      ...(await decodeAll(
        run,
        inspected.accepted.filter(({ file }) => thorough(file)),
      )),
    ]);
    const accepted = inspected.accepted.filter(({ file }) => !broken.has(file.path));
    const taken = new Set(accepted.map(({ file }) => file.path));
    const whole = new Map([
      ...inspected.rejected
        .filter(({ path, row }) => row === null && !taken.has(path))
        .map((rejection) => [rejection.path, probeOf(rejection)] as const),
      ...broken,
    ]);
    const probed = files.map((file) => ({
      file,
      probe: file.etag === null ? VANISHED : (whole.get(file.path) ?? READY),
    }));
    // In a file that is taken, what says that more rows were rejected stands with the rows.
    const rejectedRows = inspected.rejected.filter(({ path }) => taken.has(path));
    if (run.strict) checkStrict(run, probed, rejectedRows);
    return { probed, accepted, rejectedRows, close: () => inspected.close() };
  } catch (error) {
    await inspected.close();
    throw error;
  }
}

/** Whether an error may come from what is in a file; the engine has no name for each way in which one is broken. */
export function isAboutData(error: unknown): error is DeltaError {
  return isDeltaError(error) && (error.kind === 'data' || error.code === 'ENGINE_FAILED');
}

/** A row as the rejected place lists it. */
export function lineOfRow(run: FilesRun, { path, row, code, reason }: Rejection): RejectedLine {
  return { path: toPathUri(run.samples.uri, path), row, code, reason };
}

/** Rows that were read, and of them those that were rejected. */
export function countRows({ accepted, rejectedRows }: Look): {
  readonly rowsIn: number;
  readonly rejectedRows: number;
} {
  // Lines that do not fit never come to the Parquet file that a text file is converted to.
  const texts = new Set(
    accepted.flatMap(({ file }) => (file.format === 'jsonl' ? [file.path] : [])),
  );
  const lines = rejectedRows.filter(({ path, row }) => row !== null && texts.has(path)).length;
  return {
    rowsIn: accepted.reduce((sum, { footer }) => sum + footer.rowCount, lines),
    rejectedRows: accepted.reduce((sum, { badKeyCount }) => sum + badKeyCount, lines),
  };
}

const READY: Probe = { kind: 'ready' };
const VANISHED: Probe = {
  kind: 'unreadable',
  code: 'INPUT_VANISHED',
  reason: 'the file is gone since it was listed',
};

const TORN: Probe = {
  kind: 'unreadable',
  code: 'INPUT_TORN',
  reason: 'the file has bad lines and ends inside one, as if it were still being written',
};
const NEWLINE = 0x0a;

async function inspect(run: FilesRun, files: readonly SourceFile[]): Promise<InspectedInputs> {
  const { schema } = run;
  return inspectInputs(
    run.table,
    files.flatMap((file) => inputOf(run, file)),
    {
      schema,
      keyColumns: run.job.keys,
      // A transform sees to it what becomes of columns that are not there.
      required: run.job.transform === null ? neededColumns(schema) : run.job.keys,
      ...(run.signal === undefined ? {} : { signal: run.signal }),
    },
  );
}

/** The table makes values for the others, where files lack them. */
function neededColumns({ fields }: StructType): readonly string[] {
  return fields.filter((field) => !isFilled(field)).map(({ name }) => name);
}

function inputOf(run: FilesRun, { path, sizeBytes, modifiedMs, etag }: SourceFile): InputFile[] {
  if (etag === null) return [];
  const format = /\.parquet$/i.test(path) ? 'parquet' : 'jsonl';
  return [{ store: run.samples, path, sizeBytes, modifiedMs, etag, format }];
}

/** Text files whose last line is a part of one. */
async function findTorn(
  { accepted, rejected }: InspectedInputs,
  mayGrow: LookOptions['mayGrow'],
): Promise<ReadonlyMap<string, Probe>> {
  const badLines = new Set(
    rejected.flatMap(({ code, path }) => (code === 'INPUT_BAD_LINE' ? [path] : [])),
  );
  const torn = new Map<string, Probe>();
  for (const { file } of accepted) {
    const { store, path, sizeBytes, format } = file;
    if (format !== 'jsonl' || !badLines.has(path) || !mayGrow(file)) continue;
    const last = await store.getRange(path, { start: sizeBytes - 1, end: sizeBytes });
    if (last[0] !== NEWLINE) torn.set(path, TORN);
  }
  return torn;
}

/** The inputs that cannot be decoded, by their paths. */
async function decodeAll(
  run: FilesRun,
  inputs: readonly PreparedInput[],
): Promise<ReadonlyMap<string, Probe>> {
  const broken = new Map<string, Probe>();
  for (const input of inputs) {
    try {
      const { schema } = run;
      const decoded = await prepareMergeSource(run.table, [input], { schema });
      await decoded.close();
    } catch (error) {
      if (!isAboutData(error)) throw error;
      const { code, message: reason } = error;
      broken.set(input.file.path, { kind: 'unreadable', code, reason });
    }
  }
  return broken;
}

function probeOf({ code, reason, retryLater }: Rejection): Probe {
  return { kind: retryLater ? 'unreadable' : 'unfit', code, reason };
}

function checkStrict(run: FilesRun, probed: readonly Probed[], rows: readonly Rejection[]): void {
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
