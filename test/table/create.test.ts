import { describe, expect, test } from 'vitest';

import { checkpointPath } from '../../src/log/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { createTable, type CreateSpec } from '../../src/table/create.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { contextOf, memoryContext, newTable } from './context.ts';

const SCHEMA = parseDdl('id string not null, Dia date');

describe('createTable', () => {
  test('makes a table that every engine opens', async () => {
    const ctx = memoryContext();
    const { snapshot, created } = await createTable(ctx, {
      schema: SCHEMA,
      partitionBy: ['dia'],
      properties: { 'delta.appendOnly': 'true', own: 'x' },
      name: 'n',
      description: 'd',
    });
    expect(created).toBe(true);
    const opened = await openSnapshot(ctx);
    for (const seen of [snapshot, opened]) {
      expect(seen).toMatchObject({
        version: 0,
        protocol: { minReaderVersion: 1, minWriterVersion: 2 },
        partitionColumns: ['Dia'],
        schema: SCHEMA,
        fileCount: 0,
        metadata: {
          name: 'n',
          description: 'd',
          configuration: { 'delta.appendOnly': 'true', own: 'x' },
          createdTime: ctx.clock.now(),
        },
      });
    }
    expect(await ctx.store.head(checkpointPath(0))).toBeNull();
  });

  test('refuses a place that is taken, and takes the table there where that is wanted', async () => {
    const ctx = memoryContext();
    const first = await newTable(ctx);
    await expect(newTable(ctx)).rejects.toMatchObject({ code: 'TABLE_EXISTS' });
    const again = await createTable(ctx, { schema: first.schema, ifNotExists: true });
    expect(again.created).toBe(false);
    expect(again.snapshot.metadata.id).toBe(first.metadata.id);
  });

  test.each<[string, Partial<CreateSpec>]>([
    ['other columns', { schema: parseDdl('id string') }],
    ['another partitioning', { partitionBy: ['id'] }],
  ])('ifNotExists refuses a table with %s', async (_case, other) => {
    const ctx = memoryContext();
    await newTable(ctx);
    await expect(newTable(ctx, { ...other, ifNotExists: true })).rejects.toMatchObject({
      code: 'TABLE_MISMATCH',
    });
  });

  test('of several at once, one makes it', async () => {
    const ctx = memoryContext();
    const results = await Promise.all(
      [1, 2, 3, 4].map((seed) => {
        const own = contextOf(ctx.store, ctx.clock);
        const random = { ...own.random, uuid: () => `${seed}` };
        return createTable({ ...own, random }, { schema: SCHEMA, ifNotExists: true });
      }),
    );
    expect(results.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(results.map(({ snapshot }) => snapshot.metadata.id)).size).toBe(1);
    expect((await openSnapshot(ctx)).version).toBe(0);
  });

  test.each<[string, Partial<CreateSpec>, string]>([
    ['an unknown partition column', { partitionBy: ['x'] }, 'PARTITION_COLUMN_INVALID'],
    ['a partition column named twice', { partitionBy: ['id', 'ID'] }, 'PARTITION_COLUMN_INVALID'],
    [
      'partitions without a column left',
      { partitionBy: ['id', 'Dia'] },
      'PARTITION_COLUMN_INVALID',
    ],
    [
      'a partition column that is no single value',
      { schema: parseDdl('a array<int>, b int'), partitionBy: ['a'] },
      'PARTITION_COLUMN_INVALID',
    ],
    ['an unknown property', { properties: { 'delta.appendonly': 'true' } }, 'PROPERTY_INVALID'],
    ['a wrong value', { properties: { 'delta.checkpointInterval': '0' } }, 'PROPERTY_INVALID'],
    [
      'a feature that is not supported',
      { properties: { 'delta.enableIcebergCompatV3': 'true' } },
      'FEATURE_UNSUPPORTED',
    ],
    [
      'changes of rows that have a column of changes already',
      {
        schema: parseDdl('id int, _Change_Type string'),
        properties: { 'delta.enableChangeDataFeed': 'true' },
      },
      'PROPERTY_INVALID',
    ],
  ])('refuses %s', async (_case, spec, code) => {
    const ctx = memoryContext();
    await expect(createTable(ctx, { schema: SCHEMA, ...spec })).rejects.toMatchObject({ code });
    await expect(openSnapshot(ctx)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
  });
});
