import { describe, expect, test } from 'vitest';

import { literal } from '../../../src/engine/index.ts';
import { parseDdl, type Row, type Transform } from '../../../src/schema/index.ts';
import { ingest, type IngestOptions } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import type { PreparedInput } from '../../../src/table/ops/input-types.ts';
import { prepareMergeSource } from '../../../src/table/ops/merge-latest.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import {
  inferSchema,
  transformInputs,
  type TransformOptions,
} from '../../../src/table/ops/transform.ts';
import { localStore } from '../../../src/store/index.ts';
import { type Bench, dataFiles, tableOf, withBench } from './write-table.ts';

/** The files of the folder, as inputs of any columns. */
async function inputsOf(bench: Bench): Promise<readonly PreparedInput[]> {
  const files = await bench.inputs();
  const open = { schema: parseDdl(''), keyColumns: [] };
  const { accepted, close } = await inspectInputs(bench.ctx, files, open);
  await close();
  return accepted;
}

interface Case extends TransformOptions {
  readonly transform: Transform;
  readonly partitionBy?: readonly string[];
  readonly ingest?: Partial<IngestOptions>;
}

/** What a transform makes of the files, as rows of a table that was made for it. */
async function rowsAfter(bench: Bench, { transform, ...options }: Case): Promise<readonly Row[]> {
  const made = await transformInputs(bench.ctx, await inputsOf(bench), transform, options);
  try {
    const { partitionBy = [] } = options;
    const start = await tableOf(bench, '', { schema: made.schema, partitionBy });
    const { snapshot } = await ingest(bench.ctx, start, made.inputs, {
      dropDuplicates: [],
      ...options.ingest,
    });
    return await Array.fromAsync(scanRows(bench.ctx, snapshot));
  } finally {
    await made.close();
  }
}

describe('transformInputs', () => {
  test('orders the rows of all files, with nulls for columns and fields that a file lacks', async () => {
    await withBench('disk', async (bench) => {
      await bench.parquet('a.parquet', "SELECT 3 AS id, {'x': 'p'} AS s");
      await bench.parquet('b.parquet', "SELECT 1 AS id, {'x': 'q', 'y': 7} AS s, true AS b");
      const rows = await rowsAfter(bench, {
        schema: parseDdl('id int, s struct<x:string,y:int>, b boolean'),
        transform: { select: ['id', 's.*', 'coalesce(b, false) AS b'], orderBy: ['id'] },
      });
      expect(rows).toEqual([
        { id: 1, x: 'q', y: 7, b: true },
        { id: 3, x: 'p', y: null, b: false },
      ]);
    });
  });

  test('groups, and passes rows without a key of the source over', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet(
        'a.parquet',
        "SELECT * FROM (VALUES ('x', 1), ('x', 2), (NULL, 3), ('', 4), ('y', 5)) v(id, n)",
      );
      const rows = await rowsAfter(bench, {
        schema: parseDdl('id string, n int'),
        sourceKeys: ['id'],
        transform: { select: ['id', 'sum(n) AS s'], groupBy: ['id'] },
      });
      expect(rows).toEqual([
        { id: 'x', s: 3n },
        { id: 'y', s: 5n },
      ]);
    });
  });

  test('takes a column that the file lacks from the folders of its path', async () => {
    await withBench('disk', async (bench) => {
      await bench.parquet('date=2024-02-29/a.parquet', 'SELECT 1 AS n');
      await bench.parquet('date=__HIVE_DEFAULT_PARTITION__/a.parquet', 'SELECT 2 AS n');
      await bench.parquet('date=2024-03-01/a.parquet', "SELECT 3 AS n, DATE '2020-01-01' AS date");
      const store = localStore(bench.folder, bench.ctx);
      const listed = await Array.fromAsync(store.list('', { recursive: true }));
      const files = listed.map((meta) => ({ ...meta, store, format: 'parquet' as const }));
      const schema = parseDdl('n int, date date');
      const inspected = await inspectInputs(bench.ctx, files, { schema, keyColumns: [] });
      const made = await transformInputs(
        bench.ctx,
        inspected.accepted,
        { orderBy: ['n'] },
        { schema },
      );
      const start = await tableOf(bench, 'n int, date date');
      const { snapshot } = await ingest(bench.ctx, start, made.inputs, { dropDuplicates: [] });
      await Promise.all([made.close(), inspected.close()]);
      expect(await Array.fromAsync(scanRows(bench.ctx, snapshot))).toEqual([
        { n: 1, date: '2024-02-29' },
        { n: 2, date: null },
        { n: 3, date: '2020-01-01' },
      ]);
    });
  });

  test('its rows are sources of a merge; those without a key of the result do not enter', async () => {
    await withBench('disk', async (bench) => {
      await bench.parquet('a.parquet', "SELECT * FROM (VALUES ('x', 1), ('', 2)) v(id, n)");
      const schema = parseDdl('id string, n int');
      const made = await transformInputs(
        bench.ctx,
        await inputsOf(bench),
        { select: ['id', 'n'] },
        { schema, keyColumns: ['id'] },
      );
      expect(made.inputs).toMatchObject([{ badKeyCount: 1 }]);
      const prepared = await prepareMergeSource(bench.ctx, made.inputs, {
        schema: made.schema,
        keyColumns: ['id'],
      });
      expect(prepared).toMatchObject({ rowCount: 1, rejectedCount: 1 });
      await Promise.all([prepared.close(), made.close()]);
    });
  });

  test('has no input where no rows are left, and a schema all the same', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet('a.parquet', 'SELECT 1 AS n');
      const made = await transformInputs(
        bench.ctx,
        await inputsOf(bench),
        { select: ['n + 1 AS m'], where: 'n > 1' },
        { schema: parseDdl('n int') },
      );
      expect(made).toMatchObject({ inputs: [], rowCount: 0, schema: parseDdl('m int') });
      await made.close();
    });
  });
});

