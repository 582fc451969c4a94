/** Partitions of a Glue table, written in the batches that the service admits. */

import type * as sdk from '@aws-sdk/client-glue';
import limitConcurrency from 'p-limit';

import { conflict, partitionsRefused } from './errors.ts';
import { type GlueCalls, glueStorage } from './glue-calls.ts';
import type { PartitionDiff } from './partition-diff.ts';
import type { PartitionInput, TableName } from './types.ts';

/**
 * Creates, updates, then deletes, so that no partition is missing in between. `CATALOG_CONFLICT` where another writer
 * was there first: the caller reads the partitions again; `CATALOG_PARTITIONS_REFUSED` names what the service does not
 * take, after everything else of the same kind was written.
 */
export async function writePartitions(
  calls: GlueCalls,
  name: TableName,
  diff: PartitionDiff,
  found: readonly sdk.Partition[],
): Promise<void> {
  const others = new Map(found.map((partition) => [key(partition), partition.Parameters]));
  const glueInput = (partition: PartitionInput): sdk.PartitionInput => {
    const parameters = others.get(key(partition));
    return {
      Values: [...partition.Values],
      StorageDescriptor: glueStorage(partition.StorageDescriptor),
      ...(parameters === undefined ? {} : { Parameters: parameters }),
    };
  };
  const steps = [
    { partitions: diff.created, batch: WRITE_BATCH, write: calls.createPartitions.bind(calls) },
    { partitions: diff.updated, batch: WRITE_BATCH, write: calls.updatePartitions.bind(calls) },
    { partitions: diff.deleted, batch: DELETE_BATCH, write: calls.deletePartitions.bind(calls) },
  ];
  for (const step of steps) {
    const batches = inBatches(step.partitions.map(glueInput), step.batch);
    const limit = limitConcurrency(BATCHES_AT_ONCE_MAX);
    const settled = await Promise.allSettled(
      batches.map((batch) => limit(() => step.write(name, batch))),
    );
    // Only when all have ended, so that nothing is still on its way when an error is told.
    const errors = settled.flatMap((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    judge(name, errors);
  }
}

const WRITE_BATCH = 100;
const DELETE_BATCH = 25;
const BATCHES_AT_ONCE_MAX = 4;

function judge(name: TableName, errors: readonly sdk.PartitionError[]): void {
  const failures = errors.filter((error) => !isRace(error));
  if (failures.length > 0) {
    throw partitionsRefused(
      name,
      failures.map((error) => ({
        values: error.PartitionValues ?? [],
        reason: `${error.ErrorDetail?.ErrorCode ?? ''} ${error.ErrorDetail?.ErrorMessage ?? ''}`,
      })),
    );
  }
  if (errors.length > 0) throw conflict(`the partitions of ${name.database}.${name.table}`);
}

// Created, or dropped, by another writer since the partitions were listed.
function isRace(error: sdk.PartitionError): boolean {
  const code = error.ErrorDetail?.ErrorCode;
  return code === 'AlreadyExistsException' || code === 'EntityNotFoundException';
}

function inBatches<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function key(partition: { readonly Values?: readonly string[] | undefined }): string {
  return JSON.stringify(partition.Values ?? []);
}
