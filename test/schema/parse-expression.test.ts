import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  type BinaryOperator,
  type DataType,
  type Expression,
  expressionColumns,
  LONG,
  parseDdl,
  parseExpression,
  parseType,
  printExpression,
  resolveColumns,
  type Scalar,
  VOID,
} from '../../src/schema/index.ts';
import { anyText } from './arbitraries.ts';

const canonical = (text: string): string => printExpression(parseExpression(text));
const literal = (text: string): readonly [Scalar | null, string] => {
  const parsed = parseExpression(text);
  if (parsed.kind !== 'literal') throw new Error(`not a literal: ${text}`);
  return [parsed.value, printType(parsed.type)];
};
const printType = (type: DataType): string =>
  type.kind === 'primitive' ? type.name : JSON.stringify(type);
const decimal = (precision: number, scale: number): string =>
  JSON.stringify({ kind: 'decimal', precision, scale });

describe('parseExpression', () => {
  it('binds operators as Spark does', () => {
    const same: readonly (readonly [string, string])[] = [
      ['a or b and not c = d', '(a OR (b AND (NOT (c = d))))'],
      ['a + b * -c % d', '(a + ((b * (-c)) % d))'],
      ['a | b ^ c & d + e', '(a | (b ^ (c & (d + e))))'],
      ['a - b - c || d', '(((a - b) - c) || d)'],
      ['a = b is null', '((a = b) IS NULL)'],
      ['not a is null and b', '((NOT (a IS NULL)) AND b)'],
      ['a between b and c and d', '((a BETWEEN b AND c) AND d)'],
      ['a not between b + 1 and c = d', '(a NOT BETWEEN (b + 1) AND (c = d))'],
      ['a < b = c', '((a < b) = c)'],
      ['a div b / c', '((a DIV b) / c)'],
      ['-a::int', '(-CAST(a AS int))'],
      ['! a or b', '((NOT a) OR b)'],
    ];
    for (const [text, grouped] of same) {
      expect(parseExpression(text)).toEqual(parseExpression(grouped));
    }
  });

  it('prints canonical text with no parentheses but those needed', () => {
    const texts = [
      'a AND (b OR c)',
      'a - (b - c)',
      '-(-a) - -1',
      '-(1)',
      'NOT (a AND b)',
      '(NOT a) = b',
      "a LIKE 'x\\\\%' AND b NOT ILIKE '!%' ESCAPE '!' AND c RLIKE '^a'",
      "t.`a b`.`select` IN (1, 2L, 'x') OR `1a` IS NOT NULL",
      "CASE a WHEN 1 THEN 'x' ELSE NULL END",
      'CASE WHEN a THEN b WHEN c THEN d END',
      "CAST(a AS decimal(10,2)) + TRY_CAST('1' AS array<struct<x:int>>)",
      "coalesce(date_trunc('month', ts), current_timestamp())",
      'NOT a <=> b',
      '`any`(x) AND `null` = `current_date`',
    ];
    for (const text of texts) expect(canonical(text)).toBe(text);
  });

  it('brings variants to one form', () => {
    expect(canonical('a == 1 and b != 2')).toBe('a = 1 AND b <> 2');
    expect(canonical('a IS NOT TRUE')).toBe('NOT a <=> true');
    expect(canonical('a is distinct from b')).toBe('NOT a <=> b');
    expect(canonical('a is not distinct from b or c is unknown')).toBe('a <=> b OR c IS NULL');
    expect(canonical('a REGEXP "b"')).toBe("a RLIKE 'b'");
    expect(canonical('a -- a comment\n + /* another */ +1')).toBe('a + 1');
    expect(canonical('CURRENT_DATE > DATE "2024-01-01"')).toBe(
      "current_date() > DATE '2024-01-01'",
    );
  });

  it('types numbers as Spark does', () => {
    expect(literal('2147483647')).toEqual([2_147_483_647, 'integer']);
    expect(literal('-2147483648')).toEqual([-2_147_483_648, 'integer']);
    expect(literal('2147483648')).toEqual([2_147_483_648n, 'long']);
    expect(literal('-9223372036854775808')).toEqual([-(2n ** 63n), 'long']);
    expect(literal('9223372036854775808')).toEqual([2n ** 63n, decimal(19, 0)]);
    expect(literal('1.50')).toEqual([150n, decimal(3, 2)]);
    expect(literal('.05')).toEqual([5n, decimal(2, 2)]);
    expect(literal('-1.5bd')).toEqual([-15n, decimal(2, 1)]);
    expect(literal('1e3')).toEqual([1000, 'double']);
    expect(literal('1e3BD')).toEqual([1000n, decimal(4, 0)]);
    expect(literal('1.5D')).toEqual([1.5, 'double']);
    expect(literal('0.1f')).toEqual([Math.fround(0.1), 'float']);
    expect(literal('5L')).toEqual([5n, 'long']);
    expect(literal('-128Y')).toEqual([-128, 'byte']);
    expect(literal('7s')).toEqual([7, 'short']);
  });

  it('reads texts with the escapes of Spark', () => {
    expect(literal(String.raw`'a\'b\\c\nd\u00e9\x\%\_'`)[0]).toBe("a'b\\c\ndéx\\%\\_");
    expect(literal(`'it''s' `)[0]).toBe("it's");
    expect(literal(`"say ""it's"""`)[0]).toBe(`say "it's"`);
    expect(literal(String.raw`r'a\nb'`)[0]).toBe(String.raw`a\nb`);
    expect(literal(String.raw`'\101\0'`)[0]).toBe('A\0');
  });

  it('reads dates, timestamps and bytes', () => {
    expect(literal("date '2024-01-01'")).toEqual([19_723, 'date']);
    expect(literal("TIMESTAMP '2024-01-01 01:00:00+01:00'")).toEqual([
      1_704_067_200_000_000n,
      'timestamp',
    ]);
    expect(literal("timestamp_ntz '2024-01-01'")).toEqual([
      1_704_067_200_000_000n,
      'timestamp_ntz',
    ]);
    expect(literal("X'0aFF'")).toEqual([Uint8Array.of(10, 255), 'binary']);
  });

  it('says where a text is wrong and what was expected there', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /character 1: expected an expression, found the end/],
      ['a +', /character 4: expected an expression/],
      ['a = = b', /character 5: expected an expression, found "="/],
      ['(a', /character 3: expected "\)"/],
      ['a b', /character 3: expected the end, found "b"/],
      ['a IS NULL = b', /character 11: expected the end/],
      ['a = NOT b', /character 5: NOT needs parentheses/],
      ['a IN ()', /character 7: expected an expression/],
      ['a IN (SELECT 1)', /character 7: expected an expression/],
      ['a BETWEEN 1', /expected AND/],
      ['a NOT 5', /expected BETWEEN, IN, LIKE/],
      ['a IS 5', /expected NULL, TRUE/],
      ["'abc", /character 1: the text is not closed/],
      ['`abc', /the name is not closed/],
      ['a ; b', /character 3: the character ";" does not belong/],
      ["a LIKE 'x' ESCAPE 'ab'", /character 19: the escape is one character/],
      ["a LIKE ANY ('x')", /LIKE ANY, SOME and ALL are not supported/],
      ['CASE a END', /expected WHEN/],
      ['CAST(a AS blob)', /"blob" is not a supported type/],
      ["DATE '2023-02-29'", /character 1: a date is written/],
      ["TIMESTAMP_NTZ '2024-01-01 00:00:00Z'", /has no zone/],
      ["INTERVAL '1' DAY", /expected an expression/],
      ["X'1'", /pairs of hexadecimal digits/],
      ['300Y', /does not fit a tinyint/],
      ['1.5L', /only an integer/],
      ['1e999', /does not fit a double/],
      ['1'.repeat(39), /more than 38 digits/],
      ['a[0]', /elements of arrays/],
      ['a.b(c)', /functions of other schemas/],
      ['sum(*)', /expected an expression, found "\*"/],
      ['~a', /operator ~/],
    ];
    for (const [text, reason] of cases) expect(() => parseExpression(text)).toThrow(reason);
  });

  it('refuses texts that are too deep, too high or too long, at once', () => {
    expect(() => parseExpression('('.repeat(100_000))).toThrow(/deeper nesting than 200/);
    expect(() => parseExpression('- '.repeat(100_000))).toThrow(/deeper nesting/);
    expect(() => parseExpression(`a${' or a'.repeat(2000)}`)).toThrow(/more operators/);
    expect(() => parseExpression('x'.repeat(1_000_001))).toThrow(/longer than 1000000/);
    expect(() => parseExpression('/*'.repeat(100_000))).toThrow(/the comment is not closed/);
    expect(parseExpression(`a${' or a'.repeat(900)}`).kind).toBe('binary');
    const list = Array.from({ length: 20_000 }, (_, index) => `'${String(index)}'`).join();
    expect(parseExpression(`a in (${list})`).kind).toBe('in');
    expect(parseExpression(`'${'x'.repeat(900_000)}'`).kind).toBe('literal');
  });

  it('prints literals that no text spells as a cast of the same value', () => {
    const print = (value: Scalar | null, type: DataType): string =>
      printExpression({ kind: 'literal', value, type });
    expect(print(null, LONG)).toBe('CAST(NULL AS bigint)');
    expect(print(null, VOID)).toBe('NULL');
    expect(print(Number.NaN, parseType('double'))).toBe("CAST('NaN' AS double)");
    expect(print(150n, parseType('decimal(10,2)'))).toBe('CAST(1.50BD AS decimal(10,2))');
  });
});

