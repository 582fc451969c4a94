/** NOT NULL for a column whose rows are there already. */

import { identifier } from '../../engine/index.ts';
import { type Expression, findField, type StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { LazySession } from './input-session.ts';
import { findViolation } from './row-rules.ts';
import { ruleViolated } from './rule-errors.ts';
import { nestedRule, type TableRule } from './table-rules.ts';

/**
 * Holds the rows of a table to NOT NULL of a column, and inside of it, as `schema` says. Errors: `RULE_VIOLATED` (data) with a
 * row that is there.
 */
export async function checkNotNull(
  ctx: TableContext,
  table: Snapshot,
  { schema, column }: { readonly schema: StructType; readonly column: string },
): Promise<void> {
  const field = findField(schema, column);
  if (field === null) return;
  const rules = [
    ...nestedRule(schema, field),
    ...(field.nullable ? [] : [wholeRule(schema, field.name)]),
  ];
  const session = new LazySession(ctx);
  try {
    const files = [...table.files()];
    const found = await findViolation(ctx, table, { files, rules }, { session });
    if (found !== null) throw ruleViolated(found.rule, found.row, 'The column was not changed');
  } finally {
    await session.close();
  }
}

function wholeRule(schema: StructType, name: string): TableRule {
  const expression: Expression = {
    kind: 'isNull',
    operand: { kind: 'column', path: [name] },
    negated: true,
  };
  return {
    name: `NOT NULL of the column ${name}`,
    text: 'NOT NULL',
    sql: `(${identifier(name)} IS NOT NULL)`,
    expression,
    columns: { ...schema, fields: schema.fields.filter((field) => field.name === name) },
  };
}
