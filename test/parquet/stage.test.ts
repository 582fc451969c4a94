import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { type ByteSource, memorySource, readFooter, stageSparse } from '../../src/parquet/index.ts';
import { writeParts } from '../../src/parquet/stage.ts';
import { duckdb, duckdbFile, inFolder } from './duckdb.ts';

const QUERY = `SELECT x AS id, repeat(md5(x::VARCHAR), 20) AS filler, {'a': x * 2, 'b': 'v' || x} AS s
  FROM range(50000) t(x)`;

/** Counts what is read. */
function counted(source: ByteSource): {
  readonly source: ByteSource;
  readonly fetched: () => number;
} {
  let bytes = 0;
  const read = (start: number, end: number): Promise<Uint8Array> => {
    bytes += end - start;
    return source.read(start, end);
  };
  return { source: { ...source, read }, fetched: () => bytes };
}

test('DuckDB gives the same answer on the stand-in, for a fraction of the bytes', async () => {
  await inFolder(async (folder) => {
    const whole = join(folder, 'whole.parquet');
    const staged = join(folder, 'staged.parquet');
    const bytes = await duckdbFile(QUERY, 'ROW_GROUP_SIZE 10240');
    await writeFile(whole, bytes);
    const { source, fetched } = counted(memorySource('remote', bytes));
    const footer = await readFooter(source);
    await stageSparse(source, footer, { file: staged, columns: ['id', ['s', 'b']] });
    expect((await stat(staged)).size).toBe(bytes.length);
    expect(fetched()).toBeLessThan(bytes.length / 4);
    const ask = (file: string): Promise<unknown> =>
      duckdb(`SELECT sum(id) AS sum, max(s.b) AS most, count(*) AS count FROM '${file}'`);
    expect(await ask(staged)).toEqual(await ask(whole));
    const [pruned] = await duckdb(`SELECT count(*) AS n FROM '${staged}' WHERE id >= 40000`);
    expect(pruned).toEqual({ n: 10_000n });
  });
});

test('row groups that were not asked for are not fetched', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'staged.parquet');
    const bytes = await duckdbFile(QUERY, 'ROW_GROUP_SIZE 10240');
    const { source, fetched } = counted(memorySource('remote', bytes));
    const footer = await readFooter(source);
    await stageSparse(source, footer, { file, rowGroups: [2] });
    expect(fetched()).toBeLessThan(bytes.length / 3);
    const [row] = await duckdb(
      `SELECT count(*) AS n, min(length(filler)) AS length FROM '${file}' WHERE id BETWEEN 20480 AND 30719`,
    );
    expect(row).toEqual({ n: 10_240n, length: 640n });
  });
});

test('the Bloom filters of the columns come along', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'staged.parquet');
    const bytes = await duckdbFile(
      "SELECT 'k' || (x * 7919) % 3000 AS k, x AS n FROM range(50000) t(x)",
    );
    const source = memorySource('remote', bytes);
    const footer = await readFooter(source);
    expect(footer.rowGroups[0]?.columns[0]?.bloomFilter).not.toBeNull();
    await stageSparse(source, footer, { file, columns: ['k'] });
    expect(await duckdb(`SELECT count(*) AS n FROM '${file}' WHERE k = 'k77'`)).toEqual([
      { n: 17n },
    ]);
  });
});

test('all of a file can be staged, and what is not there is refused by name', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'staged.parquet');
    const bytes = await duckdbFile('SELECT 1 AS a');
    const source = memorySource('remote', bytes);
    const footer = await readFooter(source);
    await stageSparse(source, footer, { file });
    expect(await duckdb(`SELECT a FROM '${file}'`)).toEqual([{ a: 1 }]);
    await expect(stageSparse(source, footer, { file, rowGroups: [9] })).rejects.toMatchObject({
      code: 'PARQUET_UNKNOWN_ROW_GROUP',
    });
    const nowhere = join(folder, 'none', 'staged.parquet');
    await expect(stageSparse(source, footer, { file: nowhere })).rejects.toMatchObject({
      code: 'PARQUET_UNWRITABLE',
    });
    const shrunk = { ...source, read: () => Promise.resolve(new Uint8Array(1)) };
    await expect(stageSparse(shrunk, footer, { file })).rejects.toMatchObject({
      code: 'PARQUET_TRUNCATED',
    });
  });
});

test.each([1, 2, 3, 5, 100])(
  'parts are written whole where a call takes %i bytes',
  async (most) => {
    const file = Buffer.alloc(12, '.');
    const parts = ['', 'ab', '', 'c', 'defg', ''].map((text) => Buffer.from(text));
    const out = {
      writev: async <T extends readonly NodeJS.ArrayBufferView[]>(buffers: T, place = 0) => {
        const all = Buffer.concat(
          buffers.map(({ buffer, byteOffset, byteLength }) =>
            Buffer.from(buffer, byteOffset, byteLength),
          ),
        );
        return { bytesWritten: all.copy(file, place, 0, most), buffers };
      },
    };
    await writeParts(out, parts, 3);
    expect(file.toString()).toBe('...abcdefg..');
  },
);
