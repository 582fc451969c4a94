/** The columns of CREATE TABLE, in Spark's DDL. */

import type { JsonValue } from '../base/index.ts';
import { DEFAULT, GENERATION, IDENTITY } from './column-marks.ts';
import { typeSyntax } from './errors.ts';
import { readExpression } from './parse-expression.ts';
import { type Token, TokenReader } from './tokens.ts';
import { readType } from './type-text.ts';
import type { StructField, StructType } from './types.ts';

/**
 * A list of columns in Spark's DDL: `id string not null, n bigint comment 'how many'`. After its type a column may have, in
 * any order: NOT NULL, COMMENT, DEFAULT, GENERATED ALWAYS AS (expression), and GENERATED ALWAYS or BY DEFAULT AS IDENTITY
 * (START WITH n INCREMENT BY n). What these say goes to the field's metadata; expressions as they are written. Errors:
 * `SCHEMA_TYPE_SYNTAX`, `SCHEMA_TYPE_INVALID`, `EXPRESSION_TOO_LARGE`.
 */
export function parseDdl(text: string): StructType {
  const reader = new TokenReader(text, typeSyntax);
  const fields: StructField[] = [];
  if (reader.peek().kind !== 'end') {
    do fields.push(readColumn(reader));
    while (reader.acceptSymbol(','));
  }
  reader.expectEnd();
  return { kind: 'struct', fields };
}

function readColumn(reader: TokenReader): StructField {
  const name = reader.expectName('a column name');
  reader.acceptSymbol(':');
  const type = readType(reader);
  const said = new Set<string>();
  let metadata: StructField['metadata'] = {};
  for (;;) {
    const token = reader.peek();
    const clause = readClause(reader);
    if (clause === null) break;
    const { kind, marks } = clause;
    if (said.has(kind)) throw reader.refuse(`the column ${name} has a second ${kind}`, token);
    said.add(kind);
    metadata = { ...metadata, ...marks };
  }
  return { name, type, nullable: !said.has(NOT_NULL), metadata };
}

const NOT_NULL = 'NOT NULL';
/** A column has one at most: a default, or values that the table makes itself. */
const VALUES = 'DEFAULT or GENERATED';

interface Clause {
  readonly kind: string;
  readonly marks: StructField['metadata'];
}

function readClause(reader: TokenReader): Clause | null {
  if (reader.acceptWord('not')) {
    reader.expectWord('null');
    return { kind: NOT_NULL, marks: {} };
  }
  if (reader.acceptWord('comment')) {
    const text = reader.expectString('the comment in quotes');
    return { kind: 'COMMENT', marks: { comment: text } };
  }
  if (reader.acceptWord('default')) {
    return { kind: VALUES, marks: { [DEFAULT]: expressionText(reader) } };
  }
  if (!reader.acceptWord('generated')) return null;
  const isAlways = reader.acceptWord('always');
  if (!isAlways) {
    if (!reader.acceptWord('by')) throw reader.fail('ALWAYS or BY DEFAULT');
    reader.expectWord('default');
  }
  reader.expectWord('as');
  if (reader.acceptWord('identity')) return { kind: VALUES, marks: readIdentity(reader, isAlways) };
  if (!isAlways) throw reader.fail('IDENTITY');
  reader.expectSymbol('(');
  const text = expressionText(reader);
  reader.expectSymbol(')');
  return { kind: VALUES, marks: { [GENERATION]: text } };
}

/** The expression at the reader's place, letter by letter. */
function expressionText(reader: TokenReader): string {
  const first = reader.peek();
  readExpression(reader);
  return reader.textFrom(first);
}

function readIdentity(reader: TokenReader, isAlways: boolean): StructField['metadata'] {
  const options = new Map<string, JsonValue>();
  if (reader.acceptSymbol('(')) {
    while (!reader.acceptSymbol(')')) {
      const token = reader.peek();
      const key = reader.acceptWord('start') ? IDENTITY.start : IDENTITY.step;
      if (key === IDENTITY.step && !reader.acceptWord('increment')) {
        throw reader.fail('START WITH, INCREMENT BY or ")"');
      }
      reader.expectWord(key === IDENTITY.start ? 'with' : 'by');
      if (options.has(key)) throw reader.refuse(`${token.text} is said twice`, token);
      options.set(key, readLong(reader));
    }
  }
  return {
    [IDENTITY.start]: options.get(IDENTITY.start) ?? 1,
    [IDENTITY.step]: options.get(IDENTITY.step) ?? 1,
    [IDENTITY.explicit]: !isAlways,
  };
}

const LONG_MAX = 9_223_372_036_854_775_807n;

function readLong(reader: TokenReader): number | bigint {
  const isNegative = reader.acceptSymbol('-');
  const token: Token = reader.peek();
  if (token.kind !== 'number' || !/^\d+$/.test(token.text)) throw reader.fail('a whole number');
  const value = BigInt(reader.next().text) * (isNegative ? -1n : 1n);
  if (value > LONG_MAX || value < -LONG_MAX - 1n) {
    throw reader.refuse('the number is no bigint', token);
  }
  const isSafe = Number.isSafeInteger(Number(value));
  return isSafe ? Number(value) : value;
}
