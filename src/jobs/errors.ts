/** Every error of the room `jobs`. */

import { pathToFileURL } from 'node:url';

import { DeltaError, type ErrorDetails, messageOf } from '../base/index.ts';

export function configNotFound(file: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_NOT_FOUND',
    message: 'there is no configuration file; write one, or name it with --config',
    details: { file },
  });
}

export function configBroken(file: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_BROKEN',
    message: `the configuration file could not be loaded: ${messageOf(cause)}`,
    details: { file, ...lineIn(file, cause) },
    cause,
  });
}

/** Node tells the line of an error in the text of its stack alone. */
function lineIn(file: string, cause: unknown): { readonly line?: number } {
  const stack = cause instanceof Error ? (cause.stack ?? '') : '';
  for (const name of [pathToFileURL(file).href, file]) {
    const [, line] = stack.split(name)[1]?.match(/^:(\d+)/) ?? [];
    if (line !== undefined) return { line: Number(line) };
  }
  return {};
}

export function configNoExport(file: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_NO_EXPORT',
    message: 'the configuration file exports nothing; write `export default defineConfig({ … })`',
    details: { file },
  });
}

/** `key` is the path to the value, as `jobs.load.sink.table`. */
export function configInvalid(key: string, reason: string, details?: ErrorDetails): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_INVALID',
    message: `${key}: ${reason}`,
    details: { key, ...details },
  });
}

export function configUnknownKey(key: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_UNKNOWN_KEY',
    message: `${key}: ${reason}`,
    details: { key },
  });
}

export function unknownJob(name: string, known: readonly string[], hint: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'JOB_UNKNOWN',
    message: `there is no job ${JSON.stringify(name)}${hint}; the configuration has: ${known.join(', ') || 'none'}`,
    details: { job: name },
  });
}

/** With `--strict`, before anything of the batch is committed. */
export function jobRejected(job: string, count: number, first: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'JOB_REJECTED',
    message:
      `the job is strict and its input is not clean; nothing of this batch was committed. First: ${first}. ` +
      'Mend the input, or run without --strict to take the good rows and list the others',
    details: { job, rejected: count },
  });
}

export function tableMismatch(table: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'JOB_TABLE_MISMATCH',
    message: `the table does not fit the job's schema: ${reason}. Change the schema of the job's sink, or the table`,
    details: { table },
  });
}

export function tableReplaced(table: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'JOB_TABLE_REPLACED',
    message:
      `the table is not the one that this checkpoint has written to: ${reason}. Put the old table back, or delete the ` +
      'checkpoint to fill a new one from the source',
    details: { table },
  });
}

export function batchMismatch(table: string, batch: number): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'JOB_BATCH_MISMATCH',
    message:
      'the table holds this batch already, but made from other offsets: two checkpoints share an id, or one was ' +
      'put back to an older state. Delete the checkpoint to start over; duplicates are dropped against the table',
    details: { table, batch },
  });
}
