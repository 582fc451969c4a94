/** Packing that follows commits by itself. */

import { expect, test } from 'vitest';

import { rowCountOf } from '../../../src/log/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const ON = { 'delta.autoOptimize.autoCompact': 'true' };

async function appendMany(bench: Bench, count: number, properties = {}): Promise<void> {
  let snapshot = await tableOf(bench, 'id bigint, p int', { partitionBy: ['p'], properties });
  for (let id = 0; id < count; id += 1) {
    const rows = [{ id: BigInt(id), p: id < 60 ? 0 : 1 }];
    const result = await append(bench.ctx, snapshot, { rows });
    expect(result.postCommitErrors).toEqual([]);
    ({ snapshot } = result);
  }
}

test('a partition with many small files is packed after the commit that makes them many', async () => {
  await withBench('memory', async (bench) => {
    await appendMany(bench, 65, ON);
    const latest = await openSnapshot(bench.ctx);
    // 50 became one, and 10 came after; the other partition has 5 files.
    expect(latest.version).toBe(66);
    expect(latest.fileCount).toBe(1 + 10 + 5);
    expect(await rowsOf(bench, latest)).toHaveLength(65);
    const counts = Array.from(latest.files(), rowCountOf).sort((a, b) => Number(b) - Number(a));
    expect(counts.slice(0, 2)).toEqual([50, 1]);
  });
});

test('nothing is packed where the table does not ask for it; row ids are in the way of nothing', async () => {
  await withBench('memory', async (bench) => {
    await appendMany(bench, 52);
    expect((await openSnapshot(bench.ctx)).fileCount).toBe(52);
  });
  await withBench('memory', async (bench) => {
    await appendMany(bench, 52, { ...ON, 'delta.enableRowTracking': 'true' });
    expect((await openSnapshot(bench.ctx)).fileCount).toBe(1 + 2);
  });
});
