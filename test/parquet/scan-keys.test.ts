import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  integer,
  nat,
  option,
  record,
  string,
} from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import {
  type ByteSource,
  type Codec,
  KeySet,
  type KeyScan,
  localFileSource,
  memorySource,
  readFooter,
  readKeys,
  rowsToArrow,
  scanKeys,
  writeParquet,
} from '../../src/parquet/index.ts';
import { parseDdl } from '../../src/schema/index.ts';
import { duckdbFile, inFolder } from './duckdb.ts';
import { fixtureBytes } from './fixture.ts';

type Keys = readonly (string | null)[];

async function keysOf(bytes: Uint8Array, column = 'k'): Promise<Keys | KeyScan> {
  const source = memorySource('f', bytes);
  const footer = await readFooter(source);
  const keys: (string | null)[] = Array.from({ length: footer.rowCount }, () => null);
  let last = -1;
  const scan = await readKeys(source, footer, column, (row, page, start, end) => {
    expect(row).toBeGreaterThan(last);
    last = row;
    keys[row] = Buffer.from(page.subarray(start, end)).toString();
  });
  return scan.kind === 'scanned' ? keys : scan;
}

function setOf(keys: readonly string[]): KeySet {
  const set = new KeySet();
  for (const key of keys) set.add(Buffer.from(key), 0, Buffer.byteLength(key));
  return set;
}

/** The key and row of each hit. */
async function hitsOf(
  source: ByteSource,
  wanted: readonly string[],
): Promise<readonly (readonly [string | undefined, number])[]> {
  const hits: (readonly [string | undefined, number])[] = [];
  const footer = await readFooter(source);
  const set = setOf(wanted);
  const onHit = (key: number, row: number): void => {
    hits.push([wanted[key], row]);
  };
  expect(await scanKeys(source, footer, 'k', { set, onHit })).toEqual({ kind: 'scanned' });
  return hits;
}

function expectedHits(keys: Keys, wanted: readonly string[]): unknown {
  return keys.flatMap((key, row) => (key !== null && wanted.includes(key) ? [[key, row]] : []));
}

const CODECS: readonly Codec[] = ['snappy', 'zstd', 'gzip', 'uncompressed'];

describe.each(CODECS)('keys in files of our own (%s)', (codec) => {
  test('are those of the rows, and exactly those in the set are hits', async () => {
    const schema = parseDdl('n bigint, k string');
    // Some repeat, so that compression and dictionaries have something to find.
    const text = constantFrom('', 'a', 'ção', 'a'.repeat(300)).chain((head) =>
      string({ maxLength: 6, unit: 'binary' }).map((tail) => head + tail),
    );
    await assert(
      asyncProperty(array(option(text), { maxLength: 200 }), array(text), async (keys, others) => {
        const rows = keys.map((k, n) => ({ n: BigInt(n), k }));
        const bytes = await writeParquet(await rowsToArrow(schema, rows), { codec });
        expect(await keysOf(bytes)).toEqual(keys);
        const some = keys.flatMap((key, row) => (key === null || row % 3 !== 0 ? [] : [key]));
        const wanted = [...new Set([...some, ...others])];
        expect(await hitsOf(memorySource('f', bytes), wanted)).toEqual(expectedHits(keys, wanted));
      }),
      { numRuns: 30 },
    );
  });

  test('are found in files of DuckDB: dictionaries, nulls, long texts, several row groups', async () => {
    const bytes = await duckdbFile(
      `SELECT CASE WHEN i % 11 = 0 THEN NULL WHEN i < 9000 THEN 'd' || i % 50
         WHEN i % 1000 = 7 THEN repeat('long', 5000) || i ELSE uuid()::VARCHAR || i END AS k, i AS n
       FROM range(20000) t(i)`,
      `ROW_GROUP_SIZE 4096, CODEC '${codec}'`,
    );
    const keys = await keysOf(bytes);
    if (!('length' in keys)) throw new Error(keys.kind);
    expect(keys.filter((key) => key === null)).toHaveLength(1819);
    expect(keys.slice(1, 4)).toEqual(['d1', 'd2', 'd3']);
    expect(keys[9007]).toBe(`${'long'.repeat(5000)}9007`);
    expect(keys[19_999]).toMatch(/^.{36}19999$/);
    const wanted = ['d7', 'nothing', keys[9007] ?? '', keys[15_000] ?? ''];
    expect(await hitsOf(memorySource('f', bytes), wanted)).toEqual(expectedHits(keys, wanted));
  });
});

