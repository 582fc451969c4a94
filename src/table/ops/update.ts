/** UPDATE: the rows that a condition selects get new values. */

import { translateTo } from '../../engine/index.ts';
import {
  type Expression,
  findField,
  mapColumns,
  parseExpression,
  STRING,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { isIdentity } from './column-fills.ts';
import { updateColumn } from './errors.ts';
import { changeRows, type RowChangeOptions, type RowChangeResult } from './row-changes.ts';
import { rowScope } from './row-matches.ts';
import { GENERATION } from './table-rules.ts';

export interface UpdateOptions extends RowChangeOptions {
  /**
   * By column, or by a field inside one (`dados.nome`): Spark's SQL over the row as it was. Of a struct that is null, the
   * fields that are not named become null.
   */
  readonly set: Readonly<Record<string, string | Expression>>;
}

/**
 * Updates the rows for which the condition is true, in one commit; without a condition, all. Rows whose partition columns change
 * move, and generated columns follow what they are made of. Errors: `UPDATE_COLUMN` (invalid), and as for `changeRows`.
 */
export async function updateRows(
  ctx: TableContext,
  snapshot: Snapshot,
  { set, ...options }: UpdateOptions,
): Promise<RowChangeResult> {
  return changeRows(ctx, snapshot, {
    operation: 'UPDATE',
    options,
    values: ({ schema }) => valuesOf(schema, set),
  });
}

/** What is assigned to a column or field: a value, or some of the fields in it. */
type Assigned = Expression | Fields;
type Fields = Map<string, Assigned>;

/** By column, in the engine's SQL. */
function valuesOf(schema: StructType, set: UpdateOptions['set']): ReadonlyMap<string, string> {
  const names = Object.keys(set);
  if (names.length === 0) throw updateColumn('', 'is missing: name at least one to set');
  const assigned: Fields = new Map();
  for (const name of names) {
    const value = set[name] ?? '';
    const path = pathOf(schema, name);
    assign(assigned, path, {
      name,
      value: typeof value === 'string' ? parseExpression(value) : value,
    });
  }
  const values = new Map(
    [...assigned].map(([name, value]) => [name, expressionOf(value, [name], schema)] as const),
  );
  const scope = rowScope(schema);
  return new Map(
    schema.fields.flatMap((field) => {
      const value = values.get(field.name) ?? generatedAnew(field, schema, values);
      return value === null ? [] : [[field.name, translateTo(value, scope, field.type)] as const];
    }),
  );
}

/** The value of a generated column that is made of columns that are set; null for any other. */
function generatedAnew(
  { metadata }: StructField,
  schema: StructType,
  values: ReadonlyMap<string, Expression>,
): Expression | null {
  const text = metadata[GENERATION];
  if (typeof text !== 'string') return null;
  let isMadeAnew = false;
  const value = mapColumns(parseExpression(text), (path): Expression => {
    const field = path.length === 1 ? findField(schema, path[0] ?? '') : null;
    const operand = values.get(field?.name ?? '');
    if (field === null || operand === undefined) return { kind: 'column', path };
    isMadeAnew = true;
    return { kind: 'cast', operand, type: field.type, lenient: false };
  });
  return isMadeAnew ? value : null;
}

/** The path of a column or field, as the schema spells it. */
function pathOf(schema: StructType, name: string): readonly string[] {
  const target = parseExpression(name);
  let struct: StructType | null = schema;
  const path = (target.kind === 'column' ? target.path : []).map((part) => {
    const field = struct === null ? null : findField(struct, part);
    if (field === null) throw updateColumn(name, 'cannot be set: the table has none of that name');
    if (isIdentity(field)) throw updateColumn(name, 'cannot be set: the table itself numbers it');
    struct = field.type.kind === 'struct' ? field.type : null;
    return field.name;
  });
  if (path.length === 0) throw updateColumn(name, 'cannot be set: it is no name of a column');
  return path;
}

function assign(
  fields: Fields,
  [first = '', ...rest]: readonly string[],
  { name, value }: { readonly name: string; readonly value: Expression },
): void {
  const before = fields.get(first);
  if (rest.length === 0) {
    if (before !== undefined) throw updateColumn(name, 'is set twice');
    fields.set(first, value);
    return;
  }
  if (before !== undefined && !(before instanceof Map)) throw updateColumn(name, 'is set twice');
  const inner: Fields = before ?? new Map();
  fields.set(first, inner);
  assign(inner, rest, { name, value });
}

/** As Spark puts a struct together again: of new values, and of the fields as they were. */
function expressionOf(assigned: Assigned, path: readonly string[], struct: StructType): Expression {
  if (!(assigned instanceof Map)) return assigned;
  const type = findField(struct, path.at(-1) ?? '')?.type;
  const inner: StructType = type?.kind === 'struct' ? type : { kind: 'struct', fields: [] };
  const args = inner.fields.flatMap(({ name }): readonly Expression[] => {
    const value = assigned.get(name);
    const own = [...path, name];
    return [
      { kind: 'literal', value: name, type: STRING },
      value === undefined ? { kind: 'column', path: own } : expressionOf(value, own, inner),
    ];
  });
  return { kind: 'call', name: 'named_struct', args };
}
