/** A checkpoint that is damaged where nothing looks at first gives way to what is sound, and one that repeats a file has it once. */

import { readFile, writeFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import { checkpointPath, checksumPath, commitPath } from '../../src/log/index.ts';
import {
  memorySource,
  readFooter,
  readRows,
  rowsToArrow,
  writeParquet,
} from '../../src/parquet/index.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';
import { checkpointSchema } from '../../src/table/checkpoint-rows.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot, refreshSnapshot } from '../../src/table/open.ts';
import type { TableContext } from '../../src/table/types.ts';
import { duckdb, inFolder } from '../parquet/duckdb.ts';
import { addAction, appendSpec, commit, memoryContext, newTable, pathsOf } from './context.ts';

const PATHS = Array.from({ length: 300 }, (_, index) => `part-${index}-of-many.parquet`);
const STATS = '{"numRecords":1,"minValues":{"id":"a text that repeats"}}';

/** Versions 0 and 1, and a checkpoint of 1. */
async function table(): Promise<TableContext> {
  const ctx = memoryContext();
  const created = await newTable(ctx, {
    schema: parseDdl('id string, part string'),
    partitionBy: ['part'],
    properties: { 'delta.checkpointInterval': '1000' },
  });
  const actions = PATHS.map((path, size) => {
    const partitionValues = { part: String(size % 100) };
    return addAction(path, { size, partitionValues, stats: `${STATS} ` + size });
  });
  const { snapshot } = await commit(ctx, created, { ...appendSpec(), actions });
  await writeCheckpoint(ctx, snapshot);
  return ctx;
}

async function damage(ctx: TableContext, column: string): Promise<void> {
  const { bytes } = await ctx.store.get(checkpointPath(1));
  const { rowGroups } = await readFooter(memorySource('checkpoint', bytes));
  const chunk = rowGroups.at(-1)?.columns.find(({ path }) => path.join('.') === `add.${column}`);
  const changed = Buffer.from(bytes);
  const place = (chunk?.start ?? 0) + (chunk?.sizeBytes ?? 0) - 20;
  changed[place] = (changed[place] ?? 0) ^ 0xff;
  await ctx.store.put(checkpointPath(1), changed, { kind: 'overwrite' });
}

describe.each(['path', 'stats'])('a changed byte in the column %s', (column) => {
  test('makes the table open from its commits', async () => {
    const ctx = await table();
    await damage(ctx, column);
    const snapshot = await openSnapshot(ctx);
    expect(pathsOf(snapshot)).toEqual([...PATHS].sort());
    expect([...snapshot.files()].every(({ stats }) => stats?.startsWith(STATS))).toBe(true);
  });

  test('is told where the commits are gone', async () => {
    const ctx = await table();
    await damage(ctx, column);
    await ctx.store.delete([commitPath(0)]);
    await expect(openSnapshot(ctx)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      details: { version: 1, path: checkpointPath(1) },
    });
  });
});

test('what shows late, as the writer gave no checksums, is told, and passed over from then on', async () => {
  const ctx = await table();
  const { bytes } = await ctx.store.get(checkpointPath(1));
  const theirs = await inFolder(async (folder) => {
    await writeFile(`${folder}/ours.parquet`, bytes);
    await duckdb(`COPY (SELECT * FROM '${folder}/ours.parquet') TO '${folder}/t.parquet'`);
    return readFile(`${folder}/t.parquet`);
  });
  await ctx.store.put(checkpointPath(1), theirs, { kind: 'overwrite' });
  const { columns = [] } = (await readFooter(memorySource('t', theirs))).rowGroups[0] ?? {};
  const stats = columns.find(({ path }) => path.join('.') === 'add.stats');
  // The length of a text, or where the page says how long it is: no value any more.
  theirs.fill(
    0xff,
    (stats?.dataStart ?? 0) + (stats?.sizeBytes ?? 0) - 60,
    (stats?.dataStart ?? 0) + (stats?.sizeBytes ?? 0) - 30,
  );
  await ctx.store.put(checkpointPath(1), theirs, { kind: 'overwrite' });
  const snapshot = await openSnapshot(ctx);
  expect(() => [...snapshot.files()]).toThrow(
    expect.objectContaining({ code: 'CHECKPOINT_CORRUPT' }),
  );
  const refreshed = await refreshSnapshot(ctx, snapshot);
  expect(pathsOf(refreshed)).toEqual([...PATHS].sort());
  await ctx.store.delete([commitPath(0)]);
  await expect(refreshSnapshot(ctx, snapshot)).rejects.toMatchObject({
    code: 'CHECKPOINT_CORRUPT',
  });
});

test('an add that stands twice in a checkpoint is one file', async () => {
  const ctx = await table();
  const { bytes } = await ctx.store.get(checkpointPath(1));
  const source = memorySource('checkpoint', bytes);
  const rows: Row[] = [];
  for await (const row of readRows(source, await readFooter(source))) rows.push(withPairs(row));
  const doubled = [...rows, ...rows.slice(-40)];
  const file = await writeParquet(await rowsToArrow(checkpointSchema(), doubled), {
    rowGroupRowsMax: 100,
  });
  await ctx.store.put(checkpointPath(1), file, { kind: 'overwrite' });
  // Without the checksum file, whose count of the files all would be looked at for.
  await ctx.store.delete([commitPath(0), commitPath(1), checksumPath(1)]);
  const snapshot = await openSnapshot(ctx);
  const inParts = Array.from({ length: 100 }, (_, number) => [
    ...snapshot.files({ partition: ({ part }) => part === String(number) }),
  ]);
  expect(inParts.map((files) => files.length)).toEqual(inParts.map(() => 3));
  expect(snapshot.fileCount).toBe(300);
  expect(snapshot.sizeBytes).toBe((299 * 300) / 2);
  expect(pathsOf(snapshot)).toEqual([...PATHS].sort());
});

/** Maps as `rowsToArrow` takes them. */
function withPairs(row: Readonly<Record<string, unknown>>): Row {
  return JSON.parse(JSON.stringify(row, pairs)) as Row;
}

const MAPS: ReadonlySet<string> = new Set(['partitionValues', 'options', 'configuration', 'tags']);

function pairs(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return MAPS.has(key) && typeof value === 'object' && value !== null
    ? Object.entries(value)
    : value;
}
