/** What S3, its SDK and the network say, told in the stores' own codes. */

import { DeltaError } from '../base/index.ts';
import {
  denied,
  noBucket,
  noEndpoint,
  notFound,
  outcomeUnknown,
  sourceChanged,
  type StoreCall,
  unavailable,
  unsupportedByServer,
} from './errors.ts';

/** Answers of S3 that mean something whatever their HTTP status says. */
const DENIED_NAMES = new Set([
  'AccessDenied',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenProviderError',
  // versitygw's InvalidAccessKeyId, which comes with status 404.
  'XAdminUserNotFound',
]);
const NO_BUCKET_NAMES = new Set([
  'AuthorizationHeaderMalformed',
  'InvalidBucketName',
  'NoSuchBucket',
  'PermanentRedirect',
]);
const RETRYABLE_NAMES = new Set([
  'ConditionalRequestConflict',
  'OperationAborted',
  'RequestTimeout',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TimeoutError',
]);

/** The connection was never made, so that nothing can have happened. */
const NOT_SENT_CODES = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ERR_INVALID_URL',
]);
/** The connection broke; what was sent may have arrived. */
const BROKEN_CODES = new Set([
  'ECONNABORTED',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ETIMEDOUT',
]);

/** An error of a call that may be repeated. */
export function s3Error(call: StoreCall, error: unknown): DeltaError {
  if (error instanceof DeltaError) return error;
  const { name, code, status } = factsOf(error);
  if (DENIED_NAMES.has(name)) return denied(call, error);
  if (NO_BUCKET_NAMES.has(name)) return noBucket(call, error);
  if (wasNotSent(error) || isRegionMissing(error)) return noEndpoint(call, error);
  const isBroken = BROKEN_CODES.has(code) || NOT_SENT_CODES.has(code);
  if (isBroken || RETRYABLE_NAMES.has(name)) return unavailable(call, error, true);
  if (status === 501) return unsupportedByServer(call, error);
  if (status === 429 || status >= 500) return unavailable(call, error, true);
  if (status === 401 || status === 403) return denied(call, error);
  // A listing of nothing is empty, so that it is the bucket that is missing, or a server that is no S3.
  if (status === 404) return call.verb === 'list' ? noBucket(call, error) : notFound(call, error);
  if (status === 412) return sourceChanged(call, error);
  return unavailable(call, error, false);
}

/**
 * An error of a conditional write, sent once: where the server may have done it without the answer arriving, nothing
 * but reading back tells, and a repetition would lose a race against itself.
 */
export function conditionalWriteError(call: StoreCall, error: unknown): DeltaError {
  const known = s3Error(call, error);
  return known.code === 'STORE_UNAVAILABLE' && mayHaveArrived(error)
    ? outcomeUnknown(call, error)
    : known;
}

/** Whether the server may have done what an AWS SDK tells as failed: it neither refused it nor was never asked. */
export function mayHaveArrived(error: unknown): boolean {
  const { name, status } = factsOf(error);
  const wasRefused = (status >= 400 && status < 500) || name === 'ConditionalRequestConflict';
  return !wasRefused && !wasNotSent(error);
}

/** Whether a request of an AWS SDK never left, because nothing answers at its address. */
export function wasNotSent(error: unknown): boolean {
  const { code, syscall } = factsOf(error);
  // A connection that was made can end in the same ways.
  if (NOT_SENT_CODES.has(code) && !['read', 'write'].includes(syscall)) return true;
  // The SDK's clock for connecting ran out, not the one for answers.
  return (
    error instanceof Error &&
    error.name === 'TimeoutError' &&
    error.message.includes('did not establish a connection')
  );
}

/** The HTTP status of an answer, or 0 where none came. */
export function statusOf(error: unknown): number {
  return factsOf(error).status;
}

/** The name S3 gives to an error, or '' where it gave none. */
export function nameOf(error: unknown): string {
  return factsOf(error).name;
}

function factsOf(error: unknown): { name: string; code: string; syscall: string; status: number } {
  if (!(error instanceof Error)) return { name: '', code: '', syscall: '', status: 0 };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const syscall = 'syscall' in error && typeof error.syscall === 'string' ? error.syscall : '';
  const metadata = '$metadata' in error ? error.$metadata : null;
  const status =
    typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata
      ? Number(metadata.httpStatusCode ?? 0)
      : 0;
  return { name: error.name, code, syscall, status };
}

function isRegionMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Region is missing');
}
