import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  copyToParquet,
  createEngine,
  execute,
  literal,
  openOrderedSession,
  type Session,
} from '../../src/engine/index.ts';
import { parseDdl } from '../../src/schema/index.ts';

const engine = createEngine();
let session: Session;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rewrite-test-'));
  session = await openOrderedSession(engine);
});

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

test('rows keep their order through joins and filters, in several statements at once', async () => {
  await session.run('CREATE TABLE few AS SELECT range * 100 AS id FROM range(5000)');
  await session.run(
    'CREATE TABLE many AS SELECT range AS id FROM range(400000) WHERE range % 500 > 1',
  );
  const rows = (part: number): string =>
    `(SELECT range + ${part * 300_000} AS id FROM range(300000)) AS r`;
  const selects = [
    `SELECT r.id, few.id AS hit FROM ${rows(0)} LEFT JOIN few ON few.id = r.id`,
    `SELECT r.id FROM ${rows(1)} WHERE NOT EXISTS (SELECT 1 FROM many WHERE many.id = r.id)`,
    `SELECT r.id FROM ${rows(0)} WHERE r.id > 290000 OR r.id % 700 < 2`,
  ];
  const counts = await Promise.all(
    selects.map((select, part) =>
      copyToParquet(session, select, { file: join(folder, `${part}.parquet`), codec: 'zstd' }),
    ),
  );
  expect(counts).toEqual([300_000, 200_400, 10_829]);
  for (const part of selects.keys()) {
    const [found] = await session.query(
      'SELECT min(step) AS least FROM (SELECT id - lag(id) OVER () AS step ' +
        `FROM read_parquet(${literal(join(folder, `${part}.parquet`))}))`,
    );
    expect(Number(found?.['least'])).toBeGreaterThan(part === 0 ? -2_048 : 0);
  }
  const codecs = await session.query(
    'SELECT DISTINCT compression, max(row_group_num_rows) > 200000 AS large ' +
      `FROM parquet_metadata(${literal(join(folder, '0.parquet'))}) GROUP BY ALL`,
  );
  expect(codecs).toEqual([{ compression: 'ZSTD', large: false }]);
});

test('a statement says how many rows it changed, and stops when it is told to', async () => {
  await session.run('CREATE TABLE numbers (n BIGINT)');
  expect(await execute(session, 'INSERT INTO numbers SELECT range FROM range(7)')).toBe(7);
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(
    copyToParquet(session, 'SELECT 1 AS n', {
      file: join(folder, 'none.parquet'),
      codec: 'snappy',
      signal: stop.signal,
    }),
  ).rejects.toThrow('enough');
});

/** Zeros of both signs, and texts that a dictionary pays for. */
const ZEROS = `SELECT CAST(f AS DOUBLE) AS d, CAST(f AS FLOAT) AS f, [CAST(f AS DOUBLE)] AS l, s FROM
  (VALUES ('0.0', 'a'), ('-0.0', 'a'), ('NaN', 'a'), ('0.0', 'b')) AS v(f, s)`;

test.each([
  ['fields that are told', parseDdl('d double, f float, l array<double>, s string').fields],
  ['fields that are asked for', null],
])('zeros keep their signs (%s)', async (_, fields) => {
  const file = join(folder, 'zeros.parquet');
  const options = { file, codec: 'snappy', ...(fields === null ? {} : { fields }) } as const;
  await copyToParquet(session, ZEROS, options);
  const [found] = await session.query(
    'SELECT string_agg(CAST(d AS VARCHAR)) AS d, string_agg(CAST(f AS VARCHAR)) AS f, ' +
      `string_agg(CAST(l AS VARCHAR)) AS l FROM read_parquet(${literal(file)})`,
  );
  expect(found).toEqual({
    d: '0.0,-0.0,nan,0.0',
    f: '0.0,-0.0,nan,0.0',
    l: '[0.0],[-0.0],[nan],[0.0]',
  });
});

test('where no zero is negative, texts are held by dictionaries', async () => {
  const file = join(folder, 'plain.parquet');
  const select = `${ZEROS} WHERE f <> '-0.0'`;
  await copyToParquet(session, select, {
    file,
    codec: 'snappy',
    fields: parseDdl('d double').fields,
  });
  const [found] = await session.query(
    `SELECT encodings FROM parquet_metadata(${literal(file)}) WHERE path_in_schema = 's'`,
  );
  expect(found?.['encodings']).toContain('DICTIONARY');
});
