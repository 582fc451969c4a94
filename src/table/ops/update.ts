/** UPDATE: the rows that a condition selects get new values. */

import { translateTo } from '../../engine/index.ts';
import {
  type Expression,
  findField,
  type StructField,
  type StructType,
} from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import { assignedColumns } from './assignments.ts';
import { withFills } from './column-fills.ts';
import { updateColumn } from './errors.ts';
import { changeRows, type RowChangeOptions, type RowChangeResult } from './row-changes.ts';
import { rowScope } from './row-matches.ts';

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
    values: ({ schema }, nowMs) => {
      const values = valuesOf(schema, set, nowMs);
      const scope = rowScope(schema);
      return new Map(
        [...values].map(([{ name, type }, value]) => [name, translateTo(value, scope, type)]),
      );
    },
  });
}

function valuesOf(
  schema: StructType,
  set: UpdateOptions['set'],
  nowMs: number,
): ReadonlyMap<StructField, Expression> {
  if (Object.keys(set).length === 0) {
    throw updateColumn('', 'is missing: name at least one to set');
  }
  const column = (path: readonly string[]): Expression => ({ kind: 'column', path });
  const isColumn = (name: string): boolean => findField(schema, name) !== null;
  const how = { before: column, refuse: updateColumn, isColumn, nowMs };
  const assigned = assignedColumns(schema, set, how);
  const before = ({ name }: StructField): Expression => column([name]);
  return withFills(schema, assigned, { rows: { kind: 'old', before }, nowMs });
}
