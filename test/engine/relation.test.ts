import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  type EngineRow,
  literal,
  openSession,
  type RelationFile,
  type RelationOptions,
  relationSql,
  type Session,
} from '../../src/engine/index.ts';
import { localFileSource, readFooter } from '../../src/parquet/index.ts';
import { parseDdl, type StructType } from '../../src/schema/index.ts';

let folder: string;
let session: Session;
let count = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relation-test-'));
  session = await openSession({ threads: 2, tempDirectory: folder });
});

afterAll(async () => {
  await session.close();
  await rm(folder, { recursive: true, force: true });
});

/** A Parquet file with the rows of a query. */
async function fileOf(
  query: string,
  {
    partitionValues = new Map(),
    copyOptions = '',
  }: Partial<RelationFile> & { copyOptions?: string } = {},
): Promise<RelationFile> {
  count += 1;
  const localPath = join(folder, `${String(count)}.parquet`);
  await session.run(`COPY (${query}) TO ${literal(localPath)} (FORMAT parquet${copyOptions})`);
  const source = await localFileSource(localPath);
  const { columns } = await readFooter(source);
  await source.close();
  return { localPath, columns, partitionValues };
}

async function read(
  files: readonly RelationFile[],
  schema: string | StructType,
  options: Partial<RelationOptions> = {},
): Promise<readonly EngineRow[]> {
  const sql = relationSql(files, {
    schema: typeof schema === 'string' ? parseDdl(schema) : schema,
    partitionColumns: [],
    mapping: 'none',
    ...options,
  });
  return session.query(sql);
}

describe('files of old Spark', () => {
  /** Days as they stand in the file. */
  const DAYS = [-719_164, -171_596, -171_595, -141_428, -141_427, 0];
  const SAME_DAYS_IN_OUR_CALENDAR = [-719_162, -171_605, -171_605, -141_438, -141_427, 0];

  async function oldFile(
    query: string,
    marks: Readonly<Record<string, string>>,
  ): Promise<RelationFile> {
    const pairs = Object.entries(marks).map(([key, value]) => `${literal(key)}: ${literal(value)}`);
    return fileOf(query, { copyOptions: `, KV_METADATA {${pairs.join(', ')}}` });
  }

  const days = `SELECT make_date(d) AS d, [make_date(d)] AS l, {'t': make_timestamptz(d * 86400000000::BIGINT - 1)} AS s
    FROM (SELECT unnest([${DAYS.join(', ')}]) AS d)`;
  const ddl = 'd date, l array<date>, s struct<t:timestamp>';

  test.each([
    ['written in the old mode', { 'org.apache.spark.legacyDateTime': '' }],
    ['of version 2', { 'org.apache.spark.version': '2.4.8' }],
  ])('have the same year, month and day: %s', async (_case, marks) => {
    const rows = await read([await oldFile(days, marks)], ddl);
    expect(rows.map(({ d }) => d)).toEqual(SAME_DAYS_IN_OUR_CALENDAR);
    expect(rows.map(({ l }) => l)).toEqual(SAME_DAYS_IN_OUR_CALENDAR.map((day) => [day]));
    const before = [-719_163, -171_606, -171_605, -141_439, -141_438, -1];
    const micros = before.map((day) => ({ t: BigInt(day + 1) * 86_400_000_000n - 1n }));
    expect(rows.map(({ s }) => s)).toEqual(micros);
  });

  test.each([
    ['new ones', { 'org.apache.spark.version': '3.5.1' }],
    ['those of others', { 'written.by': 'somebody' }],
  ])('are told from %s', async (_case, marks) => {
    const rows = await read([await oldFile(days, marks)], ddl);
    expect(rows.map(({ d }) => d)).toEqual(DAYS);
  });

  test('are not guessed at where their instants are of another zone', async () => {
    const zone = 'America/Sao_Paulo';
    const marks = { 'org.apache.spark.legacyDateTime': '', 'org.apache.spark.timeZone': zone };
    const [row] = await read([await oldFile(days, marks)], ddl);
    expect(row).toMatchObject({ d: -719_162, s: { t: -719_164n * 86_400_000_000n - 1n } });
  });
});

