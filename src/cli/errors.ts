/** What can be wrong with a command line. */

import { DeltaError } from '../base/index.ts';

export const STOPPED = 'STOPPED';

export function stopped(signal: string): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: STOPPED,
    message: 'stopped before the end; what was committed stands, and nothing else was done',
    details: { signal },
    retryable: true,
  });
}

export function configMissing(fileName: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CONFIG_NEEDED',
    message: `this needs a configuration: name one with --config, or run where ${fileName} is`,
  });
}

export function databaseMissing(table: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'DATABASE_NEEDED',
    message: `"${table}" names no database and there is no configuration to name one: write db.table, a path with a slash, or give --config`,
  });
}

export function tableUnknown(table: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_UNKNOWN',
    message: `the catalog has no table ${table}; \`deltawright tables\` lists those it has`,
  });
}

export function sourceMissing(source: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SOURCE_MISSING',
    message: `there is no file ${source}`,
  });
}

export function sourceUnknown(source: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SOURCE_UNKNOWN',
    message: `${source} is neither a .parquet or .jsonl file nor a folder that holds any`,
  });
}

export function sourceMixed(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SOURCE_MIXED',
    message:
      'Parquet and JSON-lines files cannot enter in one commit; append them one after the other',
  });
}

export function sourceValueUnfit(
  where: { readonly file: string; readonly line: number; readonly column: string },
  reason: string,
): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'SOURCE_BAD_VALUE',
    message: `line ${where.line} of ${where.file} does not fit column ${where.column}: ${reason.replace(/^A value .* column: |\.$/g, '')}; nothing was written`,
    details: where,
  });
}

export function databaseDiffers(native: string, virtual: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'DATABASE_DIFFERS',
    message: `a table and its virtual table stand in one database, not in ${native} and ${virtual}`,
  });
}

export function manifestDisabled(uri: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MANIFEST_DISABLED',
    message:
      'a virtual table reads the manifest, and this table keeps none: set delta.compatibility.symlinkFormatManifest.enabled=true on it',
    details: { table: uri },
  });
}

/** After the findings have been printed: so that a scheduler sees that there were some. */
export function tableUnsound(uri: string, errors: number): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'TABLE_UNSOUND',
    message: 'the table has errors, which are listed with what to do about each',
    details: { table: uri, errors },
  });
}

export function mergeSourceMissing(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SOURCE_MISSING',
    message: 'nothing says which rows are to be merged: give --using, --using-table or --using-sql',
  });
}

export function sizeInvalid(text: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'SIZE_INVALID',
    message: `"${text}" is no size: write a number of bytes, or 64kb, 128mb, 1gb`,
  });
}
