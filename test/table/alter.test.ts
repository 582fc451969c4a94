import { describe, expect, test } from 'vitest';

import { checkpointPath } from '../../src/log/index.ts';
import { mappingId, parseDdl, parseType, physicalName } from '../../src/schema/index.ts';
import { enableFeature, setProperties } from '../../src/table/alter.ts';
import { addColumns, changeColumnOf, widenType } from '../../src/table/columns.ts';
import { addConstraint } from '../../src/table/ops/constraints.ts';
import { clusterBy, setDomain } from '../../src/table/domains.ts';
import { domainOf } from '../../src/table/snapshot.ts';
import { dropFeature } from '../../src/table/drop-feature.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import { appendSpec, commit, memoryContext, newTable } from './context.ts';

describe('setProperties', () => {
  test('sets and unsets in one commit, and the table opens so', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { own: 'x', other: 'y' } });
    const { kind, snapshot } = await setProperties(ctx, table, {
      set: { 'delta.appendOnly': 'true' },
      unset: ['own', 'absent'],
    });
    expect([kind, snapshot.version]).toEqual(['committed', 1]);
    const opened = await openSnapshot(ctx);
    expect(opened.metadata.configuration).toEqual({ other: 'y', 'delta.appendOnly': 'true' });
    expect(opened.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 });
  });

  test('commits nothing where the table is so already', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { a: '1', b: '2' } });
    const { kind, snapshot } = await setProperties(ctx, table, { set: { b: '2' } });
    expect([kind, snapshot.version]).toEqual(['unchanged', 0]);
  });

  test('raises the protocol for what a property asks, and keeps versions and features out of the properties', async () => {
    const ctx = memoryContext();
    const { snapshot } = await setProperties(ctx, await newTable(ctx), {
      set: {
        'delta.enableDeletionVectors': 'true',
        'delta.minWriterVersion': '3',
        'delta.feature.vacuumProtocolCheck': 'supported',
      },
    });
    expect(snapshot.metadata.configuration).toEqual({ 'delta.enableDeletionVectors': 'true' });
    expect(snapshot.protocol).toEqual({
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ['deletionVectors', 'vacuumProtocolCheck'],
      writerFeatures: [
        'appendOnly',
        'checkConstraints',
        'deletionVectors',
        'invariants',
        'vacuumProtocolCheck',
      ],
    });
  });

  test('gives columns of a table with files ids, and their own names for ever', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      schema: parseDdl('id string, s struct<a: array<struct<b: int>>>'),
    });
    const { snapshot } = await setProperties(ctx, table, {
      set: { 'delta.columnMapping.mode': 'name' },
    });
    const [id, s] = (await openSnapshot(ctx)).schema.fields;
    expect([id, s].map((field) => field && [mappingId(field), physicalName(field)])).toEqual([
      [1, 'id'],
      [2, 's'],
    ]);
    expect(snapshot.metadata.configuration['delta.columnMapping.maxColumnId']).toBe('4');
    expect(snapshot.protocol.readerFeatures).toEqual(['columnMapping']);
    await expect(
      setProperties(ctx, snapshot, { set: { 'delta.columnMapping.mode': 'id' } }),
    ).rejects.toMatchObject({ code: 'PROPERTY_INVALID' });
    await expect(
      setProperties(ctx, snapshot, { unset: ['delta.columnMapping.mode'] }),
    ).rejects.toMatchObject({ code: 'PROPERTY_INVALID' });
  });

  test.each([
    [
      'a manifest with deletion vectors',
      {
        'delta.compatibility.symlinkFormatManifest.enabled': 'true',
        'delta.enableDeletionVectors': 'true',
      },
    ],
  ])('refuses %s', async (_case, set) => {
    const ctx = memoryContext();
    await expect(setProperties(ctx, await newTable(ctx), { set })).rejects.toMatchObject({
      code: 'PROPERTY_INVALID',
    });
    expect((await openSnapshot(ctx)).version).toBe(0);
  });

  test('is done again on what another writer left', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx);
    await setProperties(ctx, table, { set: { a: '1' } });
    const { snapshot } = await setProperties(ctx, table, { set: { b: '2' } });
    expect(snapshot.metadata.configuration).toEqual({ a: '1', b: '2' });
    expect(snapshot.version).toBe(2);
  });
});

test('a feature is supported with all that it needs, once', async () => {
  const ctx = memoryContext();
  const { snapshot } = await enableFeature(ctx, await newTable(ctx), 'CLUSTERING');
  expect(snapshot.protocol.writerFeatures).toEqual([
    'appendOnly',
    'clustering',
    'domainMetadata',
    'invariants',
  ]);
  expect((await enableFeature(ctx, snapshot, 'domainMetadata')).kind).toBe('unchanged');
  await expect(enableFeature(ctx, snapshot, 'x')).rejects.toMatchObject({
    code: 'FEATURE_UNKNOWN',
  });
});

