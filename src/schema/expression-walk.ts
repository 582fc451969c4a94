/** Walking expressions: their parts, their columns, and the same tree with other columns. */

import { unreachable } from '../base/index.ts';
import { columnUnknown } from './errors.ts';
import type { Expression } from './expression.ts';
import { findField } from './structure.ts';
import type { StructType } from './types.ts';

/** What must be true for the expression to be: the terms that `AND` joins, or it alone. */
export function conjunctsOf(expression: Expression): readonly Expression[] {
  if (expression.kind !== 'binary' || expression.operator !== 'and') return [expression];
  return [...conjunctsOf(expression.left), ...conjunctsOf(expression.right)];
}

/** The expressions directly below, in the order of the text. */
export function expressionParts(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'literal':
    case 'column':
      return [];
    case 'not':
    case 'negate':
    case 'isNull':
    case 'cast':
      return [expression.operand];
    case 'binary':
      return [expression.left, expression.right];
    case 'in':
      return [expression.operand, ...expression.list];
    case 'between':
      return [expression.operand, expression.low, expression.high];
    case 'like':
      return [expression.operand, expression.pattern];
    case 'case':
      return [
        ...(expression.operand === null ? [] : [expression.operand]),
        ...expression.branches.flatMap(({ when, result }) => [when, result]),
        ...(expression.otherwise === null ? [] : [expression.otherwise]),
      ];
    case 'call':
      return expression.filter === undefined
        ? expression.args
        : [...expression.args, expression.filter];
    default:
      return unreachable(expression);
  }
}

/** The columns that an expression reads, as it spells them, each path once, in the order of the text. */
export function expressionColumns(expression: Expression): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const pending = [expression];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === 'column') found.set(JSON.stringify(next.path), next.path);
    for (const part of expressionParts(next).toReversed()) pending.push(part);
  }
  return [...found.values()];
}

/** Levels of the tree. Needs no stack, so that trees too high for others can be told apart. */
export function expressionHeight(expression: Expression): number {
  let level: readonly Expression[] = [expression];
  let height = 0;
  for (; level.length > 0; height += 1) level = level.flatMap(expressionParts);
  return height;
}

/** The same expression with each column replaced by what `replace` makes of its path. */
export function mapColumns(
  expression: Expression,
  replace: (path: readonly string[]) => Expression,
): Expression {
  return mapExpression(expression, (part) => (part.kind === 'column' ? replace(part.path) : null));
}

/** The same expression with each part, from the top, replaced by what `replace` makes of it; null keeps a part and goes on inside. */
export function mapExpression(
  expression: Expression,
  replace: (part: Expression) => Expression | null,
): Expression {
  const replaced = replace(expression);
  if (replaced !== null) return replaced;
  const map = (part: Expression): Expression => mapExpression(part, replace);
  switch (expression.kind) {
    case 'literal':
    case 'column':
      return expression;
    case 'not':
    case 'negate':
    case 'isNull':
    case 'cast':
      return { ...expression, operand: map(expression.operand) };
    case 'binary':
      return { ...expression, left: map(expression.left), right: map(expression.right) };
    case 'in':
      return { ...expression, operand: map(expression.operand), list: expression.list.map(map) };
    case 'between':
      return {
        ...expression,
        operand: map(expression.operand),
        low: map(expression.low),
        high: map(expression.high),
      };
    case 'like':
      return { ...expression, operand: map(expression.operand), pattern: map(expression.pattern) };
    case 'case':
      return {
        ...expression,
        operand: expression.operand === null ? null : map(expression.operand),
        branches: expression.branches.map(({ when, result }) => ({
          when: map(when),
          result: map(result),
        })),
        otherwise: expression.otherwise === null ? null : map(expression.otherwise),
      };
    case 'call':
      return {
        ...expression,
        args: expression.args.map(map),
        ...(expression.filter === undefined ? {} : { filter: map(expression.filter) }),
      };
    default:
      return unreachable(expression);
  }
}

/**
 * The expression with every column spelled as the schema spells it, found ignoring case; fields of structs as well.
 * A first part that is one of `qualifiers` (names or aliases of the table) is dropped. Errors:
 * `EXPRESSION_NO_COLUMN` for one that is not there.
 */
export function resolveColumns(
  expression: Expression,
  schema: StructType,
  qualifiers: readonly string[] = [],
): Expression {
  const folded = qualifiers.map((name) => name.toLowerCase());
  return mapColumns(expression, (path) => {
    const [first = '', ...rest] = path;
    const qualified = rest.length > 0 && folded.includes(first.toLowerCase());
    const resolved = (qualified ? resolvePath(rest, schema) : null) ?? resolvePath(path, schema);
    if (resolved !== null) return { kind: 'column', path: resolved };
    throw columnUnknown(
      path.join('.'),
      schema.fields.map((field) => field.name),
    );
  });
}

function resolvePath(path: readonly string[], schema: StructType): readonly string[] | null {
  const [name = '', ...rest] = path;
  const field = findField(schema, name);
  if (field === null) return null;
  if (rest.length === 0) return [field.name];
  // Of an array of structs, a path names the field of each element.
  const within = field.type.kind === 'array' ? field.type.element : field.type;
  if (within.kind !== 'struct') return null;
  const inner = resolvePath(rest, within);
  return inner === null ? null : [field.name, ...inner];
}
