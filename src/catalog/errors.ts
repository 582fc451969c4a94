/** Every error of the room. */

import { DeltaError, isDeltaError, messageOf } from '../base/index.ts';
import type { TableName } from './types.ts';

export function unavailable(operation: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'CATALOG_UNAVAILABLE',
    message: `the catalog did not answer: ${messageOf(cause)}; try again later, or check its address`,
    details: { operation },
    retryable: true,
    cause,
  });
}

/** Not retried: nothing listens at the address, or the caller has waited long enough for a connection. */
export function noEndpoint(operation: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'unavailable',
    code: 'CATALOG_NO_ENDPOINT',
    message: `no catalog answers: ${reasonOf(cause)}; check the endpoint, the region and the network`,
    details: { operation },
    cause,
  });
}

export function denied(operation: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CATALOG_DENIED',
    message: `the catalog refuses these credentials: ${messageOf(cause)}; grant them the operation`,
    details: { operation },
    cause,
  });
}

export function refused(operation: string, cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CATALOG_REFUSED',
    message: `the catalog does not accept the request: ${messageOf(cause)}`,
    details: { operation },
    cause,
  });
}

export function noRegion(cause: unknown): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CATALOG_NO_REGION',
    message: 'Glue needs a region: set it in the catalog options, or AWS_REGION',
    cause,
  });
}

/** Another writer changed the entry meanwhile; reading it again and deciding anew may succeed. */
export function conflict(what: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'CATALOG_CONFLICT',
    message: `another writer keeps changing ${what}; try again when it is done`,
    retryable: true,
    cause,
  });
}

/** The name belongs to a view or to a table of another format, which is not ours to replace. */
export function nameTaken(name: TableName, by: string): DeltaError {
  return new DeltaError({
    kind: 'conflict',
    code: 'CATALOG_NAME_TAKEN',
    message: `${name.database}.${name.table} is ${by}; choose another name, or drop that entry first`,
  });
}

export function badEntry(name: TableName, why: string, cause?: unknown): DeltaError {
  return new DeltaError({
    kind: 'data',
    code: 'CATALOG_BAD_ENTRY',
    message: `the catalog entry of ${name.database}.${name.table} cannot be used: ${why}; register the table again`,
    cause,
  });
}

export function noTable(name: TableName): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CATALOG_NO_TABLE',
    message: `the catalog has no table ${name.database}.${name.table}; register it first`,
  });
}

export function badName(name: string): DeltaError {
  return new DeltaError({
    kind: 'invalid',
    code: 'CATALOG_BAD_NAME',
    message: `${JSON.stringify(name)} cannot name a database or table: use letters, digits, _ and -`,
  });
}

export interface PartitionFailure {
  readonly values: readonly string[];
  readonly reason: string;
}

/** Some partitions of a batch were not taken; the others were. */
export function partitionsRefused(
  name: TableName,
  failures: readonly PartitionFailure[],
): DeltaError {
  const shown = failures
    .slice(0, PARTITIONS_SHOWN_MAX)
    .map((failure) => `(${failure.values.join(', ')}): ${failure.reason}`);
  return new DeltaError({
    kind: 'invalid',
    code: 'CATALOG_PARTITIONS_REFUSED',
    message: `the catalog refused partitions of ${name.database}.${name.table}: ${shown.join('; ')}`,
    details: { refusedCount: failures.length },
  });
}

const PARTITIONS_SHOWN_MAX = 3;

/** An error of the store that holds a file catalog, in the catalog's words. */
export function fromStore(operation: string, error: unknown): unknown {
  if (!isDeltaError(error)) return error;
  if (error.code === 'STORE_DENIED') return denied(operation, error);
  return error.kind === 'unavailable' ? unavailable(operation, error) : error;
}

/** The network's own errors may have no text but a code: one for each address that was tried. */
function reasonOf(error: unknown): string {
  const message = messageOf(error);
  if (message !== '') return message;
  return error instanceof Error && 'code' in error ? String(error.code) : 'no reason given';
}
