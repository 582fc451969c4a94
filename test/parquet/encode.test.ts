import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { tableFromArrays, vectorFromArray, Table, Dictionary, Utf8, Int32 } from 'apache-arrow';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  type ColumnChunk,
  footerStatistics,
  memorySource,
  readFooter,
  readRows,
  rowsToArrow,
  type WriteOptions,
  writeParquet,
} from '../../src/parquet/index.ts';
import { corruptData } from '../../src/parquet/errors.ts';
import { PageBuffer } from '../../src/parquet/page-buffer.ts';
import { decodeHybrid } from '../../src/parquet/hybrid.ts';
import { decodeSnappy, snappyRoomBytes } from '../../src/parquet/snappy.ts';
import { SnappyEncoder, snappyOutputBytesMax } from '../../src/parquet/snappy-encoder.ts';
import { parseDdl, type Row } from '../../src/schema/index.ts';
import { duckdb, inFolder } from './duckdb.ts';

const corrupt = (why: unknown) => corruptData('own', why);

async function written(ddl: string, rows: readonly Row[], options: WriteOptions = {}) {
  const bytes = await writeParquet(await rowsToArrow(parseDdl(ddl), rows), options);
  const footer = await readFooter(memorySource('own', bytes));
  return { bytes, footer, chunks: footer.rowGroups.flatMap(({ columns }) => columns) };
}

async function rowsOf(bytes: Uint8Array): Promise<readonly Record<string, unknown>[]> {
  const source = memorySource('own', bytes);
  return Array.fromAsync(readRows(source, await readFooter(source)));
}

function chunk(chunks: readonly ColumnChunk[], index: number): ColumnChunk {
  const found = chunks[index];
  if (found === undefined) throw new Error('no such chunk');
  return found;
}

test('what Snappy packs it unpacks, whatever repeats at whatever distance', () => {
  const encoder = new SnappyEncoder();
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.nat(255), fc.nat(70_000))
      .map(([byte, length]) => new Uint8Array(length).fill(byte)),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 90 }), fc.nat(400))
      .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes))),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const input = Buffer.concat(pieces);
      const output = new Uint8Array(snappyOutputBytesMax(input.length));
      const packed = output.subarray(0, encoder.encode(input, input.length, output));
      const room = new Uint8Array(snappyRoomBytes(input.length));
      decodeSnappy(packed, { room, sizeBytes: input.length }, corrupt);
      expect(Buffer.compare(room.subarray(0, input.length), input)).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test('data with a dictionary is written as its values, in one piece or several, sliced and with nulls', async () => {
  const texts = fc.constantFrom('a', 'bb', '', 'ção', 'd'.repeat(80), null);
  const type = new Dictionary(new Utf8(), new Int32());
  const column = fc.array(fc.oneof(texts, fc.string({ unit: 'grapheme' })), { maxLength: 3000 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(column, { minLength: 1, maxLength: 3 }),
      fc.nat(50),
      async (parts, cut) => {
        const tables = parts.map((values) => {
          const vector = vectorFromArray(values, type);
          return new Table({ text: vector }).slice(cut);
        });
        const expected = parts.flatMap((values) => values.slice(cut).map((text) => ({ text })));
        expect(await rowsOf(await writeParquet(tables))).toEqual(expected);
      },
    ),
    { numRuns: 40 },
  );
});

test('runs and packed bits are read again, for every width', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 17 }),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 40 })), { maxLength: 30 }),
      (bitWidth, runs) => {
        const all = runs.flatMap(([value, count]) =>
          Array.from({ length: count }, () => value % 2 ** bitWidth),
        );
        const page = new PageBuffer();
        page.hybrid(Int32Array.from([9, ...all]), 1, all.length + 1, bitWidth);
        const values = new Int32Array(all.length);
        decodeHybrid({ bytes: page.bytes, start: 0, end: page.end, bitWidth }, values, corrupt);
        expect([...values]).toEqual(all);
      },
    ),
  );
});

