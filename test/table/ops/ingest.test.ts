import { describe, expect, test } from 'vitest';

import { parseDdl } from '../../../src/schema/index.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { append } from '../../../src/table/ops/append.ts';
import { addConstraint } from '../../../src/table/ops/constraints.ts';
import { ingest, type IngestOptions, type IngestResult } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import type { Snapshot } from '../../../src/table/types.ts';
import { type Bench, dataFiles, rowsOf, tableOf, withBench } from './write-table.ts';

const DDL = 'id string, n bigint';

function values(...rows: readonly (readonly [string, number])[]): string {
  const list = rows.map(([id, n]) => `('${id}', ${n}::BIGINT)`).join(', ');
  return `SELECT * FROM (VALUES ${list}) AS v(id, n)`;
}

/** Takes the files of the folder whose names start so. */
async function take(
  bench: Bench,
  snapshot: Snapshot,
  { prefix, ...options }: Partial<IngestOptions> & { readonly prefix: string },
): Promise<IngestResult> {
  const files = (await bench.inputs()).filter(({ path }) => path.startsWith(prefix));
  const inspected = await inspectInputs(bench.ctx, files, {
    schema: parseDdl(DDL),
    keyColumns: ['id'],
  });
  try {
    return await ingest(bench.ctx, snapshot, inspected.accepted, {
      dropDuplicates: ['id'],
      ...options,
    });
  } finally {
    await inspected.close();
  }
}

// Names that statements of our own could have given to their columns.
test.each(['h', 'H', 'file_number', 'file_row', 'key_0', 'occurrence', 'batch', 'hits'])(
  'keys may be called %s',
  async (key) => {
    await withBench('memory', async (bench) => {
      const rows = (from: number): string =>
        `SELECT CASE WHEN i = 500 THEN NULL ELSE i % 900 + ${from} END AS ${key}, i AS n FROM range(1000) AS t(i)`;
      await bench.parquet('1.parquet', rows(0));
      await bench.parquet('2.parquet', rows(450));
      let snapshot = await tableOf(bench, `${key} bigint, n bigint`);
      for (const prefix of ['1', '2']) {
        const files = (await bench.inputs()).filter(({ path }) => path.startsWith(prefix));
        const inspected = await inspectInputs(bench.ctx, files, {
          schema: snapshot.schema,
          keyColumns: [key],
        });
        const result = await ingest(bench.ctx, snapshot, inspected.accepted, {
          dropDuplicates: [key],
        });
        await inspected.close();
        expect(result.insertedCount).toBe(prefix === '1' ? 899 : 450);
        ({ snapshot } = result);
      }
      const keys = (await rowsOf(bench, snapshot)).map((row) => Number(row[key]));
      expect(new Set(keys).size).toBe(keys.length);
    });
  },
);

