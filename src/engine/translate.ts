/**
 * Spark's expressions → DuckDB's SQL, with Spark's types and Spark's answers (ANSI mode, session time zone UTC). What
 * would come out otherwise is refused by name, never approximated.
 */

import { present, unreachable } from '../base/index.ts';
import { BOOLEAN, type DataType, type Expression, STRING, VOID } from '../schema/index.ts';
import { aggregateNamed } from './aggregate-names.ts';
import { align } from './align.ts';
import { assignTo, type AssignOptions } from './assign.ts';
import { arithmetic, negated } from './arithmetic.ts';
import { castTo } from './casts.ts';
import { aggregateMisplaced, expressionType, expressionUnsupported } from './errors.ts';
import { translateCall } from './functions.ts';
import { literal } from './quote.ts';
import { javaRegex } from './regex.ts';
import { resolveColumn, type Scope } from './scope.ts';
import { is, isIntegral, typeText } from './type-rules.ts';
import { Binder, constant, fallible, type Typed, typed } from './typed.ts';

export interface Translation {
  /** One DuckDB expression, safe to be put into a larger one as it is. */
  readonly sql: string;
  readonly type: DataType;
}

/**
 * Translates an expression over the columns of `scope`.
 * Errors: `EXPRESSION_NO_COLUMN`, `EXPRESSION_AMBIGUOUS`, `EXPRESSION_AGGREGATE`, `EXPRESSION_TYPE` (invalid), `EXPRESSION_UNSUPPORTED`
 * (unsupported). While it runs, a value that does not fit is `ENGINE_VALUE` (data), as Spark's ANSI mode would fail.
 */
export function translate(expression: Expression, scope: Scope): Translation {
  const { sql, type } = new Translator(scope).expression(expression);
  return { sql: `(${sql})`, type };
}

/** The same, as a condition: the type must be boolean. A row is taken where the value is true. */
export function translateCondition(expression: Expression, scope: Scope): string {
  const { sql, type } = new Translator(scope).expression(expression);
  if (!is(type, 'boolean', 'void')) {
    throw expressionType(`a condition must be boolean, and this one is ${typeText(type)}`);
  }
  return is(type, 'void') ? 'FALSE' : `(${sql})`;
}

/** The expression brought to a type, as an assignment to a column of that type does it: see `assignTo`. */
export function translateTo(
  expression: Expression,
  scope: Scope,
  type: DataType,
  options: AssignOptions = { fillFields: false },
): string {
  const binder = new Binder();
  const value = new Translator(scope, binder).expression(expression);
  return `(${assignTo(value, type, binder, options).sql})`;
}

class Translator {
  readonly #scope: Scope;
  readonly #binder: Binder;

  constructor(scope: Scope, binder: Binder = new Binder()) {
    this.#scope = scope;
    this.#binder = binder;
  }

  expression(node: Expression): Typed {
    switch (node.kind) {
      case 'literal':
        return constant(node.value, node.type);
      case 'column':
        return resolveColumn(node.path, this.#scope);
      case 'not': {
        const operand = this.#boolean(node.operand);
        return typed(`(NOT ${operand.sql})`, BOOLEAN, operand);
      }
      case 'negate':
        return negated(this.expression(node.operand), this.#binder);
      case 'binary':
        return this.#binary(node);
      case 'isNull': {
        const operand = this.expression(node.operand);
        return typed(`(${operand.sql} IS ${node.negated ? 'NOT ' : ''}NULL)`, BOOLEAN, operand);
      }
      case 'in':
        return this.#in(node);
      case 'between':
        return this.#between(node);
      case 'like':
        return this.#like(node);
      case 'case':
        return this.#case(node);
      case 'cast':
        return castTo(this.expression(node.operand), node.type, this.#binder, {
          lenient: node.lenient,
        });
      case 'call':
        if (aggregateNamed(node.name) !== null) throw aggregateMisplaced(node.name);
        if (node.distinct === true || node.filter !== undefined) {
          throw expressionUnsupported(`DISTINCT or FILTER in ${node.name}()`);
        }
        return translateCall(
          node.name,
          node.args.map((arg) => this.expression(arg)),
          this.#binder,
        );
      default:
        return unreachable(node);
    }
  }

  #binary(node: Extract<Expression, { kind: 'binary' }>): Typed {
    const { operator } = node;
    switch (operator) {
      case 'and':
      case 'or':
        return this.#logic(operator, this.#boolean(node.left), this.#boolean(node.right));
      case '=':
      case '<=>':
      case '<>':
      case '<':
      case '<=':
      case '>':
      case '>=':
        return this.#compare(operator, this.expression(node.left), this.expression(node.right));
      case '+':
      case '-':
      case '*':
      case '/':
      case '%':
      case 'div':
        return arithmetic(
          operator,
          this.expression(node.left),
          this.expression(node.right),
          this.#binder,
        );
      case '||':
        return translateCall(
          'concat',
          [this.expression(node.left), this.expression(node.right)],
          this.#binder,
        );
      case '&':
      case '|':
      case '^':
        return this.#bits(operator, this.expression(node.left), this.expression(node.right));
      default:
        return unreachable(operator);
    }
  }

