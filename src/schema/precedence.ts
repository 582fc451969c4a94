/** How tightly Spark's operators bind, as the parser and the printer share it. */

import type { BinaryOperator } from './expression.ts';

/** Higher binds tighter. */
export const LEVEL = {
  or: 1,
  and: 2,
  not: 3,
  /** BETWEEN, IN, LIKE, IS: they do not chain, and compare whole comparisons. */
  predicate: 4,
  comparison: 5,
  bitOr: 6,
  bitXor: 7,
  bitAnd: 8,
  additive: 9,
  multiplicative: 10,
  unary: 11,
  primary: 12,
} as const;

/** Every binary operator associates to the left. */
export const BINARY_LEVEL: Readonly<Record<BinaryOperator, number>> = {
  or: LEVEL.or,
  and: LEVEL.and,
  '=': LEVEL.comparison,
  '<=>': LEVEL.comparison,
  '<>': LEVEL.comparison,
  '<': LEVEL.comparison,
  '<=': LEVEL.comparison,
  '>': LEVEL.comparison,
  '>=': LEVEL.comparison,
  '|': LEVEL.bitOr,
  '^': LEVEL.bitXor,
  '&': LEVEL.bitAnd,
  '+': LEVEL.additive,
  '-': LEVEL.additive,
  '||': LEVEL.additive,
  '*': LEVEL.multiplicative,
  '/': LEVEL.multiplicative,
  '%': LEVEL.multiplicative,
  div: LEVEL.multiplicative,
};

/** Words that are no names unless in back quotes, because expressions would be read otherwise. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  (
    'all and any as between case cast current_date current_timestamp distinct div else end escape exists false from ' +
    'ilike in interval is like localtimestamp not null or regexp rlike select some then true try_cast when where'
  ).split(' '),
);

/** Reserved words that are functions where a parenthesis follows. */
export const AGGREGATE_WORDS: ReadonlySet<string> = new Set(['any', 'some']);

/** Functions that are called without parentheses, too. */
export const NILADIC_FUNCTIONS: ReadonlySet<string> = new Set([
  'current_date',
  'current_timestamp',
  'localtimestamp',
]);
