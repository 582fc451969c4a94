import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { checksum } from '../../../src/table/ops/checksum.ts';
import { withTable } from './engine-table.ts';

/** One row of every type, and the line it has in the canonical form. */
const DDL = `b boolean, d double, f float, l bigint, m decimal(12,3), s string, x binary, dt date, ts timestamp, n timestamp_ntz,
  a array<double>, mp map<string,int>, st struct<z:string,y:int>, v void`;

const CASES: readonly {
  readonly values: Readonly<Record<string, string>>;
  readonly line: string;
}[] = [
  {
    values: {
      b: 'true',
      d: '0.1',
      f: '0.1',
      l: '-9223372036854775808',
      m: '-0.500',
      s: `'é"\\/' || chr(10) || chr(1) || chr(127) || '😀'`,
      x: "unhex('00FF')",
      dt: "DATE '0001-01-01 (BC)'",
      ts: "TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'",
      n: "TIMESTAMP '2024-02-29 00:00:00'",
      a: "['nan'::DOUBLE, '-inf'::DOUBLE, NULL, '-0.0'::DOUBLE]",
      mp: "MAP {'b': 1, 'a': NULL}",
      st: "{'z': 'q', 'y': 1}",
    },
    line:
      '{"a":["NaN","-Infinity",null,-0],"b":true,"d":0.1,"dt":"0000-01-01","f":0.10000000149011612,"l":-9223372036854775808,"m":"-0.500",' +
      '"mp":[["a",null],["b",1]],"n":"2024-02-29T00:00:00.000000","s":"é\\"\\\\/\\n\\u0001\u007f😀","st":{"y":1,"z":"q"},' +
      '"ts":"1969-12-31T23:59:59.999999Z","v":null,"x":"0x00ff"}',
  },
  {
    values: {
      d: '1e21',
      f: '16777216',
      dt: 'make_date(10000, 1, 1)',
      a: '[]',
      mp: 'MAP {}',
      st: "{'z': NULL, 'y': NULL}",
      s: "''",
    },
    line: '{"a":[],"b":null,"d":1e+21,"dt":"+010000-01-01","f":16777216,"l":null,"m":null,"mp":[],"n":null,"s":"","st":{"y":null,"z":null},"ts":null,"v":null,"x":null}',
  },
];

const NUMBERS = [
  1,
  0.1,
  1e20,
  1e21,
  2 ** 67,
  1e-6,
  1e-7,
  1.5e-9,
  5e-324,
  1.7976931348623157e308,
  100,
  1234.5,
  0.000123,
  12345678.9,
  1e16,
  123456789.015625,
  9007199254740992,
  4.35,
  1e22,
  3.0e-5,
  2.5e15,
];

test('the canonical form of every type is the documented one', async () => {
  const types: Readonly<Record<string, string>> = {
    b: 'BOOLEAN',
    d: 'DOUBLE',
    f: 'FLOAT',
    l: 'BIGINT',
    m: 'DECIMAL(12,3)',
    s: 'VARCHAR',
    x: 'BLOB',
    dt: 'DATE',
    ts: 'TIMESTAMPTZ',
    n: 'TIMESTAMP',
    a: 'DOUBLE[]',
    mp: 'MAP(VARCHAR, INTEGER)',
    st: 'STRUCT(z VARCHAR, y INTEGER)',
  };
  const selects = CASES.map(({ values }) =>
    Object.entries(types)
      .map(([name, type]) => `CAST(${values[name] ?? 'NULL'} AS ${type}) AS ${name}`)
      .join(', '),
  );
  const files = selects.map((select, index) => ({
    key: `${String(index)}.parquet`,
    query: `SELECT ${select}`,
  }));
  await withTable('disk', { ddl: DDL, files }, async ({ ctx, snapshot }) => {
    expect(await checksum(ctx, snapshot)).toEqual(digestOf(CASES.map(({ line }) => line)));
  });
});

test('doubles are written as ECMAScript writes them', async () => {
  const list = NUMBERS.flatMap((value) => [value, -value]).map(
    (value) => `'${String(value)}'::DOUBLE`,
  );
  const files = [{ key: 'a.parquet', query: `SELECT unnest([${list.join(', ')}]) AS d` }];
  await withTable('memory', { ddl: 'd double', files }, async ({ ctx, snapshot }) => {
    const lines = NUMBERS.flatMap((value) => [`{"d":${String(value)}}`, `{"d":${String(-value)}}`]);
    expect(await checksum(ctx, snapshot)).toEqual(digestOf(lines));
  });
});