  /** Where the right side can fail it runs only when the left has not decided: the engine may reorder plain AND. */
  #logic(operator: 'and' | 'or', left: Typed, right: Typed): Typed {
    const word = operator.toUpperCase();
    if (!right.fallible) return typed(`(${left.sql} ${word} ${right.sql})`, BOOLEAN, left);
    const decided = operator === 'and' ? 'FALSE' : 'TRUE';
    const sql = this.#binder.bind(
      left.sql,
      (a) => `CASE WHEN ${a} = ${decided} THEN ${decided} ELSE (${a} ${word} ${right.sql}) END`,
    );
    return fallible(`(${sql})`, BOOLEAN);
  }

  #compare(
    operator: '=' | '<=>' | '<>' | '<' | '<=' | '>' | '>=',
    left: Typed,
    right: Typed,
  ): Typed {
    const [a, b] = this.#aligned(operator, [left, right]);
    const [x, y] = [present(a, 'left side'), present(b, 'right side')];
    if (x.type.kind === 'map') throw expressionType('maps cannot be compared');
    if (
      x.type.kind !== 'primitive' &&
      x.type.kind !== 'decimal' &&
      !/^(?:=|<>|<=>)$/.test(operator)
    ) {
      throw expressionUnsupported(`the order of ${typeText(x.type)}`);
    }
    const native = operator === '<=>' ? 'IS NOT DISTINCT FROM' : operator;
    return typed(`(${x.sql} ${native} ${y.sql})`, BOOLEAN, x, y);
  }

  #bits(operator: '&' | '|' | '^', left: Typed, right: Typed): Typed {
    const [a, b] = this.#aligned(operator, [left, right]);
    const [x, y] = [present(a, 'left side'), present(b, 'right side')];
    if (!isIntegral(x.type) && !is(x.type, 'void')) {
      throw expressionType(`${typeText(left.type)} ${operator} ${typeText(right.type)}`);
    }
    const sql = operator === '^' ? `xor(${x.sql}, ${y.sql})` : `(${x.sql} ${operator} ${y.sql})`;
    return typed(sql, x.type, x, y);
  }

  #in(node: Extract<Expression, { kind: 'in' }>): Typed {
    const [operand, ...list] = this.#aligned('IN', [
      this.expression(node.operand),
      ...node.list.map((item) => this.expression(item)),
    ]);
    const subject = present(operand, 'operand');
    const items = list.map((item) => item.sql).join(', ');
    const sql = `(${subject.sql} ${node.negated ? 'NOT ' : ''}IN (${items}))`;
    return typed(sql, BOOLEAN, subject, ...list);
  }

  #between(node: Extract<Expression, { kind: 'between' }>): Typed {
    const operand = this.expression(node.operand);
    const [low, high] = [this.expression(node.low), this.expression(node.high)];
    const parts: Typed[] = [];
    const sql = this.#binder.bind(operand.sql, (name) => {
      const subject = { ...operand, sql: name };
      parts.push(this.#compare('>=', subject, low), this.#compare('<=', subject, high));
      return parts.map((part) => part.sql).join(' AND ');
    });
    return typed(`(${node.negated ? 'NOT ' : ''}(${sql}))`, BOOLEAN, ...parts);
  }

  #like(node: Extract<Expression, { kind: 'like' }>): Typed {
    const operand = this.#text(node.operand);
    const pattern = this.#text(node.pattern);
    const not = node.negated ? 'NOT ' : '';
    if (node.operator === 'rlike') {
      const text = constantText(pattern, 'a pattern of RLIKE that is not a literal');
      if (text === null) return constant(null, BOOLEAN);
      const sql = `regexp_matches(${operand.sql}, ${literal(javaRegex(text, { endMatters: false }))})`;
      return typed(`(${not}${sql})`, BOOLEAN, operand);
    }
    const text = constantText(pattern, 'a pattern of LIKE that is not a literal');
    if (text === null) return constant(null, BOOLEAN);
    checkLike(text, node.escape);
    const [a, b] =
      node.operator === 'ilike'
        ? [`lower(${operand.sql})`, literal(text.toLowerCase())]
        : [operand.sql, pattern.sql];
    const escape = node.operator === 'ilike' ? node.escape.toLowerCase() : node.escape;
    return typed(`(${a} ${not}LIKE ${b} ESCAPE ${literal(escape)})`, BOOLEAN, operand);
  }

  #case(node: Extract<Expression, { kind: 'case' }>): Typed {
    if (node.operand !== null) {
      const operand = this.expression(node.operand);
      let result: Typed | null = null;
      const sql = this.#binder.bind(operand.sql, (name) => {
        const subject = { ...operand, sql: name };
        const conditions = node.branches.map(({ when }) =>
          this.#compare('=', subject, this.expression(when)),
        );
        result = this.#branches(node, conditions);
        return result.sql;
      });
      const { type } = present<Typed>(result, 'the branches of a CASE');
      return fallible(sql, type);
    }
    return this.#branches(
      node,
      node.branches.map(({ when }) => this.#boolean(when)),
    );
  }

  #branches(node: Extract<Expression, { kind: 'case' }>, conditions: readonly Typed[]): Typed {
    const values = this.#aligned('CASE', [
      ...node.branches.map(({ result }) => this.expression(result)),
      node.otherwise === null ? constant(null, VOID) : this.expression(node.otherwise),
    ]);
    const otherwise = present(values.at(-1), 'ELSE');
    const arms = conditions.map(
      (condition, index) => `WHEN ${condition.sql} THEN ${present(values[index], 'THEN').sql}`,
    );
    const sql = `CASE ${arms.join(' ')} ELSE ${otherwise.sql} END`;
    return typed(sql, otherwise.type, ...conditions, ...values);
  }

  #boolean(node: Expression): Typed {
    const operand = this.expression(node);
    if (is(operand.type, 'boolean')) return operand;
    if (!is(operand.type, 'void', 'string')) {
      throw expressionType(`a boolean is needed where a ${typeText(operand.type)} stands`);
    }
    return castTo(operand, BOOLEAN, this.#binder);
  }

  #text(node: Expression): Typed {
    return castTo(this.expression(node), STRING, this.#binder);
  }

  /** All brought to their common type. */
  #aligned(what: string, operands: readonly Typed[]): readonly Typed[] {
    return align(what, operands, this.#binder);
  }
}

function constantText(operand: Typed, what: string): string | null {
  if (operand.constant === null) return null;
  if (typeof operand.constant !== 'string') throw expressionUnsupported(what);
  return operand.constant;
}

/** Spark refuses an escape before anything but `_`, `%` and itself. */
function checkLike(pattern: string, escape: string): void {
  for (let index = 0; index < pattern.length; index += 1) {
    if (pattern.charAt(index) !== escape) continue;
    index += 1;
    const next = pattern.charAt(index);
    if (next !== '_' && next !== '%' && next !== escape) {
      throw expressionType(
        `the LIKE pattern ${JSON.stringify(pattern)} escapes an ordinary character`,
      );
    }
  }
}