test('rows of a partition are one file, in their order, however many there are', async () => {
  await withBench('disk', async (bench) => {
    await bench.parquet(
      'a.parquet',
      'SELECT (range % 100 = 0)::BIGINT AS p, -range AS n FROM range(560000)',
    );
    const rows = rowsAfter(bench, {
      schema: parseDdl('p bigint, n bigint'),
      partitionBy: ['p'],
      transform: { orderBy: ['n'] },
      ingest: { targetFileSizeBytes: 1e9 },
    });
    expect((await rows).length).toBe(560_000);
    const files = await dataFiles(bench);
    expect(files.length).toBe(2);
    for (const file of files) {
      const path = literal(bench.ctx.store.localFile(file) ?? '');
      const [found] = await bench.session.query(
        `SELECT count(*) AS inversions FROM (SELECT n, lag(n) OVER (ORDER BY file_row_number) AS before ` +
          `FROM read_parquet(${path}, file_row_number = true)) WHERE n < before`,
      );
      expect(found).toEqual({ inversions: 0n });
    }
  });
});

test('the schema of open sources is that of their footers, and what contradicts it is rejected', async () => {
  await withBench('disk', async (bench) => {
    await bench.parquet('a.parquet', "SELECT 1 AS id, {'x': 'p'} AS s");
    await bench.parquet('b.parquet', "SELECT true AS b, 2 AS ID, {'y': 7} AS s");
    await bench.parquet('c.parquet', "SELECT 'text' AS id");
    await bench.parquet('d.parquet', "SELECT TIME '12:00:00' AS t");
    const { schema, accepted, rejected } = inferSchema(await inputsOf(bench));
    expect(schema).toEqual(parseDdl('id int, s struct<x:string,y:int>, b boolean'));
    expect(accepted.map(({ file }) => file.path)).toEqual(['a.parquet', 'b.parquet']);
    expect(rejected).toMatchObject([
      { path: 'c.parquet', code: 'INPUT_TYPE_MISMATCH', row: null, retryLater: false },
      { path: 'd.parquet', code: 'INPUT_TYPE_UNKNOWN' },
    ]);
  });
});
