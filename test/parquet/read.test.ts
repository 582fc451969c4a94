import { assert, asyncProperty, integer, nat } from 'fast-check';
import { expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import {
  memorySource,
  type ParquetFooter,
  readFooter,
  readParquet,
  readRows,
  type ReadOptions,
} from '../../src/parquet/index.ts';
import { duckdbFile } from './duckdb.ts';
import { fixtureBytes } from './fixture.ts';

async function rowsOf(
  bytes: Uint8Array,
  options: ReadOptions = {},
): Promise<readonly Record<string, unknown>[]> {
  const source = memorySource('f', bytes);
  return Array.fromAsync(readRows(source, await readFooter(source), options));
}

const LARGE = `SELECT x AS a, x % 7 AS b, {'c': x, 'd': 'v' || x} AS s FROM range(10000) t(x)`;

test('only the columns asked for are read, by name or by path', async () => {
  const bytes = await fixtureBytes('types.parquet');
  const [row] = await rowsOf(bytes, { columns: ['text', ['place', 'x'], 'nothing'] });
  expect(row).toEqual({ text: 'ação', place: { x: 1 } });
  expect(await rowsOf(bytes, { columns: ['nothing'] })).toEqual([]);
});

test('the same rows come out of v1 and v2 pages, snappy and gzip', async () => {
  const rows = await rowsOf(await fixtureBytes('types.parquet'));
  expect(await rowsOf(await fixtureBytes('types-v2-gzip.parquet'))).toEqual(rows);
  expect(rows[0]).toMatchObject({
    long: 2n ** 60n,
    at: 1_709_294_400_123_456n,
    d38: -1234567890123456789012n,
    tags: ['a', null],
    marks: { k: 1n },
    blob: Uint8Array.of(0),
  });
  expect(rows[2]).toMatchObject({ place: null, tags: null, marks: null });
});

test('only the bytes of the row groups and columns asked for are fetched', async () => {
  const bytes = await duckdbFile(LARGE, 'ROW_GROUP_SIZE 2048');
  const whole = memorySource('f', bytes);
  const footer = await readFooter(whole);
  let fetched = 0;
  const source = {
    ...whole,
    read: (start: number, end: number) => {
      fetched += end - start;
      return whole.read(start, end);
    },
  };
  const rows = await Array.fromAsync(
    readRows(source, footer, { rowGroups: [3, 1], columns: ['a'] }),
  );
  expect(rows.at(0)).toEqual({ a: 3n * 2048n });
  expect(rows.at(-1)).toEqual({ a: 2n * 2048n - 1n });
  const sizeOf = (number: number): number => footer.rowGroups[number]?.columns[0]?.sizeBytes ?? 0;
  expect(fetched).toBe(sizeOf(1) + sizeOf(3));
});

test('batches are no longer than asked for, and hold all rows in order', async () => {
  const source = memorySource('f', await duckdbFile(LARGE, 'ROW_GROUP_SIZE 4096'));
  const footer = await readFooter(source);
  const batches = await Array.fromAsync(readParquet(source, footer, { batchRowsMax: 1000 }));
  expect(Math.max(...batches.map(({ numRows }) => numRows))).toBe(1000);
  const rows = await Array.fromAsync(readRows(source, footer, { batchRowsMax: 1000 }));
  expect(rows.map(({ a }) => a)).toEqual(Array.from({ length: 10_000 }, (_, x) => BigInt(x)));
  expect(rows[9999]).toEqual({ a: 9999n, b: 3n, s: { c: 9999n, d: 'v9999' } });
});

test('a map of other keys than texts comes as pairs, and __proto__ is a key like any other', async () => {
  const [row] = await rowsOf(
    await duckdbFile(`SELECT MAP {1: 'a'} AS n, MAP {'__proto__': 'b'} AS t`),
  );
  expect(row?.n).toEqual([[1, 'a']]);
  expect(Object.entries(row?.t ?? {})).toEqual([['__proto__', 'b']]);
});

test('row groups that are not there, and files that shrank, are refused', async () => {
  const bytes = await fixtureBytes('types.parquet');
  await expect(rowsOf(bytes, { rowGroups: [1] })).rejects.toMatchObject({
    code: 'PARQUET_UNKNOWN_ROW_GROUP',
  });
  const footer = await readFooter(memorySource('f', bytes));
  const shrunk = memorySource('f', bytes.subarray(0, 100));
  await expect(Array.fromAsync(readRows(shrunk, footer))).rejects.toMatchObject({
    code: 'PARQUET_TRUNCATED',
  });
});

test('encrypted columns are refused only where they are asked for', async () => {
  const source = memorySource('f', await fixtureBytes('int96.parquet'));
  const footer = await readFooter(source);
  const sealed: ParquetFooter = {
    ...footer,
    rowGroups: footer.rowGroups.map((rowGroup) => ({
      ...rowGroup,
      columns: rowGroup.columns.map((it) => ({ ...it, encrypted: it.path[0] === 'at' })),
    })),
  };
  await expect(Array.fromAsync(readRows(source, sealed))).rejects.toMatchObject({
    code: 'PARQUET_ENCRYPTED',
  });
  const rows = await Array.fromAsync(readRows(source, sealed, { columns: ['id'] }));
  expect(rows).toEqual([{ id: 1n }, { id: null }, { id: 3n }]);
});

test('changed pages are read or refused, and reading goes on after it', async () => {
  const bytes = await fixtureBytes('types.parquet');
  const footer = await readFooter(memorySource('f', bytes));
  const dataEnd = bytes.length - footer.bytes.length - 8;
  const change = [nat(dataEnd - 1), integer({ min: 0, max: 255 })] as const;
  await assert(
    asyncProperty(...change, ...change, async (offset, byte, otherOffset, otherByte) => {
      const changed = Uint8Array.from(bytes);
      changed[offset] = byte;
      changed[otherOffset] = otherByte;
      try {
        await Array.fromAsync(readRows(memorySource('f', changed), footer));
      } catch (error) {
        if (!isDeltaError(error, 'PARQUET_CORRUPT_DATA')) throw error;
      }
    }),
    { numRuns: 500 },
  );
  expect(await rowsOf(bytes)).toHaveLength(3);
});
