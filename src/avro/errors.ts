/** Every error of this room but those of the registry; what is wrong with a single message is an `AvroFault`. */

import { DeltaError, type ErrorDetails } from '../base/index.ts';

export function badSchema(place: string, why: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'AVRO_BAD_SCHEMA',
    message: `This is not an Avro schema: ${why}. Correct the schema and register it again.`,
    details: { place },
    cause,
  });
}

export function recursive(name: string): DeltaError {
  return unsupported(
    'AVRO_RECURSIVE',
    'A record holds itself, so that its columns would have no end; take the recursion out of the schema.',
    { name },
  );
}

export function schemaTooLarge(limit: string, max: number): DeltaError {
  return unsupported(
    'AVRO_SCHEMA_TOO_LARGE',
    `The schema has more ${limit} than are taken, with every named type counted where it is used.`,
    { max },
  );
}

export function notRecord(kind: string): DeltaError {
  return unsupported(
    'AVRO_NOT_RECORD',
    'Only records have columns; make the message a record with this value as a field.',
    { kind },
  );
}

/** A type that no column can hold. */
export function noColumn(column: string, why: string): DeltaError {
  return unsupported('AVRO_NO_COLUMN', `The schema has a field that is no column: ${why}.`, {
    column,
  });
}

export function incompatible(why: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'AVRO_INCOMPATIBLE',
    message: `Messages of the writer's schema cannot be read by the reader's: ${why}. Give the reader a schema that is compatible with it.`,
  });
}

/** A value that its schema does not allow; nothing of the value is in the message. */
export function badValue(field: string, why: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'AVRO_BAD_VALUE',
    message: `A value does not fit the Avro schema: ${why}.`,
    details: { field },
    cause,
  });
}

function unsupported(code: string, message: string, details: ErrorDetails): DeltaError {
  return new DeltaError({ kind: 'unsupported', code, message, details });
}
