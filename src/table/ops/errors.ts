/** The errors of the operations on tables. */

import { DeltaError, messageOf } from '../../base/index.ts';

/** `NULL_NOT_ALLOWED`: a row has no value where the schema wants one. */
export function nullNotAllowed(column: string, file: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'NULL_NOT_ALLOWED',
    message:
      `the column ${column} may not be null, and the rows to write have a null there (or do not say that they have none); ` +
      'fill it, or make the column nullable',
    details: { column, file },
  });
}

/** `APPEND_SOURCE_UNFIT`: a Parquet file that was to be appended does not fit the table. */
export function sourceUnfit(path: string, code: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'APPEND_SOURCE_UNFIT',
    message: `the file ${path} does not fit the table: ${reason}; nothing was appended`,
    details: { path, reason: code },
  });
}

/** `APPEND_SOURCE_MISSING`: a Parquet file that was to be appended is not there. */
export function sourceMissing(path: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'APPEND_SOURCE_MISSING',
    message: `there is no file ${path}; nothing was appended`,
    details: { path },
  });
}

/** `ROW_IDS_MISSING`: the log of a table that keeps row ids does not tell those of some rows. */
export function rowIdsMissing(why: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'ROW_IDS_MISSING',
    message:
      `the table has delta.enableRowTracking, and ${why}; ` +
      'set the property to false and then to true, which gives new ids where there are none',
  });
}

/** `ROW_IDS_NOT_KEPT`: row ids are asked of a table that does not keep them. */
export function rowIdsNotKept(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ROW_IDS_NOT_KEPT',
    message: 'the rows of the table have no ids that stay; set delta.enableRowTracking to true',
  });
}

/** `WRITE_CONFLICT`: another commit took away what this one was built on. */
export function writeConflict(code: string, reason: string, cause?: DeltaError): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'WRITE_CONFLICT',
    message: `another writer changed what this write depends on: ${reason}; read the table again and repeat it`,
    details: { ...cause?.details, conflict: code },
    retryable: true,
    cause,
  });
}

/** `EVOLUTION_REFUSED`: the table's schema cannot grow to hold the rows; `column` is empty where no one column stands in the way. */
export function evolutionRefused(column: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EVOLUTION_REFUSED',
    message: `the table's schema cannot take the rows to write${column === '' ? '' : ` because of the column ${column}`}: ${reason}`,
    details: column === '' ? {} : { column },
  });
}

/** `TABLE_WITHOUT_COLUMNS`: the table's metadata names no column, so that there are no rows to speak of. */
export function tableWithoutColumns(version: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_WITHOUT_COLUMNS',
    message:
      'the table has no columns, so no rows can be read from it; add columns first, or read a version that has some',
    details: { version },
  });
}

/** `TABLE_WITHOUT_COLUMNS`: rows of the table have nothing that a file could hold, and no engine reads such files. */
export function filesWithoutColumns(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'TABLE_WITHOUT_COLUMNS',
    message:
      'the table has no column that its files hold, only such of partitions or of the type void, ' +
      'so no row can be written that is read again; add a column first',
  });
}

/** `MERGE_AMBIGUOUS`: several source rows would change one row of the table. */
export function mergeAmbiguous(rowCount: number, example: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'MERGE_AMBIGUOUS',
    message:
      `several rows of the source match one row of the table${example === '' ? '' : ` (${example})`}, so that it is ` +
      'open which of them counts; make the source unique by the columns of the condition. Nothing was changed',
    details: { rows: rowCount, ...(example === '' ? {} : { example }) },
  });
}

/** `MERGE_CLAUSE`: the clauses of a merge cannot be carried out; `reason` says which and why. */
export function mergeClause(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MERGE_CLAUSE',
    message: `the merge cannot be carried out: ${reason}`,
  });
}

/** `MERGE_MEMORY`: what is given as the most memory is no size. */
export function mergeMemory(text: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MERGE_MEMORY',
    message: `the most memory of a merge is a size such as 512mb, and ${text} is none`,
    details: { maxMemory: text },
  });
}

/** `MERGE_COLUMN`: a name in a merge is no column, or could be two. */
export function mergeColumn(name: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MERGE_COLUMN',
    message: `the column ${name} of the merge ${reason}`,
    details: { column: name },
  });
}

