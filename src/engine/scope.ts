/** What the names in an expression stand for. */

import type { DataType } from '../schema/index.ts';
import { expressionAmbiguous, expressionNoColumn } from './errors.ts';
import { identifier, literal } from './quote.ts';
import type { StructType } from '../schema/index.ts';
import { type Typed, typed } from './typed.ts';

export interface ScopeColumn {
  /** The alias of its table, where the expression may qualify it: `t.id`. */
  readonly qualifier?: string;
  readonly name: string;
  readonly type: DataType;
  /** DuckDB's text for it. */
  readonly sql: string;
}

/** Columns by name, ignoring case, as Spark does. */
export type Scope = readonly ScopeColumn[];

/** The columns of a schema; with `alias`, as columns of that table. */
export function scopeOf(schema: StructType, alias?: string): Scope {
  return schema.fields.map((field) => ({
    ...(alias === undefined ? {} : { qualifier: alias }),
    name: field.name,
    type: field.type,
    sql:
      alias === undefined
        ? identifier(field.name)
        : `${identifier(alias)}.${identifier(field.name)}`,
  }));
}

/**
 * A column, or a field inside one: `a`, `t.a`, `a.b`, `t.a.b`.
 * Errors: `EXPRESSION_NO_COLUMN`, `EXPRESSION_AMBIGUOUS` (invalid).
 */
export function resolveColumn(path: readonly string[], scope: Scope): Typed {
  for (const { matches, fields } of readings(path, scope)) {
    if (matches.length > 1) {
      throw expressionAmbiguous(
        path.join('.'),
        matches.map((column) => column.sql),
      );
    }
    const [column] = matches;
    if (column !== undefined) return fields.reduce(fieldOf, typed(column.sql, column.type));
  }
  throw expressionNoColumn(path.join('.'), nearNames(path.at(-1) ?? '', scope));
}

/** The qualified reading comes first, as in Spark. */
function readings(
  path: readonly string[],
  scope: Scope,
): readonly { readonly matches: readonly ScopeColumn[]; readonly fields: readonly string[] }[] {
  const [first = '', second, ...rest] = path;
  const unqualified = {
    matches: scope.filter((column) => sameName(column.name, first)),
    fields: path.slice(1),
  };
  if (second === undefined) return [unqualified];
  const matches = scope.filter(
    (column) =>
      column.qualifier !== undefined &&
      sameName(column.qualifier, first) &&
      sameName(column.name, second),
  );
  return [{ matches, fields: rest }, unqualified];
}

/** Of an array of structs, the field of each element, as in Spark. */
function fieldOf(parent: Typed, name: string): Typed {
  if (parent.type.kind === 'array' && parent.type.element.kind === 'struct') {
    const item = identifier('array item');
    const field = fieldOf(typed(item, parent.type.element), name);
    const type: DataType = { kind: 'array', element: field.type, containsNull: true };
    return typed(`list_transform(${parent.sql}, lambda ${item}: ${field.sql})`, type, parent);
  }
  const fields = parent.type.kind === 'struct' ? parent.type.fields : [];
  const field = fields.find((candidate) => sameName(candidate.name, name));
  if (field === undefined) {
    throw expressionNoColumn(
      name,
      nearest(
        name,
        fields.map((candidate) => candidate.name),
      ),
    );
  }
  return typed(`struct_extract(${parent.sql}, ${literal(field.name)})`, field.type, parent);
}

function sameName(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

const NEAR_NAMES_MAX = 5;

function nearNames(name: string, scope: Scope): readonly string[] {
  return nearest(name, [...new Set(scope.map((column) => column.name))]);
}

function nearest(name: string, names: readonly string[]): readonly string[] {
  const ranked = names.map((candidate) => ({
    candidate,
    distance: editDistance(candidate.toLowerCase(), name.toLowerCase()),
  }));
  return ranked
    .sort((left, right) => left.distance - right.distance)
    .slice(0, NEAR_NAMES_MAX)
    .map(({ candidate }) => candidate);
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const same = left.charAt(i - 1) === right.charAt(j - 1) ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
