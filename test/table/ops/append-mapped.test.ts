import { describe, expect, test } from 'vitest';

import { type ParquetNode, readFooter, storeSource } from '../../../src/parquet/index.ts';
import {
  decodePath,
  mappingId,
  parseDdl,
  physicalName,
  type StructType,
} from '../../../src/schema/index.ts';
import { commitTransaction } from '../../../src/table/commit.ts';
import { setProperties } from '../../../src/table/alter.ts';
import { createTable } from '../../../src/table/create.ts';
import { append } from '../../../src/table/ops/append.ts';
import { ingest } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import { listFiles } from '../../../src/table/ops/files.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { mapped } from '../../schema/mapped.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const DDL =
  'id bigint, name string, s struct<a:int,b:string>, l array<struct<x:int>>, m map<string,struct<y:bigint>>, p string';

const ROW = {
  id: 1n,
  name: 'Ana',
  s: { a: 1, b: 'x' },
  l: [{ x: 2 }],
  m: [['k', { y: 3n }]],
  p: 'a b',
} as const;

const OF_ENGINE =
  `SELECT 2::BIGINT AS id, 'Bia' AS name, {'a': 4, 'b': 'y'} AS s, [{'x': 5}] AS l, ` +
  `MAP {'k': {'y': 6::BIGINT}} AS m, unnest(['a b', NULL]) AS p`;

/** The id of each column by its name in files. */
function namesIn(schema: StructType): ReadonlyMap<string, number | null> {
  return new Map(schema.fields.map((field) => [physicalName(field), mappingId(field)]));
}

async function filesOf(
  { ctx }: Bench,
  snapshot: Snapshot,
): Promise<readonly { readonly path: string; readonly columns: readonly ParquetNode[] }[]> {
  const files = [];
  for (const { path, size: sizeBytes } of snapshot.files()) {
    const key = decodePath(path);
    const { columns } = await readFooter(storeSource(ctx.store, key, { sizeBytes }));
    files.push({ path, columns });
  }
  return files;
}

/** Every column of the file under its physical name and id, nested ones too. */
function expectMapped(nodes: readonly ParquetNode[], schema: StructType): void {
  const known = namesIn(schema);
  for (const { name, fieldId } of nodes) {
    expect(fieldId).toBeTypeOf('number');
    expect(fieldId).toBe(known.get(name));
  }
  for (const field of schema.fields) {
    const node = nodes.find(({ name }) => name === physicalName(field));
    if (node === undefined) continue;
    if (field.type.kind === 'struct') expectMapped(node.children, field.type);
    const inner = node.children[0]?.children ?? [];
    if (field.type.kind === 'array' && field.type.element.kind === 'struct') {
      expectMapped(inner[0]?.children ?? [], field.type.element);
    }
    if (field.type.kind === 'map' && field.type.value.kind === 'struct') {
      expectMapped(inner[1]?.children ?? [], field.type.value);
    }
  }
}

describe.each(['name', 'id'] as const)('a table that maps columns by %s', (mode) => {
  const properties = { 'delta.columnMapping.mode': mode };

  test('gets rows and files under physical names and ids, with partitions and statistics by them', async () => {
    await withBench('disk', async (bench) => {
      const table = await tableOf(bench, DDL, {
        partitionBy: ['p'],
        properties: { ...properties, 'delta.dataSkippingStatsColumns': 'id, s.b, p' },
      });
      const rows = await append(bench.ctx, table, { rows: [ROW] });
      const uri = await bench.parquet('in.parquet', OF_ENGINE);
      const { snapshot } = await append(bench.ctx, rows.snapshot, { parquet: [uri] });
      const files = await filesOf(bench, snapshot);
      expect(files).toHaveLength(3);
      for (const { path, columns } of files) {
        expect(path).toMatch(/^[0-9a-f]{2}\/part-00000-[^/]*$/);
        expect(columns).toHaveLength(5);
        expectMapped(columns, snapshot.schema);
      }
      const [id = '', , s = '', , , p = ''] = snapshot.schema.fields.map(physicalName);
      const struct = snapshot.schema.fields[2]?.type;
      const b = struct?.kind === 'struct' ? (struct.fields.map(physicalName)[1] ?? '') : '';
      const [first] = [...snapshot.files()].filter(({ stats }) => stats?.includes('"x"') === true);
      expect(first?.partitionValues).toEqual({ [p]: 'a b' });
      // Of the columns that the property names, by the names that people use.
      expect(JSON.parse(first?.stats ?? '')).toEqual({
        numRecords: 1,
        minValues: { [id]: 1, [s]: { [b]: 'x' } },
        maxValues: { [id]: 1, [s]: { [b]: 'x' } },
        nullCount: { [id]: 0, [s]: { [b]: 0 } },
      });
      const other = { ...ROW, id: 2n, name: 'Bia', s: { a: 4, b: 'y' }, l: [{ x: 5 }] };
      const added = { ...other, m: [['k', { y: 6n }]] };
      expect(await rowsOf(bench, snapshot)).toEqual([ROW, added, { ...added, p: null }]);
      expect([...listFiles(snapshot, { where: "id = 2 AND p = 'a b'" })]).toHaveLength(1);
      expect((await checksum(bench.ctx, snapshot)).rowCount).toBe(3);
    });
  });

  test('gets columns that rows bring, with ids of their own', async () => {
    await withBench('memory', async (bench) => {
      const table = await tableOf(bench, 'id bigint, s struct<a:int>', { properties });
      const foreign = parseDdl('id bigint, s struct<a:int, b:int>, `new` array<struct<c:int>>');
      const rows = [{ id: 1, s: { a: 1, b: 2 }, new: [{ c: 3 }] }];
      const source = { rows, schema: foreign };
      const { snapshot } = await append(bench.ctx, table, source, { evolve: 'add' });
      expect(snapshot.metadata.configuration['delta.columnMapping.maxColumnId']).toBe('6');
      const [file] = await filesOf(bench, snapshot);
      expectMapped(file?.columns ?? [], snapshot.schema);
      expect(file?.columns.map(({ name }) => name.slice(0, 4))).toEqual(['col-', 'col-', 'col-']);
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 1n, s: { a: 1, b: 2 }, new: [{ c: 3 }] },
      ]);
      const uri = await bench.parquet('in.parquet', `SELECT 2::BIGINT AS id, 'z' AS "last"`);
      const later = await append(bench.ctx, snapshot, { parquet: [uri] }, { evolve: 'add' });
      expect(later.snapshot.metadata.configuration['delta.columnMapping.maxColumnId']).toBe('7');
      expect(await rowsOf(bench, later.snapshot)).toContainEqual({
        id: 2n,
        s: null,
        new: null,
        last: 'z',
      });
    });
  });
});

