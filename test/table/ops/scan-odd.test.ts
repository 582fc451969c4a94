/** Tables that say odd things of themselves: what other engines read is read, and the rest is refused with a reason. */

import { pathToFileURL } from 'node:url';

import { tableToIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';

import { rowsToArrow } from '../../../src/parquet/index.ts';
import { parseDdl } from '../../../src/schema/index.ts';
import { openSnapshot } from '../../../src/table/open.ts';
import { checksum } from '../../../src/table/ops/checksum.ts';
import { deleteRows } from '../../../src/table/ops/delete.ts';
import { merge } from '../../../src/table/ops/merge.ts';
import { optimize } from '../../../src/table/ops/optimize.ts';
import { query } from '../../../src/table/ops/query.ts';
import { scanRows } from '../../../src/table/ops/scan.ts';
import { updateRows } from '../../../src/table/ops/update.ts';
import { type FileSpec, type TableSpec, withTable } from './engine-table.ts';

function oneFile(file: Omit<FileSpec, 'query'>): TableSpec {
  return { ddl: 'a int', files: [{ ...file, query: 'SELECT 7 AS a' }] };
}

describe.each(['memory', 'disk'] as const)('a file (%s)', (kind) => {
  test.each([
    ['of another size than the log says', { key: 'x.parquet', size: 1 }],
    ['that is shorter than the log says', { key: 'x.parquet', size: 1_000_000 }],
    ['whose path begins at the folder itself', { key: 'x.parquet', path: './x.parquet' }],
    ['whose path has an empty part', { key: 'd/x.parquet', path: 'd//x.parquet' }],
    ['whose path goes up and down', { key: 'd/x.parquet', path: 'e/.././d/x.parquet' }],
    ['whose name begins with points', { key: '..x/...parquet' }],
  ])('%s is read', async (_case, file) => {
    await withTable(kind, oneFile(file), async ({ ctx, snapshot }) => {
      expect(await Array.fromAsync(scanRows(ctx, snapshot))).toEqual([{ a: 7 }]);
    });
  });

  test('above the table is refused', async () => {
    const file = { key: 'x.parquet', path: '../x.parquet' };
    await withTable(kind, oneFile(file), async ({ ctx, snapshot }) => {
      await expect(Array.fromAsync(scanRows(ctx, snapshot))).rejects.toMatchObject({
        code: 'STORE_BAD_PATH',
      });
    });
  });
});

test.each(['memory', 'disk'] as const)(
  'files of another size than the log says are packed (%s)',
  async (kind) => {
    const sizes = [1, undefined, 1_000_000];
    const files = sizes.map((size, index) => ({
      key: `${String(index)}.parquet`,
      query: `SELECT ${String(index)} AS a`,
      ...(size === undefined ? {} : { size }),
    }));
    await withTable(kind, { ddl: 'a int', files }, async ({ ctx, snapshot }) => {
      const packed = await optimize(ctx, snapshot);
      expect(packed).toMatchObject({ filesAdded: 1, filesRemoved: 3 });
      expect(await checksum(ctx, packed.snapshot)).toEqual(await checksum(ctx, snapshot));
    });
  },
);

test('a path from the root of the disk is one', async () => {
  await withTable('disk', oneFile({ key: 'x.parquet' }), async ({ ctx, snapshot, folder }) => {
    const [add] = snapshot.files();
    const path = pathToFileURL(`${folder}/t/x.parquet`).pathname;
    const log = `${JSON.stringify({ remove: { path: add?.path } })}\n${JSON.stringify({ add: { ...add, path } })}\n`;
    const commit = '_delta_log/00000000000000000001.json';
    await ctx.store.put(commit, new TextEncoder().encode(log), { kind: 'create' });
    const after = await openSnapshot(ctx);
    expect(await Array.fromAsync(scanRows(ctx, after))).toEqual([{ a: 7 }]);
  });
});

test('rows that no file can hold are not written, also where files are there', async () => {
  const table: TableSpec = {
    ddl: 'p string, q int',
    partitionColumns: ['p', 'q'],
    files: [
      {
        key: 'x.parquet',
        query: 'SELECT 1 AS other FROM range(3)',
        partitionValues: { p: 'a', q: '1' },
      },
    ],
  };
  await withTable('memory', table, async ({ ctx, snapshot }) => {
    const refusal = { code: 'TABLE_WITHOUT_COLUMNS' };
    const set = { q: '2' };
    await expect(updateRows(ctx, snapshot, { set })).rejects.toMatchObject(refusal);
    await expect(updateRows(ctx, snapshot, { set, where: 'q = 1' })).rejects.toMatchObject(refusal);
    const source = { rows: [{ p: 'a', q: 5 }] };
    const changed = { source, on: 't.p = s.p', whenMatched: [{ update: '*' as const }] };
    await expect(merge(ctx, snapshot, changed)).rejects.toMatchObject(refusal);
    const added = { source, on: 't.q = s.q', whenNotMatched: [{ insert: '*' as const }] };
    await expect(merge(ctx, snapshot, added)).rejects.toMatchObject(refusal);
    expect((await deleteRows(ctx, snapshot, { where: "p = 'a'" })).rowCount).toBe(3);
  });
});

test.each(['memory', 'disk'] as const)(
  'a column in an encoding that the engine does not read is refused by name (%s)',
  async (kind) => {
    const { Encoding, Table, WriterPropertiesBuilder, writeParquet } = await import('parquet-wasm');
    const rows = await rowsToArrow(parseDdl('a int, b int'), [{ a: 7, b: 8 }]);
    const options = new WriterPropertiesBuilder()
      .setDictionaryEnabled(false)
      .setColumnEncoding('b', Encoding.BYTE_STREAM_SPLIT)
      .build();
    const bytes = writeParquet(Table.fromIPCStream(tableToIPC(rows, 'stream')), options);
    const table: TableSpec = {
      ddl: 'a int, b int',
      files: [{ key: 'x.parquet', query: 'SELECT 1 AS a', size: bytes.length }],
    };
    await withTable(kind, table, async ({ ctx, snapshot }) => {
      await ctx.store.put('x.parquet', bytes, { kind: 'overwrite' });
      const read = Array.fromAsync(scanRows(ctx, snapshot));
      await expect(read).rejects.toMatchObject({
        kind: 'data',
        code: 'ENGINE_ENCODING',
        details: { column: 'b' },
      });
      expect(await Array.fromAsync(scanRows(ctx, snapshot, { columns: ['a'] }))).toEqual([
        { a: 7 },
      ]);
    });
  },
);

test('a field of a struct whose values do not come out of the engine is refused by name', async () => {
  const table: TableSpec = {
    ddl: 'a int, s struct<`__proto__`: int>',
    files: [{ key: 'x.parquet', query: `SELECT 7 AS a, {'__proto__': 1} AS s` }],
  };
  await withTable('memory', table, async ({ ctx, snapshot }) => {
    await expect(Array.fromAsync(scanRows(ctx, snapshot))).rejects.toMatchObject({
      code: 'ENGINE_TYPE_UNSUPPORTED',
      details: { field: '__proto__' },
    });
    expect(await Array.fromAsync(scanRows(ctx, snapshot, { columns: ['a'] }))).toEqual([{ a: 7 }]);
  });
});

test('moments that the engine takes for infinite are partitions, and found, like any other', async () => {
  const last = '+294247-01-10T04:00:54.775807';
  const table: TableSpec = {
    ddl: 'a int, ts timestamp, n timestamp_ntz',
    partitionColumns: ['ts', 'n'],
    files: [
      { key: 'x.parquet', query: 'SELECT 7 AS a', partitionValues: { ts: `${last}Z`, n: last } },
      { key: 'y.parquet', query: 'SELECT 8 AS a', partitionValues: { ts: null, n: null } },
    ],
  };
  await withTable('memory', table, async ({ ctx, snapshot }) => {
    const found = await Array.fromAsync(scanRows(ctx, snapshot, { where: 'ts IS NOT NULL' }));
    expect(found).toEqual([{ a: 7, ts: `${last}Z`, n: last }]);
    const source = { rows: [{ ts: 9_223_372_036_854_775_807n }] };
    const whenMatched = [{ update: { a: '9' } }];
    const merged = await merge(ctx, snapshot, { source, on: 't.ts = s.ts', whenMatched });
    const rows = await Array.fromAsync(scanRows(ctx, merged.snapshot));
    expect(new Set(rows.map(({ a }) => a))).toEqual(new Set([8, 9]));
  });
});

test('of a table without columns nobody can tell the rows', async () => {
  const table: TableSpec = {
    ddl: 'a int',
    schema: { kind: 'struct', fields: [] },
    files: [],
  };
  await withTable('memory', table, async ({ ctx, snapshot }) => {
    const refusal = { code: 'TABLE_WITHOUT_COLUMNS' };
    await expect(Array.fromAsync(scanRows(ctx, snapshot))).rejects.toMatchObject(refusal);
    await expect(checksum(ctx, snapshot)).rejects.toMatchObject(refusal);
    const options = { database: 'd', find: () => Promise.resolve({ context: ctx, snapshot }) };
    await expect(
      query({ engine: ctx.engine }, 'SELECT 1 AS n FROM t', options, () => Promise.resolve()),
    ).rejects.toMatchObject(refusal);
  });
});
