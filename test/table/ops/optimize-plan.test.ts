import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import type { AddFile } from '../../../src/log/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { filesToPack, type PackOptions } from '../../../src/table/ops/optimize-plan.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { addAction, commit, memoryContext, newTable } from '../context.ts';

interface FileSpec {
  readonly size: number;
  readonly made?: number;
  readonly day?: string | null;
}

/** A snapshot of files that need not exist; by default each is made after the one before. */
async function snapshotOf(
  files: readonly FileSpec[],
  properties: Readonly<Record<string, string>> = {},
): Promise<Snapshot> {
  const ctx = memoryContext();
  const schema = parseDdl('day date, id bigint');
  const table = await newTable(ctx, { schema, partitionBy: ['day'], properties });
  if (files.length === 0) return table;
  const actions = files.map(({ size, made, day = null }, index) =>
    addAction(`f${index}`, {
      size,
      modificationTime: made ?? index,
      partitionValues: { day },
    }),
  );
  const spec = { operation: 'WRITE', actions, reads: { kind: 'nothing' } as const };
  return (await commit(ctx, table, spec)).snapshot;
}

/** The sizes of the files of each bin. */
async function binsOf(
  sizes: readonly (number | FileSpec)[],
  options: PackOptions = {},
): Promise<readonly (readonly number[])[]> {
  const files = sizes.map((file) => (typeof file === 'number' ? { size: file } : file));
  const bins = filesToPack(await snapshotOf(files), { targetFileSizeBytes: 100, ...options });
  return bins.map((bin) => bin.files.map(({ size }) => size));
}

test('files are packed first fit up to the target; a file alone in its bin stays', async () => {
  expect(await binsOf([60, 50, 40, 10, 70])).toEqual([
    [60, 40],
    [50, 10],
  ]);
  expect(await binsOf([60, 50])).toEqual([]);
});

test('a file of three quarters of the target is not small, and a bin of as much is full', async () => {
  expect(await binsOf([75, 10, 74, 5])).toEqual([[10, 74]]);
});

test('files stand in the order in which they were made, and in that of the log at one time', async () => {
  const files = [3, 1, 2].map((made) => ({ size: made, made }));
  expect(await binsOf(files)).toEqual([[1, 2, 3]]);
  expect(
    await binsOf([
      { size: 9, made: 1 },
      { size: 8, made: 1 },
    ]),
  ).toEqual([[9, 8]]);
});

test('partitions are packed apart, each by the least number of files', async () => {
  const files = [
    { size: 1, day: '2026-01-01' },
    { size: 2, day: null },
    { size: 3, day: '2026-01-01' },
    { size: 4, day: null },
    { size: 5, day: null },
  ];
  expect(await binsOf(files)).toEqual([
    [1, 3],
    [2, 4, 5],
  ]);
  expect(await binsOf(files, { minFileCount: 3 })).toEqual([[2, 4, 5]]);
  expect(await binsOf(files, { minFileCount: 4 })).toEqual([]);
});

test('a condition over partition columns chooses partitions', async () => {
  const files = ['2026-01-01', '2026-01-02', null].flatMap((day) => [
    { size: 1, day },
    { size: 2, day },
  ]);
  const days = async (where: string): Promise<readonly unknown[]> => {
    const bins = filesToPack(await snapshotOf(files), { where });
    return bins.map(({ partitionValues }) => partitionValues['day']);
  };
  expect(await days("day > '2026-01-01'")).toEqual(['2026-01-02']);
  expect(await days('DAY IS NULL')).toEqual([null]);
});

test('a condition over other columns, an unknown one, and a target of nothing are refused', async () => {
  await expect(binsOf([1, 2], { where: 'id > 3' })).rejects.toMatchObject({
    code: 'OPTIMIZE_INVALID',
    message: expect.stringContaining('id, which is no partition column'),
  });
  await expect(binsOf([1, 2], { where: 'x = 1' })).rejects.toMatchObject({ kind: 'invalid' });
  for (const targetFileSizeBytes of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    await expect(binsOf([1, 2], { targetFileSizeBytes })).rejects.toMatchObject({
      code: 'OPTIMIZE_INVALID',
    });
  }
});

test(`the table's own target counts where none is given`, async () => {
  const files = [400, 500, 600].map((size) => ({ size }));
  const bins = filesToPack(await snapshotOf(files, { 'delta.targetFileSize': '1kb' }));
  expect(bins.map((bin) => bin.sizeBytes)).toEqual([900]);
});

test('gradually, a file larger than the others together waits', async () => {
  expect(await binsOf([50, 5, 5], { gradual: true })).toEqual([[5, 5]]);
  expect(await binsOf([50, 20, 30], { gradual: true })).toEqual([[50, 20, 30]]);
  expect(await binsOf([50, 20, 4, 4], { gradual: true })).toEqual([[4, 4]]);
  expect(await binsOf([50, 5, 5], { gradual: true, minFileCount: 3 })).toEqual([]);
});

test('packed gradually over and over, rows are written a few times, and files stay few', async () => {
  let files: AddFile[] = [];
  let written = 0;
  const options = { targetFileSizeBytes: 1_000, minFileCount: 8, gradual: true };
  for (let batch = 0; batch < 1_000; batch += 1) {
    files.push(fileOf(`b${batch}`, { size: 1, made: batch }));
    const snapshot = { ...(await emptySnapshot), files: () => files };
    for (const bin of filesToPack(snapshot, options)) {
      written += bin.sizeBytes;
      const gone = new Set(bin.files);
      files = files.filter((file) => !gone.has(file));
      files.push(fileOf(`p${batch}`, { size: bin.sizeBytes, made: batch }));
    }
    expect(files.length).toBeLessThan(20);
  }
  expect(written / 1_000).toBeLessThan(10);
});

test('no file is lost, packed twice, or packed beyond the target', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 60 });
  const rule = fc.asyncProperty(sizes, fc.boolean(), async (all, gradual) => {
    const snapshot = await snapshotOf(all.map((size) => ({ size })));
    const bins = filesToPack(snapshot, { targetFileSizeBytes: 100, gradual });
    const paths = bins.flatMap((bin) => bin.files.map(({ path }) => path));
    expect(new Set(paths).size).toBe(paths.length);
    for (const bin of bins) {
      expect(bin.sizeBytes).toBeLessThanOrEqual(100);
      expect(bin.files.length).toBeGreaterThan(1);
      expect(bin.files.every(({ size }) => size < 75)).toBe(true);
    }
  });
  await fc.assert(rule, { numRuns: 50 });
});

const emptySnapshot = snapshotOf([]);

function fileOf(path: string, { size, made = 0 }: FileSpec): AddFile {
  const partitionValues = { day: null };
  return { path, partitionValues, size, modificationTime: made, dataChange: true };
}