const operators: readonly BinaryOperator[] = [
  'and',
  'or',
  '=',
  '<=>',
  '<>',
  '<',
  '<=',
  '>',
  '>=',
  '+',
  '-',
  '*',
  '/',
  '%',
  'div',
  '||',
  '&',
  '|',
  '^',
];

const anyLiteral = fc
  .oneof(
    fc.tuple(fc.constant('int'), fc.integer()),
    fc.tuple(fc.constant('bigint'), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    fc.tuple(fc.constant('tinyint'), fc.integer({ min: -128, max: 127 })),
    fc.tuple(fc.constant('double'), fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.tuple(fc.constant('float'), fc.float({ noNaN: true, noDefaultInfinity: true })),
    fc.tuple(fc.constant('string'), anyText({ maxLength: 6 })),
    fc.tuple(fc.constant('boolean'), fc.boolean()),
    fc.tuple(fc.constant('date'), fc.integer({ min: -1_000_000, max: 3_000_000 })),
    fc.tuple(fc.constant('timestamp'), fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n })),
    fc.tuple(fc.constant('timestamp_ntz'), fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n })),
    fc.tuple(fc.constant('binary'), fc.uint8Array({ maxLength: 4 })),
    fc.tuple(fc.constant('void'), fc.constant(null)),
  )
  .map(([type, value]): Expression => ({ kind: 'literal', value, type: parseType(type) }));

