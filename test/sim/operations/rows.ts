/** Rows of a simulated table, and what operations make of them. */

import type { DeltaTable } from '../../../src/table/delta-table.ts';

export interface SimRow {
  readonly id: string;
  readonly part: string;
  readonly n: number;
}

export type Rows = readonly SimRow[];

/** The rows behind an operation, from those before it and those of older versions. */
export type Change = (rows: Rows, rowsAt: (version: number) => Rows) => Rows;

export function rowOf(row: Readonly<Record<string, unknown>>): SimRow {
  return { id: String(row['id']), part: String(row['part']), n: Number(row['n']) };
}

/** All rows of the version that a table stands at. */
export async function rowsOf(table: DeltaTable): Promise<Rows> {
  const rows: SimRow[] = [];
  for await (const row of table.scan()) rows.push(rowOf(row));
  return rows;
}

/** The same for the same rows in any order. */
export function rowsText(rows: Rows): string {
  return rows
    .map(({ id, part, n }) => `${id} ${part} ${n}`)
    .sort()
    .join('\n');
}

/** What one has and the other has not, in few words. */
export function differenceOf(found: Rows, wanted: Rows): string {
  const [there, meant] = [found, wanted].map((rows) => rowsText(rows).split('\n'));
  const lacking = without(meant ?? [], there ?? []);
  const extra = without(there ?? [], meant ?? []);
  const told = (lines: readonly string[]): string =>
    `${lines.slice(0, 4).join(', ')}${lines.length > 4 ? `, … (${lines.length})` : ''}`;
  return `lacks [${told(lacking)}], and has [${told(extra)}] instead`;
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}
