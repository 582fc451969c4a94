/** Transforms: what comes out, of which type, and what is refused before anything runs. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { isDeltaError } from '../../src/base/index.ts';
import {
  type EngineRow,
  openSession,
  planTransform,
  type Session,
  transformSchema,
} from '../../src/engine/index.ts';
import { parseDdl, type Transform } from '../../src/schema/index.ts';

const SCHEMA = parseDdl(
  'id bigint not null, t string, d decimal(10,2), n int, p struct<a:int,l:array<struct<c:string>>>',
);
const ROWS =
  'SELECT * FROM (VALUES ' +
  "(1::BIGINT, 'a', 1.10::DECIMAL(10,2), 1::INT, {'a': 7::INT, 'l': [{'c': 'x'}, {'c': NULL}]}, 0), " +
  "(2, 'b', 2.25, 2, NULL, 1), (3, 'a', NULL, 5, {'a': 3, 'l': []}, 2), (4, NULL, -0.01, NULL, NULL, 3)" +
  ') AS v(id, t, d, n, p, place)';

let session: Session;

beforeAll(async () => {
  session = await openSession({ threads: 1 });
});

afterAll(async () => {
  await session.close();
});

function run(transform: Transform): Promise<readonly EngineRow[]> {
  return session.query(planTransform(transform, SCHEMA).sql(ROWS, ['place']));
}

function refusal(transform: Transform): string {
  try {
    planTransform(transform, SCHEMA);
    return 'taken';
  } catch (error) {
    if (!isDeltaError(error)) throw error;
    return error.code;
  }
}

describe('rows', () => {
  test('keep their order, and have the fields of structs as columns', async () => {
    expect(
      await run({ select: ['id', 'p.*', 'p.l.c AS cs', 'size(p.l) AS size'], where: 'id < 4' }),
    ).toEqual([
      { id: 1n, a: 7, l: [{ c: 'x' }, { c: null }], cs: ['x', null], size: 2 },
      { id: 2n, a: null, l: null, cs: null, size: null },
      { id: 3n, a: 3, l: [], cs: [], size: 0 },
    ]);
  });

  test('are ordered by the columns of the result, nulls first, and then as they were', async () => {
    const order = async (orderBy: string): Promise<unknown> =>
      (await run({ select: ['id', 'upper(t) AS u'], orderBy: [orderBy] })).map(({ id }) => id);
    expect(await order('u')).toEqual([4n, 1n, 3n, 2n]);
    expect(await order('u DESC')).toEqual([2n, 1n, 3n, 4n]);
    expect(await order('u NULLS LAST')).toEqual([1n, 3n, 2n, 4n]);
    expect(await order('-id')).toEqual([4n, 3n, 2n, 1n]);
  });

  test('without a select are all columns', () => {
    expect(transformSchema({ where: 'n > 1' }, SCHEMA)).toEqual(SCHEMA);
  });
});

describe('groups', () => {
  test('have aggregates, alone and inside of larger expressions', async () => {
    expect(
      await run({
        select: [
          't',
          'count(*) AS rows',
          'sum(n) AS s',
          'avg(d) AS m',
          'sum(CASE WHEN n > 1 THEN 1 ELSE 0 END) * 1.0 AS z',
          'upper(t) AS u',
          'max_by(n, id) AS last',
          'sum(1 / (n - 1)) FILTER (WHERE n <> 1) AS f',
        ],
        groupBy: ['t'],
      }),
    ).toEqual([
      { t: 'a', rows: 2n, s: 6n, m: 1_100_000n, z: 10n, u: 'A', last: 5, f: 0.25 },
      { t: 'b', rows: 1n, s: 2n, m: 2_250_000n, z: 10n, u: 'B', last: 2, f: 1 },
      { t: null, rows: 1n, s: null, m: -10_000n, z: 0n, u: null, last: null, f: null },
    ]);
  });

  test('are named by items of the select where the source has no such column', async () => {
    expect(await run({ select: ['p.a % 2 AS odd', 'count(1) AS c'], groupBy: ['odd'] })).toEqual([
      { odd: 1, c: 2n },
      { odd: null, c: 2n },
    ]);
  });

  test('are one without groupBy, also of no rows', async () => {
    expect(
      await run({ select: ['count(*) AS c', 'any(n > 2) AS a', 'sum(d) AS s'], where: 'false' }),
    ).toEqual([{ c: 0n, a: null, s: null }]);
  });

  test('may only stand in the order of their result', async () => {
    const rows = await run({
      select: ['t', 'count(DISTINCT n) AS c'],
      groupBy: ['t'],
      orderBy: ['c DESC', 't'],
    });
    expect(rows.map(({ t }) => t)).toEqual(['a', 'b', null]);
  });
});

test('types are known before anything runs', () => {
  expect(
    transformSchema(
      {
        select: [
          't',
          'count(*) AS c',
          'sum(n) AS s',
          'sum(d) AS sd',
          'avg(d) AS ad',
          'avg(n) AS an',
          'min(d) AS md',
          'coalesce(max(n), 0) AS x',
        ],
        groupBy: ['t'],
      },
      SCHEMA,
    ),
  ).toEqual(
    parseDdl(
      't string, c bigint not null, s bigint, sd decimal(20,2), ad decimal(14,6), an double, md decimal(10,2), x int not null',
    ),
  );
  expect(planTransform({ select: ['p.a AS a'], where: "T = 'x'" }, SCHEMA).reads).toEqual(
    parseDdl('t string, p struct<a:int,l:array<struct<c:string>>>'),
  );
});

test('a sum beyond BIGINT is an error', async () => {
  await expect(
    run({ select: ['sum(id + 9223372036854775800) AS s'], where: 'id < 3' }),
  ).rejects.toMatchObject({ code: 'ENGINE_VALUE' });
});

describe('refused', () => {
  test.each<[Transform, string]>([
    [{ select: ['nope'] }, 'EXPRESSION_NO_COLUMN'],
    [{ select: ['id'], orderBy: ['t'] }, 'EXPRESSION_NO_COLUMN'],
    [{ select: ['t', 'n', 'count(*) AS c'], groupBy: ['t'] }, 'EXPRESSION_NOT_GROUPED'],
    [{ groupBy: ['t'] }, 'EXPRESSION_NOT_GROUPED'],
    [{ where: 'count(*) > 1' }, 'EXPRESSION_AGGREGATE'],
    [{ select: ['sum(count(*)) AS s'] }, 'EXPRESSION_AGGREGATE'],
    [{ select: ['count(*) AS c'], groupBy: ['c'] }, 'EXPRESSION_AGGREGATE'],
    [{ select: ['first(id) AS f'] }, 'EXPRESSION_UNSUPPORTED'],
    [{ select: ['lower(DISTINCT t) AS f'] }, 'EXPRESSION_UNSUPPORTED'],
    [{ select: ['max(p) AS f'] }, 'EXPRESSION_UNSUPPORTED'],
    [{ select: ['max_by(DISTINCT id, n) AS f'] }, 'EXPRESSION_UNSUPPORTED'],
    [{ orderBy: ['p'] }, 'EXPRESSION_UNSUPPORTED'],
    [{ select: ['sum(p) AS f'] }, 'EXPRESSION_TYPE'],
    [{ select: ['count() AS f'] }, 'EXPRESSION_TYPE'],
    [{ select: ['sum(n, n) AS f'] }, 'EXPRESSION_TYPE'],
    [{ select: ['t.*'] }, 'EXPRESSION_TYPE'],
    [{ select: ['null AS a'] }, 'EXPRESSION_TYPE'],
    [{ select: [] }, 'EXPRESSION_TYPE'],
    [{ select: ['t'], groupBy: ['1'] }, 'EXPRESSION_TYPE'],
    [{ select: ['id', 'n AS ID'] }, 'SCHEMA_DUPLICATE_COLUMN'],
    [{ select: ['id AS `a b`'] }, 'SCHEMA_COLUMN_NAME'],
    [{ select: ['count(*)'] }, 'EXPRESSION_SYNTAX'],
  ])('%j: %s', (transform, code) => {
    expect(refusal(transform)).toBe(code);
  });
});
