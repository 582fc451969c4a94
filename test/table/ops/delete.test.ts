import { describe, expect, test } from 'vitest';

import type { Row } from '../../../src/schema/index.ts';
import { append } from '../../../src/table/ops/append.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const VECTORS = { 'delta.enableDeletionVectors': 'true' };

async function filled(
  bench: Bench,
  files: readonly (readonly Row[])[],
  spec: Parameters<typeof tableOf>[2] = {},
  ddl = 'id bigint, name string',
): Promise<Snapshot> {
  let snapshot = await tableOf(bench, ddl, spec);
  for (const rows of files) snapshot = (await append(bench.ctx, snapshot, { rows })).snapshot;
  return snapshot;
}

const rows = (from: number, to: number): readonly Row[] =>
  Array.from({ length: to - from }, (_, index) => ({
    id: BigInt(from + index),
    name: index % 5 === 4 ? null : `n${String(from + index)}`,
  }));

async function ids(bench: Bench, snapshot: Snapshot): Promise<readonly number[]> {
  return (await rowsOf(bench, snapshot)).map(({ id }) => Number(id)).toSorted((a, b) => a - b);
}

describe.each([
  ['memory', 'copy-on-write', {}],
  ['disk', 'copy-on-write', {}],
  ['memory', 'deletion-vectors', VECTORS],
  ['disk', 'deletion-vectors', VECTORS],
] as const)('delete (%s, %s)', (kind, mode, properties) => {
  test('takes the rows for which the condition is true, and leaves other files alone', async () => {
    await withBench(kind, async (bench) => {
      const start = await filled(bench, [rows(0, 10), rows(10, 20), rows(20, 30)], { properties });
      const before = [...start.files()].map(({ path }) => path);
      const result = await deleteRows(bench.ctx, start, { where: 'id % 2 = 1 AND id < 15' });
      expect(result).toMatchObject({ kind: 'committed', mode, rowCount: 7 });
      const fate = mode === 'copy-on-write' ? 'rewrite' : 'vector';
      expect(result.files.map((file) => [file.fate, file.rowCount])).toEqual([
        [fate, 5],
        [fate, 2],
      ]);
      const left = rows(0, 30).map(({ id }) => Number(id));
      expect(await ids(bench, result.snapshot)).toEqual(
        left.filter((id) => id % 2 === 0 || id >= 15),
      );
      const after = [...result.snapshot.files()].map(({ path }) => path);
      expect(after.filter((path) => before.includes(path))).toHaveLength(fate === 'vector' ? 3 : 1);
    });
  });
});
