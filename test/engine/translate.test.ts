/** What is not a matter of Spark's answers: names, refusals, evaluation where Spark would not evaluate. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import {
  functionNames,
  openSession,
  type Scope,
  scopeOf,
  type Session,
  translate,
  translateCondition,
  translateTo,
} from '../../src/engine/index.ts';
import { parseDdl, parseExpression, parseType } from '../../src/schema/index.ts';

const TARGET = scopeOf(parseDdl('id bigint, name string, s struct<Inner:int>'), 't');
const SOURCE = scopeOf(parseDdl('id bigint, nome string'), 's');
const BOTH: Scope = [...TARGET, ...SOURCE];

let session: Session;

beforeAll(async () => {
  session = await openSession({ threads: 1 });
});

afterAll(async () => {
  await session.close();
});

function sqlOf(text: string, scope: Scope = BOTH): string {
  return translate(parseExpression(text), scope).sql;
}

describe('names', () => {
  test('are found ignoring case, qualified or not, and inside structs', () => {
    expect(sqlOf('T.ID')).toBe('("t"."id")');
    expect(sqlOf('NOME')).toBe('("s"."nome")');
    expect(sqlOf('t.S.inner')).toContain("'Inner'");
    expect(sqlOf('s.id')).toBe('("s"."id")');
  });

  test('that are in two tables want a qualifier', () => {
    expect(() => sqlOf('id = 1')).toThrow(
      expect.objectContaining({ code: 'EXPRESSION_AMBIGUOUS' }),
    );
  });

  test('that are not there are answered with near ones', () => {
    expect(() => sqlOf('nmae = 1')).toThrow(
      expect.objectContaining({
        code: 'EXPRESSION_NO_COLUMN',
        message: expect.stringMatching(/near names: name, nome/),
      }),
    );
  });
});

describe('refusals', () => {
  test('a function that is not in the table is named', () => {
    for (const text of [
      'current_timestamp()',
      'rand()',
      'uuid()',
      'read_csv(name)',
      'constructor(1)',
      'xxhash64(name)',
    ]) {
      expect(() => sqlOf(text), text).toThrow(
        expect.objectContaining({ code: 'EXPRESSION_UNSUPPORTED' }),
      );
    }
    expect(functionNames()).toContain('coalesce');
  });

  test('a condition must be boolean', () => {
    expect(() => translateCondition(parseExpression('name'), TARGET)).toThrow(
      expect.objectContaining({ code: 'EXPRESSION_TYPE' }),
    );
    expect(translateCondition(parseExpression('NULL'), TARGET)).toBe('FALSE');
  });

  test('regular expressions that mean something else here are named', () => {
    for (const pattern of ['a(?=b)', '(a)\\\\1', 'a++', '[a&&b]', '\\\\bx', '(?i)a']) {
      expect(() => sqlOf(`name RLIKE '${pattern}'`), pattern).toThrow(
        expect.objectContaining({ code: 'EXPRESSION_UNSUPPORTED' }),
      );
    }
  });
});

describe('evaluation', () => {
  test('a guarded expression does not fail, whatever the order of the engine', async () => {
    const scope = scopeOf(parseDdl('n int, t string'));
    await session.run(
      `CREATE TABLE guarded AS SELECT (range % 10)::INTEGER AS n, CASE WHEN range % 2 = 0 THEN 'x' ELSE '1' END AS t FROM range(20000)`,
    );
    const where = translateCondition(
      parseExpression("n <> 0 AND 10 / n > 1 AND (t = 'x' OR CAST(t AS int) = 1)"),
      scope,
    );
    const [row] = await session.query(`SELECT count(*) AS c FROM guarded WHERE ${where}`);
    expect(row).toEqual({ c: 18_000n });
  });

  test('a deep expression does not grow out of bounds', () => {
    const deep = Array.from({ length: 30 }).reduce<string>((text) => `(${text} / (id % 7))`, 'id');
    expect(sqlOf(deep, scopeOf(parseDdl('id bigint'))).length).toBeLessThan(30_000);
  });

  test('texts of users stay texts', async () => {
    const hostile = `x'; DROP TABLE guarded; --`;
    const sql = sqlOf(`'x\\'; DROP TABLE guarded; --'`, []);
    expect(await session.query(`SELECT ${sql} AS v`)).toEqual([{ v: hostile }]);
  });

  test('an assignment brings the value to the type of the column', async () => {
    const sql = translateTo(parseExpression('1.26'), [], parseType('decimal(10,1)'));
    expect(await session.query(`SELECT ${sql} AS v`)).toEqual([{ v: 13n }]);
  });

  test.each([
    ["CAST('6e-8' AS decimal(10,2))", 0n],
    ['CAST(6e-8D AS decimal(10,2))', 0n],
    ["CAST('-9.9e-3' AS decimal(10,2))", -1n],
    ['CAST(6e-8D AS decimal(10,8))', 6n],
    ["TRY_CAST('1e400' AS decimal(10,2))", null],
    ['round(6e-8D, 2)', 0],
  ])('%s is rounded by its value, not by its first digit', async (text, expected) => {
    expect(await session.query(`SELECT ${sqlOf(text, [])} AS v`)).toEqual([{ v: expected }]);
  });

  test('an assignment takes structs field by field, and loses none', async () => {
    const scope = scopeOf(parseDdl('s struct<b:int,A:array<struct<x:int>>>'));
    const sql = (type: string, fillFields: boolean): string =>
      translateTo(parseExpression('s'), scope, parseType(type), { fillFields });
    const from = "(SELECT {'b': 1, 'A': [{'x': 2}]} AS s)";
    const full = 'struct<a:array<struct<x:bigint,y:string>>,b:bigint,c:date>';
    expect(await session.query(`SELECT ${sql(full, true)} AS v FROM ${from}`)).toEqual([
      { v: { a: [{ x: 2n, y: null }], b: 1n, c: null } },
    ]);
    expect(() => sql(full, false)).toThrow('without the field');
    expect(() => sql('struct<b:int>', true)).toThrow('no place for');
  });
});
