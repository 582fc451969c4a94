/** Rows of the tables of the matrix, and what is known before and after an operation. */

import type { Row } from '../../../src/schema/index.ts';
import type { DeltaTable } from '../../../src/table/index.ts';

/** The row of an id: even ones are in the group `b`. */
export function plainRow(id: number, values: Row = {}): Row {
  const grp = id % 2 === 0 ? 'b' : 'a';
  return { id: BigInt(id), grp, n: id, v: BigInt(id * 10), note: `row ${id}`, ...values };
}

/** What the table held before the operation. */
export interface Before {
  readonly version: number;
  readonly rows: readonly Row[];
  /** By what is in a row; none where the table gives none. */
  readonly ids: ReadonlyMap<string, unknown>;
}

/** A table after an operation that worked. */
export interface Checked {
  readonly table: DeltaTable;
  readonly before: Before;
  /** All of its rows. */
  readonly after: readonly Row[];
  /** Whether it is the table that the operation was called on, with its log. */
  readonly isSame: boolean;
}

/** A row as text: without nulls, and numbers alike whatever their type. */
export function textOf(row: Row): string {
  const values = Object.entries(row).filter(([, value]) => (value ?? null) !== null);
  const ordered = values.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(ordered, (_key, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
}

/** A row without some of its columns. */
export function without(row: Row, ...names: readonly string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

/** The columns that every table has, of rows that may have more. */
export function base(rows: readonly Row[], columns: readonly string[]): readonly Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name] ?? null])));
}
