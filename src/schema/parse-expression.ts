/** Spark's SQL expressions, from text to tree: operator precedence parsing over the tokens. */

import { expressionSyntax, expressionTooLarge } from './errors.ts';
import { expressionHeight } from './expression-walk.ts';
import type { BinaryOperator, Expression } from './expression.ts';
import { type Literal, readNumber, readTypedLiteral } from './literal.ts';
import {
  AGGREGATE_WORDS,
  BINARY_LEVEL,
  LEVEL,
  NILADIC_FUNCTIONS,
  RESERVED_WORDS,
} from './precedence.ts';
import { BOOLEAN, INTEGER, STRING, VOID } from './structure.ts';
import { type Token, TokenReader } from './tokens.ts';
import { readType } from './type-text.ts';

/** Parentheses, CASE, calls and the like in one another. */
export const EXPRESSION_NESTING_MAX = 200;

/** Levels of the tree; a chain such as `a OR b OR c` adds one for each operator. */
export const EXPRESSION_HEIGHT_MAX = 1000;

/**
 * One expression of Spark's SQL. Conditions of the tables' own language: `"x"` is a text, names go in back quotes,
 * timestamps without a zone are UTC. Subqueries, intervals, lambdas, window functions and access to array elements
 * are refused. Errors: `EXPRESSION_SYNTAX` with the position and what was expected, `EXPRESSION_TOO_LARGE`.
 */
export function parseExpression(text: string): Expression {
  const reader = new TokenReader(text, expressionSyntax);
  const expression = readExpression(reader);
  reader.expectEnd();
  return expression;
}

/** Reads one expression at the reader's place, as far as it goes. Errors: as for `parseExpression`. */
export function readExpression(reader: TokenReader): Expression {
  const expression = parse({ reader, nesting: 0 }, LEVEL.or);
  if (expressionHeight(expression) > EXPRESSION_HEIGHT_MAX) {
    throw expressionTooLarge('more operators in one chain', EXPRESSION_HEIGHT_MAX);
  }
  return expression;
}

interface Place {
  readonly reader: TokenReader;
  readonly nesting: number;
}

/** Reads an expression whose operators all bind at least as tightly as `level`. */
function parse(outer: Place, level: number): Expression {
  const place = { reader: outer.reader, nesting: outer.nesting + 1 };
  if (place.nesting > EXPRESSION_NESTING_MAX) {
    throw expressionTooLarge('deeper nesting', EXPRESSION_NESTING_MAX);
  }
  const negated = readNot(place, level);
  let left = negated ?? readUnary(place);
  // What NOT and predicates give can only be joined by AND and OR.
  let ceiling: number = negated === null ? LEVEL.primary : LEVEL.not;
  for (;;) {
    const operator = peekBinary(place.reader);
    if (operator !== null) {
      const binding = BINARY_LEVEL[operator];
      if (binding < level || binding > ceiling) return left;
      place.reader.next();
      left = { kind: 'binary', operator, left, right: parse(place, binding + 1) };
      ceiling = binding;
      continue;
    }
    if (level > LEVEL.predicate || ceiling < LEVEL.predicate) return left;
    const predicate = readPredicate(place, left);
    if (predicate === null) return left;
    left = predicate;
    ceiling = LEVEL.not;
  }
}

function readNot(place: Place, level: number): Expression | null {
  const { reader } = place;
  if (!reader.isWord('not') && !reader.isSymbol('!')) return null;
  if (level > LEVEL.not) throw reader.refuse('NOT needs parentheses around it here');
  reader.next();
  return { kind: 'not', operand: parse(place, LEVEL.not) };
}

const SYMBOL_OPERATORS: ReadonlyMap<string, BinaryOperator> = new Map<string, BinaryOperator>([
  ['=', '='],
  ['==', '='],
  ['<=>', '<=>'],
  ['<>', '<>'],
  ['!=', '<>'],
  ['<', '<'],
  ['<=', '<='],
  ['>', '>'],
  ['>=', '>='],
  ['+', '+'],
  ['-', '-'],
  ['*', '*'],
  ['/', '/'],
  ['%', '%'],
  ['||', '||'],
  ['&', '&'],
  ['|', '|'],
  ['^', '^'],
]);

function peekBinary(reader: TokenReader): BinaryOperator | null {
  const token = reader.peek();
  if (token.kind === 'symbol') return SYMBOL_OPERATORS.get(token.text) ?? null;
  if (reader.isWord('and')) return 'and';
  if (reader.isWord('or')) return 'or';
  return reader.isWord('div') ? 'div' : null;
}

