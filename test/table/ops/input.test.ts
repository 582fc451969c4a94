import { describe, expect, test } from 'vitest';

import { ManualClock } from '../../../src/base/index.ts';
import { rowsToArrow, writeParquet } from '../../../src/parquet/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { faultyStore, memoryStore } from '../../../src/store/index.ts';
import { ingest } from '../../../src/table/ops/ingest.ts';
import { inspectInputs } from '../../../src/table/ops/input.ts';
import type { InputFile, InspectedInputs } from '../../../src/table/ops/input-types.ts';
import { type Bench, rowsOf, tableOf, withBench } from './write-table.ts';

const DDL = 'id string, at timestamp, code string, amount decimal(10,2)';
const GOOD =
  "SELECT 'a' AS id, TIMESTAMPTZ '2024-01-01 00:00:00Z' AS at, 'c' AS code, 1.25::DECIMAL(10,2) AS amount";

async function inspect(bench: Bench, files?: readonly InputFile[]): Promise<InspectedInputs> {
  return inspectInputs(bench.ctx, files ?? (await bench.inputs()), {
    schema: parseDdl(DDL),
    keyColumns: ['id'],
    required: ['id', 'at', 'code'],
  });
}

describe('inspectInputs', () => {
  test('rejects bad files one by one, and takes the good ones whatever their names', async () => {
    await withBench('memory', async (bench) => {
      const names = ['á b.parquet', 'a+b%20c.parquet', 'k=v.parquet'];
      for (const name of names) await bench.parquet(name, GOOD);
      await bench.parquet('lacks.parquet', "SELECT 'a' AS id, now() AS at");
      await bench.parquet('other type.parquet', "SELECT 1 AS id, now() AS at, 'c' AS code");
      await bench.text('empty.parquet', '');
      await bench.text('no parquet.parquet', 'these bytes are no Parquet file');
      await bench.text('torn.parquet', 'PAR1these bytes are no Parquet file');
      await bench.text('empty.jsonl', '');
      const listed = await bench.inputs();
      const [gone] = listed;
      if (gone === undefined) throw new Error('no inputs');
      const { accepted, rejected, close } = await inspect(bench, [
        ...listed,
        { ...gone, path: 'gone.parquet' },
      ]);
      expect(accepted.map(({ file }) => file.path)).toEqual(names.toSorted());
      const found = rejected.map(({ path, code, retryLater }) => [path, code, retryLater]);
      expect(found).toEqual([
        ['empty.jsonl', 'INPUT_EMPTY', true],
        ['empty.parquet', 'PARQUET_EMPTY_FILE', true],
        ['gone.parquet', 'INPUT_VANISHED', true],
        ['lacks.parquet', 'INPUT_MISSING_COLUMN', false],
        ['no parquet.parquet', 'PARQUET_NOT_PARQUET', false],
        ['other type.parquet', 'INPUT_TYPE_MISMATCH', false],
        ['torn.parquet', 'PARQUET_TRUNCATED', true],
      ]);
      await close();
    });
  });

  test('rejects rows without a key, and lets the others in', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet(
        'keys.parquet',
        "SELECT * FROM (VALUES ('a'), (NULL), (''), ('b')) AS v(id), (SELECT now() AS at, 'c' AS code)",
      );
      const { accepted, rejected, close } = await inspect(bench);
      expect(rejected.map(({ row, code }) => [row, code])).toEqual([
        [1, 'INPUT_BAD_KEY'],
        [2, 'INPUT_BAD_KEY'],
      ]);
      expect(accepted[0]?.badKeyCount).toBe(2);
      const start = await tableOf(bench, DDL);
      const result = await ingest(bench.ctx, start, accepted, { dropDuplicates: ['id'] });
      expect(result).toMatchObject({ rowCount: 4, rejectedCount: 2, insertedCount: 2 });
      const rows = await rowsOf(bench, result.snapshot);
      expect(rows.map(({ id }) => id)).toEqual(['a', 'b']);
      await close();
    });
  });

  test('needs no engine where footers vouch for the keys', async () => {
    await withBench('memory', async (bench) => {
      await bench.parquet('good.parquet', GOOD);
      const ctx = { ...bench.ctx, engine: () => Promise.reject(new Error('not needed')) };
      const { accepted, close } = await inspect({ ...bench, ctx });
      expect(accepted).toHaveLength(1);
      await close();
    });
  });

  test('reads JSON lines, each bad one rejected by its line', async () => {
    await withBench('memory', async (bench) => {
      const lines = [
        '{"id":"a","at":"2024-01-01T10:00:00","code":"c","amount":1.25,"more":[1]}',
        'not json',
        '{"id":"","code":"c"}',
        '{"code":"c"}',
        '[1]',
        '{"id":"b","at":"yesterday"}',
        '',
        '{"ID":"c","at":"2024-01-01T10:00:00.123456-03:00","amount":"12345678.90"}',
        '{"id":[}',
        '{"id":"d","code": 7.50 }',
      ];
      await bench.text('lines.jsonl', `\ufeff${lines.join('\r\n')}`);
      const { accepted, rejected, close } = await inspect(bench);
      expect(rejected.map(({ row, code }) => `${row} ${code}`).toSorted()).toEqual([
        '1 INPUT_BAD_LINE',
        '2 INPUT_BAD_KEY',
        '3 INPUT_BAD_KEY',
        '4 INPUT_BAD_LINE',
        '5 INPUT_BAD_VALUE',
        '8 INPUT_BAD_LINE',
      ]);
      const start = await tableOf(bench, DDL);
      const { snapshot } = await ingest(bench.ctx, start, accepted, { dropDuplicates: ['id'] });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 'a', at: '2024-01-01T10:00:00.000000Z', code: 'c', amount: '1.25' },
        { id: 'c', at: '2024-01-01T13:00:00.123456Z', code: null, amount: '12345678.90' },
        { id: 'd', at: null, code: '7.50', amount: null },
      ]);
      await close();
    });
  });

  test('asks a remote store once for each small file, whatever is done with it', async () => {
    await withBench('memory', async (bench) => {
      const clock = new ManualClock();
      const remote = memoryStore({ clock, name: 'samples' });
      // One file is copied as it is, one has a duplicate, one a bad key.
      const ids = [
        ['a', 'b'],
        ['b', 'c'],
        [null, 'd'],
      ];
      const schema = parseDdl('id string, n bigint');
      for (const [index, [first = null, second = null]] of ids.entries()) {
        const rows = [
          { id: first, n: 1 },
          { id: second, n: 2 },
        ];
        const bytes = await writeParquet(await rowsToArrow(schema, rows));
        await remote.put(`${String(index)}.parquet`, bytes, { kind: 'create' });
      }
      const calls: string[] = [];
      const watched = faultyStore(remote, {
        clock,
        plan: ({ verb }) => {
          calls.push(verb);
          return { kind: 'none' };
        },
      });
      const inputs = await Array.fromAsync(remote.list(''), (meta): InputFile => ({
        ...meta,
        store: watched,
        format: 'parquet',
      }));
      const looked = await inspectInputs(bench.ctx, inputs, { schema, keyColumns: ['id'] });
      const start = await tableOf(bench, 'id string, n bigint');
      const options = { dropDuplicates: ['id'], keyColumns: ['id'] };
      const { snapshot } = await ingest(bench.ctx, start, looked.accepted, options);
      await looked.close();
      expect((await rowsOf(bench, snapshot)).map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
      expect(calls).toEqual(['getRange', 'getRange', 'getRange']);
    });
  });

  test('leaves out what the table has no column for, also within structs', async () => {
    await withBench('memory', async (bench) => {
      const schema = parseDdl('id string, s struct<a: int>, l array<struct<a: int>>');
      const line = '{"id":"a","s":{"a":1,"x":2},"l":[{"a":3,"x":[4]}],"x":5}';
      await bench.text('1.jsonl', line);
      await bench.parquet(
        '2.parquet',
        "SELECT 'b' AS id, {a: 1::INT, x: 2} AS s, [{a: 3::INT, x: [4]}] AS l, 5 AS x",
      );
      const inputs = await bench.inputs();
      const { accepted, rejected, close } = await inspectInputs(bench.ctx, inputs, {
        schema,
        keyColumns: ['id'],
      });
      expect(rejected).toEqual([]);
      const start = await tableOf(bench, 'id string, s struct<a: int>, l array<struct<a: int>>');
      const { snapshot } = await ingest(bench.ctx, start, accepted, { dropDuplicates: ['id'] });
      expect(await rowsOf(bench, snapshot)).toEqual([
        { id: 'a', s: { a: 1 }, l: [{ a: 3 }] },
        { id: 'b', s: { a: 1 }, l: [{ a: 3 }] },
      ]);
      await close();
    });
  });

  test.each([
    ['ms', "TIMESTAMP_MS '2024-01-01 00:00:00.123'", '2024-01-01T00:00:00.123000Z'],
    ['µs', "TIMESTAMP '2024-01-01 00:00:00.123456'", '2024-01-01T00:00:00.123456Z'],
    ['ns', "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'", '2024-01-01T00:00:00.123456Z'],
    ['a date', "DATE '2024-01-01'", '2024-01-01T00:00:00.000000Z'],
  ])('takes timestamps in %s, without a zone for UTC', async (_unit, sql, expected) => {
    await withBench('memory', async (bench) => {
      await bench.parquet('t.parquet', `SELECT 'a' AS id, ${sql} AS at, 'c' AS code`);
      const { accepted, close } = await inspect(bench);
      const start = await tableOf(bench, DDL);
      const { snapshot } = await ingest(bench.ctx, start, accepted, { dropDuplicates: ['id'] });
      expect((await rowsOf(bench, snapshot))[0]?.['at']).toBe(expected);
      await close();
    });
  });
});
