/** Tables that the tests of the room register. */

import {
  type CatalogColumn,
  nativeTableInput,
  type PartitionInput,
  symlinkPartitions,
  symlinkTableInput,
  type TableInput,
} from '../../src/catalog/index.ts';
import { parseDdl } from '../../src/schema/index.ts';

export const ORDERS = parseDdl('id bigint, name string, price double, dt string');

export const NATIVE = nativeTableInput({
  name: 'orders',
  location: 's3://lake/orders',
  schema: ORDERS,
});

export const SYMLINK = symlinkTableInput({
  name: 'orders_symlink',
  manifestRoot: 's3://lake/orders/_symlink_format_manifest',
  schema: ORDERS,
  partitionColumns: ['dt'],
});

export function partitionsOf(days: readonly string[]): readonly PartitionInput[] {
  return symlinkPartitions(
    SYMLINK,
    days.map((day) => ({
      values: [day],
      location: `s3://lake/orders/_symlink_format_manifest/dt=${day}`,
    })),
  );
}

/** Different texts, as many as asked for. */
export function days(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `day-${String(index).padStart(5, '0')}`);
}

export function withColumn(input: TableInput, column: CatalogColumn): TableInput {
  const columns = [...input.StorageDescriptor.Columns, column];
  return { ...input, StorageDescriptor: { ...input.StorageDescriptor, Columns: columns } };
}