describe('a chunk', () => {
  test('has a dictionary where its values repeat, and none where they do not', async () => {
    const rows = Array.from({ length: 5000 }, (_, id) => ({ id, kind: `kind ${id % 7}`, one: 1 }));
    const { chunks, bytes } = await written('id INT, kind STRING, one BIGINT', rows);
    expect(chunks.map(({ encodings }) => encodings.includes('RLE_DICTIONARY'))).toEqual([
      false,
      true,
      true,
    ]);
    expect((await rowsOf(bytes))[4999]).toEqual({ id: 4999, kind: 'kind 1', one: 1n });
  });

  test('is left as it is where its codec saves little, and is packed where it does', async () => {
    const random = (id: number): string =>
      Array.from({ length: 4 }, (_, at) =>
        Math.imul(id * 4 + at + 1, 0x9e3779b1).toString(36),
      ).join('');
    const rows = Array.from({ length: 5000 }, (_, id) => ({
      noise: random(id),
      text: `event number ${id}`,
    }));
    const { chunks, bytes } = await written('noise STRING, text STRING', rows);
    expect(chunks.map(({ codec }) => codec)).toEqual(['uncompressed', 'snappy']);
    expect((await rowsOf(bytes))[1234]).toEqual(rows[1234]);
  });

  test('has pages of bounded size, also of arrays and long texts, and rows never cross them', async () => {
    const long = 'x'.repeat(3000);
    const rows = Array.from({ length: 45_000 }, (_, id) => ({
      id,
      list: id % 3 === 0 ? [] : [id, null, id + 1],
      text: id % 10 === 0 ? `${id}${long}` : null,
    }));
    const { bytes } = await written('id INT, list ARRAY<INT>, text STRING', rows);
    await inFolder(async (folder) => {
      const file = join(folder, 'own.parquet');
      await writeFile(file, bytes);
      const [sums] = await duckdb(
        `SELECT count(*) AS n, sum(id)::BIGINT AS ids, sum(len(list))::BIGINT AS items, sum(list_sum(list))::BIGINT AS total,
         count(text) AS texts, sum(length(text))::BIGINT AS chars FROM '${file}'`,
      );
      const items = rows.flatMap(({ list }) => list);
      expect(sums).toEqual({
        n: 45_000n,
        ids: (45_000n * 44_999n) / 2n,
        items: BigInt(items.length),
        total: BigInt(items.reduce<number>((sum, item) => sum + (item ?? 0), 0)),
        texts: 4500n,
        chars: BigInt(rows.reduce((sum, { text }) => sum + (text?.length ?? 0), 0)),
      });
    });
  });
});

