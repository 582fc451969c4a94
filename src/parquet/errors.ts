/** Every error of this room. */

import { DeltaError, type ErrorDetails } from '../base/index.ts';

/** What a decoder makes its errors with: a clause that says why the bytes cannot be true. */
export type Corrupt = (why: string) => DeltaError;

export function emptyFile(file: string): DeltaError {
  return data('PARQUET_EMPTY_FILE', 'The file is empty: no Parquet file has 0 bytes.', { file });
}

export function notParquet(file: string): DeltaError {
  return data(
    'PARQUET_NOT_PARQUET',
    'The file is not Parquet: it neither starts nor ends with the magic bytes PAR1.',
    { file },
  );
}

export function truncated(file: string, why: string): DeltaError {
  return data(
    'PARQUET_TRUNCATED',
    `The Parquet file is cut off: ${why}. It may still be being written; write it again otherwise.`,
    { file },
  );
}

export function corruptFooter(file: string, why: string): DeltaError {
  return data(
    'PARQUET_CORRUPT_FOOTER',
    `The footer of the Parquet file cannot be read: ${why}. Write the file again.`,
    { file },
  );
}

export function corruptData(file: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'PARQUET_CORRUPT_DATA',
    message: 'The pages of the Parquet file cannot be decoded. Write the file again.',
    details: { file },
    cause,
  });
}

export function encrypted(file: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'PARQUET_ENCRYPTED',
    message: 'The Parquet file is encrypted, which is not supported: hand it in decrypted.',
    details: { file },
  });
}

export function unreadable(file: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'PARQUET_UNREADABLE',
    message: 'The local Parquet file cannot be read: see the cause, and check that it is there.',
    details: { file },
    cause,
  });
}

export function unknownRowGroup(file: string, rowGroup: number): DeltaError {
  return data(
    'PARQUET_UNKNOWN_ROW_GROUP',
    'The Parquet file has no row group of this number: they count from 0.',
    { file, rowGroup },
  );
}

export function unwritable(file: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'PARQUET_UNWRITABLE',
    message: 'The local copy of a Parquet file cannot be written: see the cause, and the disk.',
    details: { file },
    cause,
  });
}

/** Arrow data of a type that the encoder does not know. */
export function unencodable(cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'PARQUET_UNENCODABLE',
    message: 'The Arrow data cannot be written as Parquet: see the cause, and cast what it names.',
    cause,
  });
}

export function mixedTables(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'PARQUET_MIXED_TABLES',
    message:
      'The Arrow tables for one file have different columns: bring them to one schema first.',
  });
}

/** A value that its column cannot hold. */
export function badValue(
  where: { readonly rowIndex: number; readonly column: string },
  why: string,
  cause?: unknown,
): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'INPUT_BAD_VALUE',
    message: `A value does not fit its column: ${why}.`,
    details: { rowIndex: where.rowIndex, column: where.column },
    cause,
  });
}

/** A row that is no object, and so has no columns. */
export function badRow(rowIndex: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'INPUT_BAD_VALUE',
    message: 'A row is not an object: hand in objects that have the columns as members.',
    details: { rowIndex },
  });
}

/** A Delta type that has no Parquet counterpart here. */
export function unsupportedType(column: string, type: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'PARQUET_UNSUPPORTED_TYPE',
    message: 'Columns of this type cannot be written to Parquet: leave the column out.',
    details: { column, type },
  });
}

function data(code: string, message: string, details: ErrorDetails): DeltaError {
  return new DeltaError({ kind: 'data', code, message, details });
}