describe.each(['memory', 'disk'] as const)('ingest (%s)', (kind) => {
  test('lets each key in once: the lowest path and row, within and across batches', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1-b.parquet', values(['x', 1], ['y', 2]));
      await bench.parquet('1-a.parquet', values(['x', 3], ['z', 4], ['x', 5]));
      await bench.parquet('2-c.parquet', values(['z', 6], ['w', 7], ['y', 8]));
      const start = await tableOf(bench, DDL);
      const first = await take(bench, start, { prefix: '1-' });
      expect(first).toMatchObject({
        kind: 'committed',
        inputCount: 2,
        rowCount: 5,
        duplicateCount: 2,
        insertedCount: 3,
      });
      const second = await take(bench, first.snapshot, { prefix: '2-' });
      expect(second).toMatchObject({ rowCount: 3, duplicateCount: 2, insertedCount: 1 });
      expect(await rowsOf(bench, second.snapshot)).toEqual([
        { id: 'w', n: 7n },
        { id: 'x', n: 3n },
        { id: 'y', n: 2n },
        { id: 'z', n: 4n },
      ]);
      const third = await take(bench, second.snapshot, { prefix: '' });
      expect(third).toMatchObject({ kind: 'unchanged', duplicateCount: 8, insertedCount: 0 });
      expect(third.snapshot.version).toBe(second.snapshot.version);
    });
  });

  test('copies files without duplicates byte for byte', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('a.parquet', values(['x', 1], ['y', 2]));
      const start = await tableOf(bench, DDL);
      const [input] = await bench.inputs();
      const { snapshot, sizeBytes } = await take(bench, start, { prefix: '' });
      expect(sizeBytes).toBe(input?.sizeBytes);
      expect(snapshot.fileCount).toBe(1);
    });
  });

  test('keys that were committed in between are dropped before the commit goes in', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1], ['y', 2]));
      await bench.parquet('2.parquet', values(['u', 3]));
      const start = await tableOf(bench, DDL);
      await append(bench.ctx, start, { rows: [{ id: 'y', n: 100 }] });
      // From the old snapshot: the other commit is seen only when the first try is lost.
      const result = await take(bench, start, { prefix: '' });
      expect(result).toMatchObject({ kind: 'committed', duplicateCount: 1, insertedCount: 2 });
      expect(await rowsOf(bench, result.snapshot)).toEqual([
        { id: 'u', n: 3n },
        { id: 'x', n: 1n },
        { id: 'y', n: 100n },
      ]);
      expect(await dataFiles(bench)).toHaveLength(3);
    });
  });

  test('a batch that another run has committed in between is no commit', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1], ['y', 2]));
      const start = await tableOf(bench, DDL);
      const winner = await take(bench, start, { prefix: '' });
      const loser = await take(bench, start, { prefix: '' });
      expect(loser).toMatchObject({ kind: 'unchanged', insertedCount: 0, duplicateCount: 2 });
      expect(loser.snapshot.version).toBe(winner.snapshot.version);
      expect(await dataFiles(bench)).toHaveLength(1);
    });
  });

  test('two runs at once let each key in once', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1], ['y', 2], ['z', 3]));
      await bench.parquet('2.parquet', values(['z', 3], ['v', 4], ['x', 1]));
      const start = await tableOf(bench, DDL);
      const results = await Promise.all([
        take(bench, start, { prefix: '1' }),
        take(bench, start, { prefix: '2' }),
        take(bench, start, { prefix: '' }),
      ]);
      const inserted = results.map(({ insertedCount }) => insertedCount);
      expect(inserted.reduce((a, b) => a + b)).toBe(4);
      const rows = await rowsOf(bench, await openSnapshot(bench.ctx));
      expect(rows.map(({ id }) => id)).toEqual(['v', 'x', 'y', 'z']);
    });
  });

  test('records a transaction even when nothing is new, and is not done twice', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1]));
      const start = await tableOf(bench, DDL);
      const first = await take(bench, start, { prefix: '', txn: { appId: 'job', version: 0 } });
      const next = await take(bench, first.snapshot, {
        prefix: '',
        txn: { appId: 'job', version: 1 },
      });
      expect(next).toMatchObject({ kind: 'committed', insertedCount: 0, duplicateCount: 1 });
      expect(next.snapshot.txnVersion('job')).toBe(1);
      const again = await take(bench, next.snapshot, {
        prefix: '',
        txn: { appId: 'job', version: 1 },
      });
      expect(again.kind).toBe('applied');
      expect(again.snapshot.version).toBe(next.snapshot.version);
    });
  });

  test('a range that another took meanwhile is refused; other ranges go in without its keys', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1-a.parquet', values(['x', 1], ['y', 2]));
      await bench.parquet('2-b.parquet', values(['y', 3], ['z', 4]));
      await bench.parquet('3-c.parquet', values(['x', 5]));
      const start = await tableOf(bench, DDL);
      const steps = (partition: number, expected: number | null, version: number) => ({
        steps: [{ appId: `job/t-${partition}`, expected, version }],
      });
      await take(bench, start, { prefix: '1-', ...steps(0, null, 2) });
      const zombie = await take(bench, start, { prefix: '2-', ...steps(0, null, 3) });
      expect(zombie).toMatchObject({ kind: 'stale', insertedCount: 0, fileCount: 0 });
      expect(await dataFiles(bench)).toHaveLength(1);
      const other = await take(bench, start, { prefix: '2-', ...steps(1, null, 2) });
      expect(other).toMatchObject({ kind: 'committed', duplicateCount: 1, insertedCount: 1 });
      // No row is new, and still the range is done.
      const empty = await take(bench, start, { prefix: '3-', ...steps(2, null, 1) });
      expect(empty).toMatchObject({ kind: 'committed', insertedCount: 0, fileCount: 0 });
      const late = await take(bench, empty.snapshot, { prefix: '3-', ...steps(2, null, 1) });
      expect(late).toMatchObject({ kind: 'stale' });
      const latest = await openSnapshot(bench.ctx);
      expect([0, 1, 2].map((n) => latest.txnVersion(`job/t-${n}`))).toEqual([2, 2, 1]);
      expect(await rowsOf(bench, latest)).toEqual([
        { id: 'x', n: 1n },
        { id: 'y', n: 2n },
        { id: 'z', n: 4n },
      ]);
    });
  });

  test('only within the batch, where that is asked for, and everything without keys', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1], ['x', 2]));
      const start = await tableOf(bench, DDL);
      const first = await take(bench, start, { prefix: '', against: 'batch' });
      const second = await take(bench, first.snapshot, { prefix: '', against: 'batch' });
      const third = await take(bench, second.snapshot, { prefix: '', dropDuplicates: [] });
      const inserted = [first, second, third].map(({ insertedCount }) => insertedCount);
      expect(inserted).toEqual([1, 1, 2]);
    });
  });

  test('a partitioned table gets its rows by partition', async () => {
    await withBench(kind, async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1], ['y', 2], ['z', 1]));
      const start = await tableOf(bench, DDL, { partitionBy: ['n'] });
      const { snapshot } = await take(bench, start, { prefix: '' });
      expect(snapshot.fileCount).toBe(2);
      const again = await take(bench, snapshot, { prefix: '' });
      expect(again.kind).toBe('unchanged');
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 'x', n: 1n },
        { id: 'y', n: 2n },
        { id: 'z', n: 1n },
      ]);
    });
  });
});

