/** All errors of the stores. */

import { DeltaError, messageOf } from '../base/index.ts';
import type { StorePath } from './types.ts';

/** Where an error came up: which verb, on which store and path. */
export interface StoreCall {
  readonly verb: string;
  readonly uri: string;
  readonly path: StorePath;
}

export function notFound(call: StoreCall, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'STORE_NOT_FOUND',
    message: 'There is no such object; it was never written, or it has been deleted.',
    details: { ...call },
    cause,
  });
}

export function alreadyExists(call: StoreCall, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_EXISTS',
    message:
      'An object of this name is there already; files and copies are written to fresh names only.',
    details: { ...call },
    cause,
  });
}

export function sourceChanged(call: StoreCall, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'STORE_SOURCE_CHANGED',
    message: 'The source changed while it was copied, or since it was listed; list it again.',
    details: { ...call },
    retryable: true,
    cause,
  });
}

export function denied(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_DENIED',
    message: `The store refused access (${messageOf(cause)}); check credentials and rights.`,
    details: { ...call },
    cause,
  });
}

export function noBucket(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_NO_BUCKET',
    message: `The bucket is not there (${messageOf(cause)}); create it, or check its name and region.`,
    details: { ...call },
    cause,
  });
}

export function noEndpoint(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_NO_ENDPOINT',
    message: `No server answers (${messageOf(cause)}); check the endpoint, the region and the network.`,
    details: { ...call },
    cause,
  });
}

/** `retryable` where the same call may work a moment later. */
export function unavailable(call: StoreCall, cause: unknown, retryable: boolean): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_UNAVAILABLE',
    message: `The store could not do this (${messageOf(cause)}); try again later.`,
    details: { ...call },
    retryable,
    cause,
  });
}

export function full(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_FULL',
    message: 'There is no space left where the object should be written; make room.',
    details: { ...call },
    cause,
  });
}

export function outcomeUnknown(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'STORE_OUTCOME_UNKNOWN',
    message: `The answer to a conditional write never came (${messageOf(cause)}); read the object to learn whether it was written.`,
    details: { ...call },
    cause,
  });
}

export function unsupportedByServer(call: StoreCall, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unsupported',
    code: 'STORE_UNSUPPORTED',
    message: `The server does not know this request (${messageOf(cause)}); use one that has conditional PUT.`,
    details: { ...call },
    cause,
  });
}

/** A planned crash of a `faultyStore`: the process it stands for does nothing any more. */
export function crashed(call: StoreCall): DeltaError {
  return new DeltaError({
    kind: 'internal',
    code: 'STORE_CRASHED',
    message: 'The process has crashed, as the plan of faults says; go on with another store.',
    details: { ...call },
  });
}

export function badPath(path: StorePath, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_BAD_PATH',
    message: `This is not the path of an object: ${why}.`,
    details: { path },
  });
}

export function badUri(uri: string, why: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'STORE_BAD_URI',
    message: `No store can be opened here: ${why}. Give a path, file:///…, s3://bucket/… or memory://name.`,
    details: { uri },
  });
}

const A_FILE_IN_THE_WAY = 'a file is where it needs a folder, or a folder where it needs a file';

/** A failure of the disk, told in the stores' own codes. */
export function diskError(call: StoreCall, error: unknown): DeltaError {
  if (error instanceof DeltaError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return notFound(call, error);
    case 'EEXIST':
      return isMkdir(error) ? badPath(call.path, A_FILE_IN_THE_WAY) : alreadyExists(call, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return denied(call, error);
    case 'ENOSPC':
    case 'EDQUOT':
      return full(call, error);
    case 'ENOTDIR':
    case 'EISDIR':
      return isRead(call) ? notFound(call, error) : badPath(call.path, A_FILE_IN_THE_WAY);
    case 'ENAMETOOLONG':
      return badPath(call.path, 'it is too long for this disk');
    default:
      return unavailable(call, error, code === 'EMFILE' || code === 'ENFILE' || code === 'EAGAIN');
  }
}

function isRead(call: StoreCall): boolean {
  return call.verb === 'get' || call.verb === 'getRange';
}

function isMkdir(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && error.syscall === 'mkdir';
}
