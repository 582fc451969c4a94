import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tableFromArrays, tableToIPC } from 'apache-arrow';
import * as wasm from 'parquet-wasm';
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

test('a NaN is found in files whose writer left it out of the bounds', async () => {
  await withBench('disk', async (bench) => {
    const columns = tableFromArrays({
      id: BigInt64Array.of(1n, 2n),
      x: Float64Array.of(1, Number.NaN),
      y: Float32Array.of(Number.NaN, 1),
    });
    const encoded = wasm.writeParquet(wasm.Table.fromIPCStream(tableToIPC(columns, 'stream')));
    const file = join(bench.folder, 'arrow.parquet');
    await writeFile(file, encoded);
    const start = await tableOf(bench, 'id bigint, x double, y float');
    const { snapshot } = await append(bench.ctx, start, { parquet: [file] });
    for (const [where, ids] of [
      ['x > 1.5', [2n]],
      ["y = CAST('NaN' AS FLOAT)", [1n]],
      ['x >= 1 AND id > 1', [2n]],
      ['NOT y < 5', [1n]],
    ] as const) {
      const found = await Array.fromAsync(scanRows(bench.ctx, snapshot, { where }));
      expect(found.map(({ id }) => id)).toEqual(ids);
    }
  });
});
