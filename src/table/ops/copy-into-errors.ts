/** The errors of loading files into a table, each once. */

import { DeltaError } from '../../base/index.ts';

/** `COPY_INTO_INVALID`: what was asked cannot be done. */
export function copyIntoInvalid(reason: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COPY_INTO_INVALID',
    message: `files cannot be loaded so: ${reason}`,
  });
}

/** `COPY_INTO_FORGETS`: the table would forget which files it has. */
export function copyIntoForgets(retention: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'COPY_INTO_FORGETS',
    message:
      `the table forgets transactions after ${retention} (delta.setTransactionRetentionDuration), and by them it knows which ` +
      'files it has loaded: they would be loaded again; unset the property first',
    details: { retention },
  });
}

/** `COPY_INTO_REJECTED`: a file does not fit; nothing of its batch was loaded. */
export function copyIntoRejected(
  path: string,
  {
    code,
    reason,
    count,
  }: { readonly code: string; readonly reason: string; readonly count: number },
): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'COPY_INTO_REJECTED',
    message:
      `the file ${path} cannot be loaded: ${reason}; nothing of its batch was: put it right or take it away, ` +
      'or leave such files out by onBadFile: skip',
    details: { path, reason: code, files: count },
  });
}