const anyName = fc.oneof(
  fc.constantFrom(
    'id',
    'Data_Hora',
    'null',
    'case',
    'x',
    'date',
    'r',
    'any',
    'current_date',
    'ação',
  ),
  anyText({ minLength: 1, maxLength: 4 }),
);

const { expression: anyExpression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyLiteral,
    fc
      .array(anyName, { minLength: 1, maxLength: 3 })
      .map((path): Expression => ({ kind: 'column', path })),
    fc.record({ kind: fc.constantFrom('not', 'negate'), operand: tie('expression') }),
    fc.record({
      kind: fc.constant('binary'),
      operator: fc.constantFrom(...operators),
      left: tie('expression'),
      right: tie('expression'),
    }),
    fc.record({
      kind: fc.constant('isNull'),
      operand: tie('expression'),
      negated: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('in'),
      operand: tie('expression'),
      list: fc.array(tie('expression'), { minLength: 1, maxLength: 3 }),
      negated: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('between'),
      operand: tie('expression'),
      low: tie('expression'),
      high: tie('expression'),
      negated: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('like'),
      operator: fc.constantFrom('like', 'ilike'),
      operand: tie('expression'),
      pattern: tie('expression'),
      escape: fc.constantFrom('\\', '!', "'"),
      negated: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('case'),
      operand: fc.option(tie('expression')),
      branches: fc.array(fc.record({ when: tie('expression'), result: tie('expression') }), {
        minLength: 1,
        maxLength: 2,
      }),
      otherwise: fc.option(tie('expression')),
    }),
    fc.record({
      kind: fc.constant('cast'),
      operand: tie('expression'),
      type: fc.constantFrom('int', 'decimal(3,1)', 'array<struct<`a b`:int>>').map(parseType),
      lenient: fc.boolean(),
    }),
    fc.record(
      {
        kind: fc.constant('call'),
        name: anyName.map((name) => name.toLowerCase()).filter((name) => name !== 'current_date'),
        args: fc.array(tie('expression'), { maxLength: 3 }),
        distinct: fc.constant(true as const),
        filter: tie('expression'),
      },
      { requiredKeys: ['kind', 'name', 'args'] },
    ),
  ),
}));

describe('printExpression', () => {
  it('gives a text that reads back to the same tree, for every tree', () => {
    fc.assert(
      fc.property(anyExpression, (expression) => {
        expect(parseExpression(printExpression(expression))).toEqual(expression);
      }),
      { numRuns: 3000 },
    );
  });
});

describe('columns', () => {
  it('are listed once each, in the order of the text', () => {
    const expression = parseExpression('t.id = s.id and t.id in (x, case when y then z end)');
    expect(expressionColumns(expression)).toEqual([['t', 'id'], ['s', 'id'], ['x'], ['y'], ['z']]);
  });

  it('are resolved ignoring case, with qualifiers and fields of structs', () => {
    const schema = parseDdl('Id bigint, s struct<A:int>');
    const resolved = (text: string): string =>
      printExpression(resolveColumns(parseExpression(text), schema, ['T']));
    expect(resolved('t.ID = 1 and t.S.a > id')).toBe('Id = 1 AND s.A > Id');
    expect(() => resolved('x.id = 1')).toThrow(/no column "x.id"; the columns are "Id, s"/);
    expect(() => resolved('id.a = 1')).toThrow(/no column/);
  });
});
