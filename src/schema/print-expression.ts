/** Spark's SQL expressions, from tree to text. */

import { unreachable } from '../base/index.ts';
import type { Expression } from './expression.ts';
import { printLiteral, printText } from './literal.ts';
import { BINARY_LEVEL, LEVEL, NILADIC_FUNCTIONS, RESERVED_WORDS } from './precedence.ts';
import { quoteName, typeName } from './type-text.ts';

/**
 * The canonical text: keywords in upper case, parentheses only where they are needed, names quoted only where they
 * must be. `parseExpression` reads it back to the same tree, as far as a tree can come from a text at all.
 */
export function printExpression(expression: Expression): string {
  switch (expression.kind) {
    case 'literal':
      return printLiteral(expression);
    case 'column':
      return expression.path.map(printName).join('.');
    case 'not':
      return `NOT ${within(expression.operand, LEVEL.not)}`;
    case 'negate':
      return `-${negated(expression.operand)}`;
    case 'binary':
      return printBinary(expression);
    case 'isNull':
      return `${operandOf(expression)} IS ${expression.negated ? 'NOT ' : ''}NULL`;
    case 'in':
      return `${operandOf(expression)} ${not(expression)}IN (${printList(expression.list)})`;
    case 'between':
      return `${operandOf(expression)} ${not(expression)}BETWEEN ${compared(expression.low)} AND ${compared(expression.high)}`;
    case 'like':
      return printLike(expression);
    case 'case':
      return printCase(expression);
    case 'cast': {
      const name = expression.lenient ? 'TRY_CAST' : 'CAST';
      return `${name}(${printExpression(expression.operand)} AS ${typeName(expression.type)})`;
    }
    case 'call':
      return printCall(expression);
    default:
      return unreachable(expression);
  }
}

type Of<K extends Expression['kind']> = Extract<Expression, { readonly kind: K }>;

function printName(name: string): string {
  const folded = name.toLowerCase();
  return RESERVED_WORDS.has(folded) ? `\`${name}\`` : quoteName(name);
}

/** Those that SQL calls without parentheses are reserved as columns, and not in quotes as functions. */
function printFunction(name: string): string {
  return NILADIC_FUNCTIONS.has(name) ? name : printName(name);
}

function printCall({ name, args, distinct, filter }: Of<'call'>): string {
  const call = `${printFunction(name)}(${distinct === true ? 'DISTINCT ' : ''}${printList(args)})`;
  return filter === undefined ? call : `${call} FILTER (WHERE ${printExpression(filter)})`;
}

function printList(list: readonly Expression[]): string {
  return list.map(printExpression).join(', ');
}

function printBinary(expression: Of<'binary'>): string {
  const level = BINARY_LEVEL[expression.operator];
  const left = within(expression.left, level);
  return `${left} ${expression.operator.toUpperCase()} ${within(expression.right, level + 1)}`;
}

function printLike(expression: Of<'like'>): string {
  const operator = expression.operator.toUpperCase();
  const escape = expression.escape === '\\' ? '' : ` ESCAPE ${printText(expression.escape)}`;
  return `${operandOf(expression)} ${not(expression)}${operator} ${compared(expression.pattern)}${escape}`;
}

function printCase(expression: Of<'case'>): string {
  const words = ['CASE'];
  if (expression.operand !== null) words.push(printExpression(expression.operand));
  for (const { when, result } of expression.branches) {
    words.push('WHEN', printExpression(when), 'THEN', printExpression(result));
  }
  if (expression.otherwise !== null) words.push('ELSE', printExpression(expression.otherwise));
  words.push('END');
  return words.join(' ');
}

/** Two minus signs would start a comment, and one before a number would become part of it. */
function negated(operand: Expression): string {
  const plain = operand.kind !== 'literal' && operand.kind !== 'negate';
  return plain ? within(operand, LEVEL.unary) : `(${printExpression(operand)})`;
}

function operandOf(expression: { readonly operand: Expression }): string {
  return compared(expression.operand);
}

function compared(expression: Expression): string {
  return within(expression, LEVEL.comparison);
}

function within(expression: Expression, level: number): string {
  const text = printExpression(expression);
  return levelOf(expression) < level ? `(${text})` : text;
}

function not(expression: { readonly negated: boolean }): string {
  return expression.negated ? 'NOT ' : '';
}

function levelOf(expression: Expression): number {
  switch (expression.kind) {
    case 'binary':
      return BINARY_LEVEL[expression.operator];
    case 'not':
      return LEVEL.not;
    case 'negate':
      return LEVEL.unary;
    case 'isNull':
    case 'in':
    case 'between':
    case 'like':
      return LEVEL.predicate;
    case 'literal':
    case 'column':
    case 'case':
    case 'cast':
    case 'call':
      return LEVEL.primary;
    default:
      return unreachable(expression);
  }
}
