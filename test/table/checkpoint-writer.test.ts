/** What a checkpoint takes over from the one before, and that it says the same as one that is written from nothing. */

import { open, writeFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';

import {
  type Action,
  type AddFile,
  checkpointPath,
  commitPath,
  type DeletionVectorDescriptor,
} from '../../src/log/index.ts';
import { memorySource, type ParquetFooter, readFooter } from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { writeCheckpoint } from '../../src/table/checkpoint.ts';
import { openSnapshot } from '../../src/table/open.ts';
import type { Snapshot, TableContext } from '../../src/table/types.ts';
import { duckdbFile } from '../parquet/duckdb.ts';
import {
  addAction,
  appendSpec,
  commit,
  memoryContext,
  newTable,
  onDisk,
  removeAction,
} from './context.ts';

const VECTOR: DeletionVectorDescriptor = {
  storageType: 'u',
  pathOrInlineDv: 'ab^-aqEH.-t@S}K{vb[*k^',
  offset: 4,
  sizeInBytes: 40,
  cardinality: 6,
};

/** Files of all shapes: some without statistics, with tags, with a deletion vector, with row ids. */
function files(start: number, end: number): readonly Action[] {
  return Array.from({ length: end - start }, (_, index) => {
    const number = start + index;
    return addAction(`d=${number % 7}/ç ${number}.parquet`, {
      partitionValues: { d: number % 7 === 0 ? null : String(number % 7) },
      size: number * 1_000_003,
      modificationTime: 1_700_000_000_000 + number,
      ...(number % 5 === 0 ? {} : { stats: `{"numRecords":${number},"minValues":{"t":"é"}}` }),
      ...(number % 11 === 0 ? { tags: { a: 'b', n: null } } : {}),
      ...(number % 13 === 0 ? { deletionVector: VECTOR } : {}),
      ...(number % 3 === 0 ? { baseRowId: number * 10, defaultRowCommitVersion: number } : {}),
      ...(number % 17 === 0 ? { clusteringProvider: 'c' } : {}),
    });
  });
}

function contentOf(snapshot: Snapshot): readonly AddFile[] {
  return Array.from(snapshot.files(), (file) => ({ ...file, dataChange: false })).sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

async function footerOf(ctx: TableContext, version: number): Promise<ParquetFooter> {
  const { bytes } = await ctx.store.get(checkpointPath(version));
  return readFooter(memorySource('checkpoint', bytes));
}

async function pagesOf(ctx: TableContext, version: number, rowGroup: number): Promise<Buffer> {
  const { bytes } = await ctx.store.get(checkpointPath(version));
  const columns = (await footerOf(ctx, version)).rowGroups[rowGroup]?.columns ?? [];
  const [first, last] = [columns[0], columns.at(-1)];
  return Buffer.from(bytes.subarray(first?.start, (last?.start ?? 0) + (last?.sizeBytes ?? 0)));
}

const rowCounts = ({ rowGroups }: ParquetFooter): readonly number[] =>
  rowGroups.map(({ rowCount }) => rowCount);

/** Commits some actions, and writes a checkpoint of what the log says then, as a new process would. */
async function step(ctx: TableContext, actions: readonly Action[]): Promise<Snapshot> {
  await commit(ctx, await openSnapshot(ctx), { ...appendSpec(), actions });
  const snapshot = await openSnapshot(ctx);
  await writeCheckpoint(ctx, snapshot);
  await ctx.store.delete([commitPath(snapshot.version)]);
  expect(contentOf(await openSnapshot(ctx))).toEqual(contentOf(snapshot));
  return snapshot;
}

async function start(ctx: TableContext): Promise<void> {
  await newTable(ctx, {
    schema: parseDdl('d string, t string'),
    partitionBy: ['d'],
    properties: { 'delta.checkpointInterval': '1000' },
  });
}

describe('a checkpoint', () => {
  test('copies the row groups of the one before in which nothing changed', async () => {
    await onDisk(async (ctx) => {
      await start(ctx);
      await step(ctx, files(0, 5_000));
      await step(ctx, files(5_000, 5_010));
      expect(rowCounts(await footerOf(ctx, 1))).toEqual([2, 5_000]);
      expect(rowCounts(await footerOf(ctx, 2))).toEqual([2, 5_000, 10]);
      expect((await pagesOf(ctx, 2, 1)).equals(await pagesOf(ctx, 1, 1))).toBe(true);
    });
  });

  test('leaves removed files out of the pages that it copies', async () => {
    await onDisk(async (ctx) => {
      await start(ctx);
      await step(ctx, files(0, 5_000));
      await step(ctx, [
        removeAction('d=1/ç 1.parquet'),
        removeAction('d=3/ç 4000.parquet'),
        ...files(5_000, 5_005),
      ]);
      expect((await step(ctx, files(5, 6))).fileCount).toBe(5_003);
    });
  });

  test('puts small row groups together, so that they stay few', async () => {
    await onDisk(async (ctx) => {
      await start(ctx);
      for (let at = 0; at < 16; at += 1) await step(ctx, files(at * 3, at * 3 + 3));
      const counts = rowCounts(await footerOf(ctx, 16));
      expect(counts.slice(1).reduce((sum, count) => sum + count, 0)).toBe(48);
      expect(counts.length).toBeLessThan(7);
    });
  });

  test('takes over what another writer wrote, in memory and on disk', async () => {
    await onDisk(async (disk, folder) => {
      for (const ctx of [disk, memoryContext()]) {
        await start(ctx);
        await step(ctx, [...files(0, 5_000), removeAction('never')]);
        const { bytes } = await ctx.store.get(checkpointPath(1));
        await writeFile(`${folder}/ours.parquet`, bytes);
        const theirs = await duckdbFile(`SELECT * FROM '${folder}/ours.parquet'`);
        await ctx.store.put(checkpointPath(1), theirs, { kind: 'overwrite' });
        await step(ctx, [removeAction('d=1/ç 1.parquet'), ...files(5_000, 5_003)]);
        await step(ctx, files(5_003, 5_004));
      }
    });
  });
});

test('a byte that changes in what is copied ends the checkpoint, and is not handed on', async () => {
  await onDisk(async (ctx, folder) => {
    await start(ctx);
    await step(ctx, files(0, 5_000));
    await commit(ctx, await openSnapshot(ctx), appendSpec('more'));
    const snapshot = await openSnapshot(ctx);
    const chunk = (await footerOf(ctx, 1)).rowGroups[1]?.columns.find(
      ({ path }) => path.join('.') === 'add.stats',
    );
    const file = await open(`${folder}/${checkpointPath(1)}`, 'r+');
    await file.write(Buffer.alloc(8, 0xa5), 0, 8, (chunk?.start ?? 0) + 9_000);
    await file.close();
    await expect(writeCheckpoint(ctx, snapshot)).rejects.toMatchObject({ kind: 'data' });
    expect(await ctx.store.head(checkpointPath(2))).toBeNull();
  });
});
