/** Which rows an overwrite replaces. */

import { present } from '../../src/base/index.ts';
import type { Row } from '../../src/schema/index.ts';
import { compareValues, isTrue } from './expressions.ts';
import { textOf } from './lines.ts';
import { type ModelTable, NULL_CODES, refused, type Verdict } from './model-table.ts';
import { fieldAt, readsOnly } from './model-rows.ts';
import type { OverwriteStep } from './program.ts';

export function replacedBy(
  table: ModelTable,
  { where, using, dynamic }: OverwriteStep,
  came: readonly Row[],
): readonly Row[] | Exclude<Verdict, { kind: 'done' }> {
  const { rows, schema, partitionBy } = table;
  if (where !== undefined) {
    if (!readsOnly(schema, where)) return { kind: 'unfit' };
    if (!came.every((row) => isTrue(where, row))) return refused('REPLACE_MISMATCH', ...NULL_CODES);
    return rows.filter((row) => isTrue(where, row));
  }
  if (using !== undefined) {
    if (!using.every((name) => fieldAt(schema, [name]) !== null)) return { kind: 'unfit' };
    return rows.filter((row) => came.some((other) => sameKey(table, using, [row, other])));
  }
  if (dynamic !== true || partitionBy.length === 0) return rows;
  const partitions = new Set(came.map((row) => partitionOf(table, row)));
  return rows.filter((row) => partitions.has(partitionOf(table, row)));
}

/** A key with a null in it is like no other. */
function sameKey(
  { schema }: ModelTable,
  using: readonly string[],
  [left, right]: readonly [Row, Row],
): boolean {
  return using.every((name) => {
    const [a, b] = [left[name] ?? null, right[name] ?? null];
    const { type } = present(fieldAt(schema, [name]), 'a key');
    return a !== null && b !== null && compareValues(a, b, type) === 0;
  });
}

function partitionOf({ schema, partitionBy }: ModelTable, row: Row): string {
  const fields = schema.fields.filter(({ name }) => partitionBy.includes(name));
  return textOf(row, { ...schema, fields });
}
