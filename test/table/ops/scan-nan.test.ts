import { expect, test } from 'vitest';

import { append } from '../../../src/table/ops/append.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { tableOf, withBench } from './write-table.ts';

test('a NaN is found as what is greater than all, in files that hold other numbers as well', async () => {
  await withBench('disk', async (bench) => {
    const start = await tableOf(bench, 'id bigint, x double, y float');
    const rows = [
      { id: 1n, x: Number.NaN, y: 1 },
      { id: 2n, x: 1, y: Number.NaN },
    ];
    const { snapshot } = await append(bench.ctx, start, { rows });
    for (const [where, ids] of [
      ['x > 1.5', [1n]],
      ["y = CAST('NaN' AS FLOAT)", [2n]],
      ['y >= 0.5', [1n, 2n]],
      ['x < 1.5', [2n]],
    ] as const) {
      const found = await Array.fromAsync(scanRows(bench.ctx, snapshot, { where }));
      expect(found.map(({ id }) => id)).toEqual(ids);
    }
  });
});
