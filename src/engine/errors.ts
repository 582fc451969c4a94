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
  const text = messageOf(error).trimEnd();
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
