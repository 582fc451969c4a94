/** Every error of the room. */

import { DeltaError, type ErrorKind, messageOf } from '../base/index.ts';

/** The prefixes DuckDB gives its messages, and what a caller can do about each. */
const FAILURES: readonly {
  readonly prefix: RegExp;
  readonly kind: ErrorKind;
  readonly code: string;
  readonly advice: string;
}[] = [
  {
    prefix: /^Out of Memory Error/,
    kind: 'unavailable',
    code: 'ENGINE_OUT_OF_MEMORY',
    advice: 'raise the memory limit or give the temp directory more space',
  },
  {
    prefix: /^INTERRUPT Error/i,
    kind: 'unavailable',
    code: 'ENGINE_INTERRUPTED',
    advice: 'the statement was stopped before it ended',
  },
  {
    // What the machine lacks says nothing against the file.
    prefix: /^IO Error: .*(No space left on device|Disk quota exceeded|Too many open files)/,
    kind: 'unavailable',
    code: 'ENGINE_DISK',
    advice: 'make room on the disk, or allow the process more files',
  },
  {
    prefix: /^(IO|HTTP) Error/,
    kind: 'data',
    code: 'ENGINE_IO',
    advice: 'look at the named file',
  },
  {
    prefix: /^Permission Error/,
    kind: 'invalid',
    code: 'ENGINE_DENIED',
    advice: 'the file is outside the folders this session may touch',
  },
  {
    prefix: /^(Conversion|Out of Range|Invalid Input|Mismatch Type|Invalid) Error/,
    kind: 'data',
    code: 'ENGINE_VALUE',
    advice: 'a value does not fit what was asked of it',
  },
  {
    prefix: /^(Parser|Binder|Catalog|Syntax|Not implemented) Error/,
    kind: 'invalid',
    code: 'ENGINE_SQL',
    advice: 'the statement is not one that the engine can run',
  },
];

/** An error of the native engine, sorted by what a caller can do about it. */
export function engineFailure(error: unknown, operation: string): DeltaError {
  // The engine's picture of the statement shows what was made of the user's words, over several lines.
  const text = messageOf(error)
    .replace(/\s*\bLINE \d+:[^]*$/, '')
    .trimEnd();
  const known = FAILURES.find((failure) => failure.prefix.test(text));
  return new DeltaError({
    kind: known?.kind ?? 'internal',
    code: known?.code ?? 'ENGINE_FAILED',
    message: `the engine failed to ${operation}: ${text}${known === undefined ? '' : ` (${known.advice})`}`,
    cause: error,
  });
}

export function engineMissing(error: unknown): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'ENGINE_MISSING',
    message:
      'the relational engine could not be loaded; install the package with its optional native parts on a platform ' +
      `that DuckDB supports: ${messageOf(error)}`,
    cause: error,
  });
}

export function sessionClosed(): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'ENGINE_CLOSED',
    message: 'the engine session is closed; open another one',
  });
}

export function valueUnsupported(typeName: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'ENGINE_TYPE_UNSUPPORTED',
    message: `a result column has the type ${typeName}, which has no Delta counterpart; cast it`,
  });
}

/** A field of a struct whose values do not come out of the engine. */
export function fieldUnreadable(name: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'ENGINE_TYPE_UNSUPPORTED',
    message: `a struct has a field of the name ${name}, which cannot be read; rename it, or read other fields by name`,
    details: { field: name },
  });
}

/** A part of an expression that the engine would not compute exactly as Spark does. */
export function expressionUnsupported(what: string): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'EXPRESSION_UNSUPPORTED',
    message: `an expression uses ${what}, which is not supported; write it another way`,
    details: { what },
  });
}

/** The operands have types that Spark itself would refuse. */
export function expressionType(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_TYPE',
    message: `the types in an expression do not fit: ${reason}; add a CAST or change the operands`,
  });
}

/** An aggregate where there is one row at a time, or inside another aggregate. */
export function aggregateMisplaced(name: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_AGGREGATE',
    message:
      `the aggregate ${name}() stands where rows are looked at one by one; ` +
      'aggregates belong into the items of a select, and not into one another',
    details: { function: name },
  });
}

/** A column of an item that has no single value in a group. */
export function expressionNotGrouped(column: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_NOT_GROUPED',
    message:
      `rows are grouped, and the column ${column} may have several values in a group; ` +
      'name it in groupBy, or put it into an aggregate such as max()',
    details: { column },
  });
}

export function castRefused(from: string, to: string): DeltaError {
  return expressionType(`a ${from} cannot be cast to ${to}`);
}

/** No column of that name; `known` are the names nearest to it. */
export function expressionNoColumn(name: string, known: readonly string[]): DeltaError {
  const hint = known.length === 0 ? 'there are no columns here' : `near names: ${known.join(', ')}`;
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_NO_COLUMN',
    message: `an expression names the column ${name}, which is not there; ${hint}`,
    details: { column: name },
  });
}

export function expressionAmbiguous(name: string, sources: readonly string[]): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'EXPRESSION_AMBIGUOUS',
    message: `an expression names the column ${name}, which is in ${sources.join(' and in ')}; qualify it`,
    details: { column: name },
  });
}

/** A column of a file whose type cannot become that of the table's field. */
export function fileTypeUnfit(path: string, found: string, wanted: string): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'ENGINE_FILE_TYPE',
    message: `a data file holds the column ${path} as ${found}, which does not become ${wanted}; the file does not belong to this schema`,
    details: { column: path, found, wanted },
  });
}

export function queryInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'QUERY_INVALID',
    message: `this is not a query that can be run: ${reason}; one SELECT is wanted`,
  });
}
