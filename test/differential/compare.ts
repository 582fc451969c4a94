/** What is compared of two tables, and of two lists of changes. */

import { type StructType, typeName } from '../../src/schema/index.ts';
import { textOf } from './lines.ts';
import type { Change } from './model-table.ts';
import { Mismatch } from './witness.ts';

const KINDS = ['insert', 'delete', 'update_preimage', 'update_postimage'] as const;

export function kindOf(value: unknown): Change['kind'] {
  const kind = KINDS.find((each) => each === value);
  if (kind === undefined) throw new Mismatch(`a change is ${String(value)}`);
  return kind;
}

/** Of rows that are updated to what they were nothing need be told. */
export function changeLines(changes: readonly Change[], schema: StructType): readonly string[] {
  const updated = { update_preimage: -1, update_postimage: 1, insert: 0, delete: 0 } as const;
  const sums = new Map<string, number>();
  const lines: string[] = [];
  for (const { kind, row } of changes) {
    const text = textOf(row, schema);
    if (updated[kind] === 0) lines.push(`${kind} ${text}`);
    else sums.set(text, (sums.get(text) ?? 0) + updated[kind]);
  }
  return [...lines, ...summed(sums)].sort();
}

/** What is more, and what is less, whichever rows went and came again. */
export function netOf(changes: readonly Change[], schema: StructType): readonly string[] {
  const sums = new Map<string, number>();
  for (const { kind, row } of changes) {
    const text = textOf(row, schema);
    const isMore = kind === 'insert' || kind === 'update_postimage';
    sums.set(text, (sums.get(text) ?? 0) + (isMore ? 1 : -1));
  }
  return summed(sums).sort();
}

function summed(sums: ReadonlyMap<string, number>): string[] {
  return [...sums].flatMap(([text, sum]) =>
    sum === 0 ? [] : [`${sum > 0 ? '+' : ''}${sum} ${text}`],
  );
}

export function columnsText({ fields }: StructType): string {
  return fields
    .map(({ name, type, nullable }) => `${name} ${typeName(type)}${nullable ? '' : ' not null'}`)
    .join(', ');
}

const SHOWN = 5;

export function sameLines(
  what: string,
  found: readonly string[],
  expected: readonly string[],
): void {
  const extra = without(found, expected);
  const missing = without(expected, found);
  if (extra.length + missing.length === 0) return;
  const list = (lines: readonly string[]): string =>
    lines
      .slice(0, SHOWN)
      .map((line) => `\n    ${line}`)
      .join('');
  throw new Mismatch(
    `${what} are others: ${found.length} of ${expected.length}` +
      (missing.length === 0 ? '' : `\n  missing (${missing.length}):${list(missing)}`) +
      (extra.length === 0 ? '' : `\n  too many (${extra.length}):${list(extra)}`),
  );
}

/** Lines that the others have not, each as often as it is more often there. */
function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}