describe('columns', () => {
  test('come in the order and with the names of the schema, missing ones as null', async () => {
    const file = await fileOf(`SELECT 2 AS b, 1 AS "A", 9 AS extra`);
    expect(await read([file], 'a int, b int, c string')).toEqual([{ a: 1, b: 2, c: null }]);
  });

  test('are widened to the type of the schema', async () => {
    const file =
      await fileOf(`SELECT 1::INTEGER AS l, 0.1::FLOAT AS d, 1.5::DECIMAL(4,1) AS m, 7::TINYINT AS i,
      DATE '1969-12-31' AS n, 3::UINTEGER AS u, 5::INTEGER AS p`);
    const rows = await read(
      [file],
      'l bigint, d double, m decimal(10,3), i int, n timestamp_ntz, u bigint, p decimal(12,2)',
    );
    expect(rows).toEqual([
      { l: 1n, d: 0.10000000149011612, m: 1500n, i: 7, n: -86_400_000_000n, u: 3n, p: 500n },
    ]);
  });

  test('of every unit of time are microseconds, rounded down', async () => {
    const file = await fileOf(`SELECT TIMESTAMP_NS '1969-12-31 23:59:59.999999999' AS ns,
      TIMESTAMP_MS '1969-12-31 23:59:59.999' AS ms, TIMESTAMPTZ '1970-01-01 00:00:00.000001+00' AS us`);
    expect(await read([file], 'ns timestamp_ntz, ms timestamp, us timestamp')).toEqual([
      { ns: -1n, ms: -1000n, us: 1n },
    ]);
  });

  test('of bytes and of text are what the schema says', async () => {
    const file = await fileOf(`SELECT encode('é\\x41') AS s, 'a\\x41' AS b,
      '00112233-4455-6677-8899-aabbccddeeff'::UUID AS u, '00112233-4455-6677-8899-aabbccddeeff'::UUID AS v`);
    const [row] = await read([file], 's string, b binary, u string, v binary');
    expect(row?.['s']).toBe('é\\x41');
    expect(row?.['b']).toEqual(new TextEncoder().encode('a\\x41'));
    expect(row?.['u']).toBe('00112233-4455-6677-8899-aabbccddeeff');
    expect(row?.['v']).toEqual(
      Uint8Array.from(Buffer.from('00112233445566778899aabbccddeeff', 'hex')),
    );
  });

  test('whose type does not fit are refused by name', async () => {
    const file = await fileOf(`SELECT 'x' AS n, [1] AS s`);
    await expect(read([file], 'n bigint')).rejects.toMatchObject({ code: 'ENGINE_FILE_TYPE' });
    await expect(read([file], 's struct<a:int>')).rejects.toMatchObject({
      code: 'ENGINE_FILE_TYPE',
    });
  });

  test('decimals with more digits after the point are refused, not rounded', async () => {
    const file = await fileOf('SELECT 1.2567::DECIMAL(9,4) AS d');
    expect(await read([file], 'd decimal(9,4)')).toHaveLength(1);
    await expect(read([file], 'd decimal(9,2)')).rejects.toMatchObject({
      code: 'ENGINE_FILE_TYPE',
    });
  });

  test('decimals wider than the engine has are refused, as it would make other numbers of them', async () => {
    const file = await fileOf('SELECT 1.25::DECIMAL(38,2) AS d');
    const columns = file.columns.map((node) => ({
      ...node,
      logicalType: { kind: 'decimal', precision: 40, scale: 2 } as const,
    }));
    await expect(read([{ ...file, columns }], 'd decimal(38,2)')).rejects.toMatchObject({
      code: 'ENGINE_FILE_TYPE',
    });
  });

  test('of the type of null are null, whatever the schema says', async () => {
    const file = await fileOf('SELECT NULL::INTEGER AS n, [NULL::INTEGER] AS l');
    const untyped = (node: (typeof file.columns)[number]): typeof node =>
      node.physicalType === null
        ? { ...node, children: node.children.map(untyped) }
        : { ...node, logicalType: { kind: 'unknown' } };
    const columns = file.columns.map(untyped);
    expect(await read([{ ...file, columns }], 'n string, l array<date>')).toEqual([
      { n: null, l: [null] },
    ]);
  });

  test('that hold nothing but null need no type', async () => {
    const file = await fileOf('SELECT 1 AS a');
    expect(await read([file], 'a int, v void')).toEqual([{ a: 1, v: null }]);
  });
});

