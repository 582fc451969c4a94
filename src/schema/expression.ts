/**
 * Expressions of Spark's SQL as a tree: what conditions, transforms and stored expressions are parsed into, once.
 * `parseExpression` makes it; `engine` turns it into DuckDB's SQL; `predicate.ts` evaluates it over partition values
 * and statistics.
 */

import type { DataType, Scalar } from './types.ts';

export type Expression =
  | { readonly kind: 'literal'; readonly value: Scalar | null; readonly type: DataType }
  /** Name parts as written, back quotes taken off: `t.id` → `['t', 'id']`. Resolved, ignoring case, by the user. */
  | { readonly kind: 'column'; readonly path: readonly string[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'negate'; readonly operand: Expression }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | { readonly kind: 'isNull'; readonly operand: Expression; readonly negated: boolean }
  | {
      readonly kind: 'in';
      readonly operand: Expression;
      readonly list: readonly Expression[];
      readonly negated: boolean;
    }
  | {
      readonly kind: 'between';
      readonly operand: Expression;
      readonly low: Expression;
      readonly high: Expression;
      readonly negated: boolean;
    }
  | {
      readonly kind: 'like';
      readonly operator: 'like' | 'ilike' | 'rlike';
      readonly operand: Expression;
      readonly pattern: Expression;
      /** One character; Spark's default is a backslash. */
      readonly escape: string;
      readonly negated: boolean;
    }
  | {
      readonly kind: 'case';
      /** `CASE operand WHEN …`; null for `CASE WHEN …`. */
      readonly operand: Expression | null;
      readonly branches: readonly { readonly when: Expression; readonly result: Expression }[];
      readonly otherwise: Expression | null;
    }
  | {
      readonly kind: 'cast';
      readonly operand: Expression;
      readonly type: DataType;
      /** `TRY_CAST`: null where the value does not fit. */
      readonly lenient: boolean;
    }
  | {
      readonly kind: 'call';
      /** Lower case. */
      readonly name: string;
      readonly args: readonly Expression[];
      /** `f(DISTINCT …)`: of an aggregate, each value once. */
      readonly distinct?: true;
      /** `f(…) FILTER (WHERE …)`: of an aggregate, the rows that it takes. */
      readonly filter?: Expression;
    };

export type BinaryOperator =
  | 'and'
  | 'or'
  | '='
  | '<=>'
  | '<>'
  | '<'
  | '<='
  | '>'
  | '>='
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | 'div'
  | '||'
  | '&'
  | '|'
  | '^';
