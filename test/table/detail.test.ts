import { afterEach, beforeEach, expect, test } from 'vitest';

import { ManualClock, seededRandom } from '../../src/base/index.ts';
import { DeltaTable, type TableTools, tableTools } from '../../src/table/index.ts';

let tools: TableTools;

beforeEach(() => {
  tools = tableTools({ clock: new ManualClock(), random: seededRandom(5) });
});

afterEach(() => tools.close());

test('detail says what a table is, by the names of DESCRIBE DETAIL', async () => {
  const table = await DeltaTable.create(tools, 'memory://shop/orders', {
    schema: 'id bigint, day date',
    partitionBy: ['DAY'],
    name: 'orders',
    description: 'what was ordered',
    properties: { 'owner.team': 'x' },
  });
  const { sizeInBytes: empty } = table.detail();
  await table.append({ rows: [{ id: 1n, day: '2026-11-20' }] });
  const { sizeInBytes, ...detail } = table.detail();
  expect([empty, sizeInBytes > 0]).toEqual([0, true]);
  expect(detail).toEqual({
    format: 'delta',
    id: table.snapshot.metadata.id,
    name: 'orders',
    description: 'what was ordered',
    location: 'memory://shop/orders',
    createdAt: '2023-11-14T22:13:20.000Z',
    lastModified: expect.stringMatching(/^2023-11-14T22:13:20/),
    partitionColumns: ['day'],
    clusteringColumns: [],
    numFiles: 1,
    properties: { 'owner.team': 'x' },
    minReaderVersion: 1,
    minWriterVersion: 2,
    tableFeatures: ['appendOnly', 'invariants'],
  });
});

test('detail names clustering columns as the table does, whatever files call them', async () => {
  const table = await DeltaTable.create(tools, 'memory://shop/mapped', {
    schema: 'id bigint, s struct<a: int, `b c`: string>',
    properties: { 'delta.columnMapping.mode': 'name' },
  });
  await table.clusterBy('s.b c', 'id');
  expect(table.detail()).toMatchObject({
    name: null,
    description: null,
    clusteringColumns: ['s.b c', 'id'],
    minWriterVersion: 7,
    tableFeatures: expect.arrayContaining(['clustering', 'columnMapping', 'domainMetadata']),
  });
});