function readPredicate(place: Place, operand: Expression): Expression | null {
  const { reader } = place;
  if (reader.acceptWord('is')) return readIs(place, operand);
  // NOT NULL is what comes after the default of a column.
  const negated = !reader.isWord('null', 1) && reader.acceptWord('not');
  if (reader.acceptWord('between')) {
    const low = parse(place, LEVEL.comparison);
    reader.expectWord('and');
    const high = parse(place, LEVEL.comparison);
    return { kind: 'between', operand, low, high, negated };
  }
  if (reader.acceptWord('in')) {
    reader.expectSymbol('(');
    const list = readList(place);
    return { kind: 'in', operand, list, negated };
  }
  const like = readLike(place, operand, negated);
  if (like === null && negated) throw reader.fail('BETWEEN, IN, LIKE, ILIKE or RLIKE after NOT');
  return like;
}

function readLike(place: Place, operand: Expression, negated: boolean): Expression | null {
  const { reader } = place;
  if (reader.acceptWord('rlike') || reader.acceptWord('regexp')) {
    const pattern = parse(place, LEVEL.comparison);
    return { kind: 'like', operator: 'rlike', operand, pattern, escape: '\\', negated };
  }
  const operator = reader.isWord('like') ? 'like' : 'ilike';
  if (!reader.acceptWord(operator)) return null;
  for (const quantifier of ['any', 'some', 'all']) {
    if (reader.isWord(quantifier)) {
      throw reader.refuse(
        'LIKE ANY, SOME and ALL are not supported; join the patterns by OR or AND',
      );
    }
  }
  const pattern = parse(place, LEVEL.comparison);
  const escape = reader.acceptWord('escape') ? readEscape(reader) : '\\';
  return { kind: 'like', operator, operand, pattern, escape, negated };
}

function readEscape(reader: TokenReader): string {
  const token = reader.peek();
  const escape = reader.expectString('the escape character in quotes');
  if (escape.length !== 1) throw reader.refuse('the escape is one character', token);
  return escape;
}

/** IS TRUE and IS DISTINCT FROM never give null, and neither does `<=>`: the tree has that alone. */
function readIs(place: Place, operand: Expression): Expression {
  const { reader } = place;
  const negated = reader.acceptWord('not');
  if (reader.acceptWord('null') || reader.acceptWord('unknown')) {
    return { kind: 'isNull', operand, negated };
  }
  if (reader.acceptWord('distinct')) {
    reader.expectWord('from');
    return sameAs(operand, parse(place, LEVEL.comparison), !negated);
  }
  if (reader.acceptWord('true')) return sameAs(operand, booleanLiteral(true), negated);
  if (reader.acceptWord('false')) return sameAs(operand, booleanLiteral(false), negated);
  throw reader.fail('NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM');
}

function sameAs(left: Expression, right: Expression, negated: boolean): Expression {
  const same: Expression = { kind: 'binary', operator: '<=>', left, right };
  return negated ? { kind: 'not', operand: same } : same;
}

function readUnary(place: Place): Expression {
  const { reader } = place;
  if (reader.isSymbol('-')) {
    if (reader.peek(1).kind === 'number') return readPostfix(place);
    reader.next();
    return { kind: 'negate', operand: parse(place, LEVEL.unary) };
  }
  if (reader.acceptSymbol('+')) return parse(place, LEVEL.unary);
  if (reader.isSymbol('~')) throw reader.refuse('the operator ~ is not supported');
  return readPostfix(place);
}

function readPostfix(place: Place): Expression {
  const { reader } = place;
  let operand = readPrimary(place);
  while (reader.acceptSymbol('::')) {
    operand = { kind: 'cast', operand, type: readType(reader), lenient: false };
  }
  if (reader.isSymbol('[')) throw reader.refuse('elements of arrays and maps are not supported');
  return operand;
}

function readPrimary(place: Place): Expression {
  const { reader } = place;
  if (reader.acceptSymbol('(')) {
    const inner = parse(place, LEVEL.or);
    reader.expectSymbol(')');
    return inner;
  }
  const negative = reader.acceptSymbol('-');
  const token = reader.peek();
  switch (token.kind) {
    case 'number':
      reader.next();
      return orRefuse(reader, token, readNumber(token.text, negative));
    case 'string':
      reader.next();
      return { kind: 'literal', value: token.text, type: STRING };
    case 'name':
      return readName(place);
    case 'word':
      return readWord(place, token.text.toLowerCase());
    default:
      throw reader.fail('an expression');
  }
}