describe('dropFeature', () => {
  test('takes a writer feature with its property and domain, and lowers the protocol', async () => {
    const ctx = memoryContext();
    const table = await clusterBy(ctx, await newTable(ctx), ['n']);
    await expect(dropFeature(ctx, table.snapshot, 'domainMetadata')).rejects.toMatchObject({
      code: 'FEATURE_IN_USE',
    });
    const { snapshot } = await dropFeature(ctx, table.snapshot, 'clustering');
    expect(domainOf(snapshot, 'delta.clustering')).toBeNull();
    const last = await dropFeature(ctx, snapshot, 'domainMetadata');
    expect((await openSnapshot(ctx)).protocol).toEqual({
      minReaderVersion: 1,
      minWriterVersion: 2,
    });
    expect((await dropFeature(ctx, last.snapshot, 'clustering')).kind).toBe('unchanged');
  });

  test('walls a reader feature off from older versions', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.enableDeletionVectors': 'true' } });
    const { snapshot: filled } = await commit(ctx, table, appendSpec('a'));
    const { snapshot } = await dropFeature(ctx, filled, 'deletionVectors');
    expect(snapshot.protocol).toEqual({
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ['appendOnly', 'checkpointProtection', 'invariants'],
    });
    expect(snapshot.metadata.configuration).toEqual({
      'delta.requireCheckpointProtectionBeforeVersion': '2',
    });
    for (const version of [1, 2]) {
      expect(await ctx.store.head(checkpointPath(version))).not.toBeNull();
    }
    await expect(dropFeature(ctx, snapshot, 'checkpointProtection')).rejects.toMatchObject({
      code: 'FEATURE_IN_USE',
      message: expect.stringContaining('cleaned up to version 2') as string,
    });
  });

  test('is refused where files would have to be rewritten', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { properties: { 'delta.columnMapping.mode': 'id' } });
    await expect(dropFeature(ctx, table, 'columnMapping')).rejects.toMatchObject({
      code: 'FEATURE_IN_USE',
      message: expect.stringContaining('rewritten') as string,
    });
  });
});

describe('domains', () => {
  test('are set, changed and removed; those of the protocol are not', async () => {
    const ctx = memoryContext();
    const set = await setDomain(ctx, await newTable(ctx), { domain: 'mine', configuration: '{}' });
    expect(domainOf(await openSnapshot(ctx), 'mine')).toBe('{}');
    const again = await setDomain(ctx, set.snapshot, { domain: 'mine', configuration: '{}' });
    expect(again.kind).toBe('unchanged');
    await setDomain(ctx, set.snapshot, { domain: 'mine', configuration: null });
    expect(domainOf(await openSnapshot(ctx), 'mine')).toBeNull();
    await expect(
      setDomain(ctx, set.snapshot, { domain: 'Delta.clustering', configuration: '{}' }),
    ).rejects.toMatchObject({ code: 'DOMAIN_RESERVED' });
  });

  test('clustering names columns as files do, level by level', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      schema: parseDdl('id string, s struct<x: int>, a array<int>'),
    });
    const { snapshot } = await clusterBy(ctx, table, ['ID', 's.x']);
    expect(JSON.parse(domainOf(snapshot, 'delta.clustering') ?? '')).toMatchObject({
      clusteringColumns: [['id'], ['s', 'x']],
    });
    await expect(clusterBy(ctx, snapshot, ['y'])).rejects.toMatchObject({ code: 'COLUMN_UNKNOWN' });
    for (const column of ['a', 's']) {
      await expect(clusterBy(ctx, snapshot, [column])).rejects.toMatchObject({
        code: 'CLUSTERING_INVALID',
      });
    }
    await expect(clusterBy(ctx, snapshot, ['s.x', 'S.X'])).rejects.toThrow('named twice');
    const set = { 'delta.dataSkippingNumIndexedCols': '1' };
    const few = await setProperties(ctx, (await clusterBy(ctx, snapshot, [])).snapshot, { set });
    await expect(clusterBy(ctx, few.snapshot, ['s.x'])).rejects.toThrow('no bounds of its values');
  });

  test.each(['none', 'name'])(
    'files go on having bounds of what they are clustered by (mapping %s)',
    async (mode) => {
      const ctx = memoryContext();
      const properties = {
        'delta.dataSkippingNumIndexedCols': '2',
        'delta.columnMapping.mode': mode,
      };
      const schema = parseDdl('a int, s struct<x: int>, b int');
      const table = await newTable(ctx, { schema, properties });
      const { snapshot } = await clusterBy(ctx, table, ['s.x']);
      const refused = { code: 'CLUSTERING_INVALID', message: expect.stringContaining('by s.x') };
      for (const set of [
        { 'delta.dataSkippingNumIndexedCols': '1' },
        { 'delta.dataSkippingStatsColumns': 'a' },
      ]) {
        await expect(setProperties(ctx, snapshot, { set })).rejects.toMatchObject(refused);
      }
      const before = { column: 'b', position: 'first' } as const;
      await expect(changeColumnOf(ctx, snapshot, before)).rejects.toMatchObject(refused);
      const added = { column: 'c', type: parseType('int'), position: 'first' } as const;
      await expect(addColumns(ctx, snapshot, [added])).rejects.toMatchObject(refused);
      const set = { 'delta.dataSkippingStatsColumns': 's' };
      const named = await setProperties(ctx, snapshot, { set });
      expect((await addColumns(ctx, named.snapshot, [added])).kind).toBe('committed');
    },
  );

  test('no clustering asks nothing of a table that has none', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx);
    expect(await clusterBy(ctx, table, [])).toMatchObject({ kind: 'unchanged', snapshot: table });
    const clustered = await clusterBy(ctx, table, ['id']);
    expect((await clusterBy(ctx, clustered.snapshot, [])).kind).toBe('committed');
  });

  test('clustering finds a column with a point in its name', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { schema: parseDdl('`s.x` string, s struct<x: int>') });
    const { snapshot } = await clusterBy(ctx, table, ['s.x']);
    expect(JSON.parse(domainOf(snapshot, 'delta.clustering') ?? '')).toMatchObject({
      clusteringColumns: [['s.x']],
    });
  });
});