describe('bounds', () => {
  test('hold for values of all lengths, dictionaries or not', async () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 8 }), {
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(texts, fc.boolean(), async (values, twice) => {
        const all = twice ? [...values, ...values, ...values] : values;
        const { chunks } = await written(
          't STRING',
          all.map((t) => ({ t })),
        );
        const sorted = values
          .map((it) => Buffer.from(it))
          .sort((left, right) => Buffer.compare(left, right));
        const { statistics } = chunk(chunks, 0);
        expect(Buffer.from(statistics?.min ?? [])).toEqual(sorted[0]);
        expect(Buffer.from(statistics?.max ?? [])).toEqual(sorted.at(-1));
      }),
      { numRuns: 60 },
    );
  });

  test('of long texts are shortened so that they still hold, and stay texts', async () => {
    const cases = ['ç'.repeat(60), `${'a'.repeat(40)}${'😀'.repeat(20)}`, '\u007f'.repeat(80)];
    for (const text of cases) {
      const { chunks } = await written('t STRING', [{ t: text }]);
      const { min, max } = chunk(chunks, 0).statistics ?? { min: null, max: null };
      const bytes = Buffer.from(text);
      expect(Buffer.compare(min ?? bytes, bytes)).toBeLessThanOrEqual(0);
      expect(min?.length).toBeLessThanOrEqual(64);
      expect(Buffer.from(min ?? []).toString()).not.toContain('\ufffd');
      if (max !== null) expect(Buffer.compare(max, bytes)).toBeGreaterThan(0);
      expect(max?.length ?? 0).toBeLessThanOrEqual(64);
    }
  });

  test('of numbers are in their order: negative, of 64 bits, decimals, both zeros; none where there is a NaN', async () => {
    const ddl = 'i INT, l BIGINT, f FLOAT, d DOUBLE, p DECIMAL(30,2), q DECIMAL(5,1), day DATE';
    const rows: Row[] = [
      { i: -5, l: -(2n ** 62n), f: Number.NaN, d: 0, p: '-1.50', q: '-0.5', day: '1969-12-31' },
      {
        i: 3,
        l: 2n ** 40n + 1n,
        f: 2.5,
        d: -0,
        p: '12345678901234567890.00',
        q: '99.9',
        day: '2026-11-22',
      },
      { i: 0, l: 2n ** 40n, f: -1.5, d: 0, p: '0.00', q: '0.0', day: '1970-01-01' },
      {},
    ];
    const { footer, chunks } = await written(ddl, rows);
    const { columns } = footerStatistics(footer, parseDdl(ddl), { nanColumns: new Set() });
    expect(columns.get('i')).toMatchObject({ min: -5, max: 3, nullCount: 1 });
    expect(columns.get('l')).toMatchObject({ min: -(2n ** 62n), max: 2n ** 40n + 1n });
    expect(columns.get('f')).toMatchObject({ min: null, max: null });
    expect(columns.get('p')).toMatchObject({ min: -150n, max: 1234567890123456789000n });
    expect(columns.get('q')).toMatchObject({ min: -5n, max: 999n });
    expect(columns.get('day')).toMatchObject({ min: -1 });
    const zeros = chunk(chunks, 3).statistics;
    expect(Buffer.from(zeros?.min ?? []).readDoubleLE()).toBe(-0);
    expect(Buffer.from(zeros?.max ?? []).readDoubleLE()).toBe(0);
  });
});

test('data of other types, and in many pieces, is written all the same', async () => {
  const texts = vectorFromArray(['a', 'b', 'a'], new Dictionary(new Utf8(), new Int32()));
  const table = new Table({ texts, small: vectorFromArray([1, 2, 3], new Int32()) });
  expect(await rowsOf(await writeParquet(table))).toEqual([
    { texts: 'a', small: 1 },
    { texts: 'b', small: 2 },
    { texts: 'a', small: 3 },
  ]);
  const pieces = Array.from({ length: 40 }, (_, n) => tableFromArrays({ n: Int32Array.of(n) }));
  expect(await rowsOf(await writeParquet(pieces))).toEqual(
    Array.from({ length: 40 }, (_, n) => ({ n })),
  );
});

test('a slice of data begins where it begins: bits, offsets, children', async () => {
  const ddl = 'b BOOLEAN, t STRING, s STRUCT<x: INT, l: ARRAY<STRING>>, m MAP<STRING, BOOLEAN>';
  const rows = Array.from({ length: 50 }, (_, n) => ({
    b: n % 4 === 0 ? null : n % 3 === 0,
    t: n % 5 === 0 ? null : `t${n}`,
    s: n % 7 === 0 ? null : { x: n, l: n % 2 === 0 ? null : [`l${n}`, null] },
    m: n % 6 === 0 ? null : Object.entries({ k: n % 2 === 0, [`k${n}`]: null }),
  }));
  const table = await rowsToArrow(parseDdl(ddl), rows);
  for (const [start, end] of [
    [0, 50],
    [3, 29],
    [13, 14],
  ] as const) {
    const read = await rowsOf(await writeParquet(table.slice(start, end)));
    expect(read).toEqual(
      rows.slice(start, end).map((row) => ({ ...row, m: row.m && Object.fromEntries(row.m) })),
    );
  }
});
