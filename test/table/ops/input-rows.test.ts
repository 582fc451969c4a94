import { expect, test } from 'vitest';

import { parseDdl, type Row } from '../../../src/schema/index.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import { openInputRows } from '../../../src/table/ops/input-rows.ts';
import { withBench } from './write-table.ts';

const SCHEMA = parseDdl('id string, at timestamp, price decimal(6,2), day date, more string');

test('rows come in the order of the files, each key once, with the values of rows', async () => {
  await withBench('memory', async (bench) => {
    const time = `TIMESTAMPTZ '2024-01-01 00:00:00.000001Z'`;
    await bench.parquet(
      '1.parquet',
      `SELECT * FROM (VALUES ('b', ${time}, 12.5::DECIMAL(6,2), DATE '2024-02-29', 'x'), ('a', NULL, NULL, NULL, NULL),
        ('', NULL, NULL, NULL, 'no id')) AS v(id, "at", price, "day", more)`,
    );
    await bench.parquet(
      '2.parquet',
      `SELECT * FROM (VALUES ('a', ${time}, 1::DECIMAL(6,2), DATE '2024-01-01', 'doubled'),
        ('c', ${time}, 1::DECIMAL(6,2), DATE '2024-01-01', NULL)) AS v(id, "at", price, "day", more)`,
    );
    const inspected = await inspectInputs(bench.ctx, await bench.inputs(), {
      schema: SCHEMA,
      keyColumns: ['id'],
    });
    const found = await openInputRows(bench.ctx, inspected.accepted, {
      schema: SCHEMA,
      keyColumns: ['id'],
      dropDuplicates: ['id'],
    });
    expect(found.duplicateCount).toBe(1);
    const rows: Row[] = await Array.fromAsync(found.rows);
    expect(rows).toEqual([
      { id: 'b', at: '2024-01-01T00:00:00.000001Z', price: '12.50', day: '2024-02-29', more: 'x' },
      { id: 'a', at: null, price: null, day: null, more: null },
      { id: 'c', at: '2024-01-01T00:00:00.000001Z', price: '1.00', day: '2024-01-01', more: null },
    ]);
    await found.close();
    await inspected.close();
  });
});