/** `UPDATE_COLUMN`: a name in what an update sets is no column that can be; empty where there is none at all. */
export function updateColumn(name: string, reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'UPDATE_COLUMN',
    message: `the column ${name === '' ? '' : `${name} `}of the update ${reason}`,
    details: name === '' ? {} : { column: name },
  });
}

/** `INPUT_LINE_TOO_LONG`: a line of a text file is longer than is held in memory. */
export function lineTooLong(path: string, line: number, bytesMax: number): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'INPUT_LINE_TOO_LONG',
    message: `line ${String(line)} of ${path} is longer than a line may be; is the file JSON lines?`,
    details: { path, line, bytesMax },
  });
}

/** `INPUT_BAD_LINE`: a line of a text file is no row. */
export function lineInvalid(path: string, line: number, reason: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'INPUT_BAD_LINE',
    message: `line ${String(line)} of ${path} is not a row: ${reason}; nothing was written`,
    details: { path, line },
  });
}

/** `INPUT_BAD_VALUE`: as the room `parquet` tells it, for columns that no file holds. */
export function partitionValueUnfit(rowIndex: number, column: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'INPUT_BAD_VALUE',
    message: `A value does not fit its column: ${messageOf(cause)}.`,
    details: { rowIndex, column },
    cause,
  });
}

/** `INPUT_TYPE_UNKNOWN`: a column of a file has a type that Delta has none for. */
export function columnTypeUnknown(column: string, type: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'INPUT_TYPE_UNKNOWN',
    message: `the column ${column} of the file has the type ${type}, which no Delta table can hold; leave it out`,
    details: { column, type },
  });
}

/** `ENGINE_ENCODING`: a column of a file is written in a way that the engine does not read. */
export function encodingUnreadable(path: string, column: string, encoding: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'ENGINE_ENCODING',
    message:
      `the column ${column} of the file ${path} is encoded by ${encoding}, which cannot be read for its type; ` +
      'write the file again without that encoding, by the engine that made it',
    details: { path, column, encoding },
  });
}

/** `MERGE_SOURCE_MIXED`: a column has types in the files of a source that no one type can hold. */
export function sourceTypesMixed(
  path: string,
  {
    column,
    type,
    others,
  }: { readonly column: string; readonly type: string; readonly others: string },
): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MERGE_SOURCE_MIXED',
    message:
      `the files of the source do not go together: the column ${column} is ${type} in ${path}, and ${others} in those ` +
      'before it; bring the files to one type, or merge them one by one',
    details: { path, column, type, others },
  });
}

/** `MERGE_SOURCE_TYPE`: a column of rows whose type nothing tells. */
export function sourceTypeOpen(column: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'MERGE_SOURCE_TYPE',
    message: `the type of the source's column ${column} is open: the table has none of that name; give the rows a schema`,
    details: { column },
  });
}

/** `OPTIMIZE_INVALID`: what was asked of an optimize cannot be done; `reason` says why. */
export function optimizeInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'OPTIMIZE_INVALID',
    message: `the table cannot be optimized so: ${reason}`,
  });
}

/** `CHANGES_RANGE`: a range of versions that ends before it starts, or after the newest one. */
export function changesRange(fromVersion: number, toVersion: number, latest: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CHANGES_RANGE',
    message:
      `there are no changes from version ${fromVersion} to ${toVersion}: the first may not be after the last, ` +
      `and the table is at version ${latest}`,
    details: { fromVersion, toVersion, latest },
  });
}

/** `CHANGES_NOT_RECORDED`: the change data feed was off at a version. */
export function changesNotRecorded(version: number): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CHANGES_NOT_RECORDED',
    message:
      `changes were not recorded at version ${version}: delta.enableChangeDataFeed was not true then; ` +
      'start from a later version, or compare two versions of the table instead',
    details: { version },
  });
}

/** `CHANGES_GONE`: the commit of a version is not in the log any more; checkpoints do not tell what changed. */
export function changesGone(version: number, earliest: number | null): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CHANGES_GONE',
    message:
      `the commit of version ${version} is not in the log any more, and only it tells what changed; ` +
      `the first one that is there is that of version ${String(earliest)}`,
    details: { version, earliest },
  });
}

/** `VARIANT_MALFORMED`: columns of a file that are no variant. */
export function variantMalformed(why: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'VARIANT_MALFORMED',
    message: `a variant cannot be put together from its file: ${why}; write the file again with the engine that made it`,
  });
}
