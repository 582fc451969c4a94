/** Rows that have to be as something says: looked for in files that are written and not yet in the log. */

import { identifier, relationSql } from '../../engine/index.ts';
import type { AddFile } from '../../log/index.ts';
import type { Expression, Row, StructType } from '../../schema/index.ts';
import type { Snapshot, TableContext } from '../types.ts';
import type { LazySession } from './input-session.ts';
import { LocalStage } from './input-stage.ts';
import { filesThatMayMatch, mappingOf, tableRelations } from './input-table.ts';
import { rowReader } from './row-values.ts';

/** What every row has to keep to: null is as bad as false. */
export interface RowRule {
  /** The engine's SQL over the columns of the table. */
  readonly sql: string;
  /** The same as a tree, by which files are passed over whose statistics prove it; null where there is none. */
  readonly expression: Expression | null;
  /** Columns of the table that it reads, and that an example shows. */
  readonly columns: StructType;
}

export interface Violation<T> {
  readonly rule: T;
  /** The columns that the rule reads, of one row that breaks it. */
  readonly row: Row;
}

export interface RuleOptions {
  readonly session: LazySession;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A row of the files that breaks one of the rules, or null. Only the columns that rules read are read, and no file whose
 * statistics prove that all its rows keep to them.
 */
export async function findViolation<T extends RowRule>(
  ctx: TableContext,
  table: Snapshot,
  { files, rules }: { readonly files: readonly AddFile[]; readonly rules: readonly T[] },
  options: RuleOptions,
): Promise<Violation<T> | null> {
  for (const rule of rules) {
    const doubtful = filesThatMayMatch(table, brokenBy(rule), files);
    const row = doubtful.length === 0 ? null : await exampleOf(ctx, table, doubtful, rule, options);
    if (row !== null) return { rule, row };
  }
  return null;
}

/** The condition that holds for rows that break the rule; null, which holds for all, where nothing is known. */
function brokenBy({ expression }: RowRule): Expression | null {
  if (expression === null) return null;
  return {
    kind: 'binary',
    operator: 'or',
    left: { kind: 'not', operand: expression },
    right: { kind: 'isNull', operand: expression, negated: false },
  };
}

async function exampleOf(
  ctx: TableContext,
  table: Snapshot,
  files: readonly AddFile[],
  { sql, columns }: RowRule,
  { session, signal }: RuleOptions,
): Promise<Row | null> {
  const engine = await session.open();
  const stage = await LocalStage.open();
  try {
    const relations = await tableRelations(ctx, stage, table, { files, columns });
    const rows = relationSql(relations, {
      schema: columns,
      partitionColumns: table.partitionColumns,
      mapping: mappingOf(table),
    });
    const list = columns.fields.map(({ name }) => identifier(name));
    const select =
      `SELECT ${list.length === 0 ? 'NULL' : list.join(', ')} FROM (${rows}) AS "rows" ` +
      `WHERE NOT coalesce(${sql}, FALSE) LIMIT 1`;
    const statement = signal === undefined ? {} : { signal };
    for await (const chunk of engine.stream(select, statement)) {
      if (chunk.rowCount > 0) return rowReader(columns)(chunk.columns, 0);
    }
    return null;
  } finally {
    await stage.close();
  }
}
