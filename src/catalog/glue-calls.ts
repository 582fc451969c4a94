/** Single calls to Glue: errors in the catalog's words, pages joined, what is not there answered as nothing. */

import type * as sdk from '@aws-sdk/client-glue';

import { compareUtf8 } from '../store/index.ts';
import { noTable } from './errors.ts';
import { fromGlue, type GlueApi, glueErrorName } from './glue-api.ts';
import type { StorageDescriptor, TableInput, TableName } from './types.ts';

export class GlueCalls {
  readonly #glue: GlueApi;

  constructor(glue: GlueApi) {
    this.#glue = glue;
  }

  async table(name: TableName): Promise<sdk.Table | null> {
    try {
      const answer = await this.#glue.getTable({ DatabaseName: name.database, Name: name.table });
      return answer.Table ?? null;
    } catch (error) {
      if (isNotFound(error)) return null;
      throw fromGlue('GetTable', error);
    }
  }

  /** Creates the database too where it is missing; a table that appeared meanwhile is `CATALOG_CONFLICT`. */
  async createTable(database: string, input: TableInput): Promise<void> {
    const create = { DatabaseName: database, TableInput: glueTableInput(input) };
    try {
      await this.#glue.createTable(create);
    } catch (error) {
      if (!isNotFound(error)) throw fromGlue('CreateTable', error);
      await this.createDatabase(database);
      await mapped('CreateTable', this.#glue.createTable(create));
    }
  }

  /** `found` is the entry as it was read: its version is compared, and its owner and retention are kept. */
  async updateTable(database: string, input: TableInput, found: sdk.Table): Promise<void> {
    const update = this.#glue.updateTable({
      DatabaseName: database,
      TableInput: {
        ...glueTableInput(input),
        ...(found.Owner === undefined ? {} : { Owner: found.Owner }),
        ...(found.Retention === undefined ? {} : { Retention: found.Retention }),
      },
      ...(found.VersionId === undefined ? {} : { VersionId: found.VersionId }),
      SkipArchive: true,
    });
    await mapped('UpdateTable', update);
  }

  async createDatabase(name: string): Promise<void> {
    try {
      await this.#glue.createDatabase({ DatabaseInput: { Name: name } });
    } catch (error) {
      if (glueErrorName(error) !== 'AlreadyExistsException')
        throw fromGlue('CreateDatabase', error);
    }
  }

  async databases(): Promise<readonly string[]> {
    const found = await allPages(async (page) => {
      const answer = await mapped('GetDatabases', this.#glue.getDatabases(page));
      return { items: answer.DatabaseList, NextToken: answer.NextToken };
    });
    return found.map((database) => database.Name ?? '').sort(compareUtf8);
  }

  /** By name; none where the database is missing. */
  async tables(database: string): Promise<readonly sdk.Table[]> {
    try {
      const found = await allPages(async (page) => {
        const answer = await this.#glue.getTables({ DatabaseName: database, ...page });
        return { items: answer.TableList, NextToken: answer.NextToken };
      });
      return found.sort((a, b) => compareUtf8(a.Name ?? '', b.Name ?? ''));
    } catch (error) {
      if (isNotFound(error)) return [];
      throw fromGlue('GetTables', error);
    }
  }

  /** Throws `CATALOG_NO_TABLE` where the table is missing. */
  async partitions(name: TableName): Promise<readonly sdk.Partition[]> {
    try {
      return await allPages(async (page) => {
        const answer = await this.#glue.getPartitions({
          DatabaseName: name.database,
          TableName: name.table,
          ...page,
        });
        return { items: answer.Partitions, NextToken: answer.NextToken };
      });
    } catch (error) {
      if (isNotFound(error)) throw noTable(name);
      throw fromGlue('GetPartitions', error);
    }
  }

  /** The partitions that were not taken. */
  async createPartitions(
    name: TableName,
    partitions: readonly sdk.PartitionInput[],
  ): Promise<readonly sdk.PartitionError[]> {
    const call = this.#glue.batchCreatePartition({
      DatabaseName: name.database,
      TableName: name.table,
      PartitionInputList: [...partitions],
    });
    return (await mapped('BatchCreatePartition', call)).Errors ?? [];
  }

  async updatePartitions(
    name: TableName,
    partitions: readonly sdk.PartitionInput[],
  ): Promise<readonly sdk.PartitionError[]> {
    const call = this.#glue.batchUpdatePartition({
      DatabaseName: name.database,
      TableName: name.table,
      Entries: partitions.map((partition) => ({
        PartitionValueList: [...(partition.Values ?? [])],
        PartitionInput: partition,
      })),
    });
    const errors = (await mapped('BatchUpdatePartition', call)).Errors ?? [];
    return errors.map(({ PartitionValueList, ErrorDetail }) => ({
      PartitionValues: PartitionValueList,
      ErrorDetail,
    }));
  }

  async deletePartitions(
    name: TableName,
    partitions: readonly sdk.PartitionInput[],
  ): Promise<readonly sdk.PartitionError[]> {
    const call = this.#glue.batchDeletePartition({
      DatabaseName: name.database,
      TableName: name.table,
      PartitionsToDelete: partitions.map((partition) => ({
        Values: [...(partition.Values ?? [])],
      })),
    });
    return (await mapped('BatchDeletePartition', call)).Errors ?? [];
  }
}

/** The descriptor in the SDK's own, writable type. */
export function glueStorage(storage: StorageDescriptor): sdk.StorageDescriptor {
  return {
    ...storage,
    Columns: [...storage.Columns],
    BucketColumns: [...storage.BucketColumns],
    SortColumns: [...storage.SortColumns],
    SerdeInfo: { ...storage.SerdeInfo, Parameters: { ...storage.SerdeInfo.Parameters } },
    Parameters: { ...storage.Parameters },
  };
}

function glueTableInput(input: TableInput): sdk.TableInput {
  return {
    ...input,
    Parameters: { ...input.Parameters },
    PartitionKeys: [...input.PartitionKeys],
    StorageDescriptor: glueStorage(input.StorageDescriptor),
  };
}

interface Page<T> {
  readonly items: readonly T[] | undefined;
  readonly NextToken: string | undefined;
}

async function allPages<T>(
  call: (page: { readonly NextToken?: string }) => Promise<Page<T>>,
): Promise<T[]> {
  const items: T[] = [];
  let page = await call({});
  for (;;) {
    items.push(...(page.items ?? []));
    // Some services end with an empty token, others with none.
    if (page.NextToken === undefined || page.NextToken === '') return items;
    page = await call({ NextToken: page.NextToken });
  }
}

async function mapped<T>(operation: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromGlue(operation, error);
  }
}

function isNotFound(error: unknown): boolean {
  return glueErrorName(error) === 'EntityNotFoundException';
}
