import { describe, expect, test } from 'vitest';

import {
  parseExpression,
  parseSelectItem,
  parseSortItem,
  printExpression,
} from '../../src/schema/index.ts';

function named(text: string): { readonly name: string; readonly text: string } | null {
  const item = parseSelectItem(text);
  return item.kind === 'fields'
    ? null
    : { name: item.name, text: printExpression(item.expression) };
}

describe('an item of a select', () => {
  test.each([
    ['topic', 'topic', 'topic'],
    ['payload.codigo_empresa', 'codigo_empresa', 'payload.codigo_empresa'],
    ['to_date(time) AS date', 'date', 'to_date(time)'],
    ['a + 1 b', 'b', 'a + 1'],
    ['lower(a) as `B c`', 'B c', 'lower(a)'],
    ['a * b AS c', 'c', 'a * b'],
    ['count(*) AS n', 'n', 'count(1)'],
    ['COUNT(DISTINCT id) n', 'n', 'count(DISTINCT id)'],
    ['sum(x) FILTER (WHERE y > 0) / 2 AS half', 'half', 'sum(x) FILTER (WHERE y > 0) / 2'],
    ['some(a) AS s', 's', '`some`(a)'],
  ])('%s', (text, name, expression) => {
    const item = named(text);
    expect(item).toEqual({ name, text: expression });
    expect(printExpression(parseExpression(expression))).toBe(expression);
  });

  test.each([
    ['*', []],
    ['payload.*', ['payload']],
    [' `a b` . c . * ', ['a b', 'c']],
  ])('%s stands for fields', (text, path) => {
    expect(parseSelectItem(text)).toEqual({ kind: 'fields', path });
  });

  test.each([
    ['a + 1', 'it needs a name'],
    ['count(*)', 'it needs a name'],
    ['a AS', 'a name after AS'],
    ['a AS b c', 'expected the end'],
    ['sum(*) AS s', 'expected an expression'],
    ['sum(a) OVER (PARTITION BY b) AS s', 'window functions are not supported'],
    ['a.* AS b', 'a name after the point'],
    ['', 'expected an expression'],
  ])('%s is refused: %s', (text, reason) => {
    expect(() => parseSelectItem(text)).toThrow(reason);
  });
});

describe('an item of an order', () => {
  test.each([
    ['a', false, true],
    ['a ASC', false, true],
    ['a desc', true, false],
    ['a DESC NULLS FIRST', true, true],
    ['a nulls last', false, false],
  ])('%s', (text, descending, nullsFirst) => {
    expect(parseSortItem(text)).toEqual({
      expression: { kind: 'column', path: ['a'] },
      descending,
      nullsFirst,
    });
  });

  test('another word is refused', () => {
    expect(() => parseSortItem('a NULLS middle')).toThrow('expected LAST');
  });
});
