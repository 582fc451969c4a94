/** What stands between a source and a sink: the items of a SELECT in Spark's SQL, and of its ORDER BY. */

import { expressionSyntax } from './errors.ts';
import type { Expression } from './expression.ts';
import { readExpression } from './parse-expression.ts';
import { TokenReader } from './tokens.ts';

/** A query over one relation, in the order in which its parts are evaluated; Spark's SQL. */
export interface Transform {
  /** A condition over the source; rows where it is true go on. */
  readonly where?: string;
  /** Expressions over the source, or names of items of `select`. With it, or with an aggregate in an item, rows are grouped. */
  readonly groupBy?: readonly string[];
  /** As `parseSelectItem` reads them. Default `*`. */
  readonly select?: readonly string[];
  /** As `parseSortItem` reads them, over the columns of the result. */
  readonly orderBy?: readonly string[];
}

export type SelectItem =
  /** `*`, or `a.b.*`: the fields of what `path` names, each as a column. */
  | { readonly kind: 'fields'; readonly path: readonly string[] }
  | { readonly kind: 'expression'; readonly expression: Expression; readonly name: string };

export interface SortItem {
  readonly expression: Expression;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/**
 * One item as Spark's `selectExpr` takes it: `expr AS name`, `expr name`, a column (`a.b` is named `b`), `a.*` or `*`.
 * Other expressions need a name. Errors: those of `parseExpression`.
 */
export function parseSelectItem(text: string): SelectItem {
  const reader = new TokenReader(text, expressionSyntax);
  const path = readStar(reader);
  if (path !== null) return { kind: 'fields', path };
  const expression = readExpression(reader);
  if (reader.acceptWord('as') || isName(reader)) {
    const name = reader.expectName('a name after AS');
    reader.expectEnd();
    return { kind: 'expression', expression, name };
  }
  reader.expectEnd();
  const name = expression.kind === 'column' ? expression.path.at(-1) : undefined;
  if (name === undefined) throw reader.refuse('it needs a name: write `… AS name`');
  return { kind: 'expression', expression, name };
}

/**
 * One item of an ORDER BY: `expr [ASC | DESC] [NULLS FIRST | NULLS LAST]`; nulls come first by default, and last where
 * the order descends. Errors: those of `parseExpression`.
 */
export function parseSortItem(text: string): SortItem {
  const reader = new TokenReader(text, expressionSyntax);
  const expression = readExpression(reader);
  const descending = reader.acceptWord('desc');
  if (!descending) reader.acceptWord('asc');
  const nullsFirst = reader.acceptWord('nulls') ? readNullsFirst(reader) : !descending;
  reader.expectEnd();
  return { expression, descending, nullsFirst };
}

function readNullsFirst(reader: TokenReader): boolean {
  if (reader.acceptWord('first')) return true;
  reader.expectWord('last');
  return false;
}

/** The path before a final star, read; null, and nothing read, where the item does not end with one. */
function readStar(reader: TokenReader): readonly string[] | null {
  let ahead = 0;
  while (isNameToken(reader.peek(ahead)) && reader.isSymbol('.', ahead + 1)) ahead += 2;
  if (!reader.isSymbol('*', ahead) || reader.peek(ahead + 1).kind !== 'end') return null;
  const path: string[] = [];
  for (let index = 0; index < ahead; index += 2) path.push(reader.peek(index).text);
  return path;
}

function isName(reader: TokenReader): boolean {
  return isNameToken(reader.peek());
}

function isNameToken({ kind }: { readonly kind: string }): boolean {
  return kind === 'word' || kind === 'name';
}
