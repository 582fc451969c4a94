/** Every error of the room `jobs`. */

import { pathToFileURL } from 'node:url';

import { DeltaError, type ErrorDetails, messageOf } from '../base/index.ts';
import type { KafkaLoss } from '../stream/index.ts';

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

/** A job that would start over on a table that it filled with another checkpoint. */
export function checkpointLost(table: string, job: string, checkpoint: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'JOB_CHECKPOINT_LOST',
    message:
      'the table holds rows that this job brought with another checkpoint, and from a new one it would bring them again. ' +
      'Put that checkpoint back; or delete the table too, and it is filled anew; or, where the rows are to come twice, ' +
      'give the job another name',
    details: { table, job, checkpoint },
  });
}

/** Progress is either in the table, by workers, or in the checkpoint: who looks in the other place would begin anew. */
export function checkpointTaken(checkpoint: string, byWorkers: boolean): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'JOB_CHECKPOINT_TAKEN',
    message:
      `the checkpoint was begun ${byWorkers ? 'by workers' : 'without workers'}, and the job is now ` +
      `${byWorkers ? 'without' : 'with'} them: it would not know what was taken. Put the job's \`workers\` back as it ` +
      'was, or give it a new checkpoint, and say by source.startingOffsets where it begins',
    details: { checkpoint },
  });
}

/** Another worker has committed a range of the partition in between: what was read is dropped, and looked for anew. */
export function rangeStale(table: string): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'JOB_RANGE_STALE',
    message:
      'another worker has moved a partition of this batch on; nothing of the batch was committed, and what is left of it ' +
      'is taken from where the table stands now',
    details: { table },
    retryable: true,
  });
}

export function batchMismatch(table: string, batch: number): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'JOB_BATCH_MISMATCH',
    message:
      'the table holds this batch already, but made from other offsets: two checkpoints share an id, or one was ' +
      'put back to an older state. Put the checkpoint back that made the table, or delete both to start over',
    details: { table, batch },
  });
}

/** Duplicates cannot be told from what the sink holds where it lacks their key. */
export function keyNotInSink(job: string, column: string): DeltaError {
  return configInvalid(
    `jobs.${job}.dropDuplicates.columns`,
    `the rows that come to the sink have no column ${JSON.stringify(column)}; let the transform select it`,
  );
}

export function secretMissing(variable: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SECRET_MISSING',
    message: `the environment variable ${variable} is not set, and the configuration names it as a secret`,
    details: { variable },
  });
}

const LOSS: Readonly<Record<KafkaLoss['kind'], string>> = {
  expired: 'messages are gone that were not read yet: the topic keeps them for too short a time',
  rewound: 'the partition ends before what was read of it: its topic was made anew',
  removed: 'the partition is not there any more',
};

/** Before the batch that would go on without them is planned. */
export function offsetsLost(job: string, loss: KafkaLoss): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'KAFKA_OFFSETS_LOST',
    message: `${LOSS[loss.kind]}. To go on without them, and have them counted, set source.onDataLoss to "count"`,
    details: { job, ...loss },
  });
}

/** A file that the configuration names, such as a certificate or a schema. */
export function fileMissing(file: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_FILE_MISSING',
    message: `a file that the configuration names cannot be read: ${messageOf(cause)}`,
    details: { file },
    cause,
  });
}

/** A column that the key of a topic's messages is made of. */
export function messageKeyMissing(topic: string, column: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MESSAGE_KEY_MISSING',
    message: `the key of the messages needs the column ${column}, and the rows have none; select it, or change the key`,
    details: { topic, column },
  });
}

/** A field that every message must have. */
export function messageFieldMissing(field: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MESSAGE_FIELD_MISSING',
    message:
      `the Avro schema of the messages needs the field ${field}, and the rows have no column of that name. ` +
      'Select it, or make the field a union with null',
    details: { field },
  });
}

/** A file of the folder whose keys cannot be read: whether a message is a duplicate cannot be known. */
export function keyUnreadable(location: string, path: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'SINK_KEYS_UNREADABLE',
    message: `the keys of a file of the sink cannot be read: ${reason}. Write it again, or move it out of the folder`,
    details: { location, path },
  });
}

/** Files whose columns do not go with those that the job declares. */
export function sourceMismatch(job: string, column: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'JOB_SOURCE_MISMATCH',
    message: `the column ${column} of the files does not go with the job's source.schema: ${reason}`,
    details: { job, column },
  });
}
