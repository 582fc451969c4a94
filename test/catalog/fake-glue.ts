/**
 * Glue as AWS documents it, behind the SDK's calls: it pages, limits batches, compares versions and answers with the
 * service's errors, which the local emulator does not all do.
 */

import type * as sdk from '@aws-sdk/client-glue';

import type { GlueApi } from '../../src/catalog/index.ts';

export interface FakeGlue extends GlueApi {
  /** Names of the calls so far. */
  readonly calls: string[];
  /** Errors for the next calls of that name, first come first. */
  readonly failures: Map<string, unknown[]>;
  /** Partitions with these values are refused. */
  readonly refusedValues: Set<string>;
}

const PAGE = 7;

export function serviceError(name: string, fault: 'client' | 'server' = 'client'): Error {
  return Object.assign(new Error(`${name} of the service`), { name, $fault: fault });
}

export function fakeGlue(): FakeGlue {
  const databases = new Map<string, Map<string, FakeTable>>();
  const calls: string[] = [];
  const failures = new Map<string, unknown[]>();
  const refusedValues = new Set<string>();

  const begin = async (call: string): Promise<void> => {
    calls.push(call);
    await Promise.resolve();
    const failure = failures.get(call)?.shift();
    if (failure !== undefined) throw failure;
  };
  const databaseOf = (name: string | undefined): Map<string, FakeTable> => {
    const found = databases.get(name ?? '');
    if (found === undefined) throw serviceError('EntityNotFoundException');
    return found;
  };
  const tableOf = (database: string | undefined, name: string | undefined): FakeTable => {
    const found = databaseOf(database).get(name ?? '');
    if (found === undefined) throw serviceError('EntityNotFoundException');
    return found;
  };

  return {
    calls,
    failures,
    refusedValues,
    async getTable(input) {
      await begin('getTable');
      return { Table: tableOf(input.DatabaseName, input.Name).table };
    },
    async createTable(input) {
      await begin('createTable');
      const tables = databaseOf(input.DatabaseName);
      const name = input.TableInput?.Name ?? '';
      if (tables.has(name)) throw serviceError('AlreadyExistsException');
      const table = { ...input.TableInput, Name: name, VersionId: '0' };
      tables.set(name, { table, partitions: new Map() });
      return {};
    },
    async updateTable(input) {
      await begin('updateTable');
      const found = tableOf(input.DatabaseName, input.TableInput?.Name);
      if (input.VersionId !== found.table.VersionId) {
        throw serviceError('ConcurrentModificationException');
      }
      const VersionId = String(Number(found.table.VersionId) + 1);
      found.table = { ...input.TableInput, Name: found.table.Name, VersionId };
      return {};
    },
    async createDatabase(input) {
      await begin('createDatabase');
      const name = input.DatabaseInput?.Name ?? '';
      if (databases.has(name)) throw serviceError('AlreadyExistsException');
      databases.set(name, new Map());
      return {};
    },
    async getDatabases(input) {
      await begin('getDatabases');
      const names = [...databases.keys()].map((Name) => ({ Name }));
      const { items, ...token } = page(names, input.NextToken);
      return { DatabaseList: items, ...token };
    },
    async getTables(input) {
      await begin('getTables');
      const tables = [...databaseOf(input.DatabaseName).values()].map(({ table }) => table);
      const { items, ...token } = page(tables, input.NextToken);
      return { TableList: items, ...token };
    },
    async getPartitions(input) {
      await begin('getPartitions');
      const found = [...tableOf(input.DatabaseName, input.TableName).partitions.values()];
      const { items, ...token } = page(found, input.NextToken);
      return { Partitions: items, ...token };
    },
    async batchCreatePartition(input) {
      await begin('batchCreatePartition');
      const { partitions } = tableOf(input.DatabaseName, input.TableName);
      const list = input.PartitionInputList ?? [];
      limitBatch(list.length, 100);
      return batch(list, (partition) => {
        if (refusedValues.has(key(partition.Values))) return 'InvalidInputException';
        if (partitions.has(key(partition.Values))) return 'AlreadyExistsException';
        partitions.set(key(partition.Values), partition);
        return null;
      });
    },
    async batchUpdatePartition(input) {
      await begin('batchUpdatePartition');
      const { partitions } = tableOf(input.DatabaseName, input.TableName);
      const entries = input.Entries ?? [];
      limitBatch(entries.length, 100);
      const { Errors } = batch(
        entries.map((entry) => entry.PartitionInput ?? {}),
        (partition) => {
          if (!partitions.has(key(partition.Values))) return 'EntityNotFoundException';
          partitions.set(key(partition.Values), partition);
          return null;
        },
      );
      return {
        Errors: Errors.map(({ PartitionValues, ErrorDetail }) => ({
          PartitionValueList: PartitionValues,
          ErrorDetail,
        })),
      };
    },
    async batchDeletePartition(input) {
      await begin('batchDeletePartition');
      const { partitions } = tableOf(input.DatabaseName, input.TableName);
      const list = input.PartitionsToDelete ?? [];
      limitBatch(list.length, 25);
      return batch(list, (partition) =>
        partitions.delete(key(partition.Values)) ? null : 'EntityNotFoundException',
      );
    },
  };
}

interface FakeTable {
  table: sdk.Table;
  readonly partitions: Map<string, sdk.Partition>;
}

function page<T>(
  items: readonly T[],
  token: string | undefined,
): { items: T[]; NextToken?: string } {
  const start = token === undefined ? 0 : Number(token);
  const end = start + PAGE;
  const rest = end < items.length ? { NextToken: String(end) } : {};
  return { items: items.slice(start, end), ...rest };
}

function batch<T extends { readonly Values?: string[] | undefined }>(
  items: readonly T[],
  write: (item: T) => string | null,
): { readonly Errors: sdk.PartitionError[] } {
  return {
    Errors: items.flatMap((item) => {
      const ErrorCode = write(item);
      if (ErrorCode === null) return [];
      const ErrorDetail = { ErrorCode, ErrorMessage: 'said the service' };
      return [{ PartitionValues: item.Values, ErrorDetail }];
    }),
  };
}

function limitBatch(count: number, max: number): void {
  if (count > max) throw serviceError('ValidationException');
}

function key(values: readonly string[] | undefined): string {
  return (values ?? []).join(',');
}