describe('nested columns', () => {
  test('are rebuilt where fields are missing, moved or widened; null stays null', async () => {
    const file = await fileOf(`SELECT * FROM (VALUES
      ({'b': 'x', 'a': 1}, [{'i': 1::INTEGER}], MAP {'k': {'i': 2::INTEGER}}), (NULL, NULL, NULL)) t(s, l, m)`);
    const rows = await read(
      [file],
      `s struct<a:bigint,b:string,c:int>, l array<struct<j:int,i:bigint>>,
      m map<string,struct<i:bigint>>`,
    );
    expect(rows).toEqual([
      { s: { a: 1n, b: 'x', c: null }, l: [{ j: null, i: 1n }], m: [['k', { i: 2n }]] },
      { s: null, l: null, m: null },
    ]);
  });

  test('that fit are taken as they are', async () => {
    const file = await fileOf(
      `SELECT {'a': 1} AS s, [1, NULL] AS l, MAP {'k': NULL::INTEGER} AS m`,
    );
    expect(await read([file], 's struct<a:int>, l array<int>, m map<string,int>')).toEqual([
      { s: { a: 1 }, l: [1, null], m: [['k', null]] },
    ]);
  });
});

describe('column mapping', () => {
  const mapped: StructType = {
    kind: 'struct',
    fields: parseDdl('id int, s struct<x:int>').fields.map((field, index) => ({
      ...field,
      ...(field.type.kind === 'struct'
        ? {
            type: {
              ...field.type,
              fields: field.type.fields.map((inner) => ({
                ...inner,
                metadata: {
                  'delta.columnMapping.id': 3,
                  'delta.columnMapping.physicalName': 'col-3',
                },
              })),
            },
          }
        : {}),
      metadata: {
        'delta.columnMapping.id': index + 1,
        'delta.columnMapping.physicalName': `col-${String(index + 1)}`,
      },
    })),
  };

  test('by name finds physical names, nested ones too', async () => {
    const file = await fileOf(`SELECT 7 AS "col-1", {'col-3': 8} AS "col-2", 9 AS id`);
    expect(await read([file], mapped, { mapping: 'name' })).toEqual([{ id: 7, s: { x: 8 } }]);
  });

  test('by id finds field ids, whatever the names', async () => {
    const file = await fileOf(`SELECT 9 AS "col-1", 7 AS z, {'y': 8} AS w`, {
      copyOptions: ', FIELD_IDS {z: 1, w: {__duckdb_field_id: 2, y: 3}}',
    });
    expect(await read([file], mapped, { mapping: 'id' })).toEqual([{ id: 7, s: { x: 8 } }]);
    // Columns that changes have besides those of their table have no id.
    const [z] = parseDdl('z int').fields;
    const more = { ...mapped, fields: [...mapped.fields, ...(z === undefined ? [] : [z])] };
    expect(await read([file], more, { mapping: 'id' })).toMatchObject([{ z: 7 }]);
  });
});

