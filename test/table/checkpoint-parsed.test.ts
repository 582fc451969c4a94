/** Typed statistics and partition values in checkpoints: written with Spark's types, and read where nothing else is there. */

import { writeFile } from 'node:fs/promises';

import { expect, test } from 'vitest';

import { parseJson } from '../../src/base/index.ts';
import { checkpointPath, commitPath } from '../../src/log/index.ts';
import { memorySource, type ParquetNode, readFooter } from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { duckdb, inFolder } from '../parquet/duckdb.ts';
import { addAction, appendSpec, commit, memoryContext, newTable } from './context.ts';

const SCHEMA =
  'p date, i int, l bigint, d decimal(20,2), f double, s string, t timestamp, n timestamp_ntz, b boolean, ' +
  'y binary, a array<int>, r struct<x: int, z: binary>';

const STATS = {
  numRecords: 3,
  minValues: {
    i: -1,
    f: 0.5,
    s: '',
    t: '2024-01-01T00:00:00.001Z',
    n: '2024-01-01T00:00:00.001',
    r: { x: 4 },
  },
  maxValues: {
    i: 7,
    f: 1.25,
    s: 'çã',
    t: '2024-01-01T00:00:00.999123Z',
    n: '2024-01-01T00:00:01.000',
    r: { x: 5 },
  },
  nullCount: { i: 0, a: 2, b: 1, r: { x: 0, z: 3 } },
};
/** With digits that a double would not keep. */
const TEXT = JSON.stringify(STATS)
  .replace('"minValues":{', '"minValues":{"l":-9007199254740993,"d":-123456789012345678.25,')
  .replace('"maxValues":{', '"maxValues":{"l":9007199254740993,"d":123456789012345678.25,');

async function table(
  properties: Readonly<Record<string, string>>,
): Promise<{ readonly ctx: TableContext; readonly snapshot: Snapshot }> {
  const ctx = memoryContext();
  const created = await newTable(ctx, { schema: parseDdl(SCHEMA), partitionBy: ['p'], properties });
  const actions = [
    addAction('p=2024-02-29/a', { partitionValues: { p: '2024-02-29' }, stats: TEXT }),
    addAction('b', { partitionValues: { p: null }, stats: 'torn {' }),
    addAction('c', { partitionValues: { p: null } }),
  ];
  const { snapshot } = await commit(ctx, created, { ...appendSpec(), actions });
  await writeCheckpoint(ctx, snapshot);
  await ctx.store.delete([commitPath(0), commitPath(1)]);
  return { ctx, snapshot: await openSnapshot(ctx) };
}

const STRUCT = { 'delta.checkpoint.writeStatsAsStruct': 'true' };
const ALONE = { ...STRUCT, 'delta.checkpoint.writeStatsAsJson': 'false' };

async function membersOf(ctx: TableContext): Promise<ReadonlyMap<string, string>> {
  const { bytes } = await ctx.store.get(checkpointPath(1));
  const { columns } = await readFooter(memorySource('checkpoint', bytes));
  const found = new Map<string, string>();
  const visit = (node: ParquetNode, path: string): void => {
    if (node.physicalType !== null) found.set(path, node.logicalType?.kind ?? node.physicalType);
    for (const child of node.children) visit(child, `${path}.${child.name}`);
  };
  for (const member of columns.find(({ name }) => name === 'add')?.children ?? []) {
    visit(member, member.name);
  }
  return found;
}

test('typed members have the columns and types that Spark gives them', async () => {
  const { ctx } = await table(STRUCT);
  const members = await membersOf(ctx);
  expect([...members].filter(([name]) => /^(stats|partitionValues_parsed)/.test(name))).toEqual([
    ['stats', 'string'],
    ['partitionValues_parsed.p', 'date'],
    ['stats_parsed.numRecords', 'INT64'],
    ...['minValues', 'maxValues'].flatMap((bound) =>
      [
        ['i', 'INT32'],
        ['l', 'INT64'],
        ['d', 'decimal'],
        ['f', 'DOUBLE'],
        ['s', 'string'],
        ['t', 'timestamp'],
        ['n', 'timestamp'],
        ['r.x', 'INT32'],
      ].map(([name, type]) => [`stats_parsed.${bound}.${name}`, type]),
    ),
    ...['i', 'l', 'd', 'f', 's', 't', 'n', 'b', 'y', 'a', 'r.x', 'r.z'].map((name) => [
      `stats_parsed.nullCount.${name}`,
      'INT64',
    ]),
  ]);
});

test('another engine reads the values', async () => {
  const { ctx } = await table(STRUCT);
  const { bytes } = await ctx.store.get(checkpointPath(1));
  const rows = await inFolder(async (folder) => {
    await writeFile(`${folder}/c.parquet`, bytes);
    const parsed = 'add.stats_parsed';
    return duckdb(
      `SELECT add.path AS path, add.partitionValues_parsed.p::varchar AS p, ${parsed}.numRecords::int AS n,
        ${parsed}.minValues.l::varchar AS l, ${parsed}.maxValues.d::varchar AS d, ${parsed}.minValues.s AS s,
        epoch_us(${parsed}.maxValues.t)::varchar AS t, ${parsed}.nullCount.r.z::int AS z
       FROM '${folder}/c.parquet' WHERE add.path IS NOT NULL ORDER BY path`,
    );
  });
  const none = { p: null, n: null, l: null, d: null, s: null, t: null, z: null };
  expect(rows).toEqual([
    { path: 'b', ...none },
    { path: 'c', ...none },
    {
      path: 'p=2024-02-29/a',
      p: '2024-02-29',
      n: 3,
      l: '-9007199254740993',
      d: '123456789012345678.25',
      s: '',
      t: '1704067200999123',
      z: 3,
    },
  ]);
});

test('statistics that are typed alone are the same statistics', async () => {
  const { ctx, snapshot } = await table(ALONE);
  expect((await membersOf(ctx)).has('stats')).toBe(false);
  const [a, b, c] = [...snapshot.files()].sort((x, y) => (x.path < y.path ? 1 : -1));
  expect(parseJson(a?.stats ?? '')).toEqual(parseJson(TEXT));
  expect([b?.stats, c?.stats]).toEqual([undefined, undefined]);
  const { snapshot: more } = await commit(ctx, snapshot, appendSpec());
  await writeCheckpoint(ctx, more);
  const again = await openSnapshot(ctx);
  expect(again.file('p=2024-02-29/a')?.stats).toBe(a?.stats);
});

test('the text is left out for typed statistics only', async () => {
  const { ctx } = await table({ 'delta.checkpoint.writeStatsAsJson': 'false' });
  const members = await membersOf(ctx);
  expect(members.has('stats')).toBe(true);
  expect(members.has('stats_parsed.numRecords')).toBe(false);
});