test('local files are read piece by piece, wherever pages end', async () => {
  const bytes = await duckdbFile(
    `SELECT CASE WHEN i % 9000 = 5 THEN repeat(uuid()::VARCHAR, 40000) ELSE uuid()::VARCHAR || i END AS k
     FROM range(60000) t(i)`,
    'DICTIONARY_SIZE_LIMIT 1',
  );
  const keys = await keysOf(bytes);
  if (!('length' in keys)) throw new Error(keys.kind);
  const wanted = keys.flatMap((key, row) => (row % 7000 === 5 && key !== null ? [key] : []));
  await inFolder(async (folder) => {
    const file = join(folder, 'keys.parquet');
    await writeFile(file, bytes);
    const source = await localFileSource(file);
    try {
      expect(await hitsOf(source, wanted)).toEqual(expectedHits(keys, wanted));
      const footer = await readFooter(source);
      await truncate(file, (footer.rowGroups[0]?.columns[0]?.start ?? 0) + 2_000_000);
      const scan = scanKeys(source, footer, 'k', {
        set: setOf(['a', 'b']),
        onHit: () => undefined,
      });
      await expect(scan).rejects.toMatchObject({ code: 'PARQUET_TRUNCATED' });
    } finally {
      await source.close();
    }
  });
});

test('v2 pages, and plain pages without dictionaries, hold the same keys', async () => {
  const keys = await keysOf(await fixtureBytes('types.parquet'), 'text');
  expect(keys).toEqual(['ação', 'zebra', null]);
  expect(await keysOf(await fixtureBytes('types-v2-gzip.parquet'), 'text')).toEqual(keys);
});

test('row groups whose bounds leave out all keys are not fetched', async () => {
  const bytes = await duckdbFile(
    `SELECT format('{:08d}', i) AS k FROM range(20480) t(i)`,
    'ROW_GROUP_SIZE 2048',
  );
  const whole = memorySource('f', bytes);
  const footer = await readFooter(whole);
  let fetchedBytes = 0;
  const source = {
    ...whole,
    read: (start: number, end: number) => {
      fetchedBytes += end - start;
      return whole.read(start, end);
    },
  };
  const hits: number[] = [];
  const set = setOf(['00005000', '00005001']);
  await scanKeys(source, footer, 'k', { set, onHit: (_key, row) => hits.push(row) });
  expect(hits).toEqual([5000, 5001]);
  expect(fetchedBytes).toBe(footer.rowGroups[2]?.columns[0]?.sizeBytes);
});

test('a column that is not there has no keys; one that cannot be read here is named so', async () => {
  const types = await fixtureBytes('types.parquet');
  expect(await keysOf(types, 'nothing')).toEqual([null, null, null]);
  expect(await keysOf(types, 'long')).toMatchObject({ kind: 'unsupported' });
  expect(await keysOf(types, 'place')).toMatchObject({ kind: 'unsupported' });
  expect(await keysOf(types, 'tags')).toMatchObject({ kind: 'unsupported' });
  const brotli = await fixtureBytes('rare.parquet');
  const source = memorySource('f', brotli);
  const [column] = (await readFooter(source)).columns;
  expect(await keysOf(brotli, column?.name)).toMatchObject({ kind: 'unsupported' });
  const deltas = await duckdbFile(
    `SELECT 'k' || uuid() AS k FROM range(5000)`,
    'PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1',
  );
  expect(await keysOf(deltas)).toMatchObject({ kind: 'unsupported' });
});

test('damaged and cut pages are read or refused, never more', async () => {
  const query = `SELECT CASE WHEN i % 5 = 0 THEN NULL ELSE 'key' || i % 40 END AS k FROM range(300) t(i)`;
  const files = await Promise.all(
    CODECS.flatMap((codec) => [
      duckdbFile(query, `CODEC '${codec}'`),
      duckdbFile(query, `CODEC '${codec}', DICTIONARY_SIZE_LIMIT 1`),
    ]),
  );
  const change = record({ at: nat(), byte: integer({ min: 0, max: 255 }) });
  const changes = array(change, { minLength: 1, maxLength: 3 });
  await assert(
    asyncProperty(constantFrom(...files), changes, async (bytes, list) => {
      const whole = memorySource('f', bytes);
      const footer = await readFooter(whole);
      const changed = Uint8Array.from(bytes);
      for (const { at, byte } of list) {
        changed[at % (bytes.length - footer.bytes.length - 8)] = byte;
      }
      try {
        await readKeys(memorySource('f', changed), footer, 'k', () => undefined);
      } catch (error) {
        if (!isDeltaError(error, 'PARQUET_CORRUPT_DATA')) throw error;
      }
    }),
    { numRuns: 1500 },
  );
  const [bytes] = files;
  if (bytes === undefined) throw new Error('no file');
  const footer = await readFooter(memorySource('f', bytes));
  await expect(
    readKeys(memorySource('f', bytes.subarray(0, 40)), footer, 'k', () => undefined),
  ).rejects.toMatchObject({ code: 'PARQUET_TRUNCATED' });
});