describe('several files', () => {
  test('keep their order, tell index and row, and carry partition values', async () => {
    const files = [
      await fileOf('SELECT range::INTEGER AS n FROM range(3)', {
        partitionValues: new Map([['p', 'a']]),
      }),
      await fileOf('SELECT (10 + range)::INTEGER AS n FROM range(2)', {
        partitionValues: new Map([['p', 'a']]),
      }),
      await fileOf('SELECT (20 + range)::BIGINT AS n FROM range(2)', {
        partitionValues: new Map([['p', null]]),
      }),
    ];
    const rows = await read(files, 'p string, n bigint', {
      partitionColumns: ['p'],
      fileIndex: 'file',
      rowNumber: 'row',
    });
    expect(rows.map(({ p, n, file, row }) => [p, n, file, row])).toEqual([
      ['a', 0n, 0n, 0n],
      ['a', 1n, 0n, 1n],
      ['a', 2n, 0n, 2n],
      ['a', 10n, 1n, 0n],
      ['a', 11n, 1n, 1n],
      [null, 20n, 2n, 0n],
      [null, 21n, 2n, 1n],
    ]);
  });

  test('a partition value is never taken from the file', async () => {
    const file = await fileOf(`SELECT 'wrong' AS p, 1 AS n`, {
      partitionValues: new Map([['p', 'right']]),
    });
    expect(await read([file], 'p string, n int', { partitionColumns: ['p'] })).toEqual([
      { p: 'right', n: 1 },
    ]);
  });

  test('no files have no rows, and no columns still have rows', async () => {
    expect(await read([], 'a int', { fileIndex: 'f', rowNumber: 'r' })).toEqual([]);
    const file = await fileOf('SELECT 1 AS a FROM range(3)');
    expect(await read([file], '')).toHaveLength(3);
  });

  test('names of files and columns are never patterns or SQL', async () => {
    const file = await fileOf(`SELECT 1 AS "a""b'c", 2 AS "*"`);
    const odd = join(folder, `x*'[1]?.parquet`);
    await copyFile(file.localPath, odd);
    // What the odd name would stand for as a pattern.
    const other = await fileOf(`SELECT 3 AS "a""b'c", 4 AS "*"`);
    await copyFile(other.localPath, join(folder, `xy'12.parquet`));
    const schema: StructType = {
      kind: 'struct',
      fields: [`a"b'c`, '*'].map((name) => ({
        name,
        type: { kind: 'primitive', name: 'integer' },
        nullable: true,
        metadata: {},
      })),
    };
    expect(await read([{ ...file, localPath: odd }], schema)).toEqual([{ [`a"b'c`]: 1, '*': 2 }]);
  });
});

describe('files of different columns', () => {
  test('are read by one scan for each layout where their order does not matter', async () => {
    const files: RelationFile[] = [];
    for (let index = 0; index < 6; index += 1) {
      files.push(
        await fileOf(`SELECT ${String(index)} AS a${index % 2 === 0 ? '' : ", 'x' AS b"}`),
      );
    }
    const rows = await read(files, 'a int, b string', { inAnyOrder: true });
    expect(rows.toSorted((left, right) => Number(left['a']) - Number(right['a']))).toEqual(
      files.map((_, index) => ({ a: index, b: index % 2 === 0 ? null : 'x' })),
    );
    const scans = (options: Partial<RelationOptions>): number => {
      const base = { schema: parseDdl('a int, b string'), partitionColumns: [] };
      const sql = relationSql(files, { ...base, mapping: 'none', ...options });
      return sql.split('read_parquet').length - 1;
    };
    expect(scans({})).toBe(6);
    expect(scans({ inAnyOrder: true })).toBe(2);
    expect(scans({ inAnyOrder: true, fileIndex: 'file' })).toBe(6);
    const told = await read(files, 'a int, b string', { inAnyOrder: true, fileIndex: 'file' });
    expect(told.map(({ a, file }) => Number(file) === a)).not.toContain(false);
  });
});

test('rows of files of several layouts are sorted with less memory than they take', async () => {
  const rows = (from: number, more: string): string =>
    `SELECT hash(i) % 1000 AS k, repeat(md5(i::VARCHAR), 20) AS t${more} FROM range(${from}, ${from + 100_000}) AS r(i)`;
  const files = [
    await fileOf(rows(0, '')),
    await fileOf(rows(100_000, ', i AS n')),
    await fileOf(rows(200_000, '')),
  ];
  const sql = relationSql(files, {
    schema: parseDdl('k long, t string, n long'),
    partitionColumns: [],
    mapping: 'none',
    isSorted: true,
  });
  const small = await openSession({
    threads: 1,
    tempDirectory: folder,
    memoryLimitBytes: 160 * 1024 ** 2,
  });
  try {
    await small.run(
      `COPY (SELECT * FROM (${sql}) ORDER BY k) TO ${literal(join(folder, 'sorted.parquet'))} (FORMAT parquet, ROW_GROUP_SIZE 8192)`,
    );
    const [found] = await small.query(
      'SELECT count(*)::INT AS rows, bool_and(step IS NULL OR step >= 0) AS sorted FROM (SELECT k::BIGINT - lag(k::BIGINT) OVER () AS step ' +
        `FROM read_parquet(${literal(join(folder, 'sorted.parquet'))}))`,
    );
    expect(found).toEqual({ rows: 300_000, sorted: true });
  } finally {
    await small.close();
  }
});