describe('widenType', () => {
  test('records each change where readers look for it', async () => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      schema: parseDdl('n smallint, m map<string, array<int>>'),
      properties: { 'delta.enableTypeWidening': 'true' },
    });
    await widenType(ctx, table, { column: 'n', type: parseType('int') });
    await widenType(ctx, await refreshSnapshot(ctx, table), {
      column: 'N',
      type: parseType('bigint'),
    });
    const latest = await refreshSnapshot(ctx, table);
    await widenType(ctx, latest, { column: 'm.value.element', type: parseType('bigint') });
    const { schema } = await openSnapshot(ctx);
    expect(schema.fields.map((field) => field.metadata['delta.typeChanges'])).toEqual([
      [
        { toType: 'integer', fromType: 'short' },
        { toType: 'long', fromType: 'integer' },
      ],
      [{ toType: 'long', fromType: 'integer', fieldPath: 'value.element' }],
    ]);
    await expect(
      widenType(ctx, latest, { column: 'n', type: parseType('string') }),
    ).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
  });

  test.each([
    ['f', 'double', 'the constraint short'],
    ['F', 'double', 'the constraint short'],
    ['s.d', 'timestamp_ntz', 'the generated column month'],
    ['l.element', 'bigint', 'the constraint first'],
  ])('is refused for %s, from which a rule is computed', async (column, type, use) => {
    const ctx = memoryContext();
    const table = await newTable(ctx, {
      schema: parseDdl(
        'f float, s struct<d:date>, l array<int>, month string GENERATED ALWAYS AS (cast(s.d as string))',
      ),
      properties: { 'delta.enableTypeWidening': 'true' },
    });
    const { snapshot } = await addConstraint(ctx, table, {
      name: 'short',
      expression: "cast(f as string) in ('0.1', '0.5')",
    });
    const last = await addConstraint(ctx, snapshot, { name: 'first', expression: 'l is not null' });
    await expect(
      widenType(ctx, last.snapshot, { column, type: parseType(type) }),
    ).rejects.toMatchObject({
      code: 'COLUMN_CHANGE_INVALID',
      message: expect.stringContaining(use),
    });
  });

  test('is refused without the property', async () => {
    const ctx = memoryContext();
    await expect(
      widenType(ctx, await newTable(ctx), { column: 'n', type: parseType('decimal(30,0)') }),
    ).rejects.toMatchObject({ code: 'COLUMN_CHANGE_INVALID' });
  });
});

test.each(['portable', 'spark4', 'databricks'] as const)(
  'the preset %s makes a table that opens',
  async (preset) => {
    const ctx = memoryContext();
    const table = await newTable(ctx, { preset });
    await commit(ctx, table, appendSpec());
    expect((await openSnapshot(ctx)).version).toBe(1);
  },
);

test('columns of a type that needs a feature bring it along', async () => {
  const ctx = memoryContext();
  const { protocol } = await newTable(ctx, { schema: parseDdl('t timestamp_ntz') });
  expect(protocol.readerFeatures).toEqual(['timestampNtz']);
});