describe('ingest into a table that makes values and asks something of rows', () => {
  const MADE =
    'id string, n bigint, k bigint GENERATED ALWAYS AS IDENTITY, ' +
    "twice bigint GENERATED ALWAYS AS (n * 2), mark string DEFAULT 'new'";

  test('fills what inputs lack, and counts on where some rows are duplicates', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet('1-a.parquet', values(['x', 1], ['y', 2]));
      await bench.parquet(
        '1-b.parquet',
        "SELECT * FROM (VALUES ('x', 3::BIGINT, 'own'), ('z', 4, NULL)) AS v(id, n, mark)",
      );
      await bench.parquet('2-c.parquet', values(['z', 5], ['w', 6]));
      const start = await tableOf(bench, MADE);
      const first = await take(bench, start, { prefix: '1-' });
      expect(first).toMatchObject({ duplicateCount: 1, insertedCount: 3 });
      const second = await take(bench, first.snapshot, { prefix: '2-' });
      expect(second).toMatchObject({ duplicateCount: 1, insertedCount: 1 });
      const rows = await rowsOf(bench, second.snapshot);
      expect(rows.map(({ id, n, twice, mark }) => ({ id, n, twice, mark }))).toEqual([
        { id: 'w', n: 6n, twice: 12n, mark: 'new' },
        { id: 'x', n: 1n, twice: 2n, mark: 'new' },
        { id: 'y', n: 2n, twice: 4n, mark: 'new' },
        { id: 'z', n: 4n, twice: 8n, mark: null },
      ]);
      expect(new Set(rows.map(({ k }) => k)).size).toBe(4);
    });
  });

  test('refuses a batch with a row that breaks a constraint, and numbers from outside', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet('1.parquet', values(['x', 1], ['y', -2]));
      await bench.parquet('2.parquet', "SELECT 'z' AS id, 3::BIGINT AS n, 7::BIGINT AS k");
      const start = await tableOf(bench, MADE);
      const rule = { name: 'positive', expression: 'n > 0' };
      const { snapshot } = await addConstraint(bench.ctx, start, rule);
      await expect(take(bench, snapshot, { prefix: '1' })).rejects.toMatchObject({
        code: 'RULE_VIOLATED',
        details: { example: 'n = -2' },
      });
      await expect(take(bench, snapshot, { prefix: '2' })).rejects.toMatchObject({
        code: 'COLUMN_GIVEN',
      });
      expect(await dataFiles(bench)).toEqual([]);
      expect((await openSnapshot(bench.ctx)).version).toBe(snapshot.version);
    });
  });

  test('no number is given twice to those who take at once', async () => {
    await withBench('memory', async (bench) => {
      for (const name of ['1', '2', '3']) {
        await bench.parquet(`${name}.parquet`, values([`${name}a`, 1], [`${name}b`, 2]));
      }
      const start = await tableOf(bench, MADE);
      await Promise.all(['1', '2', '3'].map((prefix) => take(bench, start, { prefix })));
      const rows = await rowsOf(bench, await openSnapshot(bench.ctx));
      expect(new Set(rows.map(({ k }) => k)).size).toBe(6);
    });
  });

  test('widens types where it is asked to and the table lets it', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet('1.parquet', values(['x', 5_000_000_000]));
      const properties = { 'delta.enableTypeWidening': 'true' };
      const start = await tableOf(bench, 'id string, n int', { properties });
      const result = await take(bench, start, { prefix: '1', evolve: 'widen' });
      expect(await rowsOf(bench, result.snapshot)).toEqual([{ id: 'x', n: 5_000_000_000n }]);
    });
  });
});