function readWord(place: Place, word: string): Expression {
  const { reader } = place;
  const token = reader.peek();
  if (reader.peek(1).kind === 'string' && !RESERVED_WORDS.has(word)) {
    reader.next();
    return orRefuse(reader, token, readTypedLiteral(word, reader.next().text));
  }
  switch (word) {
    case 'null':
      reader.next();
      return { kind: 'literal', value: null, type: VOID };
    case 'true':
    case 'false':
      reader.next();
      return booleanLiteral(word === 'true');
    case 'case':
      reader.next();
      return readCase(place);
    case 'cast':
    case 'try_cast':
      reader.next();
      return readCast(place, word === 'try_cast');
    default:
      if (NILADIC_FUNCTIONS.has(word)) return readNiladic(reader, word);
      if (AGGREGATE_WORDS.has(word) && reader.isSymbol('(', 1)) return readName(place);
      if (RESERVED_WORDS.has(word)) throw reader.fail('an expression (a name like this goes in `)');
      return readName(place);
  }
}

function readNiladic(reader: TokenReader, name: string): Expression {
  reader.next();
  if (reader.acceptSymbol('(')) reader.expectSymbol(')');
  return { kind: 'call', name, args: [] };
}

/** A column, or a call where a parenthesis follows. */
function readName(place: Place): Expression {
  const { reader } = place;
  const name = reader.next().text;
  if (reader.acceptSymbol('(')) return readCall(place, name.toLowerCase());
  const path = [name];
  while (reader.acceptSymbol('.')) path.push(reader.expectName('a name after the point'));
  if (reader.isSymbol('(')) throw reader.refuse('functions of other schemas are not supported');
  return { kind: 'column', path };
}

/** A call up to its end; the opening parenthesis has been read. `count(*)` counts rows, as `count(1)` does. */
function readCall(place: Place, name: string): Expression {
  const { reader } = place;
  const distinct = reader.acceptWord('distinct') ? ({ distinct: true } as const) : {};
  const call = { kind: 'call', name, args: readArguments(place, name), ...distinct } as const;
  const filtered = reader.isWord('filter') && reader.isSymbol('(', 1);
  const filter = filtered ? { filter: readFilter(place) } : {};
  if (reader.isWord('over') && reader.isSymbol('(', 1)) {
    throw reader.refuse('window functions are not supported');
  }
  return { ...call, ...filter };
}

function readArguments(place: Place, name: string): readonly Expression[] {
  const { reader } = place;
  if (reader.acceptSymbol(')')) return [];
  if (name !== 'count' || !reader.isSymbol('*')) return readList(place);
  reader.next();
  reader.expectSymbol(')');
  return [{ kind: 'literal', value: 1, type: INTEGER }];
}

function readFilter(place: Place): Expression {
  const { reader } = place;
  reader.expectWord('filter');
  reader.expectSymbol('(');
  reader.expectWord('where');
  const filter = parse(place, LEVEL.or);
  reader.expectSymbol(')');
  return filter;
}

/** Expressions up to the closing parenthesis; the opening one has been read. */
function readList(place: Place): readonly Expression[] {
  const list = [parse(place, LEVEL.or)];
  while (place.reader.acceptSymbol(',')) list.push(parse(place, LEVEL.or));
  place.reader.expectSymbol(')');
  return list;
}

function readCase(place: Place): Expression {
  const { reader } = place;
  const operand = reader.isWord('when') ? null : parse(place, LEVEL.or);
  const branches: { readonly when: Expression; readonly result: Expression }[] = [];
  reader.expectWord('when');
  do {
    const when = parse(place, LEVEL.or);
    reader.expectWord('then');
    branches.push({ when, result: parse(place, LEVEL.or) });
  } while (reader.acceptWord('when'));
  const otherwise = reader.acceptWord('else') ? parse(place, LEVEL.or) : null;
  reader.expectWord('end');
  return { kind: 'case', operand, branches, otherwise };
}

function readCast(place: Place, lenient: boolean): Expression {
  const { reader } = place;
  reader.expectSymbol('(');
  const operand = parse(place, LEVEL.or);
  reader.expectWord('as');
  const type = readType(reader);
  reader.expectSymbol(')');
  return { kind: 'cast', operand, type, lenient };
}

function orRefuse(reader: TokenReader, token: Token, literal: Literal | string): Literal {
  if (typeof literal === 'string') throw reader.refuse(literal, token);
  return literal;
}

function booleanLiteral(value: boolean): Literal {
  return { kind: 'literal', value, type: BOOLEAN };
}