test('dates and timestamps have a text up to the ends of their types', async () => {
  // The engine takes the greatest value and its negative for infinite.
  const rows = [
    [
      "'infinity'::DATE",
      '+5881580-07-11',
      "'infinity'::TIMESTAMP",
      '+294247-01-10T04:00:54.775807',
    ],
    [
      "'-infinity'::DATE",
      '-5877641-06-24',
      "'-infinity'::TIMESTAMP",
      '-290308-12-21T19:59:05.224193',
    ],
    [
      'make_date(2147483646)',
      '+5881580-07-10',
      'make_timestamp(9223372036854775806)',
      '+294247-01-10T04:00:54.775806',
    ],
    [
      'make_date(-719529)',
      '-000001-12-31',
      'make_timestamp(-62167219200000001)',
      '-000001-12-31T23:59:59.999999',
    ],
    [
      'make_date(-719528)',
      '0000-01-01',
      'make_timestamp(-62167219200000000)',
      '0000-01-01T00:00:00.000000',
    ],
    [
      'make_date(2932897)',
      '+010000-01-01',
      'make_timestamp(253402300800000000)',
      '+010000-01-01T00:00:00.000000',
    ],
  ] as const;
  const withZone = (sql: string): string => sql.replace(/(timestamp)(\(|$)/i, '$1tz$2');
  const query = rows
    .map(([d, , n]) => `SELECT ${d} AS d, ${withZone(n)} AS t, ${n} AS n`)
    .join(' UNION ALL ');
  const files = [{ key: 'a.parquet', query }];
  await withTable(
    'memory',
    { ddl: 'd date, t timestamp, n timestamp_ntz', files },
    async ({ ctx, snapshot }) => {
      const lines = rows.map(([, day, , time]) => `{"d":"${day}","n":"${time}","t":"${time}Z"}`);
      expect(await checksum(ctx, snapshot)).toEqual(digestOf(lines));
    },
  );
});

test('rows count alike in any order and layout, and an empty table has a digest too', async () => {
  const query = `SELECT range AS id, 'k' || range AS k FROM range(5000)`;
  const whole = { ddl: 'id bigint, k string', files: [{ key: 'a.parquet', query }] };
  const parts = {
    ddl: 'k string, id bigint',
    files: [
      { key: 'b.parquet', query: `SELECT * FROM (${query}) WHERE id % 2 = 1 ORDER BY hash(id)` },
      { key: 'a.parquet', query: `SELECT id::INTEGER AS id, k FROM (${query}) WHERE id % 2 = 0` },
    ],
  };
  const sums = await Promise.all(
    [whole, parts].map((spec) =>
      withTable('memory', spec, ({ ctx, snapshot }) => checksum(ctx, snapshot)),
    ),
  );
  expect(sums[0]).toEqual(sums[1]);
  expect(sums[0]?.rowCount).toBe(5000);
  await withTable('memory', { ddl: 'a int', files: [] }, async ({ ctx, snapshot }) => {
    expect(await checksum(ctx, snapshot)).toEqual(digestOf([]));
  });
});

function digestOf(lines: readonly string[]): { rowCount: number; sha256: string } {
  const hash = createHash('sha256');
  for (const line of lines
    .map((text) => Buffer.from(text))
    .sort((left, right) => Buffer.compare(left, right))) {
    hash.update(line).update('\n');
  }
  return { rowCount: lines.length, sha256: hash.digest('hex') };
}

test('more columns than operators may nest have a line, and decimals below one their zero', async () => {
  const names = Array.from({ length: 1200 }, (_, index) => `c${String(index).padStart(4, '0')}`);
  const spec = {
    ddl: `${names.map((name) => `${name} int`).join(', ')}, d decimal(2,2)`,
    files: [
      {
        key: 'a.parquet',
        query: `SELECT ${names.map((name) => `1 AS ${name}`).join(', ')}, -0.25::DECIMAL(2,2) AS d`,
      },
    ],
  };
  await withTable('memory', spec, async ({ ctx, snapshot }) => {
    const members = [...names.map((name) => `"${name}":1`), '"d":"-0.25"'];
    const line = `{${members.join(',')}}\n`;
    const sha256 = createHash('sha256').update(line).digest('hex');
    expect(await checksum(ctx, snapshot)).toEqual({ rowCount: 1, sha256 });
  });
});
