/** Whatever is altered in whatever order, a table's protocol lists what its metadata needs, and nothing that contradicts itself. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import {
  checkReadable,
  checkWritable,
  FEATURES,
  isOn,
  isReaderFeature,
  supportedFeatures,
} from '../../src/log/index.ts';
import { highestId, mappingId, parseDdl, parseType, physicalName } from '../../src/schema/index.ts';
import { enableFeature, setProperties } from '../../src/table/alter.ts';
import { widenType } from '../../src/table/columns.ts';
import { featuresOfColumns } from '../../src/table/description.ts';
import { checkDescription } from '../../src/table/doctor-protocol.ts';
import { clusterBy, setDomain } from '../../src/table/domains.ts';
import { dropFeature } from '../../src/table/drop-feature.ts';
import { openSnapshot } from '../../src/table/open.ts';
import { domainOf } from '../../src/table/snapshot.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { addAction, appendSpec, memoryContext, newTable } from './context.ts';
import { commitTransaction } from '../../src/table/commit.ts';

type Step = (ctx: TableContext, snapshot: Snapshot) => Promise<unknown>;

const FLAGS = FEATURES.flatMap(({ property }) =>
  property?.on.test('true') === true ? [property.key] : [],
);
const PROPERTIES: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constantFrom(...FLAGS), fc.constantFrom('true', 'TRUE', 'false')),
  fc.tuple(fc.constant('delta.columnMapping.mode'), fc.constantFrom('name', 'id', 'none')),
  fc.tuple(fc.constant('delta.checkpointPolicy'), fc.constantFrom('v2', 'classic')),
  fc.tuple(fc.constant('delta.minReaderVersion'), fc.constantFrom('1', '2', '3')),
  fc.tuple(fc.constant('delta.minWriterVersion'), fc.constantFrom('2', '4', '5', '7')),
  fc.tuple(fc.constantFrom('delta.dataSkippingNumIndexedCols', 'own'), fc.constantFrom('1', '32')),
);
const NAMES = fc.constantFrom(...FEATURES.map(({ name }) => name));

const STEPS: fc.Arbitrary<Step> = fc.oneof(
  fc.array(PROPERTIES, { minLength: 1, maxLength: 3 }).map((entries): Step => {
    const set = Object.fromEntries(entries);
    return (ctx, snapshot) => setProperties(ctx, snapshot, { set });
  }),
  PROPERTIES.map(
    ([key]): Step =>
      (ctx, table) =>
        setProperties(ctx, table, { unset: [key] }),
  ),
  NAMES.map(
    (name): Step =>
      (ctx, snapshot) =>
        enableFeature(ctx, snapshot, name),
  ),
  NAMES.map(
    (name): Step =>
      (ctx, snapshot) =>
        dropFeature(ctx, snapshot, name),
  ),
  fc.subarray(['id', 'n', 's.x', 'l']).map(
    (columns): Step =>
      (ctx, snapshot) =>
        clusterBy(ctx, snapshot, columns),
  ),
  fc.option(fc.constant('{}')).map((configuration): Step => {
    const change = { domain: 'mine', configuration };
    return (ctx, snapshot) => setDomain(ctx, snapshot, change);
  }),
  fc.constantFrom('bigint', 'double').map((type): Step => {
    const change = { column: 'n', type: parseType(type) };
    return (ctx, snapshot) => widenType(ctx, snapshot, change);
  }),
  fc.nat().map((file): Step => {
    const add = addAction(`f${file}`, { stats: '{"numRecords":1}' });
    return (ctx, snapshot) => commitTransaction(ctx, snapshot, { ...appendSpec(), actions: [add] });
  }),
);

function expectSound(snapshot: Snapshot): void {
  const { protocol, metadata, schema } = snapshot;
  const { minReaderVersion, minWriterVersion, readerFeatures, writerFeatures } = protocol;
  expect(readerFeatures !== undefined).toBe(minReaderVersion === 3);
  expect(writerFeatures !== undefined).toBe(minWriterVersion === 7);
  if (minReaderVersion === 3) expect(minWriterVersion).toBe(7);
  const [readers, writers] = [readerFeatures ?? [], writerFeatures ?? []];
  expect(new Set(writers).size).toBe(writers.length);
  for (const name of readers) {
    expect(isReaderFeature(name)).toBe(true);
    expect(writers).toContain(name);
  }
  const has = supportedFeatures(protocol);
  for (const name of writers) expect(has).toContain(name);
  for (const { name, needs } of FEATURES) {
    if (has.has(name)) for (const needed of needs) expect(has).toContain(needed);
  }
  for (const name of featuresOfColumns(schema)) expect(has).toContain(name);
  expect(checkDescription(snapshot).filter(({ severity }) => severity === 'error')).toEqual([]);
  expect(() => checkReadable(protocol, metadata)).not.toThrow();
  expect(() => checkWritable(protocol, metadata, 'description')).not.toThrow();
  expectMapped(snapshot);
  if (isOn(metadata, 'delta.enableRowTracking')) {
    expect(metadata.configuration).toHaveProperty([
      'delta.rowTracking.materializedRowIdColumnName',
    ]);
  }
  if (domainOf(snapshot, 'delta.clustering') !== null) expect(has).toContain('clustering');
}

function expectMapped({ metadata, schema }: Snapshot): void {
  const { configuration } = metadata;
  if ((configuration['delta.columnMapping.mode'] ?? 'none') === 'none') return;
  const maxId = Number(configuration['delta.columnMapping.maxColumnId']);
  expect(highestId(schema)).toBeLessThanOrEqual(maxId);
  const ids = schema.fields.map(mappingId);
  expect(new Set(ids).size).toBe(schema.fields.length);
  expect(ids).not.toContain(null);
  expect(new Set(schema.fields.map(physicalName)).size).toBe(schema.fields.length);
}

test('any sequence of changes leaves a table that lists what it needs, and opens', async () => {
  const partitions = fc.constantFrom<readonly string[]>([], ['id']);
  await fc.assert(
    fc.asyncProperty(fc.array(STEPS, { maxLength: 12 }), partitions, async (steps, partitionBy) => {
      const ctx = memoryContext();
      const schema = parseDdl('id string, n int, s struct<x: date>, l array<int>');
      let snapshot: Snapshot = await newTable(ctx, { schema, partitionBy });
      for (const step of steps) {
        try {
          await step(ctx, snapshot);
        } catch (error) {
          // A refusal leaves the table as it was.
          if (!isDeltaError(error) || !['invalid', 'unsupported'].includes(error.kind)) throw error;
          expect((await openSnapshot(ctx)).version).toBe(snapshot.version);
        }
        snapshot = await openSnapshot(ctx);
        expectSound(snapshot);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
