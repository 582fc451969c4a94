import { describe, expect, test } from 'vitest';

import { nativeTableInput, symlinkTableInput } from '../../src/catalog/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { NATIVE, partitionsOf, SYMLINK } from './examples.ts';

// The documents that Trino and Presto were seen to accept.
describe('entries', () => {
  test('the native entry says Delta in both ways, and where', () => {
    expect(NATIVE).toEqual({
      Name: 'orders',
      TableType: 'EXTERNAL_TABLE',
      Parameters: {
        EXTERNAL: 'TRUE',
        table_type: 'DELTA',
        'spark.sql.sources.provider': 'delta',
      },
      PartitionKeys: [],
      StorageDescriptor: {
        Columns: [
          { Name: 'id', Type: 'bigint' },
          { Name: 'name', Type: 'string' },
          { Name: 'price', Type: 'double' },
          { Name: 'dt', Type: 'string' },
        ],
        Location: 's3://lake/orders',
        InputFormat: 'org.apache.hadoop.mapred.SequenceFileInputFormat',
        OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat',
        Compressed: false,
        NumberOfBuckets: -1,
        SerdeInfo: {
          SerializationLibrary: 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe',
          Parameters: { path: 's3://lake/orders', 'serialization.format': '1' },
        },
        BucketColumns: [],
        SortColumns: [],
        Parameters: {},
        StoredAsSubDirectories: false,
      },
    });
  });

  test('the virtual entry is a Hive table of the manifest, its keys apart from its columns', () => {
    expect(SYMLINK).toEqual({
      Name: 'orders_symlink',
      TableType: 'EXTERNAL_TABLE',
      Parameters: { EXTERNAL: 'TRUE', classification: 'parquet' },
      PartitionKeys: [{ Name: 'dt', Type: 'string' }],
      StorageDescriptor: {
        Columns: [
          { Name: 'id', Type: 'bigint' },
          { Name: 'name', Type: 'string' },
          { Name: 'price', Type: 'double' },
        ],
        Location: 's3://lake/orders/_symlink_format_manifest',
        InputFormat: 'org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat',
        OutputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
        Compressed: false,
        NumberOfBuckets: -1,
        SerdeInfo: {
          SerializationLibrary: 'org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe',
          Parameters: { 'serialization.format': '1' },
        },
        BucketColumns: [],
        SortColumns: [],
        Parameters: {},
        StoredAsSubDirectories: false,
      },
    });
  });

  test('a partition is the table at its own folder', () => {
    const [partition] = partitionsOf(['2026-01-01']);
    expect(partition).toEqual({
      Values: ['2026-01-01'],
      StorageDescriptor: {
        ...SYMLINK.StorageDescriptor,
        Location: 's3://lake/orders/_symlink_format_manifest/dt=2026-01-01',
      },
    });
  });

  test('columns come in lower case with their comments, void ones not at all', () => {
    const schema = parseDdl("Id bigint comment 'the key', Nothing void, Nested struct<A: int>");
    const { Columns } = nativeTableInput({
      name: 't',
      location: 's3://b/t',
      schema,
    }).StorageDescriptor;
    expect(Columns).toEqual([
      { Name: 'id', Type: 'bigint', Comment: 'the key' },
      expect.objectContaining({ Name: 'nested' }),
    ]);
  });

  test('partition keys come in the order of the partition columns', () => {
    const schema = parseDdl('a int, b string, c date');
    const options = { name: 't', manifestRoot: 's3://b/m', schema, partitionColumns: ['c', 'a'] };
    expect(symlinkTableInput(options).PartitionKeys).toEqual([
      { Name: 'c', Type: 'date' },
      { Name: 'a', Type: 'int' },
    ]);
  });
});
