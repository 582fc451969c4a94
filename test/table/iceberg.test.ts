/** Tables that are to stay convertible for readers of Iceberg. */

import { describe, expect, test } from 'vitest';

import { readFooter, storeSource } from '../../src/parquet/index.ts';
import { decodePath, parseDdl } from '../../src/schema/index.ts';
import { setProperties } from '../../src/table/alter.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { append } from '../../src/table/ops/append.ts';
import type { CreateSpec } from '../../src/table/create.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { addAction, appendSpec, commit, memoryContext, newTable } from './context.ts';

const MAPPED = { 'delta.columnMapping.mode': 'name' };
const V1 = { ...MAPPED, 'delta.enableIcebergCompatV1': 'true' };
const V2 = { ...MAPPED, 'delta.enableIcebergCompatV2': 'true' };
const COUNTED = { stats: '{"numRecords":1}' };
const VECTOR = { storageType: 'i', pathOrInlineDv: 'x', sizeInBytes: 1, cardinality: 1 };

async function refused(spec: Partial<CreateSpec>, why: string): Promise<void> {
  await expect(newTable(memoryContext(), spec)).rejects.toMatchObject({
    code: 'ICEBERG_INCOMPATIBLE',
    message: expect.stringContaining(why) as string,
  });
}

async function withFile(ctx: TableContext, spec: Partial<CreateSpec>, file = COUNTED) {
  const { snapshot } = await commit(ctx, await newTable(ctx, spec), {
    ...appendSpec(),
    actions: [addAction('a', { partitionValues: spec.partitionBy ? { n: '1' } : {}, ...file })],
  });
  return snapshot;
}

describe('a table for Iceberg', () => {
  test.each([
    ['without column mapping', { ...V2, 'delta.columnMapping.mode': 'none' }, 'column mapping'],
    ['with deletion vectors', { ...V2, 'delta.enableDeletionVectors': 'true' }, 'no deletion'],
    ['with the feature alone', { ...V1, 'delta.feature.deletionVectors': 'supported' }, 'drop'],
    ['of both versions', { ...V1, ...V2 }, 'no other version'],
  ])('is not made %s', async (_case, properties, why) => {
    await refused({ properties }, why);
  });

  test.each([
    ['void', V2],
    ['array<int>', V1],
    ['struct<m: map<string, int>>', V1],
  ])('has no columns of the type %s', async (type, properties) => {
    await refused({ schema: parseDdl(`id int, c ${type}`), properties }, 'no columns of the type');
  });

  test('takes every type of the second version, and appends with ids for elements, keys and values', async () => {
    const ctx = memoryContext();
    const schema = parseDdl('t timestamp, l array<array<int>>, m map<string, decimal(9,2)>');
    const table = await newTable(ctx, { schema, properties: V2 });
    const rows = [{ t: '2026-01-01T00:00:00Z', l: [[1]], m: [['k', '1.00']] }];
    const { snapshot } = await append(ctx, table, { rows });
    const [file] = [...snapshot.files()];
    const path = decodePath(file?.path ?? '');
    const source = storeSource(ctx.store, path, { sizeBytes: file?.size ?? 0 });
    const { columns } = await readFooter(source);
    const [t, l, m] = columns;
    const element = l?.children[0]?.children[0];
    const [key, value] = m?.children[0]?.children ?? [];
    const inner = element?.children[0]?.children[0];
    const ids = [t, l, element, inner, m, key, value].map((node) => node?.fieldId ?? 0);
    expect(t?.physicalType).toBe('INT64');
    expect(new Set(ids).size).toBe(7);
    expect(Math.min(...ids)).toBe(1);
    expect(ids.slice(0, 2)).toEqual([1, 2]);
    expect(file?.stats).toContain('"numRecords":1');
  });

  test('takes no file whose rows nobody counted, or that has a deletion vector', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: V2 });
    const add = (file: object): Promise<unknown> =>
      commit(ctx, table, { ...appendSpec(), actions: [addAction('a', file)] });
    await expect(add({})).rejects.toMatchObject({ code: 'ICEBERG_INCOMPATIBLE' });
    await expect(add({ ...COUNTED, deletionVector: VECTOR })).rejects.toThrow('rewritten first');
    expect((await openSnapshot(ctx)).version).toBe(0);
  });

  test('refuses appends whose files would lack the values of partitions', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: V2, partitionBy: ['n'] });
    await expect(append(ctx, table, { rows: [{ id: 'a', n: 1n }] })).rejects.toMatchObject({
      code: 'FEATURE_UNSUPPORTED',
      message: expect.stringContaining('icebergCompatV2') as string,
    });
  });
});

describe('a table that is made one for Iceberg', () => {
  const enable = (ctx: TableContext, snapshot: Snapshot, properties: Record<string, string>) =>
    setProperties(ctx, snapshot, { set: properties });

  test('keeps its files where they fit', async () => {
    const ctx = memoryContext();
    const { snapshot } = await enable(ctx, await withFile(ctx, {}), V2);
    expect(snapshot.protocol.writerFeatures).toContain('icebergCompatV2');
    expect(snapshot.protocol.readerFeatures).toContain('columnMapping');
  });

  test.each([
    ['uncounted rows', {}, { stats: '{}' }, V2, 'numRecords'],
    ['partitions', { partitionBy: ['n'] }, COUNTED, V1, 'partition columns in every file'],
    [
      'widened types',
      { schema: widened(), properties: { 'delta.feature.typeWidening': 'supported' } },
      COUNTED,
      V2,
      'widened from integer to double',
    ],
  ])('is refused with %s', async (_case, spec, file, properties, why) => {
    const ctx = memoryContext();
    const table = await withFile(ctx, spec, file);
    await expect(enable(ctx, table, properties)).rejects.toMatchObject({
      code: 'ICEBERG_INCOMPATIBLE',
      message: expect.stringContaining(why) as string,
    });
  });

  test('goes back without being asked anything', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: V2 });
    const { snapshot } = await enable(ctx, table, { 'delta.enableIcebergCompatV2': 'false' });
    await commit(ctx, snapshot, appendSpec('uncounted'));
  });
});

function widened() {
  const [field] = parseDdl('d double').fields;
  const change = { fromType: 'integer', toType: 'double' };
  const metadata = { 'delta.typeChanges': [change] };
  return { kind: 'struct' as const, fields: [{ ...(field ?? noField()), metadata }] };
}

function noField(): never {
  throw new TypeError('a schema has fields');
}
