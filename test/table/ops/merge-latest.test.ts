import { expect, test } from 'vitest';

import { parseDdl } from '../../../src/schema/index.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import { prepareMergeSource } from '../../../src/table/ops/merge-latest.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { rowsOf, tableOf, withBench } from './write-table.ts';

const EVENTS = parseDdl('id string, at timestamp, code string, r string');

test('each event counts once, and of each key the newest is merged', async () => {
  await withBench('memory', async (bench) => {
    const at = (minute: number): string => `TIMESTAMPTZ '2024-01-01 00:0${minute}:00Z'`;
    await bench.parquet(
      '1.parquet',
      `SELECT * FROM (VALUES ('a', ${at(1)}, 'K', 'old'), ('b', ${at(3)}, 'K', 'new'), ('c', NULL, 'L', 'no time'),
        ('d', ${at(1)}, 'M', 'tie a'), ('e', ${at(1)}, 'M', 'tie é'), ('f', ${at(1)}, 'M', 'tie z'), ('g', NULL, 'N', NULL),
        ('', ${at(1)}, 'O', 'no id')) AS v(id, "at", code, r)`,
    );
    await bench.parquet(
      '2.parquet',
      `SELECT * FROM (VALUES ('a', ${at(9)}, 'K', 'doubled id'), ('h', ${at(2)}, 'L', 'timed')) AS v(id, "at", code, r)`,
    );
    const inspected = await inspectInputs(bench.ctx, await bench.inputs(), {
      schema: EVENTS,
      keyColumns: ['id'],
    });
    const prepared = await prepareMergeSource(bench.ctx, inspected.accepted, {
      schema: EVENTS,
      dropDuplicates: ['id'],
      keepLatest: { by: ['code'], orderBy: ['at', 'r'] },
    });
    expect(prepared).toMatchObject({
      inputRowCount: 10,
      rejectedCount: 1,
      duplicateCount: 1,
      rowCount: 4,
    });
    const start = await tableOf(bench, 'code string, r string');
    const { snapshot } = await merge(bench.ctx, start, {
      source: prepared.source,
      on: 't.code = s.code',
      whenMatched: [{ update: '*' }],
      whenNotMatched: [{ insert: '*' }],
    });
    expect(await rowsOf(bench, snapshot)).toEqual([
      { code: 'K', r: 'new' },
      { code: 'L', r: 'timed' },
      { code: 'M', r: 'tie é' },
      { code: 'N', r: null },
    ]);
    await prepared.close();
    await inspected.close();
  });
});
