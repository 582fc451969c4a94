/** The part of the AWS SDK that the Glue catalog calls, and its errors in the catalog's words. */

import type * as sdk from '@aws-sdk/client-glue';

import type { DeltaError } from '../base/index.ts';
import { wasNotSent } from '../store/index.ts';
import { conflict, denied, noEndpoint, noRegion, refused, unavailable } from './errors.ts';

type Answer<T> = Promise<Omit<T, '$metadata'>>;

/** What `Glue` of `@aws-sdk/client-glue` does, as far as it is used here. */
export interface GlueApi {
  getTable(input: sdk.GetTableCommandInput): Answer<sdk.GetTableCommandOutput>;
  createTable(input: sdk.CreateTableCommandInput): Answer<sdk.CreateTableCommandOutput>;
  updateTable(input: sdk.UpdateTableCommandInput): Answer<sdk.UpdateTableCommandOutput>;
  createDatabase(input: sdk.CreateDatabaseCommandInput): Answer<sdk.CreateDatabaseCommandOutput>;
  getDatabases(input: sdk.GetDatabasesCommandInput): Answer<sdk.GetDatabasesCommandOutput>;
  getTables(input: sdk.GetTablesCommandInput): Answer<sdk.GetTablesCommandOutput>;
  getPartitions(input: sdk.GetPartitionsCommandInput): Answer<sdk.GetPartitionsCommandOutput>;
  batchCreatePartition(
    input: sdk.BatchCreatePartitionCommandInput,
  ): Answer<sdk.BatchCreatePartitionCommandOutput>;
  batchUpdatePartition(
    input: sdk.BatchUpdatePartitionCommandInput,
  ): Answer<sdk.BatchUpdatePartitionCommandOutput>;
  batchDeletePartition(
    input: sdk.BatchDeletePartitionCommandInput,
  ): Answer<sdk.BatchDeletePartitionCommandOutput>;
}

export interface GlueConnection {
  /** Default: what the SDK finds (`AWS_REGION`, the profile). */
  readonly region?: string;
  /** Default: what the SDK finds (`AWS_ENDPOINT_URL_GLUE`, `AWS_ENDPOINT_URL`), else AWS itself. */
  readonly endpoint?: string;
}

/** Loads the SDK, which costs start-up time, and makes a client that leaves retries to us. */
export async function connectGlue(connection: GlueConnection): Promise<GlueApi> {
  const { Glue } = await import('@aws-sdk/client-glue');
  return new Glue({
    ...(connection.region === undefined ? {} : { region: connection.region }),
    ...(connection.endpoint === undefined ? {} : { endpoint: connection.endpoint }),
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
  });
}

/** The name of the service's error, or '' where the error is another. */
export function glueErrorName(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** Any error of a call, by its type. */
export function fromGlue(operation: string, error: unknown): DeltaError {
  const name = glueErrorName(error);
  if (error instanceof Error && error.message === 'Region is missing') return noRegion(error);
  if (CONFLICTS.has(name)) return conflict(operation, error);
  if (DENIALS.has(name)) return denied(operation, error);
  if (wasNotSent(error)) return noEndpoint(operation, error);
  return isUnavailable(name, error) ? unavailable(operation, error) : refused(operation, error);
}

const CONNECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 30_000;

const CONFLICTS: ReadonlySet<string> = new Set([
  'ConcurrentModificationException',
  'AlreadyExistsException',
  'EntityNotFoundException',
]);

const DENIALS: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
]);

const OUTAGES: ReadonlySet<string> = new Set([
  'InternalFailure',
  'InternalServiceException',
  'OperationTimeoutException',
  'RequestLimitExceeded',
  'ServiceUnavailable',
  'ServiceUnavailableException',
  'ThrottlingException',
  'TimeoutError',
  'TooManyRequestsException',
]);

// A service names its faults; what carries no fault of the caller's is the network's or the server's.
function isUnavailable(name: string, error: unknown): boolean {
  if (OUTAGES.has(name)) return true;
  const fault = error instanceof Error && '$fault' in error ? error.$fault : undefined;
  return fault !== 'client' && (fault === 'server' || hasErrnoCode(error));
}

function hasErrnoCode(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^E[A-Z_]+$/.test(String(error.code));
}
