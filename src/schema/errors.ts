/** Every error of this room. */

import { DeltaError } from '../base/index.ts';

const SHOWN_CHARS_MAX = 80;

/** A user's or a file's text, short enough for one line of a message. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : plainText(value);
  return text.length <= SHOWN_CHARS_MAX ? text : `${text.slice(0, SHOWN_CHARS_MAX)}…`;
}

function plainText(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return Object.prototype.toString.call(value) === '[object Object]' ? 'an object' : String(value);
}

export function schemaNotJson(cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SCHEMA_NOT_JSON',
    message:
      'the schema of the table is not JSON; the commit or checkpoint that holds it is corrupt',
    cause,
  });
}

/** `place` is where in the schema, as a dotted path; empty at its root. */
export function schemaMalformed(place: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SCHEMA_MALFORMED',
    message: `the schema of the table is malformed${place === '' ? '' : ` at ${place}`}: ${reason}`,
  });
}

export function typeUnsupported(name: string, place: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'SCHEMA_TYPE_UNSUPPORTED',
    message: `the type ${shown(name)}${place === '' ? '' : ` of column ${place}`} is not supported`,
    details: { type: name },
  });
}

export function typeInvalid(reason: string): DeltaError {
  return new DeltaError({ kind: 'invalid', code: 'SCHEMA_TYPE_INVALID', message: reason });
}

export function hiveTypeMissing(type: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'SCHEMA_HIVE_TYPE',
    message: `the type ${type} has no counterpart in Hive's catalog: ${reason}; change the column, or leave the table unregistered`,
  });
}

export function duplicateColumn(first: string, second: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SCHEMA_DUPLICATE_COLUMN',
    message: `columns ${shown(first)} and ${shown(second)} have the same name but for case; rename one`,
  });
}

export function columnNameInvalid(name: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SCHEMA_COLUMN_NAME',
    message: `the column name ${shown(name)} cannot be written: ${reason}; rename the column`,
  });
}

export function valueUnfit(value: unknown, type: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SCHEMA_VALUE',
    message: `the value ${shown(value)} does not fit type ${type}: ${reason}`,
    details: { type },
  });
}

export function partitionValueUnreadable(text: string, type: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SCHEMA_PARTITION_VALUE',
    message: `the partition value ${shown(text)} in the log is not a ${type}`,
    details: { type },
  });
}

export function partitionValueUnwritable(type: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'SCHEMA_PARTITION_VALUE',
    message: `a value of type ${type} cannot be a partition value: ${reason}`,
    details: { type },
  });
}

export function pathNotEncoded(path: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SCHEMA_PATH_ENCODING',
    message: `the path ${shown(path)} in the log is not URL-encoded UTF-8; the writer left a % sign unescaped`,
    details: { path },
  });
}

/** `position` counts characters from 1. */
export function expressionSyntax(text: string, position: number, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_SYNTAX',
    message: `the expression ${shown(text)} is wrong at character ${String(position)}: ${reason}`,
    details: { position },
  });
}

/** `position` counts characters from 1. */
export function typeSyntax(text: string, position: number, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SCHEMA_TYPE_SYNTAX',
    message: `the type ${shown(text)} is wrong at character ${String(position)}: ${reason}`,
    details: { position },
  });
}

export function expressionTooLarge(what: string, limit: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_TOO_LARGE',
    message: `the expression has ${what} than ${String(limit)}; write it shorter, or split it`,
    details: { limit },
  });
}

export function columnUnknown(name: string, known: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_NO_COLUMN',
    message: `there is no column ${shown(name)}; the columns are ${shown(known.join(', '))}`,
    details: { column: name },
  });
}

/** `VARIANT_CORRUPT`: bytes that are no variant. */
export function variantCorrupt(why: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'VARIANT_CORRUPT',
    message: `a variant cannot be read: ${why}; write its file again with the engine that made it`,
  });
}