test('a column that was renamed keeps its name in new files, and keys are found under it', async () => {
  await withBench('memory', async (bench) => {
    const plain = await tableOf(bench, 'k string, n bigint', {
      properties: { 'delta.columnMapping.mode': 'name' },
    });
    const first = await append(bench.ctx, plain, { rows: [{ k: 'a', n: 1 }] });
    const { metadata } = first.snapshot;
    const schemaString = metadata.schemaString.replace('"name":"k"', '"name":"key"');
    const change = await commitTransaction(bench.ctx, first.snapshot, {
      operation: 'RENAME COLUMN',
      actions: [{ kind: 'metaData', metaData: { ...metadata, schemaString } }],
      reads: { kind: 'table' },
    });
    if (change.kind !== 'committed') throw new Error('the column was not renamed');
    const renamed = change.snapshot;
    await bench.parquet('in.parquet', `SELECT unnest(['a', 'b', 'b']) AS key, 2::BIGINT AS n`);
    const inputs = await inspectInputs(bench.ctx, await bench.inputs(), {
      schema: renamed.schema,
      keyColumns: ['key'],
    });
    try {
      const result = await ingest(bench.ctx, renamed, inputs.accepted, { dropDuplicates: ['key'] });
      expect(result).toMatchObject({ kind: 'committed', duplicateCount: 2, insertedCount: 1 });
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { key: 'a', n: 1n },
        { key: 'b', n: 2n },
      ]);
      for (const { columns } of await filesOf(bench, result.snapshot)) {
        expectMapped(columns, result.snapshot.schema);
      }
    } finally {
      await inputs.close();
    }
  });
});

test('files are packed under their names in files', async () => {
  await withBench('memory', async (bench) => {
    let snapshot = await tableOf(bench, 'k string, n bigint', {
      partitionBy: ['k'],
      properties: { 'delta.columnMapping.mode': 'id' },
    });
    for (const n of [1n, 2n]) {
      snapshot = (await append(bench.ctx, snapshot, { rows: [{ k: 'a', n }] })).snapshot;
    }
    const rows = await rowsOf(bench, snapshot);
    const result = await optimize(bench.ctx, snapshot, {});
    expect(result).toMatchObject({ filesRemoved: 2, filesAdded: 1 });
    expect(await rowsOf(bench, result.snapshot)).toEqual(rows);
    expect(await optimize(bench.ctx, result.snapshot, { where: "k = 'b'" })).toMatchObject({
      kind: 'unchanged',
    });
  });
});

test.each(['none', 'name'])(
  'a table with the schema of a mapped one has names of its own, also where it is mapped later (%s)',
  async (mode) => {
    await withBench('memory', async (bench) => {
      const { ctx } = bench;
      const { id, s } = ROW;
      const fields = mapped(parseDdl('id bigint, s struct<a:int,b:string>')).fields;
      const twice: StructType = {
        kind: 'struct',
        fields: [...fields, ...fields.map((field) => ({ ...field, name: `${field.name}2` }))],
      };
      const properties = { 'delta.columnMapping.mode': mode };
      const { snapshot: start } = await createTable(ctx, { schema: twice, properties });
      const rows = [{ id, s, id2: 7n, s2: { a: 8, b: 'z' } }];
      const filled = await append(ctx, start, { rows });
      const set = { 'delta.columnMapping.mode': 'name' };
      const { snapshot } = await setProperties(ctx, filled.snapshot, { set });
      expect(await rowsOf(bench, snapshot)).toEqual(rows);
      expect(new Set(namesIn(snapshot.schema).values()).size).toBe(4);
    });
  },
);
